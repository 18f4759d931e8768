"""Numbers of Word's lists and headings: they aren't in the text, the reader's program counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from plugins.documents.package import Handler

_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(slots=True)
class _Level:
    start: int = 1
    kind: str = "decimal"
    text: str = ""
    legal: bool = False
    """All its numbers in digits."""
    style: str = ""
    """Paragraphs of this style stand at this level."""


@dataclass(slots=True)
class _List:
    """What paragraphs refer to: an abstract list, with changes of its own."""

    abstract: str = ""
    levels: dict[int, _Level] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)


class Numbering(Handler):
    """`word/numbering.xml`, and the count."""

    def __init__(self) -> None:
        self._abstract: dict[str, dict[int, _Level]] = {}
        self._linked: dict[str, str] = {}
        self._lists: dict[str, _List] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        self._levels: dict[int, _Level] = {}
        self._level = _Level()
        self._list: _List | None = None
        self._place = 0
        self._id = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: C901 - a table of names
        value = attributes.get("val", "")
        match name:
            case "abstractNum":
                self._id = attributes.get("abstractNumId", "")
                self._levels = self._abstract[self._id] = {}
            case "num":
                self._list = self._lists[attributes.get("numId", "")] = _List()
                self._levels = self._list.levels
            case "abstractNumId" if self._list:
                self._list.abstract = value
            case "lvlOverride":
                self._place = _number(attributes.get("ilvl", ""))
            case "startOverride" if self._list:
                self._list.starts[self._place] = _number(value)
            case "lvl":
                self._level = self._levels[_number(attributes.get("ilvl", ""))] = _Level()
            case "start":
                self._level.start = _number(value)
            case "numFmt":
                self._level.kind = value
            case "lvlText":
                self._level.text = value
            case "isLgl":
                self._level.legal = value not in {"0", "false"}
            case "pStyle":
                self._level.style = value

    def level_of(self, key: str, style: str) -> int | None:
        """The level at which a list puts paragraphs of a style."""
        used = self._lists.get(key)
        levels = self._abstract.get(used.abstract, {}) | used.levels if used else {}
        return next((place for place, one in levels.items() if one.style == style), None)

    def label(self, key: str, place: int) -> str:
        """The number of the next paragraph of a list, at a level from 0; empty for bullets."""
        used = self._lists.get(key)
        if used is None:
            return ""
        levels = self._abstract.get(used.abstract, {}) | used.levels
        level = levels.get(place)
        if level is None:
            return ""
        counts = self._counts.setdefault(used.abstract, {})
        self._count(counts, used, key, place, level)
        if level.kind in {"bullet", "none"}:
            return ""
        return _PLACE.sub(
            lambda match: _shown(levels, counts, int(match[1]) - 1, level), level.text
        )

    def _count(
        self, counts: dict[int, int], used: _List, key: str, place: int, level: _Level
    ) -> None:
        first = (key, place) not in self._begun
        self._begun.add((key, place))
        if first and place in used.starts:
            counts[place] = used.starts[place]
        else:
            counts[place] = counts[place] + 1 if place in counts else level.start
        for deeper in [one for one in counts if one > place]:
            del counts[deeper]


def _shown(levels: Mapping[int, _Level], counts: Mapping[int, int], place: int, of: _Level) -> str:
    level = levels.get(place, _Level())
    return _written(counts.get(place, level.start), "decimal" if of.legal else level.kind)


def _written(number: int, kind: str) -> str:
    match kind:
        case "lowerLetter" | "upperLetter":
            text = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        case "lowerRoman" | "upperRoman":
            text = _roman(number)
        case "decimalZero":
            text = f"{number:02}"
        case "ordinal":
            ending = "th" if number % 100 in {11, 12, 13} else _ENDINGS.get(number % 10, "th")
            text = f"{number}{ending}"
        case "none":
            text = ""
        case _:
            text = str(number)
    return text.upper() if kind.startswith("upper") else text


def _roman(number: int) -> str:
    if not 0 < number < 4000:
        return str(number)
    parts = []
    for value, sign in _ROMAN:
        times, number = divmod(number, value)
        parts.append(sign * times)
    return "".join(parts)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0
