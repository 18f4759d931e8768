"""A rolling update: a process of the version to come beside one of today, on one database.

Whoever polls writes updates of its own version. What is too new for a process it leaves alone; what
is older the newer one brings up to date. Nothing is lost, nothing happens twice, chats keep order.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.jobs import statements
from core.telegram import inbox
from core.telegram.leases import POLLER
from tests.core.mail import until
from tests.drills import harness
from tests.drills.notebook import Desk, desk
from tests.support.bot_api import message
from tests.support.processes import Bot

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(300)]


class Newer(Bot):
    """`plugram run` of the version to come."""

    module = "tests.drills.newer"


async def leads(work: Desk, bot: Bot) -> bool:
    owner = await work.db.fetchval("SELECT owner FROM core_intake_leases WHERE slot = $1", POLLER)
    return bot.process is not None and f":{bot.process.pid}:" in (owner or "")


async def versions(work: Desk) -> dict[int, int]:
    rows = await work.db.fetch("SELECT version, count(*) AS number FROM core_inbox GROUP BY 1")
    return {row["version"]: row["number"] for row in rows}


def partition(number: int) -> int:
    """Of the chat that a message of the drill is from."""
    return inbox.lane_of(message(number, "", user=number % 40 + 1))[1]


def test_every_version_before_ours_has_an_upgrade() -> None:
    assert set(inbox.UPGRADES) == set(range(1, inbox.VERSION))
    assert set(statements.UPGRADES) == set(range(1, statements.FORMAT))


async def test_old_and_new_work_side_by_side(postgres_url: str, tmp_path: Path) -> None:
    async with desk(postgres_url, tmp_path) as work:
        old = await work.hire()
        await until(lambda: leads(work, old), seconds=harness.within(10))
        # The first chats' updates are written by the old version, half of them done by the new one.
        newer = await work.hire(Newer)
        await work.deliver(200, chats=40, pause=0.01)
        await work.finished()
        assert await versions(work) == {1: 200}

        # The old one goes, the new one polls, and an old one comes back: it can't do anything.
        assert await asyncio.to_thread(old.terminate) == 0
        await until(lambda: leads(work, newer), seconds=harness.within(10))
        await asyncio.to_thread(old.start)
        await work.deliver(200, chats=40, pause=0.01)
        await work.finished()
        assert await versions(work) == {1: 200, 2: 200}

        # Only old ones are left: what is too new for them waits, and isn't lost.
        assert newer.process is not None
        await work.kill(newer)
        await work.db.execute(
            "UPDATE core_inbox SET status = 0, finished_at = NULL WHERE update_id = 400"
        )
        await work.db.execute("DELETE FROM drill_effects WHERE number = 400")
        await until(lambda: leads(work, old), seconds=harness.within(10))
        await work.deliver(40, chats=40)

        behind = {number for number in range(401, 441) if partition(number) == partition(400)}

        async def the_rest() -> bool:
            return await work.effects() >= 439 - len(behind)

        await until(the_rest, seconds=harness.within(20))
        waiting = await work.db.fetch("SELECT update_id, attempts FROM core_inbox WHERE status = 0")
        assert {row["update_id"] for row in waiting} == {400, *behind}
        assert {row["attempts"] for row in waiting} == {0}
        await asyncio.to_thread(newer.start)
        await work.finished(seconds=harness.within(60))
        assert len(await work.check()) >= 3, "all worked: the old one, the same again, the new one"
