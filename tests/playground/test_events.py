"""Watching chats."""

from __future__ import annotations

import asyncio

from playground.events import Events

ANN, BORIS = (1, 7), (1, 8)


async def test_events_are_numbered_and_found_again() -> None:
    events = Events()
    for n in range(3):
        events.publish(ANN, "message", n=n)
    events.publish(BORIS, "message")
    assert [event["n"] for event in events.since(ANN, 1)] == [1, 2]
    assert events.last == 4
    assert events.since((1, 9), 0) == []


async def test_waiting_for_an_event() -> None:
    events = Events()
    assert await events.wait(ANN, 0, 0.01) == []
    waiter = asyncio.create_task(events.wait(ANN, 0, 30))
    await asyncio.sleep(0)
    events.publish(ANN, "message")
    assert [event["type"] for event in await waiter] == ["message"]
    assert len(await events.wait(ANN, 0, 30)) == 1, "what has happened needs no waiting"


async def test_a_watcher_sees_its_chat_and_hears_of_others() -> None:
    events = Events()
    with events.watch(ANN) as watcher:
        events.publish(ANN, "message")
        events.publish(BORIS, "message")
        events.publish((2, 8), "message")
        events.announce(1, "presence", online=True)
        events.announce(2, "presence", online=True)
        seen, touched = watcher.take()
        assert [event["type"] for event in seen] == ["message", "presence"]
        assert touched == {8}
        assert watcher.take() == ([], set())


async def test_closing_wakes_watchers() -> None:
    events = Events()
    with events.watch(ANN) as watcher:
        events.close()
        await asyncio.wait_for(watcher.wake.wait(), 1)
        assert watcher.closed
