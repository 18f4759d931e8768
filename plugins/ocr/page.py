"""The processor `ocr`: goes on where others found pictures, one page a child."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import numpy as np

from plugins.images import api as pictures
from plugins.ocr import engine, scripts
from plugins.ocr.preparing import Pixels
from plugins.ocr.reading import count_words
from plugram import SandboxRefused

PAGES_LEFT = "pages-left"
_MEGAPIXELS = 100.0
_MOST_DRAWN = 24_000_000
"""Pixels that a page of a PDF is drawn with, however large its paper."""
_MOST_SEEN = 24_000_000
"""Pixels above which a picture is made smaller: its letters are large enough then."""


def extract(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """One page: `resume` has `source` (`pdf`, `picture`), `pages` (their numbers, in a text;
    without it all of them), `done`, `total`, and `words` that were read before.

    `metadata`: words, of the whole file so far; hint, for the operator, if a script was refused.
    """
    resume, options = limits["resume"], limits["options"]
    done, pages = int(resume.get("done", 0)), str(resume.get("pages", "")).split()
    asked = len(pages) or int(resume.get("total", 1))
    total = min(asked, int(options["max_pages"]))
    number = int(pages[done]) if pages else done + 1
    found = engine.read(_sheet(path, resume["source"], number, options), _engines(options))
    words = int(resume.get("words", 0)) + count_words(found.text)
    locator = {"page": number} if resume["source"] == "pdf" or asked > 1 else {}
    left = done + 1 < total
    warnings = [found.problem] if found.problem else []
    if not left and total < asked:
        warnings.append(PAGES_LEFT)
    return {
        "sections": [{"text": found.text, "locator": locator}] if found.text else [],
        "metadata": {"words": words} | _hint(found.problem),
        "warnings": warnings,
        "resume": {**resume, "done": done + 1, "total": total, "words": words} if left else None,
    }


def _engines(options: dict[str, Any]) -> engine.Engines:
    return engine.Engines(options["languages"], options["rapidocr"], options["osd"])


def _hint(problem: str) -> dict[str, str]:
    if not problem.startswith("script:"):
        return {}
    package = scripts.package(problem.removeprefix("script:"))
    wanted = package or "tesseract with your users' languages, as tesseract-ocr-rus"
    return {"hint": f"install {wanted}, and restart"}


def _sheet(path: str, source: str, number: int, options: dict[str, Any]) -> Pixels:
    """The page, grey."""
    if source == "pdf":
        return _drawn(path, number, int(options["dpi"]))
    with pictures.opened(path, _MEGAPIXELS) as picture:
        sheet, _ = pictures.page(picture, number, _MEGAPIXELS)
        sheet = sheet.convert("L")
    scale = math.sqrt(_MOST_SEEN / (sheet.width * sheet.height))
    if scale < 1:
        sheet = sheet.resize((int(sheet.width * scale), int(sheet.height * scale)))
    return np.array(sheet)


def _drawn(path: str, number: int, dpi: int) -> Pixels:
    import pypdfium2

    try:
        with closing(pypdfium2.PdfDocument(path)) as document:
            page = document[number - 1]
            width, height = page.get_size()  # points, 72 an inch
            scale = min(dpi / 72, math.sqrt(_MOST_DRAWN / max(width * height, 1)))
            drawn = page.render(scale=scale, grayscale=True).to_numpy()
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise SandboxRefused(f"page {number} can't be drawn: {error}", reason="corrupt") from None
    return np.array(drawn.reshape(drawn.shape[:2]))
