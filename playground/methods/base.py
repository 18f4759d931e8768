"""What the methods share: the call, texts, replies, keyboards and files given by bots."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from playground import entities, markup, utf16
from playground.errors import ApiError, bad_request
from playground.files import MAX_DOWNLOAD
from playground.forms import Upload
from playground.model import Bot, Chat, File, FileKind, Message
from playground.people import Clicks
from playground.world import World

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_RAW_LIMIT = 1 << 15
"""Bytes of a text before its markup is parsed."""
_BUTTONS_LIMIT = 100

UNPLAYED_PARAMETERS = frozenset(
    {
        "business_connection_id",
        "callback_query_id",
        "direct_messages_topic_id",
        "ephemeral_message_parameters",
        "inline_message_id",
        "receiver_user_id",
        "suggested_post_parameters",
    }
)
"""They belong to features that the playground doesn't have yet."""


@dataclass
class Call:
    """A call of the Bot API whose parameters have been checked."""

    world: World
    clicks: Clicks
    bot: Bot
    params: dict[str, Any]
    uploads: dict[str, Upload]

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or `default` when it wasn't given."""
        return self.params.get(name, default)

    def writable_chat(self) -> Chat:
        """The chat of `chat_id`; raises ApiError when the bot may not write there."""
        return self.world.writable_chat(self.bot, self.params["chat_id"])

    def chat(self) -> Chat:
        """The chat of `chat_id`; raises ApiError."""
        return self.world.find_chat(self.bot, self.params["chat_id"])


Handler = Callable[[Call], Awaitable[Any]]
"""Gives the result as JSON values; getUpdates gives its updates as they wait."""


def not_played(what: str) -> ApiError:
    """Telegram can do it, the playground can't yet."""
    return ApiError(501, f"Not Implemented: the playground doesn't play {what} yet")


def formatted(
    call: Call, name: str, *, entities_name: str, limit: int
) -> tuple[str, list[dict[str, Any]]]:
    """The text of a parameter with its entities, both empty when nothing is visible.

    Raises ApiError for markup that can't be parsed and for a text of more than `limit` UTF-16
    code units after parsing.
    """
    raw, mode = call.get(name, ""), call.get("parse_mode", "")
    return format_text(call.world, raw, mode, call.get(entities_name, []), name, limit)


def format_text(
    world: World, raw: str, mode: str, given: list[dict[str, Any]], name: str, limit: int
) -> tuple[str, list[dict[str, Any]]]:
    """A text with its markup parsed, or with the entities given."""
    if len(raw.encode("utf-8", "surrogatepass")) > _RAW_LIMIT:
        raise bad_request("text is too long")
    if mode and mode.lower() != "none":
        text, marked = markup.parse(raw, mode)
    else:
        text, marked = raw, given
    text, found = entities.finish(text, [e for e in marked if _resolve_mention(world, e)])
    if utf16.length(text) > limit:
        raise bad_request(f"message {'caption ' if name == 'caption' else ''}is too long")
    return text, found


def _resolve_mention(world: World, entity: dict[str, Any]) -> bool:
    """Fill in the user of a mention by id; False when nobody has that id."""
    if entity["type"] != "text_mention":
        return True
    user = world.users.get((entity.get("user") or {}).get("id", 0))
    if user is not None:
        entity["user"] = user.as_json()
    return user is not None


def text_content(call: Call) -> dict[str, Any]:
    """The content of a text message; raises ApiError."""
    if not call.params["text"]:
        raise bad_request("message text is empty")
    text, found = formatted(call, "text", entities_name="entities", limit=TEXT_LIMIT)
    if not text:
        raise bad_request("text must be non-empty")
    content: dict[str, Any] = {"text": text}
    if found:
        content["entities"] = found
    if options := link_preview(call):
        content["link_preview_options"] = options
    return content


def link_preview(call: Call) -> dict[str, Any] | None:
    """The options of a link preview, also from the old parameter."""
    if call.get("disable_web_page_preview"):
        return {"is_disabled": True}
    options: dict[str, Any] | None = call.get("link_preview_options")
    return options


def caption_content(call: Call) -> dict[str, Any]:
    """The fields of a caption; none when there is no caption."""
    text, found = formatted(call, "caption", entities_name="caption_entities", limit=CAPTION_LIMIT)
    content: dict[str, Any] = {"caption": text} if text else {}
    if found:
        content["caption_entities"] = found
    if text and call.get("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def new_message(call: Call, chat: Chat, content: dict[str, Any]) -> Message:
    """A message of the bot with all that the send methods have in common."""
    for name in UNPLAYED_PARAMETERS & call.params.keys():
        raise not_played(f'the parameter "{name}"')
    if call.get("message_thread_id"):
        raise bad_request("message thread not found")
    reply_to, quote = _reply_target(call, chat)
    inline, keyboard = checked_markup(call)
    extra: dict[str, Any] = {}
    if call.get("protect_content"):
        extra["has_protected_content"] = True
    if call.get("message_effect_id"):
        extra["effect_id"] = call.params["message_effect_id"]
    return Message(
        id=0, date=0, sender=call.bot.id, content=content, reply_to=reply_to, quote=quote,
        markup=inline, keyboard=keyboard, extra=extra,
    )  # fmt: skip


def _reply_target(call: Call, chat: Chat) -> tuple[int, dict[str, Any] | None]:
    """The id of the message to answer, 0 for none, and the quote from it."""
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
        return 0, None
    answered = call.world.messages(chat).get(message_id)
    if answered is None:
        if reply.get("allow_sending_without_reply"):
            return 0, None
        raise bad_request("message to be replied not found")
    return message_id, _quote(call, reply, answered) if reply.get("quote") else None


def _quote(call: Call, reply: dict[str, Any], answered: Message) -> dict[str, Any]:
    mode = reply.get("quote_parse_mode", "")
    given = reply.get("quote_entities", [])
    text, found = format_text(call.world, reply["quote"], mode, given, "quote", CAPTION_LIMIT)
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
    rows = [row for row in given["inline_keyboard"] if row]
    buttons = [button for row in rows for button in row]
    if len(buttons) > _BUTTONS_LIMIT:
        raise bad_request("reply markup is too long")
    for button in buttons:
        _check_button(button)
    return ({"inline_keyboard": rows} if rows else None), None


_ACTIONS = {
    "url", "callback_data", "web_app", "login_url", "switch_inline_query",
    "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "copy_text",
    "callback_game", "pay", "disabled",
}  # fmt: skip


def _check_button(button: dict[str, Any]) -> None:
    actions = _ACTIONS & button.keys()
    if not button["text"].strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    if "callback_data" in actions and len(button["callback_data"].encode()) > 64:
        raise bad_request("BUTTON_DATA_INVALID")
    if not actions or not all(button[a] for a in actions & {"callback_data", "url"}):
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if "url" in actions and not markup.checked_link(button["url"]):
        raise bad_request("BUTTON_URL_INVALID")


async def given_file(call: Call, name: str, kind: FileKind, details: dict[str, Any]) -> File:
    """The file of a parameter: an upload, attach://, a file_id or an address."""
    given = call.params[name]
    if isinstance(given, str) and given.startswith("attach://"):
        attached = call.uploads.get(given.removeprefix("attach://"))
        if attached is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        given = attached
    if isinstance(given, str) and given.startswith(("http://", "https://")):
        given = await asyncio.to_thread(_download, given)
    if isinstance(given, Upload):
        file = await call.world.files.add(given, kind, details)
        await _add_thumbnail(call, file)
        return file
    return _known_file(call, given, kind)


def _known_file(call: Call, file_id: str, kind: FileKind) -> File:
    file = call.world.files.find(file_id)
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if (file.kind == "photo") != (kind == "photo"):
        raise bad_request(f"can't use file of type {file.kind.title()} as {kind.title()}")
    return file


async def _add_thumbnail(call: Call, file: File) -> None:
    given = call.get("thumbnail")
    if isinstance(given, str):
        given = call.uploads.get(given.removeprefix("attach://"))
    if isinstance(given, Upload) and file.kind != "photo":
        file.thumbnail = (await call.world.files.add(given, "photo")).as_json()


def _download(url: str) -> Upload:
    """What is at an address, as Telegram's servers would fetch it."""
    name = PurePosixPath(urlsplit(url).path).name or "file"
    try:
        with urllib.request.urlopen(url, timeout=20) as response:  # noqa: S310 - http or https
            content = response.read(MAX_DOWNLOAD + 1)
            mime = response.headers.get_content_type()
    except (OSError, ValueError):
        raise bad_request("failed to get HTTP URL content") from None
    if len(content) > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    return Upload.of(name, content, mime)
