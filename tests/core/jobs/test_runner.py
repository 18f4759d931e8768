"""The runner: what becomes of a job that succeeds, fails, hangs, is cancelled or left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.config import Rollout
from core.db.scope import Scope
from core.errors import JobError, LockedError
from core.flags import Flags
from core.jobs.job import Job, Jobs, JobSpec, PluginJobs, Priority, Retry, job
from core.jobs.ledger import Ending
from core.jobs.runner import is_final, next_tick
from core.log import new_trace, trace_id
from tests.core.work import PLUGIN, Shop, eventually, opened, registry, shop

CONTEXT = object()


async def test_runs_what_is_queued(database_url: str) -> None:
    seen: list[Any] = []

    @job
    async def count(ctx: Any, job: Job, number: int) -> None:
        seen.append((ctx, job.id, job.attempt, number, job.user, job.scope, trace_id.get()))

    trace = new_trace()
    async with shop(database_url, [count]) as works:
        works.registry = registry([count], CONTEXT)
        before = await works.mine.enqueue(count, {"number": 1}, user=5, scope=Scope.user(5))
        await works.hire()
        after = await works.mine.enqueue(count, {"number": 2})
        for number in (before, after):
            row = await works.until(number, "done")
            assert (row.error, row.worker, row.attempt) == ("", None, 1)
            assert row.finished_at is not None
    assert seen[0] == (CONTEXT, before, 1, 1, 5, Scope.user(5), trace)
    assert seen[1][3] == 2


async def test_jobs_of_those_for_whom_the_plugin_is_off_do_not_happen(database_url: str) -> None:
    """What cleans up after them does, and what is nobody's."""
    ran: list[Any] = []

    @job
    async def work(ctx: Any, job: Job) -> None:
        ran.append((job.name, job.user))

    @job(cleans=True)
    async def forget(ctx: Any, job: Job) -> None:
        ran.append((job.name, job.user))

    async with shop(database_url, [work, forget]) as works:
        flags = Flags({PLUGIN: Rollout(users=(1,))})
        works.registry = {
            name: replace(one, flags=flags) for name, one in registry([work, forget]).items()
        }
        await works.hire()
        for user in (1, 2, None):
            await works.until(
                await works.mine.enqueue(work, user=user), "cancelled" if user == 2 else "done"
            )
        of_scope = await works.mine.enqueue(work, scope=Scope.user(2))
        row = await works.until(of_scope, "cancelled")
        assert row.error == f"{PLUGIN} is off for user 2 in chat 2: isn't named"
        await works.until(await works.mine.enqueue(forget, user=2), "done")
        assert ran == [
            *((f"{PLUGIN}.work", user) for user in (1, None)),
            (f"{PLUGIN}.forget", 2),
        ]
        flags.replace({})
        assert await works.jobs.retry(of_scope)
        await works.until(of_scope, "done")


async def test_a_plain_function_runs_in_a_thread(database_url: str) -> None:
    threads: list[str] = []

    @job
    def plain(ctx: Any, job: Job) -> None:
        threads.append(threading.current_thread().name)
        job.progress(1, 2)
        time.sleep(0.05)

    async with shop(database_url, [plain]) as works:
        await works.hire()
        await works.until(await works.mine.enqueue(plain), "done")
    assert threads == [f"job-{PLUGIN}.plain"]


async def test_failures_are_tried_again_with_growing_pauses(database_url: str) -> None:
    times: list[float] = []

    @job(attempts=3)
    async def flaky(ctx: Any, job: Job) -> None:
        times.append(time.monotonic())
        if job.attempt < 3:
            raise OSError("not now")

    async with shop(database_url, [flaky], backoff_base=1.2, backoff_max=0.2) as works:
        await works.hire()
        row = await works.until(await works.mine.enqueue(flaky), "done")
    assert (row.attempt, row.error) == (3, "")
    assert times[1] - times[0] >= 0.15


async def test_out_of_attempts_is_dead_and_told(database_url: str) -> None:
    @job(attempts=2)
    async def broken(ctx: Any, job: Job) -> None:
        raise ValueError("never with token=abcdef123456")

    async with shop(database_url, [broken]) as works:
        await works.hire()
        number = await works.mine.enqueue(broken)
        row = await works.until(number, "dead")
        assert row.attempt == 2
        assert row.error.startswith("ValueError: never")
        assert "abcdef123456" not in row.error
        await eventually(_answer(lambda: works.dead))
        assert works.dead[0].id == number
        assert await works.jobs.retry(number)
        await works.until(number, "dead")


def _answer(question: Any) -> Any:
    async def look() -> Any:
        return question()

    return look


@pytest.mark.parametrize("error", [JobError("no such file"), SystemExit(3)])
async def test_some_errors_are_final_and_none_ends_the_worker(
    database_url: str, error: BaseException
) -> None:
    @job(attempts=2)
    async def broken(ctx: Any, job: Job) -> None:
        raise error

    @job
    async def fine(ctx: Any, job: Job) -> None: ...

    async with shop(database_url, [broken, fine]) as works:
        await works.hire()
        number = await works.mine.enqueue(broken)
        await works.until(await works.mine.enqueue(fine), "done")
        row = await works.until(number, "dead")
        assert row.attempt == (1 if isinstance(error, JobError) else 2)


@pytest.mark.parametrize("text", ["half \ud83d of a character", "a NUL \0 inside"])
async def test_an_error_of_any_text_is_kept_and_ends_no_worker(
    database_url: str, text: str
) -> None:
    @job(attempts=1)
    async def broken(ctx: Any, job: Job) -> None:
        await job.progress(1, 2, text)
        raise ValueError(text)

    @job
    async def fine(ctx: Any, job: Job) -> None: ...

    async with shop(database_url, [broken, fine]) as works:
        await works.hire()
        row = await works.until(await works.mine.enqueue(broken), "dead")
        assert "inside" in row.error or "of a character" in row.error
        await works.until(await works.mine.enqueue(fine), "done")


async def test_an_error_that_cant_say_what_it_is_counts_as_any(database_url: str) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    @job(attempts=1)
    async def broken(ctx: Any, job: Job) -> None:
        raise Mute

    async with shop(database_url, [broken]) as works:
        await works.hire()
        row = await works.until(await works.mine.enqueue(broken), "dead")
        assert row.error.startswith("Mute: ")


async def test_a_cancelled_job_that_fails_otherwise_isnt_tried_again(database_url: str) -> None:
    running, starts = asyncio.Event(), []

    @job(attempts=5)
    async def stubborn(ctx: Any, job: Job) -> None:
        starts.append(1)
        running.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError("closing failed") from None

    async with shop(database_url, [stubborn]) as works:
        await works.hire()
        number = await works.mine.enqueue(stubborn)
        await running.wait()
        assert await works.jobs.cancel(number)
        await works.until(number, "cancelled")
        await asyncio.sleep(0.3)
        assert await works.state(number) == "cancelled"
    assert starts == [1]


def test_which_errors_are_final() -> None:
    class Chosen(Exception):
        final = True

    assert is_final(JobError("x"))
    assert is_final(Chosen())
    assert not is_final(OSError())


async def test_a_job_may_say_when_to_come_back(database_url: str) -> None:
    times: list[float] = []

    @job
    async def later(ctx: Any, job: Job) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            raise Retry(0.3)

    async with shop(database_url, [later], backoff_base=60, backoff_max=60) as works:
        await works.hire()
        await works.until(await works.mine.enqueue(later), "done")
    assert 0.29 < times[1] - times[0] < 3


async def test_a_slow_job_is_stopped_and_tried_again(database_url: str) -> None:
    attempts: list[int] = []

    @job(timeout=0.2)
    async def slow(ctx: Any, job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt == 1:
            await asyncio.sleep(60)

    @job(timeout=0.2, attempts=1)
    def slow_thread(ctx: Any, job: Job) -> None:
        time.sleep(1)

    async with shop(database_url, [slow, slow_thread]) as works:
        await works.hire()
        number, thread = await works.mine.enqueue(slow), await works.mine.enqueue(slow_thread)
        await works.until(number, "done")
        assert (await works.until(thread, "dead")).error == "TimeoutError: took longer than 0.2 s"
    assert attempts == [1, 2]


async def test_delayed_jobs_start_in_time(database_url: str) -> None:
    started: list[float] = []

    @job
    async def stamp(ctx: Any, job: Job) -> None:
        started.append(time.time())

    async with shop(database_url, [stamp], reconcile=30.0) as works:
        await works.hire()
        await asyncio.sleep(0.1)
        begin = time.time()
        await works.until(await works.mine.enqueue(stamp, delay=0.4), "done")
    assert 0.39 < started[0] - begin < 1


async def test_running_jobs_are_cancelled_soon(database_url: str) -> None:
    running = asyncio.Event()
    cleaned: list[str] = []

    @job
    async def long(ctx: Any, job: Job) -> None:
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("async")

    @job
    def long_thread(ctx: Any, job: Job) -> None:
        try:
            while True:
                job.raise_if_cancelled()
                time.sleep(0.01)
        finally:
            cleaned.append("thread")

    async with shop(database_url, [long, long_thread]) as works:
        await works.hire()
        numbers = [await works.mine.enqueue(long), await works.mine.enqueue(long_thread)]
        await running.wait()
        await works.until(numbers[1], "running")
        begin = time.monotonic()
        for number in numbers:
            assert await works.jobs.cancel(number)
            await works.until(number, "cancelled")
        assert time.monotonic() - begin < 2
        await eventually(_answer(lambda: len(cleaned) == 2))


async def test_one_that_does_not_listen_loses_its_slot(database_url: str) -> None:
    release = threading.Event()

    @job
    async def deaf(ctx: Any, job: Job) -> None:
        while not release.is_set():
            try:  # noqa: SIM105
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                pass

    @job
    async def fine(ctx: Any, job: Job) -> None: ...

    async with shop(database_url, [deaf, fine], slots=1) as works:
        await works.hire()
        number = await works.mine.enqueue(deaf)
        await works.until(number, "running")
        other = await works.mine.enqueue(fine)
        await works.jobs.cancel(number)
        await works.until(number, "cancelled")
        await works.until(other, "done")
        release.set()
        await asyncio.sleep(0.1)


async def test_progress_is_seen(database_url: str) -> None:
    over = asyncio.Event()

    @job
    async def steps(ctx: Any, job: Job) -> None:
        await job.progress(1, 3, "one")
        job.progress(2, 3, "two")
        await over.wait()

    async with shop(database_url, [steps]) as works:
        await works.hire()
        number = await works.mine.enqueue(steps)

        async def seen() -> bool:
            row = await works.jobs.get(number)
            return row is not None and row.progress.done == 2

        await eventually(seen)
        over.set()
        row = await works.until(number, "done")
        assert (row.progress.total, row.progress.text) == (3, "two")


async def test_never_more_than_the_slots(database_url: str) -> None:
    now, most = 0, 0

    @job
    async def busy(ctx: Any, job: Job) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    async with shop(database_url, [busy], slots=3) as works:
        await works.mine.enqueue_many(busy, [{} for _ in range(30)])
        await works.hire()
        await eventually(_count(works, "done", 30))
    assert most == 3


def _count(works: Shop, state: Any, number: int) -> Any:
    async def look() -> bool:
        counts = await works.jobs.counts()
        return bool(counts[state] == number)

    return look


async def test_a_crowd_does_not_keep_others_waiting(database_url: str) -> None:
    finished: list[int] = []

    @job
    async def work(ctx: Any, job: Job) -> None:
        finished.append(job.user or 0)

    async with shop(database_url, [work]) as works:
        await works.mine.enqueue_many(work, [{} for _ in range(5000)], user=1)
        await works.hire()
        await eventually(_answer(lambda: len(finished) > 50))
        begin, before = time.monotonic(), len(finished)
        await works.mine.enqueue_many(work, [{} for _ in range(5)], user=2)
        await eventually(_answer(lambda: finished.count(2) == 5))
        assert time.monotonic() - begin < 10
        assert len(finished) - before < 2500
        await eventually(_answer(lambda: len(finished) == 5005), timeout=40)


async def test_a_crowd_that_becomes_due_at_once_does_neither(database_url: str) -> None:
    finished: list[int] = []

    @job
    async def work(ctx: Any, job: Job) -> None:
        finished.append(job.user or 0)

    async with shop(database_url, [work], slots=1) as works:
        await works.mine.enqueue_many(work, [{} for _ in range(100)], user=1, delay=0.3)
        await works.mine.enqueue(work, user=2, delay=0.3)
        await asyncio.sleep(0.5)
        await works.hire()
        await eventually(_answer(lambda: len(finished) == 101))
    assert finished.index(2) < 5


async def test_urgent_jobs_overtake(database_url: str) -> None:
    order: list[str] = []

    @job
    async def work(ctx: Any, job: Job, name: str) -> None:
        order.append(name)

    async with shop(database_url, [work], slots=1) as works:
        for name, priority in (
            ("low", Priority.LOW),
            ("normal", Priority.NORMAL),
            ("high", Priority.HIGH),
        ):
            await works.mine.enqueue(work, {"name": name}, priority=priority)
        await works.hire()
        await eventually(_answer(lambda: len(order) == 3))
    assert order == ["high", "normal", "low"]


async def test_effects_and_end_are_one(database_url: str) -> None:
    @job(attempts=2)
    async def pay(ctx: Any, job: Job) -> None:
        db = works.db
        async with job.finishing():
            await db.execute("INSERT INTO paid VALUES ($1)", job.id)
        raise OSError("after the end, which nobody hears")

    async with shop(database_url, [pay]) as works:
        await works.db.execute("CREATE TABLE paid (job BIGINT)")
        await works.hire()
        await works.until(await works.mine.enqueue(pay), "done")
        await asyncio.sleep(0.2)
        assert await works.db.fetchval("SELECT count(*) FROM paid") == 1


async def test_who_lost_the_job_can_not_pay(database_url: str) -> None:
    entered, go = asyncio.Event(), asyncio.Event()
    refused: list[Exception] = []

    @job
    async def pay(ctx: Any, job: Job) -> None:
        if job.attempt == 1 and not entered.is_set():
            entered.set()
            await go.wait()
        try:
            async with job.finishing():
                await works.db.execute("INSERT INTO paid VALUES ($1)", job.id)
        except LockedError as error:
            refused.append(error)
            raise

    async with shop(database_url, [pay]) as works:
        await works.db.execute("CREATE TABLE paid (job BIGINT)")
        await works.hire()
        number = await works.mine.enqueue(pay)
        await entered.wait()
        claim = next(iter(works.runners[0]._running.values())).job.claim
        await works.jobs.ledger.finish(Ending(number, claim.token, "queued", uncounted=True))
        works.jobs.bell.ring()
        await asyncio.sleep(0.2)  # a second claim of it is refused its place, and given back
        go.set()
        await works.until(number, "done")
        assert await works.db.fetchval("SELECT count(*) FROM paid") == 1


async def test_draining_waits_and_gives_back_the_rest(database_url: str) -> None:
    begun = asyncio.Event()

    @job
    async def short(ctx: Any, job: Job) -> None:
        await asyncio.sleep(0.2)

    @job
    async def long(ctx: Any, job: Job) -> None:
        begun.set()
        await asyncio.sleep(60)

    async with shop(database_url, [short, long]) as works:
        runner = await works.hire()
        numbers = [await works.mine.enqueue(short), await works.mine.enqueue(long)]
        await begun.wait()
        begin = time.monotonic()
        assert not await runner.drain(0.6)
        assert time.monotonic() - begin < 3
        waiting = await works.mine.enqueue(short)
        await runner.stop()
        assert [await works.state(number) for number in numbers] == ["done", "queued"]
        row = await works.jobs.get(numbers[1])
        assert row is not None
        assert (row.attempt, row.crashes, row.worker) == (0, 0, None)
        assert await works.state(waiting) == "queued"
        assert await works.jobs.workers() == []


async def test_a_loop_that_ended_is_told(sqlite_url: str) -> None:
    """For the health check: a worker that claims nothing any more looks alive otherwise."""
    async with shop(sqlite_url) as works:
        worker = await works.hire()
        assert worker.ended == ""
        claiming = next(loop for loop in worker._loops if loop.get_name() == "_claim_loop")
        claiming.cancel()
        await asyncio.wait({claiming})
        assert worker.ended == "_claim_loop"


async def test_a_quick_drain_is_clean(database_url: str) -> None:
    @job
    async def short(ctx: Any, job: Job) -> None:
        await asyncio.sleep(0.1)

    async with shop(database_url, [short]) as works:
        runner = await works.hire()
        number = await works.mine.enqueue(short)
        await works.until(number, "running")
        assert await runner.drain(10)
        assert await works.state(number) == "done"


async def test_unknown_jobs_are_parked_until_somebody_knows_them(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.jobs.runner.PARK_EVERY", 0.1)

    @job
    async def late(ctx: Any, job: Job) -> None: ...

    async with shop(database_url, []) as works:
        await works.hire()
        number = await works.mine.enqueue(late)
        await works.until(number, "parked")
        works.registry = registry([late])  # the plugin is switched on again
        await works.hire()
        await works.until(number, "done")


async def test_two_workers_share(database_url: str) -> None:
    ran: list[int] = []

    @job
    async def work(ctx: Any, job: Job, number: int) -> None:
        ran.append(number)
        await asyncio.sleep(0.002)

    async with shop(database_url, [work], slots=4) as works:
        await works.mine.enqueue_many(work, [{"number": number} for number in range(300)])
        await works.hire()
        await works.hire()
        await eventually(_count(works, "done", 300))
        assert len(await works.jobs.workers()) == 2
    assert sorted(ran) == list(range(300))


async def test_who_stood_still_too_long_starts_anew(database_url: str) -> None:
    starts: list[str] = []

    @job
    async def work(ctx: Any, job: Job) -> None:
        starts.append(works.runners[0].id)
        if len(starts) == 1:
            await asyncio.sleep(60)

    async with shop(database_url, [work]) as works:
        runner = await works.hire()
        number = await works.mine.enqueue(work)
        await works.until(number, "running")
        before = runner.id
        await works.jobs.ledger.unregister(before)  # as another worker's reconciler does
        row = await works.until(number, "done")
        assert (row.crashes, row.attempt) == (1, 1)
        await eventually(_answer(lambda: runner.id != before))
    assert len(starts) == 2


async def test_claims_whose_answer_was_lost_are_given_back(database_url: str) -> None:
    @job
    async def work(ctx: Any, job: Job) -> None: ...

    async with shop(database_url, [work]) as works:
        runner = await works.hire()
        async with works.db.transaction():
            number = await works.mine.enqueue(work)
            await works.jobs.ledger.claim(runner.id, [f"{PLUGIN}.work"], 1)
        await asyncio.sleep(0.2)
        assert await works.state(number) == "running"
        runner._unsure = True  # what an error of the database sets
        runner.wake()
        row = await works.until(number, "done")
        assert row.attempt == 1


# -- cron ---------------------------------------------------------------------------------------


def test_ticks_are_in_utc() -> None:
    now = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC).timestamp()
    assert next_tick("*/5 * * * *", now) == int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    assert next_tick("0 3 * * *", now) == int(datetime(2026, 3, 29, 3, tzinfo=UTC).timestamp())


def tick_job(ran: list[float], cron: str = "0 0 1 1 *") -> JobSpec:
    @job(cron=cron)
    async def tick(ctx: Any, job: Job) -> None:
        ran.append(time.time())

    return tick


async def test_several_workers_plant_a_tick_once(database_url: str) -> None:
    ran: list[float] = []
    async with shop(database_url, [tick_job(ran)]) as works:
        for _ in range(3):
            await works.hire()
        await asyncio.sleep(0.5)
        (row,) = await works.jobs.find()
        assert (row.state, row.name) == ("delayed", f"{PLUGIN}.tick")
        assert row.run_at == next_tick("0 0 1 1 *", time.time())
    assert ran == []


async def test_a_due_tick_runs_and_the_next_one_is_there(database_url: str) -> None:
    ran: list[float] = []
    spec = tick_job(ran, "* * * * *")
    async with shop(database_url, [spec]) as works:
        await works.hire()
        await eventually(_count(works, "delayed", 1))
        await works.db.execute("UPDATE core_jobs SET run_at = run_at - 120")
        works.runners[0].wake(0.01)
        await eventually(_answer(lambda: ran))
        await asyncio.sleep(0.3)
    assert len(ran) == 1


async def test_what_was_missed_is_caught_up_once(database_url: str) -> None:
    ran: list[float] = []
    spec = tick_job(ran)
    async with opened(database_url) as db:
        works = Shop(db, [spec])
        await works.hire()
        await eventually(_count(works, "delayed", 1))
        await works.close()
        # Nobody works for a year and a day.
        await db.execute(
            "UPDATE core_jobs SET run_at = run_at - 31622400, key = $1",
            f"=cron:{PLUGIN}.tick:1",
        )
        works = Shop(db, [spec])
        await works.hire()
        await works.hire()
        await eventually(_answer(lambda: ran))
        await asyncio.sleep(0.4)
        assert len(ran) == 1
        assert (await works.jobs.counts())["delayed"] == 1
        await works.close()


async def test_a_new_schedule_replaces_the_old_one(database_url: str) -> None:
    ran: list[float] = []
    async with opened(database_url) as db:
        for cron in ("0 0 1 1 *", "0 0 1 6 *"):
            works = Shop(db, [tick_job(ran, cron)])
            await works.hire()
            await eventually(_answer(lambda works=works: works.runners[0]._planted))
            await works.close()
        (row,) = await works.jobs.find()
        assert row.run_at == next_tick("0 0 1 6 *", time.time())


# -- the database goes away -----------------------------------------------------------------------


async def test_jobs_outlive_a_restart_of_the_database() -> None:
    from tests.support.servers import Postgres

    ran: list[int] = []

    @job
    async def work(ctx: Any, job: Job, number: int) -> None:
        ran.append(number)
        await asyncio.sleep(0.01)

    server = Postgres()
    try:
        await asyncio.to_thread(server.start)
        async with shop(server.create(), [work], slots=4) as works:
            await works.mine.enqueue_many(work, [{"number": number} for number in range(200)])
            await works.hire()
            await eventually(_answer(lambda: len(ran) > 20))
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)
            await eventually(_count(works, "done", 200))
            assert set(ran) == set(range(200))
            await works.until(await works.mine.enqueue(work, {"number": 999}), "done")
    finally:
        await asyncio.to_thread(server.remove)


async def test_enqueues_from_elsewhere_are_heard(database_url: str) -> None:
    """Another process's `Jobs`, with a bell of its own; the reconciler is slow on purpose."""
    ran: list[float] = []

    @job
    async def work(ctx: Any, job: Job, sent: float) -> None:
        ran.append(time.monotonic() - sent)

    async with shop(database_url, [work], reconcile=30.0) as works, opened(database_url) as other:
        await works.hire()
        await asyncio.sleep(0.3)
        jobs = Jobs(other)
        mine = PluginJobs(PLUGIN, jobs)
        for _ in range(20):
            await mine.enqueue(work, {"sent": time.monotonic()})
            await asyncio.sleep(0.02)
        await mine.enqueue(work, {"sent": time.monotonic()}, delay=0.3)
        await eventually(_answer(lambda: len(ran) == 21), timeout=10)
        assert sorted(ran)[10] < 0.1
        await jobs.bell.close()


async def test_cancels_from_elsewhere_are_heard(database_url: str) -> None:
    @job
    async def long(ctx: Any, job: Job) -> None:
        await asyncio.sleep(60)

    async with shop(database_url, [long]) as works, opened(database_url) as other:
        await works.hire()
        number = await works.mine.enqueue(long)
        await works.until(number, "running")
        begin = time.monotonic()
        jobs = Jobs(other)
        assert await jobs.cancel(number)
        await works.until(number, "cancelled")
        assert time.monotonic() - begin < 2
        await jobs.bell.close()


async def test_a_claim_on_its_way_is_given_back_when_stopping(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    @job
    async def work(ctx: Any, job: Job) -> None:
        ran.append(job.id)
        await asyncio.sleep(60)

    async with shop(database_url, [work], reconcile=30.0) as works:
        runner = await works.hire()
        await asyncio.sleep(0.3)
        asked, go = asyncio.Event(), asyncio.Event()
        claim = runner.ledger.claim_and_finish

        async def slowly(*args: Any) -> Any:
            found = await claim(*args)
            asked.set()
            await go.wait()
            return found

        monkeypatch.setattr(runner.ledger, "claim_and_finish", slowly)
        number = await works.mine.enqueue(work)
        await asked.wait()
        stopping = asyncio.create_task(runner.stop())
        await asyncio.sleep(0.1)
        go.set()
        await stopping
        row = await works.jobs.get(number)
        assert row is not None
        assert (row.state, row.attempt, ran) == ("queued", 0, [])
