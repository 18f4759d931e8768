"""A process that sends, for the drill of the shared budget.

Each line that it reads, `{"chat": 5, "lane": "BULK"}`, is a message; each one that it writes says
when one went, or how it failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from redis.asyncio import Redis

from core import config, log
from core.errors import TelegramError
from core.telegram.outgoing import Lane, Limiter
from core.telegram.wire import Wire


async def main(url: str, token: str, redis_url: str) -> None:
    redis = Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=5)
    settings = config.Settings()
    wire = Wire(token, url, settings.http, Limiter(settings.outgoing, redis=redis))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )

    async def send(asked: dict[str, Any]) -> None:
        began = time.time()
        try:
            params = {"chat_id": asked["chat"], "text": asked["lane"]}
            await wire.call("sendMessage", params, lane=Lane[asked["lane"]])
        except TelegramError as error:
            asked["error"] = str(error)
        sys.stdout.write(json.dumps({**asked, "began": began, "went": time.time()}) + "\n")
        sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        async for line in reader:
            group.create_task(send(json.loads(line)))
    await wire.limiter.close()
    await wire.close()
    await redis.aclose()


if __name__ == "__main__":
    log.configure(config.LogSettings(format="json"))
    asyncio.run(main(*sys.argv[1:]))
