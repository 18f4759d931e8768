"""Which pages of a PDF are pictures of text: OCR is for them."""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing, suppress

import pypdfium2
import pypdfium2.raw as pdfium

_STAMP = 60
"""Characters; less text than that on a page that a picture fills is a stamp, a page number or the
scanner's advertisement."""
_FILLED = 0.5
_MOST_OBJECTS = 400
"""Things drawn on a page that are looked at."""
_LEADERS = re.compile(r"[\s.·…_\-–—=*|]+")
_SHORT = 20
"""Characters that say nothing about a text layer."""


def unread(document: pypdfium2.PdfDocument, texts: list[str]) -> list[int]:
    """Numbers (from 1) of the pages on which something is drawn that their text doesn't tell:
    without text, with next to none on a picture, or with signs that mean nothing."""
    return [
        number
        for number, text in enumerate(texts, 1)
        if not legible(text) or (len(text.strip()) < _STAMP and _drawn(document, number - 1, text))
    ]


def legible(text: str) -> bool:
    """Whether a text layer holds letters. Fonts without a table of their letters give private
    characters, and others that nobody writes."""
    marks = _LEADERS.sub("", text)
    if len(marks) < _SHORT:
        return True
    lost = sum(unicodedata.category(char) in {"Co", "Cn", "Cc", "Cs"} for char in marks)
    lost += marks.count("\N{REPLACEMENT CHARACTER}")
    said = sum(unicodedata.category(char)[0] in "LNM" for char in marks)
    return lost <= len(marks) * 0.2 and said >= len(marks) * 0.3


def _drawn(document: pypdfium2.PdfDocument, index: int, text: str) -> bool:
    """Pictures or lines without any text, or a picture that fills the page beside a little."""
    with suppress(pypdfium2.PdfiumError), closing(document[index]) as page:
        if not text.strip():
            return int(pdfium.FPDFPage_CountObjects(page)) > 0
        width, height = page.get_size()
        return _largest_picture(page) > float(_FILLED * width * height)
    return False


def _largest_picture(page: pypdfium2.PdfPage) -> float:
    """Square points that the largest one covers."""
    largest = 0.0
    for number, item in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])):
        if number >= _MOST_OBJECTS:
            break
        with suppress(pypdfium2.PdfiumError):
            left, bottom, right, top = item.get_bounds()
            largest = max(largest, (right - left) * (top - bottom))
    return largest
