"""A database with its core tables, jobs and workers, for the tests of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.db import database
from core.db.database import Database
from core.jobs.job import JobRow, Jobs, JobSpec, PluginJobs, RegisteredJob
from core.jobs.runner import Runner

PLUGIN = "shop"


def settings(url: str, **jobs: Any) -> Any:
    """Settings as far as database and jobs read them, hurried."""
    wanted = {
        "slots": 10,
        "lease": 2.0,
        "heartbeat": 0.2,
        "reconcile": 0.1,
        "timeout": 30.0,
        "attempts": 3,
        "backoff_base": 0.05,
        "backoff_max": 1.0,
        "keep_done": 7.0,
        "keep_dead": 90.0,
    }
    return SimpleNamespace(
        deployment=SimpleNamespace(name=""),
        database=SimpleNamespace(
            url=url,
            pool_size=6,
            max_overflow=0,
            acquire_timeout=5.0,
            statement_timeout=30.0,
            synchronous="normal",
            recycle=0.0,
            pre_ping=False,
            replica_url="",
        ),
        redis=SimpleNamespace(url="", prefix="plugram"),
        jobs=SimpleNamespace(**{**wanted, **jobs}),
        data_dir=Path(),
    )


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    async with database.build(settings(url)) as db:
        await db.migrate()
        yield db


def registry(specs: Sequence[JobSpec], context: Any = None) -> dict[str, RegisteredJob]:
    found = [RegisteredJob(PLUGIN, spec, context) for spec in specs]
    return {registered.name: registered for registered in found}


class Shop:
    """One plugin's jobs and workers on one database."""

    def __init__(self, db: Database, specs: Sequence[JobSpec] = (), **options: Any) -> None:
        self.db = db
        self.settings = settings("", **options)
        self.jobs = Jobs(db, self.settings.jobs)
        self.mine = PluginJobs(PLUGIN, self.jobs)
        self.registry = registry(specs)
        self.dead: list[JobRow] = []
        self.runners: list[Runner] = []

    async def hire(self, **options: Any) -> Runner:
        """A worker, started."""

        async def on_dead(row: JobRow) -> None:
            self.dead.append(row)

        runner = Runner(
            self.settings, self.db, self.registry, jobs=self.jobs, on_dead=on_dead, **options
        )
        await runner.start()
        self.runners.append(runner)
        return runner

    async def close(self) -> None:
        for runner in self.runners:
            await runner.stop()
        await self.jobs.bell.close()

    async def state(self, job: int) -> str:
        row = await self.jobs.get(job)
        return row.state if row else "gone"

    async def until(self, job: int, *states: str, timeout: float = 20) -> JobRow:
        """Wait until a job is in one of the states."""

        async def look() -> JobRow | None:
            row = await self.jobs.get(job)
            return row if row and row.state in states else None

        found: JobRow = await eventually(look, timeout=timeout, what=f"job {job} {states}")
        return found


@asynccontextmanager
async def shop(url: str, specs: Sequence[JobSpec] = (), **options: Any) -> AsyncIterator[Shop]:
    async with opened(url) as db:
        found = Shop(db, specs, **options)
        try:
            yield found
        finally:
            await found.close()


async def eventually(
    look: Callable[[], Awaitable[Any]], *, timeout: float = 20, what: str = "it"
) -> Any:
    """Poll until `look` answers something true; it. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        found = await look()
        if found:
            return found
        if loop.time() > deadline:
            raise TimeoutError(f"{what} didn't happen within {timeout} s")
        await asyncio.sleep(0.01)
