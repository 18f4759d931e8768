"""Office before 2007 and other formats that are bytes, made record by record."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.plugins.documents.samples import compound


def word(path: Path, text: str, *, footnotes: str = "", wide: bool = True) -> Path:
    """Word 97: one piece of text, in UTF-16 or in Windows-1252."""
    whole = text + footnotes
    data = whole.encode("utf-16-le" if wide else "cp1252")
    head = bytearray(1024)
    struct.pack_into("<HH", head, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", head, 0x0A, 0x0200)
    struct.pack_into("<2L", head, 0x4C, len(text), len(footnotes))
    place = len(head) if wide else len(head) * 2 | 1 << 30
    pieces = struct.pack("<2L", 0, len(whole)) + struct.pack("<HLH", 0, place, 0)
    table = b"\x02" + struct.pack("<L", len(pieces)) + pieces
    struct.pack_into("<2L", head, 0x1A2, 0, len(table))
    return compound(path, {"WordDocument": bytes(head) + data, "1Table": table})


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<2H", kind, len(body)) + body


def excel(path: Path, sheet: str, cells: Mapping[tuple[int, int], str | float]) -> Path:
    """Excel 97: one sheet, texts and numbers by (row, column) from 0."""
    texts = [value for value in cells.values() if isinstance(value, str)]
    shared = struct.pack("<2L", len(texts), len(texts)) + b"".join(
        struct.pack("<HB", len(text), 1) + text.encode("utf-16-le") for text in texts
    )
    start = _record(0x809, struct.pack("<4H2L", 0x600, 5, 0, 0, 0, 0))
    fonts = _record(0x31, struct.pack("<5H4B", 200, 0, 8, 400, 0, 0, 0, 0, 0) + b"\x01\0A") * 5
    styles = _record(0xE0, struct.pack("<2H", 0, 0) + bytes(16)) * 16
    name = struct.pack("<BB", len(sheet), 1) + sheet.encode("utf-16-le")
    end = _record(0x0A, b"")

    def globals_of(place: int) -> bytes:
        listed = _record(0x85, struct.pack("<LH", place, 0) + name)
        return start + fonts + styles + listed + _record(0xFC, shared) + end

    rows = b""
    for (at, column), value in cells.items():
        if isinstance(value, str):
            rows += _record(0xFD, struct.pack("<3HL", at, column, 0, texts.index(value)))
        else:
            rows += _record(0x203, struct.pack("<3Hd", at, column, 0, value))
    own = _record(0x809, struct.pack("<4H2L", 0x600, 0x10, 0, 0, 0, 0)) + rows + end
    return compound(path, {"Workbook": globals_of(len(globals_of(0))) + own})


def _atom(kind: int, text: str) -> bytes:
    data = text.encode("utf-16-le" if kind == 4000 else "cp1252")
    return struct.pack("<2HL", 0, kind, len(data)) + data


def _container(kind: int, body: bytes) -> bytes:
    return struct.pack("<2HL", 0x0F, kind, len(body)) + body


def powerpoint(path: Path, slides: Sequence[Sequence[str]], notes: str = "") -> Path:
    """PowerPoint 97: slides of texts, and notes."""
    stream = b"".join(
        _container(1006, _container(1036, b"".join(_atom(4000, text) for text in texts)))
        for texts in slides
    )
    if notes:
        stream += _container(1008, _atom(4008, notes))
    return compound(path, {"PowerPoint Document": stream})


def outlook(path: Path, fields: Mapping[str, str], attached: Mapping[str, bytes]) -> Path:
    """A message: texts by their property, attachments by name."""
    streams = {"__properties_version1.0": bytes(32)}
    streams |= {f"__substg1.0_{key}001F": text.encode("utf-16-le") for key, text in fields.items()}
    for number, (name, data) in enumerate(attached.items()):
        place = f"__attach_version1.0_#{number:08X}"
        streams[f"{place}/__substg1.0_3707001F"] = name.encode("utf-16-le")
        streams[f"{place}/__substg1.0_37010102"] = data
    return compound(path, streams)


def hangul(path: Path, *paragraphs: str) -> Path:
    """HWP 5, compressed."""
    records = b""
    for text in paragraphs:
        data = text.encode("utf-16-le") + b"\r\0"
        records += struct.pack("<L", 67 | len(data) << 20) + data
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(records) + packer.flush()
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<LL", 0x05000000, 1)
    return compound(path, {"FileHeader": header, "BodyText/Section0": body})


def seven_zip(path: Path, files: Mapping[str, bytes], *, method: bytes = b"\x21") -> Path:
    """One folder, LZMA2. `method`: another coder's number, for what can't be unpacked."""
    data = b"".join(files.values())
    packed = lzma.compress(
        data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    )
    sizes = [len(content) for content in files.values()]
    names = b"\0" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in files)
    coder = bytes([0x20 | len(method)]) + method + b"\x01\x08"
    header = (
        b"\x01\x04\x06" + _seven(0) + b"\x01\x09" + _seven(len(packed)) + b"\0"
        + b"\x07\x0b\x01\0\x01" + coder + b"\x0c" + _seven(len(data)) + b"\0"
        + b"\x08\x0d" + _seven(len(files)) + b"\x09"
        + b"".join(map(_seven, sizes[:-1])) + b"\0\0"
        + b"\x05" + _seven(len(files)) + b"\x11" + _seven(len(names)) + names + b"\0\0"
    )  # fmt: skip
    start = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    head = b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<L", zlib.crc32(start)) + start
    path.write_bytes(head + packed + header)
    return path


def _seven(number: int) -> bytes:
    """A number below 2¹⁴ as 7z writes it."""
    return bytes([number]) if number < 0x80 else bytes([0x80 | number >> 8, number & 0xFF])


def rar(path: Path, *names: str) -> Path:
    """RAR 5: headers without contents."""
    data = b"Rar!\x1a\x07\x01\0"
    for kind, body in [(1, b"\0"), *((2, _entry(name)) for name in names), (5, b"\0")]:
        header = bytes([kind, 0]) + body
        data += bytes(4) + bytes([len(header)]) + header
    path.write_bytes(data)
    return path


def _entry(name: str) -> bytes:
    raw = name.encode()
    return bytes([0, 0, 0, 0, 0, len(raw)]) + raw


def winmail(path: Path, subject: str, body: str, attached: Mapping[str, bytes]) -> Path:
    data = struct.pack("<LH", 0x223E9F78, 1)

    def attribute(level: int, kind: int, value: bytes) -> bytes:
        return struct.pack("<BHHL", level, kind, 0, len(value)) + value + b"\0\0"

    data += attribute(1, 0x8004, subject.encode() + b"\0")
    data += attribute(1, 0x800C, body.encode() + b"\0")
    for name, content in attached.items():
        data += attribute(2, 0x9002, bytes(14)) + attribute(2, 0x8010, name.encode() + b"\0")
        data += attribute(2, 0x800F, content)
    path.write_bytes(data)
    return path


def mobi(path: Path, page: str, title: str) -> Path:
    """A book whose text isn't packed."""
    text, name = page.encode(), title.encode()
    head = struct.pack(">HHLHHHH", 1, 0, len(text), 1, 4096, 0, 0) + b"MOBI"
    head += struct.pack(">LLL", 232, 2, 65001)
    head = head.ljust(84, b"\0") + struct.pack(">LL", 248, len(name))
    head = head.ljust(248, b"\0") + name
    first = 78 + 8 * 2 + 2
    entries = struct.pack(">LLLL", first, 0, first + len(head), 0)
    record = b"book".ljust(60, b"\0") + b"BOOKMOBI" + bytes(8) + struct.pack(">H", 2)
    path.write_bytes(record + entries + b"\0\0" + head + text)
    return path
