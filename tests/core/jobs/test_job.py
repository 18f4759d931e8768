"""Enqueueing: what becomes a row, with which key, whose, and when the bell rings."""

# ruff: noqa: PT012 - a transaction must fail as a whole block
from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.db.scope import Scope
from core.errors import JobError
from core.jobs.job import (
    Job,
    JobSpec,
    PluginJobs,
    Priority,
    RegisteredJob,
    UpdateKey,
    current_job,
    in_thread,
    job,
    update_key,
)
from core.log import new_trace, trace_id
from tests.core.work import Shop, shop


@job
async def store(ctx: Any, job: Job, file_id: int, note: str = "") -> None: ...


@job(name="weigh", timeout=5, attempts=7, priority=Priority.LOW)
async def _weigh(ctx: Any, job: Job) -> None: ...


@pytest.fixture
async def works(database_url: str) -> AsyncIterator[Shop]:
    async with shop(database_url, [store, _weigh]) as opened:
        yield opened


class Rung:
    """Hears the bell."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.stops = 0

    def wake(self, delay: float = 0.0) -> None:
        self.delays.append(delay)

    def look_for_stops(self) -> None:
        self.stops += 1


@pytest.fixture
async def rung(works: Shop) -> Rung:
    """What a listener in the same process hears, without the database's own rings."""
    found = Rung()
    works.jobs.bell._hearers.append(found)
    return found


def test_a_decorated_function_is_a_spec() -> None:
    assert isinstance(store, JobSpec)
    assert (store.name, store.timeout, store.attempts) == ("store", None, None)
    assert (_weigh.name, _weigh.timeout, _weigh.attempts) == ("weigh", 5, 7)


def test_a_bad_schedule_is_refused_at_once() -> None:
    with pytest.raises(JobError, match="no cron expression"):
        job(cron="every day")
    assert job(cron="*/5 * * * *")(lambda ctx, job: None).cron == "*/5 * * * *"


async def test_enqueue_makes_a_row(works: Shop) -> None:
    trace = new_trace()
    number = await works.mine.enqueue(
        store, {"file_id": 7, "note": "ё"}, user=5, chat=-6, scope=Scope.chat(-6), delay=60
    )
    row = await works.jobs.get(number)
    assert row is not None
    assert (row.name, row.args, row.state) == ("shop.store", {"file_id": 7, "note": "ё"}, "delayed")
    assert (row.user, row.chat, row.scope, row.attempts) == (5, -6, "c:-6", 3)
    assert row.trace == trace
    assert 59 < row.run_at - row.created_at < 61
    assert await works.jobs.get(99999) is None


async def test_the_jobs_own_settings_are_in_the_row(works: Shop) -> None:
    numbers = [await works.mine.enqueue(_weigh)]
    works.jobs.registry = works.registry  # from now on names are known too
    numbers.append(await works.mine.enqueue("weigh"))
    numbers.append(await works.jobs.enqueue("shop.weigh"))
    for row in await works.jobs.find():
        assert (row.attempts, row.priority) == (7, Priority.LOW)
    urgent = await works.jobs.get(await works.mine.enqueue(_weigh, priority=Priority.HIGH))
    assert urgent is not None
    assert urgent.priority == Priority.HIGH
    assert len(numbers) == 3


async def test_a_trace_is_started_where_there_is_none(works: Shop) -> None:
    trace_id.set("")
    row = await works.jobs.get(await works.mine.enqueue(store, {"file_id": 1}))
    assert row is not None
    assert len(row.trace) == 16
    assert trace_id.get() == ""


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ({}, "file_id"),
        ({"file_id": 1, "nonsense": 2}, "nonsense"),
        ({"file_id": datetime(2026, 1, 1, tzinfo=UTC)}, "JSON"),
        ({"file_id": {1, 2}}, "JSON"),
        ({"file_id": 1, "note": "x" * (1 << 20)}, "bytes"),
    ],
)
async def test_arguments_are_checked_at_once(
    works: Shop, args: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(JobError, match=complaint):
        await works.mine.enqueue(store, args)
    assert (await works.jobs.counts())["queued"] == 0


async def test_a_known_name_is_checked_too(works: Shop) -> None:
    works.jobs.registry = works.registry
    with pytest.raises(JobError, match="file_id"):
        await works.mine.enqueue("store", {})
    assert await works.mine.enqueue("unknown", {"any": 1})


async def test_it_is_part_of_the_callers_transaction(works: Shop, rung: Rung) -> None:
    with pytest.raises(RuntimeError):
        async with works.db.transaction():
            await works.mine.enqueue(store, {"file_id": 1})
            raise RuntimeError
    assert (await works.jobs.counts())["queued"] == 0
    assert rung.delays == []
    async with works.db.transaction():
        await works.mine.enqueue(store, {"file_id": 1})
        await works.mine.enqueue(store, {"file_id": 2}, delay=5)
        assert rung.delays == []
    assert rung.delays == [0, 5]
    assert (await works.jobs.counts())["queued"] == 1


async def test_a_key_is_unique_while_its_job_is_there(works: Shop, rung: Rung) -> None:
    first = await works.mine.enqueue(store, {"file_id": 1}, key="one")
    assert await works.mine.enqueue(store, {"file_id": 1}, key="one") == first
    assert len(rung.delays) == 1
    other = PluginJobs("other", works.jobs)
    assert await other.enqueue("store", {"file_id": 1}, key="one") != first
    assert await works.jobs.cancel(first)
    assert await works.mine.enqueue(store, {"file_id": 1}, key="one") != first


async def test_the_same_key_from_many_at_once(works: Shop) -> None:
    numbers = await asyncio.gather(
        *(works.mine.enqueue(store, {"file_id": 1}, key="one") for _ in range(20))
    )
    assert len(set(numbers)) == 1


async def test_an_update_handled_twice_queues_once(works: Shop) -> None:
    async def handle() -> list[int]:
        update_key.set(UpdateKey(bot_id=1, update_id=2, user=5, chat=6))
        return [await works.mine.enqueue(store, {"file_id": number}) for number in (1, 2)]

    first = await asyncio.create_task(handle())
    assert await asyncio.create_task(handle()) == first
    assert len(set(first)) == 2
    row = await works.jobs.get(first[0])
    assert row is not None
    assert (row.user, row.chat) == (5, 6)
    await works.jobs.cancel(first[0])
    assert await asyncio.create_task(handle()) == first  # its key outlives it


async def test_a_job_run_twice_queues_once(works: Shop) -> None:
    parent = await works.mine.enqueue(store, {"file_id": 1}, user=5, scope=Scope.user(5))

    async def run() -> list[int]:
        claim = (await works.jobs.ledger.claim("me", ["shop.store"], 1))[0]
        current_job.set(Job(claim, works.jobs.ledger))
        numbers = [await works.mine.enqueue("next", {"part": part}) for part in ("a", "b", "a")]
        await works.db.execute("UPDATE core_jobs SET state = 'queued' WHERE id = $1", parent)
        return numbers

    first = await asyncio.create_task(run())
    assert await asyncio.create_task(run()) == first
    assert len(set(first)) == 3
    row = await works.jobs.get(first[0])
    assert row is not None
    assert (row.user, row.scope) == (5, "u:5")


async def test_many_at_once(works: Shop, rung: Rung) -> None:
    await works.mine.enqueue_many(store, [{"file_id": number} for number in range(500)], user=3)
    await works.mine.enqueue_many(store, [])
    assert (await works.jobs.counts())["queued"] == 500
    assert len(rung.delays) == 1
    with pytest.raises(JobError):
        await works.mine.enqueue_many(store, [{"file_id": 1}, {}])
    assert (await works.jobs.counts())["queued"] == 500


async def test_cancel_and_retry(works: Shop, rung: Rung) -> None:
    number = await works.mine.enqueue(store, {"file_id": 1}, delay=60)
    assert await works.jobs.cancel(number)
    assert not await works.jobs.cancel(number)
    assert await works.jobs.retry(number)
    assert not await works.jobs.retry(number)
    assert (await works.jobs.counts())["queued"] == 1
    await works.jobs.ledger.claim("me", ["shop.store"], 1)
    assert await works.jobs.cancel(number)
    assert rung.stops == 1
    assert await works.jobs.ledger.asked_to_stop("me") == [number]


async def test_finds_jobs(works: Shop) -> None:
    numbers = [await works.mine.enqueue(store, {"file_id": number}) for number in range(3)]
    await works.mine.enqueue(_weigh)
    await works.jobs.cancel(numbers[0])
    assert [row.id for row in await works.jobs.find(name="shop.store")] == numbers[::-1]
    assert [row.id for row in await works.jobs.find(state="cancelled")] == numbers[:1]
    assert len(await works.jobs.find(limit=2)) == 2


async def test_plain_functions_run_in_threads_of_their_own() -> None:
    trace_id.set("here")

    def plain() -> str:
        return trace_id.get()

    assert await in_thread(plain, "plain") == "here"
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(lambda: next(iter(())), "plain")


def test_progress_and_cancelling_need_no_await() -> None:
    from core.jobs.job import JobCancelled
    from core.jobs.ledger import Claim

    claim = Claim(1, "a.b", {}, None, None, None, "", 2, 3, 0, 1, 0.0)
    running = Job(claim, None)  # type: ignore[arg-type]
    running.progress(1, 3, "reading")
    assert running.report is not None
    assert running.report.text == "reading"
    running.raise_if_cancelled()
    running.cancelled = True
    with pytest.raises(JobCancelled):
        running.raise_if_cancelled()
    assert not running.is_last_attempt


def test_a_registered_job_has_its_plugins_name() -> None:
    assert RegisteredJob("files", store, None).name == "files.store"


@pytest.mark.parametrize(
    "module", ["core.jobs.runner", "core.jobs.job", "core.worker", "core.jobs.alone"]
)
def test_a_worker_imports_no_aiogram(module: str) -> None:
    program = f"import sys, {module}; print('aiogram' in sys.modules, 'tortoise' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
