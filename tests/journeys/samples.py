"""Files that people send in journeys, made here."""

from __future__ import annotations

import io

from docx import Document
from reportlab.pdfgen import canvas


def pdf(*pages: str) -> bytes:
    """A PDF with one line of text on each page."""
    out = io.BytesIO()
    sheet = canvas.Canvas(out, invariant=1)
    for text in pages:
        sheet.drawString(72, 720, text)
        sheet.showPage()
    sheet.save()
    return out.getvalue()


def docx(heading: str, *paragraphs: str) -> bytes:
    """A Word document."""
    out = io.BytesIO()
    document = Document()
    document.add_heading(heading)
    for text in paragraphs:
        document.add_paragraph(text)
    document.save(out)
    return out.getvalue()
