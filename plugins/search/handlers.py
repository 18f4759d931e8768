"""The command, plain words in a private chat, and the buttons of result lists."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from plugins.search import service, views
from plugins.search.views import Content, Send, Show, Turn
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
        await _answer(message, ctx, await _found(ctx, t, person, scope, command.args))
    else:
        await _answer(message, ctx, Content(t("search-usage")))


async def words(message: Message, ctx: Context, t: Translate, person: Person, scope: Scope) -> None:
    await _answer(message, ctx, await _found(ctx, t, person, scope, message.text or ""))


async def turn(
    query: CallbackQuery,
    callback_data: Turn,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    page = await service.of(ctx).turn(
        scope, callback_data.results, callback_data.page, ctx.require(FileLibrary)
    )
    if page is None or query.message is None:
        raise UserError("search-expired")
    await ctx.telegram.call(
        "editMessageText",
        {
            "chat_id": query.message.chat.id,
            "message_id": query.message.message_id,
            **_fields(views.answer(t, person, page)),
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
    sent = await ctx.telegram.send(
        file.chat_id, t("search-original", name=file.name), reply_to=file.message_id
    )
    if "reply_to_message" not in sent:  # deleted meanwhile: there is nothing to lead to
        await ctx.telegram.edit(
            file.chat_id, sent["message_id"], t("search-original-gone", name=file.name)
        )
    await query.answer()


async def _found(ctx: Context, t: Translate, person: Person, scope: Scope, text: str) -> Content:
    """The first page of what was found, or why there is none."""
    files = ctx.require(FileLibrary)
    with ctx.metrics.timing("search"):
        found, page = await service.of(ctx).ask(scope, person.id, text, files)
    if page is not None:
        return views.answer(t, person, page)
    return views.nothing(t, found, reading=found.empty and bool(await files.count(scope)))


async def _answer(message: Message, ctx: Context, content: Content) -> None:
    await ctx.telegram.call(
        "sendMessage",
        {
            "chat_id": message.chat.id,
            "message_thread_id": message.message_thread_id if message.is_topic_message else None,
            **_fields(content),
        },
    )


def _fields(content: Content) -> dict[str, object]:
    keyboard = [[button.as_dict() for button in row] for row in content.rows]
    return {
        "text": content.text,
        "parse_mode": "HTML",
        "link_preview_options": _NO_PREVIEW,
        "reply_markup": {"inline_keyboard": keyboard} if keyboard else None,
    }
