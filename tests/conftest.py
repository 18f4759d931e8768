"""Fixtures that every test may use. Servers are real; see tests/support."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.support.servers import Postgres, Valkey, sweep

if TYPE_CHECKING:
    from core.config import Settings


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
def settings_factory(data_dir: Path) -> SettingsFactory:
    """`settings_factory(database__url=…, jobs__slots=2)`; nothing comes from the environment."""

    def build(**overrides: object) -> Settings:
        from core import config

        env = {"PLUGRAM_DATA_DIR": str(data_dir)}
        env |= {f"PLUGRAM_{key.upper()}": _written(value) for key, value in overrides.items()}
        return config.load(env=env)

    return build


def _written(value: Any) -> str:
    """A value as an environment variable holds it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, default=str)
