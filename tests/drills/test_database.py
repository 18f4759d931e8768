"""The database is restarted under load, and slow: no acknowledgement while it is down, nothing
lost, no connection lost for good, and whoever must wait is told in time.

`PLUGRAM_DRILL=full` restarts five times within 1,500 updates instead of twice within 300, and lets
statements run for 30 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.db import database
from core.db.database import Database
from core.db.postgres import PostgresEngine
from core.errors import DatabaseAway, DatabaseError
from core.health import HealthChecks, core_checks, ready
from tests.conftest import SettingsFactory
from tests.core.db.test_database import options
from tests.drills import harness
from tests.drills.notebook import desk
from tests.support.pooler import Pooler
from tests.support.processes import get_json
from tests.support.servers import Durable, Postgres

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(600)]

RESTARTS, NUMBER = harness.form((5, 1_500), (2, 300))
SLOW = harness.form(30.0, 4.0)
"""Seconds that the statements want which hold all connections."""


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One that may be crashed."""
    own = Durable()
    try:
        own.start()
        yield own
    finally:
        own.remove()


async def test_restarts_under_load(server: Postgres, tmp_path: Path) -> None:
    dice = harness.dice(10)
    url = server.create()
    async with desk(url, tmp_path, seed=harness.seed(10)) as work:
        bot = await work.hire()
        delivering = asyncio.create_task(work.deliver(NUMBER, chats=25, each=10, pause=0.05))
        for number in range(RESTARTS):
            await asyncio.sleep(dice.uniform(0.3, 0.8))
            before = await work.effects()
            work.history.note("fault", server="postgres", restart=number)
            await asyncio.to_thread(server.crash)
            await asyncio.sleep(0.2)  # what was under way has failed by now
            told = work.api.acknowledged
            await asyncio.sleep(dice.uniform(0.3, 1.0))
            assert work.api.acknowledged == told, "acknowledged while the database was down"
            status, _ = await asyncio.to_thread(get_json, f"{bot.url}/readyz")
            assert status == 503
            await asyncio.to_thread(server.start)
            back = await work.resumed(before)
            work.history.note("recovered", seconds=round(back, 2))
            assert back <= harness.within(5)
        await delivering
        await work.finished(seconds=harness.within(60))
        await work.check()
        assert (await asyncio.to_thread(get_json, f"{bot.url}/readyz"))[0] == 200


async def test_all_slots_come_back(server: Postgres) -> None:
    """Fifty tasks on three connections, which break at BEGIN and with the server."""
    dice, size = harness.dice(10), 3
    url = server.create()
    async with Pooler(url, servers=size) as way:
        wanted, through = options(url, pool_size=size), options(way.url, pool_size=size)
        async with database.build(wanted) as db, database.build(through) as cut:
            await db.execute("CREATE TABLE counted (number INTEGER)")
            done, over = 0, asyncio.Event()

            async def work(own: Database) -> None:
                nonlocal done
                while not over.is_set():
                    try:
                        async with own.transaction():
                            await own.execute("INSERT INTO counted VALUES (1)")
                        done += 1
                    except DatabaseError:
                        await asyncio.sleep(0.01)
                    assert own.current is None

            tasks = [asyncio.create_task(work(db)) for _ in range(25)]
            tasks += [asyncio.create_task(work(cut)) for _ in range(25)]
            for _ in range(RESTARTS * 2):
                await asyncio.sleep(dice.uniform(0.05, 0.2))
                way.cut_at_begin = dice.randint(1, 8)
            for _ in range(RESTARTS):
                await asyncio.to_thread(server.crash)
                await asyncio.to_thread(server.start)
                before = done
                while done == before:
                    await asyncio.sleep(0.02)
            over.set()
            await asyncio.gather(*tasks)
            assert isinstance(db.engine, PostgresEngine)
            assert db.engine._used == 0
            assert await asyncio.gather(*(db.fetchval("SELECT 1") for _ in range(size * 3)))
            # One whose COMMIT was cut off is there or not: nobody was told.
            assert await db.fetchval("SELECT count(*) FROM counted") >= done


@pytest.fixture
async def slow(postgres_url: str) -> AsyncIterator[Database]:
    limited = options(postgres_url, pool_size=3, acquire_timeout=4.0, statement_timeout=SLOW - 1)
    async with database.build(limited) as db:
        yield db


async def test_a_slow_database(slow: Database, settings_factory: SettingsFactory) -> None:
    """All connections are held by statements that take too long."""
    checks = HealthChecks()
    checks.add("core", core_checks(slow, None, settings_factory()))

    async def take() -> float:
        began = time.monotonic()
        with pytest.raises(DatabaseError, match="stopped after"):
            await slow.fetchval(f"SELECT pg_sleep({SLOW + 30})")
        return time.monotonic() - began

    async def ask() -> float:
        began = time.monotonic()
        with contextlib.suppress(DatabaseAway):
            async with slow.transaction():
                await slow.fetchval("SELECT 1")
        return time.monotonic() - began

    holders = [asyncio.create_task(take()) for _ in range(3)]
    await asyncio.sleep(0.3)
    asked = [asyncio.create_task(ask()) for _ in range(20)]
    found = {one.name: one.health for one in await checks.run()}
    assert found["core.database"].degraded
    assert not found["core.database"].ok
    assert ready(await checks.run())
    waits = await asyncio.gather(*asked)
    assert max(waits) <= harness.within(5)
    stopped = await asyncio.gather(*holders)
    assert max(stopped) <= harness.within(SLOW)
    assert slow.current is None
    assert await asyncio.gather(*(slow.fetchval("SELECT 1") for _ in range(9))) == [1] * 9
    assert {one.name: one.health.ok for one in await checks.run()}["core.database"]


async def test_a_bot_outlives_a_locked_database(postgres_url: str, tmp_path: Path) -> None:
    """Somebody's transaction holds the inbox: statements are stopped at their limit, the bot says
    that it is not well, and goes on when the lock is gone."""
    async with desk(postgres_url, tmp_path, seed=harness.seed(11)) as work:
        bot = await work.hire(
            env={
                "PLUGRAM_DATABASE__POOL_SIZE": "3",
                "PLUGRAM_DATABASE__STATEMENT_TIMEOUT": "2",
                "PLUGRAM_DATABASE__ACQUIRE_TIMEOUT": "2",
            }
        )
        await work.deliver(30, chats=10)
        async with database.build(options(postgres_url)) as other, other.transaction():
            await other.execute("LOCK TABLE core_inbox IN ACCESS EXCLUSIVE MODE")
            work.history.note("fault", lock="core_inbox")
            await work.deliver(30, chats=10)
            await asyncio.sleep(harness.form(20.0, 5.0))
        await work.finished(seconds=harness.within(60))
        await work.check()
        assert (await asyncio.to_thread(get_json, f"{bot.url}/readyz"))[0] == 200
