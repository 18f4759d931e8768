"""A worker process for the drills: `python -m tests.drills.worker_app DATABASE [REDIS]`.

With Redis arq hosts it. SIGTERM drains it. Its jobs write down what they did.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.db import database
from core.jobs import bell
from core.jobs.alone import Alone
from core.jobs.job import Jobs
from core.jobs.runner import Runner
from tests.core.alone_app import JOBS, Shop
from tests.core.work import registry, settings

# As a deployment has them.
DEFAULTS = {
    "lease": 8.0,
    "heartbeat": 2.0,
    "reconcile": 2.0,
    "timeout": 300.0,
    "attempts": 5,
    "backoff_base": 2.0,
    "backoff_max": 600.0,
}


def deployment(url: str, redis: str = "") -> Any:
    found = settings(url, **DEFAULTS)
    found.redis.url = redis
    return found


class App:
    def __init__(self, url: str, redis: str = "") -> None:
        self.settings = deployment(url, redis)
        self.db = database.build(self.settings)
        self.jobs = Jobs(self.db, self.settings.jobs, bell.build(self.settings, self.db))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with self.db:
            await self.db.migrate()
            runner = Runner(
                self.settings,
                self.db,
                registry(JOBS, Shop(self.db)),
                jobs=self.jobs,
                alone=Alone("tests.core.alone_app:alone"),
                exit_when_blocked=True,
            )
            await runner.start()
            print("ready", flush=True)  # noqa: T201 - the drill waits for it
            yield
            await runner.drain(5)
            await runner.stop()
            await self.jobs.bell.close()


async def serve(url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with App(url).serving():
        await stop.wait()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        from core import worker as arq_worker

        found = deployment(*sys.argv[1:3])
        arq_worker.run(found, lambda: App(*sys.argv[1:3]))
    else:
        asyncio.run(serve(sys.argv[1]))
