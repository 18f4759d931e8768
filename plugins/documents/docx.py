"""DOCX, read straight from its XML: python-docx leaves out text boxes, content controls, insertions
and footnotes, and builds trees that a small hostile file can blow up to gigabytes."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from xml.parsers import expat

from plugins.documents import prose
from plugram import SandboxRefused, safe_zip

_DEEPEST = 500
_DAMAGED = "damaged"
_CHUNK = 1 << 16
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)
_HEADING = re.compile(r"(?:heading ?[1-9]|title)\Z")
_MAIN = "officeDocument"
_ASIDES = ("header", "footer", "footnotes", "endnotes", "comments", "diagramData", "chart")


def extract(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """Sections with the number of the `paragraph` they start at; headers, footers, notes and
    comments after the text, with `part`. `metadata`: title, author, subject, keywords, created,
    pages (as the writing program counted), words."""
    with safe_zip(path, limits) as package:
        return _read(Package(package))


def _read(package: Package) -> dict[str, Any]:
    main = package.related("", _MAIN)
    if not main:
        raise SandboxRefused("it holds no Word document", reason="corrupt")
    body = Body(_styles(package, main[0]))
    damaged = not package.parse(main[0], body)
    sections = _sections(body.pieces) + _asides(package, main[0])
    if not sections:
        if damaged:
            raise SandboxRefused("its text is damaged", reason="corrupt")
        raise SandboxRefused("there is no text in the document", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections,
        "metadata": _properties(package) | {"words": words},
        "warnings": [_DAMAGED] if damaged else [],
    }


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
            body = Body({})
            package.parse(part, body)
            text = prose.tidy("\n".join(piece.text.strip() for piece in body.pieces)).strip()
            if text:
                found.setdefault(text, prose.section(text, part=kind))
    return list(found.values())


# -- the package --------------------------------------------------------------------------------


class Handler:
    """Receives the elements of a part. Names are local: Strict and Transitional differ only in
    their namespaces."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...


class Package:
    """Parts of an OOXML file and how they are related."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {name.lower(): name for name in archive.namelist()}

    def parse(self, part: str, handler: Handler) -> bool:
        """Stream a part through a handler; False if it is missing or breaks off."""
        name = self._names.get(part.lower())
        if name is None:
            return False
        parser = _parser(handler)
        try:
            with self._archive.open(name) as stream:
                while chunk := stream.read(_CHUNK):
                    parser.Parse(chunk, False)
                parser.Parse(b"", True)
        except (expat.ExpatError, *_BROKEN_ZIP):
            return False
        return True

    def related(self, source: str, kind: str) -> list[str]:
        """Parts that `source` (empty: the package) names as of a kind, in order."""
        folder = PurePosixPath(source).parent
        rels = str(folder / "_rels" / f"{PurePosixPath(source).name}.rels")
        links = Links(kind)
        self.parse(rels.removeprefix("./"), links)
        return [_resolve(folder, target) for target in links.targets]


def _resolve(folder: PurePosixPath, target: str) -> str:
    parts: list[str] = []
    whole = target if target.startswith("/") else f"{folder}/{target}"
    for step in whole.split("/"):
        if step == ".." and parts:
            parts.pop()
        elif step not in {"", ".", ".."}:
            parts.append(step)
    return "/".join(parts)


def _parser(handler: Handler) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise SandboxRefused("its elements nest too deep", reason="corrupt")
        handler.start(
            name.rpartition(" ")[2],
            {key.rpartition(" ")[2]: value for key, value in attributes.items()},
        )

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(name.rpartition(" ")[2])

    def doctype(*_: object) -> None:
        # Entities come with a document type, and Office never writes one.
        raise SandboxRefused("it declares a document type", reason="corrupt")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = doctype
    return parser


class Links(Handler):
    def __init__(self, kind: str) -> None:
        self._kind = f"/{kind}"
        self.targets: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if (
            name == "Relationship"
            and attributes.get("Type", "").endswith(self._kind)
            and attributes.get("TargetMode") != "External"
        ):
            self.targets.append(attributes.get("Target", ""))


class Fields(Handler):
    """Text of leaf elements by name: docProps."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._held = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._held = ""

    def text(self, text: str) -> None:
        self._held += text

    def end(self, name: str) -> None:
        if self._held.strip():
            self.values.setdefault(name, self._held.strip())
        self._held = ""


def _properties(package: Package) -> dict[str, Any]:
    core, app = Fields(), Fields()
    for kind, fields in (("core-properties", core), ("extended-properties", app)):
        for part in package.related("", kind):
            package.parse(part, fields)
    named = {"title": "title", "creator": "author", "subject": "subject", "keywords": "keywords"}
    found: dict[str, Any] = {
        ours: prose.one_line(core.values[theirs])
        for theirs, ours in named.items()
        if theirs in core.values
    }
    if "created" in core.values:
        found["created"] = core.values["created"]
    with suppress(KeyError, ValueError):
        found["pages"] = int(app.values["Pages"])
    return found


# -- styles -------------------------------------------------------------------------------------


class Styles(Handler):
    """Which paragraph styles are headings: by their built-in name (English in every language of
    Word) or their outline level, or by the style they are based on."""

    def __init__(self) -> None:
        self.own: dict[str, bool] = {}
        self.base: dict[str, str] = {}
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

    def is_heading(self, style: str) -> bool:
        for _ in range(20):
            if style in self.own:
                return self.own[style]
            style = self.base.get(style, "")
        return False


def _styles(package: Package, main: str) -> dict[str, bool]:
    styles = Styles()
    for part in package.related(main, "styles"):
        package.parse(part, styles)
    return {style: styles.is_heading(style) for style in {*styles.own, *styles.base}}


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

    def __init__(self, headings: dict[str, bool]) -> None:
        self.pieces: list[Piece] = []
        self._headings = headings
        self._open: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._boxes: list[Piece] = []
        self._skip = 0
        self._in_text = False
        self._starts: dict[str, Callable[[dict[str, str]], None]] = {
            "p": lambda _: self._open.append(_Paragraph()),
            "pStyle": self._style,
            "outlineLvl": self._outline,
            "t": lambda _: self._listen(True),
            "tbl": lambda _: self._tables.append(_Table()),
            "sym": self._symbol,
            "v": self._start_value,
        }
        self._ends: dict[str, Callable[[], None]] = {
            "p": self._end_paragraph,
            "t": lambda: self._listen(False),
            "tc": self._end_cell,
            "tr": self._end_row,
            "tbl": self._end_table,
            "v": self._end_value,
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

    def _start_value(self, _: dict[str, str]) -> None:
        """Names and numbers of a chart."""
        self._open.append(_Paragraph())
        self._listen(True)

    def _end_value(self) -> None:
        self._listen(False)
        self._end_paragraph()

    def _style(self, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].heading = self._headings.get(attributes.get("val", ""), False)

    def _outline(self, attributes: dict[str, str]) -> None:
        if self._open:
            self._open[-1].heading = attributes.get("val") != "9"

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
        piece = Piece("".join(paragraph.parts), paragraph.heading)
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
