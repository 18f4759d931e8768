"""The ledger's statements: order, fairness, fencing, taking over, parking, forgetting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.db.database import Database
from core.jobs.ledger import (
    Claim,
    Ending,
    Ledger,
    NewJob,
    Progress,
    State,
    cron_prefix,
)
from core.jobs.statements import MAX_CRASHES, UPGRADES
from tests.core.work import opened

NAMES = ["a.one", "a.two"]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


@pytest.fixture
def ledger(db: Database) -> Ledger:
    return Ledger(db)


async def register(
    ledger: Ledger, worker: str, lease: float = 60, names: list[str] = NAMES
) -> None:
    await ledger.register(worker, host="here", pid=1, slots=10, names=names, lease=lease)


async def insert(
    ledger: Ledger,
    *,
    name: str = "a.one",
    user: int | None = None,
    priority: int = 1,
    delay: float = 0.0,
    key: str | None = None,
) -> int:
    new = NewJob(
        name=name, args="{}", attempts=3, user=user, priority=priority, delay=delay, key=key
    )
    return (await ledger.insert(new))[0]


async def claim_one(ledger: Ledger, worker: str = "me") -> Claim:
    (found,) = await ledger.claim(worker, NAMES, 1)
    return found


async def state(ledger: Ledger, job: int) -> State | None:
    row = await ledger.get(job)
    return row.state if row else None


async def test_the_oldest_first(ledger: Ledger) -> None:
    numbers = [await insert(ledger) for _ in range(5)]
    assert [found.id for found in await ledger.claim("me", NAMES, 3)] == numbers[:3]
    assert [found.id for found in await ledger.claim("me", NAMES, 3)] == numbers[3:]
    assert await ledger.claim("me", NAMES, 3) == []


async def test_the_urgent_first(ledger: Ledger) -> None:
    low = await insert(ledger, priority=2)
    normal = await insert(ledger, priority=1)
    high = await insert(ledger, priority=0)
    assert [found.id for found in await ledger.claim("me", NAMES, 3)] == [high, normal, low]


async def test_users_take_turns(ledger: Ledger) -> None:
    await ledger.insert_many(
        NewJob(name="a.one", args="{}", attempts=3, user=1) for _ in range(5000)
    )
    late = [await insert(ledger, user=2) for _ in range(5)]
    first = {found.id for found in await ledger.claim("me", NAMES, 20)}
    assert first.issuperset(late)


async def test_jobs_of_nobody_take_turns_too(ledger: Ledger) -> None:
    await ledger.insert_many(NewJob(name="a.one", args="{}", attempts=3) for _ in range(5000))
    late = [await insert(ledger, user=2) for _ in range(5)]
    assert {found.id for found in await ledger.claim("me", NAMES, 20)}.issuperset(late)


async def test_a_backlog_that_is_done_is_forgiven(ledger: Ledger) -> None:
    await ledger.insert_many(NewJob(name="a.one", args="{}", attempts=3, user=1) for _ in range(50))
    done = [(found.id, found.token) for found in await ledger.claim("me", NAMES, 50)]
    await ledger.finish_done(done)
    mine, other = await insert(ledger, user=1), await insert(ledger, user=2)
    assert [found.id for found in await ledger.claim("me", NAMES, 2)] == [mine, other]


async def test_only_known_names(ledger: Ledger) -> None:
    unknown = await insert(ledger, name="b.none")
    known = await insert(ledger)
    assert [found.id for found in await ledger.claim("me", NAMES, 5)] == [known]
    assert await state(ledger, unknown) == "queued"


async def test_rows_of_a_newer_format_are_left_alone(db: Database, ledger: Ledger) -> None:
    job = await insert(ledger)
    await db.execute("UPDATE core_jobs SET version = 99")
    assert await ledger.claim("me", NAMES, 5) == []
    assert await state(ledger, job) == "queued"


async def test_two_workers_never_get_the_same(ledger: Ledger) -> None:
    await ledger.insert_many(NewJob(name="a.one", args="{}", attempts=3) for _ in range(200))
    batches = await asyncio.gather(*(ledger.claim(f"w{n}", NAMES, 10) for n in range(20)))
    numbers = [found.id for batch in batches for found in batch]
    assert len(numbers) == len(set(numbers))
    assert len(numbers) > 100


async def test_rows_of_an_older_version_are_brought_up_to_date(
    db: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await insert(ledger)
    await db.execute("UPDATE core_jobs SET version = 0")
    monkeypatch.setitem(UPGRADES, 0, lambda args: {**args, "since": 1})
    assert (await claim_one(ledger)).args == {"since": 1}


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_finishing_and_claiming_at_once(ledger: Ledger, number: int) -> None:
    numbers = [await insert(ledger) for _ in range(6)]
    first = await ledger.claim("me", NAMES, number) if number else []
    done = [(found.id, found.token) for found in first]
    second = await ledger.claim_and_finish("me", NAMES, 2, done)
    assert [found.id for found in second] == numbers[number : number + 2]
    assert [await state(ledger, job) for job in numbers[:number]] == ["done"] * number
    assert await ledger.claim_and_finish("me", NAMES, 0, []) == []


async def test_a_token_fences(ledger: Ledger) -> None:
    await insert(ledger)
    before = await claim_one(ledger)
    assert await ledger.finish(Ending(before.id, before.token, "queued", uncounted=True))
    after = await claim_one(ledger, "other")
    assert (after.id, after.attempt) == (before.id, 1)
    assert not await ledger.finish(Ending(before.id, before.token, "done"))
    assert await ledger.finish_done([(before.id, before.token)]) == 0
    assert await ledger.take("me", before.id, before.token) is None
    assert await ledger.take("other", after.id, after.token) == after
    assert await ledger.finish_done([(after.id, after.token)]) == 1


async def test_an_attempt_is_counted_and_its_error_kept(ledger: Ledger) -> None:
    job = await insert(ledger)
    found = await claim_one(ledger)
    await ledger.finish(Ending(job, found.token, "delayed", 60, "OSError: no"))
    row = await ledger.get(job)
    assert row is not None
    assert (row.state, row.attempt, row.error, row.worker) == ("delayed", 1, "OSError: no", None)
    assert row.finished_at is None
    assert 59 < (await ledger.due() or 0) <= 60


async def test_what_is_due_is_queued(ledger: Ledger) -> None:
    job = await insert(ledger, delay=0.2)
    wait = await ledger.promote()
    assert wait is not None
    assert 0 < wait < 0.21
    assert await state(ledger, job) == "delayed"
    await asyncio.sleep(wait + 0.02)
    assert await ledger.promote() is None
    assert await state(ledger, job) == "queued"


async def test_the_jobs_of_the_dead_are_taken(ledger: Ledger) -> None:
    await register(ledger, "dead", lease=0)
    await register(ledger, "alive")
    lost = [await insert(ledger), await insert(ledger)]
    await ledger.claim("dead", NAMES, 2)
    kept = await insert(ledger)
    await ledger.claim("alive", NAMES, 1)
    await asyncio.sleep(0.01)
    found = await ledger.reconcile()
    assert (found.workers, sorted(found.again), found.dead) == (["dead"], lost, [])
    assert [await state(ledger, job) for job in lost] == ["suspect", "suspect"]
    assert await state(ledger, kept) == "running"
    assert not await ledger.beat("dead", 8)
    assert await ledger.beat("alive", 8)
    assert [worker.id for worker in await ledger.workers()] == ["alive"]
    again = await ledger.claim("alive", NAMES, 5, suspects=True)
    assert [(claim.id, claim.attempt, claim.crashes) for claim in again] == [
        (job, 1, 1) for job in lost
    ]
    assert await ledger.claim("alive", NAMES, 5) == []


async def test_nobodys_jobs_are_taken_too(ledger: Ledger) -> None:
    job = await insert(ledger)
    await ledger.claim("never registered", NAMES, 1)
    assert (await ledger.reconcile()).again == [job]


async def test_too_many_crashes_are_the_end(ledger: Ledger) -> None:
    job = await insert(ledger, key="once")
    found = await claim_one(ledger)
    for crash in range(1, MAX_CRASHES):
        row = await ledger.crash(job, found.token, "killed")
        assert row is not None
        assert (row.state, row.crashes, row.key) == ("suspect", crash, "once")
        (found,) = await ledger.claim("me", NAMES, 1, suspects=True)
    row = await ledger.crash(job, found.token, "killed")
    assert row is not None
    assert (row.state, row.attempt, row.key, row.error) == ("dead", 0, None, "killed")
    assert await ledger.crash(job, found.token, "killed") is None
    assert await ledger.replay(job)
    assert await state(ledger, job) == "suspect"  # never again beside others


async def test_a_cancelled_job_of_the_dead_is_not_run_again(ledger: Ledger) -> None:
    job = await insert(ledger)
    await claim_one(ledger)
    assert await ledger.cancel(job) == "asked"
    await ledger.reconcile()
    assert await state(ledger, job) == "cancelled"


async def test_what_nobody_knows_is_parked_and_comes_back(ledger: Ledger) -> None:
    await register(ledger, "one", names=["a.one"])
    await register(ledger, "two", names=["a.two"])
    known, unknown = await insert(ledger, name="a.two"), await insert(ledger, name="b.none")
    assert await ledger.park() == 1
    assert [await state(ledger, job) for job in (known, unknown)] == ["queued", "parked"]
    assert await ledger.unpark(["a.one"]) == 0
    assert await ledger.unpark(["b.none"]) == 1
    assert await state(ledger, unknown) == "queued"


async def test_progress_is_the_claimants(ledger: Ledger) -> None:
    job = await insert(ledger)
    found = await claim_one(ledger)
    await ledger.progress([(job, found.token, Progress(1, 4, "reading"))])
    await ledger.progress([(job, found.token + 1, Progress(9, 9, "somebody else"))])
    row = await ledger.get(job)
    assert row is not None
    assert row.progress == Progress(1, 4, "reading")


async def test_keys_are_free_once_the_job_ended(db: Database, ledger: Ledger) -> None:
    plain, sticky = await insert(ledger, key="once"), await insert(ledger, key="=update:1")
    for found in await ledger.claim("me", NAMES, 2):
        await ledger.finish_done([(found.id, found.token)])
    assert await insert(ledger, key="once") != plain
    assert await insert(ledger, key="=update:1") == sticky
    await db.execute("UPDATE core_jobs SET finished_at = finished_at - 200000")
    await ledger.purge(keep=1_000_000)
    assert await insert(ledger, key="=update:1") != sticky


async def test_what_ended_well_is_forgotten(db: Database, ledger: Ledger) -> None:
    numbers = [await insert(ledger) for _ in range(3)]
    claims = await ledger.claim("me", NAMES, 2)
    await ledger.finish(Ending(claims[0].id, claims[0].token, "done"))
    await ledger.finish(Ending(claims[1].id, claims[1].token, "dead"))
    await db.execute("UPDATE core_jobs SET finished_at = finished_at - 100")
    assert await ledger.purge(keep=1000) == 0
    assert await ledger.purge(keep=10) == 1
    assert [await state(ledger, job) for job in numbers] == [None, "dead", "queued"]
    assert await ledger.purge(keep=10, keep_dead=1000) == 0
    assert await ledger.purge(keep=10, keep_dead=10) == 1
    assert [await state(ledger, job) for job in numbers] == [None, None, "queued"]


async def test_dead_letters_are_replayed(ledger: Ledger) -> None:
    one, two = await insert(ledger), await insert(ledger, name="a.two")
    for found in await ledger.claim("me", NAMES, 2):
        await ledger.finish(Ending(found.id, found.token, "dead", error="no"))
    assert await ledger.replay_dead("a.two") == 1
    assert await ledger.replay_dead() == 1
    for job in (one, two):
        row = await ledger.get(job)
        assert row is not None
        assert (row.state, row.attempt, row.finished_at) == ("queued", 0, None)
    assert not await ledger.replay(one)


async def test_ticks_of_an_old_schedule_are_dropped(ledger: Ledger) -> None:
    prefix = cron_prefix("a.one")
    keep = await insert(ledger, delay=100, key=f"{prefix}1")
    drop = await insert(ledger, delay=200, key=f"{prefix}2")
    other = await insert(ledger, name="a.two", delay=200, key=f"{cron_prefix('a.two')}2")
    plain = await insert(ledger, delay=200, key="plain")
    assert await ledger.drop_ticks("a.one", f"{prefix}1") == 1
    found = [await state(ledger, job) for job in (keep, drop, other, plain)]
    assert found == ["delayed", None, "delayed", "delayed"]


async def test_counts(ledger: Ledger) -> None:
    await insert(ledger)
    await insert(ledger, delay=60)
    await claim_one(ledger)
    counts = await ledger.counts()
    assert {name: number for name, number in counts.items() if number} == {
        "running": 1,
        "delayed": 1,
    }


async def test_a_claim_needs_no_look_at_what_ended(db: Database, ledger: Ledger) -> None:
    """The partial index answers, however many rows are done."""
    await ledger.insert_many(NewJob(name="a.one", args="{}", attempts=1) for _ in range(3000))
    await db.execute("UPDATE core_jobs SET state = 'done' WHERE id > 100")
    query = (
        "SELECT id FROM core_jobs WHERE state = 'queued' AND version <= 1 "
        "ORDER BY priority, fair, id LIMIT 10"
    )
    if db.dialect == "postgres":
        await db.execute("ANALYZE core_jobs")
        rows = await db.fetch(f"EXPLAIN {query}")
    else:
        rows = await db.fetch(f"EXPLAIN QUERY PLAN {query}")
    assert "core_jobs_queued" in str(rows)
