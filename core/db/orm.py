"""Tortoise on our connections: models inside `db.transaction()` are part of it.

Tortoise has a pool, a transaction stack and error classes of its own. Here it has none of them:
its clients hand every statement to `Database`, so there is one pool, one writer, one notion of
"the current transaction", and a BEGIN that fails leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.context import TortoiseContext
from tortoise.exceptions import ConfigurationError, IntegrityError

from core.errors import ConstraintError, DatabaseError

if TYPE_CHECKING:
    from core.db.database import Database, PluginTables

CONNECTION = "default"


class OrmConstraintError(ConstraintError, IntegrityError):
    """What Tortoise's own code (`get_or_create`) and ours both recognise."""


async def start(database: Database) -> TortoiseContext:
    """Bind the models of all apps to the database."""
    EXECUTOR_CACHE.clear()  # statements by table name, of whatever dialect was open before
    context = TortoiseContext()
    try:
        with context:  # models ask for the current one while they are set up
            await context.init(config(database), _enable_global_fallback=True)
    except ConfigurationError as error:
        raise DatabaseError(f"The models can't be set up: {error}") from error
    return context


async def stop(context: TortoiseContext) -> None:
    await context.close_connections()


def config(database: Database) -> dict[str, Any]:
    """Tortoise's configuration: one app per plugin, named like it."""
    engine = "core.db.orm_sqlite" if database.dialect == "sqlite" else "core.db.orm_asyncpg"
    return {
        "connections": {CONNECTION: {"engine": engine, "credentials": {"owner": database}}},
        "apps": {app.plugin_id: _app(app) for app in database.apps if app.models_module},
        "use_tz": True,
        "timezone": "UTC",
    }


def _app(app: PluginTables) -> dict[str, Any]:
    found: dict[str, Any] = {"models": [app.models_module], "default_connection": CONNECTION}
    if app.migrations_package:
        found["migrations"] = app.migrations_package
    return found


@contextmanager
def tortoise_errors() -> Iterator[None]:
    try:
        yield
    except ConstraintError as error:
        raise OrmConstraintError(error.message, hint=error.hint) from error


class OrmTransaction:
    """Tortoise's `in_transaction()`: a transaction of ours, or a savepoint in the open one."""

    def __init__(self, client: Any, database: Database) -> None:
        self._client = client
        nested = database.current is not None
        self._block: AbstractAsyncContextManager[None] = (
            database.savepoint() if nested else database.transaction()
        )

    async def __aenter__(self) -> Any:
        await self._block.__aenter__()
        return self._client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._block.__aexit__(kind, error, trace)


class Statements:
    """The statements of a Tortoise client, run by `Database`. Mixed into a client per dialect."""

    _owner: Database

    async def create_connection(self, with_db: bool) -> None:
        """`Database.connect` did."""

    async def close(self) -> None:
        """`Database.close` does."""

    def _check_loop(self) -> bool:
        return True

    def acquire_connection(self) -> Any:
        raise DatabaseError(
            "Tortoise's own connections aren't used here",
            hint="use the database of the context: ctx.db.fetch, ctx.db.execute",
        )

    def _in_transaction(self) -> Any:
        return OrmTransaction(self, self._owner)

    async def execute_insert(self, query: str, values: Sequence[Any]) -> Any:
        with tortoise_errors():
            return await self._in_session(query, lambda session: _insert(session, query, values))

    async def execute_many(self, query: str, values: Sequence[Sequence[Any]]) -> None:
        with tortoise_errors():
            await self._owner.executemany(query, values)

    async def execute_query(
        self, query: str, values: Sequence[Any] | None = None
    ) -> tuple[int, list[dict[str, Any]]]:
        with tortoise_errors():
            if returns_rows(query):
                rows = await self._owner.fetch(query, *(values or ()))
                return len(rows), rows
            return await self._owner.execute(query, *(values or ())), []

    async def execute_query_dict(
        self, query: str, values: Sequence[Any] | None = None
    ) -> list[dict[str, Any]]:
        with tortoise_errors():
            return await self._owner.fetch(query, *(values or ()))

    async def execute_script(self, query: str) -> None:
        with tortoise_errors():
            async with self._owner.transaction():
                current = self._owner.current
                if current is not None:
                    await current.script(query)

    async def _in_session(self, query: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
        current = self._owner.current
        if current is not None:
            return await current.run(work, self._owner.scope_of(query))
        async with self._owner.transaction():
            return await self._in_session(query, work)


def returns_rows(query: str) -> bool:
    head = query.lstrip().upper()
    return not head.startswith(("INSERT", "UPDATE", "DELETE")) or " RETURNING " in head


async def _insert(session: Any, query: str, values: Sequence[Any]) -> Any:
    insert = getattr(session, "insert", None)
    if insert is not None:  # SQLite answers with the row id
        return await insert(query, values)
    rows = await session.fetch(query, values)
    return rows[0] if rows else None
