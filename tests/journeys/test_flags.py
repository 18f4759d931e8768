"""Two people, one of whom has the search."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.app import App
from core.config import Rollout
from playground.client import Person
from tests.conftest import SettingsFactory
from tests.support.processes import PlaygroundProcess

LEASE = b"The deposit of two monthly rents is paid before moving in."


async def id_of(person: Person) -> int:
    """Their Telegram id, known by what they sent."""
    sent = await person.send("hello")
    number: int = sent["from"]["id"]
    return number


@pytest.fixture
async def app(
    playground: PlaygroundProcess, settings_factory: SettingsFactory, database_url: str
) -> AsyncIterator[App]:
    ann = await id_of(playground.client.user("ann"))
    settings = settings_factory(
        database__url=database_url,
        bot__token=playground.token,
        bot__api_base=playground.url,
        features__search__users=[ann],
        web__enabled=False,
    )
    async with App(settings, "all").serving() as running:
        yield running


@pytest.mark.timeout(180)
async def test_one_has_it_and_the_other_does_not(app: App, playground: PlaygroundProcess) -> None:
    ann, boris = playground.client.user("ann"), await playground.client.add_user("Bo")
    await boris.send("/help")
    helped = await boris.wait_reply(contains="/files")
    assert "/search" not in helped["text"]
    await boris.send("/search deposit")
    await boris.wait_reply(contains="isn't available to you here")

    for person in (ann, boris):
        await person.upload(LEASE, name="lease.txt")
    await ann.wait_text(await ann.wait_reply(contains="lease.txt"), "meaning", timeout=60)
    await ann.send("/help")
    assert "/search" in (await ann.wait_reply(contains="/help"))["text"]
    await ann.send("deposit")
    found = await ann.wait_reply(contains="two monthly rents", timeout=60)

    # What a person without the search sends is kept, read, and waits for nobody.
    kept = await boris.wait_reply(contains="lease.txt")
    await boris.wait_text(kept, "Saved", timeout=60)
    theirs = await id_of(boris)
    queued = [row.name for row in await app.jobs.find(limit=100) if row.user == theirs]
    assert "files.process" in queued
    assert not [name for name in queued if name.startswith("search.")]

    # An old button of somebody who had it, and doesn't any more.
    search = app.loader.report.find("search")
    assert search is not None
    search.flags.replace({"search": Rollout(users=(await id_of(boris),))})
    answer = await ann.click(found, "💡 1", wait=10)
    assert answer is not None
    assert "isn't available" in answer["text"]
