"""The limiter: replies at once, bulk paced, bans obeyed, one budget for all processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from core.telegram.outgoing import Lane, Limiter, MemoryBudget, Rates, is_group
from core.telegram.wire import Wire
from tests.core.telegram.test_wire import Http
from tests.support.processes import PlaygroundProcess


@dataclass(frozen=True)
class Outgoing:
    per_second: float = 30.0
    per_chat_per_second: float = 1.0
    per_group_per_minute: float = 20.0
    bulk_reserve: float = 0.2
    paid_broadcast: bool = False


@pytest.fixture(params=["memory", "redis"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Limiter]:
    redis = None
    if request.param == "redis":
        redis = Redis.from_url(request.getfixturevalue("redis_url"))
    one = Limiter(Outgoing(), redis=redis)
    yield one
    await one.close()
    if redis is not None:
        await redis.aclose()


async def send(limiter: Limiter, chat: int | None, lane: Lane) -> float:
    """When it went."""
    if not limiter.go(chat, lane):
        await limiter.admit(chat, lane)
    return time.monotonic()


async def send_many(limiter: Limiter, chats: Sequence[int], lane: Lane) -> list[float]:
    return sorted(await asyncio.gather(*(send(limiter, chat, lane) for chat in chats)))


def most_in(moments: Sequence[float], window: float) -> int:
    """The most that fall into any window of so many seconds."""
    return max(sum(start <= moment < start + window for moment in moments) for start in moments)


async def test_replies_go_at_once(limiter: Limiter) -> None:
    began = time.monotonic()
    await send_many(limiter, [1] * 50 + list(range(100)), Lane.REPLY)
    assert time.monotonic() - began < 0.5


async def test_bulk_keeps_the_pace_and_makes_no_burst(limiter: Limiter) -> None:
    moments = await send_many(limiter, range(1000, 1048), Lane.BULK)
    took = moments[-1] - moments[0]
    assert most_in(moments, 1.0) <= 26  # 24 a second, and a timer's jitter
    assert took >= 47 / 24 * 0.95
    assert took < 47 / 24 * 1.5, "the rate is used"


async def test_bulk_to_one_chat_is_a_second_apart(limiter: Limiter) -> None:
    moments = await send_many(limiter, [7, 7, 7], Lane.BULK)
    assert moments[1] - moments[0] >= 0.95
    assert moments[2] - moments[1] >= 0.95


async def test_a_chat_that_must_wait_keeps_nobody_else(limiter: Limiter) -> None:
    slow = asyncio.create_task(send_many(limiter, [7, 7, 7, 7], Lane.BULK))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await send_many(limiter, [8, 9, 10], Lane.BULK)
    assert time.monotonic() - began < 1.0
    await slow


async def test_replies_draw_on_the_same_budget(limiter: Limiter) -> None:
    """After 30 replies, the bulk waits until they are paid off."""
    await send_many(limiter, range(30), Lane.REPLY)
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await send(limiter, 99, Lane.BULK)
    assert 0.6 < time.monotonic() - began < 2.0


async def test_notifications_go_before_bulk(limiter: Limiter) -> None:
    bulk = [asyncio.create_task(send(limiter, chat, Lane.BULK)) for chat in range(100, 130)]
    await asyncio.sleep(0.2)
    urgent = [asyncio.create_task(send(limiter, chat, Lane.NOTIFICATION)) for chat in range(5)]
    await asyncio.gather(*urgent)
    waiting = sum(not task.done() for task in bulk)
    assert waiting > 10
    await asyncio.gather(*bulk)


async def test_a_ban_is_obeyed_by_every_lane(limiter: Limiter) -> None:
    limiter.banned(7, 1.0)
    began = time.monotonic()
    others = asyncio.create_task(send_many(limiter, [8, 9], Lane.REPLY))
    waits = [send(limiter, 7, lane) for lane in (Lane.REPLY, Lane.EDIT, Lane.BULK)]
    moments = await asyncio.gather(*waits)
    assert min(moments) - began >= 1.0
    assert max(await others) - began < 0.5, "the ban is that chat's"


async def test_after_a_ban_replies_are_slower_for_a_while(limiter: Limiter) -> None:
    limiter.banned(7, 0.1)
    moments = await send_many(limiter, [7] * 4, Lane.REPLY)
    assert moments[-1] - moments[0] >= 1.5


async def test_bans_of_several_chats_stop_all(limiter: Limiter) -> None:
    for chat in (1, 2, 3):
        limiter.banned(chat, 1.0)
    began = time.monotonic()
    await send(limiter, 99, Lane.REPLY)
    assert time.monotonic() - began >= 0.9


def test_a_group_gets_twenty_a_minute() -> None:
    now = 1000.0
    budget = MemoryBudget(Rates.of(Outgoing()), clock=lambda: now)

    async def take() -> float:
        return await budget.take(-5, Lane.NOTIFICATION, careful=False)

    async def run() -> list[float]:
        nonlocal now
        sent = []
        while now < 1130.0:
            wait = await take()
            if wait:
                now += wait
            else:
                sent.append(now)
        return sent

    sent = asyncio.run(run())
    assert most_in(sent, 59.9) == 20
    assert len(sent) > 40
    assert is_group(-5)
    assert is_group("@channel")
    assert not is_group(5)


async def test_paid_broadcasts_run_at_a_thousand() -> None:
    limiter = Limiter(Outgoing(paid_broadcast=True))
    moments = await send_many(limiter, range(10, 810), Lane.BULK)
    assert 0.7 < moments[-1] - moments[0] < 3.0
    assert await send(limiter, 5, Lane.REPLY)


def test_memory_forgets_chats_that_owe_nothing() -> None:
    now = 0.0
    budget = MemoryBudget(Rates.of(Outgoing()), clock=lambda: now)
    for chat in range(20_000):
        now += 0.1
        budget.spend(chat if chat % 2 else -chat)
    assert len(budget._chats) < 2500
    assert len(budget._groups) < 2500


# -- several processes --------------------------------------------------------------------------


async def test_processes_share_one_budget(redis_url: str) -> None:
    clients = [Redis.from_url(redis_url) for _ in range(3)]
    limiters = [Limiter(Outgoing(), redis=client) for client in clients]
    chunks = [
        send_many(one, range(at * 100, at * 100 + 16), Lane.BULK) for at, one in enumerate(limiters)
    ]
    moments = sorted(moment for chunk in await asyncio.gather(*chunks) for moment in chunk)
    assert most_in(moments, 1.0) <= 26
    assert moments[-1] - moments[0] >= 47 / 24 * 0.95
    for one, client in zip(limiters, clients, strict=True):
        await one.close()
        await client.aclose()


async def test_a_ban_is_heard_by_other_processes(redis_url: str) -> None:
    # It goes on to listen however long nothing happens.
    here, there = (Redis.from_url(redis_url, socket_timeout=0.2) for _ in range(2))
    one, other = Limiter(Outgoing(), redis=here), Limiter(Outgoing(), redis=there)
    await send(other, 1, Lane.REPLY)  # it listens from its first message on
    await asyncio.sleep(0.6)
    one.banned(7, 1.5)
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await send(other, 7, Lane.REPLY)
    assert time.monotonic() - began > 0.8
    for limiter, client in ((one, here), (other, there)):
        await limiter.close()
        await client.aclose()


async def test_a_ban_that_lasts_is_known_to_who_comes_later(redis_url: str) -> None:
    here, there = (Redis.from_url(redis_url) for _ in range(2))
    one, late = Limiter(Outgoing(), redis=here), Limiter(Outgoing(), redis=there)
    one.banned(7, 2.5)
    await asyncio.sleep(0.3)
    await send(late, 1, Lane.REPLY)
    await asyncio.sleep(0.5)
    assert 0.5 < late.expected_wait(7) < 2.5
    for limiter, client in ((one, here), (late, there)):
        await limiter.close()
        await client.aclose()


async def test_without_redis_each_keeps_to_the_limits_alone() -> None:
    redis = Redis.from_url("redis://127.0.0.1:9", socket_connect_timeout=0.2)
    limiter = Limiter(Outgoing(), redis=redis)
    moments = await send_many(limiter, range(12), Lane.BULK)
    assert moments[-1] - moments[0] >= 11 / 24 * 0.9
    await send(limiter, 5, Lane.REPLY)
    await asyncio.sleep(0.1)
    await limiter.close()
    await redis.aclose()


# -- against a server that enforces Telegram's limits --------------------------------------------


async def test_the_playground_refuses_nothing_of_a_broadcast_with_replies_beside(
    playground: PlaygroundProcess,
) -> None:
    control = playground.client
    chats = []
    for at in range(60):
        person = await control.add_user(f"Person {at}")
        chats.append((await person.send("hi"))["chat"]["id"])
    await control.limits(per_second=30, per_chat_per_second=1, retry_after=3)
    wire = Wire(playground.token, playground.url, Http(), Limiter(Outgoing()))

    async def tell(chat: int, lane: Lane) -> None:
        await wire.call("sendMessage", {"chat_id": chat, "text": "x"}, lane=lane)

    bulk = [asyncio.create_task(tell(chat, Lane.BULK)) for chat in chats[:45]]
    for chat in chats[45:]:
        await tell(chat, Lane.REPLY)
        await asyncio.sleep(0.25)
    await asyncio.gather(*bulk)
    state = await control.call("GET", "/control/limits")
    assert (state["refused"], state["during_ban"]) == (0, 0)
    await wire.close()


async def test_nothing_is_sent_into_a_ban(playground: PlaygroundProcess) -> None:
    control = playground.client
    message = await control.user("ann").send("hi")
    await control.limits(per_second=30, per_chat_per_second=1, retry_after=1)
    wire = Wire(playground.token, playground.url, Http(), Limiter(Outgoing()))
    for _ in range(4):
        await wire.call("sendMessage", {"chat_id": message["chat"]["id"], "text": "x"})
    state = await control.call("GET", "/control/limits")
    assert state["refused"] == 1, "one burst was refused, and then the pace was kept"
    assert state["during_ban"] == 0
    await wire.close()
