"""What a processor reads from: a file, or a file inside another that is held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

Source: TypeAlias = str | BinaryIO
"""A path, or a stream that can be read from its start."""
Limits: TypeAlias = dict[str, Any]
"""The sandbox's limits, and what `members` keeps there of a file inside another."""


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, str):
        with Path(source).open("rb") as stream:
            yield stream
    else:
        source.seek(0)
        yield source


def contents(source: Source, most: int = -1) -> bytes:
    """All bytes, or the first `most`."""
    with opened(source) as stream:
        return stream.read(most)
