"""A file that is read in parts, by one reader after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.config import Settings
from core.sandbox import Sandbox
from plugins.files import reading
from plugram import Extraction, Processor

MODULE = "tests.core.processors"
FIRST = Processor("first", ["*/*"], f"{MODULE}:first_part")
PARTS = Processor("parts", [], f"{MODULE}:parts", task="continue")


@dataclass
class Desk:
    """Of a context, what reading needs."""

    sandbox: Sandbox
    log: Any = field(default_factory=structlog.get_logger)


@pytest.fixture
async def ctx() -> AsyncIterator[Any]:
    desk = Desk(Sandbox(Settings()))
    yield desk
    await desk.sandbox.close()


async def read(
    ctx: Any, tmp_path: Path, first: Processor, *others: Processor
) -> tuple[Extraction, list[tuple[int, int]]]:
    path = tmp_path / "file"
    path.write_text("some words")
    told: list[tuple[int, int]] = []

    async def progress(part: int, parts: int) -> None:
        told.append((part, parts))

    return await reading.read(ctx, [first, *others], first, path, progress), told


async def test_the_next_reader_goes_on_and_a_part_that_dies_is_left_out(
    ctx: Any, tmp_path: Path
) -> None:
    found, told = await read(ctx, tmp_path, FIRST, PARTS)
    assert [one.text for one in found.sections] == ["part 0", "page 2", "part 2", "title"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert list(found.warnings) == ["old", "odd", "crash"]
    assert found.metadata == {"a": 1, "words": 2}
    assert found.resume is None


async def test_where_nobody_goes_on_the_warning_stays(ctx: Any, tmp_path: Path) -> None:
    found, told = await read(ctx, tmp_path, FIRST)
    assert list(found.warnings) == ["unread", "old"]
    assert (told, found.resume) == ([], None)


async def test_a_reader_that_never_ends_is_stopped(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MOST_PARTS", 5)
    endless = Processor("endless", ["*/*"], f"{MODULE}:endless")
    found, told = await read(ctx, tmp_path, endless)
    assert len(told) == 5
    assert found.resume is None
