"""The worker as arq sees it. Drills kill it and cut it off: test_worker_killed, test_redis_away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from arq.connections import create_pool
from arq.worker import create_worker

from core import worker as arq_worker
from core.errors import ConfigError
from core.jobs.bell import Bell
from tests.conftest import SettingsFactory
from tests.core.work import eventually
from tests.drills.yard import DOORS, Door, yard
from tests.support.processes import ROOT
from tests.support.servers import free_port


def test_without_redis_arq_is_refused(settings_factory: SettingsFactory) -> None:
    with pytest.raises(ConfigError, match="plugram worker"):
        arq_worker.worker_settings(settings_factory())


async def test_arq_takes_the_settings(redis_url: str, settings_factory: SettingsFactory) -> None:
    found: Any = arq_worker.worker_settings(settings_factory(redis__url=redis_url))
    assert found.__bases__ == (object,)  # arq reads no inherited attributes
    worker = create_worker(found, handle_signals=False)
    assert list(worker.functions) == ["ring"]
    assert worker.keep_result_s == 0
    assert worker.job_serializer is orjson.dumps
    assert worker.queue_name == "plugram:arq"


def test_a_password_is_unquoted() -> None:
    found = arq_worker.redis_settings("redis://ann:p%40ss@redis.example:6380/2")
    assert (found.host, found.port, found.database) == ("redis.example", 6380, 2)
    assert (found.username, found.password) == ("ann", "p@ss")


@pytest.mark.slow
async def test_a_ring_through_arqs_queue(redis_url: str, postgres_url: str, tmp_path: Path) -> None:
    """For programs that write the row themselves and speak arq."""
    async with yard(postgres_url, tmp_path, seed=0, redis=redis_url) as work:
        await work.hire("plugram")
        pool = await create_pool(
            arq_worker.redis_settings(redis_url),
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
        )
        await work.jobs.bell.close()
        work.jobs.bell = Bell()  # which nobody else hears
        await work.mine.enqueue("grind")
        assert await pool.enqueue_job("ring", _queue_name="plugram:arq")
        await work.until("done", 1, seconds=10)

        async def heard() -> bool:
            return not await pool.exists("plugram:arq")

        await eventually(heard, what="the ring")
        await pool.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("door", list(DOORS))
async def test_both_doors_lead_to_the_same_worker(
    redis_url: str, postgres_url: str, tmp_path: Path, door: Door
) -> None:
    async with yard(postgres_url, tmp_path, seed=0, redis=redis_url) as work:
        process = await work.hire(door)
        await work.mine.enqueue("grind")
        await work.until("done", 1)

        async def healthy() -> bool:
            return await _check(work.environment()) == 0

        await eventually(healthy, timeout=30, what="arq --check")
        process.terminate()
        assert await asyncio.to_thread(process.wait, 30) == 0
        assert await work.jobs.workers() == []
        assert await _check(work.environment()) == 1
        assert "Traceback" not in work.logs()


@pytest.mark.slow
@pytest.mark.parametrize("door", list(DOORS))
async def test_a_start_that_fails_says_why(postgres_url: str, tmp_path: Path, door: Door) -> None:
    """Though Redis is away too."""
    async with yard(
        postgres_url, tmp_path, seed=0, redis=f"redis://127.0.0.1:{free_port()}"
    ) as work:
        work.env = {"PLUGRAM_DATABASE__URL": "sqlite:////proc/there/is/none.db"}
        process = work.launch(door)
        try:
            assert await asyncio.to_thread(process.wait, 50) == 1
        finally:
            process.send_signal(signal.SIGKILL)
        assert "/proc/there" in work.logs()


async def _check(env: dict[str, str]) -> int:
    check = await asyncio.create_subprocess_exec(
        *(sys.executable, *DOORS["arq"], "--check"),
        env={**os.environ, **env},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    return await check.wait()
