"""What the drills of jobs have in common: workers with the plugin `mill` on one database, started
by either door, and what the checker reads afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.db.database import Database
from core.jobs.job import JobRow, Jobs, PluginJobs
from core.jobs.ledger import State
from tests.core.work import eventually, opened
from tests.drills import harness
from tests.drills.harness import History
from tests.support.bot_api import TOKEN
from tests.support.processes import ROOT, clean_environment
from tests.support.servers import spawn, stop

MILL = Path(__file__).parent / "plugins" / "mill.py"
Door = Literal["plugram", "arq"]
DOORS: dict[Door, tuple[str, ...]] = {
    "plugram": ("-m", "core", "worker"),
    "arq": ("-m", "arq", "core.worker.WorkerSettings"),
}
TERMINAL = ("done", "dead", "cancelled")

Worker = subprocess.Popen[bytes]


@dataclass
class Yard:
    """A database, what was queued in it, and the workers on it."""

    url: str
    folder: Path
    db: Database
    jobs: Jobs
    history: History
    redis: str = ""
    workers: list[Worker] = field(default_factory=list)
    deaths: int = 0
    """Of supervised workers."""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def mine(self) -> PluginJobs:
        return PluginJobs("mill", self.jobs)

    # -- workers

    def environment(self) -> dict[str, str]:
        built_in = [path.parent.name for path in (ROOT / "plugins").glob("*/plugin.toml")]
        return {
            **clean_environment(),
            "BOT_TOKEN": TOKEN,
            "PLUGRAM_ROOT": str(self.folder),
            "PLUGRAM_DATA_DIR": str(self.folder / "data"),
            "PLUGRAM_DATABASE__URL": self.url,
            "PLUGRAM_REDIS__URL": self.redis,
            "PLUGRAM_LOG__FORMAT": "json",
            "PLUGRAM_PLUGINS__PATHS": f'["{MILL}"]',
            **{f"PLUGRAM_FEATURES__{name.upper()}": "false" for name in built_in},
            **self.env,
        }

    def launch(self, door: Door = "plugram") -> Worker:
        """A worker process, without waiting for it."""
        with self.log.open("ab") as log:
            process = spawn(
                *(sys.executable, *DOORS[door]), log=log, env=self.environment(), cwd=ROOT
            )
        self.workers.append(process)
        return process

    async def hire(self, door: Door = "plugram") -> Worker:
        """A worker process that claims jobs."""
        process = self.launch(door)
        await self.registered(process)
        return process

    async def registered(self, *processes: Worker) -> None:
        async def all_there() -> bool:
            for process in processes:
                assert process.poll() is None, f"a worker ended by itself:\n{self.logs()}"
            pids = {worker.pid for worker in await self.jobs.workers()}
            return pids >= {process.pid for process in processes}

        await eventually(all_there, timeout=harness.within(20), what="workers")

    async def busy(self, dice: random.Random) -> Worker:
        """A worker with jobs in hand."""

        async def look() -> list[Worker]:
            living = [process for process in self.workers if process.poll() is None]
            return [process for process in living if await self.running_at(process.pid)]

        found: list[Worker] = await eventually(look, timeout=harness.within(20), what="a busy one")
        return dice.choice(found)

    async def kill(self, process: Worker) -> list[int]:
        """SIGKILL; what it had in hand, which stays in its name until its lease has run out."""
        process.kill()
        await asyncio.to_thread(process.wait)
        lost = await self.running_at(process.pid)
        self.history.note("kill", pid=process.pid, had=lost)
        return lost

    @asynccontextmanager
    async def supervised(self, *, memory_mb: int = 0) -> AsyncIterator[None]:
        """A worker that is started again whenever it ends. `memory_mb`: as a container's kernel
        does, kill the largest of its processes when one has more."""
        self.launch()

        async def watch() -> None:
            while True:
                await asyncio.sleep(0.05)
                if memory_mb:
                    self._kill_the_largest(memory_mb)
                if (status := self.workers[-1].poll()) is not None:
                    self.deaths += 1
                    self.history.note("fault", why="the worker ended", status=status)
                    self.launch()

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    def _kill_the_largest(self, limit: int) -> None:
        for pid in tree(self.workers[-1].pid):
            if (used := resident(pid)) > limit:
                self.history.note("kill", pid=pid, mb=round(used), why="out of memory")
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def running_at(self, pid: int) -> list[int]:
        """What a worker process has in hand."""
        rows = await self.db.fetch(
            "SELECT j.id FROM core_jobs j JOIN core_workers w ON w.id = j.worker "
            "WHERE j.state = 'running' AND w.pid = $1",
            pid,
        )
        return [row["id"] for row in rows]

    @property
    def log(self) -> Path:
        return self.folder / "workers.log"

    def logs(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    async def close(self) -> None:
        for process in self.workers:
            await asyncio.to_thread(stop, process, signal.SIGKILL)
        await self.jobs.bell.close()

    # -- jobs

    async def send(self, spec: Any, many: Iterable[dict[str, Any]], **whose: Any) -> None:
        """Queue jobs, one for each element, its arguments; committed is acknowledged."""
        before = await self.db.fetchval("SELECT coalesce(max(id), 0) FROM core_jobs")
        await self.mine.enqueue_many(spec, list(many), **whose)
        rows = await self.db.fetch("SELECT id FROM core_jobs WHERE id > $1", before)
        for what in ("sent", "acknowledged"):
            self.history.all(what, [row["id"] for row in rows])

    async def send_one(self, spec: Any, args: dict[str, Any] | None = None, **whose: Any) -> int:
        number = await self.mine.enqueue(spec, args, **whose)
        for what in ("sent", "acknowledged"):
            self.history.all(what, [number])
        return number

    async def row(self, number: int) -> JobRow:
        found = await self.jobs.get(number)
        assert found is not None, f"job {number} is gone"
        return found

    async def rows(self) -> list[JobRow]:
        return await self.jobs.find(limit=100_000)

    async def until(self, state: State, number: int, *, seconds: float = 60) -> None:
        async def look() -> bool:
            return (await self.jobs.counts())[state] >= number

        limit = harness.within(seconds)
        await eventually(look, timeout=limit, what=f"{number} jobs {state}, {self.logs()[-3000:]}")

    async def seconds_until(self, state: State, number: int, *, at_most: float) -> float:
        began = time.monotonic()
        await self.until(state, number, seconds=at_most)
        return time.monotonic() - began

    async def check(self, *, faults: int = 0, without_effect: Iterable[str] = ()) -> None:
        """Every job that was committed ended; those that ended well had their effect, once.
        `without_effect`: names of jobs that leave none."""
        rows, silent = await self.rows(), set(without_effect)
        for state in TERMINAL:
            ended = [row.id for row in rows if row.state == state]
            self.history.all("ended", ended, state=state)
        found = await self.db.fetch("SELECT job FROM drill_work WHERE what = 'done'")
        self.history.all("effect", [row["job"] for row in found])
        quiet = [row.id for row in rows if row.name in silent and row.state == "done"]
        self.history.all("effect", quiet)
        self.history.check(faults=faults)


@asynccontextmanager
async def yard(url: str, folder: Path, *, seed: int, redis: str = "") -> AsyncIterator[Yard]:
    (folder / "data").mkdir(exist_ok=True)
    async with opened(url) as db:
        await db.execute(
            "CREATE TABLE drill_work (job BIGINT, pid BIGINT, what TEXT, at DOUBLE PRECISION)"
        )
        one = Yard(url, folder, db, Jobs(db), History(folder, seed=seed), redis)
        try:
            yield one
        finally:
            await one.close()


# -- processes ------------------------------------------------------------------------------------


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(status.parent.name))
    found = [pid]
    for one in found:
        found.extend(parents.get(one, ()))
    return found


def resident(pid: int) -> float:
    """Megabytes that a process has in memory; 0 if it is gone."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has asked about yet doesn't."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
