"""What the child processes of the tests run: jobs that crash, hang, or do as they should.

The database's URL comes in the environment, as a deployment's settings do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from core.db import database
from core.db.database import Database
from core.jobs.alone import RunOne
from core.jobs.job import Job, Jobs, job
from core.jobs.runner import run_alone
from tests.core.work import registry, settings

URL = "PLUGRAM_TEST_DATABASE"
SLOW_START = "PLUGRAM_TEST_SLOW_START"
"""Seconds that a child takes before its job."""
BROKEN_START = "PLUGRAM_TEST_BROKEN_START"
"""Set: a child dies before its job."""


class Shop:
    """The context of the jobs: where they write down that they ran."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def note(self, running: Job, what: str) -> None:
        await self.db.execute(
            "INSERT INTO effects (job, pid, what, at) VALUES ($1, $2, $3, $4)",
            *(running.id, os.getpid(), what, time.time()),
        )


@job
async def innocent(ctx: Shop, job: Job, seconds: float = 0.0) -> None:
    await ctx.note(job, "begun")
    await asyncio.sleep(seconds)
    async with job.finishing():
        await ctx.note(job, "done")


@job(attempts=5, timeout=4)
async def poison(ctx: Shop, job: Job, how: str = "kill") -> None:
    await ctx.note(job, "poison")
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        import ctypes

        ctypes.string_at(0)
    elif how == "exit":
        os._exit(7)
    elif how == "hang":
        while True:
            time.sleep(0.1)  # noqa: ASYNC251 - it holds the loop on purpose


@job(timeout=1, attempts=1)
async def slow(ctx: Shop, job: Job) -> None:
    await ctx.note(job, "slow")
    await asyncio.sleep(60)


@job(attempts=1)
async def long(ctx: Shop, job: Job) -> None:
    job.progress(1, 2, "half")
    await ctx.note(job, "long")
    await asyncio.sleep(60)


@job(attempts=1)
async def broken(ctx: Shop, job: Job) -> None:
    raise ValueError("broken as ever")


JOBS = (innocent, poison, slow, long, broken)


def alone() -> RunOne:
    url = os.environ[URL]

    async def run(job_id: int, token: int, worker: str, began: Callable[[], None]) -> None:
        await asyncio.sleep(float(os.environ.get(SLOW_START, "0")))
        if os.environ.get(BROKEN_START):
            os.kill(os.getpid(), signal.SIGKILL)
        wanted = settings(url)
        async with database.build(wanted) as db:
            jobs = Jobs(db, wanted.jobs)
            known = registry(JOBS, Shop(db))
            await run_alone(
                jobs,
                known,
                wanted.jobs,
                job_id=job_id,
                token=token,
                worker=worker,
                began=began,
            )
            await jobs.bell.close()

    return run


def no_app() -> Any:
    raise SystemExit("this app can't be built")
