"""Whose rows a statement may see: the first wall on both databases, the second on PostgreSQL."""

# ruff: noqa: PT012 - a transaction must fail as a whole block
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.db import database, guard, migrate
from core.db.database import Database, PluginTables
from core.db.scope import SYSTEM, Scope, in_scope, running_scope, scoped
from core.db.tables import TableEntry, declared
from core.errors import MigrationError, ScopeError
from tests.core.db.test_database import options
from tests.support.servers import Postgres

ANN, BORIS = Scope.user(1), Scope.user(2)
NOTES = PluginTables(
    "notes",
    tables=declared(
        "notes",
        {
            "notes_note": TableEntry(scope="owner"),
            "notes_word": TableEntry(nobody="words of no one"),
        },
    ),
)
_CREATE = (
    "CREATE TABLE IF NOT EXISTS notes_note (id INTEGER PRIMARY KEY, owner TEXT NOT NULL,"
    " text TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS notes_word (word TEXT)",
)
_INSERT = "INSERT INTO notes_note (id, owner, text) VALUES ($1, $2, $3)"
_ALL = "SELECT text FROM notes_note ORDER BY id"


@asynccontextmanager
async def opened(url: str, *, size: int = 4) -> AsyncIterator[Database]:
    async with database.build(options(url, pool_size=size), [NOTES]) as db:
        for statement in _CREATE:
            async with db.transaction(SYSTEM, login=True):
                await db.execute(statement)
        await migrate.apply(db)
        yield db


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as db:
        await fill(db)
        yield db


@pytest.fixture(params=["owner", "superuser"])
def url(request: pytest.FixtureRequest, postgres: Postgres, postgres_url: str) -> str:
    """Of a login that owns the tables, and of one that row-level security doesn't hold."""
    if request.param == "owner":
        return postgres_url
    return postgres_url.replace("plugram:plugram@", "postgres@")


async def fill(db: Database) -> None:
    async with db.transaction(SYSTEM):
        await db.execute(_INSERT, 1, ANN.key, "of ann")
        await db.execute(_INSERT, 2, BORIS.key, "of boris")


async def texts(db: Database, sql: str = _ALL) -> list[str]:
    return [row["text"] for row in await db.fetch(sql)]


async def test_a_statement_without_a_scope_is_refused(db: Database) -> None:
    with pytest.raises(ScopeError, match="Whose rows of notes_note") as caught:
        await db.fetch(_ALL)
    assert "SYSTEM" in caught.value.hint
    with pytest.raises(ScopeError):
        await db.execute("DELETE FROM notes_note")
    with pytest.raises(ScopeError):
        async with db.transaction():
            await db.executemany(_INSERT, [(3, ANN.key, "forgotten")])
    with scoped(ANN), pytest.raises(ScopeError), scoped(None):
        await db.fetch(_ALL)
    await db.execute("INSERT INTO notes_word (word) VALUES ($1)", "anybody's")
    with scoped(SYSTEM):
        assert await texts(db) == ["of ann", "of boris"]


async def test_the_scope_belongs_to_the_task_that_said_it(db: Database) -> None:
    @in_scope
    async def whose(_number: int, scope: Scope) -> Scope | None:
        await asyncio.sleep(0)
        return running_scope()

    assert [*await asyncio.gather(whose(1, ANN), whose(2, scope=BORIS))] == [ANN, BORIS]
    assert running_scope() is None


async def test_nobody_sees_rows_of_another_scope(url: str) -> None:
    async with opened(url) as db:
        await fill(db)
        with scoped(ANN):
            assert await texts(db) == ["of ann"]
            assert await db.execute("UPDATE notes_note SET text = 'mine'") == 1
            assert await db.execute("DELETE FROM notes_note WHERE id = 2") == 0
        async with db.transaction(BORIS):
            assert await texts(db) == ["of boris"]
        with scoped(SYSTEM):
            assert await texts(db) == ["mine", "of boris"]


async def test_nobody_writes_rows_of_another_scope(url: str) -> None:
    async with opened(url) as db:
        await fill(db)
        with scoped(ANN), pytest.raises(ScopeError, match="row-level security"):
            await db.execute(_INSERT, 3, BORIS.key, "slipped in")
        with pytest.raises(ScopeError):
            async with db.transaction(ANN):
                await db.execute("UPDATE notes_note SET owner = $1", BORIS.key)
        with scoped(SYSTEM):
            assert await texts(db) == ["of ann", "of boris"]


async def test_even_sql_that_hides_its_table_sees_nothing(url: str) -> None:
    peek = "CREATE FUNCTION peek() RETURNS SETOF text LANGUAGE sql AS 'SELECT text FROM notes_note'"
    async with opened(url) as db:
        await fill(db)
        async with db.transaction(SYSTEM, login=True):
            await db.execute(peek)
        hidden = "SELECT peek AS text FROM peek() ORDER BY 1"
        async with db.transaction():
            assert await texts(db, hidden) == []
        async with db.transaction(ANN):
            assert await texts(db, hidden) == ["of ann"]


async def test_scopes_within_scopes(url: str) -> None:
    async with opened(url) as db:
        await fill(db)
        async with db.transaction(ANN):
            assert await texts(db) == ["of ann"]
            async with db.transaction(SYSTEM):
                assert len(await texts(db)) == 2
            assert await texts(db) == ["of ann"]
            with pytest.raises(ZeroDivisionError):
                async with db.savepoint():
                    with scoped(BORIS):
                        assert await texts(db) == ["of boris"]
                    raise ZeroDivisionError
            assert await texts(db) == ["of ann"]
            with scoped(BORIS):
                assert await texts(db) == ["of boris"]


async def test_a_scope_ends_with_its_transaction(url: str) -> None:
    """The next user of a connection, here or behind a pooler, has none."""
    left = "SELECT coalesce(current_setting('plugram.scope', true), '') || current_user"
    async with opened(url, size=1) as db:
        login = await db.fetchval("SELECT current_user::text")
        with scoped(ANN):
            await texts(db)
            assert await db.fetchval(left) == login
        async with db.transaction(SYSTEM):
            await texts(db)
        assert await db.fetchval(left) == login


async def test_a_table_made_before_there_was_a_wall_gets_one(url: str) -> None:
    async with opened(url) as db:
        assert await guard.gaps(db) == []
        async with db.transaction(SYSTEM, login=True):
            await db.execute("ALTER TABLE notes_note DISABLE ROW LEVEL SECURITY")
        assert [gap.table.name for gap in await guard.gaps(db)] == ["notes_note"]
        with pytest.raises(MigrationError, match="row-level security of notes_note"):
            await migrate.check(db)
        assert await migrate.apply(db) == []
        assert await guard.gaps(db) == []
        await migrate.check(db)


async def test_several_processes_raise_the_wall_at_once(postgres_url: str) -> None:
    async with opened(postgres_url) as one, database.build(options(postgres_url), [NOTES]) as two:
        async with one.transaction(SYSTEM, login=True):
            await one.execute("ALTER TABLE notes_note NO FORCE ROW LEVEL SECURITY")
        await asyncio.gather(*(migrate.apply(db) for db in (one, two, one, two)))
        assert await guard.gaps(one) == []


async def test_a_superuser_steps_down_and_it_is_known(
    postgres: Postgres, postgres_url: str
) -> None:
    async with opened(postgres_url) as db:
        assert await guard.login(db) == guard.Login("plugram", bypasses=False, role=False)
    async with opened(postgres_url.replace("plugram:plugram@", "postgres@")) as db:
        assert await guard.login(db) == guard.Login("postgres", bypasses=True, role=True)
        async with db.transaction(ANN):
            assert await db.fetchval("SELECT current_user::text") == guard.ROLE
        async with db.transaction(SYSTEM, login=True):
            assert await db.fetchval("SELECT current_user::text") == "postgres"
