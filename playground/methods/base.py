"""What the methods share: the call, texts, replies, keyboards and files given by bots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from playground import files, groups, people, roles, texts, utf16
from playground.errors import ApiError, bad_request
from playground.forms import Upload
from playground.inline import Inline
from playground.model import Bot, Chat, File, FileKind, Group, Message
from playground.people import Clicks
from playground.webhooks import Webhooks
from playground.world import World

UNPLAYED_PARAMETERS = frozenset(
    {
        "business_connection_id",
        "callback_query_id",
        "direct_messages_topic_id",
        "ephemeral_message_parameters",
        "receiver_user_id",
        "suggested_post_parameters",
    }
)
"""They belong to features that the playground doesn't have yet."""


@dataclass
class Services:
    """What the playground runs besides the world."""

    clicks: Clicks
    inline: Inline
    webhooks: Webhooks


@dataclass
class Call:
    """A call of the Bot API whose parameters have been checked."""

    world: World
    services: Services
    bot: Bot
    params: dict[str, Any]
    uploads: dict[str, Upload]

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or `default` when it wasn't given."""
        return self.params.get(name, default)

    def writable_chat(self) -> Chat:
        """The chat of `chat_id`; raises ApiError when the bot may not write there."""
        return self.world.writable_chat(self.bot, self.params["chat_id"])

    def chat(self, access: roles.Access = "read") -> Chat:
        """The chat of `chat_id`; raises ApiError."""
        return self.world.readable_chat(self.bot, self.params["chat_id"], access)

    def group(self, right: str = "", refusal: str = "not enough rights") -> Group:
        """The group or channel of `chat_id`, in which the bot has a right; raises ApiError with
        the reason `refusal`."""
        chat = self.chat("write" if right else "read")
        if not isinstance(chat, Group):
            raise bad_request("method is available only for supergroups and channels")
        if right and not roles.may(chat, self.bot.id, right):
            raise bad_request(refusal)
        if right == "can_invite_users" and not roles.is_admin(chat, self.bot.id):
            raise bad_request(refusal)  # members invite people, but have no links
        return chat


Handler = Callable[[Call], Awaitable[Any]]
"""Gives the result as JSON values; getUpdates gives its updates as they wait."""


def not_played(what: str) -> ApiError:
    """Telegram can do it, the playground can't yet."""
    return ApiError(501, f"Not Implemented: the playground doesn't play {what} yet")


def new_message(call: Call, chat: Chat, content: dict[str, Any]) -> Message:
    """A message of the bot with all that the send methods have in common."""
    for name in UNPLAYED_PARAMETERS & call.params.keys():
        raise not_played(f'the parameter "{name}"')
    answered, quote = _reply_target(call, chat)
    inline, keyboard = checked_markup(call)
    extra: dict[str, Any] = {}
    if call.get("protect_content"):
        extra["has_protected_content"] = True
    if call.get("message_effect_id"):
        extra["effect_id"] = call.params["message_effect_id"]
    in_channel = chat.type == "channel"
    return Message(
        id=0, date=0, sender=chat.id if in_channel else call.bot.id, content=content,
        author=call.bot.id if in_channel else 0, reply_to=answered.id if answered else 0,
        quote=quote, markup=inline, keyboard=keyboard, extra=extra,
        thread=_thread(call, chat, answered),
    )  # fmt: skip


def _thread(call: Call, chat: Chat, answered: Message | None) -> int:
    """The topic that is named, or that of the message to answer; raises ApiError."""
    thread: int = call.get("message_thread_id", 0)
    if isinstance(chat, Group) and chat.is_forum:
        thread = thread or (answered.thread if answered else 0)
        groups.check_thread(chat, call.bot.id, thread)
    elif thread:
        raise bad_request("message thread not found")
    return thread


def post(call: Call, chat: Chat, message: Message) -> dict[str, Any]:
    """Send a message of the bot: Telegram's Message. Raises ApiError when the chat doesn't take
    its kind."""
    if isinstance(chat, Group):
        roles.check_send(chat, call.bot.id, message.content)
    call.world.post(chat, message)
    if isinstance(chat, Group):
        call.world.deliver(chat, message)
        people.into_discussion(call.world, chat, message)
    return call.world.render(chat, message)


def _reply_target(call: Call, chat: Chat) -> tuple[Message | None, dict[str, Any] | None]:
    """The message to answer and the quote from it."""
    reply = call.get("reply_parameters")
    if reply is None:
        reply = {
            "message_id": call.get("reply_to_message_id", 0),
            "allow_sending_without_reply": call.get("allow_sending_without_reply", False),
        }
    if reply.get("chat_id", chat.id) != chat.id:
        raise not_played("replies to other chats")
    message_id: int = reply["message_id"]
    if message_id <= 0:
        return None, None
    answered = call.world.messages(chat).get(message_id)
    if answered is None:
        if reply.get("allow_sending_without_reply"):
            return None, None
        raise bad_request("message to be replied not found")
    return answered, _quote(call, reply, answered) if reply.get("quote") else None


def _quote(call: Call, reply: dict[str, Any], answered: Message) -> dict[str, Any]:
    mode = reply.get("quote_parse_mode", "")
    given = reply.get("quote_entities", [])
    text, found = texts.format_text(
        call.world, reply["quote"], mode, given, "quote", texts.CAPTION_LIMIT
    )
    whole = answered.content.get("text") or answered.content.get("caption", "")
    place = whole.find(text)
    if place < 0:
        raise bad_request("QUOTE_TEXT_INVALID")
    quote = {"text": text, "position": utf16.length(whole[:place]), "is_manual": True}
    return quote | ({"entities": found} if found else {})


def checked_markup(call: Call) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """`reply_markup` as an inline keyboard or as another keyboard; raises ApiError."""
    given: dict[str, Any] | None = call.get("reply_markup")
    if given is None:
        return None, None
    if "inline_keyboard" not in given:
        return None, given
    return texts.inline_keyboard(given), None


async def given_file(
    call: Call, given: Any, kind: FileKind, details: dict[str, Any], thumbnail: Any = None
) -> File:
    """The file of a parameter: an upload, attach://, a file_id, an address, or in local mode a
    path."""
    given = _attached(call, given)
    if isinstance(given, str) and given.startswith(("http://", "https://")):
        given = await asyncio.to_thread(files.fetch, given)
    if isinstance(given, str) and given.startswith("file:") and call.world.files.local:
        call.uploads[given] = given = _on_disk(given)  # it is closed with the others
    if not isinstance(given, Upload):
        return _known_file(call, given, kind)
    file = await call.world.files.add(given, kind, details)
    picture = _attached(call, thumbnail)
    if isinstance(picture, Upload) and file.kind != "photo":
        file.thumbnail = (await call.world.files.add(picture, "photo")).as_json()
    return file


def _attached(call: Call, given: Any) -> Any:
    """What attach:// names; raises ApiError."""
    if not isinstance(given, str) or not given.startswith("attach://"):
        return given
    attached = call.uploads.get(given.removeprefix("attach://"))
    if attached is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return attached


def _on_disk(address: str) -> Upload:
    path = Path(unquote(urlsplit(address).path))
    try:
        stream = path.open("rb")
    except OSError:
        raise bad_request("wrong file identifier/HTTP URL specified") from None
    return Upload(path.name, "", stream, path.stat().st_size)


def _known_file(call: Call, file_id: str, kind: FileKind) -> File:
    file = call.world.files.find(file_id)
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if (file.kind == "photo") != (kind == "photo"):
        raise bad_request(f"can't use file of type {file.kind.title()} as {kind.title()}")
    return file
