"""How long recordings are."""

from __future__ import annotations

import io
import struct
import wave

import pytest

from playground import recordings


def wav(length: int) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(8000 * length))
    return stream.getvalue()


def ogg(length: int) -> bytes:
    """A first page with an Opus header, and a last one with the count of samples."""

    def page(samples: int, body: bytes) -> bytes:
        head = struct.pack("<4sBBqIIIBB", b"OggS", 0, 0, samples, 1, 0, 0, 1, len(body))
        return head + body

    return page(0, b"OpusHead" + bytes(11)) + page(48_000 * length, b"x")


def mp4(length: int) -> bytes:
    header = struct.pack(">I4sIIIII", 28, b"mvhd", 0, 0, 0, 1000, 1000 * length)
    movie = struct.pack(">I4s", 8 + len(header), b"moov") + header
    return struct.pack(">I4s8s", 16, b"ftyp", b"isom") + movie


def flac(length: int) -> bytes:
    packed = 44_100 << 44 | 44_100 * length
    return b"fLaC" + bytes(14) + packed.to_bytes(8) + bytes(40)


def mp3(length: int) -> bytes:
    """An empty ID3 tag and frames of 128 kbit/s."""
    return b"ID3" + bytes(7) + (b"\xff\xfb\x90\x00" + bytes(16_000 * length - 4))


@pytest.mark.parametrize("recorded", [wav, ogg, mp4, flac, mp3])
def test_lengths(recorded: object) -> None:
    assert callable(recorded)
    assert recordings.seconds(io.BytesIO(recorded(7))) == 7


@pytest.mark.parametrize("content", [b"", b"RIFF", b"OggS", b"....ftyp", b"noise" * 99, b"ID3"])
def test_what_is_no_recording(content: bytes) -> None:
    assert recordings.seconds(io.BytesIO(content)) == 0
