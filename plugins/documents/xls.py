"""Excel before 2007: every sheet, its cells as they are shown."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import StringIO
from typing import Any

import xlrd
from xlrd.biffh import XLRDError, error_text_from_code
from xlrd.compdoc import CompDocError
from xlrd.formula import FormulaError

from plugins.documents import numbers, prose, tables
from plugram import SandboxRefused

_TXO, _CONTINUE, _HEADER, _FOOTER, _SERIES_TEXT = 0x01B6, 0x003C, 0x0014, 0x0015, 0x100D
_BROKEN = (
    XLRDError, CompDocError, FormulaError, AssertionError, AttributeError, IndexError, KeyError,
    NotImplementedError, OverflowError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What xlrd raises over a damaged file."""


def read(data: bytes, stream: bytes) -> list[prose.SectionDict]:
    """`stream`: the workbook alone, for the text boxes in it."""
    try:
        book = _opened(data)
        found = [section for sheet in book.sheets() for section in _sheet(book, sheet)]
    except _BROKEN as error:
        if "encrypted" in str(error):
            raise SandboxRefused("the workbook asks for a password", reason="encrypted") from None
        raise SandboxRefused(f"not a readable workbook: {error}", reason="corrupt") from None
    boxes = prose.tidy("\n".join(dict.fromkeys(_boxes(stream)))).strip()
    return [*found, prose.section(boxes, part="drawing")] if boxes else found


def _opened(data: bytes) -> xlrd.Book:
    """With formats if they can be read."""
    for formats in (True, False):
        try:
            return xlrd.open_workbook(
                file_contents=data,
                logfile=StringIO(),
                formatting_info=formats,
                ragged_rows=True,
                ignore_workbook_corruption=True,
            )
        except _BROKEN as error:
            if not formats or "encrypted" in str(error):
                raise
    raise AssertionError("unreachable")


def _sheet(book: xlrd.Book, sheet: Any) -> Iterator[prose.SectionDict]:
    title = prose.one_line(sheet.name)
    rows = []
    for index in range(sheet.nrows):
        cells = [_shown(book, cell) for cell in sheet.row(index)]
        line = tables.line(cell for cell in cells if cell)
        if line.strip():
            rows.append((index + 1, line))
    found = tables.sections(rows, heading=title, sheet=title)
    if found:
        found[0]["text"] = f"{title}\n\n{found[0]['text']}"
    yield from found
    notes = [note.text for note in sheet.cell_note_map.values()]
    links = [link.desc or "" for link in sheet.hyperlink_list]
    beside = prose.tidy("\n".join(text.strip() for text in [*notes, *links] if text)).strip()
    if beside:
        yield prose.section(beside, title, sheet=title, part="comments")


def _shown(book: xlrd.Book, cell: Any) -> str:
    match cell.ctype:
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            return numbers.shown(cell.value, _format(book, cell), since_1904=book.datemode == 1)
        case xlrd.XL_CELL_BOOLEAN:
            return "TRUE" if cell.value else "FALSE"
        case xlrd.XL_CELL_ERROR:
            return str(error_text_from_code.get(cell.value, ""))
    return str(cell.value)


def _format(book: xlrd.Book, cell: Any) -> str:
    if cell.xf_index is None or cell.xf_index >= len(book.xf_list):
        return ""
    key = book.xf_list[cell.xf_index].format_key
    known = book.format_map.get(key)
    code = numbers.built_in(key) or (known.format_str if known else "")
    return "" if code.lower() == "general" else code


def _boxes(stream: bytes) -> Iterator[str]:
    """Records that xlrd passes over: text boxes, titles of charts, headers and footers of pages."""
    at = 0
    in_box = False
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<2H", stream, at)
        body = stream[at + 4 : at + 4 + length]
        at += 4 + length
        if kind == _TXO:
            in_box = True
        elif kind == _CONTINUE and in_box and body:
            in_box = False
            yield _text(body[0], body[1:])
        elif kind == _SERIES_TEXT and len(body) > 4:
            yield _text(body[3], body[4:])
        elif kind in {_HEADER, _FOOTER} and len(body) > 3:
            yield _printed(_text(body[2], body[3:]))


def _text(flags: int, data: bytes) -> str:
    return data.decode("utf-16-le" if flags & 1 else "latin-1", "replace")


def _printed(text: str) -> str:
    from plugins.documents.xlsx import PRINT_CODE

    return prose.one_line(PRINT_CODE.sub(" ", text))
