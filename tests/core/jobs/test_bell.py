"""The doorbell between processes: heard soon, coalesced, and missed by nobody when it is silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from core.db.database import Database
from core.jobs import bell as bells
from core.jobs.bell import Bell, PostgresBell, RedisBell, SqliteBell
from core.jobs.ledger import Ledger, NewJob
from tests.core.work import eventually, opened
from tests.support.servers import Valkey


class Ear:
    """Hears."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.stops = 0

    def wake(self, delay: float = 0.0) -> None:
        self.delays.append(delay)

    def look_for_stops(self) -> None:
        self.stops += 1

    async def hears(self, what: Any) -> None:
        async def look() -> bool:
            return bool(what(self))

        await eventually(look, timeout=5, what="a ring")


@pytest.fixture(params=["postgres", "redis"])
async def two(
    request: pytest.FixtureRequest, postgres_url: str
) -> AsyncIterator[tuple[Bell, Bell]]:
    """The bells of two processes."""
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        if request.param == "redis":
            url = request.getfixturevalue("redis_url")
            pair: tuple[Bell, Bell] = RedisBell(url, "p"), RedisBell(url, "p")
        else:
            pair = bells.for_database(one), bells.for_database(other)
            assert isinstance(pair[0], PostgresBell)
        yield pair
        for bell in pair:
            await bell.close()


async def test_rings_are_heard_at_once_here_and_soon_elsewhere(two: tuple[Bell, Bell]) -> None:
    here, there = Ear(), Ear()
    await two[0].listen(here)
    await two[1].listen(there)
    here.delays.clear()
    there.delays.clear()
    here.stops = there.stops = 0
    two[0].ring()
    assert here.delays == [0]
    await there.hears(lambda ear: ear.delays == [0])
    two[0].ring(2.5)
    await there.hears(lambda ear: ear.delays == [0, 2.5])
    two[0].ring_stop()
    assert here.stops == 1
    await there.hears(lambda ear: ear.stops == 1)
    await asyncio.sleep(0.1)
    assert here.delays == [0, 2.5]  # no echo of its own rings


async def test_a_thousand_rings_are_a_few_messages(two: tuple[Bell, Bell]) -> None:
    ear = Ear()
    await two[1].listen(ear)
    ear.delays.clear()
    for _ in range(1000):
        two[0].ring()
    await two[0].flush()
    await ear.hears(lambda ear: ear.delays)
    await asyncio.sleep(0.1)
    assert len(ear.delays) < 5


async def test_the_soonest_of_coalesced_delays_counts(two: tuple[Bell, Bell]) -> None:
    ear = Ear()
    await two[1].listen(ear)
    ear.delays.clear()
    for delay in (5.0, 1.0, 9.0):
        two[0].ring(delay)
    await ear.hears(lambda ear: ear.delays == [1])


async def test_who_left_hears_nothing(two: tuple[Bell, Bell]) -> None:
    ear = Ear()
    await two[1].listen(ear)
    await two[1].leave(ear)
    ear.delays.clear()
    two[0].ring()
    two[1].ring()
    await asyncio.sleep(0.1)
    assert ear.delays == []


async def test_a_lost_connection_is_made_again(postgres_url: str) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        bell, ear = bells.for_database(one), Ear()
        await bell.listen(ear)
        ear.delays.clear()
        await other.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        await ear.hears(lambda ear: ear.delays)  # it looks, since it may have missed something
        ear.delays.clear()
        ringing = bells.for_database(other)
        ringing.ring()
        await ear.hears(lambda ear: ear.delays)
        await ringing.close()
        await bell.close()


async def test_redis_away_is_no_error_and_its_return_is_noticed() -> None:
    server = Valkey()
    server.start()
    bell, other, ear = RedisBell(server.url, "p"), RedisBell(server.url, "p"), Ear()
    try:
        await bell.listen(ear)
        server.stop()
        other.ring()
        begin = time.monotonic()
        await other.flush()
        assert time.monotonic() - begin < 3
        ear.delays.clear()
        server.start()
        await ear.hears(lambda ear: ear.delays)
    finally:
        await bell.close()
        await other.close()
        server.stop()


@pytest.fixture
async def watched(sqlite_url: str) -> AsyncIterator[tuple[Database, Database, SqliteBell]]:
    """A file as two processes have it open, and the bell of the first."""
    async with opened(sqlite_url) as one, opened(sqlite_url) as other:
        bell = bells.for_database(one)
        assert isinstance(bell, SqliteBell)
        yield one, other, bell
        await bell.close()


async def test_changes_of_the_file_are_seen(
    watched: tuple[Database, Database, SqliteBell],
) -> None:
    _, other, bell = watched
    ear, ledger = Ear(), Ledger(other)
    await bell.listen(ear)
    await asyncio.sleep(0.1)
    assert ear.delays == []
    begin = time.monotonic()
    await ledger.insert(NewJob(name="a.b", args="{}", attempts=1))
    await ear.hears(lambda ear: ear.delays)
    assert time.monotonic() - begin < 1
    (claim,) = await ledger.claim("me", ["a.b"], 1)
    await asyncio.sleep(0.1)
    ear.delays.clear()
    await ledger.cancel(claim.id)
    await ear.hears(lambda ear: ear.stops)
    assert ear.delays == []
    await ledger.insert(NewJob(name="a.b", args="{}", attempts=1, delay=60))
    await ear.hears(lambda ear: ear.delays)
    assert 58 < ear.delays[0] < 61


async def test_other_changes_of_the_file_wake_nobody(
    watched: tuple[Database, Database, SqliteBell],
) -> None:
    _, other, bell = watched
    ear = Ear()
    await bell.listen(ear)
    await other.execute("CREATE TABLE notes (id INTEGER)")
    for number in range(10):
        await other.execute("INSERT INTO notes VALUES ($1)", number)
    await asyncio.sleep(0.1)
    assert ear.delays == []


async def test_the_settings_choose(sqlite_url: str) -> None:
    async with opened(sqlite_url) as db:
        without = SimpleNamespace(redis=SimpleNamespace(url="", prefix="p"))
        assert isinstance(bells.build(without, db), SqliteBell)  # type: ignore[arg-type]
        with_redis = SimpleNamespace(redis=SimpleNamespace(url="redis://127.0.0.1:1", prefix="p"))
        assert isinstance(bells.build(with_redis, db), RedisBell)  # type: ignore[arg-type]
