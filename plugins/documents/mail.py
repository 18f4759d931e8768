"""E-mail: messages, mailboxes and saved pages (MHTML), with what is attached."""

from __future__ import annotations

import base64
import email
import email.errors
import re
from collections.abc import Iterator
from contextlib import suppress
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from plugins.documents import html, members, prose
from plugins.documents.package import TOO_LONG, Deadline
from plugins.documents.source import Limits, Source, contents, opened
from plugins.documents.text import decode
from plugram import SandboxRefused

HEADERS = ("Subject", "From", "To", "Cc", "Bcc", "Date")
_MOST_PARTS = 1_000
_DEEPEST = 20
_SHARE_OF_PLAIN = 0.5
"""Where the text for old programs says less than this share of the page's text, it isn't all."""
_MBOX_LINE = re.compile(rb"^From \S.*\n", re.MULTILINE)
_APPLE = re.compile(rb"\A\d{1,12}\s*\n")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """The headers and the text, then what is attached, with `member`. `metadata`: title (the
    subject), author, created, attachments, words."""
    data = contents(source)
    message = _parsed(_APPLE.sub(b"", data.lstrip(b"\xef\xbb\xbf\r\n ")))
    sections, attached = _message(message, limits)
    if not sections:
        raise SandboxRefused("there is no text in the message", reason="empty")
    return _result(sections, _metadata(message) | {"attachments": attached}, limits)


def mailbox(source: Source, limits: Limits) -> dict[str, Any]:
    """The same of every message of a mailbox, with the number of the `message`."""
    sections: list[prose.SectionDict] = []
    deadline = Deadline(limits)
    count = 0
    for count, data in enumerate(_messages(source), 1):
        found, _ = _message(_parsed(data), limits)
        sections += [{**one, "locator": {"message": count} | one["locator"]} for one in found]
        if deadline.passed:
            members.nest(limits).warn(TOO_LONG)
            break
    if not sections:
        raise SandboxRefused("there is no text in the mailbox", reason="empty")
    return _result(sections, {"messages": count}, limits)


def _result(
    sections: list[prose.SectionDict], metadata: dict[str, Any], limits: Limits
) -> dict[str, Any]:
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections,
        "metadata": {**metadata, "words": words},
        "warnings": members.nest(limits).warnings,
    }


def _messages(source: Source) -> Iterator[bytes]:
    with opened(source) as stream:
        held: list[bytes] = []
        blank = True
        for line in stream:
            if blank and line.startswith(b"From ") and held:
                yield b"".join(held)
                held = []
            elif not (line.startswith(b"From ") and not held):
                held.append(line[1:] if line.startswith(b">From ") else line)
            blank = not line.strip()
        if held:
            yield b"".join(held)


def _parsed(data: bytes) -> Message:
    with suppress(UnicodeDecodeError):
        if data[:4096].count(b"\0") > 100:  # saved as UTF-16
            data = data.decode("utf-16").encode()
    return email.message_from_bytes(
        _MBOX_LINE.sub(b"", data, count=1) if data[:5] == b"From " else data
    )


def _unwrapped(part: Message, inner: list[Any]) -> list[Any]:
    """A forwarded message that is encoded as a whole, which no standard allows and some do."""
    coding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    body = inner[0].get_payload() if len(inner) == 1 else None
    if coding != "base64" or not isinstance(body, str) or inner[0].keys():
        return inner
    try:
        return [_parsed(base64.b64decode(body))]
    except ValueError:
        return inner


def _message(message: Message, limits: Limits) -> tuple[list[prose.SectionDict], int]:
    """(sections, number of attachments)."""
    body = _Body(limits)
    body.walk(message, 0)
    head = "\n".join(headers(message))
    subject = header(message, "Subject")
    text = f"{head}\n\n{body.text}" if head else body.text
    pieces = [(number, piece) for number, (_, piece) in enumerate(prose.paragraphs(text), 1)]
    found = prose.gather(pieces, "paragraph", subject)
    return found + body.attached, body.count


class _Body:
    """Collects the text of a message, part by part."""

    def __init__(self, limits: Limits) -> None:
        self.attached: list[prose.SectionDict] = []
        self.count = 0
        self._limits = limits
        self._texts: list[str] = []
        self._parts = 0

    @property
    def text(self) -> str:
        return prose.tidy("\n\n".join(text for text in self._texts if text.strip()))

    def walk(self, part: Message, depth: int) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS or depth > _DEEPEST:
            members.nest(self._limits).warn(TOO_LONG)
            return
        kind = part.get_content_type()
        inner: Any = part.get_payload() if part.is_multipart() else None
        if kind == "message/rfc822" and isinstance(inner, list):
            self._forwarded(_unwrapped(part, inner), depth)
        elif kind == "multipart/alternative" and isinstance(inner, list):
            self._alternative(inner, depth)
        elif isinstance(inner, list):
            for one in inner:
                self.walk(one, depth + 1)
        elif _is_attached(part, kind):
            self._attachment(part, kind)
        else:
            self._texts.append(_text(part, kind))

    def _forwarded(self, inner: list[Any], depth: int) -> None:
        for one in inner:
            self._texts.append("\n".join(headers(one)))
            self.walk(one, depth + 1)

    def _alternative(self, inner: list[Message], depth: int) -> None:
        """The plain text, and the page if it says more; what else there is (an invitation)."""
        plain = [one for one in inner if one.get_content_type() == "text/plain"]
        rest = [one for one in inner if one not in plain]
        before = len(self._texts)
        for one in rest:
            self.walk(one, depth + 1)
        pages = "\n\n".join(self._texts[before:])
        text = "\n\n".join(_text(one, "text/plain") for one in plain)
        if len(text.split()) >= _SHARE_OF_PLAIN * len(pages.split()):
            self._texts[before:] = [text]

    def _attachment(self, part: Message, kind: str) -> None:
        name = file_name(part)
        data = part.get_payload(decode=True)
        if not name and kind.startswith("image/"):
            return
        self.count += 1
        if name:
            self.attached.append(prose.section(name, name, member=name))
        if isinstance(data, bytes) and data:
            self.attached += members.read(self._limits, name or f"{kind.replace('/', '.')}", data)


def _is_attached(part: Message, kind: str) -> bool:
    if part.get_content_disposition() == "attachment":
        return True
    if kind in {"text/plain", "text/html", "message/delivery-status"}:
        return False
    return not kind.startswith("text/") or bool(part.get_filename())


def _text(part: Message, kind: str) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    declared = str(part.get_content_charset() or "").removesuffix("-i").removesuffix("-e")
    if kind == "text/html":
        return "\n\n".join(one["text"] for one in html.sections_of(data, declared))
    text = decode(data, "cp1252" if declared in html.LATIN else declared)[0]
    if str(part.get_param("format", "")).lower() == "flowed":
        text = re.sub(r"(?<=[^\n]) \r?\n(?=[^\s>])", " ", text)
    return text


def headers(message: Message) -> list[str]:
    """`Name: value` of those that a reader sees."""
    found = [(name, header(message, name)) for name in HEADERS]
    return [f"{name}: {value}" for name, value in found if value]


def header(message: Message, name: str) -> str:
    raw = (value for key, value in message.raw_items() if key.lower() == name.lower())
    return ", ".join(decoded(str(value)) for value in raw)


def decoded(value: str) -> str:
    """A header as a person reads it: encoded words, and bytes that shouldn't be there."""
    parts: list[str] = []
    try:
        for text, charset in decode_header(re.sub(r"\r?\n\s+", " ", value)):
            if isinstance(text, str):
                parts.append(_repaired(text))
            else:
                parts.append(decode(text, charset or "")[0])
    except (email.errors.HeaderParseError, ValueError, LookupError):
        return prose.one_line(value)
    return prose.one_line("".join(parts))


def _repaired(text: str) -> str:
    """Bytes beyond ASCII come as surrogates."""
    try:
        raw = text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return text
    return decode(raw)[0]


def file_name(part: Message) -> str:
    name = part.get_filename() or ""
    return decoded(name).replace("/", "_") if name else ""


def _metadata(message: Message) -> dict[str, Any]:
    found = {"title": header(message, "Subject"), "author": header(message, "From")}
    with suppress(TypeError, ValueError, IndexError):
        found["created"] = parsedate_to_datetime(str(message["Date"])).isoformat()
    return {key: value for key, value in found.items() if value}
