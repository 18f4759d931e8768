"""Telegram's side of a webhook, for drills: brings updates until they are taken."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from tests.drills.harness import History

SECRET = "the-secret_of-this-drill"
PATH = "/telegram"


def settings(port: int, *, public: int | None = None) -> dict[str, str]:
    """The variables of a bot that is brought its updates on a port; `public`: another one that it
    tells Telegram of."""
    return {
        "PLUGRAM_WEB__PORT": str(port),
        "PLUGRAM_INTAKE__MODE": "webhook",
        "PLUGRAM_INTAKE__WEBHOOK_SECRET": SECRET,
        "PLUGRAM_WEB__PUBLIC_URL": f"http://127.0.0.1:{public or port}",
    }


@dataclass
class Carrier:
    """`bring` comes back once the update was taken with 200; `urls` take turns, and whoever doesn't
    answer is followed by the next."""

    urls: list[str]
    history: History
    connections: int = 40
    delays: list[float] = field(default_factory=list)
    """Seconds of the requests that were answered with 200 while somebody was there all the time."""
    taken: int = 0
    epoch: int = 0
    """Grows with every death and every birth of a bot; odd while none is there."""
    refused: int = 0
    """Requests that weren't: nobody was there, or they were told to come again."""
    _turn: int = 0
    _client: aiohttp.ClientSession | None = None
    _slots: asyncio.Semaphore = field(default_factory=asyncio.Semaphore)

    async def __aenter__(self) -> Self:
        self._slots = asyncio.Semaphore(self.connections)
        self._client = aiohttp.ClientSession(
            headers={"X-Telegram-Bot-Api-Secret-Token": SECRET},
            connector=aiohttp.TCPConnector(limit=self.connections),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._client.close()

    async def bring(self, update: dict[str, Any]) -> None:
        self.history.note("sent", update["update_id"])
        while True:
            async with self._slots:
                taken = await self._attempt(update)
            if taken:
                self.history.note("acknowledged", update["update_id"])
                return
            self.refused += 1
            await asyncio.sleep(0.05)

    async def _attempt(self, update: dict[str, Any]) -> bool:
        assert self._client is not None
        self._turn += 1
        url = self.urls[self._turn % len(self.urls)] + PATH
        began, epoch = time.monotonic(), self.epoch
        try:
            async with self._client.post(url, json=update) as answer:
                if answer.status != 200:
                    return False
        except (aiohttp.ClientError, ConnectionError):
            return False
        self.taken += 1
        if epoch == self.epoch and not epoch % 2:
            self.delays.append(time.monotonic() - began)
        return True

    def percentile(self, percent: int) -> float:
        """In ms."""
        ordered = sorted(self.delays)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000
