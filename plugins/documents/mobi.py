"""MOBI and AZW: books of older Kindles, a page of HTML in packed records."""

from __future__ import annotations

import struct
from typing import Any

from plugins.documents import html, prose
from plugins.documents.package import TOO_LONG, Deadline
from plugins.documents.source import Limits, Source, contents
from plugram import SandboxRefused

_PLAIN, _PALMDOC = 1, 2
_UTF8 = 65001
_TITLE_PLACE = 84
_EXTRA_FLAGS = 242


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the number of the `paragraph` they start at. `metadata`: title, words."""
    data = contents(source)
    try:
        return _read(data, Deadline(limits))
    except (struct.error, IndexError) as error:
        raise SandboxRefused(f"not a whole book: {error}", reason="corrupt") from None


def _read(data: bytes, deadline: Deadline) -> dict[str, Any]:
    (count,) = struct.unpack_from(">H", data, 76)
    starts = [struct.unpack_from(">L", data, 78 + 8 * index)[0] for index in range(count)]
    head = data[starts[0] : starts[1]]
    packing, _, _, texts, _, locked = struct.unpack_from(">HHLHHH", head)
    if locked:
        raise SandboxRefused("the book is locked to its buyer", reason="encrypted")
    if packing not in {_PLAIN, _PALMDOC}:
        raise SandboxRefused("the book is packed in a way of its own", reason="unsupported")
    (page,) = struct.unpack_from(">L", head, 28)
    (size,) = struct.unpack_from(">L", head, 20)
    flags = struct.unpack_from(">H", head, _EXTRA_FLAGS)[0] if size >= 228 else 0
    parts: list[bytes] = []
    for start, end in zip(
        starts[1 : texts + 1],
        [*starts[2 : texts + 1], *starts[texts + 1 : texts + 2], len(data)],
        strict=False,
    ):
        if deadline.passed:
            break
        record = _trimmed(data[start:end], flags)
        parts.append(_unpacked(record) if packing == _PALMDOC else record)
    text = b"".join(parts).decode("utf-8" if page == _UTF8 else "cp1252", "replace")
    sections = html.sections_of(f"<meta charset=utf-8>{text}".encode())
    if not sections:
        raise SandboxRefused("there is no text in the book", reason="empty")
    place, length = struct.unpack_from(">LL", head, _TITLE_PLACE)
    title = prose.one_line(head[place : place + length].decode("utf-8", "replace"))
    metadata = {"title": title} if title else {}
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections + prose.properties([title], sections),
        "metadata": {**metadata, "words": words},
        "warnings": [TOO_LONG] if len(parts) < texts else [],
    }


def _trimmed(record: bytes, flags: int) -> bytes:
    """Without the entries of the index that stand at the end of a record."""
    for bit in range(15, 0, -1):
        if flags >> bit & 1 and record:
            size = 0
            for index, byte in enumerate(reversed(record[-4:])):
                size |= (byte & 0x7F) << 7 * index
                if byte & 0x80:
                    break
            record = record[: max(0, len(record) - size)]
    if flags & 1 and record:
        record = record[: max(0, len(record) - (record[-1] & 3) - 1)]
    return record


def _unpacked(data: bytes) -> bytes:
    """PalmDOC: letters, runs of what was there before, a space with the next letter."""
    out = bytearray()
    at = 0
    while at < len(data):
        byte = data[at]
        at += 1
        if byte == 0 or 9 <= byte < 0x80:
            out.append(byte)
        elif byte < 9:
            out += data[at : at + byte]
            at += byte
        elif byte >= 0xC0:
            out += bytes((32, byte ^ 0x80))
        elif at < len(data):
            pair = byte << 8 | data[at]
            at += 1
            back, length = pair >> 3 & 0x7FF, (pair & 7) + 3
            for _ in range(length):
                if not 0 < back <= len(out):
                    break
                out.append(out[-back])
    return bytes(out)
