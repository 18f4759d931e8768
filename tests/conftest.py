"""Fixtures that every test may use. Servers are real; see tests/support."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.support.processes import Bot, PlaygroundProcess, bot_environment
from tests.support.servers import S3, Postgres, Valkey, sweep

if TYPE_CHECKING:
    from core.config import Settings


IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """A test module that imports aiogram gets it deferred, as the bot does: 2 s saved."""
    if b"import aiogram" in (source := module_path.read_bytes()) or b"from aiogram" in source:
        from core import aio

        aio.load()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything is installed, so a test that skips has failed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, and in CI nothing may skip: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself as a whole."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"Skipped, and in CI nothing may skip: {report.longrepr}"
    return report


class SettingsFactory(Protocol):
    """Builds settings from the defaults and `section__key=value` overrides."""

    def __call__(self, **overrides: object) -> Settings: ...


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The worker's PostgreSQL. A test that stops it makes one of its own: `Postgres()`."""
    sweep()
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The worker's Redis. A test that stops it makes one of its own: `Valkey()`."""
    server = Valkey()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """The worker's S3 server. A test that stops it makes one of its own: `S3()`."""
    server = S3()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty folder for what the bot keeps."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that doesn't exist yet."""
    return f"sqlite:///{tmp_path / 'plugram.db'}"


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped after the test."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The URL of an empty Redis."""
    valkey.command(b"FLUSHALL")
    return valkey.url


@pytest.fixture
def settings_factory(tmp_path: Path, data_dir: Path) -> SettingsFactory:
    """`settings_factory(database__url=…, jobs__slots=2)`; nothing else is read but the defaults."""

    def build(**overrides: object) -> Settings:
        from core import config

        env = {"PLUGRAM_DATA_DIR": str(data_dir)}
        env |= {f"PLUGRAM_{key.upper()}": _written(value) for key, value in overrides.items()}
        return config.load(env=env, root=tmp_path)

    return build


def _written(value: object) -> str:
    """A value as an environment variable holds it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


@pytest.fixture
def playground(tmp_path: Path) -> Iterator[PlaygroundProcess]:
    """A running playground of the test's own: `playground.client.user("ann")` talks to the bot."""
    process = PlaygroundProcess(tmp_path / "playground.log")
    process.start()
    yield process
    process.kill()


@pytest.fixture
def bot(
    tmp_path: Path, data_dir: Path, database_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    """A ready `plugram run` beside the playground, once on SQLite and once on PostgreSQL.

    `bot.kill()` and `bot.start()` again is a crash; `bot.env` holds its variables.
    """
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=database_url
    )
    process.start()
    yield process
    process.terminate()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; the test skips where there is none (CI installs it)."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"no browser in PATH: {', '.join(names)}")
