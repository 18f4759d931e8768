"""The example package, installed with pip as its author would publish it."""

from __future__ import annotations

import ast
import asyncio
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.host.discovery import discover
from playground.client import Person
from plugram import Scope
from tests.conftest import SettingsFactory
from tests.support.host import Host, host, only
from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    bot_environment,
    clean_environment,
    get_json,
)

SOURCE = ROOT / "examples" / "plugram-birthdays"
PACKAGE = "plugram_birthdays"


def pip() -> list[str]:
    """A pip, or uv's: an environment that uv made has no pip of its own."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    uv = shutil.which("uv")
    assert uv, "neither pip nor uv is there"
    return [uv, "pip", "install", "--python", sys.executable]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package was installed to, beside a copy of its source."""
    folder = tmp_path_factory.mktemp("birthdays")
    source, target = folder / "source", folder / "site"
    shutil.copytree(SOURCE, source)
    arguments = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip(), *arguments, str(source)], check=True, capture_output=True)
    return target


def test_it_imports_nothing_of_the_host_but_its_door() -> None:
    hosts = {"core", "plugins", "playground", "settings"}
    for path in sorted((SOURCE / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert hosts.isdisjoint(name.partition(".")[0] for name in names), path


def test_its_own_tests_pass_where_it_is_installed(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=site.parent / "source",
        env=clean_environment() | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_knows_it_without_importing_it(site: Path, tmp_path: Path) -> None:
    env = clean_environment() | {"PYTHONPATH": str(site), "PLUGRAM_ROOT": str(tmp_path)}
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "core",
            "plugins",
            "info",
            "birthdays",
            "--json",
        ],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(done.stdout)
    assert facts["state"] == "on"
    assert facts["source"] == "plugram-birthdays 1.0.0"
    assert facts["tables"] == ["birthdays_birthday"]
    assert PACKAGE not in done.stderr


# -- in a host ------------------------------------------------------------------------------------


@pytest.fixture
def importable(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
async def birthdays(
    importable: None, settings_factory: SettingsFactory, database_url: str
) -> AsyncIterator[Host]:
    settings = settings_factory(database__url=database_url, plugins__birthdays__hour=0, **only())
    async with host(settings) as made:
        yield made


def test_it_could_be_published(importable: None, settings_factory: SettingsFactory) -> None:
    from core.host.loader import Loader

    loader = Loader(settings_factory())
    [candidate] = [one for one in discover([]) if one.id == "birthdays"]
    assert loader.check(candidate) == []


async def test_whoever_has_a_birthday_today_is_reminded_of_once(birthdays: Host) -> None:
    service = importlib.import_module(f"{PACKAGE}.service")
    ctx = birthdays.ctx("birthdays")
    today = datetime.now(UTC).date()
    queued: list[int] = []

    async def enqueue(birthday_id: int, scope: str) -> None:
        assert scope == "u:5"
        queued.append(birthday_id)

    dates = importlib.import_module(f"{PACKAGE}.dates")
    scope = Scope.user(5)
    for shift in (-1, 0, 1, 40):
        day = today + timedelta(days=shift)
        async with ctx.transaction(scope):
            born = dates.Day(day.month, day.day, 1990)
            await service.remember(scope, 5, 5, f"{shift}", born)
    assert await service.find_due(ctx, enqueue) == 1
    assert await service.find_due(ctx, enqueue) == 0
    assert len(queued) == 1
    person = await birthdays.people.get(5)
    coming = await service.upcoming(ctx, scope, person)
    assert [one.name for one in coming] == ["0", "1", "40"]
    assert coming[0].age == today.year - 1990
    assert await service.upcoming(ctx, Scope.user(6), person) == []


async def test_a_reminder_comes_when_it_is_morning_there(birthdays: Host) -> None:
    service = importlib.import_module(f"{PACKAGE}.service")
    dates = importlib.import_module(f"{PACKAGE}.dates")
    ctx = birthdays.ctx("birthdays")
    # In one of these places it is another day than in the other, at every moment.
    for user, zone in ((1, "Etc/GMT-14"), (2, "Etc/GMT+12")):
        await birthdays.people.set_timezone(user, zone)
    here = datetime.now(UTC) + timedelta(hours=14)
    for user in (1, 2):
        async with ctx.transaction(Scope.user(user)):
            born = dates.Day(here.month, here.day)
            await service.remember(Scope.user(user), user, user, "Ann", born)
    queued: list[str] = []

    async def enqueue(birthday_id: int, scope: str) -> None:
        queued.append(scope)

    await service.find_due(ctx, enqueue)
    assert queued == ["u:1"]


async def test_health_tells_when_nobody_looks_any_more(birthdays: Host) -> None:
    ctx = birthdays.ctx("birthdays")
    [check] = birthdays.plugin("birthdays").parts.health_checks
    assert (await check.check()).ok
    await ctx.cache.set("last_search", 1.0)
    answer = await check.check()
    assert not answer.ok
    assert answer.degraded
    assert answer.hint == "is a worker running?"


# -- in a chat ------------------------------------------------------------------------------------

CARD = b"BEGIN:VCARD\r\nFN:Ann Marmalade\r\nTEL:+34600\r\nBDAY:%s\r\nEND:VCARD\r\n"


@pytest.fixture
def bot(
    site: Path, tmp_path: Path, data_dir: Path, database_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=database_url
    )
    process.env |= {"PYTHONPATH": str(site), "PLUGRAM_PLUGINS__BIRTHDAYS__DAYS_AHEAD": "10"}
    process.start()
    yield process
    process.terminate()


async def test_a_contact_card_is_read_remembered_and_found(
    bot: Bot, playground: PlaygroundProcess
) -> None:
    ann: Person = playground.client.user("ann")
    await ann.send("/start")
    greeting = (await ann.wait_reply())["text"]
    assert "Send me contact cards" in greeting
    assert "/birthdays — The next birthdays" in greeting
    await ann.send("/birthdays")
    await ann.wait_reply(contains="No birthday is near")

    soon = datetime.now(UTC) + timedelta(days=1)
    await ann.upload(CARD % soon.strftime("1990-%m-%d").encode(), name="contacts.vcf")
    await ann.wait_reply()
    line = await _line(ann, "Ann Marmalade")
    assert f"turns {soon.year - 1990}" in line
    assert "tomorrow" in line
    assert str(soon.day) in line

    await ann.send(f"/birthday {soon.day}.{soon.month} Bob")
    await ann.wait_reply(contains="I will remember the birthday of Bob")
    await ann.send("/birthday never Bob")
    await ann.wait_reply(contains="Write the day and the name")
    assert "Bob, tomorrow" in await _line(ann, "Bob")

    status, body = get_json(f"{bot.url}/readyz")
    assert status == 200
    checks: dict[str, Any] = {check["name"]: check for check in body["checks"]}
    assert checks["birthdays.reminders"]["ok"] or "health" in checks["birthdays.reminders"]


async def _line(ann: Person, name: str) -> str:
    """The line of /birthdays with this name, once it is there."""
    for _ in range(30):
        await ann.send("/birthdays")
        text: str = (await ann.wait_reply())["text"]
        for line in text.splitlines():
            if name in line:
                return line
        await asyncio.sleep(0.5)
    raise AssertionError(text)
