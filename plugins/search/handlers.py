"""The command, plain words in a private chat, and the buttons of result lists."""

from __future__ import annotations

import math
from typing import cast

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from plugins.search import facets, service, views, vocabulary
from plugins.search.asking import Answer, Asker
from plugins.search.query import Query, parse
from plugins.search.results import ResultList
from plugins.search.settings import Settings
from plugins.search.views import (
    Again,
    Content,
    Drop,
    Forget,
    Help,
    Link,
    Look,
    Mend,
    Narrow,
    Pick,
    Send,
    Show,
    Try,
    Turn,
)
from plugram import Context, FileLibrary, Person, Scope, Translate, UserError, buttons

OfList = Turn | Look | Narrow | Pick | Drop | Mend | Again
"""The buttons below a list of results."""

_NO_PREVIEW = {"is_disabled": True}
_MINUTE = 60.0


def router() -> Router:
    """A new router: aiogram binds each to one dispatcher for good."""
    router = Router(name="search")
    router.message.register(command, Command("search"))
    router.message.register(words, F.text, ~F.text.startswith("/"), F.chat.type == "private")
    router.callback_query.register(turn, Turn.filter())
    router.callback_query.register(look, Look.filter())
    router.callback_query.register(narrow, Narrow.filter())
    router.callback_query.register(pick, Pick.filter())
    router.callback_query.register(drop, Drop.filter())
    router.callback_query.register(mend, Mend.filter())
    router.callback_query.register(again, Again.filter())
    router.callback_query.register(forget, Forget.filter())
    router.callback_query.register(help_, Help.filter())
    router.callback_query.register(try_, Try.filter())
    router.callback_query.register(send, Send.filter())
    router.callback_query.register(link, Link.filter())
    router.callback_query.register(show, Show.filter())
    return router


# -- asking ---------------------------------------------------------------------------------------


async def command(
    message: Message,
    command: CommandObject,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    typed = (command.args or "").strip()
    if not typed:
        asker = _asker(ctx, person, scope, message)
        recent = await service.of(ctx).asking.recent(asker)
        await _send(message, ctx, views.usage(t, person, recent))
    elif vocabulary.plain(typed) in vocabulary.HELP_NAMES:
        await _send(message, ctx, views.help_page(t))
    else:
        await _search(message, ctx, t, person, scope, parse(typed))


async def words(message: Message, ctx: Context, t: Translate, person: Person, scope: Scope) -> None:
    await _search(message, ctx, t, person, scope, parse(message.text or ""))


async def again(
    query: CallbackQuery,
    callback_data: Again,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    kept, _ = await _taken(query, callback_data, ctx, person, scope)
    await _search(_message(query), ctx, t, person, scope, kept.query)
    await query.answer()


async def try_(
    query: CallbackQuery,
    callback_data: Try,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    asked = parse(views.example(t, callback_data.example))
    await _search(_message(query), ctx, t, person, scope, asked)
    await query.answer()


async def help_(query: CallbackQuery, ctx: Context, t: Translate) -> None:
    await _send(_message(query), ctx, views.help_page(t))
    await query.answer()


async def forget(
    query: CallbackQuery,
    callback_data: Forget,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    if callback_data.person != person.id:
        raise UserError("search-not-yours")
    await service.of(ctx).asking.forget(_asker(ctx, person, scope, _message(query)))
    await _show(query, ctx, views.forgotten(t))


# -- lists ----------------------------------------------------------------------------------------


async def turn(
    query: CallbackQuery,
    callback_data: Turn,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    kept, asker = await _taken(query, callback_data, ctx, person, scope)
    page = await service.of(ctx).asking.turn(asker, kept, callback_data.page)
    await _show(query, ctx, views.answer(t, person, page))


async def look(
    query: CallbackQuery,
    callback_data: Look,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    asking = service.of(ctx).asking
    kept, asker = await _taken(query, callback_data, ctx, person, scope)
    closer = await asking.look(asker, kept, callback_data.file)
    if closer is None:
        raise UserError("search-file-gone")
    page = await asking.turn(asker, kept, asking.page_of(closer.result.number))
    links = ctx.require(FileLibrary).gives_links()
    await _show(query, ctx, views.closer(t, person, page, closer, links=links))


async def narrow(
    query: CallbackQuery,
    callback_data: Narrow,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    asking, message = service.of(ctx).asking, _message(query)
    kept, asker = await _taken(query, callback_data, ctx, person, scope)
    facet = views.facet_named(callback_data.facet)
    if facet is None:
        rows = views.panel(t, person, await asking.panel(asker, kept))
    else:
        if facets.without(kept.query, facet) != kept.query:  # its options have to be searched for
            await _take_turn(ctx, person)
        rows = views.menu(t, person, await asking.menu(asker, kept, facet))
    await ctx.telegram.edit_buttons(message.chat.id, message.message_id, rows)
    await query.answer()


async def pick(
    query: CallbackQuery,
    callback_data: Pick,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    asking = service.of(ctx).asking
    kept, asker = await _taken(query, callback_data, ctx, person, scope)
    facet = views.facet_named(callback_data.facet)
    menu = await asking.menu(asker, kept, facet) if facet else None
    options = menu.options if menu else ()
    chosen = next((one for one in options if one.digest == callback_data.option), None)
    if facet is None or chosen is None:
        raise UserError("search-option-gone")
    await _change(query, ctx, t, asker, kept, facets.toggled(kept.query, facet, chosen))


async def drop(
    query: CallbackQuery,
    callback_data: Drop,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    kept, asker = await _taken(query, callback_data, ctx, person, scope)
    every = not callback_data.term
    gone = [one for one in kept.query.terms if every or facets.digest(one) == callback_data.term]
    await _change(query, ctx, t, asker, kept, kept.query.without(*gone))


async def mend(
    query: CallbackQuery,
    callback_data: Mend,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    kept, asker = await _taken(query, callback_data, ctx, person, scope)
    if not 0 <= callback_data.hint < len(kept.query.hints):
        raise UserError("search-option-gone")
    meant = views.mended(kept.query, kept.query.hints[callback_data.hint])
    await _change(query, ctx, t, asker, kept, meant)


# -- files ----------------------------------------------------------------------------------------


async def send(query: CallbackQuery, callback_data: Send, ctx: Context, scope: Scope) -> None:
    if query.message is not None:
        await ctx.require(FileLibrary).send(scope, callback_data.file, query.message.chat.id)
    await query.answer()


async def link(
    query: CallbackQuery, callback_data: Link, ctx: Context, t: Translate, scope: Scope
) -> None:
    if query.message is not None:
        library = ctx.require(FileLibrary)
        await library.offer_link(scope, callback_data.file, query.message.chat.id, t.language)
    await query.answer()


async def show(
    query: CallbackQuery, callback_data: Show, ctx: Context, t: Translate, scope: Scope
) -> None:
    file = await ctx.require(FileLibrary).get(scope, callback_data.file)
    if file is None:
        raise UserError("search-file-gone")
    sent = await ctx.telegram.send(
        file.chat_id, t("search-original", name=file.name), reply_to=file.message_id
    )
    if "reply_to_message" not in sent:  # deleted meanwhile: there is nothing to lead to
        await ctx.telegram.edit(
            file.chat_id, sent["message_id"], t("search-original-gone", name=file.name)
        )
    await query.answer()


# -- inside ---------------------------------------------------------------------------------------


def _asker(ctx: Context, person: Person, scope: Scope, message: Message) -> Asker:
    return Asker(person, scope, message.chat.id, ctx.require(FileLibrary), ctx.people.get)


def _message(query: CallbackQuery) -> Message:
    if query.message is None:  # Telegram doesn't tell any more what the button is on
        raise UserError("search-expired")
    return cast("Message", query.message)


async def _taken(
    query: CallbackQuery, pressed: OfList, ctx: Context, person: Person, scope: Scope
) -> tuple[ResultList, Asker]:
    """Somebody's own list and who asks. In a group everybody sees the buttons, and would change
    what another one reads."""
    kept = await service.of(ctx).asking.get(scope, pressed.results)
    if kept is None:
        raise UserError("search-expired")
    if kept.person_id != person.id:
        raise UserError("search-not-yours")
    return kept, _asker(ctx, person, scope, _message(query))


async def _take_turn(ctx: Context, person: Person) -> None:
    """Raises UserError if somebody searches faster than the setting allows."""
    limit = ctx.config(Settings).searches_per_minute
    wait = await ctx.cache.take(f"searches:{person.id}", limit, per=_MINUTE)
    if wait > 0:
        raise UserError("search-too-fast", seconds=math.ceil(wait))


async def _search(
    message: Message, ctx: Context, t: Translate, person: Person, scope: Scope, asked: Query
) -> None:
    """Answer with the first page of what is found, or why there is nothing."""
    await _take_turn(ctx, person)
    with ctx.metrics.timing("search"):
        told = await service.of(ctx).asking.ask(_asker(ctx, person, scope, message), asked)
    await _send(message, ctx, _content(t, person, told))


async def _change(
    query: CallbackQuery, ctx: Context, t: Translate, asker: Asker, kept: ResultList, asked: Query
) -> None:
    """The same list of another query, in its place."""
    await _take_turn(ctx, asker.person)
    with ctx.metrics.timing("search"):
        told = await service.of(ctx).asking.change(asker, kept, asked)
    await _show(query, ctx, _content(t, asker.person, told))


def _content(t: Translate, person: Person, told: Answer) -> Content:
    if told.page is not None:
        return views.answer(t, person, told.page)
    return views.nothing(t, person, told)


async def _send(message: Message, ctx: Context, content: Content) -> None:
    await ctx.telegram.call(
        "sendMessage",
        {
            "chat_id": message.chat.id,
            "message_thread_id": message.message_thread_id if message.is_topic_message else None,
            **_fields(content),
        },
    )


async def _show(query: CallbackQuery, ctx: Context, content: Content) -> None:
    """In place of the message whose button was pressed."""
    message = _message(query)
    await ctx.telegram.call(
        "editMessageText",
        {
            "chat_id": message.chat.id,
            "message_id": message.message_id,
            **_fields(content),
        },
    )
    await query.answer()


def _fields(content: Content) -> dict[str, object]:
    return {
        "text": content.text,
        "parse_mode": "HTML",
        "link_preview_options": _NO_PREVIEW,
        "reply_markup": buttons(content.rows) if content.rows else None,
    }
