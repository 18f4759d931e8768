"""Suspects run in child processes: they may crash, hang, end and be cancelled there."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import JobError
from core.jobs.alone import Alone
from core.jobs.job import JobSpec
from tests.core import alone_app
from tests.core.alone_app import broken, innocent, long, poison, slow
from tests.core.work import Shop, eventually, registry, shop

FACTORY = "tests.core.alone_app:alone"


@pytest.fixture
async def works(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setenv(alone_app.URL, database_url)
    async with shop(database_url, alone_app.JOBS) as opened:
        opened.registry = registry(alone_app.JOBS, alone_app.Shop(opened.db))
        await opened.db.execute(
            "CREATE TABLE effects (job BIGINT, pid BIGINT, what TEXT, at DOUBLE PRECISION)"
        )
        yield opened


async def suspect(works: Shop, spec: JobSpec, args: dict[str, Any] | None = None) -> int:
    """A job that was running when its worker died."""
    number = await works.mine.enqueue(spec, args)
    await works.jobs.ledger.claim("a dead worker", [f"shop.{spec.name}"], 1)
    await works.jobs.ledger.reconcile()
    assert await works.state(number) == "suspect"
    return number


async def effects(works: Shop, number: int) -> list[dict[str, Any]]:
    return await works.db.fetch("SELECT * FROM effects WHERE job = $1 ORDER BY at", number)


async def test_an_innocent_ends_well_in_a_process_of_its_own(works: Shop) -> None:
    number = await suspect(works, innocent)
    await works.hire(alone=Alone(FACTORY))
    row = await works.until(number, "done")
    assert (row.attempt, row.crashes) == (1, 1)
    found = await effects(works, number)
    assert [effect["what"] for effect in found] == ["begun", "done"]
    assert found[0]["pid"] != os.getpid()


@pytest.mark.parametrize("how", ["kill", "segfault", "exit"])
async def test_a_poison_is_dead_after_three_crashes_and_costs_nobody(works: Shop, how: str) -> None:
    number = await suspect(works, poison, {"how": how})
    innocents = [await suspect(works, innocent, {"seconds": 0.5}) for _ in range(4)]
    runner = await works.hire(alone=Alone(FACTORY))
    other = await works.mine.enqueue(innocent)
    row = await works.until(number, "dead", timeout=30)
    assert (row.crashes, row.attempt) == (3, 0)
    assert "its process ended with" in row.error
    for innocent_one in (*innocents, other):
        done = await works.until(innocent_one, "done")
        assert done.attempt == 1
    assert len(await effects(works, number)) == 2
    await eventually(lambda: _is(works.dead))
    assert works.dead[0].id == number
    await eventually(lambda: _is(runner.busy == 0))


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has asked about yet doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def _is(value: Any) -> Any:
    return value


async def test_failures_and_time_outs_are_no_crashes(works: Shop) -> None:
    numbers = [await suspect(works, spec) for spec in (broken, slow)]
    await works.hire(alone=Alone(FACTORY))
    rows = [await works.until(number, "dead", timeout=30) for number in numbers]
    assert [row.crashes for row in rows] == [1, 1]
    assert [row.error for row in rows] == [
        "ValueError: broken as ever",
        "TimeoutError: took longer than 1 s",
    ]
    await eventually(lambda: _is(len(works.dead) == 2))


async def test_one_that_hangs_is_killed(works: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.runner.CHILD_END", 0.5)
    number = await suspect(works, poison, {"how": "hang"})
    await works.hire(alone=Alone(FACTORY))
    row = await works.until(number, "dead", timeout=30)
    assert row.crashes == 3
    assert "stood still" in row.error
    pids = [effect["pid"] for effect in await effects(works, number)]
    await eventually(lambda: _is(not any(map(alive, pids))))


async def test_a_slow_start_is_not_the_jobs(works: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """All plugins start before the job: on a busy machine for longer than the job may take."""
    monkeypatch.setattr("core.jobs.runner.CHILD_END", 0.5)
    monkeypatch.setenv(alone_app.SLOW_START, "2.5")
    works.settings.jobs.timeout = 1.0
    number = await suspect(works, innocent)
    await works.hire(alone=Alone(FACTORY))
    row = await works.until(number, "done", "dead", timeout=30)
    assert (row.state, row.attempt, row.crashes) == ("done", 1, 1)


async def test_a_start_that_crashes_is_no_crash_of_the_job(
    works: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(alone_app.BROKEN_START, "1")
    number = await suspect(works, innocent)
    await works.hire(alone=Alone(FACTORY))
    row = await works.until(number, "delayed", timeout=30)
    assert (row.attempt, row.crashes) == (0, 1)
    assert await effects(works, number) == []


async def test_cancelling_one(works: Shop) -> None:
    number = await suspect(works, long)
    await works.hire(alone=Alone(FACTORY))
    found = await eventually(lambda: effects(works, number), timeout=30)

    async def progressed() -> bool:
        row = await works.jobs.get(number)
        return row is not None and row.progress.text == "half"

    await eventually(progressed)
    begin = time.monotonic()
    assert await works.jobs.cancel(number)
    await works.until(number, "cancelled")
    assert time.monotonic() - begin < 2
    await eventually(lambda: _is(not alive(found[0]["pid"])))


async def test_stopping_gives_it_back_and_leaves_no_process(works: Shop) -> None:
    number = await suspect(works, long)
    alone = Alone(FACTORY)
    runner = await works.hire(alone=alone)
    found = await eventually(lambda: effects(works, number), timeout=30)
    assert alone._process is not None
    pids = [alone._process.pid, found[0]["pid"]]
    assert all(map(alive, pids))
    await runner.stop()
    row = await works.jobs.get(number)
    assert row is not None
    assert (row.state, row.attempt, row.crashes) == ("suspect", 0, 1)
    await eventually(lambda: _is(not any(map(alive, pids))))


async def test_children_die_with_their_owner(works: Shop) -> None:
    number = await suspect(works, long)
    alone = Alone(FACTORY)
    (claim,) = await works.jobs.ledger.claim("me", ["shop.long"], 1, suspects=True)
    running = asyncio.create_task(alone.run(number, claim.token, "me", 30))
    (effect,) = await eventually(lambda: effects(works, number), timeout=30)
    assert alone._process is not None
    alone._process.kill()
    with pytest.raises(JobError, match="ended"):
        await running
    await eventually(lambda: _is(not alive(effect["pid"])))
    await alone.close()


async def test_an_app_that_cannot_be_built_is_no_fault_of_the_job(works: Shop) -> None:
    number = await suspect(works, innocent)
    await works.hire(alone=Alone("tests.core.alone_app:no_app"))
    row = await works.until(number, "delayed", timeout=30)
    assert (row.crashes, row.attempt) == (1, 0)
    assert "didn't start" in row.error


async def test_the_parent_process_goes_when_it_is_idle(
    works: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.jobs.alone.IDLE", 0.2)
    alone = Alone(FACTORY)
    for _ in range(2):
        number = await suspect(works, innocent)
        (claim,) = await works.jobs.ledger.claim("me", ["shop.innocent"], 1, suspects=True)
        assert await alone.run(number, claim.token, "me", 30) == 0
        assert await works.state(number) == "done"
        await eventually(lambda: _is(alone._process is None))
    await alone.close()
