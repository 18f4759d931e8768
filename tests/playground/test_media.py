"""What a file is by its first bytes."""

from __future__ import annotations

import io
import struct

import pytest

from playground import media
from tests.playground.pictures import png


def jpeg(width: int, height: int) -> bytes:
    app = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    frame = b"\xff\xc0" + struct.pack(">HBHH", 11, 8, height, width) + bytes(4)
    return b"\xff\xd8" + app + frame


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (png(3, 2), (3, 2)),
        (jpeg(640, 480), (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 5, 4) + bytes(8), (5, 4)),
        (b"BM" + bytes(16) + struct.pack("<ii", 7, -8), (7, 8)),
        (b"RIFF----WEBPVP8X" + bytes(8) + b"\x09\x00\x00\x13\x00\x00", (10, 20)),
        (b"RIFF----WEBPVP8L" + bytes(5) + struct.pack("<I", 9 | 19 << 14), (10, 20)),
        (b"RIFF----WEBPVP8 " + bytes(10) + struct.pack("<HH", 10, 20), (10, 20)),
        (b"%PDF-1.7", None),
        (b"\x89PNG", None),
        (b"\xff\xd8\xff\xe0\x00\x10", None),
        (b"", None),
    ],
)
def test_picture_size(content: bytes, size: tuple[int, int] | None) -> None:
    assert media.picture_size(io.BytesIO(content)) == size


@pytest.mark.parametrize(
    ("name", "given", "head", "mime"),
    [
        ("a.pdf", "", b"", "application/pdf"),
        ("a.pdf", "text/plain; charset=utf-8", b"", "text/plain"),
        ("a", "application/octet-stream", b"%PDF-1.7", "application/pdf"),
        ("notes.md", "", b"", "text/markdown"),
        ("a", "", b"RIFF....WEBP", "image/webp"),
        ("a", "", b"\x00", "application/octet-stream"),
    ],
)
def test_mime(name: str, given: str, head: bytes, mime: str) -> None:
    assert media.mime_of(name, given, head) == mime


def test_kinds_that_clients_send_the_quick_way() -> None:
    assert media.kind_of("image/jpeg") == "photo"
    assert media.kind_of("image/gif") == "animation"
    assert media.kind_of("video/mp4") == "video"
    assert media.kind_of("audio/mpeg") == "audio"
    assert media.kind_of("application/pdf") == "document"
