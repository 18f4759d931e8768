"""A whole bot with all rooms that keep something of people, on both databases; on PostgreSQL with
Redis too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from core.app import App
from core.config import Settings
from playground.client import Person
from plugins.privacy.service import Privacy, of
from tests.conftest import SettingsFactory
from tests.support.host import only
from tests.support.processes import PlaygroundProcess

ROOMS = ("files", "storage", "documents", "search", "menu", "privacy")


@pytest.fixture
def settings(
    request: pytest.FixtureRequest,
    settings_factory: SettingsFactory,
    playground: PlaygroundProcess,
    database_url: str,
) -> Settings:
    redis = database_url.startswith("postgres")
    return settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        database__url=database_url,
        redis__url=request.getfixturevalue("redis_url") if redis else "",
        web__enabled=False,
        plugins__files__edit_pause=0.05,
        outgoing__per_chat_per_second=30,
        http__retries=1,
        http__backoff_base=1,
        jobs__backoff_base=1,
        jobs__in_process="always",
        hooks__start_timeout=60,  # of a machine that does much else
        **only(*ROOMS),
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    """Polls, handles, works."""
    async with App(settings, "all").serving() as serving:
        yield serving


@pytest.fixture
def ann(playground: PlaygroundProcess) -> Person:
    return playground.client.user("ann")


@pytest.fixture
def boris(playground: PlaygroundProcess) -> Person:
    return playground.client.user("boris")


def privacy_of(app: App) -> Privacy:
    plugin = app.loader.report.find("privacy")
    assert plugin is not None, app.loader.report.quarantined
    return of(plugin.ctx)


async def until(found: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """What `found` gives once it is true."""
    async with asyncio.timeout(seconds):
        while not (value := await found()):
            await asyncio.sleep(0.05)
    return value


async def sent(person: Person, content: bytes, name: str, **fields: Any) -> dict[str, Any]:
    """A file that is searchable, as somebody's message."""
    message = await person.upload(content, name=name, **fields)
    told = await person.wait_reply(contains=name, timeout=40)
    await person.wait_text(told, "✅", timeout=60)
    return message
