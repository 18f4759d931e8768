"""Compound files (OLE): Office before 2007, Outlook's messages, objects in documents."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import olefile

from plugins.documents import prose

_MOST_STREAM = 64 << 20
_PROPERTIES = ("title", "subject", "author", "keywords", "comments", "category", "company")
_BROKEN = (OSError, ValueError, IndexError, KeyError, struct.error, AttributeError, TypeError)


def opened(data: bytes) -> olefile.OleFileIO[Any]:
    """Raises OSError for what is no compound file."""
    return olefile.OleFileIO(data)


def stream(ole: olefile.OleFileIO[Any], *path: str) -> bytes:
    """All of a stream, or its beginning; empty if there is none, or it is broken."""
    with suppress(*_BROKEN):
        if ole.exists(list(path)):
            found: bytes = ole.openstream(list(path)).read(_MOST_STREAM)
            return found
    return b""


def storages(ole: olefile.OleFileIO[Any], *above: str) -> list[list[str]]:
    """Paths of the storages in one."""
    found = ole.listdir(streams=False, storages=True)
    return [path for path in found if tuple(path[:-1]) == above]


def children(ole: olefile.OleFileIO[Any]) -> dict[tuple[str, ...], list[list[str]]]:
    """Paths of the streams and storages, by the storage they lie in."""
    found: dict[tuple[str, ...], list[list[str]]] = {}
    for path in ole.listdir(streams=True, storages=True):
        found.setdefault(tuple(path[:-1]), []).append(path)
    return found


def objects(ole: olefile.OleFileIO[Any], storage: list[str]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of a file that was put into a document."""
    names = {path[-1]: path for path in ole.listdir() if path[:-1] == storage}
    for name, path in names.items():
        if name.endswith("Ole10Native"):
            found = native(stream(ole, *path))
            if found:
                yield found
        elif name in {"Package", "CONTENTS", "EmbeddedOdf"}:
            yield storage[-1] if storage else "object", stream(ole, *path)


def native(data: bytes) -> tuple[str, bytes] | None:
    """(name, bytes) of a packaged file: `Ole10Native`."""
    with suppress(struct.error, ValueError):
        at = 6
        end = data.index(b"\0", at)
        name = data[at:end].decode("cp1252", "replace")
        at = data.index(b"\0", end + 1) + 1  # its path
        at += 4
        (length,) = struct.unpack_from("<L", data, at)
        at += 4 + length
        (size,) = struct.unpack_from("<L", data, at)
        return name.replace("\\", "/").rpartition("/")[2] or "object", data[at + 4 : at + 4 + size]
    return None


def properties(ole: olefile.OleFileIO[Any]) -> dict[str, str]:
    """Title, author and the like, as far as they can be read."""
    with suppress(*_BROKEN):
        known = ole.get_metadata()
        encoding = _encoding(known.codepage)
        found = {name: _text(getattr(known, name, None), encoding) for name in _PROPERTIES}
        if known.create_time:
            found["created"] = known.create_time.isoformat()
        return {name: value for name, value in found.items() if value}
    return {}


def _encoding(page: Any) -> str:
    return {65001: "utf-8", 1200: "utf-16-le", 10000: "mac-roman"}.get(page, f"cp{page or 1252}")


def _text(value: Any, encoding: str) -> str:
    if isinstance(value, bytes):
        with suppress(LookupError):
            value = value.decode(encoding, "replace")
    return prose.one_line(value) if isinstance(value, str) else ""
