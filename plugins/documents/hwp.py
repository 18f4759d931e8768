"""HWP 5: the text of Hangul's documents, in Korea what .doc is elsewhere."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import olefile

from plugins.documents import compound, prose
from plugram import SandboxRefused

_PARAGRAPH_TEXT = 67
_COMPRESSED, _LOCKED = 1, 2
_MOST = 32 << 20
# Codes below 32 are controls: these are one character wide, the others eight.
_NARROW = frozenset({0, 10, 13, 24, 25, 26, 27, 28, 29, 30, 31})
_SIGNS = {9: "\t", 10: "\n", 13: "\n", 24: "-", 30: " ", 31: " "}


def read(ole: olefile.OleFileIO[Any]) -> list[prose.SectionDict]:
    header = compound.stream(ole, "FileHeader")
    flags = struct.unpack_from("<L", header, 36)[0] if len(header) >= 40 else _COMPRESSED
    if flags & _LOCKED:
        raise SandboxRefused("the document asks for a password", reason="encrypted")
    paths = sorted(path for path in ole.listdir() if path[0] == "BodyText")
    lines: list[str] = []
    for path in paths:
        data = compound.stream(ole, *path)
        if flags & _COMPRESSED:
            data = _unpacked(data)
        lines += _paragraphs(data)
    told = [line for line in (prose.tidy(line).strip() for line in lines) if line]
    return prose.gather(enumerate(told, 1), "paragraph")


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _MOST)
    except zlib.error:
        return b""


def _paragraphs(data: bytes) -> Iterator[str]:
    at = 0
    while at + 4 <= len(data):
        (head,) = struct.unpack_from("<L", data, at)
        at += 4
        kind, size = head & 0x3FF, head >> 20
        if size == 0xFFF:
            if at + 4 > len(data):
                return
            (size,) = struct.unpack_from("<L", data, at)
            at += 4
        if kind == _PARAGRAPH_TEXT:
            yield _text(data[at : at + size])
        at += size


def _text(data: bytes) -> str:
    codes = struct.unpack(f"<{len(data) // 2}H", data[: len(data) & ~1])
    parts: list[bytes | str] = []
    at = 0
    while at < len(codes):
        code = codes[at]
        if code >= 32:
            parts.append(struct.pack("<H", code).decode("utf-16-le", "surrogatepass"))
            at += 1
        else:
            parts.append(_SIGNS.get(code, ""))
            at += 1 if code in _NARROW else 8
    text = "".join(map(str, parts))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
