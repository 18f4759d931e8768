"""OpenDocument: texts, sheets, slides and drawings, packed or as one XML file; StarOffice's too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from plugins.documents import prose, tables
from plugins.documents.package import (
    BROKEN_XML,
    DAMAGED,
    TOO_LONG,
    Deadline,
    Fields,
    Handler,
    Late,
    Package,
    parse,
    unpacked,
)
from plugins.documents.source import Limits, Source, opened
from plugram import SandboxRefused

_MOST_REPEATED = 10
"""Times that an equal cell or row is told: sheets are filled up with thousands."""
_MOST_TEXT = 20 << 20
_OBJECT = re.compile(r"(?:\./)?([^/]+)/content\.xml\Z")
_PROPERTIES = ("title", "creator", "initial-creator", "subject", "keyword", "description")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the `paragraph` they start at; of a presentation with their `slide`, of a
    spreadsheet with their `sheet` and `row`. Headers and footers, comments, notes and embedded
    charts after them, with `part`. `metadata`: title, author, subject, keywords, created, pages,
    words."""
    with unpacked(source, limits) as package:
        if b"encryption-data" in package.read("META-INF/manifest.xml", 1 << 20):
            raise SandboxRefused("the document asks for a password", reason="encrypted")
        body, meta = Body(), Fields()
        if not package.parse("content.xml", body):
            if not body.pieces:
                raise SandboxRefused("its text is damaged", reason="corrupt")
            package.warn(DAMAGED)
        package.parse("meta.xml", meta)
        beside = _beside(package, body)
    return _result(body, meta, beside, package.warnings)


def flat(source: Source, limits: Limits) -> dict[str, Any]:
    """The same of a document that is one XML file."""
    body, warnings = Body(), []
    meta = Fields()
    try:
        with opened(source) as stream:
            parse(stream, _Both(body, meta), Deadline(limits))
    except Late:
        warnings = [TOO_LONG]
    except BROKEN_XML:
        if not body.pieces:
            raise SandboxRefused("its text is damaged", reason="corrupt") from None
        warnings = [DAMAGED]
    return _result(body, meta, [], warnings)


def _result(
    body: Body, meta: Fields, beside: list[prose.SectionDict], warnings: list[str]
) -> dict[str, Any]:
    sections = _sections(body) + beside
    if not sections:
        raise SandboxRefused("there is no text in the document", reason="empty")
    told = [meta.values.get(name, "") for name in _PROPERTIES]
    told += [f"{name}: {value}" for name, value in meta.custom]
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": _metadata(meta, body) | {"words": words},
        "warnings": warnings,
    }


def _metadata(meta: Fields, body: Body) -> dict[str, Any]:
    values = meta.values
    found = {
        "title": values.get("title", ""),
        "author": values.get("initial-creator") or values.get("creator", ""),
        "subject": values.get("subject", ""),
        "keywords": values.get("keyword", ""),
        "created": values.get("creation-date", ""),
    }
    counted = {"slides": len(body.slides), "sheets": len(body.sheets)}
    return {key: value for key, value in {**found, **counted}.items() if value}


def _beside(package: Package, body: Body) -> list[prose.SectionDict]:
    """Headers and footers of the styles, and the charts and formulas that are embedded."""
    printed = Body(only=frozenset({"header", "footer", "header-left", "footer-left"}))
    package.parse("styles.xml", printed)
    found = {"header": printed.pieces, "comments": body.asides}
    sections = [
        prose.section(text, part=part)
        for part, pieces in found.items()
        if (text := "\n".join(dict.fromkeys(piece.text for piece in pieces)))
    ]
    for name in package.names:
        if name != "content.xml" and _OBJECT.search(name):
            inner = Body()
            package.parse(name, inner)
            text = "\n".join(
                [piece.text for piece in inner.pieces]
                + [row for sheet in inner.sheets for _, row in sheet.rows]
            )
            if text:
                sections.append(prose.section(prose.tidy(text), part="chart"))
    return sections


def _sections(body: Body) -> list[prose.SectionDict]:
    if body.slides:
        return _slides(body)
    found: list[prose.SectionDict] = []
    for sheet in body.sheets:
        rows = tables.sections(sheet.rows, heading=sheet.name, sheet=sheet.name)
        if rows:
            rows[0]["text"] = f"{sheet.name}\n\n{rows[0]['text']}"
        found += rows
    held: list[tuple[int, str]] = []
    heading = ""
    for number, piece in enumerate(body.pieces, 1):
        if piece.heading:
            found += prose.gather(held, "paragraph", heading)
            held, heading = [], prose.one_line(piece.text)
        held.append((number, piece.text))
    return found + prose.gather(held, "paragraph", heading)


def _slides(body: Body) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    for number, slide in enumerate(body.slides, 1):
        for part, pieces in (("", slide.pieces), ("notes", slide.notes)):
            text = "\n".join(piece.text for piece in pieces)
            place = {"slide": number} | ({"part": part} if part else {})
            if text:
                heading = next((piece.text for piece in slide.pieces if piece.heading), "")
                found.append(prose.section(text, prose.one_line(heading), **place))
    return found


class _Both(Handler):
    """Hands the parts of a flat document to those who read them when it is packed."""

    def __init__(self, body: Body, meta: Fields) -> None:
        self._body, self._meta = body, meta
        self._to: Handler = Handler()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in {"body", "meta", "styles", "automatic-styles", "master-styles", "settings"}:
            self._to = {"body": self._body, "meta": self._meta}.get(name, Handler())
        self._to.start(name, attributes)

    def text(self, text: str) -> None:
        self._to.text(text)

    def end(self, name: str) -> None:
        self._to.end(name)


class _Piece:
    __slots__ = ("heading", "text")

    def __init__(self, text: str, heading: bool) -> None:
        self.text, self.heading = text, heading


class _Slide:
    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.notes: list[_Piece] = []


class _Table:
    """A table of a text, or a sheet. Cells hold paragraphs, or a table of their own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[tuple[int, str]] = []
        self.number = 0
        self.cells: list[str] = []
        self.cell: list[str] = []
        self.value = ""
        self.cell_times = self.row_times = 1


_SKIPPED = frozenset(
    {
        "tracked-changes",
        "deletion",
        "ruby-text",
        "forms",
        "binary-data",
        "script",
        "event-listeners",
    }
    | {"sequence-decls", "variable-decls", "user-field-decls", "font-face-decls", "annotation-end"}
    | {"automatic-styles", "shapes-index", "calculation-settings", "scripts", "chapter-number"}
)
_SIGNS = {"tab": "\t", "line-break": "\n", "tab-stop": "\t", "soft-page-break": ""}


class Body(Handler):
    """Paragraphs, tables and slides. `only`: elements whose content alone is of interest."""

    def __init__(self, only: frozenset[str] = frozenset()) -> None:
        self.pieces: list[_Piece] = []
        self.asides: list[_Piece] = []
        """Comments."""
        self.sheets: list[_Table] = []
        self.slides: list[_Slide] = []
        self._only = only
        self._inside = 0 if only else 1
        self._open: list[tuple[list[str], bool]] = []
        self._tables: list[_Table] = []
        self._boxes: list[list[_Piece]] = []
        self._skip = 0
        self._in_notes = self._in_comment = 0
        self._is_sheet = False
        self._is_title = False
        self._size = 0
        self._starts: dict[str, Callable[[dict[str, str]], None]] = {
            "p": lambda _: self._begin(heading=False),
            "h": lambda _: self._begin(heading=True),
            "title": lambda _: self._begin(heading=False),
            "desc": lambda _: self._begin(heading=False),
            "mi": lambda _: None,
            "s": lambda attributes: self._add(" " * _count(attributes.get("c", "1"), 100)),
            "page": self._begin_page,
            "table": self._begin_table,
            "table-row": self._begin_row,
            "table-cell": self._begin_cell,
            "covered-table-cell": self._begin_cell,
            "spreadsheet": self._begin_sheets,
            "notes": lambda _: self._count_notes(1),
            "annotation": lambda _: self._count_comment(1),
            "frame": self._begin_frame,
            "math": lambda _: self._begin(heading=False),
        }
        self._ends: dict[str, Callable[[], None]] = {
            "p": self._end,
            "h": self._end,
            "title": self._end,
            "desc": self._end,
            "math": self._end,
            "table": self._end_table,
            "table-row": self._end_row,
            "table-cell": self._end_cell,
            "covered-table-cell": self._end_cell,
            "notes": lambda: self._count_notes(-1),
            "annotation": lambda: self._count_comment(-1),
        }

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skip or name in _SKIPPED:
            self._skip += 1
            return
        if name in self._only:
            self._inside += 1
        if not self._inside:
            return
        if name in self._starts:
            self._starts[name](attributes)
        elif name in _SIGNS:
            self._add(_SIGNS[name])

    def end(self, name: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        if self._inside and name in self._ends:
            self._ends[name]()
        if name in self._only:
            self._inside -= 1

    def text(self, text: str) -> None:
        if self._open and not self._skip and self._size < _MOST_TEXT:
            # Spaces and line ends of the file are one space; others are written as elements.
            self._open[-1][0].append(re.sub(r"[ \t\r\n]+", " ", text))
            self._size += len(text)

    def _add(self, text: str) -> None:
        if self._open:
            self._open[-1][0].append(text)

    def _begin(self, *, heading: bool) -> None:
        self._open.append(([], heading))
        self._boxes.append([])

    def _end(self) -> None:
        if not self._open:
            return
        parts, heading = self._open.pop()
        text = prose.tidy("".join(parts)).strip()
        boxes = self._boxes.pop()
        pieces = [_Piece(text, heading or self._is_title), *boxes] if text else boxes
        for piece in pieces:
            self._put(piece)

    def _put(self, piece: _Piece) -> None:
        if self._in_comment:
            self.asides.append(piece)
        elif self._boxes:  # in a frame within a paragraph: after it
            self._boxes[-1].append(piece)
        elif self._tables:
            self._tables[-1].cell.append(piece.text)
        elif self.slides:
            slide = self.slides[-1]
            (slide.notes if self._in_notes else slide.pieces).append(piece)
        else:
            self.pieces.append(piece)

    def _begin_frame(self, attributes: dict[str, str]) -> None:
        self._is_title = attributes.get("class") == "title"

    def _begin_page(self, _: dict[str, str]) -> None:
        self.slides.append(_Slide())

    def _begin_sheets(self, _: dict[str, str]) -> None:
        self._is_sheet = True

    def _count_notes(self, by: int) -> None:
        self._in_notes += by

    def _count_comment(self, by: int) -> None:
        self._in_comment += by

    def _begin_table(self, attributes: dict[str, str]) -> None:
        self._tables.append(_Table(prose.one_line(attributes.get("name", ""))))

    def _begin_row(self, attributes: dict[str, str]) -> None:
        if self._tables:
            table = self._tables[-1]
            table.number += 1
            table.cells = []
            table.row_times = _count(attributes.get("number-rows-repeated", "1"), 1 << 30)

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        if self._tables:
            table = self._tables[-1]
            table.cell = []
            table.value = attributes.get("value", "") or attributes.get("string-value", "")
            table.cell_times = _count(
                attributes.get("number-columns-repeated", "1"), _MOST_REPEATED
            )

    def _end_cell(self) -> None:
        if self._tables:
            table = self._tables[-1]
            text = " ".join(table.cell) or table.value
            if text or table.cell_times == 1:
                table.cells += [text] * table.cell_times
            else:
                table.cells.append("")

    def _end_row(self) -> None:
        if not self._tables:
            return
        table = self._tables[-1]
        line = tables.line(table.cells)
        if line.strip():
            for repeated in range(min(table.row_times, _MOST_REPEATED)):
                table.rows.append((table.number + repeated, line.strip("\t")))
        table.number += table.row_times - 1

    def _end_table(self) -> None:
        if not self._tables:
            return
        table = self._tables.pop()
        if self._is_sheet and not self._tables:
            self.sheets.append(table)
            return
        text = "\n".join(line for _, line in table.rows)
        if text:
            self._put(_Piece(text, heading=False))


def _count(text: str, most: int) -> int:
    return max(1, min(int(text), most)) if text.isdecimal() else 1
