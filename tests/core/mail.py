"""Intake in tests: a real database, a server of our own, and a handler that notes what it got."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from core.db.database import Database
from core.telegram import leases
from core.telegram.intake import Incoming, Intake
from core.telegram.outgoing import Limiter
from core.telegram.recorder import Recorder
from core.telegram.wire import Wire
from tests.core.telegram.test_wire import Http, Outgoing
from tests.core.work import opened
from tests.support.bot_api import TOKEN, BotApi

EFFECTS = "CREATE TABLE IF NOT EXISTS effects (number BIGINT, chat BIGINT)"


@dataclass(frozen=True)
class Settings:
    poll_timeout: int = 2
    concurrency: int = 64
    handler_timeout: float = 2.0
    attempts: int = 3
    keep: float = 48.0
    partition_lease: float = 1.0


async def nothing(incoming: Incoming) -> None:
    """A handler that has nothing to do."""


@dataclass
class Notes:
    """A handler. What it does with an update is `work`."""

    work: Callable[[Incoming], Awaitable[None]] = nothing
    begun: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)
    interruptions: list[int] = field(default_factory=list)

    async def feed(self, incoming: Incoming) -> None:
        self.begun.append(incoming.update_id)
        await self.work(incoming)
        self.done.append(incoming.update_id)

    async def gave_up(self, incoming: Incoming, error: BaseException) -> None:
        self.told.append((incoming.update_id, str(error)))

    async def interrupted(self, incoming: Incoming) -> None:
        self.interruptions.append(incoming.update_id)


@dataclass
class Office:
    """A database and a Bot API, with as many intakes as a test starts."""

    db: Database
    api: BotApi
    intakes: list[Intake] = field(default_factory=list)
    _wires: list[Wire] = field(default_factory=list)

    async def open(
        self,
        handler: Notes,
        *,
        db: Database | None = None,
        poll: bool = True,
        start: bool = True,
        records: Recorder | None = None,
        url: str = "",
        **settings: Any,
    ) -> Intake:
        wire = Wire(TOKEN, url or self.api.url, Http(), Limiter(Outgoing()))
        self._wires.append(wire)
        intake = Intake(
            Settings(**settings), db or self.db, wire, handler, poll=poll, records=records
        )
        self.intakes.append(intake)
        if start:
            await intake.start()
        return intake

    async def statuses(self) -> dict[int, int]:
        rows = await self.db.fetch("SELECT update_id, status FROM core_inbox")
        return {row["update_id"]: row["status"] for row in rows}

    async def close(self) -> None:
        for intake in self.intakes:
            await intake.stop(1)
        for wire in self._wires:
            await wire.close()


@asynccontextmanager
async def office(url: str) -> AsyncIterator[Office]:
    async with opened(url) as db, BotApi() as api:
        await db.execute(EFFECTS)
        one = Office(db, api)
        try:
            yield one
        finally:
            await one.close()


async def kill(intake: Intake) -> None:
    """What SIGKILL leaves behind: nothing is flushed, released or told."""
    intake._stopping = True
    tasks = [*intake._tasks, *intake._running, *([intake._polling] if intake._polling else [])]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    intake._finished.clear()
    leases._LIVING.discard(intake.leases.owner)
    intake.leases.held.clear()
    if intake._ear is not None:
        await intake._ear.close()
        intake._ear = None
    intake.stop = _stopped  # type: ignore[method-assign]


async def _stopped(deadline: float = 0) -> None:
    """In place of `stop`: it is dead already."""


async def until(
    ready: Callable[[], bool] | Callable[[], Awaitable[bool]], *, seconds: float = 10.0
) -> None:
    """Wait for something to become true. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while True:
        found = ready()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < deadline, "it didn't happen in time"
        await asyncio.sleep(0.01)
