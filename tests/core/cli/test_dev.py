"""`plugram dev` as a developer uses it: talk, change code, talk on."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli.dev import syntax_error
from playground.client import Person, Playground
from tests.drills.harness import within
from tests.support.processes import ROOT, clean_environment
from tests.support.servers import free_port, spawn, stop, wait_until

PLUGIN = """
manifest = {
    "id": "echo", "version": "1", "summary": "Answers", "api": ">=1,<2",
    "commands": {"hello": "Say hello"},
}
import plugram

@plugram.hookimpl
def routers(ctx):
    from aiogram import Router
    from aiogram.filters import Command

    router = Router()

    @router.message(Command("hello"))
    async def hello(message):
        await message.answer("WORD")

    return [router]
"""


class Dev:
    """A running `plugram dev` in a folder of its own."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.plugin = root / "mine" / "echo.py"
        self.plugin.parent.mkdir()
        self.say("one")
        self.port = free_port()
        self.log = root / "said"
        environment = clean_environment() | {
            "PLUGRAM_ROOT": str(root),
            "PLUGRAM_PLUGINS__PATHS": str(self.plugin.parent),
            "PLUGRAM_WEB__PORT": "0",
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("wb") as log:
            program = ROOT / ".venv/bin/plugram"
            command = ("dev", "--port", str(self.port), *arguments)
            self.process = spawn(program, *command, log=log, env=environment, cwd=root)

    def say(self, word: str) -> None:
        """Change what the plugin answers."""
        self.plugin.write_text(PLUGIN.replace("WORD", word))

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, timeout: float = 30) -> None:
        try:
            wait_until(lambda: text in self.said, what=f"dev to say {text!r}", timeout=timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it said:\n{self.said}") from None

    @property
    def playground(self) -> Playground:
        self.wait_for("Playground: ")
        found = re.search(r"^Playground: (http://127\.0\.0\.1:\d+)/$", self.said, re.MULTILINE)
        assert found
        return Playground(found[1])

    async def talk(self) -> Person:
        """Somebody new, who owns nothing: the bot tells its owner things unasked."""
        return await self.playground.add_user("Zoe")

    def family(self) -> set[int]:
        """Process ids of it and all below it."""
        found = {self.process.pid}
        while more := {pid for pid, parent in parents().items() if parent in found} - found:
            found |= more
        return found


def parents() -> dict[int, int]:
    """Process → its parent, of all that live. From /proc: the tests run on Linux."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended meanwhile
        if state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    running = Dev(tmp_path)
    yield running
    stop(running.process, signal.SIGTERM, patience=10)


async def answer(person: Person) -> str:
    await person.send("/hello")
    return str((await person.wait_reply(timeout=20))["text"])


async def answer_becomes(person: Person, word: str) -> float:
    """Seconds until the bot answers this. Asked while the old one may still be there: nothing that
    was sent is lost."""
    started = time.monotonic()
    async with asyncio.timeout(20):
        while await answer(person) != word:
            pass
    return time.monotonic() - started


async def test_a_change_is_seen_and_the_conversation_goes_on(dev: Dev) -> None:
    zoe = await dev.talk()
    assert f"Playground: http://127.0.0.1:{dev.port}/\n" in dev.said
    assert await answer(zoe) == "one"
    before = dev.family()

    seconds = []
    for word in ("two", "three"):
        dev.say(word)
        seconds.append(await answer_becomes(zoe, word))
    assert min(seconds) <= within(3.0), seconds

    texts = [message.get("text") for message in await zoe.messages()]
    assert texts.index("one") < texts.index("two") < texts.index("three")
    # Playground and host stayed; of the processes only the bot was replaced.
    assert len(before - dev.family()) == 1


async def test_a_syntax_error_is_told_and_the_next_change_heals_it(dev: Dev) -> None:
    zoe = await dev.talk()
    assert await answer(zoe) == "one"
    dev.plugin.write_text("def broken(:\n")
    dev.wait_for("echo.py:1: ")
    dev.wait_for("waiting for the next change")
    assert await answer(zoe) == "one"  # the bot before the change is still there
    dev.say("healed")
    dev.wait_for("restarting")
    await answer_becomes(zoe, "healed")


async def test_stopping_leaves_no_process(dev: Dev) -> None:
    assert await answer(await dev.talk()) == "one"
    family = dev.family()
    assert len(family) >= 4  # itself, host, bot, playground
    told = len(dev.said)
    os.kill(dev.process.pid, signal.SIGINT)
    assert dev.process.wait(15) == 0, dev.said
    wait_until(lambda: not family & parents().keys(), what="all to end")
    assert "Traceback" not in dev.said[told:]


def test_killing_it_leaves_no_process(dev: Dev) -> None:
    dev.wait_for('"ready"')
    family = dev.family()
    dev.process.kill()
    wait_until(lambda: not family & parents().keys(), what="all to end")


def test_a_second_bot_on_the_same_data_is_refused(dev: Dev) -> None:
    dev.wait_for('"ready"')
    environment = clean_environment() | {
        "PLUGRAM_ROOT": str(dev.root),
        "PLUGRAM_ENV": "development",
        "BOT_TOKEN": "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr",
        "TELEGRAM_API_BASE": "http://127.0.0.1:9",
        "PLUGRAM_WEB__PORT": "0",
    }
    done = subprocess.run(
        [ROOT / ".venv/bin/plugram", "run"],
        env=environment,
        cwd=dev.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"works in {dev.root / 'data-plugram_development'}" in done.stderr
    assert "PLUGRAM_DATA_DIR" in done.stderr


def test_broken_settings_are_told_and_mended(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[default.jobs]\nslot = 1\n")
    dev = Dev(tmp_path)
    try:
        dev.wait_for("did you mean jobs.slots?")
        dev.wait_for("waiting for a change")
        (tmp_path / "settings.toml").write_text("[default.jobs]\nslots = 1\n")
        dev.wait_for('"ready"')
    finally:
        stop(dev.process, signal.SIGTERM, patience=10)


def test_live_needs_a_token(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / ".venv/bin/plugram", "dev", "--live"],
        env=clean_environment() | {"PLUGRAM_ROOT": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "BOT_TOKEN" in done.stderr


@pytest.mark.parametrize(
    ("source", "told"),
    [("x = 1\n", ""), ("x = (\n", ":1: "), ("def f():\nreturn\n", ":2: "), ("x = '\0'\n", ": ")],
)
def test_syntax_errors_are_found_without_running_code(
    tmp_path: Path, source: str, told: str
) -> None:
    path = tmp_path / "plugin.py"
    path.write_text(source)
    assert bool(syntax_error(path)) == bool(told)
    assert told in syntax_error(path)
    assert syntax_error(tmp_path / "gone.py") == ""
