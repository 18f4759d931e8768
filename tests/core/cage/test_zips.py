"""Archives are looked at before anything of them is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from plugram import SandboxRefused, safe_zip
from tests.support.hostile import MAKERS, Trap
from tests.support.hostile.archives import Entry, bomb, raw_zip, zipped

TRAP = Trap(Path("/outside/secret.txt"), Path("/outside"), "http://127.0.0.1:9")
LIMITS = {"unpacked_mb": 40, "archive_ratio": 50, "archive_entries": 100, "archive_depth": 2}


def refusal(content: bytes, limits: dict[str, Any] = LIMITS) -> SandboxRefused:
    with pytest.raises(SandboxRefused) as refused:
        safe_zip(content, limits)
    return refused.value


@pytest.mark.parametrize("kind", ["bytes", "path", "stream"])
def test_an_honest_archive_is_opened(kind: str, tmp_path: Path) -> None:
    content = zipped({"a/b.txt": "words", "ä.txt": "слова"})
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    source: Any = {"bytes": content, "path": path, "stream": io.BytesIO(content)}[kind]
    with safe_zip(source, LIMITS) as archive:
        assert archive.namelist() == ["a/b.txt", "ä.txt"]
        assert archive.read("a/b.txt") == b"words"


def test_streamed_archives_and_those_with_something_before_them_are_opened() -> None:
    class Pipe(io.RawIOBase):
        """Can't seek, so sizes follow their data."""

        def __init__(self) -> None:
            self.held = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.held += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "ab":
            archive.writestr(name, name * 1000)
    for content in (bytes(pipe.held), b"#!/bin/sh\n" * 99 + zipped({"a": "x"})):
        with safe_zip(content, LIMITS) as opened:
            assert opened.testzip() is None


@pytest.mark.parametrize(
    ("limit", "content"),
    [
        ("unpacked_mb", raw_zip([bomb("a", 41)])),
        ("unpacked_mb", raw_zip(bomb(f"{n}", 15) for n in range(3))),
        ("archive_ratio", raw_zip([bomb("a", 30)])),
        ("archive_entries", raw_zip(Entry(b"%d" % n) for n in range(101))),
        ("archive_entries", raw_zip(Entry(b"%05d" % n * 100, offset=0) for n in range(5000))),
    ],
)
def test_what_is_beyond_a_limit_is_refused_by_its_name(limit: str, content: bytes) -> None:
    error = refusal(content)
    assert (error.reason, error.limit) == ("unpacked", f"sandbox.{limit}")
    assert f"PLUGRAM_SANDBOX__{limit.upper()}, above {LIMITS[limit]}" in error.hint


def test_archives_in_archives_share_size_entries_and_depth() -> None:
    def inside(outer: Any) -> Any:
        return safe_zip(outer.read("inner.zip"), LIMITS, within=outer)

    content = zipped({"a.txt": "x"})
    for _ in range(3):
        content = zipped({"inner.zip": content})
    with safe_zip(content, LIMITS) as first, inside(first) as second, inside(second) as third:
        assert (first.depth, second.depth, third.depth) == (0, 1, 2)
        assert first.budget.entries == 3
        with pytest.raises(SandboxRefused) as refused:
            inside(third)
    assert refused.value.limit == "sandbox.archive_depth"
    many = raw_zip([Entry(b"inner.zip", raw_zip(Entry(b"%d" % n) for n in range(100)))])
    with safe_zip(many, LIMITS) as outer, pytest.raises(SandboxRefused) as refused:
        inside(outer)
    assert refused.value.limit == "sandbox.archive_entries"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("overlap-in-part.zip", "unsafe"),
        ("self.zip", "unsafe"),
        ("quine.zip", "unsafe"),
        ("liar-local.zip", "unsafe"),
        ("duplicates.zip", "unsafe"),
        ("traversal.zip", "unsafe"),
        ("absolute.zip", "unsafe"),
        ("backslashes.zip", "unsafe"),
        ("drive.zip", "unsafe"),
        ("encrypted.zip", "encrypted"),
        ("encrypted-aes.zip", "encrypted"),
        ("truncated.zip", "corrupt"),
        ("headless.zip", "corrupt"),
        ("end-lies.zip", "corrupt"),
    ],
)
def test_traps_are_refused(name: str, reason: str) -> None:
    content = MAKERS[name](TRAP)
    assert isinstance(content, bytes)
    assert refusal(content, {}).reason == reason


def test_a_liar_unpacks_to_what_it_declares() -> None:
    content = MAKERS["liar-small.zip"](TRAP)
    assert isinstance(content, bytes)
    with safe_zip(content, {}) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read("a.txt")


def test_names_with_dots_are_names() -> None:
    names = ["a..b", "..a/b..", "a/...", "C:", "c:a"]
    with safe_zip(zipped(dict.fromkeys(names, "x")), LIMITS) as archive:
        assert archive.namelist() == names
