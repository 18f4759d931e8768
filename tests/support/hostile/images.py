"""Pictures: few bytes that say that they are many pixels, and loops in their directories."""

from __future__ import annotations

import struct
import zlib

from tests.support.hostile.archives import MB, zlib_bomb
from tests.support.hostile.trap import Trap, hostile, same


def png(
    width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 1, color: int = 0
) -> bytes:
    head = struct.pack("!2L5B", width, height, depth, color, 0, 0, 0)
    parts = ((b"IHDR", head), *chunks, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!L", len(data)) + kind + data + struct.pack("!L", zlib.crc32(kind + data))
        for kind, data in parts
    )


_PIXEL = (b"IDAT", zlib.compress(b"\0\0"))
same("pixels.png", png(100_000, 100_000, _PIXEL))
same("limits.png", png(0x7FFFFFFF, 0x7FFFFFFF, _PIXEL, depth=16, color=6))
same("nothing.png", png(0, 0, _PIXEL))
hostile("bomb.png")(lambda _: png(30_000, 30_000, (b"IDAT", zlib_bomb(bytes(MB), 108))))
hostile("bomb-rgb.png")(
    lambda _: png(13_000, 13_000, (b"IDAT", zlib_bomb(bytes(MB), 490)), depth=8, color=2)
)
hostile("text.png")(lambda _: png(1, 1, (b"zTXt", b"a\0\0" + zlib_bomb(bytes(MB), 500)), _PIXEL))
hostile("profile.png")(lambda _: png(1, 1, (b"iCCP", b"a\0\0" + zlib_bomb(bytes(MB), 500)), _PIXEL))
same("chunks.png", png(1, 1, *[(b"tEXt", b"a\0b")] * 50_000, _PIXEL))
same("huge-chunk.png", png(1, 1, _PIXEL)[:33] + b"\xff\xff\xff\xf0IDAT")
same("truncated.png", png(500, 500, (b"IDAT", zlib.compress(bytes(500 * 64))))[:90])
same("frames.png", png(1, 1, (b"acTL", struct.pack("!2L", 0xFFFFFFFF, 0)), _PIXEL))

_GIF = b"GIF89a" + struct.pack("<2H3B", 0xFFFF, 0xFFFF, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
_FRAME = b"," + struct.pack("<4HB", 0, 0, 0xFFFF, 0xFFFF, 0) + b"\2\2\x4c\1\0"
same("pixels.gif", _GIF + _FRAME + b";")
same("frames.gif", _GIF + _FRAME * 20_000 + b";")
same("truncated.gif", _GIF + _FRAME[:-3])
same("script.gif", b"GIF89a/*" + b"\0" * 40 + b"*/=1;alert('words')//;")


def tiff(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    """(tag, type, count, value)."""
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<2H2L", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<L", 8) + directory + struct.pack("<L", following)


_HUGE = [(256, 4, 1, 0x7FFFFFFF), (257, 4, 1, 0x7FFFFFFF), (258, 3, 1, 8), (262, 3, 1, 1)]
_STRIP = [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 0x7FFFFFFF), (279, 4, 1, 0x7FFFFFFF)]
same("pixels.tiff", tiff(_HUGE + _STRIP))
same("loop.tiff", tiff([(256, 4, 1, 8), (257, 4, 1, 8), *_STRIP], following=8))
same("counts.tiff", tiff([(256, 4, 0xFFFFFFFF, 8), (270, 2, 0xFFFFFFFF, 8), (34665, 4, 1, 8)]))
same("deflate.tiff", tiff([(256, 4, 1, 60_000), (257, 4, 1, 60_000), (259, 3, 1, 8), *_STRIP]))


def jpeg(width: int, height: int, *segments: bytes) -> bytes:
    frame = struct.pack("!HB2HB", 11, 8, height, width, 1) + b"\1\x11\0"
    scan = b"\xff\xda" + struct.pack("!HB", 8, 1) + b"\1\0\0\x3f\0" + b"\x55" * 99
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xc0" + frame + scan + b"\xff\xd9"


def exif(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack("!H", len(body) + 8) + b"Exif\0\0" + body


same("pixels.jpg", jpeg(65_500, 65_500))
same("loop.jpg", jpeg(8, 8, exif(tiff([(34665, 4, 1, 8), (34853, 4, 1, 8)], following=8))))
same("counts.jpg", jpeg(8, 8, exif(tiff([(271, 2, 0xFFFFFFFF, 8), (34853, 4, 99, 0)]))))
same("segments.jpg", jpeg(8, 8, *[b"\xff\xfe\0\4aa"] * 100_000))
same("truncated.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0C\0")
same(
    "pixels.webp",
    b"RIFF\xff\xff\xff\x7fWEBPVP8X\n\0\0\0\x10\0\0\0" + b"\xff" * 6 + b"VP8 \x09\0\0\0" + b"\0" * 9,
)
same("lossless.webp", b"RIFF\x30\0\0\0WEBPVP8L\x20\0\0\0\x2f" + b"\xff" * 40)
same(
    "pixels.bmp",
    b"BM" + struct.pack("<3L3l2H6L", 99, 0, 54, 40, 60_000, -60_000, 1, 24, 0, 0, 0, 0, 0, 0),
)
same(
    "runs.bmp",
    b"BM"
    + struct.pack("<3L3l2H6L", 99, 0, 54, 40, 30_000, 30_000, 1, 8, 1, 0, 0, 0, 0, 0)
    + b"\xff\0" * 9999,
)
same("icon.ico", b"\0\0\1\0\xff\xff" + b"\0" * 16 * 999)
same(
    "layers.psd",
    b"8BPS\0\1"
    + b"\0" * 6
    + struct.pack("!H2L2H", 56, 30_000, 30_000, 8, 3)
    + b"\0\0\0\0\xff\xff\xff\xf0",
)
same(
    "boxes.heic",
    b"\0\0\0\x18ftypheic\0\0\0\0heicmif1\0\0\0\1meta\0\0\0\0\0\0\0\0" + b"\0\0\0\x08iloc" * 9999,
)
same("boxes.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0\0\xff\xffmoov" * 9999)
same("tags.mp3", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"APIC\x7f\x7f\x7f\x7f\0\0" * 999)
same("sizes.mkv", b"\x1aE\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe" + b"\x18S\x80g\xff" * 99)
same("vector.wmf", b"\xd7\xcd\xc6\x9a" + b"\xff" * 999)
same("code.ps", "%!PS\n(/etc/passwd) (r) file { dup read { = } { exit } ifelse } loop\n{ } loop")

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
hostile("xxe.svg")(
    lambda trap: (
        f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{trap.file_url}">]>{_SVG}><text>words &x;</text></svg>'
    )
)
hostile("links.svg")(
    lambda trap: (
        f'<?xml-stylesheet href="{trap.url}/a.css"?>{_SVG}><image href="{trap.file_url}"/>'
        f'<image xlink:href="{trap.url}/a.png"/><script href="{trap.url}/a.js"/>'
        f'<foreignObject><iframe src="{trap.file_url}"/></foreignObject><text>words</text></svg>'
    )
)
same("pixels.svg", f'{_SVG} width="999999999" height="999999999"><text>words</text></svg>')


@hostile("uses.svg")
def _(_: Trap) -> str:
    """Each group shows the one before it ten times."""
    groups = "".join(
        f'<g id="g{n}">' + f'<use href="#g{n - 1}"/>' * 10 + "</g>" for n in range(1, 20)
    )
    return f'{_SVG}><g id="g0"><text>words</text></g>{groups}<use href="#g19"/></svg>'
