"""XLSB: a workbook in Excel's binary records."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from plugins.documents import drawing, numbers, prose, tables
from plugins.documents.package import BROKEN_ZIP, DAMAGED, TOO_LONG, Package

_ROW, _BLANK, _RK, _BOOL, _REAL, _STRING, _SHARED = 0, 1, 2, 4, 5, 6, 7
_FORMULA_STRING, _FORMULA_NUMBER, _FORMULA_BOOL, _FORMULA_ERROR = 8, 9, 10, 11
_ITEM, _FORMAT, _CELL_FORMAT, _SHEET, _BOOK = 19, 44, 47, 156, 153
_CELL_FORMATS, _END_CELL_FORMATS, _COMMENT_TEXT = 617, 618, 637
_MOST_TEXT = 20 << 20
_LONGEST_RECORD = 1 << 24


def read(package: Package, main: str) -> list[prose.SectionDict]:
    """As of XLSX: sheets, and what lies on them."""
    parts = {key: part for key, _, part in package.links(main)}
    sheets, since_1904 = _book(package, main)
    strings = [
        _wide(data, 1)[0]
        for part in package.related(main, "sharedStrings")
        for kind, data in _records(package, part)
        if kind == _ITEM
    ]
    codes = [code for part in package.related(main, "styles") for code in _codes(package, part)]
    found: list[prose.SectionDict] = []
    size = 0
    for name, key in sheets:
        title, part = prose.one_line(name), parts.get(key, "")
        rows = list(_rows(package, part, _Book(strings, codes, since_1904)))
        size += sum(len(line) for _, line in rows)
        own = tables.sections(rows, heading=title, sheet=title)
        if own:
            own[0]["text"] = f"{title}\n\n{own[0]['text']}"
        found += own + _beside(package, part, title)
        if size > _MOST_TEXT:
            package.warn(TOO_LONG)
            break
    return found


def _beside(package: Package, part: str, title: str) -> list[prose.SectionDict]:
    drawn = drawing.told(package, part, ("drawing",))
    texts = {"drawing": [line for _, lines in drawn for line in lines]}
    texts["comments"] = [
        _wide(data, 1)[0]
        for comments in package.related(part, "comments")
        for kind, data in _records(package, comments)
        if kind == _COMMENT_TEXT
    ]
    return [
        prose.section(text, title, sheet=title, part=kind)
        for kind, lines in texts.items()
        if (text := prose.tidy("\n".join(lines)).strip())
    ]


def _book(package: Package, main: str) -> tuple[list[tuple[str, str]], bool]:
    sheets: list[tuple[str, str]] = []
    since_1904 = False
    for kind, data in _records(package, main):
        if kind == _SHEET:
            key, at = _wide(data, 8)
            sheets.append((_wide(data, at)[0], key))
        elif kind == _BOOK and data:
            since_1904 = bool(data[0] & 1)
    return sheets, since_1904


def _codes(package: Package, part: str) -> Iterator[str]:
    """Number format by the number of the cell's style."""
    own: dict[int, str] = {}
    of_cells = False
    for kind, data in _records(package, part):
        if kind == _FORMAT:
            own[struct.unpack_from("<H", data)[0]] = _wide(data, 2)[0]
        elif kind in {_CELL_FORMATS, _END_CELL_FORMATS}:
            of_cells = kind == _CELL_FORMATS
        elif kind == _CELL_FORMAT and of_cells:
            key = struct.unpack_from("<H", data, 2)[0]
            code = own.get(key) or numbers.built_in(key)
            yield "" if code.lower() == "general" else code


class _Book:
    def __init__(self, strings: list[str], codes: list[str], since_1904: bool) -> None:
        self._strings, self._codes, self._since_1904 = strings, codes, since_1904

    def shown(self, kind: int, data: bytes) -> str:
        """A cell: its column, its style, its value."""
        style = int.from_bytes(data[4:7], "little")
        if kind == _RK:
            return self._number(_rk(*struct.unpack_from("<l", data, 8)), style)
        if kind in {_REAL, _FORMULA_NUMBER}:
            return self._number(struct.unpack_from("<d", data, 8)[0], style)
        if kind in {_BOOL, _FORMULA_BOOL}:
            return "TRUE" if data[8] else "FALSE"
        if kind in {_STRING, _FORMULA_STRING}:
            return _wide(data, 8)[0]
        if kind == _SHARED:
            (index,) = struct.unpack_from("<L", data, 8)
            return self._strings[index] if index < len(self._strings) else ""
        return ""

    def _number(self, value: float, style: int) -> str:
        code = self._codes[style] if style < len(self._codes) else ""
        return numbers.shown(value, code, since_1904=self._since_1904)


def _rk(raw: int) -> float:
    """A number in 30 bits: a whole one, or the upper half of another; in hundredths or not."""
    if raw & 2:
        value = float(raw >> 2)
    else:
        value = struct.unpack("<d", b"\0\0\0\0" + struct.pack("<l", raw & ~3))[0]
    return value / 100 if raw & 1 else value


def _rows(package: Package, part: str, book: _Book) -> Iterator[tuple[int, str]]:
    cells: list[str] = []
    row = 0
    for kind, data in _records(package, part):
        if kind == _ROW and len(data) >= 4:
            if line := tables.line(cells).strip():
                yield row, line
            cells, row = [], struct.unpack_from("<L", data)[0] + 1
        elif _BLANK < kind <= _FORMULA_ERROR and len(data) >= 9:
            cells += filter(None, [book.shown(kind, data)])
    if line := tables.line(cells).strip():
        yield row, line


def _records(package: Package, part: str) -> Iterator[tuple[int, bytes]]:
    stream = package.open(part)
    if stream is None:
        return
    try:
        with stream:
            while record := _record(stream):
                yield record
                if package.late:
                    package.warn(TOO_LONG)
                    return
    except (struct.error, *BROKEN_ZIP):
        package.warn(DAMAGED)


def _record(stream: BinaryIO) -> tuple[int, bytes] | None:
    """(kind, bytes). Both numbers have seven bits a byte, the kind keeps all of them."""
    first = stream.read(1)
    if not first:
        return None
    kind = first[0]
    if kind & 0x80:
        kind = (kind & 0x7F) | (stream.read(1) or b"\0")[0] << 7
    size = 0
    for shift in range(0, 28, 7):
        byte = (stream.read(1) or b"\0")[0]
        size |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return kind, stream.read(min(size, _LONGEST_RECORD))


def _wide(data: bytes, at: int) -> tuple[str, int]:
    """(text, where it ends): its length, then UTF-16."""
    if at + 4 > len(data):
        return "", len(data)
    (length,) = struct.unpack_from("<L", data, at)
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * length
    return data[at + 4 : end].decode("utf-16-le", "replace"), end
