"""The archive that a person gets: ZIP files, written and read as streams.

    README.txt                      what this is, in the person's language
    tables/files_telegram_files.json    rows, as the inventory of tables gives them out
    files/documents/Report.pdf      what isn't in tables
    index.json                      all entries with size and SHA-256, and whose they are

A part that would become larger than Telegram takes is closed and another one begun; each has its
own index.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from plugram import PlugramError

FORMAT = "plugram-export/1"
INDEX = "index.json"
_ROOM = 64 << 10
"""Bytes of a part that are left for its index and the ZIP's own."""
_PER_ENTRY = 512
_CHUNK = 1 << 20


@dataclass(slots=True)
class _Part:
    path: Path
    zip: zipfile.ZipFile
    entries: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0


class Writer:
    """Writes parts into a folder; `async with` closes the last one."""

    def __init__(
        self, folder: Path, name: str, facts: Mapping[str, Any], limit: int, readme: str
    ) -> None:
        """`name`: of the files, without ending. `facts`: what the index says of the whole.
        `limit`: bytes of a part; a single file may be larger, and is a part of its own then."""
        self._folder = folder
        self._name = name
        self._facts = facts
        self._limit = limit
        self._readme = readme
        self._part: _Part | None = None
        self._taken: set[str] = set()
        self.parts: list[Path] = []

    async def add_table(self, name: str, pages: AsyncIterator[Sequence[Mapping[str, Any]]]) -> int:
        """The rows of a table as one JSON document; how many."""
        rows = 0

        async def written() -> AsyncIterator[bytes]:
            nonlocal rows
            yield b"["
            async for page in pages:
                lines = [orjson.dumps(row, default=_plain) for row in page]
                yield (b",\n" if rows else b"\n") + b",\n".join(lines)
                rows += len(lines)
            yield b"\n]\n"

        entry = await self._add(f"tables/{name}.json", written(), packed=True)
        entry.update(table=name, rows=rows)
        return rows

    async def add_file(
        self, path: str, size: int, chunks: AsyncIterator[bytes], about: Mapping[str, Any]
    ) -> None:
        part = self._part
        if part is not None and part.size + size + _PER_ENTRY > self._limit - _ROOM:
            await self.close()
        entry = await self._add(self._free(f"files/{path}"), chunks, packed=False)
        entry["about"] = dict(about)

    async def close(self, *, last: bool = False) -> None:
        """End the part that is being written."""
        part, self._part = self._part, None
        if part is not None:
            await asyncio.to_thread(self._finish, part, last)

    async def _add(
        self, path: str, chunks: AsyncIterator[bytes], *, packed: bool
    ) -> dict[str, Any]:
        if self._part is None:
            self._part = await asyncio.to_thread(self._begin)
        part, digest, size = self._part, hashlib.sha256(), 0
        info = zipfile.ZipInfo(path, datetime.now().timetuple()[:6])  # noqa: DTZ005 - ZIP's times have no zone
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with part.zip.open(info, "w", force_zip64=True) as stream:
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(stream.write, chunk)
        entry = {"path": path, "size": size, "sha256": digest.hexdigest()}
        part.entries.append(entry)
        part.size += info.compress_size + _PER_ENTRY
        return entry

    def _begin(self) -> _Part:
        path = self._folder / f"{self._name}-{len(self.parts) + 1}.zip"
        self.parts.append(path)
        part = _Part(path, zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED))
        part.zip.writestr("README.txt", self._readme)
        return part

    def _finish(self, part: _Part, last: bool) -> None:
        index = {
            "format": FORMAT,
            **self._facts,
            "part": len(self.parts),
            "last": last,
            "entries": part.entries,
        }
        part.zip.writestr(INDEX, orjson.dumps(index, option=orjson.OPT_INDENT_2))
        part.zip.close()

    def _free(self, path: str) -> str:
        """The path, or one like it: people have files of equal names."""
        wanted, number = PurePosixPath(path), 1
        while path.casefold() in self._taken:
            number += 1
            path = str(wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}"))
        self._taken.add(path.casefold())
        return path


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


class Reader:
    """The parts of an export. Implements `plugram.UserArchive`."""

    def __init__(self, parts: Sequence[tuple[zipfile.ZipFile, Mapping[str, Any]]]) -> None:
        self._parts = parts

    @property
    def user_id(self) -> int:
        return int(self._parts[0][1]["user"])

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for archive, entry in self._entries():
            if entry.get("table") == table:
                found += orjson.loads(archive.read(entry["path"]))
        return found

    def tables(self) -> list[str]:
        return [str(entry["table"]) for _, entry in self._entries() if "table" in entry]

    def files(self) -> Sequence[Mapping[str, Any]]:
        return [entry for _, entry in self._entries() if "about" in entry]

    async def open(self, path: str) -> AsyncIterator[bytes]:
        home = next(archive for archive, entry in self._entries() if entry["path"] == path)
        with home.open(path) as stream:
            while chunk := await asyncio.to_thread(stream.read, _CHUNK):
                yield chunk

    def damaged(self, told: Callable[[int], object] = lambda _: None) -> list[str]:
        """Entries whose bytes aren't what the index says. Blocks: for threads."""
        wrong = []
        for number, (archive, entry) in enumerate(self._entries(), 1):
            if _digest(archive, entry["path"]) != entry["sha256"]:
                wrong.append(str(entry["path"]))
            told(number)
        return wrong

    def _entries(self) -> Iterator[tuple[zipfile.ZipFile, Mapping[str, Any]]]:
        for archive, index in self._parts:
            for entry in index["entries"]:
                yield archive, entry


def _digest(archive: zipfile.ZipFile, path: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(path) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except (KeyError, zipfile.BadZipFile, EOFError):
        return ""
    return digest.hexdigest()


@contextmanager
def reading(paths: Sequence[Path]) -> Iterator[Reader]:
    """An export by its parts. Raises PlugramError if they aren't one, or not all of it."""
    with ExitStack() as stack:
        opened = [_opened(path, stack) for path in paths]
        opened.sort(key=lambda one: int(one[1]["part"]))
        _check_whole([index for _, index in opened])
        yield Reader(opened)


def _opened(path: Path, stack: ExitStack) -> tuple[zipfile.ZipFile, Mapping[str, Any]]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
        index = orjson.loads(archive.read(INDEX))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise PlugramError(
            f"{path} is no export of Plugram: {error}", hint="give the ZIP files that /mydata sent"
        ) from None
    if index.get("format") != FORMAT:
        raise PlugramError(f"{path} has the format {index.get('format')}, this reads {FORMAT}")
    return archive, index


def _check_whole(parts: Sequence[Mapping[str, Any]]) -> None:
    numbers = [part["part"] for part in parts]
    if len({part["export"] for part in parts}) != 1:
        raise PlugramError("the files are parts of different exports", hint="give those of one")
    if numbers != list(range(1, len(parts) + 1)) or not parts[-1]["last"]:
        raise PlugramError(
            f"parts are missing: there are {', '.join(map(str, numbers))}",
            hint="give all files of the export, the last one too",
        )
