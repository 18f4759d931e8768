"""The command, plain words in a private chat, and the buttons of result lists."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from plugins.search import service, views
from plugins.search.service import ResultList
from plugins.search.settings import Settings
from plugins.search.views import Page, Result, Send, Show, Turn
from plugram import Context, FileLibrary, Person, Scope, Translate, UserError

_NO_PREVIEW = {"is_disabled": True}


def router() -> Router:
    """A new router: aiogram binds each to one dispatcher for good."""
    router = Router(name="search")
    router.message.register(command, Command("search"))
    router.message.register(words, F.text, ~F.text.startswith("/"), F.chat.type == "private")
    router.callback_query.register(turn, Turn.filter())
    router.callback_query.register(send, Send.filter())
    router.callback_query.register(show, Show.filter())
    return router


async def command(
    message: Message,
    command: CommandObject,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    if command.args:
        await _answer(message, ctx, await found(ctx, t, person, scope, command.args))
    else:
        await _answer(message, ctx, Page(t("search-usage")))


async def words(message: Message, ctx: Context, t: Translate, person: Person, scope: Scope) -> None:
    await _answer(message, ctx, await found(ctx, t, person, scope, message.text or ""))


async def turn(
    query: CallbackQuery,
    callback_data: Turn,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    results = await service.of(ctx).results(scope, callback_data.results)
    if results is None or query.message is None:
        raise UserError("search-expired")
    page = await shown(ctx, t, person, results, callback_data.page)
    await ctx.telegram.call(
        "editMessageText",
        {
            "chat_id": query.message.chat.id,
            "message_id": query.message.message_id,
            **_content(page),
        },
    )
    await query.answer()


async def send(query: CallbackQuery, callback_data: Send, ctx: Context, scope: Scope) -> None:
    if query.message is not None:
        await ctx.require(FileLibrary).send(scope, callback_data.file, query.message.chat.id)
    await query.answer()


async def show(
    query: CallbackQuery, callback_data: Show, ctx: Context, t: Translate, scope: Scope
) -> None:
    file = await ctx.require(FileLibrary).get(scope, callback_data.file)
    if file is None:
        raise UserError("search-file-gone")
    await ctx.telegram.send(
        file.chat_id, t("search-original", name=file.name), reply_to=file.message_id
    )
    await query.answer()


async def found(ctx: Context, t: Translate, person: Person, scope: Scope, text: str) -> Page:
    """The first page of what was found, or why there is none."""
    answer, results = await service.of(ctx).ask(scope, person.id, text)
    if results is None:
        return views.nothing(t, answer)
    return await shown(ctx, t, person, results, 1)


async def shown(ctx: Context, t: Translate, person: Person, results: ResultList, page: int) -> Page:
    """A page of a result list, from what is still there of it."""
    size = ctx.config(Settings).page_size
    page = min(max(page, 1), views.pages(results, size))
    hits = results.hits[(page - 1) * size : page * size]
    scope = Scope(results.scope)
    passages = await service.of(ctx).passages(scope, [hit.passage_id for hit in hits])
    files = await ctx.require(FileLibrary).get_many(scope, [hit.file_id for hit in hits])
    there = [
        Result(hit, passages[hit.passage_id], files[hit.file_id])
        for hit in hits
        if hit.passage_id in passages and hit.file_id in files
    ]
    return views.answer(t, person, results, there, page=page, page_size=size)


async def _answer(message: Message, ctx: Context, page: Page) -> None:
    await ctx.telegram.call(
        "sendMessage",
        {
            "chat_id": message.chat.id,
            "message_thread_id": message.message_thread_id if message.is_topic_message else None,
            **_content(page),
        },
    )


def _content(page: Page) -> dict[str, object]:
    keyboard = [[button.as_dict() for button in row] for row in page.rows]
    return {
        "text": page.text,
        "parse_mode": "HTML",
        "link_preview_options": _NO_PREVIEW,
        "reply_markup": {"inline_keyboard": keyboard} if keyboard else None,
    }
