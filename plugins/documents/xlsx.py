"""XLSX, XLSM and XLSB: every sheet, its cells as they are shown."""

from __future__ import annotations

import re
from typing import Any

from plugins.documents import drawing, members, numbers, prose, tables, xlsb
from plugins.documents.package import DAMAGED, TOO_LONG, Handler, Package, properties, unpacked
from plugins.documents.source import Limits, Source
from plugram import SandboxRefused

_MAIN = "officeDocument"
_BESIDE = ("drawing", "comments", "threadedComment")
_MOST_TEXT = 20 << 20
"""Characters of a workbook; what is beyond stays unread, with a warning."""
PRINT_CODE = re.compile(r'&(?:"[^"]*"|\d+|[A-Za-z])|&K[0-9A-Fa-f]{6}')
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with `sheet` (its name) and the `row` they start at; after them what lies on the
    sheet: comments, text boxes, charts, with `part`. `metadata`: title, author, subject, keywords,
    created, sheets, words."""
    with unpacked(source, limits) as package:
        main = package.related("", _MAIN) or _likely(package)
        if not main:
            raise SandboxRefused("it holds no workbook", reason="corrupt")
        return _read(package, main[0])


def _likely(package: Package) -> list[str]:
    return [name for name in package.names if name.lower() == "xl/workbook.xml"]


def _read(package: Package, main: str) -> dict[str, Any]:
    book = _Workbook()
    if main.lower().endswith(".bin"):
        return _result(package, xlsb.read(package, main), book)
    if not package.parse(main, book):
        package.warn(DAMAGED)
    parts = {key: part for key, _, part in package.links(main)}
    strings, styles = _Strings(), _Styles()
    for part in package.related(main, "sharedStrings"):
        package.parse(part, strings)
    for part in package.related(main, "styles"):
        package.parse(part, styles)
    sections: list[prose.SectionDict] = []
    size = 0
    for name, key in book.sheets or _unnamed(package):
        part = parts.get(key, key)
        found = _sheet(package, name, part, Cells(strings.found, styles, book.since_1904))
        sections += found
        size += sum(len(section["text"]) for section in found)
        if size > _MOST_TEXT:
            package.warn(TOO_LONG)
            break
    return _result(package, sections, book)


def _result(package: Package, sections: list[prose.SectionDict], book: _Workbook) -> dict[str, Any]:
    metadata, told = properties(package)
    told = [*told, *book.names]
    if not sections:
        raise SandboxRefused("there is no text in the workbook", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    count = len({section["locator"].get("sheet") for section in sections})
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": metadata | {"words": words, "sheets": count},
        "warnings": package.warnings,
    }


def _unnamed(package: Package) -> list[tuple[str, str]]:
    """Sheets of a workbook that lost its list of them."""
    parts = sorted(name for name in package.names if "/worksheets/" in name)
    return [(f"{number}", part) for number, part in enumerate(parts, 1) if part.endswith(".xml")]


def _sheet(package: Package, name: str, part: str, cells: Cells) -> list[prose.SectionDict]:
    if not package.parse(part, cells) and not cells.rows:
        cells.rows.clear()
    if cells.cut:
        package.warn(TOO_LONG)
    title = prose.one_line(name)
    rows = [(0, title), *cells.rows] if cells.rows else []
    found = (
        _numbered(tables.sections(cells.rows, heading=title, sheet=title), title) if rows else []
    )
    found += _beside(package, title, part, cells)
    if not found and title:
        found.append(prose.section(title, title, sheet=title))
    return found


def _numbered(found: list[prose.SectionDict], title: str) -> list[prose.SectionDict]:
    """The sheet's name stands above its first rows, as its tab does below them."""
    found[0]["text"] = f"{title}\n\n{found[0]['text']}"
    return found


def _beside(package: Package, title: str, part: str, cells: Cells) -> list[prose.SectionDict]:
    found: dict[str, prose.SectionDict] = {}
    told = drawing.told(package, part, _BESIDE)
    told.append(("header", [PRINT_CODE.sub(" ", line) for line in cells.printed]))
    for kind, lines in told:
        text = prose.tidy("\n".join(prose.squeeze(line) for line in lines)).strip()
        if text:
            kind = {"threadedComment": "comments", "chartEx": "chart"}.get(kind, kind)
            found.setdefault(text, prose.section(text, title, sheet=title, part=kind))
    sections = list(found.values())
    for _, kind, inner in package.links(part):
        if kind in {"package", "oleObject"}:
            name = inner.rpartition("/")[2]
            sections += members.read(package.limits, name, package.read(inner))
    return sections


class _Workbook(Handler):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        """(name, link) in the order of the tabs, hidden ones too."""
        self.names: list[str] = []
        self.since_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("id", "")))
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in {"1", "true"}
        elif name == "definedName" and not attributes.get("name", "_").startswith("_"):
            self.names.append(attributes["name"])


class _Strings(Handler):
    """Shared strings, without the pronunciation that Japanese ones carry."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._held: list[str] = []
        self._in_text = False
        self._skip = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self._held = []
        elif name == "rPh":
            self._skip = True
        elif name == "t":
            self._in_text = True

    def text(self, text: str) -> None:
        if self._in_text and not self._skip:
            self._held.append(text)

    def end(self, name: str) -> None:
        if name == "t":
            self._in_text = False
        elif name == "rPh":
            self._skip = False
        elif name == "si":
            self.found.append(plain("".join(self._held)))


def plain(text: str) -> str:
    """`_x000D_` is how a control character is written down."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


class _Styles(Handler):
    def __init__(self) -> None:
        self.codes: list[str] = []
        """Number format by the number of the cell's style."""
        self._own: dict[str, str] = {}
        self._in_cells = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            key = attributes.get("numFmtId", "0")
            code = self._own.get(key) or (numbers.built_in(int(key)) if key.isdecimal() else "")
            self.codes.append("" if code.lower() == "general" else code)

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cells = False


class Cells(Handler):
    """Rows of a sheet as lines; cells as they are shown."""

    def __init__(self, strings: list[str], styles: _Styles, since_1904: bool) -> None:
        self.rows: list[tuple[int, str]] = []
        self.printed: list[str] = []
        """Headers and footers of its pages."""
        self.cut = False
        self._strings = strings
        self._codes = styles.codes
        self._since_1904 = since_1904
        self._cells: list[str] = []
        self._held: list[str] = []
        self._listening = False
        self._kind = self._style = ""
        self._row = 0
        self._size = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._held = []
        elif name in {"v", "t"}:
            self._listening = True
        elif name == "row":
            number = attributes.get("r", "")
            self._row = int(number) if number.isdecimal() else self._row + 1
            self._cells = []
        elif name in {"oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader"}:
            self._held = []
            self._listening = True

    def text(self, text: str) -> None:
        if self._listening:
            self._held.append(text)

    def end(self, name: str) -> None:
        if name in {"v", "t"}:
            self._listening = False
        elif name == "c":
            if self._held:
                self._cells.append(self._shown("".join(self._held)))
                self._held = []
        elif name == "row":
            self._end_row()
        elif name in {"oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader"}:
            self._listening = False
            self.printed.append("".join(self._held))

    def _end_row(self) -> None:
        line = tables.line(self._cells)
        if not line.strip():
            return
        self._size += len(line)
        if self._size > _MOST_TEXT:
            self.cut = True
            return
        self.rows.append((self._row, line))

    def _shown(self, value: str) -> str:
        match self._kind:
            case "s":
                index = int(value) if value.strip().isdecimal() else -1
                return self._strings[index] if 0 <= index < len(self._strings) else ""
            case "b":
                return "TRUE" if value.strip() == "1" else "FALSE"
            case "n":
                return self._number(value)
            case "inlineStr" | "str":
                return plain(value)
        return value

    def _number(self, value: str) -> str:
        style = int(self._style) if self._style.isdecimal() else 0
        code = self._codes[style] if style < len(self._codes) else ""
        if not code:
            return drawing.number(value)
        try:
            return numbers.shown(float(value), code, since_1904=self._since_1904)
        except ValueError:
            return value
