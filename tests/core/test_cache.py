"""The cache means the same in Redis and in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core import cache as caches
from core.cache import Cache
from core.errors import LockedError
from core.metrics import exposition
from tests.support.servers import Valkey, free_port


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    if request.param == "memory":
        yield Cache()
        return
    client = Redis.from_url(request.getfixturevalue("redis_url"))
    yield Cache(client)
    await client.aclose()


async def test_keeps_json(cache: Cache) -> None:
    value = {"text": "ответ", "numbers": [1, 2.5, None]}
    await cache.set("answer", value)
    assert await cache.get("answer") == value
    assert await cache.get("question") is None
    assert await cache.get("question", "none") == "none"
    assert await cache.delete("answer", "question") == 1
    assert await cache.get("answer") is None


async def test_a_kept_value_is_a_copy(cache: Cache) -> None:
    numbers = [1]
    await cache.set("numbers", numbers)
    numbers.append(2)
    assert await cache.get("numbers") == [1]


async def test_forgets_in_time(cache: Cache) -> None:
    await cache.set("short", 1, ttl=0.05)
    await cache.set("long", 2, ttl=60)
    await asyncio.sleep(0.1)
    assert await cache.get("short") is None
    assert await cache.get("long") == 2


async def test_namespaces_do_not_meet(cache: Cache) -> None:
    one, two = cache.namespaced("one"), cache.namespaced("two")
    await one.set("key", 1)
    await two.set("key", 2)
    assert (await one.get("key"), await two.get("key")) == (1, 2)
    assert await one.clear_prefix() == 1
    assert (await one.get("key"), await two.get("key")) == (None, 2)


async def test_clears_by_prefix_literally(cache: Cache) -> None:
    for key in ("page:1", "page:2", "pag*", "other"):
        await cache.set(key, key)
    assert await cache.clear_prefix("pag*") == 1
    assert await cache.clear_prefix("page:") == 2
    assert await cache.get("other") == "other"


async def test_clearing_spares_locks_limits_and_strangers(cache: Cache) -> None:
    plugin = cache.namespaced("search")
    await plugin.set("results:1", 1)
    await cache.namespaced("files").set("list", 1)
    assert await plugin.take("asks", 1) == 0
    async with plugin.lock("rebuild"):
        assert await cache.entries() == {"search": 1, "files": 1}
        assert await cache.entries("files") == {"files": 1}
        assert await cache.clear_prefix("search:results") == 1
        assert await cache.entries() == {"files": 1}
        assert await cache.clear_prefix() == 1
        with pytest.raises(LockedError):
            await plugin.lock("rebuild").__aenter__()
    assert await plugin.take("asks", 1) > 0


async def test_reads_are_counted(cache: Cache) -> None:
    plugin = cache.namespaced("counted")
    await plugin.set("key", 1)
    await plugin.get("key")
    await plugin.get("another")
    told = exposition().decode()
    assert 'plugram_cache_reads_total{of="counted",outcome="hit"}' in told
    assert 'plugram_cache_reads_total{of="counted",outcome="miss"}' in told


async def test_one_holds_a_lock(cache: Cache) -> None:
    async with cache.lock("rebuild"):
        with pytest.raises(LockedError, match="held by somebody else"):
            await cache.lock("rebuild").__aenter__()
        async with cache.lock("another"):
            pass
    async with cache.lock("rebuild"):
        pass


async def test_a_lock_can_be_waited_for(cache: Cache) -> None:
    holding = asyncio.Event()

    async def hold() -> None:
        async with cache.lock("rebuild"):
            holding.set()
            await asyncio.sleep(0.2)

    task = asyncio.create_task(hold())
    await holding.wait()
    async with cache.lock("rebuild", wait=5):
        await task


async def test_a_lock_outlasts_its_ttl_while_it_is_held(cache: Cache) -> None:
    async with cache.lock("rebuild", ttl=0.15):
        await asyncio.sleep(0.4)
        with pytest.raises(LockedError):
            await cache.lock("rebuild").__aenter__()


async def test_uses_are_limited_and_come_back_evenly(cache: Cache) -> None:
    assert [await cache.take("search", 3, per=0.6) for _ in range(3)] == [0.0, 0.0, 0.0]
    wait = await cache.take("search", 3, per=0.6)
    assert 0 < wait <= 0.2
    assert await cache.take("another", 3, per=0.6) == 0.0
    await asyncio.sleep(wait + 0.02)
    assert await cache.take("search", 3, per=0.6) == 0.0
    assert await cache.take("search", 3, per=0.6) > 0.0


async def test_a_use_that_was_refused_costs_nothing(cache: Cache) -> None:
    assert await cache.take("search", 1, per=0.3) == 0.0
    for _ in range(5):
        assert await cache.take("search", 1, per=0.3) > 0.0
    await asyncio.sleep(0.35)
    assert await cache.take("search", 1, per=0.3) == 0.0


async def test_two_at_once_share_what_is_left(cache: Cache) -> None:
    waits = await asyncio.gather(*(cache.take("search", 5, per=60) for _ in range(8)))
    assert sorted(wait > 0 for wait in waits) == [False] * 5 + [True] * 3


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "MEMORY_ENTRIES", 3)
    cache = Cache()
    for number in range(3):
        await cache.set(str(number), number)
    await cache.get("0")
    await cache.set("3", 3)
    assert [await cache.get(str(number)) for number in range(4)] == [0, None, 2, 3]


async def test_works_on_while_redis_is_away() -> None:
    client = Redis(port=free_port(), socket_connect_timeout=1)
    cache = Cache(client)
    await cache.set("key", 1)
    assert await cache.get("key", "default") == "default"
    assert await cache.delete("key") == 0
    assert await cache.take("search", 1) == await cache.take("search", 1) == 0.0
    with pytest.raises(LockedError, match="Redis is away"):
        await cache.lock("rebuild").__aenter__()
    await client.aclose()


async def test_comes_back_with_redis() -> None:
    server = Valkey()
    server.start()
    client = Redis.from_url(server.url)
    try:
        cache = Cache(client)
        await cache.set("key", 1)
        server.stop()
        assert await cache.get("key") is None
        server.start()
        await cache.set("key", 2)
        assert await cache.get("key") == 2
    finally:
        await client.aclose()
        server.stop()
