"""The worker under arq: `arq core.worker.WorkerSettings`, or `plugram worker` with Redis.

arq hosts the process: it starts the app, answers `arq --check` and handles signals; the doorbell
rings on the same Redis. The jobs themselves are claimed from the ledger by `Runner`, as everywhere.
arq's own queue holds nothing but `ring`, for programs that speak arq and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.errors import ConfigError
from core.log import get_logger

if TYPE_CHECKING:
    from core.config import Settings
    from core.worker import Runner

log = get_logger("worker")

POLL = 1.0
"""Seconds between arq's looks at its own queue. The doorbell doesn't wait for them."""
DRAIN = 30.0
_FAREWELL = 3.0
"""Seconds that arq gets to say goodbye to a Redis that may be away."""


class Hosted(Protocol):
    """What arq starts and stops: the app in the role of a worker."""

    @property
    def runner(self) -> Runner: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def worker_settings(
    settings: Settings | None = None, build: Callable[[Settings], Hosted] | None = None
) -> type:
    """The class that arq wants, from the deployment's settings. `build` makes the app.

    Raises ConfigError without Redis. arq reads the class's own attributes only, no inherited ones.
    """
    if settings is None:
        from core import config
        from core import log as logs

        settings = config.load()
        logs.configure(settings.log)
    if not settings.redis.url:
        raise ConfigError(
            ["arq needs Redis, and [redis] url is empty"],
            hint="run `plugram worker`, which works without Redis too",
        )
    if build is None:
        from core.app import worker as build
    host = _Host(settings, build)
    return type(
        "WorkerSettings",
        (),
        {
            "functions": [ring],
            "queue_name": f"{settings.redis.prefix}:arq",
            "redis_settings": redis_settings(settings.redis.url),
            "on_startup": host.start,
            "on_shutdown": host.stop,
            "poll_delay": POLL,
            "keep_result": 0,
            "job_serializer": orjson.dumps,
            "job_deserializer": orjson.loads,
            "health_check_interval": 10,
            "log_results": False,
        },
    )


async def ring(ctx: dict[str, Any]) -> None:
    """arq's only function: look into the ledger."""
    ctx["runner"].wake()


def redis_settings(url: str) -> RedisSettings:
    """Connections that outlive a restart of Redis: arq would end on its first error."""
    found = RedisSettings.from_dsn(url)
    found.retry = Retry(_Patience(), -1)
    found.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]
    found.retry_on_timeout = True
    return found


class _Patience(ExponentialBackoff):
    """Waits for ever, and says so."""

    def __init__(self) -> None:
        super().__init__(cap=1.0, base=0.05)

    def compute(self, failures: int) -> float:
        if failures in {3, 30} or failures % 300 == 0:
            log.warning("Redis is away; the worker goes on without its doorbell", tries=failures)
        return float(super().compute(min(failures, 30)))


class _Host:
    """Starts and stops the app with arq's worker."""

    def __init__(self, settings: Settings, build: Callable[[Settings], Hosted]) -> None:
        self._settings = settings
        self._build = build
        self._app: Hosted | None = None
        self._main: asyncio.Task[Any] | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def start(self, ctx: dict[str, Any]) -> None:
        """Called in arq's main task."""
        self._app = self._build(self._settings)
        await self._app.start()
        ctx["runner"] = self._app.runner
        self._main = asyncio.current_task()
        loop = asyncio.get_running_loop()
        # arq would cancel itself and then talk to Redis before it lets us drain.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signal)

    async def stop(self, _: dict[str, Any]) -> None:
        if self._stopping is None:  # arq ends for a reason of its own
            await self._leave()

    def _signal(self) -> None:
        """The first drains, the second ends at once."""
        if self._stopping is not None:
            os._exit(1)
        self._stopping = asyncio.get_running_loop().create_task(self._end(), name="stopping")

    async def _end(self) -> None:
        await self._leave()
        asyncio.get_running_loop().call_later(_FAREWELL, os._exit, 0)
        if self._main is not None:
            self._main.cancel()

    async def _leave(self) -> None:
        app, self._app = self._app, None
        if app is not None:
            await app.runner.drain(DRAIN)
            await app.stop()
