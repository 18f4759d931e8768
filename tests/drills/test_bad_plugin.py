"""Plugins that can't be imported, start for ever, want another host, raise, leak, or hold the event
loop: the core is ready in time, nobody else notices, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.core.mail import until
from tests.drills import harness
from tests.drills.harness import form
from tests.drills.notebook import PLUGIN, Desk, desk
from tests.support.bot_api import message
from tests.support.processes import Bot

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(form(400, 200))]

BROKEN = ("import_error", "wrong_api", "slow_start")
ROUNDS = form(5, 1)
READY_WITHIN = 10.0
NAMED_WITHIN = 2.0
PAUSE = 3.0


class SafeBot(Bot):
    def arguments(self) -> list[str]:
        return ["run", "--safe-mode"]


def environment(folder: Path) -> dict[str, str]:
    bad = [str(folder / f"{name}.py") for name in (*BROKEN, "brute")]
    return {
        "PLUGRAM_PLUGINS__PATHS": json.dumps([str(PLUGIN), *bad]),
        "PLUGRAM_HOOKS__START_TIMEOUT": str(harness.within(form(8, 4))),
        "PLUGRAM_HOOKS__BREAKER_PAUSE": str(PAUSE),
    }


async def say(work: Desk, text: str) -> int:
    """A message to the brute, with the next number."""
    work.delivered += 1
    number = work.delivered
    work.history.note("sent", number, text=text)
    await work.api.deliver(message(number, text, user=900 + number))
    return number


def lines(bot: Bot, *wanted: str) -> list[dict[str, Any]]:
    """The bot's log lines with all of these in them."""
    return [
        json.loads(line)
        for line in bot.logs().splitlines()
        if line.startswith("{") and all(want in line for want in wanted)
    ]


def at(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


async def test_bad_plugins_harm_nobody(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, seed=18) as work:
        began = time.monotonic()
        bot = await work.hire(env=environment(PLUGIN.parent))
        ready = time.monotonic() - began
        assert ready <= harness.within(READY_WITHIN)
        for name in BROKEN:
            assert lines(bot, "plugin quarantined", name), f"nobody said what is wrong with {name}"
        await work.deliver(20, chats=5)
        await until(lambda: enough(work, 20), seconds=harness.within(20))

        figures: dict[str, float] = {"ready": round(ready, 1)}
        for _ in range(ROUNDS):
            await raises(work, bot)
            await leaks(work)
            figures["named"] = await blocks(work, bot)
        await until(lambda: all_ended(work), seconds=harness.within(30))
        await work.write_down()
        work.history.all("effect", await handled(work))
        work.history.check(faults=2 * ROUNDS)
        work.history.note("figure", **figures)


async def enough(work: Desk, number: int) -> bool:
    return await work.effects() >= number


async def all_ended(work: Desk) -> bool:
    rows = await work.db.fetch("SELECT update_id FROM core_inbox WHERE status IN (1, 2)")
    return len(rows) >= work.delivered


async def raises(work: Desk, bot: Bot) -> None:
    """Three updates that it fails at, three times each: they are set aside, its breaker is open."""
    before = len(lines(bot, "plugin paused", "brute"))
    for _ in range(3):
        await say(work, "brute raise")
    work.history.note("fault", why="it raises")
    await work.deliver(10, chats=5)

    async def paused() -> bool:
        return len(lines(bot, "plugin paused", "brute", "ValueError: as told")) > before

    await until(paused, seconds=harness.within(20))
    assert "after 3 failures" in lines(bot, "plugin paused", "brute")[-1]["reason"]
    await recovered()


async def leaks(work: Desk) -> None:
    for _ in range(3):
        await say(work, "brute leak")
    await work.deliver(5, chats=5)


async def blocks(work: Desk, bot: Bot) -> float:
    """Seconds from its letting go until it is named and paused."""
    before = len(lines(bot, "plugin paused", "brute", "holding the event loop"))
    await say(work, "brute block")
    work.history.note("fault", why="it holds the loop")
    await work.deliver(20, chats=5, pause=0.1)

    async def paused() -> bool:
        return len(lines(bot, "plugin paused", "brute", "holding the event loop")) > before

    await until(paused, seconds=harness.within(20))
    named = lines(bot, "a plugin holds the event loop")[-1]
    assert named["plugin"] == "brute"
    assert "brute.py:" in named["at"]
    assert named["at"].endswith(" in act")
    held = at(lines(bot, "let go")[-1])
    took = at(lines(bot, "plugin paused", "holding the event loop")[-1]) - held
    assert took <= harness.within(NAMED_WITHIN)
    await recovered()
    return round(max(took, at(named) - held), 2)


async def recovered() -> None:
    """The pause is over."""
    await asyncio.sleep(PAUSE + 0.2)


async def handled(work: Desk) -> list[int]:
    """The messages that the brute took and was done with."""
    told = [event.id for event in work.history.read("sent") if event.facts.get("text")]
    aside = {
        row["update_id"]
        for row in await work.db.fetch("SELECT update_id FROM core_inbox WHERE status = 2")
    }
    return [number for number in told if number not in aside]


async def test_safe_mode_starts_without_them(sqlite_url: str, tmp_path: Path) -> None:
    async with desk(sqlite_url, tmp_path, seed=18) as work:
        env = environment(PLUGIN.parent) | {"PLUGRAM_PLUGINS__REQUIRED": ""}
        bot = await work.hire(SafeBot, env=env)
        assert lines(bot, '"ready"')[-1]["plugins"] == []
