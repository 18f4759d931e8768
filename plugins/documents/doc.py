"""Word before 2007: the pieces of its text, in their order."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

import olefile

from plugins.documents import compound, members, prose
from plugins.documents.source import Limits
from plugram import SandboxRefused

_COMPLEX, _ENCRYPTED, _OTHER_TABLE = 0x0004, 0x0100, 0x0200
_PARTS = ("", "footnotes", "header", "macros", "comments", "endnotes", "textboxes", "textboxes")
"""What the text consists of, one after the other (`ccpText` … `ccpHdrTxbx`)."""
_LENGTHS = 0x4C
_TEXT_BOUNDS = 0x18
_PIECES = 0x01A2
_WORD_97 = 0x00C1
_FIELD = re.compile("\x13([^\x13\x14\x15]*)(?:\x14([^\x13\x15]*))?\x15")
_MOST_FIELDS = 20
_COMPRESSED = 1 << 30
# A cell's end, a row's end, and what Word draws itself: pictures, notes' marks, fields.
_CELL, _SPECIAL = "\x07", re.compile("[\x00-\x06\x08\x0e-\x18\x1a-\x1d]")
_SIGNS = str.maketrans({"\x0b": "\n", "\x0c": "\n", "\x0d": "\n", "\x1e": "-", "\x1f": "\u00ad"})


def read(ole: olefile.OleFileIO[Any], limits: Limits) -> list[prose.SectionDict]:
    main = compound.stream(ole, "WordDocument")
    if len(main) < 0x60:
        raise SandboxRefused("its text is damaged", reason="corrupt")
    (flags,) = struct.unpack_from("<H", main, 0x0A)
    if flags & _ENCRYPTED:
        raise SandboxRefused("the document asks for a password", reason="encrypted")
    (version,) = struct.unpack_from("<H", main, 2)
    if version < _WORD_97:
        return _sections({"": _old(main, flags)})
    table = compound.stream(ole, "1Table" if flags & _OTHER_TABLE else "0Table")
    text = "".join(_pieces(main, table)) or _old(main, flags)
    return _sections(_parts(text, main)) + _embedded(ole, limits)


def _old(main: bytes, flags: int) -> str:
    """Word 6 and 95: one run of bytes."""
    first, last = struct.unpack_from("<2L", main, _TEXT_BOUNDS)
    data = main[first:last]
    from plugins.documents.text import decode

    return (
        data.decode("utf-16-le", "replace")
        if data[1::2].count(0) > len(data) // 3
        else decode(data)[0]
    )


def _pieces(main: bytes, table: bytes) -> Iterator[str]:
    """A file that was saved quickly has its text in pieces, in two encodings."""
    if len(main) < _PIECES + 8:
        return
    start, length = struct.unpack_from("<2L", main, _PIECES)
    found = _piece_table(table[start : start + length])
    if found is None:
        return
    count = (len(found) - 4) // 12
    bounds = struct.unpack_from(f"<{count + 1}L", found)
    for index in range(count):
        (place,) = struct.unpack_from("<L", found, 4 * (count + 1) + 8 * index + 2)
        size = bounds[index + 1] - bounds[index]
        if size <= 0 or size > len(main):
            continue
        if place & _COMPRESSED:
            at = (place & ~_COMPRESSED) // 2
            yield main[at : at + size].decode("cp1252", "replace")
        else:
            yield main[place : place + 2 * size].decode("utf-16-le", "replace")


def _piece_table(data: bytes) -> bytes | None:
    """After the changes of format, which have a length each."""
    at = 0
    while at + 5 <= len(data):
        if data[at] == 2:
            (size,) = struct.unpack_from("<L", data, at + 1)
            return data[at + 5 : at + 5 + size]
        if data[at] != 1:
            return None
        at += 3 + struct.unpack_from("<H", data, at + 1)[0]
    return None


def _parts(text: str, main: bytes) -> dict[str, str]:
    """The text itself, then notes, headers, comments, text boxes, as long as the file says."""
    lengths = struct.unpack_from("<8L", main, _LENGTHS)
    found: dict[str, str] = {}
    at = 0
    for part, length in zip(_PARTS, lengths, strict=True):
        if length and at < len(text):
            found[part] = found.get(part, "") + text[at : at + length]
        at += length
    return found or {"": text}


def _sections(parts: dict[str, str]) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    for part, text in parts.items():
        lines = [line for line in _shown(text).split("\n") if line.strip()]
        if not part:
            found += prose.gather(enumerate(lines, 1), "paragraph")
        elif lines:
            found.append(prose.section("\n".join(dict.fromkeys(lines)), part=part))
    return found


def _shown(text: str) -> str:
    """Fields show their results, not their codes; tables a row a line."""
    for _ in range(_MOST_FIELDS):
        text, changed = _FIELD.subn(lambda match: match[2] or "", text)
        if not changed:
            break
    text = text.replace(_CELL + _CELL, "\n").replace(_CELL, "\t").translate(_SIGNS)
    return prose.tidy(_SPECIAL.sub("", text))


def _embedded(ole: olefile.OleFileIO[Any], limits: Limits) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    for storage in compound.storages(ole, "ObjectPool"):
        for name, data in compound.objects(ole, storage):
            found += members.read(limits, name, data)
    return found
