"""Workers are killed in the middle of their work, with real signals: nothing is lost, effects
happen once, a job that kills its workers costs nobody else.

`PLUGRAM_DRILL=full` kills five times within 1,000 jobs instead of twice within 300.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.db import database
from core.db.database import Database
from core.jobs import bell
from core.jobs.job import JobRow, Jobs, PluginJobs
from core.jobs.ledger import State
from tests.core import alone_app
from tests.core.alone_app import innocent, poison
from tests.core.work import PLUGIN, eventually
from tests.drills.worker_app import deployment
from tests.support.servers import Valkey, spawn, stop

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("PLUGRAM_DRILL") == "full"
KILLS, NUMBER = (5, 1000) if FULL else (2, 300)
PICKED_UP_WITHIN = 20.0


class Yard:
    """A database, what was queued in it, and the workers on it."""

    def __init__(self, db: Database, url: str, redis: str = "") -> None:
        self.db = db
        self.url = url
        self.redis = redis
        found = deployment(url, redis)
        self.jobs = Jobs(db, found.jobs, bell.build(found, db))
        self.mine = PluginJobs(PLUGIN, self.jobs)
        self.workers: list[subprocess.Popen[bytes]] = []

    async def hire(self) -> subprocess.Popen[bytes]:
        """A worker process that has registered itself."""
        before = {worker.pid for worker in await self.jobs.workers()}
        process = spawn(
            *(sys.executable, "-m", "tests.drills.worker_app", self.url),
            *([self.redis] if self.redis else []),
            env={**os.environ, alone_app.URL: self.url},
            cwd=ROOT,
            log=subprocess.DEVNULL,
        )
        self.workers.append(process)

        async def registered() -> bool:
            assert process.poll() is None, "the worker ended by itself"
            return any(worker.pid not in before for worker in await self.jobs.workers())

        await eventually(registered, timeout=30, what="a worker")
        return process

    async def close(self) -> None:
        for process in self.workers:
            await asyncio.to_thread(stop, process, signal.SIGKILL)
        await self.jobs.bell.close()

    async def count(self, state: State) -> int:
        return (await self.jobs.counts())[state]

    async def until(self, state: State, number: int, *, timeout: float = 90) -> None:
        async def look() -> bool:
            return await self.count(state) >= number

        await eventually(look, timeout=timeout, what=f"{number} jobs {state}")

    async def running_at(self, pid: int) -> list[int]:
        """What a worker process has in hand."""
        rows = await self.db.fetch(
            "SELECT j.id FROM core_jobs j JOIN core_workers w ON w.id = j.worker "
            "WHERE j.state = 'running' AND w.pid = $1",
            pid,
        )
        return [row["id"] for row in rows]

    async def effects(self) -> dict[int, int]:
        """How often each job's effect happened."""
        rows = await self.db.fetch(
            "SELECT job, count(*) AS number FROM effects WHERE what = 'done' GROUP BY job"
        )
        return {row["job"]: row["number"] for row in rows}


@asynccontextmanager
async def opened(url: str, redis: str = "") -> AsyncIterator[Yard]:
    async with database.build(deployment(url)) as db:
        await db.migrate()
        await db.execute(
            "CREATE TABLE effects (job BIGINT, pid BIGINT, what TEXT, at DOUBLE PRECISION)"
        )
        yard = Yard(db, url, redis)
        try:
            yield yard
        finally:
            await yard.close()


async def test_killed_workers_lose_nothing(database_url: str) -> None:
    async with opened(database_url) as yard:
        workers = [await yard.hire(), await yard.hire()]
        await yard.mine.enqueue_many(innocent, [{"seconds": 0.05} for _ in range(NUMBER)])
        in_hand: dict[int, float] = {}
        for kill in range(1, KILLS + 1):
            await yard.until("done", NUMBER * kill // (KILLS + 2))
            victim = workers.pop(0)
            lost = await yard.running_at(victim.pid)
            victim.kill()
            in_hand.update(dict.fromkeys(lost, time.time()))
            workers.append(await yard.hire())
        await yard.until("done", NUMBER)
        rows = await yard.jobs.find(limit=NUMBER + 1)
        assert in_hand, "nothing was in hand when the workers died: the drill proves nothing"
        assert len(rows) == NUMBER
        assert await yard.effects() == {row.id: 1 for row in rows}
        assert all(row.attempt == 1 for row in rows)
        waits = [_pick_up(row, in_hand[row.id]) for row in rows if row.id in in_hand]
        assert any(row.crashes for row in rows)
        assert max(waits) <= PICKED_UP_WITHIN


def _pick_up(row: JobRow, killed_at: float) -> float:
    """Seconds from the kill to the next claim; 0 if the job had ended just before."""
    assert row.started_at is not None
    return max(row.started_at - killed_at, 0) if row.crashes else 0.0


@pytest.mark.parametrize("how", ["segfault", "hang"])
async def test_a_poison_beside_nine_innocents(sqlite_url: str, how: str) -> None:
    async with opened(sqlite_url) as yard:
        innocents = [await yard.mine.enqueue(innocent, {"seconds": 3}) for _ in range(9)]
        poisoned = await yard.mine.enqueue(poison, {"how": how})
        began = time.monotonic()
        deaths = 0
        worker = await yard.hire()
        while await yard.count("dead") < 1:
            assert time.monotonic() - began < 60, await yard.jobs.get(poisoned)
            if worker.poll() is not None:  # as a supervisor does
                deaths += 1
                worker = await yard.hire()
            await asyncio.sleep(0.1)
        await yard.until("done", 9)
        row = await yard.jobs.get(poisoned)
        assert row is not None
        assert (row.state, row.crashes, row.attempt) == ("dead", 3, 0)
        assert deaths == 1  # the first time it was beside others, then it was alone
        for number in innocents:
            found = await yard.jobs.get(number)
            assert found is not None
            assert (found.state, found.attempt) == ("done", 1)
        assert await yard.effects() == dict.fromkeys(innocents, 1)


async def test_sigterm_gives_back_what_does_not_end(database_url: str) -> None:
    async with opened(database_url) as yard:
        worker = await yard.hire()
        short = [await yard.mine.enqueue(innocent, {"seconds": 1}) for _ in range(3)]
        endless = await yard.mine.enqueue(innocent, {"seconds": 600})
        await yard.until("running", 4)
        began = time.monotonic()
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 40) == 0
        assert time.monotonic() - began < 30
        states = [row.state for row in [await _row(yard, number) for number in short]]
        assert states == ["done"] * 3
        row = await _row(yard, endless)
        assert (row.state, row.attempt, row.crashes) == ("queued", 0, 0)
        assert await yard.jobs.workers() == []


async def _row(yard: Yard, number: int) -> JobRow:
    row = await yard.jobs.get(number)
    assert row is not None
    return row


async def test_redis_dies_and_comes_back_empty(postgres_url: str) -> None:
    """arq hosts the worker: it lives on, and the ledger has everything."""
    server = Valkey()
    server.start()
    try:
        async with opened(postgres_url, server.url) as yard:
            worker = await yard.hire()
            await yard.mine.enqueue(innocent)
            await yard.until("done", 1, timeout=10)
            await asyncio.to_thread(server.stop)
            before: Any = await yard.mine.enqueue(innocent)
            await yard.until("done", 2, timeout=10)  # without a doorbell
            await asyncio.sleep(3)
            assert worker.poll() is None
            await asyncio.to_thread(server.start)
            await yard.mine.enqueue(innocent)
            await yard.until("done", 3, timeout=10)
            await asyncio.to_thread(server.stop)
            worker.terminate()  # while Redis is away: arq must not wait for it
            assert await asyncio.to_thread(worker.wait, 30) == 0
            assert before
            assert await yard.jobs.workers() == []
    finally:
        await asyncio.to_thread(server.stop)
