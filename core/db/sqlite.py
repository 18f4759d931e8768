"""SQLite: one connection that writes, several that read, each with a thread of its own.

Calls hop to a thread and back (about 40 µs), so a slow disk, a lock held by another process or a
long search never stops the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import re
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from core.errors import (
    ConstraintError,
    DatabaseAway,
    DatabaseError,
    DatabaseReadOnly,
    DiskFull,
)

T = TypeVar("T")
Row = dict[str, Any]

CLOCK = "((julianday('now') - 2440587.5) * 86400.0)"
"""The time in seconds since 1970, to the millisecond."""

# The same as Tortoise registers; Python's own for times are deprecated.
sqlite3.register_adapter(Decimal, str)
sqlite3.register_adapter(date, date.isoformat)
sqlite3.register_adapter(datetime, lambda value: value.isoformat(" "))

# How many virtual-machine steps pass between two looks at the clock: about a millisecond's worth.
_STEPS_PER_LOOK = 20_000
# Bytes of the file that are read in place instead of being copied page by page, which halves what
# a search pays for rows all over a large table. The kernel takes the memory back when it is short.
_MAPPED = 512 << 20
_SCRUBS, _SCRUB_PAUSE = 50, 0.2
_NUMBERED = re.compile(r"'(?:[^']|'')*'|\$(\d+)")


@dataclass(frozen=True, slots=True)
class SqliteOptions:
    path: Path
    synchronous: str = "normal"
    acquire_timeout: float = 10.0
    """Seconds to wait for the right to write, in this process and against others."""
    statement_timeout: float = 30.0
    readers: int = 4


class SqliteEngine:
    """The connections to one database file."""

    dialect = "sqlite"
    clock = CLOCK

    def __init__(self, options: SqliteOptions) -> None:
        self.options = options
        self._turn = asyncio.Lock()
        self._writer: _Connection | None = None
        self._readers: list[_Connection] = []

    @property
    def where(self) -> str:
        return f"SQLite database {self.options.path}"

    async def connect(self) -> None:
        self.options.path.parent.mkdir(parents=True, exist_ok=True)
        self._turn = asyncio.Lock()
        writer = _Connection(self.options, writes=True)
        try:
            await writer.open()
        except BaseException:
            writer.close()
            raise
        self._writer = writer

    async def close(self) -> None:
        """Readers first: the last one to close folds the write-ahead log into the file."""
        for connection in [*self._readers, *([self._writer] if self._writer else [])]:
            await asyncio.get_running_loop().run_in_executor(None, connection.close)
        self._readers.clear()
        self._writer = None

    async def look_at_login(self) -> None:
        """A file has no logins."""

    async def probe(self, patience: float) -> bool:
        """Whether the file can be read within `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                await self.fetch("SELECT 1", ())
        except TimeoutError:
            return False
        return True

    async def fetch(self, sql: str, args: Sequence[Any], scope: str = "") -> list[Row]:
        if is_read(sql):
            reader = await self._reader()
            return await reader.run(_fetch, numbered(sql), args)
        async with self._exclusive() as writer:
            return await writer.run(_fetch, numbered(sql), args)

    async def execute(self, sql: str, args: Sequence[Any], scope: str = "") -> int:
        async with self._exclusive() as writer:
            return await writer.run(_execute, numbered(sql), args)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]], scope: str = "") -> None:
        async with self._exclusive() as writer:
            await writer.run(_executemany_alone, numbered(sql), rows)

    async def begin(self, scope: str, setup: str = "", *, login: bool = False) -> SqliteSession:
        """A transaction's session; the write lock is held until its commit or rollback."""
        await self._take_turn()
        if self._writer is None:
            self._turn.release()
            raise _closed(self.where)
        return SqliteSession(self._writer, self._turn)

    async def scrub(self) -> None:
        """Fold the write-ahead log into the file and cut it. What was deleted is zeros there: see
        `secure_delete`. Raises DatabaseAway if a reader is never through."""
        for _ in range(_SCRUBS):
            async with self._exclusive() as writer:
                [row] = await writer.run(_fetch, "PRAGMA wal_checkpoint(TRUNCATE)", ())
            if not row["busy"]:
                return
            await asyncio.sleep(_SCRUB_PAUSE)
        raise DatabaseAway(
            f"{self.where}: its write-ahead log can't be cut, others read it all the time",
            hint="try again; the next quiet moment, or a restart, cuts it too",
        )

    async def _reader(self) -> _Connection:
        if self._writer is None:
            raise _closed(self.where)
        idle = min(self._readers, key=lambda reader: reader.waiting, default=None)
        if idle and (not idle.waiting or len(self._readers) >= self.options.readers):
            return idle
        reader = _Connection(self.options, writes=False)
        reader.waiting += 1  # taken, while it opens
        self._readers.append(reader)
        try:
            await reader.open()
        except BaseException:
            self._readers.remove(reader)
            reader.close()
            raise
        finally:
            reader.waiting -= 1
        return reader

    @contextlib.asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[_Connection]:
        await self._take_turn()
        try:
            if self._writer is None:
                raise _closed(self.where)
            yield self._writer
        finally:
            self._turn.release()

    async def _take_turn(self) -> None:
        if not self._turn.locked():
            await self._turn.acquire()
            return
        try:
            async with asyncio.timeout(self.options.acquire_timeout):
                await self._turn.acquire()
        except TimeoutError:
            raise DatabaseAway(
                f"{self.where}: no turn to write within {self.options.acquire_timeout:g} s",
                hint="a transaction is open for too long: keep network calls out of it",
            ) from None


class SqliteSession:
    """One transaction. BEGIN goes along with its first statement, which saves a hop."""

    def __init__(self, writer: _Connection, turn: asyncio.Lock) -> None:
        self._writer = writer
        self._turn = turn
        self._begun = False

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Row]:
        return await self._run(_fetch, numbered(sql), args)

    async def execute(self, sql: str, args: Sequence[Any]) -> int:
        return await self._run(_execute, numbered(sql), args)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await self._run(_executemany, numbered(sql), rows)

    async def script(self, sql: str) -> None:
        await self._run(_script, sql)

    async def insert(self, sql: str, args: Sequence[Any]) -> int:
        """The row id of what was inserted."""
        return await self._run(_insert, numbered(sql), args)

    async def set_scope(self, scope: str) -> None:
        """SQLite has no row-level security; scopes are in the queries themselves."""

    async def commit(self) -> None:
        await self._end("COMMIT")

    async def rollback(self) -> None:
        await self._end("ROLLBACK")

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        if self._begun:
            return await self._writer.run(work, *args)
        self._begun = True
        return await self._writer.run(_begin_and, work, *args)

    async def _end(self, verb: str) -> None:
        """Commit or roll back to the end even if the caller is cancelled meanwhile."""
        try:
            if self._begun:
                await uncancelled(self._writer.submit(_finish, verb))
        finally:
            self._turn.release()


class _Connection:
    """A connection and the thread that alone uses it."""

    def __init__(self, options: SqliteOptions, *, writes: bool) -> None:
        self.options = options
        self.waiting = 0
        self._writes = writes
        self._loop = asyncio.get_running_loop()
        self._tasks: SimpleQueue[tuple[asyncio.Future[Any], Callable[..., Any], Any] | None] = (
            SimpleQueue()
        )
        self._connection: sqlite3.Connection | None = None
        self._deadline = 0.0
        self._thread = threading.Thread(
            target=self._work, name=f"sqlite-{'writer' if writes else 'reader'}", daemon=True
        )
        self._thread.start()

    async def open(self) -> None:
        try:
            await self.run(_open, self)
        except DatabaseAway as error:
            raise _cannot_open(self.options.path, error) from None

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        return await self.submit(work, *args)

    def submit(self, work: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        self.waiting += 1
        self._tasks.put((future, work, args))
        return future

    def close(self) -> None:
        """Blocks until what was submitted is done."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, work, args = task
            result: Any = None
            failure: BaseException | None = None
            # A script is a migration: it takes what it takes.
            patience = math.inf if _script in (work, *args[:1]) else self.options.statement_timeout
            self._deadline = time.monotonic() + patience
            try:
                result = work(self._connection, *args)
            except sqlite3.Error as error:
                failure = translate(error, args, self.options)
            except (OverflowError, UnicodeEncodeError) as error:
                failure = DatabaseError(f"a value that SQLite can't keep: {error}")
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                failure = error
            task = work = args = None  # type: ignore[assignment]  # hold nothing while idle
            with contextlib.suppress(RuntimeError):  # the loop is gone, and so is the caller
                self._loop.call_soon_threadsafe(self._done, future, result, failure)
            future = result = failure = None  # type: ignore[assignment]
        if self._connection is not None:
            self._connection.close()

    def _done(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self.waiting -= 1
        if future.done():  # cancelled meanwhile
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _out_of_time(self) -> bool:
        return time.monotonic() > self._deadline

    def opened(self, connection: sqlite3.Connection) -> None:
        """Called in the thread: set the connection up and keep it."""
        options = self.options
        connection.execute(f"PRAGMA busy_timeout = {int(options.acquire_timeout * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        if self._writes:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {options.synchronous}")
            connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
            # What is deleted is overwritten: somebody may have been promised that it is gone.
            connection.execute("PRAGMA secure_delete = ON")
            # WAL is refused silently on some file systems; a write tells what else is wrong.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        else:
            connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(self._out_of_time, _STEPS_PER_LOOK)
        self._connection = connection


# -- what the threads do ------------------------------------------------------------------------


def _open(_: None, owner: _Connection) -> None:
    connection = sqlite3.connect(
        owner.options.path,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=owner.options.acquire_timeout,
    )
    try:
        owner.opened(connection)
    except BaseException:
        connection.close()
        raise


def _fetch(connection: sqlite3.Connection, sql: str, args: Sequence[Any]) -> list[Row]:
    cursor = connection.execute(sql, args)
    rows = cursor.fetchall()
    if not rows:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _execute(connection: sqlite3.Connection, sql: str, args: Sequence[Any]) -> int:
    cursor = connection.execute(sql, args)
    if cursor.description is not None:
        return len(cursor.fetchall())
    return max(cursor.rowcount, 0)


def _insert(connection: sqlite3.Connection, sql: str, args: Sequence[Any]) -> int:
    return connection.execute(sql, args).lastrowid or 0


def _executemany(connection: sqlite3.Connection, sql: str, rows: Iterable[Sequence[Any]]) -> None:
    connection.executemany(sql, rows)


def _executemany_alone(
    connection: sqlite3.Connection, sql: str, rows: Iterable[Sequence[Any]]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(sql, rows)
    except BaseException:
        _finish(connection, "ROLLBACK")
        raise
    _finish(connection, "COMMIT")


def _script(connection: sqlite3.Connection, sql: str) -> None:
    """`executescript` would commit first."""
    for statement in statements(sql):
        connection.execute(statement)


def _begin_and(connection: sqlite3.Connection, work: Callable[..., T], *args: Any) -> T:
    connection.execute("BEGIN IMMEDIATE")
    return work(connection, *args)


def _finish(connection: sqlite3.Connection, verb: str) -> None:
    """A commit that fails is rolled back; SQLite itself rolls back on some errors."""
    if not connection.in_transaction:
        if verb == "COMMIT":
            raise DatabaseError(
                "SQLite rolled the transaction back by itself",
                hint="an earlier statement failed; its error says why",
            )
        return
    try:
        connection.execute(verb)
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


# -- SQL ----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def numbered(sql: str) -> str:
    """`$1` as SQLite writes it, `?1`; text in quotes is left alone."""
    return _NUMBERED.sub(lambda found: f"?{found[1]}" if found[1] else found[0], sql)


@functools.lru_cache(maxsize=4096)
def is_read(sql: str) -> bool:
    """Whether a statement only reads."""
    head = sql.lstrip(" \t\r\n(").upper()
    if head.startswith("WITH"):
        return not re.search(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", head)
    return head.startswith(("SELECT", "VALUES", "EXPLAIN", "PRAGMA"))


def statements(script: str) -> list[str]:
    """The single statements of a script; triggers stay whole."""
    found, current = [], ""
    for part in re.split(r"(?<=;)", script):
        current += part
        if sqlite3.complete_statement(current):  # not so within quotes, comments and triggers
            found.append(current.strip())
            current = ""
    if re.sub(r"--.*", "", current).strip():
        found.append(current.strip())
    return found


# -- errors -------------------------------------------------------------------------------------


def translate(
    error: sqlite3.Error, args: Sequence[Any], options: SqliteOptions
) -> DatabaseError | sqlite3.Error:
    """SQLite's error as one of ours; the statement's beginning is in it, its values never."""
    where = f"SQLite database {options.path}"
    said = f"{where}: {error}{_statement(args)}"
    code = getattr(error, "sqlite_errorcode", 0)
    if isinstance(error, sqlite3.IntegrityError):
        return ConstraintError(said)
    if code == sqlite3.SQLITE_IOERR_WRITE:
        return DiskFull(said, hint="the disk is full, or a quota or file-size limit stops it")
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            hint = "another process writes for too long; see `plugram doctor`"
            return DatabaseAway(
                f"{where} stayed locked for {options.acquire_timeout:g} s", hint=hint
            )
        case sqlite3.SQLITE_CANTOPEN:
            return DatabaseAway(said, hint="check that the folder exists and may be written")
        case sqlite3.SQLITE_READONLY:
            return DatabaseReadOnly(
                said, hint="give this user the right to write the file and its folder"
            )
        case sqlite3.SQLITE_FULL:
            return DiskFull(said, hint="free some room on the disk that holds it")
        case sqlite3.SQLITE_INTERRUPT:
            hint = "narrow the query, or raise [database] statement_timeout"
            return DatabaseError(
                f"{where}: statement stopped after {options.statement_timeout:g} s"
                f"{_statement(args)}",
                hint=hint,
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DatabaseError(said, hint="the file is damaged: restore a backup")
    return DatabaseError(said)


def _statement(args: Sequence[Any]) -> str:
    text = next((arg for arg in args if isinstance(arg, str)), "")
    return f" in «{' '.join(text.split())[:80]}»" if text else ""


def _closed(where: str) -> DatabaseAway:
    return DatabaseAway(f"{where} isn't open", hint="call connect() first")


def _cannot_open(path: Path, error: DatabaseAway) -> DatabaseAway:
    return DatabaseAway(
        f"SQLite database {path} can't be opened: {error.message}",
        hint="check that its folder exists and that this user may write there",
    )


async def uncancelled(future: asyncio.Future[T]) -> T:
    """Wait for a future to its end; a cancellation that comes meanwhile is raised afterwards:
    here, or at the next await if the future failed, since its error says what happened."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and future.exception() is None:
        raise cancelled
    if cancelled is not None and (task := asyncio.current_task()):
        task.uncancel()
        task.cancel()
    return future.result()
