"""Types are told by content."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from core.media import DOCX, OCTETS, OLE, PPTX, XLSB, XLSX, matches, sniff
from tests.plugins.documents.samples import compound

_OOXML = "[Content_Types].xml"
_FB2 = "application/x-fictionbook+xml"
_FLAT = "application/vnd.oasis.opendocument.text-flat-xml"


_CHART = "application/vnd.oasis.opendocument.chart"


def _declared(kind: str) -> str:
    return f'<Types><Override PartName="/x" ContentType="application/vnd.{kind}.main+xml"/></Types>'


def of(tmp_path: Path, content: bytes, name: str = "file") -> str:
    path = tmp_path / "content"
    path.write_bytes(content)
    return sniff(path, name)


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "a.pdf", "inode/x-empty"),
        (b"%PDF-1.7\n...", "a.txt", "application/pdf"),
        (b"junk before\n%PDF-1.4\n1 0 obj\n", "a", "application/pdf"),
        (b"Begin it with `%PDF-1.4`.", "a.md", "text/markdown"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "a.docx", OLE),
        (b"{\\rtf1 hello}", "a.doc", "application/rtf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a.txt", "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "a", "image/jpeg"),
        (b"GIF89a" + bytes(50), "a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(20), "a", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(20), "a", "audio/wav"),
        (b"\0\0\0\x20ftypisom" + bytes(20), "a", "video/mp4"),
        (b"\0\0\0\x20ftypM4A " + bytes(20), "a", "audio/mp4"),
        (b"\0\0\0\x20ftypheix\0\0\0\0mif1heix" + bytes(20), "a", "image/heic"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1heic" + bytes(20), "a", "image/heic"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif" + bytes(20), "a", "image/avif"),
        (b"\0\0\0\x20ftypavis\0\0\0\0avis" + bytes(20), "a", "image/avif"),
        (b"OggS" + bytes(50), "a", "audio/ogg"),
        (b"ID3\x04" + bytes(50), "a.txt", "audio/mpeg"),
        (b"MZ\x90\0" + bytes(50), "a.pdf", "application/vnd.microsoft.portable-executable"),
        (bytes(range(256)) * 4, "a.txt", OCTETS),
        (b"plain words", "a.pdf", "text/plain"),
        (b"plain words", "a.unknown", "text/plain"),
        ("Привет, мир".encode("cp1251"), "a.txt", "text/plain"),
        ("Привет, мир".encode("utf-16"), "a.txt", "text/plain"),
        ("Привет, мир, как дела".encode("utf-16-le"), "a.txt", "text/plain"),
        ("你好，世界".encode() * 3000, "a.txt", "text/plain"),
        (b"# Title\n\ntext", "README.md", "text/markdown"),
        (b"import os\n", "a.py", "text/x-python"),
        (b'{"a": 1}', "a.json", "application/json"),
        (b"a;b\n1;2\n", "a.csv", "text/csv"),
        (b"<!DOCTYPE html><html>", "a.txt", "text/html"),
        (b"<?xml version='1.0'?><html>", "a.xhtml", "text/html"),
        (b"<div>part of a page</div>", "a", "text/html"),
        (b"no markup at all", "a.html", "text/plain"),
        (b"<svg xmlns='x'></svg>", "a.svg", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<rss version='2.0'>", "a.xml", "application/rss+xml"),
        (b"<?xml version='1.0'?><!-- x --><FictionBook xmlns='x'>", "a", _FB2),
        (b"<?xml version='1.0'?><catalog/>", "a.txt", "text/xml"),
        (b"<?xml version='1.0'?><office:document xmlns:office='x'>", "a.fodt", _FLAT),
        (b"<div align=center>logo</div>\n\n# Title", "README.md", "text/markdown"),
        (b"From: a@b.c\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\nHi", "a", "message/rfc822"),
        (b"From ann Mon\nFrom: a@b.c\nSubject: x\nTo: d\n\nHi", "a", "application/mbox"),
        (b"Subject: short\n\nHi", "a.eml", "message/rfc822"),
        (b"Subject: only a note\n\nwritten by hand", "a.txt", "text/plain"),
        (b"BEGIN:VCARD\r\nFN:Ann", "a", "text/vcard"),
        (b"BEGIN:VCALENDAR\r\n", "a.txt", "text/calendar"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi", "a.txt", "text/vtt"),
        (b"1\n00:00:01,0 --> 00:00:02,0\nHi", "a.srt", "application/x-subrip"),
        (b'{"cells": []}', "a.ipynb", "application/x-ipynb+json"),
        (b"\x09\x08\x10\0" + bytes(60), "a.xls", OCTETS),
        (b"\x09\x04\x06\0" + bytes(60), "a", "application/vnd.ms-excel"),
        (b"a.txt".ljust(257, b"\0") + b"ustar\0" + bytes(250), "a", "application/x-tar"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a.zip", "application/x-7z-compressed"),
        (b"x\x9f>\x22" + bytes(50), "winmail.dat", "application/vnd.ms-tnef"),
        ("Hello".encode("utf-32"), "a.txt", "text/plain"),
        (b"MZ is where my letter begins", "a.txt", "text/plain"),
    ],
)
def test_types(tmp_path: Path, content: bytes, name: str, expected: str) -> None:
    assert of(tmp_path, content, name) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({_OOXML: "", "word/document.xml": ""}, DOCX),
        ({_OOXML: "", "xl/workbook.xml": ""}, XLSX),
        ({_OOXML: "", "ppt/presentation.xml": ""}, PPTX),
        ({"mimetype": "application/epub+zip", "a": ""}, "application/epub+zip"),
        (
            {"mimetype": "application/vnd.oasis.opendocument.text", "a": ""},
            "application/vnd.oasis.opendocument.text",
        ),
        (
            {"xl/media/x": "", "word/document.xml": "", _OOXML: _declared("ppt.presentationml")},
            PPTX,
        ),
        ({_OOXML: _declared("x.sheet.binary.macroEnabled"), "xl/workbook.bin": ""}, XLSB),
        ({"b": "", "mimetype": "application/vnd.oasis.opendocument.chart"}, _CHART),
        ({"META-INF/container.xml": "", "book.opf": ""}, "application/epub+zip"),
        ({"Pages/1.fpage": "", _OOXML: ""}, "application/oxps"),
        ({"Index/Document.iwa": ""}, "application/vnd.apple.iwork"),
        ({"a.txt": "hello"}, "application/zip"),
    ],
)
def test_archives(tmp_path: Path, entries: dict[str, str], expected: str) -> None:
    path = tmp_path / "archive"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    assert sniff(path, "a.zip") == expected


def test_a_stump_of_an_archive_is_an_archive(tmp_path: Path) -> None:
    assert of(tmp_path, b"PK\x03\x04" + bytes(100)) == "application/zip"
    assert of(tmp_path, b"PK\x03\x04" + bytes(100), "a.docx") == DOCX  # damaged, not unknown


def test_a_directory_that_lies_is_read_no_further(tmp_path: Path) -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    assert of(tmp_path, b"PK\x03\x04" + bytes(100) + end) == "application/zip"


def test_globs() -> None:
    assert matches("text/x-python", ("text/*",))
    assert not matches("image/png", ("text/*", "application/pdf"))


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (["WordDocument", "1Table"], "application/msword"),
        (["WORKBOOK"], "application/vnd.ms-excel"),
        (["PowerPoint Document", "Current User"], "application/vnd.ms-powerpoint"),
        (["__properties_version1.0"], "application/vnd.ms-outlook"),
        (["FileHeader", "\x05HwpSummaryInformation"], "application/x-hwp"),
        (["EncryptedPackage", "WordDocument"], OLE),
        (["ObjectPool/x/WordDocument", "Quill"], OLE),
    ],
)
def test_compound_files_are_told_by_what_lies_at_their_top(
    tmp_path: Path, streams: list[str], expected: str
) -> None:
    path = compound(tmp_path / "a.doc", dict.fromkeys(streams, b""))
    assert sniff(path, "a.doc") == expected


def test_a_stream_is_told_like_a_file_and_left_at_its_start() -> None:
    stream = io.BytesIO(b"%PDF-1.7\n")
    assert sniff(stream, "a") == "application/pdf"
    assert stream.tell() == 0
