"""The rules of getUpdates."""

from __future__ import annotations

import asyncio
import contextlib

import orjson
import pytest

from playground.model import Bot
from playground.store import Store
from playground.updates import Conflict, UpdateQueue


@pytest.fixture
def presence() -> list[bool]:
    return []


@pytest.fixture
def queue(presence: list[bool]) -> UpdateQueue:
    return UpdateQueue(Bot(1, "1:x", "b", "B"), Store(None), presence.append)


async def ids(queue: UpdateQueue, offset: int = 0, limit: int = 100) -> list[int]:
    return [update.id for update in await queue.poll(offset, limit, 0)]


async def test_updates_wait_until_they_are_confirmed(queue: UpdateQueue) -> None:
    assert [queue.push("message", n) for n in range(3)] == [1, 2, 3]
    assert await ids(queue) == [1, 2, 3]
    assert await ids(queue, limit=2) == [1, 2]
    assert await ids(queue, offset=2) == [2, 3]
    assert await ids(queue) == [2, 3], "an offset confirms all before it for good"
    assert await ids(queue, offset=4) == []


async def test_a_negative_offset_keeps_the_last(queue: UpdateQueue) -> None:
    for n in range(5):
        queue.push("message", n)
    assert await ids(queue, offset=-2) == [4, 5]
    assert len(queue) == 2


async def test_an_offset_from_the_future_confirms_nothing(queue: UpdateQueue) -> None:
    queue.push("message", 1)
    assert await ids(queue, offset=999) == [1]


async def test_a_poll_waits_and_wakes(queue: UpdateQueue) -> None:
    poll = asyncio.create_task(queue.poll(0, 100, 30))
    await asyncio.sleep(0.01)
    queue.push("message", "x")
    found = await asyncio.wait_for(poll, 5)
    assert [orjson.loads(update.body) for update in found] == [{"update_id": 1, "message": "x"}]


async def test_a_poll_ends_empty(queue: UpdateQueue) -> None:
    assert await queue.poll(0, 100, 0.01) == []


async def test_the_second_poll_ends_the_first(queue: UpdateQueue) -> None:
    first = asyncio.create_task(queue.poll(0, 100, 30))
    await asyncio.sleep(0)
    second = asyncio.create_task(queue.poll(0, 100, 30))
    with pytest.raises(Conflict) as caught:
        await first
    assert caught.value.code == 409
    assert "terminated by other getUpdates request" in caught.value.description
    queue.push("message", "x")
    assert len(await second) == 1


async def test_types_that_are_not_wanted_are_not_queued(queue: UpdateQueue) -> None:
    assert queue.push("message_reaction", {}) == 0
    assert queue.push("my_chat_member", {}) == 1
    queue._bot.allowed_updates = ["message_reaction"]
    assert queue.push("message_reaction", {}) == 2
    assert queue.push("message", {}) == 0


async def test_raw_updates_may_bring_their_number(queue: UpdateQueue) -> None:
    assert queue.push_raw({"update_id": 70, "new_thing": {}}) == 70
    assert queue.push_raw({"message": {}}) == 71
    queue.clear()
    assert len(queue) == 0


async def test_presence_is_told(queue: UpdateQueue, presence: list[bool]) -> None:
    poll = asyncio.create_task(queue.poll(0, 100, 30))
    await asyncio.sleep(0.01)
    assert queue.present
    poll.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await poll
    assert presence == [True], "a bot that has just polled isn't away"
    queue._gone()
    assert presence == [True, False]
