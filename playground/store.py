"""What survives a restart: every record as JSON in one SQLite table, written behind.

Records are collected and written by a thread, many in one transaction, at most a fifth of a
second late, so that a message costs no write of its own. A clean stop loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

_log = logging.getLogger(__name__)

_DELAY = 0.2
"""Seconds for which changes are collected."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID
"""
_KEEP = "INSERT OR REPLACE INTO records (kind, id, body) VALUES (?, ?, ?)"
_DROP = "DELETE FROM records WHERE kind = ? AND id = ?"


class Store:
    """Keeps records in a folder, or nowhere when there is none."""

    def __init__(self, folder: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        self._changed: dict[tuple[str, str], Any] = {}
        self._writer: asyncio.Task[None] | None = None
        self._dirty = asyncio.Event()
        self._closing = asyncio.Event()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(folder / "playground.db", check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)

    def read(self, kind: str) -> Iterator[tuple[str, Any]]:
        """The saved records of a kind: id and body, ordered by id."""
        if self._database is not None:
            found = self._database.execute(
                "SELECT id, body FROM records WHERE kind = ? ORDER BY id", (kind,)
            )
            for record, body in found:
                yield record, orjson.loads(body)

    def save(self, kind: str, record: str, body: Any) -> None:
        """Remember a dataclass or JSON value; it is read when it is written, a little later."""
        self._mark(kind, record, body)

    def drop(self, kind: str, record: str) -> None:
        """Forget a record."""
        self._mark(kind, record, None)

    def start(self) -> None:
        """Begin to write; needs a running loop."""
        if self._database is not None:
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write what is left and let go of the database."""
        self._closing.set()
        self._dirty.set()
        if self._writer is not None:
            await self._writer
        if self._database is not None:
            await self._flush()
            self._database.close()
            self._database = None

    def _mark(self, kind: str, record: str, body: Any) -> None:
        if self._database is not None:
            self._changed[kind, record] = body
            self._dirty.set()

    async def _write(self) -> None:
        while not self._closing.is_set():
            await self._dirty.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _DELAY)
            self._dirty.clear()
            await self._flush()

    async def _flush(self) -> None:
        """Write the changes; those that can't be written go with the next ones."""
        changed, self._changed = self._changed, {}
        if not changed:
            return
        rows = [
            (kind, record, None if body is None else orjson.dumps(body))
            for (kind, record), body in changed.items()
        ]
        try:
            await asyncio.to_thread(self._commit, rows)
        except sqlite3.Error as error:
            self._changed = changed | self._changed
            _log.error("the playground could not save its state: %s", error)

    def _commit(self, rows: list[tuple[str, str, bytes | None]]) -> None:
        assert self._database is not None, "only a store with a folder writes"  # noqa: S101
        with self._database:
            self._database.executemany(_KEEP, [row for row in rows if row[2] is not None])
            self._database.executemany(_DROP, [row[:2] for row in rows if row[2] is None])
