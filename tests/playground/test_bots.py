"""Bots of others run unchanged, as programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from playground import Playground, Running
from playground.client import NoReply, Person
from playground.server import listen
from tests.playground.conftest import ANN
from tests.playground.pictures import png

BOTS = Path(__file__).with_name("bots")
SLOW = 40
"""Seconds in which a library is imported on a busy machine."""

Start = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def start(running: Running, tmp_path: Path) -> Start:
    """Runs a bot for as long as the context lasts."""

    @contextmanager
    def run(name: str, *arguments: str) -> Iterator[None]:
        env = os.environ | {"API_URL": running.url, "BOT_TOKEN": running.token}
        log = tmp_path / f"{name}.log"
        with log.open("w") as output:
            command = [sys.executable, str(BOTS / name), *arguments]
            bot = subprocess.Popen(command, env=env, stdout=output, stderr=output)
            try:
                yield
            except NoReply as error:
                error.add_note(log.read_text())
                raise
            finally:
                bot.terminate()
                bot.wait(10)

    return run


async def try_aiogram(client: Playground, ann: Person) -> None:
    """What the bot of aiogram does, however its updates come."""
    await ann.start("boris")
    assert (await ann.wait_reply(timeout=SLOW))["text"] == "Invited by boris"
    await ann.start()
    await ann.wait_reply(contains="name")
    await ann.send("Ann of Green Gables")
    await ann.wait_reply(contains="number")
    await ann.press("My number")
    assert (await ann.wait_reply())["text"] == f"Ann of Green Gables: +999{ANN:010d}"

    await ann.send("/count")
    menu = await ann.wait_reply(contains="Press")
    assert (await ann.click(menu, "Count 0", wait=10) or {})["text"] == "That's 1"
    counted = await ann.wait_edit(menu)
    assert counted["reply_markup"]["inline_keyboard"][0][0]["text"] == "Count 1"

    await ann.album([png(120, 80), png(80, 120)], caption="two")
    first, second = await ann.wait_reply(), await ann.wait_reply()
    assert first["media_group_id"] == second["media_group_id"]
    assert [size["width"] for size in first["photo"]] == [90, 120]

    family = await client.group("Family", members=["ann", "boris"])
    assert (await family.wait_reply())["text"] == "Thanks, Ann!"
    boris = family.person("boris")
    results = await boris.inline("@playground_bot hello")
    sent = await results.choose("HELLO")
    await boris.click(sent, "Count 0", wait=10)
    await boris.wait_edit(sent)


@pytest.mark.slow
async def test_aiogram_polls(client: Playground, ann: Person, start: Start) -> None:
    await client.api("deleteWebhook", drop_pending_updates=True)
    with start("with_aiogram.py"):
        await try_aiogram(client, ann)


@pytest.mark.slow
async def test_aiogram_takes_a_webhook(client: Playground, ann: Person, start: Start) -> None:
    await client.api("deleteWebhook", drop_pending_updates=True)
    sock = listen("127.0.0.1", 0, strict=True)
    port = sock.getsockname()[1]
    sock.close()
    with start("with_aiogram.py", str(port)):
        await try_aiogram(client, ann)
    assert (await client.api("getWebhookInfo"))["url"].endswith(f":{port}/hook")


@pytest.mark.slow
async def test_python_telegram_bot(client: Playground, ann: Person, start: Start) -> None:
    with start("with_ptb.py"):
        await ann.send("/order")
        await ann.wait_reply(contains="size", timeout=SLOW)
        await ann.press("Large")
        await ann.wait_reply(contains="photo")
        picture = png(40, 30)
        await ann.upload(picture, name="x.png", as_="photo")
        await ann.wait_reply(contains="Where")
        await ann.share(location={"latitude": 48.1, "longitude": 11.6})
        assert (await ann.wait_reply())["text"] == f"Large, {len(picture)} bytes, to 48.1"

        await ann.send("/menu")
        menu = await ann.wait_reply(contains="Choose")
        await ann.click(menu, "Option 2")
        await ann.wait_edit(menu, contains="Option 2 it is")

        await ann.send("/poll")
        poll = await ann.wait_reply(where=lambda message: "poll" in message)
        await ann.vote(poll, "No")
        await ann.wait_reply(contains="Ann voted [1]")

        results = await ann.inline("slanted")
        assert (await results.choose("Italic"))["entities"][0]["type"] == "italic"
