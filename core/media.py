"""What a file is, told by its content. An extension only decides between kinds of text, and what
the readers make of a damaged file."""

from __future__ import annotations

import codecs
import fnmatch
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

OCTETS = "application/octet-stream"
OLE = "application/x-ole-storage"
ZIP = "application/zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
EPUB = "application/epub+zip"
MAIL = "message/rfc822"
DOC, XLS, PPT = "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"

_HEAD = 1 << 13
_LONGEST_EXTENSION = 16
_PDF = re.compile(rb"%PDF-\d")
_PDF_OBJECT = re.compile(rb"\d+[ \r\n]+\d+[ \r\n]+obj\b")
_MARKUP = re.compile(
    r"\A[\s\ufeff]*(?:<\?.*?>\s*)*(?:<!--.*?-->\s*)*<(?:!doctype\s+)?([\w:.-]+)",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\A[\s\ufeff]*<\?xml\b")
_XML_ROOT = re.compile(r"<(?![?!])([\w:.-]+)")
_ROOTS = {
    "svg": "image/svg+xml",
    "fictionbook": "application/x-fictionbook+xml",
    "rss": "application/rss+xml",
    "feed": "application/atom+xml",
    "rdf": "application/rdf+xml",
    "document": "application/vnd.oasis.opendocument.text-flat-xml",
}
"""By the root element's local name; what isn't here is text/xml. `document` is told by its prefix
as well: `office:`."""
_HEADER = re.compile(
    r"^(?:received|return-path|message-id|mime-version|from|to|subject|date|delivered-to|sender|"
    r"reply-to|cc|x-[\w-]+|content-type|dkim-signature|references|in-reply-to)\s?:",
    re.IGNORECASE | re.MULTILINE,
)
_MAIL_START = re.compile(r"\A(?:From \S+.*\n|\d+\s*\n)?[!-9;-~]+\s?:")
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
    (b"x\x9f>\x22", "application/vnd.ms-tnef"),
    (b"\x09\0\x04\0", XLS),  # Excel 2 to 4, before compound files
    (b"\x09\x02\x06\0", XLS),
    (b"\x09\x04\x06\0", XLS),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
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
    "tab": "text/tab-separated-values",
    "psv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "ndjson": "application/x-ndjson",
    "geojson": "application/json",
    "ipynb": "application/x-ipynb+json",
    "eml": MAIL,
    "mht": MAIL,
    "mhtml": MAIL,
    "mbox": "application/mbox",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "fb2": "application/x-fictionbook+xml",
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "svg": "image/svg+xml",
    "org": "text/org",
    "po": "text/x-gettext-translation",
    "latex": "text/x-tex",
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
_OFFICE_EXTENSIONS = {"docx": DOCX, "xlsx": XLSX, "pptx": PPTX}
_OOXML = (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX))
_MAIN_PARTS = (
    (b"wordprocessingml", DOCX),
    (b"sheet.binary.macroEnabled.main", XLSB),
    (b"spreadsheetml", XLSX),
    (b"presentationml", PPTX),
    (b"ms-visio", "application/vnd.ms-visio.drawing.main+xml"),
    (b"fixeddocumentsequence", "application/oxps"),
)
"""What `[Content_Types].xml` calls the document itself."""
_PARTS = {
    "META-INF/container.xml": EPUB,
    "QuickLook/Preview.pdf": "application/vnd.apple.iwork",
    "Index/Document.iwa": "application/vnd.apple.iwork",
    "index.apxl": "application/vnd.apple.iwork",
    "index.xml": "application/vnd.apple.iwork",
}
"""Entries by which a kind of document is known that doesn't name itself."""
_STREAMS = {
    "EncryptedPackage": OLE,
    "EncryptionInfo": OLE,
    "WordDocument": DOC,
    "Workbook": XLS,
    "Book": XLS,
    "PowerPoint Document": PPT,
    "PP97_DUALSTORAGE": PPT,
    "__properties_version1.0": MSG,
    "HwpSummaryInformation": "application/x-hwp",
}
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_MOST_DIRECTORY = 1 << 20
_MOST_DECLARED = 1 << 16
_TAR_SUM = slice(148, 156)


def sniff(source: Path | BinaryIO, name: str) -> str:
    """The media type. Reads a few kilobytes, and of an archive its directory."""
    with _opened(source) as stream:
        head = stream.read(_HEAD)
        if not head:
            return "inode/x-empty"
        if head.startswith(b"PK\x03\x04"):
            return _archive(stream, head, name)
        if _is_pdf(head):
            return "application/pdf"
        known = _by_start(head)
        if known == OLE:
            return _compound(stream, head)
        if known:
            return known
        if head.startswith(b"PK\x05\x06"):
            return ZIP
    text = _as_text(head)
    return _text_type(text, name) if text is not None else _binary(head)


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        source.seek(0)
        yield source
        source.seek(0)


def _is_pdf(head: bytes) -> bool:
    """Junk may stand before it; but a text that speaks of PDF holds none of its objects."""
    start = _PDF.search(head[:1024])
    return bool(start and (not head[: start.start()].strip() or _PDF_OBJECT.search(head)))


def extension(name: str) -> str:
    """Lower case, without the dot; empty if there is none."""
    _, dot, found = name.rpartition(".")
    return found.lower() if dot and len(found) <= _LONGEST_EXTENSION else ""


_PICTURES = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
)
"""Brands of HEIF, single pictures and sequences."""


def _by_start(head: bytes) -> str:
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], OCTETS)
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[60:68] == b"BOOKMOBI":
        return "application/x-mobipocket-ebook"
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return "application/x-tar"
    found = next((mime for start, mime in _FIRST if head.startswith(start)), "")
    # Two letters may begin a text as well.
    return found if found and (b"\0" in head or not head[:2].isalpha()) else ""


def _by_brand(head: bytes) -> str:
    """Of ISO's media files: by the major brand; pictures of a common one name theirs behind it."""
    major = head[8:12]
    if major in _PICTURES:
        return "image/avif" if b"avi" in major or b"avif" in head[16:64] else "image/heic"
    return "audio/mp4" if major == b"M4A " else "video/mp4"


def _is_old_tar(head: bytes) -> bool:
    """Without the magic of 1988: by the sum over its first header."""
    if len(head) < 512 or not head[0]:
        return False
    field = head[_TAR_SUM].strip(b" \0")
    if not 4 <= len(field) <= 7 or not field.isdigit() or field.strip(b"01234567"):
        return False
    return sum(head[:148]) + sum(head[156:512]) + 8 * 32 == int(field, 8)


def matches(mime: str, globs: list[str] | tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(mime, glob) for glob in globs)


# -- text ---------------------------------------------------------------------------------------


def _as_text(head: bytes) -> str | None:
    """The beginning as text, or None for what no encoding of text explains."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return head[: len(head) & ~3].decode("utf-32", "replace")
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
    ending = extension(name)
    found = _TEXTS.get(ending, "text/plain")
    markup = _by_markup(text, found)
    if markup:
        return markup
    if found in {"text/plain", MAIL, "application/mbox"}:
        named = found != "text/plain" and _is_mail(text, least=1)
        return _by_first_lines(text) or (found if named else "text/plain")
    if found == "text/html" or found.endswith("+xml"):
        return found if "<" in text else "text/plain"
    return found


def _by_markup(text: str, named: str) -> str:
    """A page or an XML document, whatever its name; but Markdown may begin with a tag."""
    start = _MARKUP.match(text)
    if not start or named in {"text/markdown", "text/x-php"}:
        return ""
    tag = start[1].lower()
    if _XML.match(text) and tag != "html":
        root = _XML_ROOT.search(text)
        return _by_root(root[1] if root else "")
    if tag in _HTML_START and not named.endswith("+xml"):
        return "text/html"
    if named in {"text/plain", "text/xml", "image/svg+xml"}:
        return _by_root(start[1], "" if named == "text/plain" else named)
    return ""


def _by_root(root: str, otherwise: str = "text/xml") -> str:
    prefix, _, local = root.rpartition(":")
    if local.lower() == "html":
        return "text/html"
    if local == "document" and prefix != "office":
        return otherwise
    return _ROOTS.get(local.lower(), otherwise)


def _by_first_lines(text: str) -> str:
    if text.startswith("{\\rtf"):
        return "application/rtf"
    start = text[:64].lstrip("\ufeff\r\n ").upper()
    if start.startswith("BEGIN:VCARD"):
        return "text/vcard"
    if start.startswith("BEGIN:VCALENDAR"):
        return "text/calendar"
    if start.startswith("WEBVTT"):
        return "text/vtt"
    if _is_mail(text):
        return "application/mbox" if text.lstrip("\ufeff\r\n ").startswith("From ") else MAIL
    return ""


def _is_mail(text: str, least: int = 3) -> bool:
    """Its first lines are the headers of a message, so many that messages have or more."""
    text = text.lstrip("\ufeff\r\n ")
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    return bool(_MAIL_START.match(head)) and len(set(_HEADER.findall(head.lower()))) >= least


# -- archives -----------------------------------------------------------------------------------


def _archive(stream: BinaryIO, head: bytes, name: str) -> str:
    """Office documents are archives: their directory tells which. One that was cut off has none
    left, and is believed its extension: its processor says that it is damaged."""
    stored = head[30:108]  # ODF and EPUB put their type first, uncompressed, in `mimetype`
    if stored.startswith(b"mimetype"):
        declared = re.match(rb"mimetype(application/[\w.+-]+?)(?:PK|\Z|[^\w.+-])", stored)
        if declared:
            return declared[1].decode("ascii")
    entries = dict(_directory(stream))
    if "mimetype" in entries:
        declared = re.match(rb"\s*(application/[\w.+-]+)", _entry(stream, entries["mimetype"]))
        if declared:
            return declared[1].decode("ascii")
    if "FixedDocSeq.fdseq" in entries or any(entry.endswith(".fpage") for entry in entries):
        return "application/oxps"
    if "[Content_Types].xml" in entries:
        return _ooxml(_entry(stream, entries["[Content_Types].xml"]), list(entries))
    found = next((mime for part, mime in _PARTS.items() if part in entries), "")
    if found:
        return found
    return ZIP if entries else _OFFICE_EXTENSIONS.get(extension(name), ZIP)


def _ooxml(declared: bytes, names: list[str]) -> str:
    """By what it calls its main part, else by its folders."""
    mains = re.findall(rb'ContentType="([^"]+main\+xml|[^"]+\.main|[^"]+sequence\+xml)"', declared)
    for main in mains:
        for mark, mime in _MAIN_PARTS:
            if mark in main:
                return mime
    for folder, mime in _OOXML:
        if any(entry.lower().startswith(folder) for entry in names):
            return mime
    return ZIP


def _directory(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    """(name, offset) of the entries, of a directory up to a megabyte: hostile ones have more."""
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
        name = directory[start : start + name_length].decode("utf-8", "replace")
        yield name.replace("\\", "/"), fields[-1]
        position = start + name_length + extra + comment


def _entry(stream: BinaryIO, offset: int) -> bytes:
    """The beginning of an entry, unpacked."""
    stream.seek(offset)
    local = stream.read(30)
    if len(local) < 30 or not local.startswith(b"PK\x03\x04"):
        return b""
    method = int.from_bytes(local[8:10], "little")
    skipped = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    stream.seek(skipped, 1)
    size = int.from_bytes(local[18:22], "little") or _MOST_DECLARED  # 0: it follows the bytes
    packed = stream.read(min(size, _MOST_DECLARED))
    if method != 8:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MOST_DECLARED)
    except zlib.error:
        return b""


# -- compound files -----------------------------------------------------------------------------

_NODE = 128
_NONE = 0xFFFFFFFF
_MOST_NODES = 4096


def _compound(stream: BinaryIO, head: bytes) -> str:
    """Office before 2007 and Outlook: by the streams that lie at the top, in
    any case."""
    names = _top_streams(stream, head)
    return next((mime for name, mime in _STREAMS.items() if name.lower() in names), OLE)


def _top_streams(stream: BinaryIO, head: bytes) -> set[str]:
    if len(head) < 512:
        return set()
    shift = int.from_bytes(head[30:32], "little")
    if shift not in {9, 12}:
        return set()
    nodes = _nodes(stream, head, 1 << shift)
    found: set[str] = set()
    waiting = [int.from_bytes(nodes[0][76:80], "little")] if nodes else []
    seen: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index in seen or index >= len(nodes):
            continue
        seen.add(index)
        node = nodes[index]
        length = min(64, int.from_bytes(node[64:66], "little"))
        name = node[: max(0, length - 2)].decode("utf-16-le", "replace")
        found.add(name.lstrip("\x05").lower())
        waiting += [int.from_bytes(node[at : at + 4], "little") for at in (68, 72)]
    return found


def _nodes(stream: BinaryIO, head: bytes, size: int) -> list[bytes]:
    """Entries of the directory, along its chain of sectors."""
    nodes: list[bytes] = []
    sector = int.from_bytes(head[48:52], "little")
    tables = [int.from_bytes(head[at : at + 4], "little") for at in range(76, 512, 4)]
    while sector < _NONE - 5 and len(nodes) < _MOST_NODES:
        stream.seek((sector + 1) * size)
        content = stream.read(size)
        if len(content) < size:
            break
        nodes += [content[at : at + _NODE] for at in range(0, size, _NODE)]
        table, place = divmod(sector, size // 4)
        if table >= len(tables) or tables[table] >= _NONE - 5:
            break
        stream.seek((tables[table] + 1) * size + 4 * place)
        sector = int.from_bytes(stream.read(4), "little")
    return nodes


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
