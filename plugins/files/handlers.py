"""Messages with files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiogram import F, Router
from aiogram.types import Message

from plugins.files import service
from plugins.files.service import SENT_AS, Incoming, SentAs

if TYPE_CHECKING:
    from plugram import Context, Scope, Translate

_FACTS = ("width", "height", "duration", "title", "performer", "emoji", "set_name")


def build(*, groups: bool) -> Router:
    """A router for private chats and, if wanted, groups."""
    router = Router(name="files")
    chats = {"private", "group", "supergroup"} if groups else {"private"}
    here = F.chat.type.in_(chats)
    router.message.register(received, F.content_type.in_(set(SENT_AS) - {"sticker"}), here)
    # In groups stickers are talk.
    router.message.register(received, F.sticker, F.chat.type == "private")
    router.edited_message.register(edited, F.content_type.in_(set(SENT_AS)), here)
    return router


async def received(message: Message, ctx: Context, scope: Scope, t: Translate) -> None:
    item = incoming(message)
    if item is not None:
        await service.of(ctx).receive(item, scope, t)


async def edited(message: Message, ctx: Context, scope: Scope) -> None:
    await service.of(ctx).recaption(
        scope, message.chat.id, message.message_id, message.caption or ""
    )


def incoming(message: Message) -> Incoming | None:
    """What the message brings, or None if it brings no file. Of a photo, the largest size."""
    sent_as, media = _media(message)
    if media is None:
        return None
    sender = message.from_user
    return Incoming(
        sent_as=sent_as,
        file_id=media.file_id,
        file_unique_id=media.file_unique_id,
        chat_id=message.chat.id,
        message_id=message.message_id,
        sender_id=sender.id if sender else message.chat.id,
        size=media.file_size,
        name=getattr(media, "file_name", None),
        album=message.media_group_id or "",
        form=_form(media) if sent_as == "sticker" else "",
        caption=message.caption or "",
        thread_id=message.message_thread_id if message.is_topic_message else None,
        facts=_facts(media),
    )


def _media(message: Message) -> tuple[SentAs, Any]:
    # An animation comes as a document too.
    for sent_as in ("animation", *SENT_AS):
        media = getattr(message, sent_as)
        if sent_as == "photo" and media:
            return "photo", max(media, key=lambda size: size.width * size.height)
        if media:
            return sent_as, media
    return "document", None


def _form(sticker: Any) -> str:
    """The extension of a sticker's file."""
    return "tgs" if sticker.is_animated else "webm" if sticker.is_video else "webp"


def _facts(media: Any) -> dict[str, Any]:
    known = {name: getattr(media, name, None) for name in _FACTS}
    if getattr(media, "length", None):  # a round video
        known["width"] = known["height"] = media.length
    return {name: value for name, value in known.items() if value is not None}
