"""The Bot API as the echo benchmark needs it: getUpdates and sendMessage over loopback, lean.

Its own process, so that what it costs isn't charged to the bot. It hands out updates that were
armed beforehand, a hundred a call as Telegram does, and checks that each chat is answered once
and in order.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Coroutine
from typing import Any, cast
from urllib.parse import parse_qs, unquote

import orjson
import uvloop

BATCH = 100


class Board:
    """What waits, what was answered."""

    def __init__(self) -> None:
        # Numbers go on from bot to bot: one that keeps its inbox would know them again.
        self.next_update = 1
        self.forget()

    def forget(self) -> None:
        """For the next bot."""
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.armed: dict[tuple[int, str], float] = {}
        self.polls: list[asyncio.Future[None]] = []
        self.answered = 0
        self.unexpected = 0
        self.out_of_order = 0
        self.last_number: dict[int, int] = {}
        self.delays: list[float] = []
        self.report = ""
        self.reported = asyncio.Event()
        self.first_poll = asyncio.Event()
        self.done = asyncio.Event()

    def update(self, chat: int, text: str) -> tuple[int, bytes]:
        """A new one: its number, and its JSON."""
        number, self.next_update = self.next_update, self.next_update + 1
        update = {
            "update_id": number,
            "message": {
                "message_id": number,
                "from": {
                    "id": chat,
                    "is_bot": False,
                    "first_name": "Ann",
                    "last_name": "Lee",
                    "username": f"ann{chat}",
                    "language_code": "en",
                },
                "chat": {
                    "id": chat,
                    "first_name": "Ann",
                    "last_name": "Lee",
                    "username": f"ann{chat}",
                    "type": "private",
                },
                "date": 1700000000,
                "text": text,
            },
        }
        self.armed[(chat, text)] = asyncio.get_running_loop().time()
        return number, orjson.dumps(update)

    def arm(self, chat: int, text: str) -> None:
        """One that waits to be fetched."""
        self.waiting.append(self.update(chat, text))

    def release(self) -> None:
        for poll in self.polls:
            if not poll.done():
                poll.set_result(None)
        self.polls.clear()

    def sent(self, chat: int, text: str) -> None:
        if text.startswith("cpu "):
            self.report = text
            self.reported.set()
        armed_at = self.armed.pop((chat, text), None)
        if armed_at is None and not text.startswith("cpu "):
            self.unexpected += 1
        elif armed_at is not None:
            self.delays.append(asyncio.get_running_loop().time() - armed_at)
            number = int(text.split()[1])
            if number < self.last_number.get(chat, -1):
                self.out_of_order += 1
            self.last_number[chat] = number
        self.answered += 1
        if not self.armed:
            self.done.set()


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection; bodies are JSON or form."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.buffer = b""
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1").lower()
            at = head.find("content-length:")
            length = int(head[at + 15 :].split("\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            target = self.buffer[: self.buffer.find(b"\r\n")].split(b" ")[1].decode()
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(unquote(target), _params(head, body))

    def answer(self, target: str, params: dict[str, Any]) -> None:
        method = target.rsplit("/", 1)[-1].lower()
        if method == "sendmessage":
            chat, text = int(params["chat_id"]), str(params["text"])
            self.board.sent(chat, text)
            message = {
                "message_id": self.board.answered,
                "from": {"id": 42, "is_bot": True, "first_name": "Echo", "username": "echo_bot"},
                "chat": {"id": chat, "first_name": "Ann", "username": "ann", "type": "private"},
                "date": 1700000001,
                "text": text,
            }
            self.reply(orjson.dumps({"ok": True, "result": message}))
        elif method == "getupdates":
            self.later(self.updates(params))
        elif method == "getme":
            self.reply(
                b'{"ok":true,"result":{"id":42,"is_bot":true,"first_name":"Echo",'
                b'"username":"echo_bot"}}'
            )
        elif target.startswith("/control/"):
            self.later(self.control(method, params))
        else:
            self.reply(b'{"ok":true,"result":true}')

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def updates(self, params: dict[str, Any]) -> None:
        self.board.first_poll.set()
        offset = int(params.get("offset") or 0)
        waiting = self.board.waiting
        while waiting and waiting[0][0] < offset:
            waiting.popleft()
        if not waiting:
            poll = asyncio.get_running_loop().create_future()
            self.board.polls.append(poll)
            await asyncio.wait([poll], timeout=float(params.get("timeout") or 0))
        batch = [waiting[i][1] for i in range(min(BATCH, len(waiting)))]
        self.reply(b'{"ok":true,"result":[' + b",".join(batch) + b"]}")

    async def control(self, method: str, params: dict[str, Any]) -> None:
        """`polled` waits for a bot; `arm` gives it updates over chats and waits until all are
        answered; `ask` asks it for its CPU; `reset` forgets it."""
        board = self.board
        if method == "polled":
            await board.first_poll.wait()
            self.reply(b"{}")
        elif method == "reset":
            self.board.forget()
            self.reply(b"{}")
        elif method == "arm":
            board.done.clear()
            board.delays.clear()
            start = asyncio.get_running_loop().time()
            pause = float(params.get("pause", 0))
            for number in range(params["updates"]):
                board.arm(1000 + number % params["chats"], f"m {board.next_update}")
                if pause:
                    board.release()
                    await asyncio.sleep(pause)
            board.release()
            await board.done.wait()
            seconds = asyncio.get_running_loop().time() - start
            delays = sorted(board.delays)
            self.reply(
                orjson.dumps(
                    {
                        "seconds": seconds,
                        "p50": delays[len(delays) // 2],
                        "p95": delays[len(delays) * 95 // 100],
                        "out_of_order": board.out_of_order,
                        "unexpected": board.unexpected,
                    }
                )
            )
        elif method == "ask":
            board.reported.clear()
            board.arm(999, "cpu?")
            board.armed.pop((999, "cpu?"))
            board.release()
            await board.reported.wait()
            self.reply(orjson.dumps({"report": board.report}))

    def reply(self, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
            + str(len(body)).encode()
            + b"\r\n\r\n"
            + body
        )


def _params(head: str, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if "application/json" in head:
        return dict(orjson.loads(body))
    if "application/x-www-form-urlencoded" in head:
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    boundary = body.split(b"\r\n", 1)[0]
    fields: dict[str, Any] = {}
    for part in body.split(boundary)[1:-1]:
        description, _, value = part.partition(b"\r\n\r\n")
        name = description.split(b'name="', 1)[1].split(b'"', 1)[0].decode()
        fields[name] = value[:-2].decode()
    return fields


async def main() -> None:
    board = Board()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(board), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
