"""`winmail.dat`: what Outlook wraps a message and its attachments in (MS-OXTNEF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from plugins.documents import html, members, msg, prose, rtf
from plugins.documents.source import Limits, Source, contents
from plugins.documents.text import decode
from plugram import SandboxRefused

_SUBJECT, _BODY, _PROPERTIES = 0x8004, 0x800C, 0x9003
_ATTACHED, _ATTACHED_DATA, _ATTACHED_TITLE, _ATTACHED_PROPERTIES = 0x9002, 0x800F, 0x8010, 0x9005
_MAPI_SUBJECT, _MAPI_BODY, _MAPI_RTF, _MAPI_HTML, _LONG_NAME = (
    0x0037,
    0x1000,
    0x1009,
    0x1013,
    0x3707,
)
_SIZES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
_TEXT, _WIDE = 0x1E, 0x1F
_VARIABLE = frozenset({_TEXT, _WIDE, 0x0D, 0x102})


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """The message's subject and text, then what is attached, with `member`. `metadata`: title,
    attachments, words."""
    subject, body, attached = _message(contents(source))
    text = prose.tidy(f"{subject}\n\n{body}").strip()
    pieces = enumerate((piece for _, piece in prose.paragraphs(text)), 1)
    sections = prose.gather(pieces, "paragraph", prose.one_line(subject))
    for number, (name, data) in enumerate(attached, 1):
        name = prose.one_line(name) or f"attachment-{number}"
        sections.append(prose.section(name, name, member=name))
        sections += members.read(limits, name, data)
    if not sections:
        raise SandboxRefused("there is no text in the message", reason="empty")
    metadata = {"title": prose.one_line(subject), "attachments": len(attached)}
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections,
        "metadata": {key: value for key, value in metadata.items() if value} | {"words": words},
        "warnings": members.nest(limits).warnings,
    }


def _message(data: bytes) -> tuple[str, str, list[tuple[str, bytes]]]:
    """(subject, text, what is attached)."""
    own: dict[int, bytes] = {}
    attached: list[dict[int, bytes]] = []
    for kind, value in _attributes(data):
        if kind == _ATTACHED:
            attached.append({})
        (attached[-1] if attached else own)[kind] = value
    told = dict(_properties(own.get(_PROPERTIES, b"")))
    subject = _text(own.get(_SUBJECT)) or _text(told.get(_MAPI_SUBJECT))
    body = _text(own.get(_BODY)) or _body(told)
    return subject, body, [(_name(one), one.get(_ATTACHED_DATA, b"")) for one in attached]


def _name(attached: dict[int, bytes]) -> str:
    told = dict(_properties(attached.get(_ATTACHED_PROPERTIES, b"")))
    return _text(told.get(_LONG_NAME)) or _text(attached.get(_ATTACHED_TITLE))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 6
    while at + 9 <= len(data):
        _, kind, _, size = struct.unpack_from("<BHHL", data, at)
        yield kind, data[at + 9 : at + 9 + size]
        at += 9 + size + 2


def _properties(data: bytes) -> Iterator[tuple[int, bytes | str]]:
    """(number, value) of those that are bytes or text; ends where one isn't understood."""
    if len(data) < 4:
        return
    (count,) = struct.unpack_from("<L", data)
    at = 4
    for _ in range(min(count, 1000)):
        if at + 4 > len(data):
            return
        kind, key = struct.unpack_from("<HH", data, at)
        at += 4
        if key & 0x8000:
            at = _after_name(data, at)
        if kind in _SIZES:
            at += _SIZES[kind]
            continue
        if kind not in _VARIABLE or at + 8 > len(data):
            return
        _, size = struct.unpack_from("<LL", data, at)
        value = data[at + 8 : at + 8 + size]
        at += 8 + (size + 3 & ~3)
        yield key, value.decode("utf-16-le", "replace").rstrip("\0") if kind == _WIDE else value


def _after_name(data: bytes, at: int) -> int:
    """A property of somebody's own is named by a number, or by a text."""
    if at + 24 > len(data):
        return len(data)
    kind, number = struct.unpack_from("<LL", data, at + 16)
    return at + 24 + (number + 3 & ~3 if kind else 0)


def _text(value: bytes | str | None) -> str:
    if isinstance(value, bytes):
        return decode(value.rstrip(b"\0"))[0]
    return value or ""


def _body(told: dict[int, bytes | str]) -> str:
    if plain := _text(told.get(_MAPI_BODY)):
        return plain
    page, packed = told.get(_MAPI_HTML), told.get(_MAPI_RTF)
    if isinstance(page, bytes):
        return "\n\n".join(one["text"] for one in html.sections_of(page))
    return rtf.text_of(msg.unpacked(packed)) if isinstance(packed, bytes) else ""
