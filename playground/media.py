"""What a file is, as far as its first bytes tell: media type, and the size of a picture."""

from __future__ import annotations

import mimetypes
import struct
from pathlib import PurePath
from typing import IO

from playground.model import FileKind

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
_EXTRA = {
    ".md": "text/markdown",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".epub": "application/epub+zip",
    ".webp": "image/webp",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".csv": "text/csv",
    ".zip": "application/zip",
}
"""Types by name that some systems' tables don't know."""
_UNKNOWN = "application/octet-stream"


def mime_of(name: str, given: str, head: bytes) -> str:
    """By the name, else by what the sender said, else by the first bytes."""
    suffix = PurePath(name).suffix.lower()
    by_name = _EXTRA.get(suffix) or mimetypes.guess_type(name, strict=False)[0]
    by_head = next((mime for magic, mime in _MAGIC if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        by_head = "image/webp"
    if given and given != _UNKNOWN:
        return given.partition(";")[0].strip()
    return by_name or by_head or _UNKNOWN


def kind_of(mime: str) -> FileKind:
    """What Telegram's clients make of a file that is sent the quick way."""
    if mime in {"image/jpeg", "image/png", "image/webp", "image/bmp"}:
        return "photo"
    if mime == "image/gif":
        return "animation"
    if mime in {"video/mp4", "video/quicktime"}:
        return "video"
    if mime in {"audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/flac", "audio/x-flac"}:
        return "audio"
    return "document"


def picture_size(stream: IO[bytes]) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, JPEG, GIF, WebP or BMP; None when it is none."""
    stream.seek(0)
    head = stream.read(32)
    try:
        return _size(head, stream)
    except (struct.error, ValueError):
        return None
    finally:
        stream.seek(0)


def _size(head: bytes, stream: IO[bytes]) -> tuple[int, int] | None:
    if head.startswith(b"\x89PNG"):
        return _pair(">II", head[16:24])
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _pair("<HH", head[6:10])
    if head.startswith(b"BM"):
        width, height = _pair("<ii", head[18:26])
        return width, abs(height)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_size(head)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(stream)
    return None


def _pair(layout: str, data: bytes) -> tuple[int, int]:
    first, second = struct.unpack(layout, data)
    return first, second


def _webp_size(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = _pair("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(stream: IO[bytes]) -> tuple[int, int] | None:
    """From the frame header; the segments before it are skipped."""
    stream.seek(2)
    while True:
        marker, size = struct.unpack(">HH", stream.read(4))
        if 0xFFC0 <= marker <= 0xFFCF and marker not in {0xFFC4, 0xFFC8, 0xFFCC}:
            height, width = _pair(">HH", stream.read(5)[1:])
            return width, height
        if marker >> 8 != 0xFF or size < 2:
            return None
        stream.seek(size - 2, 1)
