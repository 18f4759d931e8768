"""The database's face on both dialects: statements, transactions, errors, other processes."""

# ruff: noqa: PT012 - a transaction must fail as a whole block
from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.db import database
from core.db.database import Database
from core.db.scope import Scope
from core.db.sqlite import uncancelled
from core.errors import (
    ConfigError,
    ConstraintError,
    DatabaseAway,
    DatabaseError,
    DatabaseReadOnly,
    DiskFull,
)


def options(url: str, **changed: Any) -> Any:
    """Settings as far as the database reads them."""
    wanted = {
        "url": url,
        "pool_size": 4,
        "max_overflow": 0,
        "acquire_timeout": 5.0,
        "statement_timeout": 30.0,
        "synchronous": "normal",
        "recycle": 0.0,
        "pre_ping": False,
        "replica_url": "",
    }
    return SimpleNamespace(
        deployment=SimpleNamespace(name=""),
        database=SimpleNamespace(**{**wanted, **changed}),
        data_dir=Path(),
    )


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with database.build(options(database_url)) as opened:
        await opened.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
        yield opened


async def texts(db: Database) -> list[str]:
    return [row["text"] for row in await db.fetch("SELECT text FROM notes ORDER BY id")]


async def test_statements_say_what_they_did(db: Database) -> None:
    assert await db.execute("INSERT INTO notes VALUES ($1, $2)", 1, "one") == 1
    await db.executemany("INSERT INTO notes VALUES ($1, $2)", [(2, "two"), (3, "three")])
    assert await db.execute("UPDATE notes SET text = text || '!' WHERE id > $1", 1) == 2
    assert await db.execute("DELETE FROM notes WHERE id = 99") == 0
    assert await db.fetch("SELECT id, text FROM notes WHERE id = $1", 2) == [
        {"id": 2, "text": "two!"}
    ]
    assert await db.fetchrow("SELECT id FROM notes WHERE id = 99") is None
    assert await db.fetchval("SELECT count(*) FROM notes") == 3
    assert await db.fetchval("SELECT id FROM notes WHERE id = 99") is None
    returned = await db.fetch("INSERT INTO notes VALUES (4, 'four') RETURNING id, text")
    assert returned == [{"id": 4, "text": "four"}]


async def test_placeholders_may_come_in_any_order_and_twice(db: Database) -> None:
    await db.execute("INSERT INTO notes VALUES ($2, $1)", "'$1' costs $2", 7)
    row = await db.fetchrow(
        "SELECT id, '$1' AS literal FROM notes WHERE text = $1 AND text = $1", "'$1' costs $2"
    )
    assert row == {"id": 7, "literal": "$1"}


async def test_many_rows_go_in_together_or_not_at_all(db: Database) -> None:
    with pytest.raises(ConstraintError):
        await db.executemany("INSERT INTO notes VALUES ($1, $2)", [(1, "same"), (2, "same")])
    assert await texts(db) == []


async def test_a_transaction_commits_at_its_end(db: Database) -> None:
    async with db.transaction(Scope.user(1)):
        await db.execute("INSERT INTO notes VALUES (1, 'one')")
        assert await texts(db) == ["one"]  # it sees its own writes
        outside = asyncio.create_task(_in_own_context(db))
        assert await outside == []
    assert await texts(db) == ["one"]


async def _in_own_context(db: Database) -> list[str]:
    """What somebody else sees."""
    import contextvars

    return await asyncio.create_task(texts(db), context=contextvars.Context())


async def test_an_exception_rolls_it_back(db: Database) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (1, 'one')")
            raise RuntimeError("no")
    assert await texts(db) == []
    assert db.current is None


async def test_cancelling_rolls_it_back(db: Database) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (1, 'one')")
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.execute("INSERT INTO notes VALUES (2, 'two')")  # the way is free again
    assert await texts(db) == ["two"]


async def test_a_nested_one_joins(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.transaction():
            async with db.transaction():
                await db.execute("INSERT INTO notes VALUES (1, 'one')")
            raise RuntimeError
    assert await texts(db) == []


async def test_what_failed_inside_cannot_be_committed(db: Database) -> None:
    with pytest.raises(DatabaseError, match="rolled back"):
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (1, 'one')")
            try:
                async with db.transaction():
                    raise RuntimeError
            except RuntimeError:
                pass
    with pytest.raises(DatabaseError, match="rolled back"):
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (1, 'one')")
            with contextlib.suppress(ConstraintError):
                await db.execute("INSERT INTO notes VALUES (2, 'one')")
    assert await texts(db) == []


async def test_a_savepoint_confines_a_failure(db: Database) -> None:
    async with db.transaction():
        await db.execute("INSERT INTO notes VALUES (1, 'one')")
        with pytest.raises(ConstraintError):
            async with db.savepoint():
                await db.execute("INSERT INTO notes VALUES (2, 'two')")
                await db.execute("INSERT INTO notes VALUES (3, 'one')")
        async with db.savepoint():
            await db.execute("INSERT INTO notes VALUES (4, 'four')")
    assert await texts(db) == ["one", "four"]


async def test_tasks_inside_share_it_one_statement_after_the_other(db: Database) -> None:
    async with db.transaction():
        await asyncio.gather(
            *(db.execute("INSERT INTO notes VALUES ($1, $2)", n, str(n)) for n in range(20))
        )
    assert len(await texts(db)) == 20


async def test_a_task_that_outlives_its_transaction_works_on_its_own(db: Database) -> None:
    over = asyncio.Event()

    async def straggler() -> None:
        await over.wait()
        await db.execute("INSERT INTO notes VALUES (2, 'two')")

    async with db.transaction():
        await db.execute("INSERT INTO notes VALUES (1, 'one')")
        task = asyncio.create_task(straggler())
    over.set()
    await task
    assert await texts(db) == ["one", "two"]


async def test_a_task_left_working_in_it_is_told(db: Database) -> None:
    inside, over = asyncio.Event(), asyncio.Event()

    async def straggler() -> None:
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (2, 'two')")
            inside.set()
            await over.wait()

    with pytest.raises(DatabaseError, match="still works in it"):
        async with db.transaction():
            task = asyncio.create_task(straggler())
            await inside.wait()
    over.set()
    await task
    assert await texts(db) == []


async def test_many_writers_at_once_all_get_their_turn(db: Database) -> None:
    async def write(number: int) -> None:
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES ($1, $2)", number, str(number))
            await asyncio.sleep(0)
            await db.execute("UPDATE notes SET text = text || '!' WHERE id = $1", number)

    await asyncio.gather(*(write(number) for number in range(40)))
    assert await db.fetchval("SELECT count(*) FROM notes WHERE text LIKE '%!'") == 40


async def test_callbacks_after_the_commit(db: Database) -> None:
    rung: list[str] = []
    db.on_commit(lambda: rung.append("at once"))
    async with db.transaction():
        await db.execute("INSERT INTO notes VALUES (1, 'one')")
        db.on_commit(lambda: rung.append("later"))
        async with db.transaction():
            db.on_commit(lambda: rung.append("with the outer one"))
        assert rung == ["at once"]
    assert rung == ["at once", "later", "with the outer one"]
    with pytest.raises(RuntimeError):
        async with db.transaction():
            db.on_commit(lambda: rung.append("never"))
            raise RuntimeError
    assert "never" not in rung


async def test_what_joins_the_next_commit(db: Database) -> None:
    async def complete() -> None:
        await db.execute("INSERT INTO notes VALUES (9, 'completed')")

    with db.before_commit(complete) as joining:
        await texts(db)
        with pytest.raises(RuntimeError):
            async with db.transaction():
                await db.execute("INSERT INTO notes VALUES (1, 'one')")
                raise RuntimeError
        assert joining.done is False
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (1, 'one')")
        done: bool = vars(joining)["done"]
        assert done
        async with db.transaction():
            await db.execute("INSERT INTO notes VALUES (2, 'two')")
    assert await texts(db) == ["one", "two", "completed"]


async def test_a_single_write_is_joined_too(db: Database) -> None:
    async def complete() -> None:
        await db.execute("INSERT INTO notes VALUES (9, 'completed')")

    with db.before_commit(complete) as joining:
        assert await db.execute("INSERT INTO notes VALUES (1, 'one')") == 1
        assert joining.done
        await db.fetch("INSERT INTO notes VALUES (2, 'two') RETURNING id")
    assert await texts(db) == ["one", "two", "completed"]


async def test_a_failure_of_what_joins_takes_the_transaction_along(db: Database) -> None:
    async def fail() -> None:
        raise RuntimeError("cannot complete")

    with db.before_commit(fail) as joining:
        with pytest.raises(RuntimeError, match="cannot complete"):
            await db.execute("INSERT INTO notes VALUES (1, 'one')")
        assert not joining.done
        assert not joining.claimed
    assert await texts(db) == []


async def test_clock_is_the_databases_own(db: Database) -> None:
    import time

    now = await db.fetchval(f"SELECT {db.clock}")
    assert isinstance(now, float)
    assert abs(now - time.time()) < 2


async def test_a_slow_statement_is_stopped(database_url: str) -> None:
    async with database.build(options(database_url, statement_timeout=0.3)) as db:
        with pytest.raises(DatabaseError, match=r"stopped after 0\.3 s"):
            await db.fetch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT count(*) FROM n"
            )
        assert await db.fetchval("SELECT 1") == 1


async def test_a_saturated_database_says_so(database_url: str) -> None:
    async with database.build(options(database_url, pool_size=1, acquire_timeout=0.3)) as db:
        await db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
        holding, done = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with db.transaction():
                await db.execute("INSERT INTO notes VALUES (1)")
                holding.set()
                await done.wait()

        task = asyncio.create_task(hold())
        await holding.wait()
        with pytest.raises(DatabaseAway, match=r"within 0\.3 s"):
            await db.execute("INSERT INTO notes VALUES (2)")
        done.set()
        await task
        assert await db.execute("INSERT INTO notes VALUES (2)") == 1


async def test_values_never_show_in_errors(db: Database) -> None:
    await db.execute("INSERT INTO notes VALUES (1, 'one')")
    with pytest.raises(ConstraintError) as raised:
        await db.execute("INSERT INTO notes VALUES ($1, $2)", 1, "hush-hush")
    assert "hush" not in str(raised.value)
    assert "INSERT INTO notes" in str(raised.value)


# -- SQLite -------------------------------------------------------------------------------------


async def test_another_process_may_write_too(sqlite_url: str) -> None:
    async with database.build(options(sqlite_url)) as db:
        await db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        path = database.sqlite_path(sqlite_url, Path())
        program = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30)\n"
            "for n in range(200):\n"
            "    with c: c.execute('INSERT INTO notes (text) VALUES (?)', ('other',))\n"
        )
        other = subprocess.Popen([sys.executable, "-c", program, str(path)])  # noqa: ASYNC220
        for _ in range(200):
            async with db.transaction():
                await db.execute("INSERT INTO notes (text) VALUES ('own')")
        assert await asyncio.to_thread(other.wait) == 0
        assert await db.fetchval("SELECT count(*) FROM notes") == 400


async def test_a_lock_held_elsewhere_is_an_error_with_a_way_out(sqlite_url: str) -> None:
    async with database.build(options(sqlite_url, acquire_timeout=0.3)) as db:
        await db.execute("CREATE TABLE notes (id INTEGER)")
        other = sqlite3.connect(database.sqlite_path(sqlite_url, Path()), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseAway, match=r"stayed locked for 0\.3 s"):
            async with db.transaction():
                await db.execute("INSERT INTO notes VALUES (1)")
        assert await db.fetch("SELECT * FROM notes") == []  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert await db.execute("INSERT INTO notes VALUES (1)") == 1


async def test_a_full_disk_is_told_and_survived(sqlite_url: str) -> None:
    async with database.build(options(sqlite_url)) as db:
        await db.execute("CREATE TABLE notes (text TEXT)")
        writer = db.engine._writer  # type: ignore[attr-defined]
        await writer.run(lambda c: c.execute("PRAGMA max_page_count = 20").fetchall())
        with pytest.raises(DiskFull, match="full"):
            async with db.transaction():
                for _ in range(50):
                    await db.execute("INSERT INTO notes VALUES ($1)", "x" * 4000)
        assert await db.fetchval("SELECT count(*) FROM notes") == 0
        await writer.run(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchall())
        assert await db.execute("INSERT INTO notes VALUES ('room again')") == 1


async def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    program = """
import asyncio, resource, sys
from pathlib import Path
from core.db.database import Database
from core.db.sqlite import SqliteEngine, SqliteOptions
from core.errors import DiskFull

async def main():
    async with Database(SqliteEngine(SqliteOptions(Path(sys.argv[1])))) as db:
        await db.execute("CREATE TABLE notes (text TEXT)")
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            for _ in range(500):
                await db.execute("INSERT INTO notes VALUES ($1)", "x" * 4000)
        except DiskFull as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))

asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, str(tmp_path / "small.db")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert "limit stops it" in done.stdout, done.stderr


async def test_a_read_only_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "plugram.db"
    url = f"sqlite:///{path}"
    async with database.build(options(url)) as db:
        await db.execute("CREATE TABLE notes (text TEXT)")
        await db.engine._writer.run(  # type: ignore[attr-defined]
            lambda c: c.execute("PRAGMA query_only = ON").fetchall()
        )
        with pytest.raises(DatabaseReadOnly, match="right to write"):
            await db.execute("INSERT INTO notes VALUES ('x')")


async def test_a_path_that_cannot_be_opened(tmp_path: Path) -> None:
    folder = tmp_path / "plugram.db"
    folder.mkdir()
    with pytest.raises(DatabaseAway, match="can't be opened"):
        await database.build(options(f"sqlite:///{folder}")).connect(patience=0)


async def test_a_damaged_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "plugram.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(DatabaseError, match="restore a backup"):
        await database.build(options(f"sqlite:///{path}")).connect(patience=0)


async def test_times_are_kept_as_text(sqlite_url: str) -> None:
    async with database.build(options(sqlite_url)) as db:
        when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert await db.fetchval("SELECT $1", when) == "2026-01-02 03:04:05+00:00"
        assert await db.fetchval("SELECT $1", when.date()) == "2026-01-02"
        assert await db.fetchval("SELECT $1", Decimal("1.10")) == "1.10"


async def test_long_reads_do_not_hold_up_short_ones(sqlite_url: str) -> None:
    async with database.build(options(sqlite_url)) as db:
        slow = asyncio.create_task(
            db.fetch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) "
                "SELECT count(*) AS n FROM n"
            )
        )
        await asyncio.sleep(0.05)
        assert await db.fetchval("SELECT 1") == 1
        assert not slow.done()
        assert await slow == [{"n": 3000000}]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/data/plugram.db"),
        ("sqlite:///here.db", "here.db"),
        ("sqlite:////var/lib/bot/plugram.db", "/var/lib/bot/plugram.db"),
        ("sqlite+aiosqlite:////a%20b/plugram.db", "/a b/plugram.db"),
    ],
)
def test_sqlite_urls(url: str, path: str) -> None:
    assert database.sqlite_path(url, Path("/data")) == Path(path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "nonsense"])
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        database.build(options(url))


# -- PostgreSQL ---------------------------------------------------------------------------------


async def test_lost_connections_are_replaced(postgres_url: str) -> None:
    async with (
        database.build(options(postgres_url)) as db,
        database.build(options(postgres_url)) as other,
    ):
        await db.fetchval("SELECT 1")
        kill = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for _ in range(3):
            await other.fetchval(kill)
            assert await db.fetchval("SELECT 1") == 1
        with pytest.raises(DatabaseAway):
            async with db.transaction():
                await db.fetchval("SELECT 1")
                await other.fetchval(kill)
                await db.fetchval("SELECT 1")
        for _ in range(8):  # more than the pool holds: no slot was lost
            async with db.transaction():
                assert await db.fetchval("SELECT 1") == 1


async def test_a_backend_killed_at_begin_loses_no_slot(postgres_url: str) -> None:
    async with (
        database.build(options(postgres_url, pool_size=2)) as db,
        database.build(options(postgres_url)) as other,
    ):
        kill = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        refused = 0
        for _ in range(10):
            await db.fetchval("SELECT 1")
            await other.fetchval(kill)
            try:
                async with db.transaction():
                    await db.fetchval("SELECT 1")
            except DatabaseAway:
                refused += 1
            assert db.current is None
        assert await asyncio.gather(*(db.fetchval("SELECT 1") for _ in range(4))) == [1] * 4


async def test_a_pooler_gets_no_parameters_it_refuses() -> None:
    from core.db.postgres import PostgresEngine, PostgresOptions

    plain = PostgresEngine(PostgresOptions("postgres://u:p@h/db"))
    assert plain._connect_options["server_settings"]["statement_timeout"] == "30000"
    pooled = PostgresEngine(PostgresOptions("postgresql+asyncpg://u:p@h/db?statement_cache_size=0"))
    assert pooled.url == "postgresql://u:p@h/db"
    assert pooled._connect_options["statement_cache_size"] == 0
    assert "statement_timeout" not in pooled._connect_options["server_settings"]
    assert "p@" not in pooled.where


async def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    from tests.support.servers import Postgres

    server = Postgres()
    try:
        server.start()
        url = server.create()
        server.stop()
        with pytest.raises(DatabaseAway, match="check that the server runs"):
            await database.build(options(url, acquire_timeout=0.5)).connect(patience=0)
        db = database.build(options(url))
        connecting = asyncio.create_task(db.connect(patience=30))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.start)
        await connecting
        assert await db.fetchval("SELECT 1") == 1
        await asyncio.to_thread(server.stop)
        waiting = asyncio.create_task(db.fetchval("SELECT 1"))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.start)
        assert await waiting == 1
        await db.close()
    finally:
        await asyncio.to_thread(server.remove)


async def test_a_read_only_server_is_told(postgres_url: str) -> None:
    async with database.build(options(postgres_url)) as db:
        await db.execute("CREATE TABLE notes (text TEXT)")
        with pytest.raises(DatabaseReadOnly, match="primary"):
            async with db.transaction():
                await db.execute("SET TRANSACTION READ ONLY")
                await db.execute("INSERT INTO notes VALUES ('x')")


async def test_a_wrong_database_is_told_at_once(postgres_url: str) -> None:
    with pytest.raises(DatabaseError, match="check user, password and name"):
        await database.build(options(postgres_url + "_missing")).connect(patience=30)


async def test_a_failure_doesnt_swallow_the_cancellation_that_came_meanwhile() -> None:
    """Its error says what happened; whoever catches it is cancelled at the next await."""
    end = asyncio.get_running_loop().create_future()
    told: list[str] = []

    async def work() -> None:
        try:
            await uncancelled(end)
        except DatabaseError as error:
            told.append(error.message)
            await asyncio.sleep(0)
            told.append("went on")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    end.set_exception(DatabaseAway("gone"))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["gone"]
