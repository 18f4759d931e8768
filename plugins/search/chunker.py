"""Cuts the sections of a document into passages at the bounds of sentences and paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugins.search.analyzer import normalise

if TYPE_CHECKING:
    from plugram import Section

CHUNKER = "1"
"""Version of the cutting rules; a part of the fingerprint of vectors."""

_PLACES = ("page", "slide", "sheet", "chapter", "time", "part", "member", "message")
"""Locator keys that a passage never crosses: a citation must lead to the right page."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_SPACES = re.compile(r"[^\S\n]+")
_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*[-•*–—]\s)")
# Latin, Cyrillic and the like need a space after the full stop; Chinese and Japanese have none.
_SENTENCE = re.compile(r"(?<=[.!?…;])[\"'»”’)\]]*\s+|(?<=[。！？；])")
_WIDE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003134f]")


@dataclass(frozen=True, slots=True)
class Passage:
    """What is found: a run of text with one place in its document."""

    text: str
    locator: Mapping[str, Any] = field(default_factory=dict)
    heading: str = ""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a part of one that is too long to stay whole."""

    text: str
    width: int
    section: Section
    opens_paragraph: bool


def chunk(sections: Sequence[Section], *, length: int = 600) -> list[Passage]:
    """Passages of about `length` characters: between two thirds and one and a half of it wherever
    the text allows. A Chinese, Japanese or Korean character counts twice, as it says more."""
    runs: list[list[_Unit]] = []
    width = 0
    for unit in _units(sections, length * 3 // 2):
        if not runs or _cut_before(unit, runs[-1][-1], width, length):
            runs.append([])
            width = 0
        runs[-1].append(unit)
        width += unit.width + 1
    return [_passage(run) for run in _without_stubs(runs, length)]


def clean(text: str) -> str:
    """Without control characters and lone surrogates, which databases refuse; spaces collapsed."""
    text = text.encode("utf-8", "ignore").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    return normalise(_SPACES.sub(" ", _CONTROL.sub(" ", text))).strip()


def _cut_before(unit: _Unit, last: _Unit, width: int, length: int) -> bool:
    if _place(unit.section) != _place(last.section):
        return True
    if width + unit.width > length * 3 // 2:
        return True
    if unit.section.heading != last.section.heading:
        return width >= length // 3
    return width >= (length * 2 // 3 if unit.opens_paragraph else length)


def _without_stubs(runs: Sequence[list[_Unit]], length: int) -> Iterator[list[_Unit]]:
    """A few words left over at the end of a page or chapter join the passage before them."""
    held: list[_Unit] = []
    for run in runs:
        fits = _run_width(held) + _run_width(run) <= length * 3 // 2
        stub = held and _run_width(run) < length // 4 and fits
        if stub and _home(run[0].section) == _home(held[-1].section):
            held = [*held, *run]
            continue
        if held:
            yield held
        held = run
    if held:
        yield held


def _run_width(run: Sequence[_Unit]) -> int:
    return sum(unit.width for unit in run)


def _home(section: Section) -> tuple[Any, ...]:
    return (*_place(section), section.heading)


def _place(section: Section) -> tuple[Any, ...]:
    return tuple(section.locator.get(key) for key in _PLACES)


def _units(sections: Sequence[Section], most: int) -> Iterator[_Unit]:
    for section in sections:
        for paragraph in _PARAGRAPH.split(clean(section.text)):
            opens = True
            for sentence in _sentences(paragraph):
                for part in _fitting(sentence, most):
                    yield _Unit(part, _width(part), section, opens)
                    opens = False


def _sentences(paragraph: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE.finditer(paragraph):
        if sentence := paragraph[start : match.end()].strip():
            yield sentence
        start = match.end()
    if rest := paragraph[start:].strip():
        yield rest


def _width(text: str) -> int:
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


def _fitting(sentence: str, most: int) -> Iterator[str]:
    """The sentence, cut between words (inside one if need be) where it is wider than `most`."""
    start = 0
    while start < len(sentence):
        window = sentence[start : start + most]
        if _WIDE.search(window):
            window = window[: most // 2]
        if start + len(window) < len(sentence):
            space = max(window.rfind(" "), window.rfind("\n"))
            window = window[: space + 1] if space > len(window) // 2 else window
        start += len(window)
        if part := window.strip():
            yield part


def _passage(units: Sequence[_Unit]) -> Passage:
    first = units[0]
    text = first.text
    for unit in units[1:]:
        joint = "\n" if unit.opens_paragraph else "" if _WIDE.match(unit.text) else " "
        text += joint + unit.text
    return Passage(text, dict(first.section.locator), clean(first.section.heading))
