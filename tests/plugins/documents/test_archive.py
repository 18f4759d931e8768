"""Archives: listed, and read within limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.documents.archive import extract
from plugram import SandboxRefused
from tests.plugins.documents.binaries import rar, seven_zip
from tests.plugins.documents.samples import archive, word


def read(path: Path, **limits: int) -> dict[str, Any]:
    return extract(str(path), limits)


def told(found: dict[str, Any]) -> dict[str, str]:
    return {
        one["locator"].get("member") or one["locator"]["part"]: one["text"]
        for one in found["sections"]
    }


def tar(path: Path, mode: str, **files: bytes) -> Path:
    with tarfile.open(path, mode) as made:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return path


def test_a_zip_and_what_is_in_it(tmp_path: Path) -> None:
    report = word(tmp_path / "r.docx").read_bytes()
    path = archive(
        tmp_path / "a.zip",
        {"notes.txt": "plain words", "in/r.docx": report, "x.bin": bytes(range(256))},
    )
    found = read(path)
    assert told(found)["listing"] == "notes.txt\nin/r.docx\nx.bin"
    assert told(found)["notes.txt"] == "plain words"
    assert any(
        one["locator"] == {"member": "in/r.docx", "part": "header"} for one in found["sections"]
    )
    assert found["metadata"]["members"] == 3


def test_archives_in_archives_as_deep_as_allowed(tmp_path: Path) -> None:
    content: bytes = b"at the bottom"
    name = "deep.txt"
    for level in range(4):
        content = archive(tmp_path / "inner.zip", {name: content}).read_bytes()
        name = f"{level}.zip"
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    deep = "2.zip/1.zip/0.zip/deep.txt"
    assert told(read(path, archive_depth=3))[deep] == "at the bottom"
    assert deep not in told(read(path, archive_depth=2))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar(tmp_path: Path, mode: str) -> None:
    path = tar(tmp_path / "a", mode, **{"one.txt": b"first words", "two.csv": b"a,b\n1,2\n"})
    assert told(read(path)) == {
        "listing": "one.txt\ntwo.csv",
        "one.txt": "first words",
        "two.csv": "a\tb\n1\t2",
    }


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_single_file_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(pack(b"<p>packed <b>words</b>"))
    assert told(read(path))["content"] == "packed words"


def test_seven_zip(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.7z", {"in/one.txt": b"first words", "two.txt": b"second"})
    assert told(read(path)) == {
        "listing": "in/one.txt\ntwo.txt",
        "in/one.txt": "first words",
        "two.txt": "second",
    }


def test_what_cannot_be_unpacked_is_listed(tmp_path: Path) -> None:
    found = read(seven_zip(tmp_path / "a.7z", {"one.txt": b"words"}, method=b"\x09"))
    assert (told(found), found["warnings"]) == ({"listing": "one.txt"}, ["unsupported"])
    found = read(rar(tmp_path / "a.rar", "in/отчёт.pdf"))
    assert (told(found), found["warnings"]) == ({"listing": "in/отчёт.pdf"}, ["unsupported"])


def test_names_in_the_encoding_of_their_country(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"xxxxx.txt": "words"})
    path.write_bytes(path.read_bytes().replace(b"xxxxx", "отчёт".encode("cp866")))
    assert "отчёт.txt" in told(read(path))["listing"]


def test_a_bomb_in_a_stream_ends_with_the_limit(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tgz", "w:gz", big=bytes(40 << 20), late=b"never reached")
    found = read(path, unpacked_mb=16)
    assert found["warnings"] == ["output"]
    assert "never reached" not in told(found).values()


def test_a_damaged_one_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar", "w", one=b"first words", two=b"x" * 9000).read_bytes()
    path = tmp_path / "b.tar"
    path.write_bytes(whole[:2500])
    found = read(path)
    assert told(found)["one"] == "first words"
    assert found["warnings"] == ["damaged"]


def test_a_locked_member_locks_it(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.7z", {"one.txt": b"words"}, method=b"\x06\xf1\x07\x01")
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    assert refused.value.reason == "encrypted"
