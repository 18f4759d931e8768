"""Searching on a hot standby: a real one, that follows by streaming replication."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.plugins.search.conftest import BORIS, Room, opened
from tests.support.rows import of_all
from tests.support.servers import Primary, Replica, wait_until


@pytest.fixture(scope="module")
def primary() -> Iterator[Primary]:
    server = Primary()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def replica(primary: Primary) -> Iterator[Replica]:
    server = primary.copy()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
async def room(primary: Primary, replica: Replica, tmp_path: Path) -> AsyncIterator[Room]:
    url = primary.create()
    wait_until(replica.caught_up, what="the replica")
    async with opened(url, tmp_path, None, replica=replica.url(url)) as made:
        await made.add(1, "The ferry leaves at noon", name="one.txt")
        wait_until(replica.caught_up, what="the replica")
        yield made


async def unlearn(room: Room) -> None:
    """Break the index of the primary, without telling that anything has changed."""
    await of_all(room.db.execute("DELETE FROM search_words"))


async def test_search_reads_from_the_replica(room: Room, replica: Replica) -> None:
    replica.sql("SELECT pg_wal_replay_pause()")
    try:
        await unlearn(room)
        assert await room.find("ferry") == [1]  # which only the replica still knows
        assert await room.find("ferry", scope=BORIS) == []
    finally:
        replica.sql("SELECT pg_wal_replay_resume()")


async def test_what_was_just_sent_is_found_although_the_replica_lags(
    room: Room, replica: Replica
) -> None:
    replica.sql("SELECT pg_wal_replay_pause()")
    try:
        await room.add(2, "Another ferry, at night", name="two.txt")
        assert sorted(await room.find("ferry")) == [1, 2]
    finally:
        replica.sql("SELECT pg_wal_replay_resume()")
    wait_until(replica.caught_up, what="the replica")
    replica.sql("SELECT pg_wal_replay_pause()")
    try:
        await unlearn(room)
        assert sorted(await room.find("ferry")) == [1, 2]  # it is read again once it has caught up
    finally:
        replica.sql("SELECT pg_wal_replay_resume()")


async def test_the_replica_is_away_and_comes_back(room: Room, replica: Replica) -> None:
    replica.stop()
    try:
        assert await room.find("ferry") == [1]
        assert not room.db.has_replica
        assert await room.find("noon") == [1]
    finally:
        replica.start()
    wait_until(replica.caught_up, what="the replica")
    room.db._replica_rests = 0  # the rest is over
    replica.sql("SELECT pg_wal_replay_pause()")
    try:
        await unlearn(room)
        assert await room.find("ferry") == [1]
    finally:
        replica.sql("SELECT pg_wal_replay_resume()")
