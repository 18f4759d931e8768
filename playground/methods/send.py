"""Methods with which a bot says something."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from playground.errors import bad_request
from playground.methods.base import (
    Call,
    Handler,
    caption_content,
    given_file,
    new_message,
    text_content,
)
from playground.model import Chat, FileKind, Message

_DETAILS: dict[FileKind, tuple[str, ...]] = {
    "photo": (),
    "document": (),
    "video": ("width", "height", "duration"),
    "animation": ("width", "height", "duration"),
    "audio": ("duration", "performer", "title"),
    "voice": ("duration",),
    "sticker": ("emoji",),
    "video_note": ("duration", "length"),
}
"""What the bot may say about a file that it uploads."""
_DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
_MEDIA = ("photo", "document", "video", "animation", "audio", "voice", "sticker", "video_note")
_CAPTION = ("caption", "caption_entities", "show_caption_above_media")


def _post(call: Call, chat: Chat, content: dict[str, Any]) -> dict[str, Any]:
    message = call.world.post(chat, new_message(call, chat, content))
    return call.world.render(chat, message)


async def send_message(call: Call) -> dict[str, Any]:
    """sendMessage."""
    chat = call.writable_chat()
    return _post(call, chat, text_content(call))


async def send_media(call: Call, kind: FileKind) -> dict[str, Any]:
    """sendDocument, sendPhoto and so on."""
    chat = call.writable_chat()
    details = {key: call.params[key] for key in _DETAILS[kind] if key in call.params}
    caption = caption_content(call) if kind not in {"sticker", "video_note"} else {}
    message = new_message(call, chat, {})
    file = await given_file(call, kind, kind, details)
    message.content = {**file.content(), **caption}
    if call.get("has_spoiler"):
        message.content["has_media_spoiler"] = True
    return call.world.render(chat, call.world.post(chat, message))


async def send_dice(call: Call) -> dict[str, Any]:
    """sendDice."""
    chat = call.writable_chat()
    emoji = call.get("emoji", "🎲")
    value = random.randint(1, _DICE[emoji])  # noqa: S311 - a game
    return _post(call, chat, {"dice": {"emoji": emoji, "value": value}})


async def send_chat_action(call: Call) -> bool:
    """sendChatAction; it lasts five seconds or until the next message."""
    chat = call.writable_chat()
    call.world.tell(chat, "action", action=call.params["action"])
    return True


async def forward_message(call: Call) -> dict[str, Any]:
    """forwardMessage."""
    chat = call.writable_chat()
    source, message = _source(call, "message to forward")
    content, extra = _forwarded(call, source, message)
    new = new_message(call, chat, content)
    new.extra |= extra
    return call.world.render(chat, call.world.post(chat, new))


async def copy_message(call: Call) -> dict[str, Any]:
    """copyMessage."""
    chat = call.writable_chat()
    _, message = _source(call, "message to copy")
    content = _copied(call, message)
    return {"message_id": call.world.post(chat, new_message(call, chat, content)).id}


async def forward_messages(call: Call) -> list[dict[str, Any]]:
    """forwardMessages; those that aren't there are left out."""
    return await _each(call, forward_message)


async def copy_messages(call: Call) -> list[dict[str, Any]]:
    """copyMessages; those that aren't there are left out."""
    if call.params.pop("remove_caption", False):
        call.params["caption"] = ""
    return await _each(call, copy_message)


async def _each(call: Call, handler: Handler) -> list[dict[str, Any]]:
    ids: list[int] = call.params.pop("message_ids")
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    source = call.world.find_chat(call.bot, call.params["from_chat_id"])
    there = [number for number in ids if number in call.world.messages(source)]
    if not there:
        raise bad_request("there are no messages to forward")
    sent = []
    for number in there:
        call.params["message_id"] = number
        sent.append({"message_id": (await handler(call))["message_id"]})
    return sent


def _source(call: Call, what: str) -> tuple[Chat, Message]:
    """The message to repeat and its chat; raises ApiError."""
    source = call.world.find_chat(call.bot, call.params["from_chat_id"])
    message = call.world.message(source, call.params["message_id"], what)
    if message.extra.get("has_protected_content"):
        raise bad_request("message has protected content and can't be forwarded")
    return source, message


def _forwarded(call: Call, source: Chat, message: Message) -> tuple[dict[str, Any], dict[str, Any]]:
    sender = call.world.render(source, message, nested=True)["from"]
    origin = message.extra.get("forward_origin") or {
        "type": "user",
        "sender_user": sender,
        "date": message.date,
    }
    return dict(message.content), {"forward_origin": origin, "forward_date": origin["date"]}


def _copied(call: Call, message: Message) -> dict[str, Any]:
    """The content, with another caption when one is given."""
    content = dict(message.content)
    if not any(kind in content for kind in ("text", "dice", *_MEDIA)):
        raise bad_request("message can't be copied")
    if "caption" in call.params and "text" not in content:
        for key in _CAPTION:
            content.pop(key, None)
        content |= caption_content(call)
    return content


METHODS: dict[str, Handler] = {
    "sendMessage": send_message,
    "sendPhoto": partial(send_media, kind="photo"),
    "sendDocument": partial(send_media, kind="document"),
    "sendVideo": partial(send_media, kind="video"),
    "sendAnimation": partial(send_media, kind="animation"),
    "sendAudio": partial(send_media, kind="audio"),
    "sendVoice": partial(send_media, kind="voice"),
    "sendSticker": partial(send_media, kind="sticker"),
    "sendVideoNote": partial(send_media, kind="video_note"),
    "sendDice": send_dice,
    "sendChatAction": send_chat_action,
    "forwardMessage": forward_message,
    "forwardMessages": forward_messages,
    "copyMessage": copy_message,
    "copyMessages": copy_messages,
}
