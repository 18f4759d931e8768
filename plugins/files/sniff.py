"""What a file is, told by its content. An extension only decides between kinds of text."""

from __future__ import annotations

import codecs
import fnmatch
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from plugins.files.names import extension

OCTETS = "application/octet-stream"
OLE = "application/x-ole-storage"
ZIP = "application/zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

_HEAD = 1 << 13
_PDF = re.compile(rb"%PDF-\d")
_MARKUP = re.compile(
    r"\A\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+)?(\w+)", re.IGNORECASE | re.DOTALL
)
_HTML_START = frozenset(
    {"html", "head", "body", "title", "meta", "link", "script", "style", "div", "span", "p", "a"}
    | {"table", "h1", "h2", "h3", "ul", "ol", "br", "main", "article", "section", "header", "nav"}
)
_FIRST = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
# Kinds of text that have something of their own; any other text is text/plain.
_TEXTS = {
    "md": "text/markdown",
    "markdown": "text/markdown",
    "mdown": "text/markdown",
    "mkd": "text/markdown",
    "htm": "text/html",
    "html": "text/html",
    "xhtml": "text/html",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
    "vcf": "text/vcard",
    "ics": "text/calendar",
    "xml": "text/xml",
    "yaml": "text/yaml",
    "yml": "text/yaml",
    "toml": "text/toml",
    "ini": "text/x-ini",
    "rst": "text/x-rst",
    "tex": "text/x-tex",
    "log": "text/plain",
    "txt": "text/plain",
    "css": "text/css",
    "js": "text/javascript",
    "ts": "text/x-typescript",
    "py": "text/x-python",
    "sh": "text/x-shellscript",
    "c": "text/x-c",
    "h": "text/x-c",
    "cpp": "text/x-c++",
    "hpp": "text/x-c++",
    "cs": "text/x-csharp",
    "java": "text/x-java",
    "kt": "text/x-kotlin",
    "go": "text/x-go",
    "rs": "text/x-rust",
    "rb": "text/x-ruby",
    "php": "text/x-php",
    "swift": "text/x-swift",
    "sql": "text/x-sql",
    "lua": "text/x-lua",
    "pl": "text/x-perl",
    "r": "text/x-r",
}
_ODF = "application/vnd.oasis.opendocument."
_OFFICE_EXTENSIONS = {"docx": DOCX, "xlsx": XLSX, "pptx": PPTX}
_OOXML = (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX))
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_MOST_DIRECTORY = 1 << 20


def sniff(path: Path, name: str) -> str:
    """The media type. Reads a few kilobytes, and of an archive its directory."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if not head:
            return "inode/x-empty"
        if _PDF.search(head[:1024]):
            return "application/pdf"
        known = _by_start(head)
        if known:
            return known
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return _archive(stream, head, name)
    text = _as_text(head)
    return _text_type(text, name) if text is not None else _binary(head)


def _by_start(head: bytes) -> str:
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], OCTETS)
    if head[4:8] == b"ftyp":
        return {b"M4A ": "audio/mp4", b"heic": "image/heic", b"avif": "image/avif"}.get(
            head[8:12], "video/mp4"
        )
    found = next((mime for start, mime in _FIRST if head.startswith(start)), "")
    # Two letters may begin a text as well.
    return found if found and (b"\0" in head or not head[:2].isalpha()) else ""


def matches(mime: str, globs: list[str] | tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(mime, glob) for glob in globs)


# -- text ---------------------------------------------------------------------------------------


def _as_text(head: bytes) -> str | None:
    """The beginning as text, or None for what no encoding of text explains."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head[: len(head) & ~1].decode("utf-16", "replace")
    if b"\0" in head:
        return _wide_text(head)
    if head.startswith(codecs.BOM_UTF8):
        return head.decode("utf-8-sig", "replace")
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if controls > len(head) // 100:
        return None
    try:
        # The last character may be cut.
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return head.decode("latin-1") if _looks_written(head) else None


def _wide_text(head: bytes) -> str | None:
    """UTF-16 without a mark, as Windows' programs save it: every other byte is 0 or 4."""
    for encoding, high in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if high.count(0) + high.count(4) > 0.9 * len(high) and head.count(0) < 0.6 * len(head):
            return head[: len(head) & ~1].decode(encoding, "replace")
    return None


def _looks_written(head: bytes) -> bool:
    """In an old 8-bit encoding (or an East Asian one): lines and words, and no binary magic."""
    spaced = sum(byte in b" \n\r\t" for byte in head)
    return _binary(head) == OCTETS and (spaced > len(head) // 50 or len(head) < 64)


def _text_type(text: str, name: str) -> str:
    start = _MARKUP.match(text)
    found = _TEXTS.get(extension(name), "text/plain")
    if start and found in {"text/plain", "text/html", "text/xml"}:
        tag = start[1].lower()
        if tag in _HTML_START:
            return "text/html"
        if tag == "svg":
            return "image/svg+xml"
    return "text/plain" if found == "text/html" and "<" not in text else found


# -- archives -----------------------------------------------------------------------------------


def _archive(stream: BinaryIO, head: bytes, name: str) -> str:
    """Office documents are archives: their directory tells which. One that was cut off has none
    left, and is believed its extension: its processor says that it is damaged."""
    stored = head[30:108]  # ODF and EPUB put their type first, uncompressed, in `mimetype`
    if stored.startswith(b"mimetype"):
        declared = re.match(rb"mimetype(application/[\w.+-]+?)(?:PK|\Z|[^\w.+-])", stored)
        if declared:
            return declared[1].decode("ascii")
    names = list(_directory(stream))
    if "[Content_Types].xml" in names:
        for folder, mime in _OOXML:
            if any(entry.startswith(folder) for entry in names):
                return mime
    return ZIP if names else _OFFICE_EXTENSIONS.get(extension(name), ZIP)


def _directory(stream: BinaryIO) -> Iterator[str]:
    """Names of the entries, of a directory up to a megabyte: hostile ones have millions."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - (1 << 16) - _END.size))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return
    *_, length, offset, _ = _END.unpack_from(tail, at)
    stream.seek(min(offset, size))
    directory = stream.read(min(length, _MOST_DIRECTORY))
    position = 0
    while directory.startswith(b"PK\x01\x02", position):
        if position + _ENTRY.size > len(directory):
            return
        fields = _ENTRY.unpack_from(directory, position)
        name_length, extra, comment = fields[12:15]
        start = position + _ENTRY.size
        yield directory[start : start + name_length].decode("utf-8", "replace")
        position = start + name_length + extra + comment


# -- the rest -----------------------------------------------------------------------------------


def _binary(head: bytes) -> str:
    """By magic numbers; a guess that isn't confident is none."""
    import puremagic

    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return OCTETS
    best = found[0]
    return best.mime_type if best.mime_type and best.confidence >= 0.5 else OCTETS
