"""Telegram's side of the webhook benchmark: a Bot API, and what brings updates to the bots.

Its own process. Updates go out as Telegram sends them: HTTP/1.1 over connections that stay open,
at most `max_connections` of them, dealt out to the bots as a proxy would; those of one chat one
after the other, since two that are under way at once have no order. Delays are counted from the
moment at which an update was due, so that one that waited for a free connection counts too.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import uvloop

from benchmarks.echo_server import Board, Connection


@dataclass(slots=True)
class Errand:
    """An update on its way to a bot."""

    due: float
    chat: int
    body: bytes


class Carrier(asyncio.Protocol):
    """A connection to a bot: one update at a time, taken from those that are due."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.errand: Errand | None = None
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.load.idle.append(self)

    def carry(self, errand: Errand) -> None:
        self.errand = errand
        self.transport.write(
            self.load.head + str(len(errand.body)).encode() + b"\r\n\r\n" + errand.body
        )

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not self.answer.endswith(b"\r\n\r\n") or self.errand is None:
            return
        self.load.arrived(self.errand, int(self.answer[9:12]))
        self.answer, self.errand = b"", None
        self.load.next(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.load.broken += 1


class Load:
    """The updates of one run."""

    def __init__(self, board: Board, hook: dict[str, Any], connections: int) -> None:
        url = urlsplit(hook["url"])
        self.head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {hook['secret_token']}\r\nContent-Length: "
        ).encode()
        self.idle: deque[Carrier] = deque()
        self.due: deque[Errand] = deque()
        self.behind: dict[int, deque[Errand]] = {}
        """Chat that has an update under way → those that wait for it."""
        self.delays: list[float] = []
        self.statuses: dict[int, int] = {}
        self.broken = 0
        self._board = board
        self._connections = connections
        self._left = 0
        self._done = asyncio.Event()

    async def connect(self, ports: list[int]) -> None:
        loop = asyncio.get_running_loop()
        for number in range(self._connections):
            port = ports[number % len(ports)]
            await loop.create_connection(lambda: Carrier(self), "127.0.0.1", port)

    async def run(self, updates: int, chats: int, rate: float) -> dict[str, Any]:
        """At so many a second; with `rate` 0 as fast as the connections allow."""
        loop = asyncio.get_running_loop()
        carriers = list(self.idle)
        board, self._left = self._board, updates
        board.done.clear()
        board.delays.clear()
        start = loop.time()
        for number in range(updates):
            due = start + number / rate if rate else 0.0
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            elif not number % 50:
                await asyncio.sleep(0)
            chat = 1000 + number % chats
            _, body = board.update(chat, f"m {board.next_update}")
            errand = Errand(due or loop.time(), chat, body)
            if chat in self.behind:
                self.behind[chat].append(errand)
            else:
                self.behind[chat] = deque()
                self.due.append(errand)
            while self.due and self.idle:
                self.next(self.idle.popleft())
        await self._done.wait()
        acknowledged = loop.time() - start
        if board.armed:
            await board.done.wait()
        answered = loop.time() - start
        for carrier in carriers:
            carrier.transport.abort()
        return {
            "acknowledged": acknowledged,
            "answered": answered,
            "statuses": {str(status): number for status, number in self.statuses.items()},
            "broken": self.broken,
            "out_of_order": board.out_of_order,
            "unexpected": board.unexpected,
            **_percentiles("ack", self.delays),
            **_percentiles("answer", board.delays),
        }

    def next(self, carrier: Carrier) -> None:
        if not self.due:
            self.idle.append(carrier)
            return
        carrier.carry(self.due.popleft())

    def arrived(self, errand: Errand, status: int) -> None:
        self.delays.append(asyncio.get_running_loop().time() - errand.due)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if self.behind[errand.chat]:
            self.due.append(self.behind[errand.chat].popleft())
        else:
            del self.behind[errand.chat]
        self._left -= 1
        if not self._left:
            self._done.set()


def _percentiles(name: str, delays: list[float]) -> dict[str, float]:
    ordered = sorted(delays)
    return {
        f"{name}_p{percent}": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
        for percent in (50, 95, 99)
    }


class Api(Connection):
    """The Bot API, and the control of the benchmark."""

    hook: dict[str, Any] | None = None

    def answer(self, target: str, params: dict[str, Any]) -> None:
        method = target.rsplit("/", 1)[-1].lower()
        if method == "setwebhook":
            Api.hook = params
            self.board.first_poll.set()
            self.reply(b'{"ok":true,"result":true}')
        elif method == "getwebhookinfo":
            hook = Api.hook or {"url": ""}
            kept = {key: hook[key] for key in hook if key != "secret_token"}
            self.reply(orjson.dumps({"ok": True, "result": kept}))
        else:
            super().answer(target, params)

    async def control(self, method: str, params: dict[str, Any]) -> None:
        if method != "load":
            await super().control(method, params)
            return
        assert Api.hook is not None  # noqa: S101 - the benchmark waits for it first
        load = Load(self.board, Api.hook, params["connections"])
        await load.connect(params["ports"])
        self.reply(orjson.dumps(await load.run(params["updates"], params["chats"], params["rate"])))


async def main() -> None:
    board = Board()
    server = await asyncio.get_running_loop().create_server(lambda: Api(board), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
