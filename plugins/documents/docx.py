"""DOCX, read straight from its XML: python-docx leaves out text boxes, content controls, insertions
and footnotes, and builds trees that a small hostile file can blow up to gigabytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from plugins.documents import drawing, members, prose
from plugins.documents.numbering import Numbering
from plugins.documents.package import DAMAGED, Handler, Package, properties, unpacked
from plugins.documents.source import Limits, Source
from plugram import SandboxRefused

_HEADING = re.compile(r"(?:heading ?[1-9]|title)\Z")
_MAIN = "officeDocument"
_ASIDES = ("header", "footer", "footnotes", "endnotes", "comments")
_DRAWN = ("diagramData", "chart", "chartEx")
_ELSEWHERE = ("aFChunk", "package", "oleObject")
"""Parts in a format of their own: pasted pages, embedded documents."""


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the number of the `paragraph` they start at; headers, footers, notes and
    comments after the text, with `part`; embedded documents with `member`. `metadata`: title,
    author, subject, keywords, created, pages (as the writing program counted), words."""
    with unpacked(source, limits) as package:
        return _read(package)


def _read(package: Package) -> dict[str, Any]:
    main = package.related("", _MAIN) or _likely(package)
    if not main:
        raise SandboxRefused("it holds no Word document", reason="corrupt")
    body = Body(_styles(package, main[0]), _numbering(package, main[0]))
    if not package.parse(main[0], body):
        package.warn(DAMAGED)
    metadata, told = properties(package)
    sections = _sections(body.pieces) + _asides(package, main[0]) + _embedded(package, main[0])
    if not sections:
        if DAMAGED in package.warnings:
            raise SandboxRefused("its text is damaged", reason="corrupt")
        raise SandboxRefused("there is no text in the document", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": metadata | {"words": words},
        "warnings": package.warnings,
    }


def _likely(package: Package) -> list[str]:
    """Where the links are broken: the part that every program calls so."""
    return [name for name in package.names if name.lower() == "word/document.xml"]


def _sections(pieces: list[Piece]) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    held: list[tuple[int, str]] = []
    heading = ""
    for number, piece in enumerate(pieces, 1):
        text = prose.tidy(piece.text).strip()
        if not text:
            continue
        if piece.heading:
            found += prose.gather(held, "paragraph", heading)
            held, heading = [], prose.one_line(text)
        held.append((number, text))
    return found + prose.gather(held, "paragraph", heading)


def _asides(package: Package, main: str) -> list[prose.SectionDict]:
    """What stands beside the text. Headers and footers repeat themselves: each text once."""
    found: dict[str, prose.SectionDict] = {}
    for kind in _ASIDES:
        for part in package.related(main, kind):
            body = Body(Styles(), Numbering())
            package.parse(part, body)
            _tell(found, kind, [piece.text for piece in body.pieces])
    for kind, lines in drawing.told(package, main, _DRAWN):
        _tell(found, "chart" if kind == "chartEx" else kind, lines)
    return list(found.values())


def _tell(found: dict[str, prose.SectionDict], kind: str, lines: list[str]) -> None:
    text = prose.tidy("\n".join(line.strip() for line in lines)).strip()
    if text:
        found.setdefault(text, prose.section(text, part=kind))


def _embedded(package: Package, main: str) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    for _, kind, part in package.links(main):
        if kind in _ELSEWHERE:
            found += members.read(package.limits, part.rpartition("/")[2], package.read(part))
    return found


# -- styles -------------------------------------------------------------------------------------


class Styles(Handler):
    """Which paragraph styles are headings: by their built-in name (English in every language of
    Word) or their outline level, or by the style they are based on."""

    def __init__(self) -> None:
        self.own: dict[str, bool] = {}
        self.base: dict[str, str] = {}
        self.lists: dict[str, tuple[str, int]] = {}
        """(list, level) of styles whose paragraphs are numbered."""
        self._style = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        value = attributes.get("val", "")
        match name:
            case "style":
                self._style = attributes.get("styleId", "")
            case "name" if self._style and _HEADING.match(value.lower()):
                self.own[self._style] = True
            case "outlineLvl" if self._style:
                self.own[self._style] = value != "9"
            case "basedOn":
                self.base[self._style] = value
            case "numId" if self._style:
                self.lists[self._style] = (value, self.lists.get(self._style, ("", 0))[1])
            case "ilvl" if self._style and value.isdecimal():
                self.lists[self._style] = (self.lists.get(self._style, ("", 0))[0], int(value))

    def is_heading(self, style: str) -> bool:
        for _ in range(20):
            if style in self.own:
                return self.own[style]
            style = self.base.get(style, "")
        return False

    def list_of(self, style: str) -> tuple[str, int]:
        """(list, level); of the list the style itself names, else that of its base."""
        level = self.lists.get(style, ("", 0))[1]
        for _ in range(20):
            if self.lists.get(style, ("", 0))[0]:
                return self.lists[style][0], level
            style = self.base.get(style, "")
        return "", 0


def _styles(package: Package, main: str) -> Styles:
    styles = Styles()
    for part in package.related(main, "styles"):
        package.parse(part, styles)
    return styles


def _numbering(package: Package, main: str) -> Numbering:
    numbering = Numbering()
    for part in package.related(main, "numbering"):
        package.parse(part, numbering)
    return numbering


# -- text ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Piece:
    """A paragraph, or a table with a row a line."""

    text: str
    heading: bool = False


@dataclass(slots=True)
class _Paragraph:
    parts: list[str] = field(default_factory=list)
    heading: bool = False
    style: str = ""
    list: str | None = None
    level: int | None = None


@dataclass(slots=True)
class _Table:
    rows: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)


_SIGNS = {
    "tab": "\t",
    "ptab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "-",
    "separator": "",
}
# Deleted and moved-away text; the second form of what is there twice; pictures' own captions.
_SKIPPED = frozenset({"del", "moveFrom", "Fallback", "instrText", "delText", "rt", "pPrChange"})


def _is_layout(attributes: dict[str, str]) -> bool:
    """A page break, or a tab stop among the paragraph's properties."""
    return attributes.get("type") == "page" or "pos" in attributes


class Body(Handler):
    """Collects paragraphs and tables. A text box ends up after the paragraph it hangs on."""

    def __init__(self, styles: Styles, numbering: Numbering) -> None:
        self.pieces: list[Piece] = []
        self._styles = styles
        self._numbering = numbering
        self._open: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._boxes: list[Piece] = []
        self._skip = 0
        self._in_text = False
        self._starts: dict[str, Callable[[dict[str, str]], None]] = {
            "p": lambda _: self._open.append(_Paragraph()),
            "pStyle": self._style,
            "outlineLvl": self._outline,
            "numId": self._list,
            "ilvl": self._level,
            "comment": self._comment,
            "t": lambda _: self._listen(True),
            "tbl": lambda _: self._tables.append(_Table()),
            "sym": self._symbol,
            "docPr": self._describe,
            "cNvPr": self._describe,
            "textpath": lambda attributes: self._aside(attributes.get("string", "")),
            "shape": lambda attributes: self._aside(attributes.get("alt", "")),
        }
        self._ends: dict[str, Callable[[], None]] = {
            "p": self._end_paragraph,
            "t": lambda: self._listen(False),
            "tc": self._end_cell,
            "tr": self._end_row,
            "tbl": self._end_table,
        }

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skip or name in _SKIPPED:
            self._skip += 1
        elif name in self._starts:
            self._starts[name](attributes)
        elif name in _SIGNS and self._open and not _is_layout(attributes):
            self._open[-1].parts.append(_SIGNS[name])

    def end(self, name: str) -> None:
        if self._skip:
            self._skip -= 1
        elif name in self._ends:
            self._ends[name]()

    def text(self, text: str) -> None:
        if self._in_text and not self._skip and self._open:
            self._open[-1].parts.append(text)

    def _listen(self, on: bool) -> None:
        self._in_text = on

    def _describe(self, attributes: dict[str, str]) -> None:
        """The alternative text of a picture stands where the picture does."""
        self._aside(attributes.get("descr", ""))

    def _aside(self, text: str) -> None:
        piece = Piece(prose.one_line(text))
        if piece.text and piece not in self._boxes:  # the picture and its frame say the same
            self._boxes.append(piece)

    def _style(self, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].style = attributes.get("val", "")
            self._open[-1].heading = self._styles.is_heading(self._open[-1].style)

    def _outline(self, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].heading = attributes.get("val") != "9"

    def _list(self, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].list = attributes.get("val", "")

    def _level(self, attributes: dict[str, str]) -> None:
        if self._open and attributes.get("val", "").isdecimal():
            self._open[-1].level = int(attributes["val"])

    def _comment(self, attributes: dict[str, str]) -> None:
        if attributes.get("author"):
            self.pieces.append(Piece(f"{attributes['author']}:"))

    def _label(self, paragraph: _Paragraph) -> str:
        key, level = paragraph.list, paragraph.level
        if key is None:
            key, of_style = self._styles.list_of(paragraph.style)
            if level is None and key:
                level = self._numbering.level_of(key, paragraph.style)
            level = of_style if level is None else level
        label = self._numbering.label(key, level or 0) if key else ""
        return f"{label} " if label else ""

    def _symbol(self, attributes: dict[str, str]) -> None:
        """A character of a symbol font; those in the private area have no meaning elsewhere."""
        with suppress(ValueError):
            code = int(attributes.get("char", ""), 16)
            if self._open and not 0xE000 <= code <= 0xF8FF:
                self._open[-1].parts.append(chr(code))

    def _end_paragraph(self) -> None:
        if not self._open:
            return
        paragraph = self._open.pop()
        text = "".join(paragraph.parts)
        label = self._label(paragraph) if text.strip() else ""
        piece = Piece(label + text, paragraph.heading)
        if self._open:  # in a text box
            self._boxes.append(piece)
            return
        boxes, self._boxes = self._boxes, []
        for part in (piece, *boxes):
            if self._tables:
                self._tables[-1].cell.append(part.text)
            else:
                self.pieces.append(part)

    def _end_cell(self) -> None:
        if self._tables:
            table = self._tables[-1]
            table.cells.append(" ".join(" ".join(table.cell).split()))
            table.cell = []

    def _end_row(self) -> None:
        if self._tables:
            table = self._tables[-1]
            table.rows.append("\t".join(table.cells).rstrip())
            table.cells = []

    def _end_table(self) -> None:
        if not self._tables:
            return
        text = "\n".join(row for row in self._tables.pop().rows if row.strip())
        if self._tables:
            self._tables[-1].cell.append(text)
        elif self._open:
            self._boxes.append(Piece(text))
        else:
            self.pieces.append(Piece(text))
