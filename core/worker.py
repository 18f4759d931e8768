"""The worker under arq: `arq core.worker.WorkerSettings` and `plugram worker` with Redis are one.

arq hosts the process and answers `arq --check`; the doorbell rings on the same Redis. The jobs
themselves are claimed from the ledger by `Runner`, as everywhere. arq's own queue holds nothing but
`ring`, for programs that speak arq and nothing else.

arq alone would wait for Redis before it starts, and end when Redis fails it. So its connections are
ours: they try for ever, and the app starts with arq's first question, not with Redis's answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import unquote

import orjson
from arq.connections import ArqRedis, RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.errors import ConfigError
from core.jobs import orphans
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


def run(settings: Settings, build: Callable[[], Hosted] | None = None) -> None:
    """Be a worker until a signal. Raises ConfigError without Redis, PlugramError if the app can't
    start. Sets the event loop's policy."""
    from arq.worker import run_worker

    _fast_loops()
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
    url, queue = settings.redis.url, f"{settings.redis.prefix}:arq"
    return type(
        "WorkerSettings",
        (),
        {
            "functions": [ring],
            "queue_name": queue,
            "redis_settings": _address(url),  # for --check, which must not try for ever
            "redis_pool": _connections(redis_settings(url), queue, host.begin),
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
    found = _address(url)
    found.retry = Retry(_Patience(), -1)
    found.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]
    found.retry_on_timeout = True
    return found


def _address(url: str) -> RedisSettings:
    found = RedisSettings.from_dsn(url)
    if found.password:  # which arq leaves as the URL quotes it
        found.password = unquote(found.password)
    found.conn_retries = 1
    return found


class _Patience(ExponentialBackoff):
    """Waits for ever, and says so."""

    def __init__(self) -> None:
        super().__init__(cap=1.0, base=0.05)

    def compute(self, failures: int) -> float:
        if failures in {3, 30} or failures % 300 == 0:
            log.warning("Redis is away; the worker goes on without its doorbell", tries=failures)
        return float(super().compute(min(failures, 30)))


class _Connections(ArqRedis):
    """arq's connections. `first` is called when arq begins to use them."""

    first: Callable[[], None]

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        self.first()
        return super().pipeline(*args, **kwargs)


def _connections(settings: RedisSettings, queue: str, first: Callable[[], None]) -> _Connections:
    """As `arq.connections.create_pool` makes them, without waiting for Redis."""
    found = _Connections(
        host=settings.host,
        port=settings.port,
        unix_socket_path=settings.unix_socket_path,
        db=settings.database,
        username=settings.username,
        password=settings.password,
        ssl=settings.ssl,
        socket_connect_timeout=settings.conn_timeout,
        encoding="utf8",
        retry=settings.retry,
        retry_on_error=settings.retry_on_error,
        retry_on_timeout=settings.retry_on_timeout,
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        default_queue_name=queue,
    )
    found.first = first
    return found


class _Host:
    """Starts and stops the app with arq's worker."""

    def __init__(self, build: Callable[[], Hosted]) -> None:
        self._build = build
        self._stack = AsyncExitStack()
        self._main: asyncio.Task[Any] | None = None
        self._starting: asyncio.Task[Hosted] | None = None
        self._stopping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Called in arq's main task, before it has heard of Redis."""
        if self._starting is not None:
            return
        logging.getLogger("arq").handlers.clear()  # its command's own; ours hears it too
        self._main = asyncio.current_task()
        loop = asyncio.get_running_loop()
        # arq would cancel itself and then talk to Redis before it lets us drain.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signal)
        self._starting = loop.create_task(self._start(), name="starting")
        self._starting.add_done_callback(self._started)

    async def _start(self) -> Hosted:
        app = self._build()
        await self._stack.enter_async_context(app.serving())
        return app

    def _started(self, task: asyncio.Task[Hosted]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._leave(1)  # `stop` raises it

    async def start(self, ctx: dict[str, Any]) -> None:
        """Called by arq when it has Redis."""
        if self._starting is None:
            raise RuntimeError("arq asked its connections for nothing")
        # Shielded: who cancels arq's main task doesn't mean the app, which ends in order.
        ctx["jobs"] = (await asyncio.shield(self._starting)).jobs

    async def stop(self, _: dict[str, Any]) -> None:
        """Called by arq when it ends, after us or for a reason of its own."""
        await self._stack.aclose()
        if self._starting is not None and not self._starting.cancelled():
            self._starting.result()

    def _signal(self) -> None:
        """The first drains, the second ends at once."""
        if self._stopping is not None:
            os._exit(1)
        self._stopping = asyncio.get_running_loop().create_task(self._end(), name="stopping")

    async def _end(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._stack.aclose()
        orphans.end()
        self._leave(0)

    def _leave(self, status: int) -> None:
        """End arq. The rest is its farewell to a Redis that may be away."""
        asyncio.get_running_loop().call_later(_FAREWELL, self._vanish, status)
        if self._main is not None:
            self._main.cancel()

    def _vanish(self, status: int) -> NoReturn:
        if status and self._starting is not None:  # nobody else will say it
            log.critical("the worker can't start", exc_info=self._starting.exception())
        os._exit(status)


def _fast_loops() -> None:
    """uvloop where there is one, also under arq's own command, which makes its loop itself."""
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def __getattr__(name: str) -> Any:
    """`WorkerSettings` is made when arq asks for it: it needs the deployment's settings."""
    if name == "WorkerSettings":
        _fast_loops()
        return worker_settings()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
