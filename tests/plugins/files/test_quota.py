"""Limits of a person and of the queue, as somebody meets them in the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from core.app import App
from core.config import Settings
from playground.client import Person, text_of
from plugins.files.keeper import Keeper
from plugram import Scope
from tests.plugins.files.conftest import files_of, row
from tests.support.rows import of_all

Open = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
def opened(settings: Settings) -> Open:
    """`opened(files_per_person=2)`: a bot with these limits."""

    @asynccontextmanager
    async def serving(**limits: int) -> AsyncIterator[App]:
        sections = settings.plugins.sections
        changed = {**sections, "files": {**sections["files"], **limits}}
        plugins = settings.plugins.model_copy(update={"sections": changed})
        async with App(settings.model_copy(update={"plugins": plugins}), "all").serving() as app:
            yield app

    return serving


async def said(person: Person, content: bytes, name: str) -> str:
    """The first answer to a file."""
    await person.upload(content, name=name)
    return text_of(await person.wait_reply(timeout=15))


async def test_as_many_files_as_one_may_keep(opened: Open, ann: Person) -> None:
    async with opened(files_per_person=2) as app:
        for number in (1, 2):
            assert "Received" in await said(ann, b"text %d" % number, f"{number}.txt")
        refused = await said(ann, b"text 3", "3.txt")
        assert "3.txt" in refused
        assert "2 files" in refused
        assert "/files" in refused
        file = await row(app)
        keeper: Keeper = files_of(app).keeper
        await keeper.trash(Scope(file.scope), [file.id], by=file.sender_id)
        assert "2 files" in await said(ann, b"text 3", "3.txt")  # the trash counts
        await keeper.restore(Scope(file.scope), [file.id])
        assert "already" in await said(ann, b"text 1", "1.txt")  # no more than there was


async def test_as_much_room_as_one_may_take(opened: Open, ann: Person) -> None:
    async with opened(mb_per_person=1):
        assert "Received" in await said(ann, b"x" * 700_000, "a.txt")
        refused = await said(ann, b"y" * 700_000, "b.txt")
        assert "1 of the 1 MB" in refused
        assert "Received" in await said(ann, b"small", "c.txt")


async def test_not_faster_than_the_bot_takes(opened: Open, ann: Person) -> None:
    async with opened(files_per_minute=2):
        for number in (1, 2):
            assert "Received" in await said(ann, b"text %d" % number, f"{number}.txt")
        refused = await said(ann, b"text 3", "3.txt")
        assert "2 files a minute" in refused
        assert "seconds" in refused


@pytest.mark.parametrize(
    ("limit", "words"),
    [("waiting_per_person", "wait to be read"), ("waiting_files", "few minutes")],
)
async def test_no_more_than_may_wait(opened: Open, ann: Person, limit: str, words: str) -> None:
    async with opened(**{limit: 1}) as app:
        assert "Received" in await said(ann, b"text 1", "1.txt")
        await of_all(app.db.execute("UPDATE files_telegram_files SET stage = 0"))
        assert words in await said(ann, b"text 2", "2.txt")
        await of_all(app.db.execute("UPDATE files_telegram_files SET stage = 4"))
        assert "Received" in await said(ann, b"text 2", "2.txt")


async def test_limits_are_off_at_zero(opened: Open, ann: Person) -> None:
    off = ("files_per_person", "mb_per_person", "files_per_minute", "waiting_per_person")
    async with opened(**dict.fromkeys((*off, "waiting_files"), 0)):
        assert "Received" in await said(ann, b"text", "a.txt")
