"""What plugins send with: `ctx.telegram`, and the rules that every message goes by.

A text that is too long is split, markup that Telegram can't parse is sent as plain text. `deliver`
holds these rules; aiogram's session uses it as well, so `message.answer` obeys them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from core.errors import BadRequest, NotModified, ParseError, TelegramError
from core.log import get_logger
from core.telegram.outgoing import Lane
from core.telegram.text import (
    ANSWER_LIMIT,
    CAPTION_LIMIT,
    TEXT_LIMIT,
    Button,
    buttons,
    plain,
    shorten,
    split_html,
    split_text,
    utf16_len,
)
from core.telegram.wire import Upload, Wire

log = get_logger("telegram")

Rows = Sequence[Sequence[Button]]
Message = dict[str, Any]
"""A message as the Bot API's JSON."""

_ONLY_FIRST = ("reply_parameters", "message_effect_id")
"""What belongs to the first part of a split text; the buttons belong to the last."""
_COMMON = ("chat_id", "message_thread_id", "business_connection_id", "disable_notification")


class Telegram:
    """Sends for a plugin. Texts are HTML: escape what isn't (`plugram.escape`, or let `t` do it).

    Messages come back as the Bot API's JSON (`message["message_id"]`). Errors: TelegramError.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        lane: Lane | None = None,
        files: Mapping[str, Upload] | None = None,
    ) -> Any:
        """Any method of the Bot API; its `result`."""
        return await deliver(self.wire, method, params or {}, lane=lane, files=files)

    async def send(
        self,
        chat_id: int | str,
        text: str,
        *,
        reply_to: int | None = None,
        buttons: Rows | None = None,
        thread_id: int | None = None,
        silent: bool = False,
        lane: Lane = Lane.REPLY,
    ) -> Message:
        """Send a text; the last message if it had to be split.

        `reply_to`: id of a message in the same chat; if it is gone the text comes without it.
        `thread_id`: a forum's topic.
        """
        params = {
            "chat_id": chat_id,
            "text": text,
            "parse_mode": "HTML",
            "message_thread_id": thread_id,
            "disable_notification": silent or None,
            "reply_parameters": _reply(reply_to),
            "reply_markup": _markup(buttons),
        }
        return cast("Message", await deliver(self.wire, "sendMessage", params, lane=lane))

    async def edit(
        self,
        chat_id: int | str,
        message_id: int,
        text: str,
        buttons: Rows | None = None,
        *,
        lane: Lane = Lane.EDIT,
    ) -> Message | None:
        """Replace a message's text and buttons. None if it looks like that already. A text that is
        too long is cut: a message can't become two."""
        params = {
            "chat_id": chat_id,
            "message_id": message_id,
            "text": text,
            "parse_mode": "HTML",
            "reply_markup": _markup(buttons),
        }
        try:
            return cast("Message", await deliver(self.wire, "editMessageText", params, lane=lane))
        except NotModified:
            return None

    async def edit_buttons(
        self, chat_id: int | str, message_id: int, buttons: Rows | None
    ) -> Message | None:
        """Replace a message's buttons; None takes them away."""
        params = {
            "chat_id": chat_id,
            "message_id": message_id,
            "reply_markup": _markup(buttons or []),
        }
        try:
            return cast("Message", await self.wire.call("editMessageReplyMarkup", params))
        except NotModified:
            return None

    async def send_document(
        self,
        chat_id: int | str,
        document: str | Path | Upload,
        *,
        caption: str = "",
        name: str = "",
        reply_to: int | None = None,
        buttons: Rows | None = None,
        thread_id: int | None = None,
        lane: Lane = Lane.REPLY,
    ) -> Message:
        """Send a file: by Telegram's `file_id`, or uploaded from a path. A caption over 1024 units
        goes on in messages of its own."""
        files: dict[str, Upload] = {}
        if isinstance(document, Path):
            files["document"] = Upload(document, name)
        elif isinstance(document, Upload):
            files["document"] = document
        params = {
            "chat_id": chat_id,
            "document": document if isinstance(document, str) else None,
            "caption": caption or None,
            "parse_mode": "HTML" if caption else None,
            "message_thread_id": thread_id,
            "reply_parameters": _reply(reply_to),
            "reply_markup": _markup(buttons),
        }
        sent = await deliver(self.wire, "sendDocument", params, lane=lane, files=files)
        return cast("Message", sent)

    async def delete(self, chat_id: int | str, *message_ids: int) -> None:
        """Delete messages; those that are gone already don't matter."""
        for start in range(0, len(message_ids), 100):
            batch = list(message_ids[start : start + 100])
            await self.wire.call("deleteMessages", {"chat_id": chat_id, "message_ids": batch})

    async def answer_callback(
        self, query_id: str, text: str = "", *, alert: bool = False, url: str | None = None
    ) -> None:
        """Answer a button's press: nothing, a short plain text (200 units), or an alert."""
        params = {
            "callback_query_id": query_id,
            "text": text or None,
            "show_alert": alert or None,
            "url": url,
        }
        await deliver(self.wire, "answerCallbackQuery", params)

    async def typing(self, chat_id: int | str, action: str = "typing") -> None:
        """Show for five seconds that an answer is under way. Never worth an error."""
        params = {"chat_id": chat_id, "action": action}
        try:
            await self.wire.call("sendChatAction", params, retries=0)
        except TelegramError as error:
            log.debug("chat action refused", error=error.message)

    async def download(self, file_id: str, path: Path, *, limit: int | None = None) -> int:
        """Stream a file of Telegram's to `path`; its size in bytes. See `Wire.download`."""
        return await self.wire.download(file_id, path, limit=limit)

    @property
    def download_limit(self) -> int:
        """Bytes of the largest file that can be downloaded."""
        return self.wire.download_limit

    @property
    def upload_limit(self) -> int:
        """Bytes of the largest file that can be sent."""
        return self.wire.upload_limit


# -- the rules ----------------------------------------------------------------------------------


async def deliver(
    wire: Wire,
    method: str,
    params: Mapping[str, Any],
    *,
    lane: Lane | None = None,
    files: Mapping[str, Upload] | None = None,
    timeout: float | None = None,
) -> Any:
    """`Wire.call` under the rules for texts: too long is split (cut, in an edit), markup that can't
    be parsed goes as plain text. A button's press that is too old to be answered is no error."""
    if method == "answerCallbackQuery":
        return await _answer_press(wire, params, lane)
    text = params.get("text")
    if text is not None and len(text) * 2 > TEXT_LIMIT and _too_long(params, "text", TEXT_LIMIT):
        if method == "sendMessage":
            return await _send_parts(wire, params, lane)
        if method == "editMessageText":
            params = {**params, "text": _cut(params, "text", TEXT_LIMIT)}
    caption = params.get("caption")
    if caption is not None and _too_long(params, "caption", CAPTION_LIMIT):
        if method.startswith("send"):
            return await _send_caption(wire, method, params, lane, files)
        params = {**params, "caption": _cut(params, "caption", CAPTION_LIMIT)}
    return await _parsed(wire, method, params, lane, files, timeout)


async def _answer_press(wire: Wire, params: Mapping[str, Any], lane: Lane | None) -> bool:
    text = params.get("text")
    if text and utf16_len(text) > ANSWER_LIMIT:
        params = {**params, "text": shorten(text, ANSWER_LIMIT)}
    try:
        return bool(await wire.call("answerCallbackQuery", params, lane=lane))
    except BadRequest as error:
        if "query is too old" not in error.message and "query id is invalid" not in error.message:
            raise
        return False


async def _parsed(
    wire: Wire,
    method: str,
    params: Mapping[str, Any],
    lane: Lane | None,
    files: Mapping[str, Upload] | None = None,
    seconds: float | None = None,
) -> Any:
    try:
        return await wire.call(method, params, lane=lane, files=files, timeout=seconds)
    except ParseError as error:
        bare = _without_markup(params)
        if bare is None:
            raise
        log.warning("markup refused, sent as plain text", method=method, error=error.message)
    return await wire.call(method, bare, lane=lane, files=files, timeout=seconds)


def _without_markup(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The call without parse mode; None if it had none."""
    mode = params.get("parse_mode")
    if not mode:
        return None
    bare = {name: value for name, value in params.items() if name != "parse_mode"}
    if mode == "HTML":
        for name, limit in (("text", TEXT_LIMIT), ("caption", CAPTION_LIMIT)):
            if name in bare and bare[name] is not None:
                bare[name] = shorten(plain(bare[name]), limit)
    return bare


def _too_long(params: Mapping[str, Any], name: str, limit: int) -> bool:
    """Entities have offsets into the whole text: what has them isn't split."""
    entities = "caption_entities" if name == "caption" else "entities"
    if params.get(entities):
        return False
    text = params[name]
    return utf16_len(text) > limit and len(_parts(text, params, limit)) > 1


def _parts(text: str, params: Mapping[str, Any], limit: int) -> list[str]:
    split = split_html if params.get("parse_mode") == "HTML" else split_text
    return split(text, limit)


def _cut(params: Mapping[str, Any], name: str, limit: int) -> str:
    return _parts(params[name], params, limit - 1)[0] + "…"


async def _send_parts(wire: Wire, params: Mapping[str, Any], lane: Lane | None) -> Any:
    parts = _parts(params["text"], params, TEXT_LIMIT)
    sent: Any = None
    for index, part in enumerate(parts):
        own = dict(params, text=part)
        if index:
            for name in _ONLY_FIRST:
                own.pop(name, None)
        if index < len(parts) - 1:
            own.pop("reply_markup", None)
        sent = await _parsed(wire, "sendMessage", own, lane)
    return sent


async def _send_caption(
    wire: Wire,
    method: str,
    params: Mapping[str, Any],
    lane: Lane | None,
    files: Mapping[str, Upload] | None,
) -> Any:
    """The media with the caption's first part, and the rest as texts behind it."""
    first = _parts(params["caption"], params, CAPTION_LIMIT)[0]
    sent = await _parsed(wire, method, {**params, "caption": first}, lane, files)
    rest = {name: params[name] for name in (*_COMMON, "parse_mode") if params.get(name)}
    for part in _after(params):
        await _parsed(wire, "sendMessage", {**rest, "text": part}, lane)
    return sent


def _after(params: Mapping[str, Any]) -> list[str]:
    """What a caption's first part left over, in parts as long as texts may be."""
    parts = _parts(params["caption"], params, CAPTION_LIMIT)[1:]
    joined: list[str] = []
    for part in parts:
        if joined and utf16_len(joined[-1]) + utf16_len(part) + 1 <= TEXT_LIMIT:
            joined[-1] = f"{joined[-1]}\n{part}"
        else:
            joined.append(part)
    return joined


def _reply(message_id: int | None) -> dict[str, Any] | None:
    if message_id is None:
        return None
    return {"message_id": message_id, "allow_sending_without_reply": True}


def _markup(rows: Rows | None) -> dict[str, Any] | None:
    return None if rows is None else buttons(rows)
