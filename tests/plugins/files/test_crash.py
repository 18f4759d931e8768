"""A bot that is killed in the middle: every file comes to its end, once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.client import Person, text_of
from tests.plugins.documents.samples import pdf
from tests.support.host import only
from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    bot_environment,
    clean_environment,
)


@pytest.fixture
def bot(
    tmp_path: Path, data_dir: Path, database_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=database_url
    )
    process.env |= {
        "PLUGRAM_PLUGINS__FILES__EDIT_PAUSE": "0.05",
        "PLUGRAM_PLUGINS__FILES__BATCH_FROM": "100",
        "PLUGRAM_OUTGOING__PER_CHAT_PER_SECOND": "30",
        "PLUGRAM_JOBS__LEASE": "2",
        "PLUGRAM_JOBS__HEARTBEAT": "0.5",
    }
    for name, value in only("files", "storage", "documents").items():
        process.env[f"PLUGRAM_{name.upper()}"] = str(value).lower()
    process.start()
    yield process
    process.terminate()


@pytest.fixture
def ann(bot: Bot, playground: PlaygroundProcess) -> Person:
    return playground.client.user("ann")


def plugram(bot: Bot, *arguments: str) -> str:
    """The output of a command beside the running bot."""
    ran = subprocess.run(
        [sys.executable, "-m", "core", *arguments],
        cwd=ROOT,
        env=clean_environment() | bot.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def listed(bot: Bot, *arguments: str) -> Any:
    return json.loads(plugram(bot, "files", *arguments, "--json"))


async def test_a_killed_bot_loses_no_file(bot: Bot, ann: Person, tmp_path: Path) -> None:
    for number in range(8):
        lines = [f"Whales, number {number}"]
        await ann.upload(pdf(tmp_path / f"{number}.pdf", [lines]))
        if number == 5:
            bot.kill()
    await asyncio.to_thread(bot.start)
    async with asyncio.timeout(60):
        while not all("✅" in text for text in await final_texts(ann)):
            await asyncio.sleep(0.3)
    found = await asyncio.to_thread(listed, bot, "list")
    assert sorted(one["name"] for one in found) == [f"{number}.pdf" for number in range(8)]
    assert {one["stage"] for one in found} == {"processed"}


async def final_texts(ann: Person) -> list[str]:
    """Of each file the newest message that tells of it: a kill may have cost one its answer's
    follower, since a reply goes before the commit."""
    newest: dict[str, str] = {}
    for message in await ann.messages():
        text = text_of(message)
        if message["from"]["is_bot"] and ".pdf" in text:
            newest[text.split("\n")[0]] = text
    assert len(newest) <= 8
    return [*newest.values(), *("" for _ in range(8 - len(newest)))]


async def test_operators_see_files_and_have_them_read_anew(
    bot: Bot, ann: Person, tmp_path: Path
) -> None:
    sent = await ann.upload(pdf(tmp_path / "a.pdf", [["Whales"]], title="On whales"), caption="c")
    told = await ann.wait_reply()
    await ann.wait_text(told, "✅", timeout=30)
    (one,) = await asyncio.to_thread(listed, bot, "list", "--user", str(sent["from"]["id"]))
    assert (one["name"], one["state"], one["kind"]) == ("a.pdf", "processed", "documents")
    assert await asyncio.to_thread(listed, bot, "list", "--user", "1") == []
    shown = await asyncio.to_thread(listed, bot, "show", "1")
    assert (shown["title"], shown["pages"], shown["caption"]) == ("On whales", 1, "c")
    table = await asyncio.to_thread(plugram, bot, "files", "list")
    assert "a.pdf" in table
    pairs = await asyncio.to_thread(plugram, bot, "files", "show", "1")
    assert "On whales" in pairs
    await asyncio.to_thread(plugram, bot, "files", "reprocess", "1")
    async with asyncio.timeout(30):
        while (await asyncio.to_thread(listed, bot, "show", "1"))["state"] != "processed":
            await asyncio.sleep(0.2)
    with pytest.raises(AssertionError, match="no file 99"):
        await asyncio.to_thread(plugram, bot, "files", "show", "99")
