"""The example package, installed with pip as its author would publish it."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.host.discovery import discover
from playground.client import Person
from tests.conftest import SettingsFactory
from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    bot_environment,
    clean_environment,
    get_json,
)
from tests.support.servers import HOST, Postgres

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


@pytest.mark.timeout(180)
def test_its_own_tests_pass_where_it_is_installed(site: Path) -> None:
    _its_tests_pass(site)


@pytest.mark.timeout(180)
def test_its_own_tests_pass_on_postgresql(site: Path, postgres: Postgres) -> None:
    postgres.sql("ALTER ROLE plugram CREATEDB")
    server = f"postgresql://plugram:plugram@{HOST}:{postgres.port}/postgres"
    _its_tests_pass(site, "tests/test_chat.py", "--plugram-postgres", server)


def _its_tests_pass(site: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
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
    assert list(facts["tables"]) == ["birthdays_birthday"]
    assert PACKAGE not in done.stderr


# -- to be published ------------------------------------------------------------------------------


@pytest.fixture
def importable(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_it_could_be_published(importable: None, settings_factory: SettingsFactory) -> None:
    from core.host.loader import Loader

    loader = Loader(settings_factory())
    [candidate] = [one for one in discover([]) if one.id == "birthdays"]
    assert loader.check(candidate) == []


# -- in a chat ------------------------------------------------------------------------------------

CARD = b"BEGIN:VCARD\r\nFN:Ann Marmalade\r\nTEL:+34600\r\nBDAY:%s\r\nEND:VCARD\r\n"


@pytest.fixture
def bot(
    site: Path, tmp_path: Path, data_dir: Path, sqlite_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=sqlite_url
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
