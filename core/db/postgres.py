"""PostgreSQL: a pool of asyncpg connections."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from core.db.guard import LOGIN, ROLE
from core.db.sqlite import Row, is_read, uncancelled
from core.errors import (
    ConstraintError,
    DatabaseAway,
    DatabaseError,
    DatabaseReadOnly,
    DiskFull,
    ScopeError,
)

T = TypeVar("T")

CLOCK = "(extract(epoch from clock_timestamp())::float8)"

_GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
# Between two tries to get a connection while the server is away.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_LONG = 6 * 3600.0
_PING = 2.0
"""Seconds that a connection has to answer before it counts as dead."""


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    url: str
    """May end in `?statement_cache_size=0`, which PgBouncer in transaction mode needs."""
    pool_size: int = 10
    max_overflow: int = 0
    """Connections beyond `pool_size`, which are closed once nobody waits for one."""
    acquire_timeout: float = 10.0
    statement_timeout: float = 30.0
    recycle: float = 0
    """Seconds after which a connection is replaced before its next use; 0: never."""
    pre_ping: bool = False
    """Ask a connection whether it lives before each use."""

    @property
    def most(self) -> int:
        return self.pool_size + self.max_overflow


class _Stale(DatabaseAway):
    """A pooled connection had died before the statement was sent: safe to try on another."""


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.born = time.monotonic()

    def get_reset_query(self) -> str:
        """Nothing to reset: we only set what ends with a transaction. Saves a round trip each."""
        return ""


class PostgresEngine:
    """The pool of one process."""

    dialect = "postgres"
    clock = CLOCK

    def __init__(self, options: PostgresOptions) -> None:
        self.options = options
        self.url, self._connect_options = _connect_options(options)
        self.pooled = self._connect_options.get("statement_cache_size") == 0
        """A pooler stands between, which gives a connection to others after each transaction."""
        self._pool: Any = None
        self._used = 0
        self._waiting = 0
        self.steps_down = False
        """The login isn't held by row-level security: transactions go on as a role that is."""

    @property
    def _limit(self) -> int:
        """Milliseconds of a statement."""
        return int(self.options.statement_timeout * 1000)

    @property
    def where(self) -> str:
        parts = urlsplit(self.url)
        return (
            f"PostgreSQL database {parts.path.lstrip('/')} at {parts.hostname}:{parts.port or 5432}"
        )

    async def connect(self) -> None:
        # The pool opens its first connection at once, which proves the address and the password.
        # Cancelled by this time-out, asyncpg closes what it had opened.
        try:
            async with asyncio.timeout(self.options.acquire_timeout):
                self._pool = await asyncpg.create_pool(
                    self.url,
                    min_size=1,
                    max_size=self.options.most,
                    connection_class=_Connection,
                    **self._connect_options,
                )
        except Exception as error:  # noqa: BLE001 - translated
            raise self.translate(error) from None
        await self.look_at_login()

    async def look_at_login(self) -> None:
        """Whether transactions must step down to a role, and can."""
        (row,) = await self.fetch(LOGIN, ())
        self.steps_down = row["bypasses"] and row["role"]

    async def close(self) -> None:
        pool, self._pool, self._used = self._pool, None, 0
        if pool is None:
            return
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except Exception:  # noqa: BLE001 - we are leaving, politely or not
            pool.terminate()

    async def direct(self) -> Any:
        """A connection of its own beside the pool, to LISTEN on. A pooler would give it to others,
        and what is heard with it: raises DatabaseError."""
        if self.pooled:
            raise DatabaseError(
                f"{self.where} can't be listened to through a pooler",
                hint="who waits looks by itself, a little later",
            )
        try:
            return await asyncpg.connect(
                self.url, timeout=self.options.acquire_timeout, **self._connect_options
            )
        except Exception as error:  # noqa: BLE001 - translated
            raise self.translate(error) from None

    async def fetch(self, sql: str, args: Sequence[Any], scope: str = "") -> list[Row]:
        # A query that reads may run twice; anything else only if it was never sent.
        again = DatabaseAway if is_read(sql) else _Stale
        if scope or self.pooled:
            return await self._bracketed(scope, lambda session: session.fetch(sql, args), again)
        rows = await self._alone(lambda connection: connection.fetch(sql, *args), sql, again)
        return [dict(row) for row in rows]

    async def execute(self, sql: str, args: Sequence[Any], scope: str = "") -> int:
        if scope or self.pooled:
            return await self._bracketed(scope, lambda session: session.execute(sql, args))
        return _count(await self._alone(lambda connection: connection.execute(sql, *args), sql))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]], scope: str = "") -> None:
        rows = list(rows)
        if scope or self.pooled:
            await self._bracketed(scope, lambda session: session.executemany(sql, rows))
            return
        await self._alone(lambda connection: connection.executemany(sql, rows), sql)

    async def _bracketed(
        self,
        scope: str,
        work: Callable[[PostgresSession], Awaitable[T]],
        again: type[DatabaseAway] = _Stale,
    ) -> T:
        """A statement in a transaction of its own: on rows of a scope, which must be gone for the
        next user of the connection; or behind a pooler, which would let another client between
        what asyncpg sends first (the statement) and then (its arguments)."""
        for spare in range(self.options.most, -1, -1):
            session = await self.begin(scope)
            try:
                result = await work(session)
            except BaseException as error:
                await session.rollback()
                if not isinstance(error, again) or not spare:
                    raise
            else:
                await session.commit()
                return result
        raise RuntimeError("unreachable")  # pragma: no cover

    async def begin(self, scope: str, setup: str = "", *, login: bool = False) -> PostgresSession:
        """A transaction's session; its connection goes back at commit or rollback."""
        role = f"SET LOCAL ROLE {ROLE}" if self.steps_down and not login else ""
        limit = f"SET LOCAL statement_timeout = {self._limit}" if self.pooled else ""
        sql = "; ".join(filter(None, ("BEGIN", role, limit, scope and _scope_sql(scope), setup)))
        for spare in range(self.options.most, -1, -1):
            connection = await self.acquire()
            try:
                await connection.execute(sql)
            except BaseException as error:  # noqa: BLE001 - translated, or raised as it is
                found = await self._put_back(connection, error, "BEGIN")
                if not isinstance(found, DatabaseAway) or not spare:
                    raise found from None
            else:
                return PostgresSession(self, connection)
        raise RuntimeError("unreachable")  # pragma: no cover

    async def scrub(self) -> None:
        """The server's own vacuum takes the rows from its files, in its own time."""

    async def _alone(
        self,
        work: Callable[[Any], Awaitable[Any]],
        sql: str,
        again: type[DatabaseAway] = _Stale,
    ) -> Any:
        """A statement that commits by itself; errors of class `again` are tried on every other
        connection of the pool, since a server's restart leaves all of them dead."""
        for spare in range(self.options.most, -1, -1):
            connection = await self.acquire()
            try:
                result = await work(connection)
            except BaseException as error:  # noqa: BLE001 - translated, or raised as it is
                found = await self._put_back(connection, error, sql)
                if not isinstance(found, again) or not spare:
                    raise found from None
            else:
                await self.release(connection)
                return result
        raise RuntimeError("unreachable")  # pragma: no cover

    async def _put_back(self, connection: Any, error: BaseException, sql: str) -> BaseException:
        """Release a connection after an error; a broken one is replaced by the pool."""
        found = self.translate(error, sql) if isinstance(error, Exception) else error
        if isinstance(found, DatabaseAway):
            with contextlib.suppress(asyncpg.InterfaceError):  # the pool noticed first
                connection.terminate()
        await self.release(connection)
        return found

    async def acquire(self) -> Any:
        """A connection from the pool. While the server is away, tries again for
        `acquire_timeout` seconds, then raises DatabaseAway."""
        if self._pool is None:
            raise DatabaseAway(f"{self.where} isn't open", hint="call connect() first")
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self.options.acquire_timeout, _FIRST_PAUSE
        while True:
            try:
                connection = await self._take(max(deadline - loop.time(), 0.001))
            except TimeoutError:
                raise self._not_in_time(self.options.acquire_timeout) from None
            except Exception as error:  # noqa: BLE001 - translated
                if not isinstance(error, _GONE) or loop.time() + pause > deadline:
                    raise self.translate(error) from None
            else:
                if await self._is_good(connection):
                    return connection
                await self._throw_away(connection)
                continue
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _take(self, patience: float) -> Any:
        self._waiting += 1
        try:
            connection = await self._pool.acquire(timeout=patience)
        finally:
            self._waiting -= 1
        self._used += 1
        return connection

    async def _is_good(self, connection: Any) -> bool:
        """Young enough and, if that is to be known before, alive."""
        options = self.options
        if options.recycle and time.monotonic() - connection.born > options.recycle:
            return False
        if options.pre_ping:
            try:
                await connection.execute("SELECT 1", timeout=_PING)
            except (*_GONE, TimeoutError, asyncpg.InterfaceError):
                return False
            except BaseException:
                await self.release(connection)
                raise
        return True

    async def _throw_away(self, connection: Any) -> None:
        with contextlib.suppress(asyncpg.InterfaceError):
            connection.terminate()
        await self.release(connection)

    async def release(self, connection: Any) -> None:
        if self._pool is None:
            return
        self._used -= 1
        spare = self._pool.get_size() > self.options.pool_size and not self._waiting
        with contextlib.suppress(*_GONE, asyncpg.InterfaceError):
            if spare and not connection.is_closed():
                connection.terminate()
            await self._pool.release(connection)

    async def probe(self, patience: float) -> bool:
        """Ask the server for a sign of life, without trying again; False: it couldn't be asked,
        since all connections are at work. Raises DatabaseAway."""
        if self._pool is None:
            raise DatabaseAway(f"{self.where} isn't open", hint="call connect() first")
        try:
            async with asyncio.timeout(patience):
                connection = await self._take(patience)
                try:
                    await connection.execute("SELECT 1")
                finally:
                    await self.release(connection)
        except TimeoutError:
            if self._used >= self.options.most:
                return False
            raise self.translate(TimeoutError()) from None
        except Exception as error:  # noqa: BLE001 - translated
            raise self.translate(error) from None
        return True

    def _not_in_time(self, patience: float) -> DatabaseAway:
        if self._used < self.options.most:  # there was room for one more, and it didn't open
            return DatabaseAway(
                f"{self.where} doesn't answer within {patience:g} s", hint=_AWAY_HINT
            )
        return DatabaseAway(
            f"{self.where}: none of {self.options.most} connections came free within "
            f"{patience:g} s",
            hint="raise [database] pool_size, or find what holds them: `plugram doctor`",
        )

    def translate(self, error: Exception, sql: str = "") -> Exception:
        """asyncpg's error as one of ours; the statement's beginning is in it, its values never."""
        if isinstance(error, DatabaseError):
            return error
        said = f"{self.where}: {_first_line(error)}{_statement(sql)}"
        if isinstance(error, TimeoutError):
            return DatabaseAway(f"{self.where} doesn't answer", hint=_AWAY_HINT)
        if isinstance(error, asyncpg.InternalClientError):
            return _Stale(said, hint=_AWAY_HINT)
        if isinstance(error, asyncpg.PostgresError):
            return _by_state(error, said, self.options)
        if isinstance(error, (OSError, asyncpg.InterfaceError)):
            # "connection was closed in the middle of operation", "connection is closed", "has been
            # released back to the pool" (by the pool, when it noticed that it was closed).
            lost = isinstance(error, OSError) or "clos" in str(error) or "released" in str(error)
            return DatabaseAway(said, hint=_AWAY_HINT) if lost else DatabaseError(said)
        return error


class PostgresSession:
    """One transaction on one connection."""

    def __init__(self, engine: PostgresEngine, connection: Any) -> None:
        self._engine = engine
        self._connection = connection

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Row]:
        try:
            return [dict(row) for row in await self._connection.fetch(sql, *args)]
        except Exception as error:  # noqa: BLE001 - translated
            raise self._engine.translate(error, sql) from None

    async def execute(self, sql: str, args: Sequence[Any]) -> int:
        try:
            return _count(await self._connection.execute(sql, *args))
        except Exception as error:  # noqa: BLE001 - translated
            raise self._engine.translate(error, sql) from None

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            await self._connection.executemany(sql, rows)
        except Exception as error:  # noqa: BLE001 - translated
            raise self._engine.translate(error, sql) from None

    async def script(self, sql: str) -> None:
        """Several statements; a migration, which takes what it takes."""
        try:
            await self._connection.execute(f"SET LOCAL statement_timeout = 0; {sql}", timeout=_LONG)
        except Exception as error:  # noqa: BLE001 - translated
            raise self._engine.translate(error, sql) from None

    async def set_scope(self, scope: str) -> None:
        await self.execute(_scope_sql(scope), ())

    async def commit(self) -> None:
        """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error: raise."""
        status = await self._end("COMMIT")
        if status != "COMMIT":
            raise DatabaseError(
                f"{self._engine.where} rolled the transaction back",
                hint="an earlier statement failed; its error says why",
            )

    async def rollback(self) -> None:
        with contextlib.suppress(DatabaseAway):  # a lost connection is rolled back by the server
            await self._end("ROLLBACK")

    async def _end(self, verb: str) -> str:
        """To the end even if the caller is cancelled meanwhile: the outcome must be known."""
        return await uncancelled(asyncio.ensure_future(self._finish(verb)))

    async def _finish(self, verb: str) -> str:
        try:
            status: str = await self._connection.execute(verb)
        except Exception as error:  # noqa: BLE001 - translated
            with contextlib.suppress(asyncpg.InterfaceError):
                self._connection.terminate()
            raise self._engine.translate(error, verb) from None
        finally:
            await self._engine.release(self._connection)
        return status


# -- helpers ------------------------------------------------------------------------------------

_AWAY_HINT = "check that the server runs and that [database] url is right"


def _connect_options(options: PostgresOptions) -> tuple[str, dict[str, Any]]:
    """asyncpg's URL, and keyword arguments from ours."""
    parts = urlsplit(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", options.url))
    query = dict(parse_qsl(parts.query))
    cache = query.pop("statement_cache_size", None)
    server = {"application_name": query.pop("application_name", "plugram")}
    if cache != "0":  # PgBouncer refuses parameters that it doesn't know; BEGIN carries the limit
        server["statement_timeout"] = str(int(options.statement_timeout * 1000))
    found: dict[str, Any] = {
        "server_settings": server,
        # The server stops a statement by itself; ours is the guard against a server that vanished.
        "command_timeout": options.statement_timeout + 5,
    }
    if cache is not None:
        found["statement_cache_size"] = int(cache)
    return urlunsplit(parts._replace(query=urlencode(query))), found


def _scope_sql(scope: str) -> str:
    """Row-level security policies read `current_setting('plugram.scope')`."""
    quoted = scope.replace("'", "''")
    return f"SELECT set_config('plugram.scope', '{quoted}', true)"


def _count(status: str) -> int:
    """Rows of a command tag: `UPDATE 3`, `INSERT 0 1`."""
    number = status.rpartition(" ")[2]
    return int(number) if number.isdigit() else 0


def _by_state(error: asyncpg.PostgresError, said: str, options: PostgresOptions) -> DatabaseError:
    state = error.sqlstate or ""
    if state == "42501" and "row-level security" in said:
        return ScopeError(said, hint="the row belongs to another scope than the transaction")
    if state.startswith("23"):
        return ConstraintError(said)
    if state.startswith("08") or state in {"57P01", "57P02", "57P03", "53300"}:
        return DatabaseAway(said, hint=_AWAY_HINT)
    if state == "25006":
        return DatabaseReadOnly(said, hint="connect to the primary, or lift its read-only mode")
    if state == "53100":
        return DiskFull(said, hint="free some room on the database server's disk")
    if state == "57014":
        return DatabaseError(
            f"{said}: stopped after {options.statement_timeout:g} s",
            hint="narrow the query, or raise [database] statement_timeout",
        )
    if state in {"28000", "28P01", "3D000"}:
        return DatabaseError(said, hint="check user, password and name in [database] url")
    return DatabaseError(said)


# asyncpg shows the value that it couldn't send.
_VALUE = re.compile(r"^(invalid input for query argument \$\d+):.*")


def _first_line(error: BaseException) -> str:
    line = (str(error) or type(error).__name__).splitlines()[0]
    return _VALUE.sub(r"\1", line)


def _statement(sql: str) -> str:
    return f" in «{' '.join(sql.split())[:80]}»" if sql else ""
