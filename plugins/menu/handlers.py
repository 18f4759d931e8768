"""The menu's commands and buttons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiogram import F, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from plugins.menu import groups, service, timezones, views
from plugins.menu.jobs import publish
from plugins.menu.views import Choose, Open, Page, Pick, Speak, Zone
from plugram import Button, Context, Person, Translate

SETTINGS = "settings"
"""Of the link t.me/<bot>?start=settings."""


class Asking(StatesGroup):
    city = State()


def build() -> Router:
    """A new router: aiogram binds each to one dispatcher for good."""
    router = Router(name="menu")
    router.include_routers(groups.build(), _own())  # a group's buttons are asked for first
    return router


def _own() -> Router:
    """Commands, and what people choose for themselves."""
    router = Router(name="menu of a person")
    router.message.register(cancel, Command("cancel"))
    router.message.register(start, CommandStart())
    router.message.register(help_, Command("help"))
    router.message.register(settings, Command("settings"))
    router.message.register(typed_city, Asking.city, F.text, ~F.text.startswith("/"))
    router.callback_query.register(open_page, Open.filter())
    router.callback_query.register(speak, Speak.filter())
    router.callback_query.register(choose_zone, Zone.filter())
    router.callback_query.register(pick, Pick.filter())
    router.callback_query.register(choose, Choose.filter())
    return router


# -- commands -------------------------------------------------------------------------------------


async def start(
    message: Message, command: CommandObject, ctx: Context, t: Translate, person: Person
) -> None:
    if command.args == SETTINGS:
        await settings(message, ctx, t, person)
    else:
        await _greet(message, ctx, views.start(ctx, t, person, _place(message, person)))


async def help_(message: Message, ctx: Context, t: Translate, person: Person) -> None:
    await _greet(message, ctx, views.help_page(ctx, t, person, _place(message, person)))


async def settings(message: Message, ctx: Context, t: Translate, person: Person) -> None:
    if _chat(message) == "group":
        name = (await ctx.telegram.call("getMe"))["username"]
        link = Button(t.plain("menu-button-private"), url=f"https://t.me/{name}?start={SETTINGS}")
        if await groups.may_choose(ctx, message):
            page = await views.group_settings(ctx, t, message.chat.id)
        else:
            page = Page(t("menu-settings-private"))
        await _answer(message, ctx, Page(page.text, [*page.rows, [link]]))
    else:
        await _answer(message, ctx, await views.settings(ctx, t, person))


async def cancel(message: Message, ctx: Context, t: Translate, state: FSMContext) -> None:
    """End the dialogs of all plugins: a person doesn't know which one is waiting."""
    ended = False
    for plugin in ctx.plugins():
        dialog = FSMContext(state.storage, replace(state.key, destiny=plugin.id))
        if await dialog.get_state() is not None or await dialog.get_data():
            await dialog.clear()
            ended = True
    key = "menu-cancelled" if ended else "menu-nothing-to-cancel"
    await _answer(message, ctx, Page(t(key)))


async def typed_city(
    message: Message, ctx: Context, t: Translate, person: Person, state: FSMContext
) -> None:
    """What is no place is somebody else's: who writes it has stopped answering."""
    place = message.text or ""
    names = timezones.find(place)
    if len(names) == 1:
        await state.clear()
        person = await ctx.people.set_timezone(person.id, names[0])
        await _answer(message, ctx, views.zone_set(t, person))
    elif names:
        await _answer(message, ctx, views.found(t, place, names))
    elif timezones.may_be_place(place):
        # Or a search of somebody who thought better of it: others see it too.
        await _answer(message, ctx, views.found(t, place, names))
        raise SkipHandler
    else:
        await state.clear()
        raise SkipHandler


# -- buttons --------------------------------------------------------------------------------------


async def open_page(
    query: CallbackQuery,
    callback_data: Open,
    ctx: Context,
    t: Translate,
    person: Person,
    state: FSMContext,
) -> None:
    # Whoever presses another button doesn't type a city any more.
    await (state.set_state(Asking.city) if callback_data.page == "city" else state.clear())
    pages = {
        "language": lambda: views.languages(ctx, t, person),
        "zone": lambda: views.zones(t, person),
        "city": lambda: views.city(t),
        "close": lambda: views.closed(t, person),
    }
    page = pages.get(callback_data.page)
    await views.show(query, ctx, page() if page else await views.settings(ctx, t, person))


async def speak(
    query: CallbackQuery, callback_data: Speak, ctx: Context, t: Translate, person: Person
) -> None:
    code = callback_data.code
    if code != "auto" and code not in ctx.i18n.languages:
        await ctx.telegram.answer_callback(query.id, t.plain("menu-gone"))
        return
    person = await ctx.people.set_language(person.id, "" if code == "auto" else code)
    t = ctx.translate(person.language)
    await views.show(query, ctx, await views.settings(ctx, t, person), t.plain("menu-saved"))


async def choose_zone(
    query: CallbackQuery,
    callback_data: Zone,
    ctx: Context,
    t: Translate,
    person: Person,
    state: FSMContext,
) -> None:
    await state.clear()
    person = await ctx.people.set_timezone(person.id, callback_data.name)
    await views.show(query, ctx, await views.settings(ctx, t, person), t.plain("menu-saved"))


async def pick(
    query: CallbackQuery, callback_data: Pick, ctx: Context, t: Translate, person: Person
) -> None:
    place = service.private(person)
    found = service.find_preference(ctx, place, callback_data.plugin, callback_data.preference)
    if found is None:
        await ctx.telegram.answer_callback(query.id, t.plain("menu-gone"))
    else:
        await views.show(query, ctx, await views.choices(ctx, t, person.id, *found))


async def choose(
    query: CallbackQuery, callback_data: Choose, ctx: Context, t: Translate, person: Person
) -> None:
    place = service.private(person)
    found = service.find_preference(ctx, place, callback_data.plugin, callback_data.preference)
    if found is None or not 0 <= callback_data.choice < len(found[1].choices):
        await ctx.telegram.answer_callback(query.id, t.plain("menu-gone"))
        return
    plugin, preference = found
    choice = preference.choices[callback_data.choice]
    await ctx.people.set_preference(person.id, plugin.id, preference.name, choice)
    await views.show(query, ctx, await views.settings(ctx, t, person), t.plain("menu-saved"))


# -- inside ---------------------------------------------------------------------------------------


def _chat(message: Message) -> service.Chat:
    return "private" if message.chat.type == "private" else "group"


def _place(message: Message, person: Person) -> service.Place:
    return service.Place(_chat(message), person.id, message.chat.id)


async def _greet(message: Message, ctx: Context, page: Page) -> None:
    """Say what there is; the command menu of the chat is to show the same."""
    await _answer(message, ctx, page)
    chat = message.chat.id
    if await service.is_out_of_date(ctx, chat):
        await ctx.jobs.enqueue(publish, {"chat": chat}, key=f"publish:{chat}")


async def _answer(message: Message, ctx: Context, page: Page) -> None:
    options: dict[str, Any] = {"buttons": page.rows} if page.rows else {}
    if message.is_topic_message:
        options["thread_id"] = message.message_thread_id
    await ctx.telegram.send(message.chat.id, page.text, **options)
