"""The database: SQLite or PostgreSQL behind one small face, and the transaction that all share.

Inside `transaction()` the raw SQL methods, `jobs.enqueue` and Tortoise models use one connection;
outside of it every call commits by itself. SQL is written with `$1` placeholders and gets along
with both dialects; where it can't, ask `db.dialect`. Rows are plain dicts.

Times in tables of the core are seconds since 1970 as a float; `db.clock` is the database's own
clock as an SQL expression of that unit.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar
from urllib.parse import unquote, urlsplit

from core.db import deployment
from core.db.scope import Scope, running_scope, scoped
from core.db.sqlite import Row, SqliteEngine, SqliteOptions, is_read
from core.db.tables import CORE_TABLES, Table
from core.errors import ConfigError, DatabaseAway, DatabaseError, ScopeError
from core.log import get_logger

if TYPE_CHECKING:
    from core.config import Settings

log = get_logger("db")

T = TypeVar("T")

Dialect = Literal["sqlite", "postgres"]


@dataclass(frozen=True, slots=True)
class PluginTables:
    """What a plugin keeps in the database.

    `models_module`: dotted name of its Tortoise models. `migrations_package`: dotted name of its
    migrations; Tortoise's `NNNN_name.py` files for the models, and `sqlite/NNNN_name.sql` beside
    `postgres/NNNN_name.sql` for tables that differ by dialect. See docs/database.md.
    `tables`: what its manifest says of them; of a plugin that is switched off, that alone is known.
    """

    plugin_id: str
    models_module: str | None = None
    migrations_package: str | None = None
    tables: tuple[Table, ...] = ()


class Session(Protocol):
    """One transaction of an engine. `commit` and `rollback` give its connection back."""

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Row]: ...
    async def execute(self, sql: str, args: Sequence[Any]) -> int: ...
    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None: ...
    async def script(self, sql: str) -> None: ...
    async def set_scope(self, scope: str) -> None: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...


class Engine(Protocol):
    """A dialect's connections. Errors are those of `core.errors`."""

    @property
    def dialect(self) -> str: ...
    @property
    def clock(self) -> str: ...
    @property
    def where(self) -> str:
        """Which database, for messages; without password."""

    async def connect(self) -> None: ...
    async def close(self) -> None: ...
    async def scrub(self) -> None: ...
    async def look_at_login(self) -> None: ...
    async def probe(self, patience: float) -> bool: ...
    async def fetch(self, sql: str, args: Sequence[Any], scope: str = "") -> list[Row]: ...
    async def execute(self, sql: str, args: Sequence[Any], scope: str = "") -> int: ...
    async def executemany(
        self, sql: str, rows: Iterable[Sequence[Any]], scope: str = ""
    ) -> None: ...
    async def begin(self, scope: str, setup: str, *, login: bool) -> Session:
        """`login`: as whom the URL names, where others step down to a role that row-level security
        holds."""


_REPLICA_RESTS = 5.0
"""Seconds without a replica that failed."""


class BeforeCommit:
    """Work that joins the next transaction: see `Database.before_commit`."""

    def __init__(self, callback: Callable[[], Awaitable[None]]) -> None:
        self.callback = callback
        self.claimed = False
        """A transaction is about to run it, or has."""
        self.done = False
        """It was run, and what it wrote is committed."""


_on_replica: ContextVar[bool] = ContextVar("on_replica", default=False)
_transaction: ContextVar[Transaction | None] = ContextVar("transaction", default=None)
_joining: ContextVar[BeforeCommit | None] = ContextVar("before_commit", default=None)


class Database:
    """One database, as core and plugins use it. Errors: DatabaseError and what derives from it."""

    def __init__(
        self,
        engine: Engine,
        apps: Sequence[PluginTables] = (),
        *,
        deployment: str = "",
        replica: Engine | None = None,
    ) -> None:
        """`deployment`: the name of the only one that may use it; empty: whoever it is. `replica`:
        a copy that follows by itself, for reads that say so (`on_replica`)."""
        self.engine = engine
        self.apps = tuple(apps)
        self.deployment = deployment
        self.replica = replica
        self._replica_rests = 0.0
        self._orm: Any = None
        self._savepoints = itertools.count(1)
        self._guarded = _finder(table.name for table in self.tables if table.guarded)

    @property
    def dialect(self) -> Dialect:
        return "sqlite" if self.engine.dialect == "sqlite" else "postgres"

    @property
    def tables(self) -> tuple[Table, ...]:
        """The inventory: the core's tables, and those of all plugins that were found, be they
        switched on or off. Not all need be there: `present_tables`."""
        found = [table for app in self.apps for table in app.tables]
        mine = ("", self.dialect)
        return tuple(table for table in (*CORE_TABLES, *found) if table.dialect in mine)

    async def present_tables(self) -> list[Table]:
        """Those of the inventory that the database has."""
        there = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if self.dialect == "sqlite"
            else "SELECT relname AS name FROM pg_class WHERE relnamespace ="
            " current_schema()::regnamespace AND relkind IN ('r', 'p')"
        )
        names = {row["name"] for row in await self.fetch(there)}
        return [table for table in self.tables if table.name in names]

    @property
    def clock(self) -> str:
        """SQL for the database's own time, in seconds since 1970."""
        return self.engine.clock

    @property
    def where(self) -> str:
        """Which database this is, for messages; without password."""
        return self.engine.where

    @property
    def orm(self) -> Any:
        """Tortoise's context. Raises DatabaseError when no plugin has models."""
        if self._orm is None:
            raise DatabaseError("No plugin of this database has models, or it isn't open")
        return self._orm

    async def migrate(self) -> list[str]:
        """Bring the tables up to date (core.db.migrate); what was run. Raises MigrationError."""
        from core.db import migrate

        return [str(migration) for migration in await migrate.apply(self)]

    async def refresh_login(self) -> None:
        """Look again whether row-level security holds the login: migrations may have mended it."""
        await self.engine.look_at_login()

    async def connect(self, *, patience: float = 60.0) -> None:
        """Open it. A database that is away is tried again for `patience` seconds, then
        DatabaseAway is raised; a wrong password or name is raised at once, and DatabaseError for
        another deployment's database."""
        await self._connect_replica()
        deadline, pause = asyncio.get_running_loop().time() + patience, 0.25
        while True:
            try:
                await self._open()
                break
            except DatabaseAway as error:
                if asyncio.get_running_loop().time() + pause > deadline:
                    raise
                log.warning("database away, trying again", error=str(error), seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        if any(app.models_module for app in self.apps):
            from core.db import orm  # Tortoise costs 0.2 s; who has no models doesn't pay

            self._orm = await orm.start(self)

    async def _open(self) -> None:
        """Connect, and see whose it is; somebody who migrates it makes both wait."""
        await self.engine.connect()
        try:
            await deployment.check(self)
        except BaseException:
            await self.engine.close()
            raise

    async def _connect_replica(self) -> None:
        if self.replica is not None:
            try:
                await self.replica.connect()
            except DatabaseError as error:
                self.rest_replica(error)

    async def close(self) -> None:
        if self._orm is not None:
            from core.db import orm

            await orm.stop(self._orm)
            self._orm = None
        if self.replica is not None:
            await self.replica.close()
        await self.engine.close()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def scrub(self) -> None:
        """Leave nothing on the disk of what was deleted, as far as that is in our hands. Raises
        DatabaseAway while others read or write without a pause."""
        await self.engine.scrub()

    # -- the replica ---------------------------------------------------------------------------

    @property
    def has_replica(self) -> bool:
        """Whether there is one that didn't fail a moment ago."""
        return self.replica is not None and time.monotonic() >= self._replica_rests

    @contextlib.contextmanager
    def on_replica(self) -> Iterator[None]:
        """What begins in the block, in this task and those it starts, is read from the replica:
        old by what hasn't arrived there yet. Writes are refused. Errors are the caller's, who
        reads from the primary then and lets the replica rest: `rest_replica`."""
        token = _on_replica.set(self.replica is not None)
        try:
            yield
        finally:
            _on_replica.reset(token)

    def rest_replica(self, error: DatabaseError) -> None:
        """It failed: leave it alone for a while, then try again."""
        if self.has_replica:
            log.warning(
                "the replica failed; the primary is read instead",
                error=str(error),
                seconds=_REPLICA_RESTS,
            )
        self._replica_rests = time.monotonic() + _REPLICA_RESTS

    @property
    def nearest(self) -> Engine:
        """Where what begins now is read."""
        return self.replica if self.replica is not None and _on_replica.get() else self.engine

    async def probe(self, patience: float) -> bool:
        """Whether the database answers at once; False: all its connections are at work. Raises
        DatabaseAway."""
        return await self.engine.probe(patience)

    # -- statements ---------------------------------------------------------------------------

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """All rows of a query, or of a statement with RETURNING."""
        scope = self.scope_of(sql)
        if (current := self.current) is not None:
            return await current.fetch(sql, args, scope)
        if self._joins(sql):
            async with self.transaction():
                return await self.fetch(sql, *args)
        return await self.nearest.fetch(sql, args, scope)

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        rows = await self.fetch(sql, *args)
        return next(iter(rows[0].values())) if rows else None

    async def execute(self, sql: str, *args: Any) -> int:
        """Run a statement; how many rows it changed."""
        scope = self.scope_of(sql)
        if (current := self.current) is not None:
            return await current.execute(sql, args, scope)
        if self._joins(sql):
            async with self.transaction():
                return await self.execute(sql, *args)
        return await self.engine.execute(sql, args, scope)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row, all or none."""
        scope = self.scope_of(sql)
        if (current := self.current) is not None:
            await current.executemany(sql, rows, scope)
        elif self._joins(sql):
            async with self.transaction():
                await self.executemany(sql, rows)
        else:
            await self.engine.executemany(sql, rows, scope)

    def scope_of(self, sql: str) -> str:
        """The key of the scope that a statement runs in; empty if it touches no table that has
        one. Raises ScopeError if it does and nobody said whose rows it may see."""
        tables = self._guarded(sql)
        if not tables:
            return ""
        scope = running_scope()
        if scope is None:
            raise ScopeError(
                f"Whose rows of {', '.join(tables)}? The statement has no scope",
                hint="run it in a transaction with one, or in `with scoped(scope):`; whoever works"
                " on all rows says SYSTEM",
            )
        return scope.key

    # -- transactions -------------------------------------------------------------------------

    def transaction(
        self, scope: Scope | None = None, *, setup: str = "", login: bool = False
    ) -> TransactionBlock:
        """`async with db.transaction(): …` commits at the end, or rolls back on an exception.

        Inside another transaction it joins that one: no savepoint, one commit, and if it ends by
        an exception the whole can't be committed any more. A failed statement spoils its
        transaction too, on both dialects; `savepoint()` confines it. Nothing is taken from the
        database before the first statement. On SQLite an open transaction is the only writer:
        never wait for the network in one.

        `setup`: `SET LOCAL …` statements that PostgreSQL gets along with BEGIN. SQLite has none,
        and a transaction that joins another one keeps to the other's. `login`: for migrations, as
        whom the URL names even if row-level security doesn't hold them.
        """
        return TransactionBlock(self, scope, setup, login=login)

    @contextlib.asynccontextmanager
    async def reading(self, scope: Scope, *, setup: str = "") -> AsyncIterator[None]:
        """Around reads that belong together. On PostgreSQL they share one transaction, so that
        the scope is told once; SQLite's only writer isn't held up by it."""
        if self.dialect == "sqlite":
            with scoped(scope):
                yield
        else:
            async with self.transaction(scope, setup=setup):
                yield

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of a transaction that may fail alone; a transaction if there is none."""
        if (current := self.current) is None:
            async with self.transaction():
                yield
            return
        name = f"savepoint_{next(self._savepoints)}"
        await current.execute(f"SAVEPOINT {name}", (), "")
        current.joined += 1
        try:
            yield
        except BaseException:
            await current.recover(name)
            raise
        finally:
            current.joined -= 1
        await current.execute(f"RELEASE SAVEPOINT {name}", (), "")

    @property
    def current(self) -> Transaction | None:
        """The open transaction of the running task, if there is one."""
        current = _transaction.get()
        if current is None or current.closed or current.database is not self:
            return None
        return current

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call a plain function once the current transaction is committed; at once without one."""
        if (current := self.current) is None:
            callback()
        else:
            current.after.append(callback)

    @contextlib.contextmanager
    def before_commit(self, callback: Callable[[], Awaitable[None]]) -> Iterator[BeforeCommit]:
        """While the block runs, the first transaction of this task (and of those it starts) that
        is about to commit awaits `callback` inside itself, so that its writes and the callback's
        are committed together. A write outside of a transaction counts as one.

        If that transaction fails, the next one takes the callback. `done` of the handle tells
        whether it happened; if not, the caller does the work on its own.
        """
        joining = BeforeCommit(callback)
        token = _joining.set(joining)
        try:
            yield joining
        finally:
            _joining.reset(token)

    @staticmethod
    def _joins(sql: str) -> bool:
        joining = _joining.get()
        return joining is not None and not joining.claimed and not is_read(sql)


class Transaction:
    """An open transaction. Statements of several tasks in it run one after the other."""

    def __init__(self, database: Database, setup: str = "", *, login: bool = False) -> None:
        self.database = database
        self.setup = setup
        self.login = login
        self.closed = False
        self.after: list[Callable[[], object]] = []
        self.joined = 0
        """Blocks inside the outermost one that are open."""
        self._lock = asyncio.Lock()
        self._session: Session | None = None
        self._spoilt: BaseException | None = None
        self._scope: str | None = None
        """What the database holds for the scope; None if that isn't known."""

    async def fetch(self, sql: str, args: Sequence[Any], scope: str) -> list[Row]:
        return await self.run(lambda session: session.fetch(sql, args), scope)

    async def execute(self, sql: str, args: Sequence[Any], scope: str) -> int:
        return await self.run(lambda session: session.execute(sql, args), scope)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]], scope: str) -> None:
        await self.run(lambda session: session.executemany(sql, rows), scope)

    async def script(self, sql: str) -> None:
        """Several statements, separated by semicolons, without arguments."""
        await self.run(lambda session: session.script(sql))

    async def recover(self, savepoint: str) -> None:
        """Back to a savepoint, and whole again."""
        async with self._lock:
            if self._session is not None:
                await self._session.execute(f"ROLLBACK TO SAVEPOINT {savepoint}", ())
            self._spoilt = None
            self._scope = None  # it is again what it was at the savepoint

    def spoil(self, error: BaseException) -> None:
        """It can only be rolled back from now on."""
        self._spoilt = self._spoilt or error

    async def run(self, work: Callable[[Any], Awaitable[T]], scope: str = "") -> T:
        """Work on the engine's own session. `scope`: as `Database.scope_of` says."""
        async with self._lock:
            if self.closed:
                raise DatabaseError(
                    "The transaction is over",
                    hint="await what you start in a transaction before its block ends",
                )
            if self._spoilt is not None:
                raise self._is_spoilt()
            try:
                await self._begin(scope)
                return await work(self._session)
            except BaseException as error:
                self.spoil(error)
                raise

    async def _begin(self, scope: str) -> None:
        """Open the session, or tell it that another scope is at work now."""
        if self._session is None:
            running = running_scope()
            scope = scope or (running.key if running else "")
            engine = self.database.nearest
            self._session = await engine.begin(scope, self.setup, login=self.login)
            self._scope = scope
        elif scope and scope != self._scope:
            await self._session.set_scope(scope)
            self._scope = scope

    async def commit(self) -> None:
        if self.joined:
            await self.rollback()
            raise DatabaseError(
                "A task that was started in the transaction still works in it: rolled back",
                hint="await it before the block ends",
            )
        joining = await self._before()
        try:
            if self._spoilt is not None:
                await self._end("rollback")
                raise self._is_spoilt()
            try:
                await self._end("commit")
            except asyncio.CancelledError:
                self._committed(joining)  # an engine raises it once the commit is through
                raise
            self._committed(joining)
        finally:
            if joining is not None and not joining.done:
                joining.claimed = False

    async def rollback(self) -> None:
        await self._end("rollback")

    async def abandon(self) -> None:
        """Roll back because of an exception, which is what the caller should hear of."""
        try:
            await self._end("rollback")
        except DatabaseError as error:
            log.warning("rollback failed", error=str(error))

    async def _before(self) -> BeforeCommit | None:
        """Run what wants to be part of this commit; None if there is nothing."""
        joining = _joining.get()
        if joining is None or joining.claimed or self._session is None or self._spoilt is not None:
            return None
        joining.claimed = True
        try:
            await joining.callback()
        except BaseException:
            joining.claimed = False
            await self._end("rollback")
            raise
        return joining

    async def _end(self, verb: Literal["commit", "rollback"]) -> None:
        async with self._lock:
            self.closed = True
            session, self._session = self._session, None
        if session is not None:
            await (session.commit() if verb == "commit" else session.rollback())

    def _committed(self, joining: BeforeCommit | None) -> None:
        if joining is not None:
            joining.done = True
        for callback in self.after:
            try:
                callback()
            except Exception:
                log.exception("an on_commit callback failed", callback=repr(callback))

    def _is_spoilt(self) -> DatabaseError:
        error = DatabaseError(
            f"The transaction is rolled back, since a part of it failed: {self._spoilt}",
            hint="let the exception leave the block, or confine it with db.savepoint()",
        )
        error.__cause__ = self._spoilt
        return error


class TransactionBlock:
    """What `Database.transaction()` returns."""

    def __init__(self, database: Database, scope: Scope | None, setup: str, *, login: bool) -> None:
        self._database = database
        self._scoped = scoped(scope) if scope is not None else None
        self._setup = setup
        self._login = login
        self._transaction: Transaction | None = None
        self._outer: Transaction | None = None
        self._token: Token[Transaction | None] | None = None

    async def __aenter__(self) -> None:
        self._outer = self._database.current
        if self._outer is None:
            self._transaction = Transaction(self._database, self._setup, login=self._login)
            self._token = _transaction.set(self._transaction)
        else:
            self._outer.joined += 1
        if self._scoped is not None:
            self._scoped.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._outer is not None:
            self._outer.joined -= 1
            if error is not None:
                self._outer.spoil(error)
            self._unscope()
        elif self._transaction is not None:
            try:
                if kind is None:
                    await self._transaction.commit()
                else:
                    await self._transaction.abandon()
            finally:
                self._forget()
                self._unscope()

    def _unscope(self) -> None:
        if self._scoped is not None:
            self._scoped.__exit__()

    def _forget(self) -> None:
        try:
            if self._token is not None:
                _transaction.reset(self._token)
        except ValueError:  # left in another context than entered: an async generator
            _transaction.set(None)


_Found = tuple[str, ...]


def _finder(names: Iterable[str]) -> Callable[[str], _Found]:
    """Tells which of some tables a statement names; statements are few and come again."""
    known = sorted(names)
    if not known:
        return lambda sql: ()
    pattern = re.compile(rf"\b(?:{'|'.join(known)})\b")

    @functools.lru_cache(maxsize=4096)
    def find(sql: str) -> _Found:
        return tuple(sorted(set(pattern.findall(sql))))

    return find


# -- building -----------------------------------------------------------------------------------


def build(settings: Settings, apps: Sequence[PluginTables] = ()) -> Database:
    """The database that the settings name; not connected yet. Raises ConfigError."""
    wanted = settings.database
    url = _plain(wanted.url)
    if url.startswith("postgres"):
        from core.db.postgres import PostgresEngine, PostgresOptions

        options = PostgresOptions(
            url=url,
            pool_size=wanted.pool_size,
            max_overflow=wanted.max_overflow,
            acquire_timeout=wanted.acquire_timeout,
            statement_timeout=wanted.statement_timeout,
            recycle=wanted.recycle,
            pre_ping=wanted.pre_ping,
        )
        copy = _plain(wanted.replica_url)
        replica = PostgresEngine(replace(options, url=copy)) if copy else None
        return Database(
            PostgresEngine(options), apps, deployment=settings.deployment.name, replica=replica
        )
    return Database(
        SqliteEngine(
            SqliteOptions(
                path=sqlite_path(url, settings.data_dir),
                synchronous=wanted.synchronous,
                acquire_timeout=wanted.acquire_timeout,
                statement_timeout=wanted.statement_timeout,
            )
        ),
        apps,
        deployment=settings.deployment.name,
    )


def sqlite_path(url: str, data_dir: Path) -> Path:
    """The file that a `sqlite:///path` names; empty: `plugram.db` in the data folder."""
    if not url:
        return data_dir / "plugram.db"
    parts = urlsplit(url)
    if not parts.scheme.startswith("sqlite"):
        raise ConfigError(
            [f"[database] url: {parts.scheme or url!r} is no database that Plugram knows"],
            hint="write sqlite:///path/to/plugram.db or postgresql://user:password@host/name",
        )
    # As SQLAlchemy reads it: three slashes and a relative path, four for an absolute one.
    name = unquote(parts.netloc + parts.path if parts.netloc else parts.path[1:])
    if name in {"", "/", ":memory:", "/:memory:"}:
        raise ConfigError(
            ["[database] url: a database in memory can't be shared by several connections"],
            hint="name a file: sqlite:///plugram.db, sqlite:////var/lib/plugram/plugram.db",
        )
    return Path(name)


def _plain(value: Any) -> str:
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if reveal else value or "")
