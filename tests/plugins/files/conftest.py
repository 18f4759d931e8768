"""A whole bot in the test's process, on both databases, in front of a real Bot API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.app import App
from core.config import Settings
from playground.client import Person
from plugins.files import repository
from plugins.files.models import TelegramFile
from plugins.files.service import Files, of
from plugram import SYSTEM
from tests.core.kit import write_room
from tests.support.host import only
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all

EARS = """
    import plugram

    stored, processed, news = [], [], []
    deaf = False

    @plugram.hookimpl
    async def on_file_stored(file):
        stored.append(file)

    @plugram.hookimpl
    async def on_file_processed(ctx, file, extraction):
        if deaf:
            raise RuntimeError("deaf")
        processed.append((file, extraction))
        await ctx.hooks.emit(
            plugram.hooks.on_file_searchable,
            file_id=file.id, scope_key=file.scope.key, words=True, meaning=False,
        )

    def heard(what, file):
        if deaf:
            raise RuntimeError("deaf")
        news.append((what, file))

    @plugram.hookimpl
    async def on_file_changed(file):
        heard("changed", file)

    @plugram.hookimpl
    async def on_file_trashed(file):
        heard("trashed", file)

    @plugram.hookimpl
    async def on_file_restored(file):
        heard("restored", file)

    @plugram.hookimpl
    async def on_file_deleted(file):
        heard("deleted", file)

    @plugram.hookimpl
    async def file_leftovers(file_ids, fix):
        return [f"ears: file {file.id}" for what, file in news if file.id not in file_ids]
"""
"""A plugin that listens, and makes searchable what it hears."""


@pytest.fixture
def settings(
    tmp_path: Path,
    settings_factory: Callable[..., Settings],
    playground: PlaygroundProcess,
    database_url: str,
) -> Settings:
    write_room(tmp_path / "mine", "ears", {"__init__.py": EARS})
    return settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        database__url=database_url,
        web__enabled=False,
        plugins__paths=["mine"],
        plugins__files__edit_pause=0.05,
        outgoing__per_chat_per_second=30,
        http__retries=1,
        http__backoff_base=1,
        jobs__backoff_base=1,
        **only("files", "storage", "documents"),
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    """Polls, handles, works."""
    async with App(settings, "all").serving() as serving:
        yield serving


@pytest.fixture
async def idle(settings: Settings) -> AsyncIterator[App]:
    """Open, and nobody works: for tests that call the service themselves."""
    async with App(settings, "session").session() as opened:
        yield opened


@pytest.fixture
def ann(playground: PlaygroundProcess) -> Person:
    return playground.client.user("ann")


def files_of(app: App) -> Files:
    plugin = app.loader.report.find("files")
    assert plugin is not None, app.loader.report.quarantined
    return of(plugin.ctx)


def ears(app: App) -> Any:
    """The module of the listening plugin: `stored`, `processed`, `news`, `deaf`."""
    plugin = app.loader.report.find("ears")
    assert plugin is not None, app.loader.report.quarantined
    return plugin.module


async def row(app: App, file_id: int = 1) -> TelegramFile:
    found = await repository.get(SYSTEM, file_id)
    assert found is not None
    return found


async def until(found: Callable[[], Awaitable[Any]], seconds: float = 10) -> Any:
    """What `found`, which sees the rows of all, gives once it is true."""
    async with asyncio.timeout(seconds):
        while not (value := await of_all(found())):
            await asyncio.sleep(0.03)
    return value


async def sent(ann: Person, content: bytes, name: str, **fields: Any) -> dict[str, Any]:
    """A file that is searchable, as Ann's message."""
    message = await ann.upload(content, name=name, **fields)
    told = await ann.wait_reply(contains=name)
    await ann.wait_text(told, "✅")
    return message


def labels(message: dict[str, Any]) -> list[str]:
    """The texts of a message's buttons."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]
