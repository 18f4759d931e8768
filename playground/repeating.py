"""Forwards and copies, whoever makes them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from playground.errors import bad_request
from playground.model import Chat, Message
from playground.world import World

CAPTION = ("caption", "caption_entities", "show_caption_above_media")
_REPEATED = {
    "text", "dice", "poll", "location", "contact", "venue", "photo", "document", "video", "audio",
    "voice", "animation", "sticker", "video_note",
}  # fmt: skip


def copied(message: Message) -> dict[str, Any]:
    """The content; raises ApiError for a service message."""
    if not _REPEATED & message.content.keys():
        raise bad_request("message can't be copied")
    return deepcopy(message.content)


def forwarded(world: World, source: Chat, message: Message) -> dict[str, Any]:
    """The fields of Telegram's Message that tell where it comes from."""
    origin = message.extra.get("forward_origin")
    if origin is None:
        shown = world.render(source, message, nested=True)
        origin = _origin(source, message, shown)
    return {"forward_origin": origin, "forward_date": origin["date"]}


def _origin(source: Chat, message: Message, shown: dict[str, Any]) -> dict[str, Any]:
    if source.type == "channel":
        chat = shown["sender_chat"]
        return {
            "type": "channel", "chat": chat, "message_id": message.id, "date": message.date
        }  # fmt: skip
    if "sender_chat" in shown:
        return {"type": "chat", "sender_chat": shown["sender_chat"], "date": message.date}
    return {"type": "user", "sender_user": shown["from"], "date": message.date}
