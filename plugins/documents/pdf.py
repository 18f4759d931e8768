"""PDF with a text layer: one section per page."""

from __future__ import annotations

import ctypes
import io
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from plugins.documents import markup, members, prose, scans
from plugins.documents.package import TOO_LONG, Deadline
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
_MOST_ATTACHED = 100
_MOST_XFA = 8 << 20
# Chinese and Japanese have no spaces: a line that goes on in the next one says where it was cut.
_CJK = "[\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\uff10-\uff5a\uff66-\uff9f]"
_CJK_BREAK = re.compile(f"(?<={_CJK}{{12}})[ \t]*\n[ \t]*(?={_CJK})")
# TeX's ff as macOS writes it when it prints a PDF to a PDF.
_LOST_FF = re.compile("(?<=[A-Za-z])\u21b5(?=[a-z])")
_ALEF_LAM = re.compile("[\u0622\u0623\u0625\u0627]\u0644")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """`metadata`: title, author, subject, keywords, created, pages, words, pages_without_text."""
    with closing(_open(source)) as document:
        raw = _pages(document, Deadline(limits))
        headings = _headings(document)
        metadata = _metadata(document)
        beside = [*_forms(document, "".join(raw)), *_attached(document, limits)]
        cut = len(raw) < len(document)
        scanned = scans.unread(document, raw)
    raw = [text if scans.legible(text) else "" for text in raw]
    texts = [prose.tidy(_flow(text)) for text in prose.join_broken_words(raw)]
    metadata["words"] = prose.count_words(texts)
    if scanned:
        metadata["pages_without_text"] = len(scanned)
    sections = [
        prose.section(text, headings.get(number, ""), page=number)
        for number, text in enumerate(texts, 1)
        if text
    ]
    told = [metadata.get(name, "") for name in ("title", "author", "subject", "keywords")]
    return {
        "sections": sections + beside + prose.properties(told, sections),
        "metadata": metadata,
        "warnings": [
            *([NO_TEXT_LAYER] if scanned else []),
            *([TOO_LONG] if cut else []),
            *members.nest(limits).warnings,
        ],
        "resume": _for_ocr(scanned, metadata["words"]) if scanned else None,
    }


def _for_ocr(pages: list[int], words: int) -> dict[str, Any]:
    """Who reads pictures goes on with these pages; the warning is true where nobody does."""
    return {
        "processor": "ocr",
        "source": "pdf",
        "pages": " ".join(map(str, pages)),
        "done": 0,
        "total": len(pages),
        "words": words,
        "settles": NO_TEXT_LAYER,
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


def _pages(document: pypdfium2.PdfDocument, deadline: Deadline) -> list[str]:
    """The text of each page, as far as there is time."""
    found: list[str] = []
    for index in range(len(document)):
        if deadline.passed:
            break
        found.append(_page_text(document, index))
    return found


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


def _forms(document: pypdfium2.PdfDocument, shown: str) -> list[prose.SectionDict]:
    """What is filled into a form (XFA) and isn't on its pages."""
    lines: list[str] = []
    for index in range(max(0, pdfium.FPDF_GetXFAPacketCount(document))):
        name, content = _packet(document, index)
        if name != b"datasets":
            continue
        with suppress(SandboxRefused):
            read = markup.extract(io.BytesIO(content), {})
            lines += [line for one in read["sections"] for line in one["text"].split("\n")]
    text = "\n".join(line for line in dict.fromkeys(lines) if line and line not in shown)
    return [prose.section(text, part="form")] if text else []


def _attached(document: pypdfium2.PdfDocument, limits: Limits) -> list[prose.SectionDict]:
    """Files that the PDF carries, with `member`."""
    found: list[prose.SectionDict] = []
    count = pdfium.FPDFDoc_GetAttachmentCount(document)
    for index in range(min(count, _MOST_ATTACHED)):
        with suppress(pypdfium2.PdfiumError, UnicodeError, ValueError):
            attachment = document.get_attachment(index)
            name = prose.one_line(attachment.get_name()) or f"attachment-{index + 1}"
            found.append(prose.section(name, name, member=name))
            found += members.read(limits, name, bytes(attachment.get_data()))
    return found


def _packet(document: pypdfium2.PdfDocument, index: int) -> tuple[bytes, bytes]:
    """(name, XML) of a part of a form."""
    length = pdfium.FPDF_GetXFAPacketName(document, index, None, 0)
    name = ctypes.create_string_buffer(length)
    pdfium.FPDF_GetXFAPacketName(document, index, name, length)
    size = ctypes.c_ulong()
    pdfium.FPDF_GetXFAPacketContent(document, index, None, 0, size)
    if not 0 < size.value <= _MOST_XFA:
        return name.value, b""
    content = ctypes.create_string_buffer(size.value)
    pdfium.FPDF_GetXFAPacketContent(document, index, content, size.value, size)
    return name.value, content.raw


def _flow(text: str) -> str:
    text = _CJK_BREAK.sub("", text)
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
        raw = {}
    found: dict[str, Any] = {"pages": len(document)}
    found |= {
        name.lower(): prose.one_line(raw[name])
        for name in ("Title", "Author", "Subject", "Keywords")
        if raw.get(name) and prose.is_said(raw[name])
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
    try:
        shift = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-shift if sign == "-" else shift)
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).isoformat()
    except ValueError:
        return ""
