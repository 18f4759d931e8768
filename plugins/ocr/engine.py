"""Reads a page with the engines that are here; what none of them can read is told, not guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plugins.ocr import preparing, rapid, scripts, tesseract
from plugins.ocr.preparing import Pixels
from plugins.ocr.reading import BELIEVED, Reading

ILLEGIBLE = "illegible"
_FEW = 3
"""Letters that aren't worth a word about them if they can't be read."""
_SATISFIED = 0.8
"""Confidence with which other scripts aren't tried. Small Russian print is taken for Latin at
times: by the English model it has 0.4."""
_BEYOND_DOUBT = 0.9
_A_LINE = 20
"""Letters; less than that, in the midst of another script, is chance."""
_GLIMPSE = 24
"""Pixels a side; smaller pictures hold no text."""
_BLANK = 8
"""Levels of grey from the darkest to the lightest pixel (of 256); a page with fewer is empty, and
no engine is woken for it."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What there is to read with."""

    languages: Mapping[str, Sequence[str]]
    """tesseract's, by script; empty without tesseract."""
    rapidocr: bool
    osd: bool = True
    """tesseract can tell orientation and script."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is on a page."""

    text: str = ""
    problem: str = ""
    """`script:<name>` or `illegible`: there is text that can't be read. Empty: read, or no text."""


def read(page: Pixels, engines: Engines) -> Page:
    if min(page.shape) < _GLIMPSE or np.ptp(page) < _BLANK:
        return Page()
    page = preparing.prepared(page)
    best = Reading()
    foreign = ""
    if engines.languages:
        best, foreign = _by_tesseract(page, engines)
    if engines.rapidocr and best.confidence < BELIEVED and foreign not in _BEYOND_RAPIDOCR:
        other = rapid.read(page)
        foreign = foreign or other.foreign
        best = max(best, other, key=lambda one: one.score)
        if not other.foreign and best is other:
            foreign = ""  # it has the letters that tesseract lacks
    return _judged(best, foreign)


_BEYOND_RAPIDOCR = frozenset(scripts.LANGUAGES) - scripts.RAPIDOCR


def _by_tesseract(page: Pixels, engines: Engines) -> tuple[Reading, str]:
    """The best that its languages give, and the script for which it has none."""
    seen = tesseract.layout(page) if engines.osd else tesseract.Layout()
    if seen.turn:
        page = np.ascontiguousarray(np.rot90(page, -seen.turn // 90))
    script = scripts.named(seen.script) if seen.script else ""
    best = Reading()
    for name in _in_turn(script, engines.languages):
        found = tesseract.read(page, [*engines.languages[name]]).believed(BELIEVED / 2)
        best = max(best, found, key=lambda one: one.score)
        if best.confidence >= _SATISFIED:
            break
    absent = script and script not in engines.languages
    return best, script if absent else ""


def _in_turn(script: str, languages: Mapping[str, Sequence[str]]) -> list[str]:
    """The likeliest script first."""
    return sorted(languages, key=lambda name: name != script)


def _judged(found: Reading, foreign: str) -> Page:
    """Of a page in a script that can't be read, only lines that are beyond doubt are believed."""
    kept = found.believed(_BEYOND_DOUBT if foreign else BELIEVED / 2)
    if foreign:
        return Page(kept.text if kept.letters >= _A_LINE else "", f"script:{foreign}")
    if kept.letters and kept.confidence >= BELIEVED:
        return Page(kept.text)
    return Page(problem=ILLEGIBLE) if found.letters > _FEW else Page()
