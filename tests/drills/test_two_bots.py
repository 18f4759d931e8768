"""Two bot processes on one PostgreSQL: one polls, both work; either may be killed at any time.

`PLUGRAM_DRILL=full` kills six times within 3,000 updates instead of twice within 800.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from pathlib import Path

import pytest

from tests.core.mail import until
from tests.drills.notebook import Desk, desk

history = logging.getLogger("drill")
history.setLevel(logging.INFO)

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(300)]

FULL = os.environ.get("PLUGRAM_DRILL") == "full"
KILLS, NUMBER = (6, 3000) if FULL else (2, 800)
TAKEN_OVER_WITHIN = 10.0


async def shares(work: Desk) -> dict[str, int]:
    """Owner → how many partitions; the poller under "poller"."""
    rows = await work.db.fetch(
        "SELECT owner, slot FROM core_intake_leases WHERE owner IS NOT NULL AND expires_at > 0"
    )
    found: dict[str, int] = {}
    for row in rows:
        name = "poller" if row["slot"] < 0 else row["owner"]
        found[name] = found.get(name, 0) + 1
    return found


async def both_work(work: Desk) -> bool:
    found = await shares(work)
    return found.pop("poller", 0) == 1 and sorted(found.values()) == [32, 32]


async def poller(work: Desk) -> int:
    """The process id of whoever polls."""
    rows = await work.db.fetch("SELECT owner FROM core_intake_leases WHERE slot = -1")
    return int(rows[0]["owner"].rsplit(":", 2)[1])


async def test_two_bots_share_lanes_and_either_may_die(postgres_url: str, tmp_path: Path) -> None:
    dice = random.Random(11)
    async with desk(postgres_url, tmp_path) as work:
        await work.hire()
        await work.hire()
        for kill in range(KILLS):
            await until(lambda: both_work(work), seconds=20)
            delivering = asyncio.create_task(work.deliver(NUMBER // KILLS, chats=50, each=5))
            await asyncio.sleep(dice.uniform(0.2, 0.6))
            leader = await poller(work)
            # First the poller, then the other one, and so on.
            victim = next(
                bot
                for bot in work.bots
                if bot.process is not None and (bot.process.pid == leader) == (kill % 2 == 0)
            )
            await asyncio.to_thread(victim.kill)
            before = await work.effects()
            assert before < work.delivered + NUMBER // KILLS
            taken_over = await work.resumed(before)
            history.info("taken over after %.2f s", taken_over)
            assert taken_over <= TAKEN_OVER_WITHIN
            await asyncio.to_thread(victim.start)
            await delivering
        await work.finished()
        pids = await work.check()
        assert len(pids) >= 2, "both worked"
        assert all(len(chats) > 5 for chats in pids.values())


async def test_the_second_takes_over_when_the_first_stops(
    postgres_url: str, tmp_path: Path
) -> None:
    async with desk(postgres_url, tmp_path) as work:
        first = await work.hire()
        await work.hire()
        await until(lambda: both_work(work), seconds=20)
        await work.deliver(100, chats=20)
        assert await asyncio.to_thread(first.terminate) == 0
        before = await work.effects()
        await work.deliver(100, chats=20)
        assert await work.resumed(before) <= 5
        await work.finished()
        await work.check()


async def test_both_killed_at_once_lose_nothing(postgres_url: str, tmp_path: Path) -> None:
    async with desk(postgres_url, tmp_path) as work:
        for _ in range(2):
            await work.hire()
        await until(lambda: both_work(work), seconds=20)
        delivering = asyncio.create_task(work.deliver(300, chats=30, each=10, pause=0.02))

        async def some() -> bool:
            return await work.effects() > 80

        await until(some)
        for bot in work.bots:
            await asyncio.to_thread(bot.kill)
        await delivering
        for bot in work.bots:
            await asyncio.to_thread(bot.start)
        await work.finished()
        await work.check()
