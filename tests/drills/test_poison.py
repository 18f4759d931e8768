"""An update that no handler can take: tried three times, set aside, and its chat goes on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.core.mail import until
from tests.drills import harness
from tests.drills.carrier import Carrier, settings
from tests.drills.notebook import Desk, desk
from tests.support.bot_api import message
from tests.support.processes import ROOT
from tests.support.servers import free_port

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(120)]

POISON = "not a number"


async def updates(work: Desk, *command: str) -> tuple[int, Any]:
    """`plugram updates …` beside the live bot: its status, its JSON."""
    process = await asyncio.create_subprocess_exec(
        *(str(ROOT / ".venv/bin/plugram"), "updates", *command, "--json"),
        env={"PATH": os.environ["PATH"], **work.bots[0].env},
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, json.loads(out)


async def test_a_poison_is_set_aside_and_can_be_retried(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as work:
        await work.hire()
        began = time.monotonic()
        await work.api.deliver(message(1, POISON, user=5), message(2, "2", user=5))
        await until(lambda: "noted 2" in work.api.texts(5))
        work.history.note("next", seconds=round(time.monotonic() - began, 2))
        assert time.monotonic() - began <= harness.within(2)
        status, told = await updates(work, "aside")
        assert status == 0
        assert told["counts"] == {"waiting": 0, "set aside": 1}
        (aside,) = told["updates"]
        assert (aside["update"], aside["kind"], aside["chat"], aside["tries"]) == (
            1,
            "message",
            5,
            3,
        )
        assert "ValueError" in aside["error"]
        assert POISON not in json.dumps({**aside, "error": ""})
        excuses = [text for text in work.api.texts(5) if "noted" not in text]
        assert len(excuses) == 1
        assert aside["trace"] in excuses[0]

        assert await updates(work, "retry", "1", "77") == (1, {"retried": 1, "refused": [77]})
        await until(lambda: len(work.api.texts(5)) == 3)
        _, told = await updates(work, "aside")
        assert [row["tries"] for row in told["updates"]] == [3]
        await work.api.deliver(message(3, "3", user=5))
        await until(lambda: "noted 3" in work.api.texts(5))


async def all_done(work: Desk) -> bool:
    return not await work.db.fetch("SELECT 1 FROM core_inbox WHERE status IN (0, 3)")


async def test_a_poison_that_was_brought_is_taken_all_the_same(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Telegram hears 200 at once: a refusal would hold up the chat until it gives up."""
    async with desk(sqlite_url, tmp_path) as work:
        bot = await work.hire(env=settings(free_port()))
        async with Carrier([bot.url], work.history) as carrier:
            work.delivered = 2
            await carrier.bring(message(1, POISON, user=5))
            await carrier.bring(message(2, "2", user=5))
            began = time.monotonic()
            assert carrier.refused == 0
            await until(lambda: "noted 2" in work.api.texts(5))
            assert time.monotonic() - began <= harness.within(2)
        await until(lambda: all_done(work))  # rows are written a moment after their answers
        await work.write_down()
        work.history.check()
        (ended,) = (one for one in work.history.read("ended") if one.id == 1)
        assert ended.facts["state"] == "set aside"
