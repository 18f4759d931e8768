"""Outlook's messages (.msg)."""

from __future__ import annotations

import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import olefile

from plugins.documents import compound, html, members, prose, rtf
from plugins.documents.source import Limits
from plugins.documents.text import decode

_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_FROM, _FROM_ADDRESS, _TO, _CC, _BCC = "0C1A", "0C1F", "0E04", "0E03", "0E02"
_SMTP = "5D01"
_NAME, _LONG_NAME, _DATA = "3704", "3707", "3701"
_CODE_PAGES = (0x3FFD, 0x3FDE)
_SENT, _DELIVERED = 0x0039, 0x0E06
_ROW = struct.Struct("<HHLQ")
_DEEPEST = 10
_RTF_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
"""What every compressed text may refer to (MS-OXRTFCP 2.2.2.1)."""
_MOST_RTF = 32 << 20


def read(
    ole: olefile.OleFileIO[Any], limits: Limits
) -> tuple[list[prose.SectionDict], dict[str, Any]]:
    """(sections, metadata) as of other e-mail."""
    message = _Message(ole, [], limits, compound.children(ole))
    subject = message.text(_SUBJECT)
    head = message.headers()
    text = "\n".join(head) + "\n\n" + message.body()
    pieces = enumerate((piece for _, piece in prose.paragraphs(prose.tidy(text))), 1)
    found = prose.gather(pieces, "paragraph", prose.one_line(subject))
    attached, count = message.attachments(0)
    metadata = {
        "title": prose.one_line(subject),
        "author": prose.one_line(message.sender()),
        "created": message.sent(),
        "attachments": count,
    }
    return found + attached, {key: value for key, value in metadata.items() if value}


class _Message:
    """A message at a place in the file: the file itself, or one that is attached."""

    def __init__(
        self,
        ole: olefile.OleFileIO[Any],
        at: list[str],
        limits: Limits,
        tree: dict[tuple[str, ...], list[list[str]]],
    ) -> None:
        self._ole, self._at, self._limits, self._tree = ole, at, limits, tree
        self._streams = {path[-1].upper(): path for path in tree.get(tuple(at), ())}
        self._numbers = self._fixed()
        pages = [self._numbers.get(key, 0) & 0xFFFFFFFF for key in _CODE_PAGES]
        page = next((one for one in pages if one), 1252)
        self._encoding = {65001: "utf-8", 20127: "cp1252", 28591: "cp1252"}.get(page, f"cp{page}")

    def _at_place(self, path: list[str]) -> _Message:
        return _Message(self._ole, path, self._limits, self._tree)

    def _fixed(self) -> dict[int, int]:
        """Values that fit into eight bytes, by their number."""
        data = compound.stream(self._ole, *self._at, "__properties_version1.0")
        skipped = 32 if not self._at else 24 if "__substg" in self._at[-1] else 8
        found: dict[int, int] = {}
        for at in range(skipped, len(data) - _ROW.size + 1, _ROW.size):
            _, key, _, value = _ROW.unpack_from(data, at)
            found[key] = value
        return found

    def raw(self, key: str, kind: str) -> bytes:
        path = self._streams.get(f"__SUBSTG1.0_{key}{kind}")
        return compound.stream(self._ole, *path) if path else b""

    def text(self, key: str) -> str:
        wide = self.raw(key, "001F")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        return self._decoded(self.raw(key, "001E")).rstrip("\0")

    def _decoded(self, data: bytes) -> str:
        return decode(data, self._encoding)[0] if data else ""

    def sender(self) -> str:
        name = self.text(_FROM)
        address = self.text(_SMTP) or self.text(_FROM_ADDRESS)
        return f"{name} <{address}>" if "@" in address and address != name else name or address

    def recipients(self) -> str:
        found = []
        for path in self._tree.get(tuple(self._at), ()):
            if path[-1].startswith("__recip"):
                one = self._at_place(path)
                name, address = one.text("3001"), one.text("39FE") or one.text("3003")
                found.append(f"{name} <{address}>" if "@" in address and name != address else name)
        return ", ".join(one for one in found if one)

    def headers(self) -> list[str]:
        told = {
            "Subject": self.text(_SUBJECT),
            "From": self.sender(),
            "To": self.text(_TO),
            "Cc": self.text(_CC),
            "Bcc": self.text(_BCC),
            "Recipients": self.recipients(),
            "Date": self.sent(),
        }
        return [f"{key}: {prose.one_line(value)}" for key, value in told.items() if value.strip()]

    def sent(self) -> str:
        ticks = self._numbers.get(_SENT) or self._numbers.get(_DELIVERED)
        if not ticks:
            return ""
        with suppress(OverflowError):
            start = datetime(1601, 1, 1, tzinfo=UTC)
            return (start + timedelta(microseconds=ticks // 10)).isoformat(timespec="seconds")
        return ""

    def body(self) -> str:
        plain = self.text(_BODY)
        if plain.strip():
            return plain
        page = self.raw(_HTML, "0102") or self.raw(_HTML, "001E")
        if page or self.text(_HTML):
            data = page or self.text(_HTML).encode()
            return "\n\n".join(one["text"] for one in html.sections_of(data))
        packed = self.raw(_RTF, "0102")
        return rtf.text_of(unpacked(packed)) if packed else ""

    def attachments(self, depth: int) -> tuple[list[prose.SectionDict], int]:
        found: list[prose.SectionDict] = []
        count = 0
        for path in self._tree.get(tuple(self._at), ()):
            if not path[-1].startswith("__attach"):
                continue
            count += 1
            one = self._at_place(path)
            name = prose.one_line(one.text(_LONG_NAME) or one.text(_NAME) or one.text("3001"))
            inner = [*path, f"__substg1.0_{_DATA}000D"]
            if self._ole.exists(inner) and depth < _DEEPEST:
                found += self._inner(inner, name, depth)
                continue
            if name:
                found.append(prose.section(name, name, member=name))
            data = one.raw(_DATA, "0102")
            if data:
                found += members.read(self._limits, name or "attachment", data)
        return found, count

    def _inner(self, path: list[str], name: str, depth: int) -> list[prose.SectionDict]:
        message = self._at_place(path)
        head = "\n".join(message.headers())
        text = prose.tidy(f"{head}\n\n{message.body()}")
        attached, _ = message.attachments(depth + 1)
        place = name or prose.one_line(message.text(_SUBJECT)) or "message"
        pieces = enumerate((piece for _, piece in prose.paragraphs(text)), 1)
        own = prose.gather(pieces, "paragraph", place)
        return [{**one, "locator": {"member": place} | one["locator"]} for one in own + attached]


def unpacked(data: bytes) -> bytes:
    """Compressed RTF (MS-OXRTFCP)."""
    if len(data) < 16:
        return b""
    _, size, kind = struct.unpack_from("<2L4s", data)
    if kind == b"MELA":
        return data[16 : 16 + size]
    window = bytearray(4096)
    window[: len(_RTF_START)] = _RTF_START
    place = len(_RTF_START)
    out = bytearray()
    at = 16
    while at < len(data) and len(out) < min(size, _MOST_RTF):
        control = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data):
                return bytes(out)
            if control >> bit & 1:
                if at + 1 >= len(data):
                    return bytes(out)
                pair = data[at] << 8 | data[at + 1]
                at += 2
                start, length = pair >> 4, (pair & 0xF) + 2
                if start == place:
                    return bytes(out)
                for step in range(length):
                    byte = window[(start + step) % 4096]
                    out.append(byte)
                    window[place] = byte
                    place = (place + 1) % 4096
            else:
                byte = data[at]
                at += 1
                out.append(byte)
                window[place] = byte
                place = (place + 1) % 4096
    return bytes(out)
