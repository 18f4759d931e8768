"""PDF with a text layer: one section per page."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from plugins.documents import prose
from plugins.documents.source import Limits, Source
from plugram import SandboxRefused

NO_TEXT_LAYER = "no-text-layer"
# Superscripts and footnote marks make pdfium end a line; punctuation never starts one.
_STRAY_PUNCTUATION = re.compile(r"\n(?=[,.;:!?)\]»”](?:\s|$))")
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+\-Z])(?:(\d\d)'?(\d\d)?)?)?")
_ANNOTATION_KEYS = {
    pdfium.FPDF_ANNOT_FREETEXT: b"Contents",
    pdfium.FPDF_ANNOT_TEXT: b"Contents",
    pdfium.FPDF_ANNOT_HIGHLIGHT: b"Contents",
    pdfium.FPDF_ANNOT_WIDGET: b"V",
}
_MOST_ANNOTATIONS = 2_000
# TeX's ff as macOS writes it when it prints a PDF to a PDF.
_LOST_FF = re.compile("(?<=[A-Za-z])\u21b5(?=[a-z])")
_ALEF_LAM = re.compile("[\u0622\u0623\u0625\u0627]\u0644")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """`metadata`: title, author, subject, keywords, created, pages, words, pages_without_text."""
    with closing(_open(source)) as document:
        raw = [_page_text(document, number) for number in range(len(document))]
        headings = _headings(document)
        metadata = _metadata(document)
    texts = [prose.tidy(_flow(text)) for text in prose.join_broken_words(raw)]
    blank = sum(1 for text in texts if not text)
    metadata |= {"pages": len(texts), "words": prose.count_words(texts)}
    if blank:
        metadata["pages_without_text"] = blank
    sections = [
        prose.section(text, headings.get(number, ""), page=number)
        for number, text in enumerate(texts, 1)
        if text
    ]
    return {
        "sections": sections,
        "metadata": metadata,
        "warnings": [NO_TEXT_LAYER] if blank else [],
    }


def _open(source: Source) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD or "password" in str(error):
            raise SandboxRefused("the PDF asks for a password", reason="encrypted") from None
        raise SandboxRefused(f"not a readable PDF: {error}", reason="corrupt") from None
    if len(document) == 0:
        document.close()
        raise SandboxRefused("the PDF has no pages", reason="empty")
    return document


def _page_text(document: pypdfium2.PdfDocument, index: int) -> str:
    """The page as pdfium orders it (the order of drawing), then what is typed into its forms and
    notes. A page that is broken is a page without text; its neighbours are read."""
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return ""
    with closing(page):
        parts = []
        with suppress(pypdfium2.PdfiumError), closing(page.get_textpage()) as text:
            parts.append(_with_lam_alef(text).replace("\r\n", "\n"))
        parts += _annotations(page)
    return "\n".join(part for part in parts if part)


def _with_lam_alef(page: pypdfium2.PdfTextPage) -> str:
    """Arabic writes lam and alef as one glyph; pdfium takes it apart in the order of the drawing.
    Two letters in one and the same place were such a glyph: put lam first."""
    text = str(page.get_text_range())
    swapped = {
        match.start()
        for match in _ALEF_LAM.finditer(text)
        if _box(page, match.start()) == _box(page, match.start() + 1)
    }
    if not swapped:
        return text
    return _ALEF_LAM.sub(
        lambda match: match[0][::-1] if match.start() in swapped else match[0], text
    )


def _box(page: pypdfium2.PdfTextPage, index: int) -> tuple[float, ...]:
    sides = [ctypes.c_double() for _ in range(4)]
    position = pdfium.FPDFText_GetCharIndexFromTextIndex(page, index)
    pdfium.FPDFText_GetCharBox(page, position, *sides)
    return tuple(side.value for side in sides)


def _annotations(page: pypdfium2.PdfPage) -> Iterator[str]:
    count = pdfium.FPDFPage_GetAnnotCount(page)
    for index in range(min(count, _MOST_ANNOTATIONS)):
        note = pdfium.FPDFPage_GetAnnot(page, index)
        if not note:
            continue
        key = _ANNOTATION_KEYS.get(pdfium.FPDFAnnot_GetSubtype(note))
        if key:
            yield _annotation_value(note, key)
        pdfium.FPDFPage_CloseAnnot(note)


def _annotation_value(note: Any, key: bytes) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(note, key, None, 0)
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    pdfium.FPDFAnnot_GetStringValue(note, key, wide, size)
    return buffer.raw.decode("utf-16-le", "ignore").rstrip("\x00").replace("\r", "\n")


def _flow(text: str) -> str:
    return _LOST_FF.sub("ff", prose.squeeze(_STRAY_PUNCTUATION.sub("", text)))


def _headings(document: pypdfium2.PdfDocument) -> dict[int, str]:
    """Page number (from 1) → the bookmark that its text stands under."""
    starts: dict[int, str] = {}
    with suppress(pypdfium2.PdfiumError, RecursionError, UnicodeError):
        for mark in document.get_toc(max_depth=3):
            dest = mark.get_dest()
            index = dest.get_index() if dest else None
            if index is not None:
                starts.setdefault(index + 1, prose.one_line(mark.get_title()))
    found, current = {}, ""
    for number in range(1, len(document) + 1):
        current = found[number] = starts.get(number, current)
    return found


def _metadata(document: pypdfium2.PdfDocument) -> dict[str, Any]:
    try:
        raw = document.get_metadata_dict(skip_empty=True)
    except (pypdfium2.PdfiumError, UnicodeError):
        return {}
    found = {
        name.lower(): prose.one_line(raw[name])
        for name in ("Title", "Author", "Subject", "Keywords")
        if raw.get(name)
    }
    created = _moment(raw.get("CreationDate", ""))
    return found | ({"created": created} if created else {})


def _moment(text: str) -> str:
    """A PDF date as ISO 8601, or nothing: `D:20210621120000+02'00'`."""
    match = _DATE.match(text)
    if not match:
        return ""
    year, month, day, hour, minute, second = (
        int(part or default)
        for part, default in zip(match.groups()[:6], (1, 1, 1, 0, 0, 0), strict=True)
    )
    sign, hours, minutes = match.groups()[6:]
    shift = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-shift if sign == "-" else shift)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).isoformat()
    except ValueError:
        return ""
