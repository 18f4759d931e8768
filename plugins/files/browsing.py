"""/files and /tag: lists, cards, buttons, and the dialogs for names and tags."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiogram import F, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.filters import Command, CommandObject
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message
from aiogram.types import User as Sender

from plugins.files import catalogue, names, pages, repository, service
from plugins.files.catalogue import Shelf
from plugins.files.library import Library
from plugins.files.pages import Card, Choose, Do, Empty, Fresh, Open, Page, Toggle
from plugram import (
    BadRequest,
    BlobMissing,
    BlobStore,
    Context,
    FileLibrary,
    NotModified,
    Person,
    Scope,
    StorageError,
    Translate,
    Upload,
    UserError,
    buttons,
    escape,
)

if TYPE_CHECKING:
    from plugins.files.models import TelegramFile

_MAY_CHANGE_ALL = frozenset({"creator", "administrator"})


class Typing(StatesGroup):
    """What a person is about to type; `file` and `at` are remembered."""

    name = State()
    tags = State()


def build(*, groups: bool) -> Router:
    """A router for private chats and, if wanted, groups."""
    router = Router(name="browsing")
    here = F.chat.type.in_({"private", "group", "supergroup"} if groups else {"private"})
    router.message.register(files, Command("files"), here)
    router.message.register(tag, Command("tag"), here)
    router.message.register(typed_name, Typing.name, F.text, ~F.text.startswith("/"))
    router.message.register(typed_tags, Typing.tags, F.text, ~F.text.startswith("/"))
    router.message.register(hashtags, here, F.reply_to_message, F.text.func(names.is_only_hashtags))
    router.callback_query.register(open_list, Open.filter())
    router.callback_query.register(choose, Choose.filter())
    router.callback_query.register(open_card, Card.filter())
    router.callback_query.register(do, Do.filter())
    router.callback_query.register(fresh, Fresh.filter())
    router.callback_query.register(toggle, Toggle.filter())
    router.callback_query.register(empty, Empty.filter())
    return router


# -- commands -------------------------------------------------------------------------------------


async def files(
    message: Message, command: CommandObject, ctx: Context, t: Translate, scope: Scope
) -> None:
    """`/files`, `/files trash`, `/files #tax`."""
    wanted = (command.args or "").strip()
    shelf = Shelf()
    if wanted.casefold() in {"trash", t.plain("files-word-trash").casefold()}:
        shelf = Shelf(trash=True)
    elif wanted:
        tag = names.tags(wanted)[0]
        shelf = Shelf(tag=catalogue.mark(tag))
        if not await catalogue.tag_of(scope, shelf.tag):
            raise UserError("files-tag-unknown", tag=tag)
    await _answer(message, ctx, await _listed(ctx, t, scope, shelf))


async def tag(
    message: Message, command: CommandObject, ctx: Context, t: Translate, scope: Scope
) -> None:
    """`/tag tax, car` in reply to a file; `/tag -tax` takes one off."""
    words = (command.args or "").strip()
    if message.reply_to_message is None or not words:
        await _say(message, ctx, t("files-tag-usage"))
        return
    await _tag_replied(message, ctx, t, scope, words)


async def hashtags(message: Message, ctx: Context, t: Translate, scope: Scope) -> None:
    """A reply to a file that is nothing but #words. One to anything else isn't for us."""
    if await _replied_to(message, scope) is None:
        raise SkipHandler
    await _tag_replied(message, ctx, t, scope, message.text or "")


async def _tag_replied(
    message: Message, ctx: Context, t: Translate, scope: Scope, words: str
) -> None:
    file = await _replied_to(message, scope)
    if file is None or file.trashed_at is not None:
        await _say(message, ctx, t("files-tag-no-file"))
        return
    await _hold_right(ctx, message, message.from_user, file)
    tags = await service.of(ctx).keeper.tag(scope, file.id, *names.given_and_taken(words))
    await _say(message, ctx, _tagged(t, file, tags))


async def _replied_to(message: Message, scope: Scope) -> TelegramFile | None:
    replied = message.reply_to_message
    if replied is None:
        return None
    return await repository.by_message(scope, message.chat.id, replied.message_id)


def _tagged(t: Translate, file: TelegramFile, tags: tuple[str, ...]) -> str:
    if not tags:
        return t("files-tags-now-none", name=file.name)
    return t("files-tags-now", name=file.name, tags=" ".join(f"#{one}" for one in tags))


# -- dialogs --------------------------------------------------------------------------------------


async def typed_name(
    message: Message, ctx: Context, t: Translate, person: Person, scope: Scope, state: FSMContext
) -> None:
    """What is no name is told, and the dialog goes on."""
    file, at = await _talked_about(ctx, message, scope, state)
    await service.of(ctx).rename(scope, file, message.text or "")
    await state.clear()
    await _answer(message, ctx, await _card(ctx, t, person, scope, file.id, at))


async def typed_tags(
    message: Message, ctx: Context, t: Translate, person: Person, scope: Scope, state: FSMContext
) -> None:
    file, at = await _talked_about(ctx, message, scope, state)
    await service.of(ctx).keeper.tag(scope, file.id, names.tags(message.text or ""))
    await state.clear()
    await _answer(message, ctx, await _card(ctx, t, person, scope, file.id, at))


async def _talked_about(
    ctx: Context, message: Message, scope: Scope, state: FSMContext
) -> tuple[TelegramFile, str]:
    data = await state.get_data()
    file = await repository.held(scope, int(data.get("file", 0)))
    if file is None or file.trashed_at is not None:
        await state.clear()
        raise UserError("files-gone")
    await _hold_right(ctx, message, message.from_user, file)
    return file, str(data.get("at", ""))


# -- buttons --------------------------------------------------------------------------------------


async def open_list(
    query: CallbackQuery,
    callback_data: Open,
    ctx: Context,
    t: Translate,
    scope: Scope,
    state: FSMContext,
) -> None:
    await state.clear()  # whoever presses a button doesn't type any more
    await _show(query, ctx, await _listed(ctx, t, scope, Shelf.unpack(callback_data.at)))


async def choose(
    query: CallbackQuery, callback_data: Choose, ctx: Context, t: Translate, scope: Scope
) -> None:
    found = await catalogue.listing(scope, Shelf.unpack(callback_data.at), _size(ctx))
    if callback_data.what == "tag":
        page = pages.choose_tag(t, found, await catalogue.tags_in_use(ctx, scope))
    else:
        page = pages.choose_kind(t, found)
    await _show(query, ctx, page)


async def open_card(
    query: CallbackQuery,
    callback_data: Card,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
    state: FSMContext,
) -> None:
    await state.clear()
    file_id, at = callback_data.file, callback_data.at
    await _show(query, ctx, await _card(ctx, t, person, scope, file_id, at))


async def do(
    query: CallbackQuery,
    callback_data: Do,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
    state: FSMContext,
) -> None:
    await state.clear()
    at, place = callback_data.at, query.message
    file = await repository.held(scope, callback_data.file)
    if file is None or not isinstance(place, Message):
        await _show(query, ctx, pages.gone(t, at))
        return
    if callback_data.what in _READING:
        await _READING[callback_data.what](ctx, t, place, file)
        await query.answer()
        return
    await _hold_right(ctx, place, query.from_user, file)
    if callback_data.what in _ASKING:
        await state.set_state(_ASKING[callback_data.what])
        await state.set_data({"file": file.id, "at": at})
        await _ask_to_type(ctx, t, person, place, callback_data.what, file)
        await query.answer()
    elif (act := _ACTING.get(callback_data.what)) is not None:
        await _show(query, ctx, await act(ctx, t, person, file, at))


async def fresh(
    query: CallbackQuery, callback_data: Fresh, ctx: Context, t: Translate, scope: Scope
) -> None:
    await _show(query, ctx, await Library(ctx).link_page(scope, callback_data.file, t.language))


async def toggle(
    query: CallbackQuery, callback_data: Toggle, ctx: Context, t: Translate, scope: Scope
) -> None:
    file = await repository.held(scope, callback_data.file)
    name = await catalogue.tag_of(scope, callback_data.tag)
    if file is None or not isinstance(query.message, Message):
        await _show(query, ctx, pages.gone(t, callback_data.at))
        return
    await _hold_right(ctx, query.message, query.from_user, file)
    if name:
        has = name in await repository.tags(scope, file.id)
        change: tuple[list[str], list[str]] = ([], [name]) if has else ([name], [])
        await service.of(ctx).keeper.tag(scope, file.id, *change)
    await _show(query, ctx, await _tags_page(ctx, t, file, callback_data.at))


async def empty(
    query: CallbackQuery, callback_data: Empty, ctx: Context, t: Translate, scope: Scope
) -> None:
    if not isinstance(query.message, Message):
        return
    await _hold_right(ctx, query.message, query.from_user, None)
    lying = await repository.trashed_ids(scope)
    if callback_data.sure:
        page = pages.emptied(t, await service.of(ctx).keeper.purge(scope, lying))
    else:
        page = pages.ask_empty(t, len(lying))
    await _show(query, ctx, page)


# -- what buttons do ------------------------------------------------------------------------------

Act = Callable[[Context, Translate, Person, "TelegramFile", str], Awaitable[Page]]
Read = Callable[[Context, Translate, Message, "TelegramFile"], Awaitable[None]]


async def _send(ctx: Context, t: Translate, place: Message, file: TelegramFile) -> None:
    await ctx.require(FileLibrary).send(Scope(file.scope), file.id, place.chat.id)


async def _lead(ctx: Context, t: Translate, place: Message, file: TelegramFile) -> None:
    sent = await ctx.telegram.send(
        file.chat_id, t("files-original", name=file.name), reply_to=file.message_id
    )
    if "reply_to_message" not in sent:  # deleted meanwhile: there is nothing to lead to
        text = t("files-original-gone", name=file.name)
        await ctx.telegram.edit(file.chat_id, sent["message_id"], text)


async def _link(ctx: Context, t: Translate, place: Message, file: TelegramFile) -> None:
    library = ctx.require(FileLibrary)
    await library.offer_link(Scope(file.scope), file.id, place.chat.id, t.language)


async def _tags(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    return await _tags_page(ctx, t, file, at)


async def _delete(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    return pages.ask_delete(t, file, service.of(ctx).settings.trash_days, at)


async def _trash(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    files = service.of(ctx)
    await files.keeper.trash(Scope(file.scope), [file.id], person.id)
    return pages.trashed(t, file, files.settings.trash_days, at)


async def _undo(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    scope = Scope(file.scope)
    await service.of(ctx).keeper.restore(scope, [file.id])
    return await _card(ctx, t, person, scope, file.id, at)


async def _restore(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    """Back to the list of the files, where it is now."""
    return await _undo(ctx, t, person, file, Shelf().pack())


async def _erase(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    return pages.ask_erase(t, file, at)


async def _erased(ctx: Context, t: Translate, person: Person, file: TelegramFile, at: str) -> Page:
    """Only out of the trash: who asked may have an old message before them."""
    if file.trashed_at is None:
        return await _card(ctx, t, person, Scope(file.scope), file.id, at)
    await service.of(ctx).keeper.purge(Scope(file.scope), [file.id])
    return pages.erased(t, file, at)


_READING: dict[str, Read] = {"send": _send, "show": _lead, "link": _link}
_ASKING = {"rename": Typing.name, "type": Typing.tags}
_ACTING: dict[str, Act] = {
    "tags": _tags,
    "delete": _delete,
    "trash": _trash,
    "undo": _undo,
    "restore": _restore,
    "erase": _erase,
    "erased": _erased,
}


async def _ask_to_type(
    ctx: Context, t: Translate, person: Person, place: Message, what: str, file: TelegramFile
) -> None:
    text = t("files-ask-name" if what == "rename" else "files-ask-tags", name=file.name)
    params: dict[str, Any] = {
        "chat_id": place.chat.id,
        "message_thread_id": _thread(place),
        "text": text,
        "parse_mode": "HTML",
    }
    if place.chat.type != "private":
        # There a bot may read nothing but replies to it; whom it mentions is led to one.
        mention = f'<a href="tg://user?id={person.id}">{escape(person.name or person.id)}</a>'
        params["text"] = f"{mention}\n{text}"
        params["reply_markup"] = {"force_reply": True, "selective": True}
    await ctx.telegram.call("sendMessage", params)


# -- who may --------------------------------------------------------------------------------------


async def _hold_right(
    ctx: Context, place: Message, who: Sender | None, file: TelegramFile | None
) -> None:
    """In a group, its admins change all files and everybody else their own. Raises UserError."""
    if place.chat.type == "private" or who is None:
        return
    if file is not None and who.id == file.sender_id:
        return
    member = await ctx.telegram.call("getChatMember", {"chat_id": place.chat.id, "user_id": who.id})
    if member.get("status") not in _MAY_CHANGE_ALL:
        raise UserError("files-not-yours" if file is not None else "files-not-admin")


# -- pages ----------------------------------------------------------------------------------------


def _size(ctx: Context) -> int:
    return service.of(ctx).settings.page_size


async def _listed(ctx: Context, t: Translate, scope: Scope, shelf: Shelf) -> Page:
    found = await catalogue.listing(scope, shelf, _size(ctx))
    return pages.listing(t, found, service.of(ctx).settings.trash_days)


async def _tags_page(ctx: Context, t: Translate, file: TelegramFile, at: str) -> Page:
    scope = Scope(file.scope)
    has = await repository.tags(scope, file.id)
    return pages.tags(t, file, has, list(await catalogue.tags_in_use(ctx, scope, 100)), at)


async def _card(
    ctx: Context, t: Translate, person: Person, scope: Scope, file_id: int, at: str
) -> Page:
    found = await catalogue.details(scope, file_id)
    if found is None:
        return pages.gone(t, at)
    return pages.card(t, person, found, await service.of(ctx).card_facts(t, found.file), at)


# -- messages -------------------------------------------------------------------------------------


async def _say(message: Message, ctx: Context, text: str) -> None:
    await ctx.telegram.send(
        message.chat.id, text, reply_to=message.message_id, thread_id=_thread(message)
    )


def _thread(message: Message) -> int | None:
    return message.message_thread_id if message.is_topic_message else None


async def _answer(message: Message, ctx: Context, page: Page) -> None:
    """As a new message: with its picture, if that can be had."""
    if page.picture:
        with contextlib.suppress(BadRequest, BlobMissing, StorageError):
            await _send_picture(message, ctx, page)
            return
    await ctx.telegram.send(
        message.chat.id, page.text, buttons=page.rows, thread_id=_thread(message)
    )


async def _send_picture(message: Message, ctx: Context, page: Page) -> None:
    params: dict[str, Any] = {
        "chat_id": message.chat.id,
        "message_thread_id": _thread(message),
        "caption": page.text,
        "parse_mode": "HTML",
        "reply_markup": buttons(page.rows),
    }
    if "/" not in page.picture:
        await ctx.telegram.call("sendPhoto", params | {"photo": page.picture})
        return
    async with service.of(ctx).desk() as path:
        await ctx.require(BlobStore).fetch(page.picture, path)
        await ctx.telegram.call("sendPhoto", params, files={"photo": Upload(path, "preview.jpg")})


async def _show(query: CallbackQuery, ctx: Context, page: Page) -> None:
    """Turn the message whose button was pressed into another page. A text can't become a picture,
    nor the reverse: there the message is replaced."""
    place = query.message
    if isinstance(place, Message):
        if bool(place.photo) != bool(page.picture) and not page.anywhere:
            await _answer(place, ctx, page)
            await _remove(place, ctx)
        elif place.photo:
            await _recaption(place, ctx, page)
        else:
            await ctx.telegram.edit(place.chat.id, place.message_id, page.text, page.rows)
    await query.answer()


async def _recaption(place: Message, ctx: Context, page: Page) -> None:
    params = {
        "chat_id": place.chat.id,
        "message_id": place.message_id,
        "caption": page.text,
        "parse_mode": "HTML",
        "reply_markup": buttons(page.rows),
    }
    with contextlib.suppress(NotModified):
        await ctx.telegram.call("editMessageCaption", params)


async def _remove(place: Message, ctx: Context) -> None:
    """Two days later a message can't be deleted any more; without buttons it does no harm."""
    try:
        await ctx.telegram.call(
            "deleteMessage", {"chat_id": place.chat.id, "message_id": place.message_id}
        )
    except BadRequest:
        with contextlib.suppress(BadRequest):
            await ctx.telegram.edit_buttons(place.chat.id, place.message_id, None)
