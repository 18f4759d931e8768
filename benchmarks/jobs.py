"""What the job ledger can do: `.venv/bin/python -m benchmarks.jobs [--quick]`.

Real servers, worker processes with 10 slots each, as a deployment has them. First what a worker
of the deployment weighs, with all built-in plugins on, until its first heavy job (PSS of its
processes), by each door. Then, per database, and with and without Redis:

- no-op jobs a second through the ledger (enqueue, claim, run, finish), CPU a job, and enqueue cost
- pick-up: from the enqueue's commit in one process to the start of the job in an idle worker,
  in the same process and in another
- CPU of an idle worker

At last, jobs a second with one to four workers under arq on PostgreSQL, which share the machine's
cores with each other, the database and Redis.

Exit status 1 if a bar is missed: 600 jobs/s, 1,600 under arq on PostgreSQL, pick-up p50 10 ms and
p99 50 ms, idle CPU 2 %, 120 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core import config
from core.db import database
from core.jobs import bell, orphans
from core.jobs.job import Job, Jobs, PluginJobs, RegisteredJob, job
from core.jobs.runner import Runner

ROOT = Path(__file__).parents[1]
THROUGHPUT, UNDER_ARQ, P50, P99, IDLE, MEMORY = 600, 1600, 10.0, 50.0, 2.0, 120.0
CURVE = (1, 2, 3, 4)
PLUGIN = "bench"


@job
async def noop(ctx: State, job: Job, number: int = 0) -> None:
    ctx.ran += 1


@job
async def stamp(ctx: State, job: Job) -> None:
    ctx.started[job.id] = time.monotonic()


class State:
    """What the jobs of this process note down."""

    def __init__(self) -> None:
        self.ran = 0
        self.started: dict[int, float] = {}
        """When each job began; CLOCK_MONOTONIC is the machine's, not the process's."""


def settings(url: str, redis: str) -> config.Settings:
    """The defaults of a deployment."""
    return config.Settings(
        database=config.DatabaseSettings(url=url),
        redis=config.RedisSettings(url=redis, prefix="bench"),
    )


class House:
    """A process: database, jobs, and a runner if it works."""

    def __init__(self, url: str, redis: str) -> None:
        self.settings = settings(url, redis)
        self.db = database.build(self.settings)
        self.jobs = Jobs(self.db, self.settings.jobs, bell.build(self.settings, self.db))
        self.mine = PluginJobs(PLUGIN, self.jobs)
        self.state = State()
        self.runner: Runner | None = None

    async def open(self) -> None:
        await self.db.connect()
        await self.db.migrate()

    async def work(self) -> None:
        registry = {
            f"{PLUGIN}.{spec.name}": RegisteredJob(PLUGIN, spec, self.state)
            for spec in (noop, stamp)
        }
        self.runner = Runner(self.settings, self.db, registry, jobs=self.jobs)
        await self.runner.start()

    async def close(self) -> None:
        if self.runner is not None:
            await self.runner.stop()
        await self.jobs.bell.close()
        await self.db.close()


# -- measurements -------------------------------------------------------------------------------


async def throughput(url: str, redis: str, number: int) -> dict[str, float]:
    house = House(url, redis)
    await house.open()
    started = time.perf_counter()
    for _ in range(200):
        await house.mine.enqueue(noop, {"number": 1}, user=1)
    single = (time.perf_counter() - started) / 200
    await house.mine.enqueue_many(noop, [{"number": n} for n in range(number)], user=2)
    cpu, started = time.process_time(), time.perf_counter()
    await house.work()
    while house.state.ran < number + 200:  # noqa: ASYNC110 - a benchmark
        await asyncio.sleep(0.005)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    await house.close()
    return {
        "jobs_per_s": (number + 200) / seconds,
        "cpu_us_per_job": cpu / (number + 200) * 1e6,
        "enqueue_us": single * 1e6,
    }


async def pick_up(url: str, redis: str, number: int) -> dict[str, float]:
    """In the process that enqueues."""
    house = House(url, redis)
    await house.open()
    await house.work()
    await asyncio.sleep(0.5)
    committed = await _send(house, number)
    await asyncio.sleep(0.5)
    started = dict(house.state.started)
    await house.close()
    return _percentiles([started[one] - committed[one] for one in committed])


async def pick_up_elsewhere(url: str, redis: str, number: int) -> dict[str, float]:
    """Enqueued here, run by a worker process."""
    house = House(url, redis)
    await house.open()
    with _worker(url, redis) as worker:
        await _registered(house)
        await asyncio.sleep(1.5)
        committed = await _send(house, number)
        await asyncio.sleep(0.5)
        started = {int(one): at for one, at in _ask(worker).items()}
    await house.close()
    return _percentiles([started[one] - committed[one] for one in committed])


async def _send(house: House, number: int) -> dict[int, float]:
    """When each of so many jobs was committed."""
    committed: list[float] = []
    ids: list[int] = []
    for index in range(number):
        async with house.db.transaction():
            house.db.on_commit(lambda: committed.append(time.monotonic()))
            ids.append(await house.mine.enqueue(stamp))
        await asyncio.sleep(0.02 + (index % 7) * 0.003)  # not in step with anybody's poll
    return dict(zip(ids, committed, strict=True))


async def idle(url: str, redis: str, seconds: float) -> dict[str, float]:
    house = House(url, redis)
    await house.open()
    with _worker(url, redis) as worker:
        await _registered(house)
        await asyncio.sleep(2)
        before = _cpu(worker.pid)
        await asyncio.sleep(seconds)
        used = _cpu(worker.pid) - before
    await house.close()
    return {"idle_percent": used / seconds * 100}


async def under_arq(url: str, redis: str, number: int, workers: int) -> float:
    """Jobs a second by so many workers that arq hosts, from the first claim to the last end."""
    house = House(url, redis)
    await house.open()
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(_worker(url, redis))
        while len(await house.jobs.workers()) < workers:  # noqa: ASYNC110 - a benchmark
            await asyncio.sleep(0.05)
        await house.mine.enqueue_many(noop, [{"number": n} for n in range(number)])
        while (await house.jobs.counts())["done"] < number:  # noqa: ASYNC110 - a benchmark
            await asyncio.sleep(0.2)
        row = await house.db.fetchrow(
            "SELECT max(finished_at) - min(started_at) AS seconds FROM core_jobs"
        )
    await house.close()
    return number / float((row or {})["seconds"])


def weight(url: str, redis: str, door: Sequence[str], folder: Path) -> float:
    """Megabytes of a worker that has nothing to do yet."""
    from tests.support.processes import clean_environment

    built_in = [path.parent.name for path in (ROOT / "plugins").glob("*/plugin.toml")]
    env = {
        **clean_environment(),
        "BOT_TOKEN": "123456:" + "A" * 35,
        "PLUGRAM_ROOT": str(folder),
        "PLUGRAM_DATA_DIR": str(folder / "data"),
        "PLUGRAM_DATABASE__URL": url,
        "PLUGRAM_REDIS__URL": redis,
        **{f"PLUGRAM_FEATURES__{name.upper()}": "true" for name in built_in},
    }
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, *door], env=env, cwd=ROOT, stdout=out, stderr=out
        )
    try:
        began = time.monotonic()
        while "worker started" not in log.read_text():
            if process.poll() is not None or time.monotonic() - began > 120:
                raise RuntimeError(f"the worker didn't start:\n{log.read_text()}")
            time.sleep(0.1)
        time.sleep(5)
        return sum(_pss(pid) for pid in (process.pid, *orphans.descendants(process.pid)))
    finally:
        process.terminate()
        process.wait()


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _percentiles(delays: list[float]) -> dict[str, float]:
    found = sorted(delay * 1000 for delay in delays)
    return {
        "p50_ms": found[len(found) // 2],
        "p99_ms": found[min(int(len(found) * 0.99), len(found) - 1)],
        "max_ms": found[-1],
    }


# -- the worker process ---------------------------------------------------------------------------


@contextmanager
def _worker(url: str, redis: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "benchmarks.jobs", "--worker", url, redis],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _ask(process: subprocess.Popen[str]) -> Any:
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    process.stdin.write("tell\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


async def _registered(house: House) -> None:
    while not await house.jobs.workers():  # noqa: ASYNC110 - a benchmark
        await asyncio.sleep(0.05)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def be_worker(url: str, redis: str) -> None:
    house = House(url, redis)
    if redis:
        await _under_arq(house)
        return
    await house.open()
    await house.work()
    await _answer(house)


async def _under_arq(house: House) -> None:
    """As arq hosts it, inside a loop that is there already."""
    from contextlib import asynccontextmanager

    from arq.worker import create_worker

    from core import worker as arq_worker

    @asynccontextmanager
    async def serving() -> Any:
        await house.open()
        await house.work()
        yield

    app: Any = SimpleNamespace(jobs=house.jobs, serving=serving)
    worker = create_worker(
        arq_worker.worker_settings(house.settings, lambda: app), handle_signals=False
    )
    hosted = asyncio.create_task(worker.async_run())
    await _answer(house)
    hosted.cancel()


async def _answer(house: House) -> None:
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(house.state.started), flush=True)


# -- report -----------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer jobs, rougher figures")
    parser.add_argument("--worker", nargs=2, metavar=("URL", "REDIS"), help=argparse.SUPPRESS)
    found = parser.parse_args()
    if found.worker:
        _run(be_worker(*found.worker))
        return 0
    number, pings, seconds = (2000, 60, 5.0) if found.quick else (20_000, 300, 20.0)
    missed: list[str] = []
    with _servers() as servers:
        missed += _report_weight(servers)
        for where, url in servers["urls"]:
            for redis in ("", servers["redis"]):
                name = f"{where}{' + Redis' if redis else ''}"
                missed += _report(name, url, redis, number, pings, seconds)
        missed += _report_curve(servers, number)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of the benchmark's process: {peak:.0f} MB")
    print("bars: all met" if not missed else f"bars missed: {'; '.join(missed)}")
    return 1 if missed else 0


def _report(name: str, url: Any, redis: str, number: int, pings: int, seconds: float) -> list[str]:
    fast = _run(throughput(url(), redis, number))
    near = _run(pick_up(url(), redis, pings))
    far = _run(pick_up_elsewhere(url(), redis, pings))
    still = _run(idle(url(), redis, seconds))
    print(f"\n{name}")
    print(
        f"  no-op jobs {fast['jobs_per_s']:8.0f} /s   {fast['jobs_per_s'] / THROUGHPUT:.1f} × the "
        f"bar; {fast['cpu_us_per_job']:.0f} µs CPU each, enqueue {fast['enqueue_us']:.0f} µs"
    )
    for label, times in (("same process", near), ("another process", far)):
        print(
            f"  pick-up, {label:15}  p50 {times['p50_ms']:5.1f} ms  p99 {times['p99_ms']:5.1f} ms"
            f"  max {times['max_ms']:.1f} ms"
        )
    print(f"  idle worker {still['idle_percent']:7.2f} % CPU", flush=True)
    missed = []
    if fast["jobs_per_s"] < THROUGHPUT:
        missed.append(f"{name}: {fast['jobs_per_s']:.0f} jobs/s")
    missed += [
        f"{name}: pick-up {times['p50_ms']:.1f} / {times['p99_ms']:.1f} ms"
        for times in (near, far)
        if times["p50_ms"] > P50 or times["p99_ms"] > P99
    ]
    if still["idle_percent"] > IDLE:
        missed.append(f"{name}: idle {still['idle_percent']:.1f} %")
    return missed


def _report_weight(servers: dict[str, Any]) -> list[str]:
    urls, redis = dict(servers["urls"]), servers["redis"]
    doors = [
        ("SQLite, plugram worker", "SQLite", "", ("-m", "core", "worker")),
        ("PostgreSQL, plugram worker", "PostgreSQL", "", ("-m", "core", "worker")),
        ("PostgreSQL + Redis, plugram worker", "PostgreSQL", redis, ("-m", "core", "worker")),
        (
            "PostgreSQL + Redis, arq",
            "PostgreSQL",
            redis,
            ("-m", "arq", "core.worker.WorkerSettings"),
        ),
    ]
    missed = []
    print("a worker with all built-in plugins, before its first heavy job")
    for name, where, with_redis, door in doors:
        with tempfile.TemporaryDirectory() as folder:
            megabytes = weight(urls[where](), with_redis, door, Path(folder))
        print(f"  {name:36} {megabytes:6.1f} MB", flush=True)
        if megabytes > MEMORY:
            missed.append(f"{name}: {megabytes:.0f} MB")
    return missed


def _report_curve(servers: dict[str, Any], number: int) -> list[str]:
    url = dict(servers["urls"])["PostgreSQL"]
    print("\nworkers under arq on PostgreSQL, no-op jobs")
    rates = {
        workers: _run(under_arq(url(), servers["redis"], number * min(workers, 2), workers))
        for workers in CURVE
    }
    for workers, rate in rates.items():
        print(f"  {workers} × {rate:8.0f} /s   {rate / rates[1]:.2f} × one", flush=True)
    return [] if rates[1] >= UNDER_ARQ else [f"under arq: {rates[1]:.0f} jobs/s"]


@contextmanager
def _servers() -> Iterator[dict[str, Any]]:
    from tests.support.servers import Postgres, Valkey

    # As in production, unlike in the tests: durable commits.
    options = tuple(
        option.replace("fsync=off", "fsync=on").replace("commit=off", "commit=on")
        for option in Postgres.OPTIONS
    )
    postgres, valkey = Postgres(), Valkey()
    postgres.OPTIONS = options
    with tempfile.TemporaryDirectory() as folder:
        names = iter(range(1000))
        postgres.start()
        valkey.start()
        try:
            yield {
                "urls": [
                    ("SQLite", lambda: f"sqlite:///{folder}/{next(names)}.db"),
                    ("PostgreSQL", postgres.create),
                ],
                "redis": valkey.url,
            }
        finally:
            postgres.remove()
            valkey.stop()


def _run(work: Any) -> Any:
    with suppress(ImportError):
        import uvloop

        return uvloop.run(work)
    return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())
