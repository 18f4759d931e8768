"""DrawingML, which Word, Excel and PowerPoint share: shapes, tables, charts, diagrams."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from plugins.documents import prose
from plugins.documents.package import Handler, Package

_TITLES = frozenset({"title", "ctrTitle"})
_UNTOLD = frozenset({"Fallback", "extLst", "rPr", "pPr"})
_PICTURES = frozenset({"cNvPr", "docPr"})


class Shapes(Handler):
    """Paragraphs of shapes and tables in the order of the part, alternative texts of pictures."""

    def __init__(self, *, alternatives: bool = True) -> None:
        self.lines: list[str] = []
        self.title = ""
        self._alternatives = alternatives
        self._held: list[str] | None = None
        self._in_text = False
        self._skip = 0
        self._role = ""
        self._cells: list[str] | None = None
        self._cell: list[str] = []
        self._starts: dict[str, Callable[[dict[str, str]], None]] = {
            "sp": lambda _: self._begin_shape(),
            "ph": self._placeholder,
            "p": lambda _: self._begin(),
            "text": lambda _: self._begin(listen=True),
            "t": lambda _: self._listen(True),
            "br": lambda _: self._add("\n"),
            "fld": self._field,
            "tr": lambda _: self._begin_row(),
        }
        self._ends: dict[str, Callable[[], None]] = {
            "p": self._end,
            "text": self._end,
            "t": lambda: self._listen(False),
            "tc": self._end_cell,
            "tr": self._end_row,
            "sp": self._begin_shape,
        }

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skip or name in _UNTOLD:
            self._skip += 1
        elif name in self._starts:
            self._starts[name](attributes)
        elif name in _PICTURES and self._alternatives:
            self._describe(attributes)

    def end(self, name: str) -> None:
        if self._skip:
            self._skip -= 1
        elif name in self._ends:
            self._ends[name]()

    def text(self, text: str) -> None:
        if self._in_text and not self._skip:
            self._add(text)

    def _listen(self, on: bool) -> None:
        self._in_text = on

    def _begin(self, *, listen: bool = False) -> None:
        self._held = []
        self._in_text = listen

    def _add(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)

    def _end(self) -> None:
        text = prose.tidy("".join(self._held or ())).strip()
        self._held, self._in_text = None, False
        if not text or self._role == "sldNum":
            return
        if self._cells is not None:
            self._cell.append(text)
            return
        if self._role in _TITLES:
            self.title = f"{self.title} {prose.one_line(text)}".strip()
        self.lines.append(text)

    def _begin_shape(self) -> None:
        self._role = ""

    def _placeholder(self, attributes: dict[str, str]) -> None:
        self._role = attributes.get("type", "")

    def _field(self, attributes: dict[str, str]) -> None:
        if attributes.get("type") == "slidenum":
            self._skip = 1

    def _describe(self, attributes: dict[str, str]) -> None:
        for key in ("title", "descr"):
            text = prose.one_line(attributes.get(key, ""))
            if text:
                self.lines.append(text)

    def _begin_row(self) -> None:
        self._cells = []

    def _end_cell(self) -> None:
        if self._cells is not None:
            self._cells.append(" ".join(" ".join(self._cell).split()))
            self._cell = []

    def _end_row(self) -> None:
        row = "\t".join(self._cells or ()).strip()
        self._cells = None
        if row:
            self.lines.append(row)


class Fixed(Shapes):
    """What a layout or master shows on its slides: its own shapes, not the places that slides
    fill."""

    def _placeholder(self, attributes: dict[str, str]) -> None:
        self._role = "sldNum"  # said by nobody


class Chart(Handler):
    """Titles, then names and numbers of the series, a line each."""

    _LISTS = frozenset({"strCache", "numCache", "strLit", "numLit", "lvl"})

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}
        self._titles: list[str] = []
        self._values: list[str] | None = None
        self._held: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        return list(self._lines)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in self._LISTS:
            self._values = []
        elif name in {"t", "v"} or (name == "pt" and self._values is not None):
            self._held = []
        elif name == "p":
            self._titles = []

    def text(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)

    def end(self, name: str) -> None:
        if name in {"t", "v", "pt"} and self._held is not None:
            self._keep(name, "".join(self._held).strip())
            self._held = None
        elif name in self._LISTS:
            self._tell("\t".join(self._values or ()))
            self._values = None
        elif name == "p":
            self._tell("".join(self._titles))
            self._titles = []

    def _keep(self, name: str, value: str) -> None:
        if name == "t":
            self._titles.append(value)
        elif self._values is not None:
            self._values.append(number(value))
        else:
            self._tell(value)

    def _tell(self, line: str) -> None:
        line = prose.tidy(line).strip()
        if line:
            self._lines.setdefault(line)


def number(value: str) -> str:
    """Without the noise of binary fractions: 4.2999999999999998 is 4.3."""
    if "." not in value and "E" not in value:
        return value
    try:
        return f"{float(value):.15g}"
    except ValueError:
        return value


_HANDLERS: dict[str, Callable[[], Shapes | Chart]] = {"chart": Chart, "chartEx": Chart}


def told(package: Package, source: str, kinds: Iterable[str]) -> list[tuple[str, list[str]]]:
    """(kind, lines) of the parts of these kinds that a part links to; charts of drawings too."""
    found: list[tuple[str, list[str]]] = []
    for _, kind, part in package.links(source):
        if kind not in kinds:
            continue
        handler = _HANDLERS.get(kind, Shapes)()
        package.parse(part, handler)
        found.append((kind, handler.lines))
        if kind == "drawing":
            found += told(package, part, _IN_DRAWINGS)
    return [(kind, lines) for kind, lines in found if lines]


_IN_DRAWINGS = ("chart", "chartEx", "diagramData")
