"""The bot is killed in the middle of its work, with SIGKILL, and stopped with SIGTERM: no update
that Telegram was told we have is lost, each effect happens once, chats keep their order.

`PLUGRAM_DRILL=full` kills ten times within 2,000 updates instead of three times within 600.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.core.mail import until
from tests.drills import harness
from tests.drills.notebook import desk
from tests.support.bot_api import Answer, Call, message

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(600)]

KILLS, NUMBER = harness.form((10, 2000), (3, 600))
RESUMED_WITHIN = 5.0


async def test_a_killed_bot_loses_nothing(database_url: str, tmp_path: Path) -> None:
    dice = harness.dice(7)
    async with desk(database_url, tmp_path, seed=7) as work:
        bot = await work.hire()
        delivering = asyncio.create_task(
            work.deliver(NUMBER, chats=30, each=10, pause=harness.form(0.05, 0.02))
        )
        for kill in range(KILLS):
            wanted = (kill + 1) * NUMBER // (KILLS + 2)

            async def reached(wanted: int = wanted) -> bool:
                return await work.effects() >= wanted

            await until(reached, seconds=60)
            await asyncio.sleep(dice.uniform(0, 0.05))
            await work.kill(bot)
            before = await work.effects()
            await asyncio.to_thread(bot.start)
            resumed = await work.resumed(before)
            work.history.note("resumed", seconds=round(resumed, 2))
            assert resumed <= harness.within(RESUMED_WITHIN)
        await delivering
        await work.finished()
        await work.check()
        assert len(work.history.faults()) == KILLS


async def test_sigterm_drains_and_the_rest_comes_again(database_url: str, tmp_path: Path) -> None:
    """300 updates in flight behind a slow Telegram."""
    async with desk(database_url, tmp_path) as work:
        slow = True

        def respond(call: Call) -> Answer | None:
            if call.method == "sendMessage" and slow:
                return Answer(
                    delay=0.3,
                    result={"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}},
                )
            return None

        work.api.respond = respond
        bot = await work.hire()
        await work.deliver(300, chats=300, each=100, pause=0)
        await until(lambda: work.api.acknowledged >= 200)
        began = time.monotonic()
        assert await asyncio.to_thread(bot.terminate) == 0
        stopped = time.monotonic() - began
        work.history.note("stopped", seconds=round(stopped, 2))
        assert stopped <= harness.within(10)
        slow = False
        await asyncio.to_thread(bot.start)
        await work.finished()
        await work.check()
        assert not [
            text for chat in range(1, 301) for text in work.api.texts(chat) if "Sorry" in text
        ]


async def test_a_second_sigterm_ends_it_at_once(sqlite_url: str, tmp_path: Path) -> None:
    async with desk(sqlite_url, tmp_path) as work:
        work.api.respond = lambda call: (
            Answer(delay=30, result=True) if call.method == "sendMessage" else None
        )
        bot = await work.hire()
        await work.api.deliver(message(1, "1"))
        await until(lambda: bool(work.api.of("sendMessage")))
        assert bot.process is not None
        bot.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        bot.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        await asyncio.to_thread(bot.process.wait, 5)
        assert time.monotonic() - began <= harness.within(1)
