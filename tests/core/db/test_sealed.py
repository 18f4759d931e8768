"""A database in which nothing stays: what a replay writes is seen by nobody else, and is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.db import database as databases
from core.db.database import Database
from core.db.scope import Scope
from core.db.sealed import SealedEngine, copy, seal
from core.errors import ConstraintError
from tests.core.work import opened, settings


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[Database]:
    """What the bot has open meanwhile."""
    async with opened(database_url) as db:
        await db.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
        await db.execute("INSERT INTO things VALUES (1, 'one')")
        yield db


@pytest.fixture
async def sealed(live: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    url = database_url
    if live.dialect == "sqlite":
        copy(Path(urlsplit(url).path[1:]), tmp_path / "copy.db")
        url = f"sqlite:///{tmp_path / 'copy.db'}"
    async with seal(databases.build(settings(url))) as db:
        yield db


async def names(db: Database) -> list[str]:
    return [row["name"] for row in await db.fetch("SELECT name FROM things ORDER BY id")]


def engine(db: Database) -> SealedEngine:
    assert isinstance(db.engine, SealedEngine)
    return db.engine


async def test_nobody_else_sees_what_is_written(live: Database, sealed: Database) -> None:
    await sealed.execute("INSERT INTO things VALUES (2, 'two')")
    async with sealed.transaction():
        await sealed.execute("INSERT INTO things VALUES (3, 'three')")
    async with sealed.transaction(Scope.user(5)):
        await sealed.executemany("INSERT INTO things VALUES ($1, $2)", [(4, "four"), (5, "five")])
    assert await names(sealed) == ["one", "two", "three", "four", "five"]
    assert await names(live) == ["one"]
    await sealed.close()
    assert await names(live) == ["one"]


async def test_the_live_bot_goes_on_writing(live: Database, sealed: Database) -> None:
    await sealed.execute("UPDATE things SET name = 'changed' WHERE id = 1")
    async with asyncio.timeout(5):
        await live.execute("INSERT INTO things VALUES (2, 'two')")
    assert await names(live) == ["one", "two"]


async def test_a_failure_spoils_nothing_else(sealed: Database) -> None:
    with pytest.raises(ConstraintError):
        await sealed.execute("INSERT INTO things VALUES (1, 'again')")
    with pytest.raises(ConstraintError):  # noqa: PT012 - the transaction is what fails
        async with sealed.transaction():
            await sealed.execute("INSERT INTO things VALUES (2, 'two')")
            await sealed.execute("INSERT INTO things VALUES (1, 'again')")
    async with sealed.transaction():
        await sealed.execute("INSERT INTO things VALUES (3, 'three')")
        with contextlib.suppress(ConstraintError):
            async with sealed.savepoint():
                await sealed.execute("INSERT INTO things VALUES (3, 'again')")
    assert await names(sealed) == ["one", "three"]


async def test_one_replay_is_undone_before_the_next(sealed: Database) -> None:
    for _ in range(2):
        async with engine(sealed).undone():
            await sealed.execute("INSERT INTO things VALUES (2, 'two')")
            async with sealed.transaction():
                await sealed.execute("DELETE FROM things WHERE id = 1")
            assert await names(sealed) == ["two"]
        assert await names(sealed) == ["one"]


async def test_transactions_take_turns_and_reads_dont_wait(sealed: Database) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with sealed.transaction():
            await sealed.execute("INSERT INTO things VALUES (2, 'two')")
            begun.set()
            await go.wait()

    async def other() -> None:
        async with sealed.transaction():
            await sealed.execute("INSERT INTO things VALUES (3, 'three')")

    first = asyncio.create_task(slow())
    await begun.wait()
    second = asyncio.create_task(other())
    assert await names(sealed) == ["one", "two"]
    assert not second.done()
    go.set()
    await asyncio.gather(first, second)
    assert await names(sealed) == ["one", "two", "three"]


async def test_its_clock_can_be_moved(live: Database, sealed: Database) -> None:
    async def now(db: Database) -> float:
        return float(await db.fetchval(f"SELECT {db.clock} AS now"))

    assert abs(await now(sealed) - await now(live)) < 60
    await engine(sealed).move(-86400.0)
    assert abs(await now(live) - await now(sealed) - 86400) < 60
    async with sealed.transaction():
        assert abs(await now(live) - await now(sealed) - 86400) < 60


async def test_there_are_no_connections_beside_it(sealed: Database) -> None:
    assert getattr(sealed.engine, "direct", None) is None
    assert sealed.engine.where


def test_a_copy_is_one_view_of_what_others_write(tmp_path: Path) -> None:
    import sqlite3

    source, seen = tmp_path / "live.db", list[tuple[int, int]]()
    with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, text TEXT)")
        writer.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO things (text) SELECT printf('%3000d', i) FROM n"
        )

        def progress(done: int, total: int) -> None:
            seen.append((done, total))
            writer.execute("INSERT INTO things (text) VALUES ('meanwhile')")

        copy(source, tmp_path / "copy.db", progress)
        count = "SELECT count(*), sum(text = 'meanwhile') FROM things"
        with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as mine:
            assert mine.execute(count).fetchone() == (20_000, 0)
        assert len(seen) > 2
        assert seen[-1][0] == seen[-1][1]
        assert writer.execute(count).fetchone() == (20_000 + len(seen), len(seen))
