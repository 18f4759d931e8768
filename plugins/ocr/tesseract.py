"""The program tesseract, page by page over pipes: it writes no file."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import cv2

from plugins.ocr.preparing import Pixels
from plugins.ocr.reading import Line, Reading
from plugram import SandboxRefused

_DPI = "300"
_ENVIRONMENT = {"OMP_THREAD_LIMIT": "1", "LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}
_COLUMNS = 12
_SURE = 2.0
"""tesseract's confidence of how a page lies. Pages of letters have 3 and more, most 10 to 25;
leaves and grain, which it takes for Arabic, stay below 1.2."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a page lies, and what it is written in."""

    turn: int = 0
    """Degrees by which it must be turned clockwise: 0, 90, 180 or 270."""
    script: str = ""
    """As tesseract calls it; empty when there are too few letters to tell."""


def layout(page: Pixels) -> Layout:
    """Orientation and script; needs the `osd` data. Nothing is known where it fails: of few
    letters, and of pictures without any."""
    told = dict(
        line.split(": ", 1)
        for line in _run(page, "--psm", "0", accept_failure=True).splitlines()
        if ": " in line
    )
    if "Script" not in told or float(told["Orientation confidence"]) < _SURE:
        return Layout()
    return Layout(int(told["Rotate"]), told["Script"])


def read(page: Pixels, languages: list[str]) -> Reading:
    """An upright page by these languages' models."""
    table = _run(page, "--psm", "3", "-l", "+".join(languages), "tsv")
    lines: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t", _COLUMNS - 1)
        if len(cells) == _COLUMNS and float(cells[10]) >= 0 and cells[11].strip():
            block, paragraph, line = cells[2:5]
            lines.setdefault((block, paragraph, line), []).append((cells[11], float(cells[10])))
    paragraphs = {key[:2]: number for number, key in enumerate(dict.fromkeys(k[:2] for k in lines))}
    return Reading([_line(words, paragraphs[key[:2]]) for key, words in lines.items()])


def _line(words: list[tuple[str, float]], paragraph: int) -> Line:
    text = " ".join(word for word, _ in words)
    sure = sum(len(word) * confidence for word, confidence in words)
    return Line(text, sure / sum(len(word) for word, _ in words) / 100, paragraph)


def _run(page: Pixels, *arguments: str, accept_failure: bool = False) -> str:
    done, data = cv2.imencode(".png", page, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise SandboxRefused("the page can't be handed to tesseract", reason="memory")
    program = subprocess.run(  # noqa: S603 - numbers and names of languages
        ["tesseract", "stdin", "stdout", "--dpi", _DPI, *arguments],  # noqa: S607 - the operator's
        input=data.tobytes(),
        capture_output=True,
        env=_ENVIRONMENT,
        check=False,
    )
    if program.returncode and not accept_failure:
        told = program.stderr.decode("utf-8", "replace").strip()[-200:]
        reason = "memory" if program.returncode < 0 else "unsupported"
        raise SandboxRefused(f"tesseract ended with {program.returncode}: {told}", reason=reason)
    return program.stdout.decode("utf-8", "replace")
