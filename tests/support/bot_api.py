"""A Bot API of our own on the loopback, for what a polite server never does: 429, 5xx, resets,
hangs, half a body. It delivers updates as Telegram does, and notes every call."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Self
from urllib.parse import parse_qs, unquote

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


@dataclass
class Call:
    """One request, as the server read it."""

    method: str
    params: dict[str, Any]
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    at: float = 0.0
    path: str = ""


@dataclass
class Answer:
    """What to answer with. `result` makes an `ok` answer; else status, body and behaviour."""

    result: Any = None
    status: int = 200
    body: bytes | None = None
    delay: float = 0.0
    cut: bool = False
    """Close the connection instead of answering; after the body's first half if there is one."""


def error(status: int, description: str, **parameters: Any) -> Answer:
    """Telegram's way to refuse."""
    answer = {"ok": False, "error_code": status, "description": description}
    if parameters:
        answer["parameters"] = parameters
    return Answer(status=status, body=json.dumps(answer).encode())


class BotApi:
    """`async with BotApi() as api: …`; `api.url` is the base."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.files: dict[str, Answer] = {}
        """`file_path` → what its download answers."""
        self.acknowledged = 0
        self.polls = 0
        self.conflict = False
        self.refuse_polls = False
        self._scripts: dict[str, deque[Answer]] = {}
        self._updates: list[dict[str, Any]] = []
        self._arrived = asyncio.Condition()
        self._message_id = 1000
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self.respond: Callable[[Call], Answer | None] = lambda call: None
        """Asked before the scripts."""

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        await self._server.wait_closed()

    # -- what tests say and ask

    def script(self, method: str, *answers: Answer) -> None:
        """The next answers to a method; after them it works as usual."""
        self._scripts.setdefault(method, deque()).extend(answers)

    async def deliver(self, *updates: dict[str, Any]) -> None:
        """Updates that wait to be fetched."""
        async with self._arrived:
            self._updates.extend(updates)
            self._arrived.notify_all()

    def of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def texts(self, chat_id: int) -> list[str]:
        """What was sent to a chat."""
        return [
            call.params["text"]
            for call in self.of("sendMessage")
            if int(call.params["chat_id"]) == chat_id
        ]

    @property
    def unacknowledged(self) -> list[int]:
        return [update["update_id"] for update in self._updates]

    # -- serving

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        headers = BytesParser(policy=HTTP).parsebytes(rest)
        body = await _body(reader, headers)
        path = unquote(line.split(b" ")[1].decode())
        params, files = _read(headers, body)
        method = path.rsplit("/", 1)[-1]
        call = Call(method, params, files, asyncio.get_running_loop().time(), path)
        if "/file/" in path:
            answer = self.files.get(path.removeprefix("/file/"), error(404, "Not Found"))
        else:
            self.calls.append(call)
            answer = await self._answer(call)
        return await self._write(writer, answer)

    async def _answer(self, call: Call) -> Answer:
        special = self.respond(call)
        if special is not None:
            return special
        script = self._scripts.get(call.method)
        if script:
            return script.popleft()
        if call.method == "getUpdates":
            return await self._get_updates(call.params)
        return Answer(result=self._result(call))

    def _result(self, call: Call) -> Any:
        if call.method == "getMe":
            return {"id": 123456789, "is_bot": True, "first_name": "Test", "username": "test_bot"}
        if call.method == "getWebhookInfo":
            hooks = self.of("setWebhook")
            given = hooks[-1].params if hooks else {"url": ""}
            return {name: value for name, value in given.items() if name != "secret_token"}
        if call.method.startswith(("send", "editMessage")) and "chat_id" in call.params:
            self._message_id += 1
            chat = int(call.params["chat_id"])
            return {
                "message_id": int(call.params.get("message_id") or self._message_id),
                "date": 1700000000,
                "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
                "text": call.params.get("text", ""),
            }
        return True

    async def _get_updates(self, params: Mapping[str, Any]) -> Answer:
        self.polls += 1
        if self.conflict:
            return error(409, "Conflict: terminated by other getUpdates request")
        offset = int(params.get("offset") or 0)
        if offset:
            self.acknowledged = max(self.acknowledged, offset - 1)
            self._updates = [one for one in self._updates if one["update_id"] >= offset]
        async with self._arrived:
            try:
                async with asyncio.timeout(float(params.get("timeout") or 0)):
                    await self._arrived.wait_for(lambda: bool(self._updates))
            except TimeoutError:
                pass
        return Answer(result=self._updates[: int(params.get("limit") or 100)])

    async def _write(self, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        if answer.delay:
            await asyncio.sleep(answer.delay)
        body = answer.body
        if body is None:
            body = json.dumps({"ok": True, "result": answer.result}).encode()
        head = f"HTTP/1.1 {answer.status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if answer.cut:
            if answer.body is not None:
                writer.write(head + body[: len(body) // 2])
                await writer.drain()
            writer.transport.abort()
            return False
        writer.write(head + body)
        await writer.drain()
        return True


async def _body(reader: asyncio.StreamReader, headers: Any) -> bytes:
    if (headers.get("Transfer-Encoding") or "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("Content-Length") or 0))
    body = b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _read(headers: Any, body: bytes) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    kind = headers.get("Content-Type") or ""
    if not body:
        return {}, {}
    if kind.startswith("application/json"):
        return json.loads(body), {}
    if kind.startswith("application/x-www-form-urlencoded"):
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}, {}
    params: dict[str, Any] = {}
    files: dict[str, tuple[str, bytes]] = {}
    message: Any = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + body
    )
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if part.get_filename() is not None:
            files[name] = (part.get_filename(), payload)
        else:
            params[name] = payload.decode()
    return params, files


# -- updates ------------------------------------------------------------------------------------


def message(
    update_id: int, text: str, *, user: int = 7, chat: int | None = None, language: str = "en"
) -> dict[str, Any]:
    """A text in a private chat, or in a group if `chat` is negative."""
    chat = user if chat is None else chat
    return {
        "update_id": update_id,
        "message": {
            "message_id": update_id,
            "date": 1700000000,
            "from": {
                "id": user,
                "is_bot": False,
                "first_name": "Ann",
                "language_code": language,
            },
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup", "title": "T"},
            "text": text,
        },
    }


def press(
    update_id: int, data: str, *, user: int = 7, chat: int | None = None, language: str = "en"
) -> dict[str, Any]:
    """A press of a button below a message."""
    origin = message(update_id, "a menu", user=user, chat=chat, language=language)["message"]
    return {
        "update_id": update_id,
        "callback_query": {
            "id": f"press-{update_id}",
            "from": origin["from"],
            "chat_instance": "1",
            "message": origin,
            "data": data,
        },
    }
