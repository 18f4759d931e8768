"""The menu in groups: a greeting, and what their administrators choose for all."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import JOIN_TRANSITION, ChatMemberUpdatedFilter
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message

from plugins.menu import service, views
from plugins.menu.views import Choose, Open, Pick, Speak
from plugram import Context, Forbidden, Translate

_TYPES = {"group", "supergroup"}
_HERE = F.message.chat.type.in_(_TYPES)


def build() -> Router:
    router = Router(name="menu in groups")
    added = ChatMemberUpdatedFilter(JOIN_TRANSITION)
    router.my_chat_member.register(greet, added, F.chat.type.in_(_TYPES))
    router.callback_query.register(open_page, Open.filter(), _HERE)
    router.callback_query.register(speak, Speak.filter(), _HERE)
    router.callback_query.register(pick, Pick.filter(), _HERE)
    router.callback_query.register(choose, Choose.filter(), _HERE)
    return router


async def may_choose(ctx: Context, message: Message) -> bool:
    """Whether who wrote in a group chooses for it. Administrators may write in the group's name."""
    if message.sender_chat is not None:
        return message.sender_chat.id == message.chat.id
    sender = message.from_user
    return sender is not None and await service.administers(ctx, message.chat.id, sender.id)


async def greet(event: ChatMemberUpdated, ctx: Context, t: Translate) -> None:
    """Somebody added the bot. A group that lets nobody write hears nothing."""
    hears = await service.hears_everything(ctx, event.new_chat_member.status)
    place = service.Place("group", event.from_user.id, event.chat.id)
    page = views.joined(ctx, t, event.chat.title or "", place, hears_everything=hears)
    try:
        await ctx.telegram.send(event.chat.id, page.text, buttons=page.rows)
    except Forbidden:
        ctx.log.info("added to a group that may not be written in", chat=event.chat.id)


# -- buttons --------------------------------------------------------------------------------------


async def open_page(query: CallbackQuery, callback_data: Open, ctx: Context, t: Translate) -> None:
    chat_id = await _chosen_for(query, ctx, t)
    if chat_id is None:
        return
    if callback_data.page == "language":
        page = await views.group_languages(ctx, t, chat_id)
    else:
        page = await views.group_settings(ctx, t, chat_id)
        if callback_data.page == "close":
            page = views.Page(page.text)
    await views.show(query, ctx, page)


async def speak(query: CallbackQuery, callback_data: Speak, ctx: Context, t: Translate) -> None:
    chat_id = await _chosen_for(query, ctx, t)
    if chat_id is None:
        return
    code = "" if callback_data.code == "auto" else callback_data.code
    if code and code not in ctx.i18n.languages:
        await ctx.telegram.answer_callback(query.id, t.plain("menu-gone"))
        return
    await ctx.people.set_group_language(chat_id, code)
    t = ctx.translate(code or t.language)
    await views.show(query, ctx, await views.group_settings(ctx, t, chat_id), t.plain("menu-saved"))


async def pick(query: CallbackQuery, callback_data: Pick, ctx: Context, t: Translate) -> None:
    chat_id = await _chosen_for(query, ctx, t)
    if chat_id is None:
        return
    found = service.find_preference(
        ctx, _place(chat_id), callback_data.plugin, callback_data.preference
    )
    if found is None:
        await ctx.telegram.answer_callback(query.id, t.plain("menu-gone"))
    else:
        await views.show(query, ctx, await views.choices(ctx, t, chat_id, *found))


async def choose(query: CallbackQuery, callback_data: Choose, ctx: Context, t: Translate) -> None:
    chat_id = await _chosen_for(query, ctx, t)
    if chat_id is None:
        return
    found = service.find_preference(
        ctx, _place(chat_id), callback_data.plugin, callback_data.preference
    )
    if found is None or not 0 <= callback_data.choice < len(found[1].choices):
        await ctx.telegram.answer_callback(query.id, t.plain("menu-gone"))
        return
    plugin, preference = found
    choice = preference.choices[callback_data.choice]
    await ctx.people.set_preference(chat_id, plugin.id, preference.name, choice)
    await views.show(query, ctx, await views.group_settings(ctx, t, chat_id), t.plain("menu-saved"))


def _place(chat_id: int) -> service.Place:
    return service.Place("group", chat=chat_id)


async def _chosen_for(query: CallbackQuery, ctx: Context, t: Translate) -> int | None:
    """The group whose button was pressed; None, and they are told, if they may not choose."""
    if query.message is None:
        return None
    chat_id = query.message.chat.id
    if await service.administers(ctx, chat_id, query.from_user.id):
        return chat_id
    await ctx.telegram.answer_callback(query.id, t.plain("menu-admins-only"), alert=True)
    return None
