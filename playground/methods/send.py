"""Methods with which a bot says something."""

from __future__ import annotations

from functools import partial
from typing import Any

from playground import inline, polls, roles, texts
from playground.dice import rolled
from playground.errors import bad_request
from playground.methods.base import Call, Handler, given_file, new_message, post
from playground.model import Chat, FileKind, Group, Message
from playground.repeating import CAPTION as _CAPTION
from playground.repeating import copied, forwarded

DETAILS: dict[FileKind, tuple[str, ...]] = {
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
ACTION_LASTS = 5
"""Seconds."""


async def send_message(call: Call) -> dict[str, Any]:
    """sendMessage."""
    chat = call.writable_chat()
    return post(call, chat, new_message(call, chat, texts.text(call.world, call.params)))


async def send_media(call: Call, kind: FileKind) -> dict[str, Any]:
    """sendDocument, sendPhoto and so on."""
    chat = call.writable_chat()
    if isinstance(chat, Group):
        roles.check_send(chat, call.bot.id, [kind])
    message = new_message(call, chat, {})
    message.content = await media_content(call, call.params | {"media": call.get(kind)}, kind)
    return post(call, chat, message)


async def media_content(call: Call, given: dict[str, Any], kind: FileKind) -> dict[str, Any]:
    """The content of a message with the file `media` of an InputMedia or of a method."""
    details = {key: given[key] for key in DETAILS[kind] if key in given}
    caption = texts.caption(call.world, given) if kind not in {"sticker", "video_note"} else {}
    file = await given_file(call, given["media"], kind, details, given.get("thumbnail"))
    content = {**file.content(), **caption}
    if given.get("has_spoiler"):
        content["has_media_spoiler"] = True
    return content


async def send_dice(call: Call) -> dict[str, Any]:
    """sendDice."""
    chat = call.writable_chat()
    content = {"dice": rolled(call.get("emoji", "🎲"))}
    return post(call, chat, new_message(call, chat, content))


async def send_place(call: Call) -> dict[str, Any]:
    """sendLocation, sendVenue, sendContact."""
    chat = call.writable_chat()
    return post(call, chat, new_message(call, chat, inline.written(call.world, call.params)))


async def send_poll(call: Call) -> dict[str, Any]:
    """sendPoll."""
    chat = call.writable_chat()
    message = new_message(call, chat, polls.content(call.world, call.params))
    sent = post(call, chat, message)
    polls.close_in_time(call.world, chat, message)
    return sent


async def stop_poll(call: Call) -> dict[str, Any]:
    """stopPoll."""
    chat = call.writable_chat()
    message = call.world.message(chat, call.params["message_id"], "message with poll to stop")
    if message.by != call.bot.id:
        raise bad_request("poll can't be stopped")
    message.markup = texts.inline_keyboard(call.get("reply_markup"))
    return polls.close(call.world, chat, message)


async def send_chat_action(call: Call) -> bool:
    """sendChatAction; it lasts five seconds or until the next message."""
    chat = call.writable_chat()
    thread = call.get("message_thread_id", 0)
    action = {"action": call.params["action"], "seconds": ACTION_LASTS, "thread": thread}
    call.world.tell(chat, "action", **action, bot=call.bot.id)
    return True


async def forward_message(call: Call) -> dict[str, Any]:
    """forwardMessage."""
    chat = call.writable_chat()
    source, message = _source(call, "message to forward")
    new = new_message(call, chat, copied(message))
    new.extra |= forwarded(call.world, source, message)
    return post(call, chat, new)


async def copy_message(call: Call) -> dict[str, Any]:
    """copyMessage."""
    chat = call.writable_chat()
    _, message = _source(call, "message to copy")
    content = copied(message)
    if "caption" in call.params and "text" not in content:
        content = {key: value for key, value in content.items() if key not in _CAPTION}
        content |= texts.caption(call.world, call.params)
    return {"message_id": post(call, chat, new_message(call, chat, content))["message_id"]}


async def repeat(call: Call, *, forward: bool) -> list[dict[str, Any]]:
    """forwardMessages, copyMessages: those that aren't there are left out, albums stay
    together."""
    ids: list[int] = call.params["message_ids"]
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    if sorted(set(ids)) != ids:
        raise bad_request("message identifiers must be in a strictly increasing order")
    chat = call.writable_chat()
    source = call.world.readable_chat(call.bot, call.params["from_chat_id"])
    there = [m for m in map(call.world.messages(source).get, ids) if m is not None]
    if not there:
        raise bad_request(f"there are no messages to {'forward' if forward else 'copy'}")
    albums: dict[str, str] = {}
    sent = []
    for message in there:
        _require_free(message)
        new = new_message(call, chat, copied(message))
        if forward:
            new.extra |= forwarded(call.world, source, message)
        elif call.get("remove_caption"):
            new.content = {k: v for k, v in new.content.items() if k not in _CAPTION}
        if album := message.extra.get("media_group_id"):
            new.extra["media_group_id"] = albums.setdefault(album, call.world.new_id())
        sent.append({"message_id": post(call, chat, new)["message_id"]})
    return sent


def _source(call: Call, what: str) -> tuple[Chat, Message]:
    """The message to repeat and its chat; raises ApiError."""
    source = call.world.readable_chat(call.bot, call.params["from_chat_id"])
    message = call.world.message(source, call.params["message_id"], what)
    _require_free(message)
    return source, message


def _require_free(message: Message) -> None:
    if message.extra.get("has_protected_content"):
        raise bad_request("message has protected content and can't be forwarded")


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
    "sendLocation": send_place,
    "sendVenue": send_place,
    "sendContact": send_place,
    "sendPoll": send_poll,
    "stopPoll": stop_poll,
    "sendChatAction": send_chat_action,
    "forwardMessage": forward_message,
    "forwardMessages": partial(repeat, forward=True),
    "copyMessage": copy_message,
    "copyMessages": partial(repeat, forward=False),
}
