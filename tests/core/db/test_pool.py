"""Connections to PostgreSQL: how many, how old, behind a pooler, and a replica of it."""

from __future__ import annotations

import asyncio

import pytest

from core.db import database, migrate
from core.db.database import Database
from core.db.postgres import PostgresEngine
from core.db.scope import SYSTEM, scoped
from core.errors import DatabaseAway, DatabaseError
from tests.core.db.test_database import options
from tests.core.db.test_guard import ANN, BORIS, NOTES, fill, opened, texts
from tests.support.pooler import Pooler

_PID = "SELECT pg_backend_pid()"


def engine(db: Database) -> PostgresEngine:
    assert isinstance(db.engine, PostgresEngine)
    return db.engine


async def connections(db: Database) -> int:
    found: int = engine(db)._pool.get_size()
    return found


async def sleeping(db: Database, seconds: float) -> None:
    await db.fetchval(f"SELECT pg_sleep({seconds})")


async def test_overflow_is_opened_under_load_and_closed_after_it(postgres_url: str) -> None:
    async with database.build(options(postgres_url, pool_size=2, max_overflow=3)) as db:
        work = [asyncio.create_task(sleeping(db, 0.3)) for _ in range(5)]
        await asyncio.sleep(0.2)
        assert await connections(db) == 5
        await asyncio.gather(*work)
        assert await connections(db) == 2
        assert engine(db)._used == 0


async def test_no_more_than_pool_and_overflow(postgres_url: str) -> None:
    small = options(postgres_url, pool_size=1, max_overflow=1, acquire_timeout=0.2)
    async with database.build(small) as db:
        work = [asyncio.create_task(sleeping(db, 1)) for _ in range(2)]
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseAway, match=r"none of 2 connections came free within 0\.2 s"):
            await db.fetchval("SELECT 1")
        assert not await db.probe(0.1)  # it lives, and is busy
        await asyncio.gather(*work)
        assert await db.probe(1)


async def test_old_connections_are_replaced(postgres_url: str) -> None:
    async with database.build(options(postgres_url, pool_size=1, recycle=0.2)) as db:
        first = await db.fetchval(_PID)
        assert await db.fetchval(_PID) == first
        await asyncio.sleep(0.25)
        assert await db.fetchval(_PID) != first
    async with database.build(options(postgres_url, pool_size=1, recycle=0)) as db:
        first = await db.fetchval(_PID)
        await asyncio.sleep(0.25)
        assert await db.fetchval(_PID) == first


@pytest.mark.parametrize("pre_ping", [False, True])
async def test_a_dead_connection_is_found_before_a_write_if_that_is_wanted(
    postgres_url: str, pre_ping: bool
) -> None:
    """Its server vanished without a word, as behind a firewall."""
    async with Pooler(postgres_url) as way, opened(postgres_url) as real:
        wanted = options(way.url, pool_size=1, pre_ping=pre_ping, acquire_timeout=2)
        async with database.build(wanted, [NOTES]) as db:
            await db.fetchval("SELECT 1")
            pids = await real.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            assert pids
            way.cut_at_begin = 1
            if pre_ping:  # the ping itself says no BEGIN, so the cut comes after it
                way.cut_at_begin = 0
            assert await db.execute("INSERT INTO notes_word VALUES ($1)", "once") == 1
        assert await real.fetchval("SELECT count(*) FROM notes_word") == 1


async def test_a_pooler_in_transaction_mode(postgres_url: str) -> None:
    async with opened(postgres_url) as real, Pooler(postgres_url) as pooler:
        await fill(real)
        async with database.build(options(pooler.url), [NOTES]) as db:
            assert engine(db).pooled

            async def of(scope_key: str) -> None:
                scope, own = (ANN, "of ann") if scope_key == ANN.key else (BORIS, "of boris")
                for number in range(20):
                    with scoped(scope):
                        assert await texts(db) == [own]
                    sql = "SELECT $1::text || $2::int AS text"
                    assert await db.fetchval(sql, scope.key, number) == f"{scope.key}{number}"
                    async with db.transaction(scope):
                        await db.execute("SELECT pg_advisory_xact_lock($1)", number)
                        assert await texts(db) == [own]

            await asyncio.gather(*(of(one.key) for one in (ANN, BORIS) * 3))
            assert pooler.handed_out > 300
            await db.executemany("INSERT INTO notes_word VALUES ($1)", [("a",), ("b",)])
            with pytest.raises(DatabaseError, match="listened to"):
                await engine(db).direct()
            async with db.transaction(SYSTEM):
                assert len(await texts(db)) == 2


async def test_migrations_through_a_pooler(postgres_url: str) -> None:
    async with Pooler(postgres_url) as pooler, opened(pooler.url) as db:
        assert await migrate.plan(db) == []
        await fill(db)
        with scoped(ANN):
            assert await texts(db) == ["of ann"]


async def test_a_statement_behind_a_pooler_has_its_limit(postgres_url: str) -> None:
    async with Pooler(postgres_url) as pooler:
        limited = options(pooler.url, statement_timeout=0.3)
        async with database.build(limited) as db:
            with pytest.raises(DatabaseError, match=r"stopped after 0\.3 s"):
                await sleeping(db, 5)
            assert await db.fetchval("SELECT 1") == 1


async def test_a_backend_killed_at_begin(postgres_url: str) -> None:
    """The next connection takes over, no slot is lost, and the task is in no transaction."""
    async with opened(postgres_url) as real, Pooler(postgres_url) as way:
        async with database.build(options(way.url, pool_size=3), [NOTES]) as db:
            for _ in range(5):
                way.cut_at_begin = 2
                async with db.transaction(ANN):
                    await db.fetch("SELECT text FROM notes_note")
                assert db.current is None
            way.cut_at_begin = 100
            with pytest.raises(DatabaseAway):
                async with db.transaction(ANN):
                    await db.fetch("SELECT text FROM notes_note")
            assert db.current is None
            assert engine(db)._used == 0
            way.cut_at_begin = 0
            await asyncio.gather(*(sleeping(db, 0.1) for _ in range(6)))
            assert engine(db)._used == 0
        assert await real.fetchval("SELECT 1") == 1


async def test_the_server_that_is_away_is_known_at_once(postgres_url: str) -> None:
    async with database.build(options(postgres_url)) as db:
        broken = PostgresEngine(engine(db).options)
        with pytest.raises(DatabaseAway, match="isn't open"):
            await broken.probe(1)
