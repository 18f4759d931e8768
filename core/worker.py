"""The worker under arq: `arq core.worker.WorkerSettings`, or `plugram worker` with Redis.

arq hosts the process: it starts the app, answers `arq --check` and handles signals; the doorbell
rings on the same Redis. The jobs themselves are claimed from the ledger by `Runner`, as everywhere.
arq's own queue holds nothing but `ring`, for programs that speak arq and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
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
    from core.jobs.job import Jobs

log = get_logger("worker")

POLL = 1.0
"""Seconds between arq's looks at its own queue. The doorbell doesn't wait for them."""
_FAREWELL = 3.0
"""Seconds that arq gets to say goodbye to a Redis that may be away."""


class Hosted(Protocol):
    """What arq hosts: the app in the role of a worker."""

    @property
    def jobs(self) -> Jobs: ...
    def serving(self) -> AbstractAsyncContextManager[Any]:
        """Open, claim jobs; at the end drain and close."""


def run(settings: Settings, build: Callable[[], Hosted]) -> None:
    """Be a worker until a signal. Raises ConfigError without Redis."""
    from arq.worker import run_worker

    run_worker(worker_settings(settings, build))


def worker_settings(
    settings: Settings | None = None, build: Callable[[], Hosted] | None = None
) -> type:
    """The class that arq wants; without arguments, of the deployment. `build` makes the app.

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
    host = _Host(build or _deployment(settings))
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


def _deployment(settings: Settings) -> Callable[[], Hosted]:
    def build() -> Hosted:
        from core.app import build

        return build(settings, "worker")

    return build


async def ring(ctx: dict[str, Any]) -> None:
    """arq's only function: look into the ledger."""
    ctx["jobs"].bell.ring()


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

    def __init__(self, build: Callable[[], Hosted]) -> None:
        self._build = build
        self._stack = AsyncExitStack()
        self._main: asyncio.Task[Any] | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def start(self, ctx: dict[str, Any]) -> None:
        """Called in arq's main task."""
        logging.getLogger("arq").handlers.clear()  # its command's own; ours hears it too
        app = self._build()
        await self._stack.enter_async_context(app.serving())
        ctx["jobs"] = app.jobs
        self._main = asyncio.current_task()
        loop = asyncio.get_running_loop()
        # arq would cancel itself and then talk to Redis before it lets us drain.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signal)

    async def stop(self, _: dict[str, Any]) -> None:
        """Called by arq when it ends, after us or for a reason of its own."""
        await self._stack.aclose()

    def _signal(self) -> None:
        """The first drains, the second ends at once."""
        if self._stopping is not None:
            os._exit(1)
        self._stopping = asyncio.get_running_loop().create_task(self._end(), name="stopping")

    async def _end(self) -> None:
        await self._stack.aclose()
        # The rest is arq's farewell to a Redis that may be away.
        asyncio.get_running_loop().call_later(_FAREWELL, os._exit, 0)
        if self._main is not None:
            self._main.cancel()


def __getattr__(name: str) -> Any:
    """`WorkerSettings` is made when arq asks for it: it needs the deployment's settings."""
    if name == "WorkerSettings":
        return worker_settings()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
