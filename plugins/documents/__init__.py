"""Processors for documents. Their modules are imported by the sandbox alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import Processor, hookimpl

if TYPE_CHECKING:
    from plugram import Context

_ROOM = "plugins.documents"
_VERSION = "3"
"""Of all readers: they read what lies in each other's files."""
_OOXML = "application/vnd.openxmlformats-officedocument"


_ALL = (
    *(
        f"{_ROOM}.{name}"
        for name in "archive cards csv data docx epub html mail markdown markup mobi odf ole "
        "parts pdf pptx rtf text tnef xlsx".split()
    ),
    "puremagic",
)
"""For those that find files of any kind inside theirs: a child may load nothing more."""
_ODF = "application/vnd.oasis.opendocument"
_OFFICE_2003 = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")


def _reader(
    name: str, *mimes: str, target: str = "", score: int = 50, preload: Sequence[str] = ()
) -> Processor:
    return Processor(
        name,
        mimes,
        f"{_ROOM}.{target or f'{name}:extract'}",
        version=_VERSION,
        score=score,
        preload=preload,
    )


PROCESSORS = (
    _reader("pdf", "application/pdf", preload=["pypdfium2", *_ALL]),
    Processor(
        "pdf-cover",
        ["application/pdf"],
        f"{_ROOM}.cover:extract",
        task="thumbnail",
        preload=["pypdfium2", "PIL.Image", "PIL.JpegImagePlugin"],
    ),
    _reader(
        "docx",
        f"{_OOXML}.wordprocessingml.*",
        "application/vnd.ms-word.*",
        preload=_ALL,
    ),
    _reader("xlsx", f"{_OOXML}.spreadsheetml.*", "application/vnd.ms-excel.*12", preload=_ALL),
    _reader(
        "pptx", f"{_OOXML}.presentationml.*", "application/vnd.ms-powerpoint.*12", preload=_ALL
    ),
    _reader("odf", f"{_ODF}.*", "application/vnd.sun.xml.*"),
    _reader("odf-flat", f"{_ODF}.*-flat-xml", target="odf:flat", score=60),
    _reader(
        "ole",
        *_OFFICE_2003,
        "application/vnd.ms-outlook",
        "application/x-ole-storage",
        preload=_ALL,
    ),
    _reader("rtf", "application/rtf", "text/rtf", preload=_ALL),
    _reader("epub", "application/epub+zip", "application/x-ibooks+zip"),
    _reader(
        "parts",
        "application/vnd.ms-visio.*",
        "application/oxps",
        "application/vnd.apple.*",
        "application/hwp+zip",
        preload=_ALL,
    ),
    _reader("html", "text/html", "application/xhtml+xml", preload=["selectolax.lexbor"]),
    _reader(
        "xml",
        "text/xml",
        "application/*+xml",
        "image/svg+xml",
        target="markup:extract",
        score=20,
    ),
    _reader("markdown", "text/markdown", preload=["markdown_it"]),
    _reader("csv", "text/csv", "text/tab-separated-values"),
    _reader("json", "application/json", "application/x-ndjson", target="data:extract"),
    _reader("notebook", "application/x-ipynb+json", target="data:notebook"),
    _reader("mail", "message/rfc822", preload=_ALL),
    _reader("mailbox", "application/mbox", target="mail:mailbox", preload=_ALL),
    _reader(
        "archive",
        "application/zip",
        "application/gzip",
        "application/x-bzip2",
        "application/x-xz",
        "application/x-tar",
        "application/x-7z-compressed",
        "application/vnd.rar",
        preload=_ALL,
    ),
    _reader("winmail", "application/vnd.ms-tnef", target="tnef:extract", preload=_ALL),
    _reader("mobi", "application/x-mobipocket-ebook"),
    _reader("cards", "text/vcard", "text/calendar"),
    _reader("subtitles", "text/vtt", "application/x-subrip", target="cards:subtitles"),
    _reader("text", "text/*", score=10, preload=["charset_normalizer"]),
)


@hookimpl
def processors(ctx: Context) -> Sequence[Processor]:
    return PROCESSORS
