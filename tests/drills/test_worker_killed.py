"""Workers are killed and stopped in the middle of their work, with real signals: nothing is lost,
effects happen once, a job that kills its workers costs nobody else.

`PLUGRAM_DRILL=full` kills five times within 1,000 jobs instead of twice within 200.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from core.jobs.job import JobRow
from tests.core.work import eventually
from tests.drills import harness
from tests.drills.harness import form
from tests.drills.yard import Door, Worker, Yard, is_alive, tree, yard

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(form(600, 240))]

KILLS, NUMBER = form((5, 1000), (2, 200))
PICKED_UP_WITHIN = 20.0
POISON_DEAD_WITHIN = 60.0
DRAINED_WITHIN = 30.0


async def test_killed_workers_lose_nothing(database_url: str, tmp_path: Path) -> None:
    dice = harness.dice(6)
    async with yard(database_url, tmp_path, seed=6) as work:
        workers = [work.launch(), work.launch()]
        await work.registered(*workers)
        await work.send("grind", [{"seconds": dice.uniform(0, 0.1)} for _ in range(NUMBER)])
        in_hand: dict[int, float] = {}
        for kill in range(KILLS):
            await work.until("done", NUMBER * (kill + 1) // (KILLS + 2))
            await asyncio.sleep(dice.uniform(0, 0.05))
            lost = await work.kill(workers.pop(dice.randrange(2)))
            in_hand.update(dict.fromkeys(lost, time.time()))
            workers.append(await work.hire())
        await work.until("done", NUMBER)
        await work.check(faults=KILLS)
        rows = await work.rows()
        assert in_hand, "nothing was in hand when the workers died: the drill proves nothing"
        assert any(row.crashes for row in rows)
        assert {row.attempt for row in rows} == {1}
        slowest = max(_pick_up(row, in_hand[row.id]) for row in rows if row.id in in_hand)
        work.history.note("figure", picked_up_after=round(slowest, 1), of=len(in_hand))
        assert slowest <= harness.within(PICKED_UP_WITHIN)


def _pick_up(row: JobRow, killed_at: float) -> float:
    """Seconds from the kill to the next claim; 0 if the job had ended just before."""
    assert row.started_at is not None
    return max(row.started_at - killed_at, 0) if row.crashes else 0.0


@pytest.mark.parametrize("how", form(["segfault", "memory", "hang"], ["segfault", "memory"]))
async def test_a_poison_beside_nine_innocents(sqlite_url: str, tmp_path: Path, how: str) -> None:
    async with yard(sqlite_url, tmp_path, seed=7) as work:
        await work.send("grind", [{"seconds": form(3, 1)} for _ in range(9)])
        poison = await work.send_one("poison", {"how": how})
        async with work.supervised(memory_mb=400):
            took = await work.seconds_until("dead", 1, at_most=2 * POISON_DEAD_WITHIN)
            await work.until("done", 9)
        row = await work.row(poison)
        assert (row.state, row.crashes, row.attempt) == ("dead", 3, 0)
        # The first time it was beside others, then alone.
        assert work.deaths == 1
        assert {one.attempt for one in await work.rows() if one.id != poison} == {1}
        if how == "hang":
            assert '"plugin": "mill"' in work.logs(), "the watchdog said nothing"
            assert "a plugin holds the event loop" in work.logs()
        await work.check(faults=1)
        work.history.note("figure", dead_after=round(took, 1))
        assert took <= harness.within(POISON_DEAD_WITHIN)


@pytest.mark.parametrize("door", ["plugram", "arq"])
async def test_sigterm_gives_back_what_does_not_end(
    postgres_url: str, redis_url: str, tmp_path: Path, door: Door
) -> None:
    """Jobs that await, that sit in a thread, and that wait for a program of their own."""
    async with yard(postgres_url, tmp_path, seed=8, redis=redis_url) as work:
        work.env = form({}, {"PLUGRAM_JOBS__DRAIN": "3"})
        worker = await work.hire(door)
        short = [
            await work.send_one(name, {"seconds": 1})
            for name in ("grind", "in_a_thread", "in_a_process")
        ]
        long = [
            await work.send_one("endless"),
            await work.send_one("in_a_thread", {"seconds": 600}),
            await work.send_one("in_a_process", {"seconds": 600}),
        ]
        await work.until("running", 6)

        async def programs() -> bool:
            return len(tree(worker.pid)) > 2

        await eventually(programs, what="the program of a job")
        other = await work.hire("plugram")
        below = tree(worker.pid)
        began = time.monotonic()
        work.history.note("fault", why="SIGTERM", processes=len(below))
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 60) == 0
        drained = time.monotonic() - began
        left = [pid for pid in below if is_alive(pid)]
        assert [(await work.row(number)).state for number in short] == ["done"] * 3
        await _leased_again(work, other, long)
        leased = time.monotonic() - began - drained
        assert {(await work.row(number)).attempt for number in long} == {1}
        work.history.note("figure", drained=round(drained, 1), leased_again=round(leased, 1))
        assert left == []
        assert drained <= harness.within(DRAINED_WITHIN)
        assert leased <= harness.within(PICKED_UP_WITHIN)
        for number in long:
            assert await work.jobs.cancel(number)
        await work.until("cancelled", 3)
        await work.check(faults=1, without_effect=["mill.in_a_thread", "mill.in_a_process"])


async def _leased_again(work: Yard, other: Worker, jobs: list[int]) -> None:
    async def there() -> bool:
        return set(await work.running_at(other.pid)) >= set(jobs)

    await eventually(there, timeout=harness.within(30), what="a new lease")
