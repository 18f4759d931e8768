"""`kill -9` of a bot that is brought its updates, some of them twice and out of order: nothing that
it took is lost, nothing has its effects twice.

`PLUGRAM_DRILL=full` kills ten times within 1,000 updates instead of twice within 200.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.core.mail import until
from tests.drills import harness
from tests.drills.carrier import Carrier, settings
from tests.drills.notebook import desk
from tests.support.bot_api import message
from tests.support.servers import free_port

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(600)]

KILLS, NUMBER = harness.form((10, 1000), (2, 200))
CHATS = 40
P99_MS = 200


async def test_nothing_that_was_taken_is_lost(database_url: str, tmp_path: Path) -> None:
    dice = harness.dice(5)
    async with desk(database_url, tmp_path, seed=5) as work:
        bot = await work.hire(env=settings(free_port()))
        async with Carrier([bot.url], work.history) as carrier:
            bringing: set[asyncio.Task[None]] = set()
            for kill in range(KILLS):
                first = kill * NUMBER // KILLS + 1
                numbers = [*range(first, first + NUMBER // KILLS)]
                errands = [*numbers, *dice.sample(numbers, len(numbers) // 4)]
                dice.shuffle(errands)
                taken = carrier.taken
                for number in errands:
                    update = message(number, str(number), user=number % CHATS + 1)
                    bringing.add(asyncio.create_task(carrier.bring(update)))
                work.delivered += len(numbers)
                # In the middle of it: some of these are taken, and some aren't.
                enough = taken + dice.randrange(len(numbers) // 2)
                await until(lambda enough=enough: carrier.taken >= enough, seconds=60)
                carrier.epoch += 1
                await work.kill(bot)
                await asyncio.to_thread(bot.start)
                carrier.epoch += 1
            await asyncio.gather(*bringing)
            await work.finished(seconds=harness.within(60))
            slowest = carrier.percentile(99)
            work.history.note(
                "acknowledging",
                refused=carrier.refused,
                p50_ms=round(carrier.percentile(50)),
                p99_ms=round(slowest),
            )
            assert carrier.taken == len(bringing), "duplicates are acknowledged too"
        await work.check(ordered=False)
        assert len(work.history.faults()) == KILLS
        assert slowest <= 1000 * harness.within(P99_MS / 1000) * 3, "a guard, not a measurement"


async def test_another_process_keeps_the_webhook_when_the_first_dies(
    postgres_url: str, tmp_path: Path
) -> None:
    public = free_port()
    async with desk(postgres_url, tmp_path) as work:
        # Whoever keeps the webhook tells Telegram its own view of it: told apart by the address.
        first = await work.hire(env=settings(free_port(), public=public))
        second = await work.hire(env=settings(free_port()))
        assert [call.params["url"] for call in work.api.of("setWebhook")] == [
            f"http://127.0.0.1:{public}/telegram"
        ]
        async with Carrier([first.url, second.url], work.history) as carrier:

            async def bring(number: int) -> None:
                work.delivered += 1
                await carrier.bring(message(number, str(number), user=number % CHATS + 1))

            await asyncio.gather(*(bring(number) for number in range(1, 61)))
            await work.kill(first)
            await asyncio.gather(*(bring(number) for number in range(61, 121)))
            await until(
                lambda: len(work.api.of("setWebhook")) == 2, seconds=max(10, harness.within(10))
            )
            await work.finished(seconds=harness.within(60))
        await work.check(ordered=False)
