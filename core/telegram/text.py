"""Telegram's texts: HTML escaped, measured in UTF-16 units, split where they are too long.

Telegram counts a text's length, and places its entities, in UTF-16 code units of what is left
after the markup was parsed: tags cost nothing, `&amp;` costs one, an emoji outside the basic
plane two.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import PlugramError

TEXT_LIMIT = 4096
"""UTF-16 units of a message's text."""
CAPTION_LIMIT = 1024
"""UTF-16 units of a caption."""
ANSWER_LIMIT = 200
"""UTF-16 units of the answer to a callback query."""
CALLBACK_LIMIT = 64
"""Bytes of a button's callback data."""

_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)[^<>]*>")
_BREAKS = ("\n\n", "\n", ". ", "! ", "? ", "。", "; ", ", ", " ")
"""Where a text is cut best; each is tried in the second half of what fits."""


def escape(text: object) -> str:
    """Text for Telegram's HTML, also inside an attribute's quotes."""
    return (
        str(text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
    )


def plain(markup: str) -> str:
    """What a reader sees of HTML: tags dropped, entities read."""
    return html.unescape(_TAG.sub("", markup))


# -- UTF-16 -------------------------------------------------------------------------------------


def utf16_len(text: str) -> int:
    """Length in UTF-16 code units."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def utf16_offset(text: str, index: int) -> int:
    """The offset in UTF-16 units of the character at `index`."""
    return utf16_len(text[:index])


def index_at(text: str, offset: int) -> int:
    """The index of the character at a UTF-16 offset; inside a pair, the character after it."""
    if text.isascii():
        return min(offset, len(text))
    units = 0
    for index, character in enumerate(text):
        if units >= offset:
            return index
        units += 2 if character > "\uffff" else 1
    return len(text)


def entity_text(text: str, offset: int, length: int) -> str:
    """The part of a text that an entity (UTF-16 offset and length) covers."""
    return text[index_at(text, offset) : index_at(text, offset + length)]


def shorten(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of plain text; what was cut is told by an ellipsis."""
    if utf16_len(text) <= limit:
        return text
    return text[: _whole(text, _fitting(text, 0, limit - 1), 0)].rstrip() + "…"


# -- splitting ----------------------------------------------------------------------------------


def split_text(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Parts of a plain text, each at most `limit` UTF-16 units, cut at a paragraph, line, sentence
    or word where there is one. A blank text gives no part."""
    return [text[start:end] for start, end in _cuts(text, limit)]


def split_html(markup: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Like `split_text`, for HTML: tags that a cut runs through are closed before it and opened
    again behind it, attributes and all. Tags don't count towards the limit."""
    # Nothing that is short before parsing is long after it, and most texts are short.
    if len(markup) * 2 <= limit or utf16_len(markup) <= limit:
        return [markup] if plain(markup).strip() else []
    text, tags = _parsed(markup)
    parts = []
    open_tags: list[_Tag] = []
    pending = iter(tags)
    upcoming = next(pending, None)
    for start, end in _cuts(text, limit):
        pieces: list[str] = []
        # What lies in the blank between two parts opens and closes before the part begins.
        while upcoming and (upcoming.at < start or (upcoming.at == start and upcoming.closing)):
            _step(open_tags, upcoming)
            upcoming = next(pending, None)
        pieces += [tag.raw for tag in open_tags]
        at = start
        while upcoming and (upcoming.at < end or (upcoming.at == end and upcoming.closing)):
            pieces += [escape(text[at : upcoming.at]), upcoming.raw]
            at = upcoming.at
            _step(open_tags, upcoming)
            upcoming = next(pending, None)
        pieces += [escape(text[at:end]), *(f"</{tag.name}>" for tag in reversed(open_tags))]
        parts.append("".join(pieces))
    return parts


@dataclass(frozen=True, slots=True)
class _Tag:
    at: int
    """Index in the parsed text."""
    name: str
    closing: bool
    raw: str


def _parsed(markup: str) -> tuple[str, list[_Tag]]:
    texts: list[str] = []
    tags: list[_Tag] = []
    length = position = 0
    for match in _TAG.finditer(markup):
        piece = html.unescape(markup[position : match.start()])
        texts.append(piece)
        length += len(piece)
        tags.append(_Tag(length, match[2].lower(), bool(match[1]), match[0]))
        position = match.end()
    texts.append(html.unescape(markup[position:]))
    return "".join(texts), tags


def _step(open_tags: list[_Tag], tag: _Tag) -> None:
    """Markup that isn't balanced stays so: Telegram refuses it, and the plain text is sent."""
    if not tag.closing:
        open_tags.append(tag)
    elif open_tags and open_tags[-1].name == tag.name:
        open_tags.pop()


def _cuts(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Start and end of each part, without the blanks around it."""
    start = 0
    while True:
        while start < len(text) and text[start].isspace():
            start += 1
        if start == len(text):
            return
        end = _fitting(text, start, limit)
        if end < len(text):
            end = _best_break(text, start, end)
        shown = end
        while text[shown - 1].isspace():
            shown -= 1
        yield start, shown
        start = end


def _fitting(text: str, start: int, limit: int) -> int:
    """The largest end for which text[start:end] fits."""
    end = min(start + limit, len(text))
    while (surplus := utf16_len(text[start:end]) - limit) > 0:
        # Each character dropped frees one or two units.
        end -= (surplus + 1) // 2
    return end


def _best_break(text: str, start: int, end: int) -> int:
    half = start + (end - start) // 2
    for mark in _BREAKS:
        # A blank may hang over the edge: it isn't shown.
        at = text.rfind(mark, half, end + len(mark) - len(mark.rstrip()))
        if at >= 0:
            return min(at + len(mark), end) if mark.strip() else at + 1
    return _whole(text, end, start)


def _whole(text: str, end: int, start: int) -> int:
    """Move a hard cut in front of a character that changes the one before it, and don't part the
    halves of an emoji sequence."""
    at = end
    while start < at < len(text) and (_joins(text[at]) or text[at - 1] == "\u200d"):
        at -= 1
    return at if at > start else end


def _joins(character: str) -> bool:
    return (
        character in "\u200d\ufe0e\ufe0f\u20e3"
        or "\u0300" <= character <= "\u036f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


# -- buttons ------------------------------------------------------------------------------------


class Packable(Protocol):
    def pack(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button: exactly one of the things that it can do."""

    text: str
    """Plain text."""
    data: str | Packable | None = None
    """Callback data, at most 64 bytes: a `plugram.Callback`, or text."""
    url: str | None = None
    switch_inline: str | None = None
    """Query that is put into the input field of this chat, after the bot's name."""
    copy: str | None = None
    """Text for the clipboard, at most 256 characters."""

    def as_dict(self) -> dict[str, Any]:
        """The Bot API's InlineKeyboardButton."""
        actions: dict[str, Any] = {
            "callback_data": _callback_data(self.data),
            "url": self.url,
            "switch_inline_query_current_chat": self.switch_inline,
            "copy_text": None if self.copy is None else {"text": self.copy},
        }
        action = {name: value for name, value in actions.items() if value is not None}
        if len(action) != 1:
            raise PlugramError(f"button {self.text!r} must do exactly one thing, not {len(action)}")
        return {"text": self.text, **action}


def buttons(rows: Sequence[Sequence[Button]]) -> dict[str, Any]:
    """Rows of buttons as `reply_markup`; empty rows are left out."""
    return {"inline_keyboard": [[button.as_dict() for button in row] for row in rows if row]}


def _callback_data(data: str | Packable | None) -> str | None:
    if data is None:
        return None
    text = data if isinstance(data, str) else data.pack()
    if not 1 <= len(text.encode()) <= CALLBACK_LIMIT:
        raise PlugramError(
            f"callback data {text!r} has {len(text.encode())} bytes, not 1 to {CALLBACK_LIMIT}",
            hint="put an id into the button and the rest into the database",
        )
    return text
