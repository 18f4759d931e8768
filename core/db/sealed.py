"""A database in which nothing stays: all of a process in one transaction that is never committed.

For replays beside a live bot. PostgreSQL: one connection, one transaction, rolled back at the end;
it waits for no lock of the bot's for long. SQLite has one writer, so there it is a copy of the
file, made without stopping anybody, and thrown away. Either way a replay sees what is in the
database now, and can be undone by itself (`undone`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from core.db.database import Database, Engine, Session
from core.db.sqlite import Row, is_read

_PATIENCE = 10.0
"""Seconds that a write waits for an open transaction to end, as on SQLite."""
_SETUP = "SET LOCAL lock_timeout = '3s'; SET LOCAL idle_in_transaction_session_timeout = '120s'"
"""The live bot goes first: a replay that would wait for it fails instead."""
_SHIFT = "plugram_replay_clock"
_PAGES = 4096

Progress = Callable[[int, int], object]
"""Told how many pages are copied, and of how many."""


def seal(database: Database) -> Database:
    """Before it is connected: whatever is written through it is gone in the end."""
    database.engine = SealedEngine(database.engine)
    database.replica = None
    return database


def copy(source: Path, target: Path, progress: Progress | None = None) -> None:
    """A SQLite file as it is now, while others read and write it."""
    told = (lambda _, left, total: progress(total - left, total)) if progress else None
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True)) as live,
        contextlib.closing(sqlite3.connect(target)) as mine,
    ):
        live.execute("BEGIN")
        # One view of it throughout: else the copy begins anew with each write of the bot.
        live.execute("SELECT count(*) FROM sqlite_master").fetchall()
        live.backup(mine, pages=_PAGES, progress=told)


class SealedEngine:
    """An engine around another one's single session."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self._session: Session | None = None
        self._statement = asyncio.Lock()
        """A connection runs one at a time."""
        self._writing = asyncio.Lock()
        """Held by the open transaction."""
        self._names = itertools.count(1)
        self.scope = ""
        """Of the open transaction."""

    def __getattr__(self, name: str) -> Any:
        """`options`; but no connections beside the session."""
        if name != "options":
            raise AttributeError(name)
        return getattr(self._inner, name)

    @property
    def dialect(self) -> str:
        return self._inner.dialect

    @property
    def clock(self) -> str:
        """The time that `move` set, going on."""
        if self.dialect == "postgres":
            shift = f"coalesce(nullif(current_setting('{_SHIFT}.shift', true), ''), '0')::float8"
        else:
            shift = f"(SELECT shift FROM {_SHIFT})"  # noqa: S608 - ours
        return f"({self._inner.clock} + {shift})"

    @property
    def where(self) -> str:
        return self._inner.where

    async def connect(self) -> None:
        await self._inner.connect()
        setup = _SETUP if self._inner.dialect == "postgres" else ""
        self._session = await self._inner.begin("", setup, login=False)
        if self.dialect == "sqlite":
            await self._session.execute(f"CREATE TABLE IF NOT EXISTS {_SHIFT} (shift REAL)", ())
            await self._session.execute(f"INSERT INTO {_SHIFT} VALUES (0)", ())  # noqa: S608

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.rollback()
        await self._inner.close()

    async def move(self, seconds: float) -> None:
        """Set the clock so many seconds ahead of the real one, or behind it."""
        if self.dialect == "postgres":
            await self.fetch(
                "SELECT set_config($1, $2, true)", (f"{_SHIFT}.shift", f"{seconds:.6f}")
            )
        else:
            await self.execute(f"UPDATE {_SHIFT} SET shift = $1", (seconds,))  # noqa: S608

    @contextlib.asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """What is written inside is gone behind it."""
        name = f"undone_{next(self._names)}"
        await self._run("execute", f"SAVEPOINT {name}", ())
        try:
            yield
        finally:
            async with asyncio.timeout(_PATIENCE), self._writing:
                await self._run("execute", f"ROLLBACK TO SAVEPOINT {name}", ())
                await self._run("execute", f"RELEASE SAVEPOINT {name}", ())

    # -- statements that commit by themselves elsewhere

    async def fetch(self, sql: str, args: Sequence[Any], scope: str = "") -> list[Row]:
        rows: list[Row] = await self._alone("fetch", sql, args, scope)
        return rows

    async def execute(self, sql: str, args: Sequence[Any], scope: str = "") -> int:
        return int(await self._alone("execute", sql, args, scope))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]], scope: str = "") -> None:
        await self._alone("executemany", sql, rows, scope)

    async def begin(self, scope: str, setup: str = "", *, login: bool = False) -> SealedSession:
        async with asyncio.timeout(_PATIENCE):
            await self._writing.acquire()
        session = SealedSession(self, f"sealed_{next(self._names)}")
        try:
            await session.enter(scope, setup)
        except BaseException:
            self._writing.release()
            raise
        return session

    async def look_at_login(self) -> None:
        """As whom it was opened, it goes on."""

    async def probe(self, patience: float) -> bool:
        return await self._inner.probe(patience)

    async def _alone(self, verb: str, sql: str, args: Any, scope: str = "") -> Any:
        if is_read(sql):  # sees what the open transaction wrote; a replay is one task after another
            return await self._guarded(verb, sql, args, scope)
        async with asyncio.timeout(_PATIENCE), self._writing:
            return await self._guarded(verb, sql, args, scope)

    async def _guarded(self, verb: str, sql: str, args: Any, scope: str = "") -> Any:
        """A statement that fails must not spoil the rest."""
        async with self._statement:
            session = self._live()
            name = f"alone_{next(self._names)}"
            await session.execute(f"SAVEPOINT {name}", ())
            try:
                if scope:
                    await session.set_scope(scope)
                result = await getattr(session, verb)(sql, args)
                if scope:
                    await session.set_scope(self.scope)
            except BaseException:
                await session.execute(f"ROLLBACK TO SAVEPOINT {name}", ())
                raise
            finally:
                await session.execute(f"RELEASE SAVEPOINT {name}", ())
            return result

    async def _run(self, verb: str, *args: Any) -> Any:
        async with self._statement:
            return await getattr(self._live(), verb)(*args)

    def _live(self) -> Session:
        if self._session is None:
            raise RuntimeError("it is closed")
        return self._session


class SealedSession:
    """A transaction inside the one that is never committed: a savepoint."""

    def __init__(self, engine: SealedEngine, name: str) -> None:
        self._engine = engine
        self._name = name
        if engine.dialect == "sqlite":  # Tortoise takes the row id from it
            self.insert = self._insert

    async def enter(self, scope: str, setup: str) -> None:
        await self._run("execute", f"SAVEPOINT {self._name}", ())
        if scope:
            await self.set_scope(scope)
        if setup and self._engine.dialect == "postgres":
            await self._run("script", setup)

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Row]:
        rows: list[Row] = await self._run("fetch", sql, args)
        return rows

    async def execute(self, sql: str, args: Sequence[Any]) -> int:
        return int(await self._run("execute", sql, args))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await self._run("executemany", sql, rows)

    async def script(self, sql: str) -> None:
        await self._run("script", sql)

    async def _insert(self, sql: str, args: Sequence[Any]) -> Any:
        return await self._run("insert", sql, args)

    async def set_scope(self, scope: str) -> None:
        await self._run("set_scope", scope)
        self._engine.scope = scope

    async def commit(self) -> None:
        try:
            await self._run("execute", f"RELEASE SAVEPOINT {self._name}", ())
            await self.set_scope("")
        finally:
            self._engine._writing.release()  # noqa: SLF001 - same module

    async def rollback(self) -> None:
        try:
            await self._run("execute", f"ROLLBACK TO SAVEPOINT {self._name}", ())
            await self._run("execute", f"RELEASE SAVEPOINT {self._name}", ())
            self._engine.scope = ""
        finally:
            self._engine._writing.release()  # noqa: SLF001 - same module

    async def _run(self, verb: str, *args: Any) -> Any:
        return await self._engine._run(verb, *args)  # noqa: SLF001 - same module
