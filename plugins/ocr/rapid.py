"""The rapidocr package: models for Latin, Chinese and Japanese letters come inside of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np

from plugins.ocr.preparing import Pixels, lines_run_down
from plugins.ocr.reading import Line, Reading
from plugins.ocr.scripts import OTHER

_SURE = 0.85
"""Mean confidence below which the page may stand on its head."""
_LETTERS_A_HEIGHT = {True: 0.6, False: 1.3}
"""Letters, at least, in a piece of line as long as it is high: of Chinese and Japanese, of others.
Chinese has 1, Latin 2. What the model has no letters for comes back as spaces, points and the few
letters that look alike, with the confidence of a good line: Cyrillic has 0.1, Hebrew up to 0.8."""
_FULL = 0.75
_SILENT, _GOOD = 0.05, 0.75
"""Cyrillic is what the model was taught to leave out: its lines come back without any letter (to a
piece as long as it is high), their spaces and points in place, with a good line's confidence. Of
Hebrew, Arabic, Armenian, Georgian and Korean none does."""
_WRITING = 6
"""Lines from which something is writing, though not a letter of it was read."""


@cache
def engine() -> Any:
    """The models, loaded at first use (0.3 s). One thread: the sandbox gives a file one core."""
    from rapidocr import RapidOCR

    one = "EngineConfig.onnxruntime"
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 6000,
            "Global.text_score": 0.0,
            "Det.limit_type": "max",
            "Det.limit_side_len": 1280,
            f"{one}.intra_op_num_threads": 1,
            f"{one}.inter_op_num_threads": 1,
        }
    )


def read(page: Pixels) -> Reading:
    """A page, whichever way up it is."""
    if lines_run_down(page):
        page = np.ascontiguousarray(np.rot90(page))
    found = _read(page)
    if found.confidence >= _SURE and not found.foreign:
        return found
    turned = _read(np.ascontiguousarray(np.rot90(page, 2)))
    best = max(found, turned, key=lambda one: one.score)
    named = [one.foreign for one in (found, turned) if one.foreign not in {"", OTHER}]
    return Reading(best.lines, named[0]) if best.foreign and named else best


def _read(page: Pixels) -> Reading:
    colour = cv2.cvtColor(page, cv2.COLOR_GRAY2BGR)
    result = engine()(colour, use_det=True, use_cls=False, use_rec=True)
    if result.txts is None:
        places = engine()(colour, use_det=True, use_cls=False, use_rec=False).boxes
        return Reading(foreign=OTHER if places is not None and len(places) >= _WRITING else "")
    lines, area, full, length = [], 0.0, 0.0, 0.0
    for box, text, confidence in zip(result.boxes, result.txts, result.scores, strict=True):
        width, height = _size(box)
        filled = _filled(text, width / height)
        area += width * height
        length += width / height
        full += width * height * filled
        lines.append(Line(" ".join(text.split()), _sure(confidence) * filled))
    if _greek(lines):
        return Reading(lines, "greek")
    if full >= _FULL * area:
        return Reading(lines)
    sure = float(np.mean(result.scores)) >= _GOOD
    silent = sum(char.isalpha() for line in lines for char in line.text) < _SILENT * length
    return Reading(lines, "cyrillic" if sure and silent else OTHER)


def _sure(confidence: float) -> float:
    """On the scale of `reading`: the model says 0.95 and more of what it can read, and 0.6 to 0.85
    of what it can't."""
    return max(0.0, (float(confidence) - 0.6) / 0.4)


def _filled(text: str, length: float) -> float:
    """0–1: how much of a line, `length` times as long as it is high, came back as letters."""
    letters = text.replace(" ", "")
    wide = sum(char > "\u2e80" for char in letters) > len(letters) / 2
    return min(1.0, len(letters) / (length * _LETTERS_A_HEIGHT[wide]))


def _greek(lines: list[Line]) -> bool:
    """It has a few Greek letters, for formulas, and makes words of them."""
    letters = "".join(line.text for line in lines)
    return sum("\u0370" <= char < "\u0400" for char in letters) > len(letters) / 3


def _size(box: Any) -> tuple[float, float]:
    """Of a line: (length, height), at least a pixel."""
    corners = np.asarray(box, np.float32)
    width = float(np.linalg.norm(corners[1] - corners[0]))
    height = float(np.linalg.norm(corners[3] - corners[0]))
    return max(width, 1.0), max(height, 1.0)
