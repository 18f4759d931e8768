"""Redis is killed, stays away, comes back empty, and is emptied: the ledger has everything, the
workers of both doors live on, and the bot acknowledges what it gets.

`PLUGRAM_DRILL=full` keeps it away for 60 s instead of 5.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.core.work import eventually
from tests.drills import harness
from tests.drills.harness import form
from tests.drills.notebook import desk
from tests.drills.yard import DOORS, yard
from tests.support.servers import Valkey

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(form(600, 240))]

AWAY = form(60.0, 5.0)
BACK_WITHIN = 10.0
REFILLED_WITHIN = 30.0
SICK = "plugram:arq:health-check"


@pytest.fixture
async def server() -> AsyncIterator[Valkey]:
    """A Redis that may be stopped. It keeps nothing: after a stop it is empty."""
    one = Valkey()
    yield one
    await asyncio.to_thread(one.stop)


async def seconds_until_workers_are_back(server: Valkey) -> float:
    """Until one of them has told arq's health check that it lives."""
    began = time.monotonic()

    async def heard() -> bool:
        return server.command(f"EXISTS {SICK}".encode()) == b":1\r\n"

    await eventually(heard, timeout=harness.within(30), what="a sign of life in Redis")
    return time.monotonic() - began


async def test_redis_dies_and_comes_back_empty(
    postgres_url: str, tmp_path: Path, server: Valkey
) -> None:
    server.start()
    bots, workers = tmp_path / "bots", tmp_path / "workers"
    bots.mkdir()
    workers.mkdir()
    async with (
        desk(postgres_url, bots, seed=9) as chats,
        yard(postgres_url, workers, seed=9, redis=server.url) as work,
    ):
        crew = [work.launch(door) for door in DOORS]
        await chats.hire(env={"PLUGRAM_REDIS__URL": server.url})
        await work.registered(*crew)
        await work.send("grind", [{}] * 20)
        await chats.deliver(20, chats=5)
        await work.until("done", 20)

        work.history.note("fault", why="Redis killed", away=AWAY)
        await asyncio.to_thread(server.stop)
        until, sent = time.monotonic() + AWAY, 20
        while time.monotonic() < until:
            await work.send("grind", [{}] * 5)
            await chats.deliver(5, chats=5)
            sent += 5
            await asyncio.sleep(0.5)
        acknowledged = chats.api.acknowledged
        assert acknowledged > 20, "the bot stood still"
        await asyncio.to_thread(server.start)
        back = await seconds_until_workers_are_back(server)
        work.history.note("fault", why="Redis emptied")
        await work.send("grind", [{}] * 50)
        server.command(b"FLUSHALL")
        refilled = await work.seconds_until("done", sent + 50, at_most=2 * REFILLED_WITHIN)
        await chats.finished()
        assert [process.poll() for process in crew] == [None, None]
        assert back <= harness.within(BACK_WITHIN)
        assert refilled <= harness.within(REFILLED_WITHIN)
        figures = {"back": round(back, 1), "refilled": round(refilled, 1)}
        work.history.note("figure", acknowledged_meanwhile=acknowledged, **figures)

        await asyncio.to_thread(server.stop)
        for process in crew:
            process.terminate()  # while Redis is away: arq must not wait for it
        for process in crew:
            assert await asyncio.to_thread(process.wait, 60) == 0
        assert await work.jobs.workers() == []
        await work.check(faults=2)
        await chats.check()


async def test_workers_start_while_redis_is_away(
    postgres_url: str, tmp_path: Path, server: Valkey
) -> None:
    async with yard(postgres_url, tmp_path, seed=9, redis=server.url) as work:
        work.history.note("fault", why="Redis isn't there")
        crew = [work.launch(door) for door in DOORS]
        await work.registered(*crew)
        await work.send("grind", [{}] * 10)
        await work.until("done", 10)
        await asyncio.sleep(form(60, 0))
        await asyncio.to_thread(server.start)
        back = await seconds_until_workers_are_back(server)
        assert [process.poll() for process in crew] == [None, None]
        await work.send("grind", [{}] * 10)
        await work.until("done", 20)
        await work.check(faults=1)
        work.history.note("figure", back=round(back, 1))
        assert back <= harness.within(BACK_WITHIN)
