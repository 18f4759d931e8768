"""Values that may be forgotten, locks and limits: in Redis when there is one, else in memory.

    cache = ctx.cache                                   # keys are the plugin's own
    await cache.set("answer", {"text": "42"}, ttl=60)
    answer = await cache.get("answer")
    async with cache.lock("rebuild", ttl=30): ...
    wait = await cache.take("search:7", 20, per=60)     # 0, or seconds until the next is free

Values are JSON. A cache is no place of truth: while Redis is away, reads find nothing and writes
are dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import orjson

from core.errors import LockedError
from core.log import get_logger
from core.metrics import counter

T = TypeVar("T")

log = get_logger("cache")

MEMORY_ENTRIES = 20_000
"""Entries that memory holds; the least recently used go first."""
_SCAN = 500
_POLL = 0.1
"""Seconds between two tries to get a lock."""
_EPSILON = 0.001
"""Seconds by which a use may come early: sums of fractions aren't exact."""


class Store(Protocol):
    """Where entries live. Raises OSError when it is away."""

    async def get(self, key: str) -> bytes | None: ...
    async def set(self, key: str, value: bytes, ttl: float | None) -> None: ...
    async def delete(self, *keys: str) -> int: ...
    async def clear(self, prefix: str) -> int: ...
    async def keys(self, prefix: str) -> list[str]: ...
    async def acquire(self, key: str, owner: bytes, ttl: float) -> bool: ...
    async def extend(self, key: str, owner: bytes, ttl: float) -> bool: ...
    async def release(self, key: str, owner: bytes) -> None: ...
    async def take(self, key: str, gap: float, room: float) -> float: ...


class Cache:
    """`redis`: a `redis.asyncio.Redis`, or None for memory. Every key starts with `prefix:`, values
    with `prefix:cache:`, so that all of them can be cleared and locks and limits stay."""

    def __init__(
        self,
        redis: Any = None,
        prefix: str = "plugram",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds, by which entries of memory expire."""
        self._store: Store = MemoryStore(clock) if redis is None else RedisStore(redis)
        self._root = prefix
        self._path = ""
        self._away = _Away()

    def namespaced(self, prefix: str) -> Cache:
        """The same cache, with keys of its own."""
        child = object.__new__(Cache)
        child._store, child._away = self._store, self._away
        child._root, child._path = self._root, f"{self._path}{prefix}:"
        return child

    async def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default` if there is none (any more)."""
        found = await self._away.guard(self._store.get(self._key(key)), None)
        counter("cache_reads", "Values asked of the cache", "of", "outcome").labels(
            self._path.rstrip(":"), "miss" if found is None else "hit"
        ).inc()
        return default if found is None else orjson.loads(found)

    async def set(self, key: str, value: Any, ttl: float | None = None) -> None:
        """Keep a JSON value for `ttl` seconds (None: until it is pushed out)."""
        await self._away.guard(self._store.set(self._key(key), orjson.dumps(value), ttl), None)

    async def delete(self, *keys: str) -> int:
        """Forget keys; how many there were."""
        return await self._away.guard(self._store.delete(*map(self._key, keys)), 0)

    async def clear_prefix(self, prefix: str = "") -> int:
        """Forget every value whose key starts so; how many there were."""
        return await self._away.guard(self._store.clear(self._key(prefix)), 0)

    async def entries(self, prefix: str = "") -> dict[str, int]:
        """By the first part of their keys (a plugin's id, in the cache of all), how many values
        there are. Raises OSError when Redis is away."""
        skipped = len(self._key(""))
        keys = await self._store.keys(self._key(prefix))
        return dict(Counter(key[skipped:].partition(":")[0] for key in keys))

    async def take(self, key: str, limit: int, per: float = 60.0) -> float:
        """Use one of `limit` uses in `per` seconds, shared by all processes that share the Redis: 0
        if one was left, else seconds until one is, and nothing is used.

        All may be used at once; they come back evenly, one each `per / limit` seconds. While Redis
        is away nobody is held up.
        """
        gap = per / limit
        return await self._away.guard(
            self._store.take(self._key(key, "limit"), gap, per - gap), 0.0
        )

    @contextlib.asynccontextmanager
    async def lock(self, name: str, ttl: float = 30.0, *, wait: float = 0.0) -> AsyncIterator[None]:
        """Hold a lock while the block runs, shared by all processes that share the Redis.

        It is renewed as long as the process lives, and free `ttl` seconds after it died. Raises
        LockedError if somebody else has it for `wait` seconds, or Redis is away.
        """
        key, owner = self._key(name, "lock"), secrets.token_bytes(12)
        await self._acquire(name, key, owner, ttl, wait)
        renewing = asyncio.create_task(self._renew(name, key, owner, ttl), name=f"lock-{name}")
        try:
            yield
        finally:
            renewing.cancel()
            with contextlib.suppress(OSError):
                await self._store.release(key, owner)

    async def _acquire(self, name: str, key: str, owner: bytes, ttl: float, wait: float) -> None:
        deadline = time.monotonic() + wait
        while True:
            try:
                if await self._store.acquire(key, owner, ttl):
                    return
            except OSError as error:
                raise LockedError(
                    f"Lock {name} can't be taken: Redis is away ({error})",
                    hint="try again when Redis is back",
                ) from None
            if time.monotonic() >= deadline:
                raise LockedError(f"Lock {name} is held by somebody else")
            await asyncio.sleep(_POLL)

    async def _renew(self, name: str, key: str, owner: bytes, ttl: float) -> None:
        while True:
            await asyncio.sleep(ttl / 3)
            with contextlib.suppress(OSError):
                if not await self._store.extend(key, owner, ttl):
                    log.warning("a lock was lost: Redis forgot it", lock=name)
                    return

    def _key(self, key: str, sort: str = "cache") -> str:
        return f"{self._root}:{sort}:{self._path}{key}"


class _Away:
    """Says once per outage that the store is away."""

    def __init__(self) -> None:
        self._away = False

    async def guard(self, call: Awaitable[T], otherwise: T) -> T:
        try:
            result = await call
        except OSError as error:
            if not self._away:
                log.warning("the cache is away; working without it", error=str(error))
            self._away = True
            return otherwise
        self._away = False
        return result


class MemoryStore:
    """Entries of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        found = self._entries.get(key)
        if found is None:
            return None
        if found[1] < self._clock():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return found[0]

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        until = float("inf") if ttl is None else self._clock() + ttl
        self._entries[key] = (value, until)
        self._entries.move_to_end(key)
        while len(self._entries) > MEMORY_ENTRIES:
            self._entries.popitem(last=False)

    async def delete(self, *keys: str) -> int:
        return sum(self._entries.pop(key, None) is not None for key in keys)

    async def clear(self, prefix: str) -> int:
        return await self.delete(*await self.keys(prefix))

    async def keys(self, prefix: str) -> list[str]:
        return [key for key in self._entries if key.startswith(prefix)]

    async def acquire(self, key: str, owner: bytes, ttl: float) -> bool:
        if await self.get(key) is not None:
            return False
        await self.set(key, owner, ttl)
        return True

    async def extend(self, key: str, owner: bytes, ttl: float) -> bool:
        if await self.get(key) != owner:
            return False
        await self.set(key, owner, ttl)
        return True

    async def release(self, key: str, owner: bytes) -> None:
        if await self.get(key) == owner:
            await self.delete(key)

    async def take(self, key: str, gap: float, room: float) -> float:
        now = self._clock()
        found = self._entries.get(key)
        paid_off = max(found[1], now) if found else now  # when what was used will be free again
        if paid_off - now > room + _EPSILON:
            return paid_off - now - room
        await self.set(key, b"", paid_off + gap - now)
        return 0.0


class RedisStore:
    """Entries that all processes share. redis-py's errors become OSError."""

    _EXTEND = (
        "if redis.call('get', KEYS[1]) == ARGV[1] then "
        "return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end"
    )
    _RELEASE = (
        "if redis.call('get', KEYS[1]) == ARGV[1] then "
        "return redis.call('del', KEYS[1]) else return 0 end"
    )

    _TAKE = (
        "local time = redis.call('time') "
        "local now = time[1] * 1000 + time[2] / 1000 "
        "local paid_off = math.max(tonumber(redis.call('get', KEYS[1]) or 0), now) "
        "local wait = paid_off - now - ARGV[2] "
        "if wait > 1 then return math.ceil(wait) end "
        "paid_off = paid_off + ARGV[1] "
        "redis.call('set', KEYS[1], string.format('%.3f', paid_off), "
        "'PX', math.ceil(paid_off - now)) return 0"
    )

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    async def get(self, key: str) -> bytes | None:
        found = await _translated(self._redis.get(key))
        return found.encode() if isinstance(found, str) else found

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        await _translated(self._redis.set(key, value, px=None if ttl is None else _ms(ttl)))

    async def delete(self, *keys: str) -> int:
        return int(await _translated(self._redis.delete(*keys))) if keys else 0

    async def clear(self, prefix: str) -> int:
        return sum([await self.delete(*keys) async for keys in self._scan(prefix)])

    async def keys(self, prefix: str) -> list[str]:
        found = [key async for keys in self._scan(prefix) for key in keys]
        return [key.decode() if isinstance(key, bytes) else key for key in dict.fromkeys(found)]

    async def _scan(self, prefix: str) -> AsyncIterator[list[Any]]:
        """In steps, so that a large server serves others meanwhile."""
        cursor = 0
        pattern = "".join(f"\\{c}" if c in "*?[]\\^-" else c for c in prefix) + "*"
        while True:
            scan = self._redis.scan(cursor=cursor, match=pattern, count=_SCAN)
            cursor, keys = await _translated(scan)
            yield keys
            if not int(cursor):
                return

    async def acquire(self, key: str, owner: bytes, ttl: float) -> bool:
        return bool(await _translated(self._redis.set(key, owner.hex(), px=_ms(ttl), nx=True)))

    async def extend(self, key: str, owner: bytes, ttl: float) -> bool:
        return bool(
            await _translated(self._redis.eval(self._EXTEND, 1, key, owner.hex(), _ms(ttl)))
        )

    async def release(self, key: str, owner: bytes) -> None:
        await _translated(self._redis.eval(self._RELEASE, 1, key, owner.hex()))

    async def take(self, key: str, gap: float, room: float) -> float:
        waiting = self._redis.eval(self._TAKE, 1, key, gap * 1000, room * 1000)
        return int(await _translated(waiting)) / 1000


async def _translated(call: Awaitable[Any]) -> Any:
    from redis.exceptions import RedisError

    try:
        return await call
    except RedisError as error:  # its ConnectionError is no OSError
        raise OSError(str(error)) from None


def _ms(seconds: float) -> int:
    return max(int(seconds * 1000), 1)
