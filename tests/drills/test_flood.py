"""A flood from one chat: memory stays, the others are answered, and all of it is worked off.

`PLUGRAM_DRILL=full` floods with 50,000 updates instead of 2,000.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.core.mail import until
from tests.drills import harness
from tests.drills.notebook import Desk, desk
from tests.support.bot_api import message

NUMBER, OTHERS = harness.form((50_000, 200), (2000, 15))
pytestmark = [
    pytest.mark.drill,
    pytest.mark.slow,
    pytest.mark.timeout(harness.form(3000, 240)),
]

FLOODER = 1
PENDING = 500
"""Updates of the flood that Telegram holds at a time."""
GROWTH_MB, ANSWERED_WITHIN = 150, 2.0


def rss(pid: int) -> float:
    """Megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


class Flood:
    """The flood, and people who write meanwhile."""

    def __init__(self, work: Desk, pid: int) -> None:
        self.work = work
        self.delays: list[float] = []
        self.peak = 0.0
        self._pid = pid

    def number(self) -> str:
        self.work.delivered += 1
        self.work.history.note("sent", self.work.delivered)
        return str(self.work.delivered)

    async def flood(self) -> None:
        for _ in range(0, NUMBER, 100):
            batch = [self.number() for _ in range(100)]
            await self.work.api.deliver(
                *(message(int(one), one, user=FLOODER) for one in batch),
            )
            await until(lambda: len(self.work.api.unacknowledged) < PENDING, seconds=60)

    async def write(self) -> None:
        """Somebody else, every now and then, as long as there is something to work off."""
        for at in range(OTHERS):
            user, number = 100 + at, self.number()
            began = time.monotonic()
            await self.work.api.deliver(message(int(number), number, user=user))
            await until(lambda chat=user: bool(self.work.api.texts(chat)), seconds=60)
            self.delays.append(time.monotonic() - began)
            await asyncio.sleep(harness.form(0.2, 0.05))

    async def watch(self) -> None:
        while True:
            self.peak = max(self.peak, rss(self._pid))
            await asyncio.sleep(0.1)


async def test_a_flood_costs_the_others_nothing(sqlite_url: str, tmp_path: Path) -> None:
    async with desk(sqlite_url, tmp_path) as work:
        bot = await work.hire()
        assert bot.process is not None
        await work.deliver(200, chats=20)
        await work.finished()
        flood = Flood(work, bot.process.pid)
        before = rss(bot.process.pid)
        watching = asyncio.create_task(flood.watch())
        began = time.monotonic()
        await asyncio.gather(flood.flood(), flood.write())
        await work.finished(seconds=harness.form(2400, 150))
        watching.cancel()
        late = sorted(flood.delays)[len(flood.delays) * 95 // 100]
        work.history.note(
            "flooded",
            updates=NUMBER,
            seconds=round(time.monotonic() - began),
            rss_before=round(before),
            rss_peak=round(flood.peak),
            others_p95=round(late, 2),
        )
        assert flood.peak - before <= GROWTH_MB
        assert late <= harness.within(ANSWERED_WITHIN)
        await work.check()
