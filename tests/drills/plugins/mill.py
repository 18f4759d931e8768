"""A plugin for the drills: jobs that work, wait, or break their process, and write down what they
did in the table `drill_work`."""

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Sequence

import plugram
from plugram import Context, Job, hookimpl, job

manifest = {
    "id": "mill",
    "version": "1.0",
    "summary": "Works off jobs",
    "api": ">=1,<2",
}


async def note(ctx: Context, job: Job, what: str) -> None:
    await ctx.db.execute(
        "INSERT INTO drill_work (job, pid, what, at) VALUES ($1, $2, $3, $4)",
        *(job.id, os.getpid(), what, time.time()),
    )


@job
async def grind(ctx: Context, job: Job, seconds: float = 0.0) -> None:
    """Its effect and its end are one transaction."""
    await asyncio.sleep(seconds)
    async with job.finishing():
        await note(ctx, job, "done")


@job(timeout=3600)
async def endless(ctx: Context, job: Job) -> None:
    """The longest time-out of all: who waits for it before taking over waits for an hour."""
    await note(ctx, job, "begun")
    await asyncio.sleep(3000)


@job
def in_a_thread(ctx: Context, job: Job, seconds: float = 0.0) -> None:
    """A thread that asks now and then whether it should stop."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job.raise_if_cancelled()
        time.sleep(0.05)


@job
def in_a_process(ctx: Context, job: Job, seconds: float = 0.0) -> None:
    """A thread that waits for a program and asks nobody."""
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import time; time.sleep({seconds}) # the mill's"],
        check=True,
    )


@job(attempts=5, timeout=4)
async def poison(ctx: Context, job: Job, how: str) -> None:
    await note(ctx, job, "poison")
    if how == "segfault":
        ctypes.string_at(0)
    elif how == "memory":
        hoard = []
        while True:
            hoard.append(b"x" * 20_000_000)
            await asyncio.sleep(0.02)
    elif how == "hang":
        while True:
            time.sleep(0.1)  # noqa: ASYNC251 - it holds the loop on purpose


@hookimpl
def jobs(ctx: Context) -> Sequence[plugram.JobSpec]:
    return [grind, endless, in_a_thread, in_a_process, poison]
