"""The worker as arq sees it. tests/drills/test_worker_killed.py has it killed and cut off."""

from __future__ import annotations

import asyncio
import os
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
from tests.core import alone_app
from tests.core.alone_app import innocent
from tests.core.work import eventually
from tests.drills.test_worker_killed import opened
from tests.drills.worker_app import App, deployment

ROOT = Path(__file__).parents[2]


def test_without_redis_arq_is_refused() -> None:
    with pytest.raises(ConfigError, match="plugram worker"):
        arq_worker.worker_settings(deployment("sqlite:///x.db"), lambda: App("sqlite:///x.db"))


async def test_arq_takes_the_settings(redis_url: str, sqlite_url: str) -> None:
    found: Any = arq_worker.worker_settings(deployment(sqlite_url, redis_url), lambda: App(""))
    assert found.__bases__ == (object,)  # arq reads no inherited attributes
    worker = create_worker(found, handle_signals=False)
    assert list(worker.functions) == ["ring"]
    assert worker.keep_result_s == 0
    assert worker.job_serializer is orjson.dumps
    assert worker.queue_name == "plugram:arq"


@pytest.mark.slow
async def test_a_ring_through_arqs_queue(redis_url: str, postgres_url: str) -> None:
    """For programs that write the row themselves and speak arq."""
    async with opened(postgres_url, redis_url) as yard:
        await yard.hire()
        pool = await create_pool(
            arq_worker.redis_settings(redis_url),
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
        )
        assert await pool.enqueue_job("ring", _queue_name="plugram:arq")
        bell, yard.jobs.bell = yard.jobs.bell, type("Silent", (), {"ring": lambda *_: None})()
        await yard.mine.enqueue(innocent)
        await yard.until("done", 1, timeout=10)
        yard.jobs.bell = bell

        async def heard() -> bool:
            return not await pool.exists("plugram:arq")

        await eventually(heard, timeout=5, what="the ring")
        await pool.aclose()


@pytest.mark.slow
async def test_arqs_own_command_starts_the_deployments_worker(
    redis_url: str, postgres_url: str, data_dir: Path
) -> None:
    env = {
        **os.environ,
        "PLUGRAM_DATA_DIR": str(data_dir),
        "PLUGRAM_DATABASE__URL": postgres_url,
        "PLUGRAM_REDIS__URL": redis_url,
        alone_app.URL: postgres_url,
    }
    arq = (sys.executable, "-m", "arq", "core.worker.WorkerSettings")
    async with opened(postgres_url) as yard:
        process = await asyncio.create_subprocess_exec(
            *arq, env=env, cwd=ROOT, stderr=subprocess.PIPE
        )
        try:

            async def registered() -> bool:
                if process.returncode is not None and process.stderr is not None:
                    raise AssertionError((await process.stderr.read()).decode())
                return bool(await yard.jobs.workers())

            await eventually(registered, timeout=30, what="arq's worker")
            check = await asyncio.create_subprocess_exec(
                *arq, "--check", env=env, cwd=ROOT, stderr=subprocess.DEVNULL
            )
            assert await check.wait() == 0
            process.terminate()
            async with asyncio.timeout(30):
                assert await process.wait() == 0
            assert await yard.jobs.workers() == []
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
