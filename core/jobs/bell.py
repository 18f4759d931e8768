"""The doorbell: tells workers in other processes, soon, that there is work.

It carries no job and may be lost: the ledger is the truth, and a worker looks there every few
seconds by itself. Rings are coalesced, so a thousand enqueues cost a few.

- Redis, when it is configured: PUBLISH, and a worker's connection that blocks on SUBSCRIBE.
- PostgreSQL: NOTIFY, and a connection of the worker's own that LISTENs.
- SQLite: nobody rings. A worker's thread looks at `PRAGMA data_version` a hundred times a second,
  which reads one number in shared memory, and looks into the ledger when that changed.

Who works in the same process hears it at once, without any of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.log import get_logger

if TYPE_CHECKING:
    from core.config import Settings
    from core.db.database import Database
    from core.db.postgres import PostgresEngine

log = get_logger("bell")

CHANNEL = "plugram_jobs"
SQLITE_LOOK = 0.01
"""Seconds between two looks at the file's version: half of it is the mean delay of a ring."""
_RECONNECT = (0.1, 5.0)


class Hearer(Protocol):
    """A worker, as the bell knows it. Called on the loop."""

    def wake(self, delay: float = 0.0) -> None:
        """There is work, or there will be in `delay` seconds."""

    def look_for_stops(self) -> None:
        """A running job was cancelled."""


class Bell:
    """Rings within the process. Subclasses carry the rings to other processes too."""

    def __init__(self) -> None:
        self._hearers: list[Hearer] = []

    def ring(self, delay: float = 0.0) -> None:
        """There is work, or there will be in `delay` seconds. Call it on the loop, after commit."""
        for hearer in self._hearers:
            hearer.wake(delay)
        self._carry(delay)

    def ring_stop(self) -> None:
        """A running job was cancelled."""
        for hearer in self._hearers:
            hearer.look_for_stops()
        self._carry(None)

    async def listen(self, hearer: Hearer) -> None:
        """From now on `hearer` hears what is rung anywhere."""
        self._hearers.append(hearer)

    async def leave(self, hearer: Hearer) -> None:
        if hearer in self._hearers:
            self._hearers.remove(hearer)

    async def flush(self) -> None:
        """Wait until what was rung is sent, for 2 s at most."""

    async def close(self) -> None:
        """Let go of connections; rings under way are sent first."""

    def _carry(self, delay: float | None) -> None:
        """Tell other processes. `delay` None: a stop."""


class _Carried(Bell, ABC):
    """Rings that travel: one message at a time, and what comes meanwhile makes one more."""

    def __init__(self) -> None:
        super().__init__()
        self._me = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._waiting: dict[str, float | None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._silent = False

    def _carry(self, delay: float | None) -> None:
        if delay is None:
            self._waiting["stop"] = None
        else:
            before = self._waiting.get("work")
            self._waiting["work"] = delay if before is None else min(before, delay)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_all(), name="bell")

    async def _send_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            for what, delay in waiting.items():
                try:
                    async with asyncio.timeout(2):
                        await self._send(f"{self._me} {what} {delay or 0:g}")
                    self._silent = False
                except Exception as error:  # noqa: BLE001 - workers look by themselves
                    if not self._silent:
                        log.warning("the doorbell is silent; jobs start later", error=repr(error))
                    self._silent = True

    def heard(self, message: str) -> None:
        """A message arrived."""
        sender, _, rest = message.partition(" ")
        if sender == self._me:
            return
        what, _, delay = rest.partition(" ")
        for hearer in self._hearers:
            if what == "stop":
                hearer.look_for_stops()
            else:
                hearer.wake(float(delay or 0))

    async def listen(self, hearer: Hearer) -> None:
        await super().listen(hearer)
        if self._listening is None:
            ready = asyncio.Event()
            self._listening = asyncio.create_task(self._keep_listening(ready), name="bell-listen")
            with contextlib.suppress(TimeoutError):  # then it connects when it can
                async with asyncio.timeout(2):
                    await ready.wait()

    async def leave(self, hearer: Hearer) -> None:
        await super().leave(hearer)
        if not self._hearers:
            await self._stop_listening()

    async def flush(self) -> None:
        if self._sending is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await asyncio.shield(self._sending)

    async def close(self) -> None:
        await self._stop_listening()
        await self.flush()

    async def _stop_listening(self) -> None:
        task, self._listening = self._listening, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_listening(self, ready: asyncio.Event) -> None:
        pause, longest = _RECONNECT
        while True:
            try:
                await self._listen_once(ready)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - it comes back
                if ready.is_set():
                    pause = _RECONNECT[0]
                    ready.clear()
                    log.info("the doorbell's connection was lost", error=repr(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    def _connected(self, ready: asyncio.Event) -> None:
        """Something may have been rung while nobody listened."""
        ready.set()
        for hearer in self._hearers:
            hearer.wake()
            hearer.look_for_stops()

    @abstractmethod
    async def _send(self, message: str) -> None: ...

    @abstractmethod
    async def _listen_once(self, ready: asyncio.Event) -> None:
        """Hear until the connection breaks; sets `ready` when it stands."""


class PostgresBell(_Carried):
    def __init__(self, database: Database, engine: PostgresEngine) -> None:
        super().__init__()
        self._database = database
        self._engine = engine

    async def _send(self, message: str) -> None:
        await self._database.engine.execute("SELECT pg_notify($1, $2)", (CHANNEL, message))

    async def _listen_once(self, ready: asyncio.Event) -> None:
        connection = await self._engine.direct()
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *found: self.heard(found[3]))
            self._connected(ready)
            await lost.wait()
            raise ConnectionError("the server closed it")
        finally:
            connection.terminate()


class RedisBell(_Carried):
    def __init__(self, url: str, prefix: str) -> None:
        super().__init__()
        self._url = url
        self._channel = f"{prefix}:{CHANNEL}"
        self._client: Any = None

    def _redis(self) -> Any:
        if self._client is None:
            from redis.asyncio import Redis

            self._client = Redis.from_url(
                self._url, decode_responses=True, socket_connect_timeout=2, health_check_interval=30
            )
        return self._client

    async def _send(self, message: str) -> None:
        await self._redis().publish(self._channel, message)

    async def _listen_once(self, ready: asyncio.Event) -> None:
        async with self._redis().pubsub() as subscription:
            await subscription.subscribe(self._channel)
            self._connected(ready)
            async for message in subscription.listen():
                if message["type"] == "message":
                    self.heard(message["data"])

    async def close(self) -> None:
        await super().close()
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class SqliteBell(Bell):
    """Hears other processes by looking at the file."""

    _LOOK = (
        "SELECT EXISTS (SELECT 1 FROM core_jobs WHERE state = 'queued' "
        "UNION ALL SELECT 1 FROM core_jobs WHERE state = 'suspect'), "
        "EXISTS (SELECT 1 FROM core_jobs WHERE state = 'running' AND cancel = 1), "
        "(SELECT min(run_at) FROM core_jobs WHERE state = 'delayed')"
    )

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def listen(self, hearer: Hearer) -> None:
        await super().listen(hearer)
        if self._thread is None:
            self._over = threading.Event()
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._watch, name="bell", daemon=True)
            self._thread.start()

    async def leave(self, hearer: Hearer) -> None:
        await super().leave(hearer)
        if not self._hearers:
            await self.close()

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._over.set()
            await asyncio.to_thread(thread.join)

    def _watch(self) -> None:
        over, loop = self._over, self._loop
        connection: sqlite3.Connection | None = None
        seen, next_due = None, None
        while loop is not None and not over.wait(SQLITE_LOOK):
            try:
                if connection is None:
                    connection = sqlite3.connect(self._path, isolation_level=None)
                    connection.execute("PRAGMA query_only = ON")
                version = connection.execute("PRAGMA data_version").fetchone()
                if version == seen:
                    continue
                work, stop, due = connection.execute(self._LOOK).fetchone()
                seen = version
            except sqlite3.Error:  # not there yet, or locked for a moment
                over.wait(0.5)
                continue
            try:
                if work:
                    loop.call_soon_threadsafe(self._wake_all, 0.0)
                if due is not None and due != next_due:
                    loop.call_soon_threadsafe(self._wake_all, max(due - time.time(), 0.001))
                if stop:
                    loop.call_soon_threadsafe(self._look_all)
            except RuntimeError:  # the loop is gone
                break
            next_due = due
        if connection is not None:
            connection.close()

    def _wake_all(self, delay: float) -> None:
        for hearer in self._hearers:
            hearer.wake(delay)

    def _look_all(self) -> None:
        for hearer in self._hearers:
            hearer.look_for_stops()


def build(settings: Settings, database: Database) -> Bell:
    """The bell that fits the settings."""
    url = settings.redis.url
    if url:
        return RedisBell(url, settings.redis.prefix)
    return for_database(database)


def for_database(database: Database) -> Bell:
    """Without Redis the database itself carries the rings."""
    from core.db.sqlite import SqliteEngine

    if isinstance(database.engine, SqliteEngine):
        return SqliteBell(database.engine.options.path)
    from core.db.postgres import PostgresEngine

    if isinstance(database.engine, PostgresEngine):
        return PostgresBell(database, database.engine)
    return Bell()
