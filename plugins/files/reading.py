"""A file read to its end: by one reader after the other, each part in a child of its own."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from plugram import Extraction, SandboxRefused, Section

if TYPE_CHECKING:
    from pathlib import Path

    from plugram import Context, Processor

Progress = Callable[[int, int], Awaitable[None]]
"""Told before each part: its number, and how many there are."""

_MOST_PARTS = 5_000
"""Whatever a reader asks for: it may have been taken over by its file."""


async def read(
    ctx: Context, readers: Sequence[Processor], first: Processor, path: Path, progress: Progress
) -> Extraction:
    """Everything that `first` and those to whom it hands over make of the file.

    Raises SandboxRefused if `first` can't read it; what comes after may only add to that.
    """
    found = await ctx.sandbox.run(first, path)
    reader: Processor | None = first
    for _ in range(_MOST_PARTS):
        left = found.resume
        if left is None:
            return found
        reader = _next(readers, left, reader)
        if reader is None:
            return replace(found, resume=None)
        found = replace(found, warnings=[x for x in found.warnings if x != left.get("settles")])
        done, total = _count(left, "done"), _count(left, "total")
        await progress(done + 1, total)
        found = joined(found, await _part(ctx, reader, path, left, done, total))
    return replace(found, resume=None)


async def _part(
    ctx: Context, reader: Processor, path: Path, left: Mapping[str, Any], done: int, total: int
) -> Extraction:
    """One part; where it breaks a limit, nothing of it and on with the next one."""
    try:
        return await ctx.sandbox.run(reader, path, resume=left)
    except SandboxRefused as error:
        ctx.log.warning("part not read", processor=reader.name, part=done + 1, error=str(error))
        after = {**left, "done": done + 1} if done + 1 < total else None
        return Extraction(sections=[], warnings=(error.reason,), resume=after)


def joined(found: Extraction, more: Extraction) -> Extraction:
    """Both, in the order of the pages; the later word on a file counts."""
    sections = sorted([*found.sections, *more.sections], key=_page)
    return Extraction(
        sections=sections,
        metadata={**found.metadata, **more.metadata},
        language=found.language or more.language,
        warnings=tuple(dict.fromkeys([*found.warnings, *more.warnings])),
        thumbnail=found.thumbnail or more.thumbnail,
        resume=more.resume,
    )


def _page(section: Section) -> float:
    """What has no page, titles and forms, stays behind the pages."""
    return _count(section.locator, "page") or math.inf


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _next(
    readers: Sequence[Processor], left: Mapping[str, Any], current: Processor | None
) -> Processor | None:
    """Who goes on: the reader that is named, else the same one."""
    name = left.get("processor")
    if name is None:
        return current
    able = [one for one in readers if one.name == name and one.task == "continue"]
    return max(able, key=lambda one: one.score, default=None)
