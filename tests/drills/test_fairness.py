"""Whoever queues much keeps nobody else waiting, a full worker no idle one, and what is cancelled
ends soon. `PLUGRAM_DRILL=full` queues 5,000 jobs instead of 800.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.core.work import eventually
from tests.drills import harness
from tests.drills.harness import form
from tests.drills.yard import yard

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(form(900, 240))]

MANY, FEW, LONG = form(5000, 800), 5, 150
SERVED_WITHIN = 10.0
CANCELLED_WITHIN = 2.0


async def test_few_jobs_do_not_wait_for_many(database_url: str, tmp_path: Path) -> None:
    async with yard(database_url, tmp_path, seed=15) as work:
        await work.hire()
        await work.send("grind", [{"seconds": 0.1}] * MANY, user=1)
        await work.until("done", 10)
        await work.send("grind", [{"seconds": 0.1}] * FEW, user=2)
        began = time.monotonic()

        async def served() -> bool:
            rows = await work.db.fetch(
                "SELECT count(*) AS n FROM core_jobs WHERE user_id = 2 AND state = 'done'"
            )
            return bool(rows[0]["n"] == FEW)

        await eventually(served, timeout=harness.within(60), what="the few")
        took = time.monotonic() - began
        waiting = (await work.jobs.counts())["queued"]
        work.history.note("figure", served_after=round(took, 2), of_the_other_wait=waiting)
        assert waiting > MANY // 2
        assert took <= harness.within(SERVED_WITHIN)
        await work.until("done", MANY + FEW, seconds=300)
        await work.check()


async def test_a_full_worker_starves_no_idle_one_and_cancelling_is_quick(
    postgres_url: str, tmp_path: Path
) -> None:
    async with yard(postgres_url, tmp_path, seed=15) as work:
        first = await work.hire()
        await work.send("endless", [{}] * LONG)
        await work.until("running", 10)
        second = await work.hire()

        async def busy() -> bool:
            return len(await work.running_at(second.pid)) == 10

        await eventually(busy, timeout=harness.within(10), what="the idle worker's jobs")
        assert len(await work.running_at(first.pid)) == 10
        began = time.monotonic()
        for row in await work.rows():
            assert await work.jobs.cancel(row.id)
        asked = time.monotonic() - began
        await work.until("cancelled", LONG)
        took = time.monotonic() - began - asked
        work.history.note("figure", cancelled_after=round(took, 2), asking_took=round(asked, 2))
        assert took <= harness.within(CANCELLED_WITHIN)
        # Their slots are free again.
        await work.send("grind", [{}] * 5)
        await work.until("done", 5)
        await work.check()
