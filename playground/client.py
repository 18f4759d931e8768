"""A person in front of the playground, for tests: writes, clicks and waits for the bot.

    ann = Playground("http://127.0.0.1:8080").user("ann")
    await ann.send("/start")
    menu = await ann.wait_reply()
    await ann.click(menu, "Search")
    await ann.wait_edit(menu, contains="What are you looking for?")

Every wait looks at what happened after the person's last own act, so that no reply is too fast to
be seen. Works in any event loop, over one connection per request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import orjson

Json = dict[str, Any]


class PlaygroundError(Exception):
    """The playground refused: `status` is the HTTP status, the text says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class NoReply(AssertionError):
    """What was waited for didn't happen in time; the text tells what did."""


class Playground:
    """A running playground, at its address."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._address = urlsplit(self.url)

    def user(self, name: str, *, bot: str = "") -> Person:
        """A person by username or id, who talks to `bot` (the first one by default)."""
        return Person(self, name, bot)

    async def add_user(self, first_name: str, *, language: str = "en", **fields: Any) -> Person:
        """A new person; `username` and other fields as the control API has them."""
        wanted = {"first_name": first_name, "language": language, **fields}
        user = await self.call("POST", "/control/users", wanted)
        return self.user(user["username"] or str(user["id"]))

    async def token(self, bot: str = "") -> str:
        """Of the bot with this username, or of the first one."""
        bots = await self.call("GET", "/control/bots")
        found: str = next(b["token"] for b in bots if not bot or b["username"] == bot)
        return found

    async def inject(self, *updates: Json, bot: str = "") -> list[int]:
        """Queue raw updates; their ids."""
        path = _path("/control/updates", bot=bot)
        answer = await self.call("POST", path, {"updates": list(updates)})
        ids: list[int] = answer["update_ids"]
        return ids

    async def bulk(self, count: int, *, users: int = 1, text: str = "message {n}") -> Json:
        """`count` messages from `users` people at once; see docs/playground.md for the answer."""
        return await self._object(
            "POST", "/control/bulk", {"count": count, "users": users, "text": text}
        )

    async def pending(self, bot: str = "") -> int:
        """How many updates the bot has yet to confirm."""
        return int((await self._object("GET", _path("/control/updates", bot=bot)))["count"])

    async def fault(self, kind: str, method: str = "*", **fields: Any) -> Json:
        """Make the next calls of a method go wrong; see `playground.faults`."""
        return await self._object(
            "POST", "/control/faults", {"kind": kind, "method": method, **fields}
        )

    async def limits(self, **rates: Any) -> Json:
        """Set the limits on sending; without arguments none."""
        return await self._object("PUT", "/control/limits", rates)

    async def calls(self, method: str = "", *, after: int = 0, limit: int = 50_000) -> list[Json]:
        """The logged Bot API calls, oldest first."""
        path = _path("/control/calls", method=method, after=after, limit=limit)
        found: list[Json] = (await self._object("GET", path))["calls"]
        return found

    async def _object(self, verb: str, path: str, body: Any = None) -> Json:
        answer: Json = await self.call(verb, path, body)
        return answer

    async def call(self, verb: str, path: str, body: Any = None) -> Any:
        """A request with a JSON body; the JSON of the answer. Raises PlaygroundError."""
        content = b"" if body is None else orjson.dumps(body)
        status, answer = await self.request(verb, path, content, "application/json")
        return _checked(status, answer)

    async def request(self, verb: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """A request over a connection of its own: status and body of the answer."""
        host, port = self._address.hostname, self._address.port
        reader, writer = await asyncio.open_connection(host, port)
        try:
            head = (
                f"{verb} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
                f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await reader.read()
        finally:
            writer.close()
        top, _, content = answer.partition(b"\r\n\r\n")
        if not top.startswith(b"HTTP/"):
            raise PlaygroundError(0, "the connection broke")
        return int(top.split(b" ", 2)[1]), content


@dataclass
class Person:
    """A person who talks to a bot. Messages are Telegram's Message as JSON."""

    playground: Playground
    name: str
    bot: str = ""
    _seen: int = field(default=0, repr=False)
    """Number of the last event that was waited for, or of the moment of the last act."""

    async def send(self, text: str, **fields: Any) -> Json:
        """Write a message, optionally with `reply_to`, `parse_mode` or `entities`."""
        return await self._act("POST", "messages", {"text": text, **fields})

    async def upload(
        self,
        file: Path | bytes,
        *,
        name: str = "",
        mime: str = "",
        as_: str = "document",
        caption: str = "",
        reply_to: int = 0,
    ) -> Json:
        """Send a file, as a document unless `as_` says otherwise ("photo", "auto", …)."""
        if isinstance(file, Path):
            name, content = name or file.name, await asyncio.to_thread(file.read_bytes)
        else:
            name, content = name or "file.bin", file
        fields = {"as": as_, "caption": caption, "reply_to": str(reply_to or "")}
        kind, body = _multipart(fields, name, mime or "application/octet-stream", content)
        status, answer = await self.playground.request("POST", self._path("messages"), body, kind)
        return self._acted(_checked(status, answer))

    async def send_large(self, name: str, size: int) -> Json:
        """Send a file of more than 20 MB without having one: only its name and size are known."""
        document = {"file_name": name, "file_size": size}
        return await self._act("POST", "messages", {"document": document})

    async def edit(self, message: Json | int, text: str) -> Json:
        """Change an own message: its text, or the caption of a file."""
        body = {"text": text, "caption": text}
        return await self._act("PATCH", f"messages/{_id(message)}", body)

    async def delete(self, message: Json | int) -> None:
        """Delete a message for both sides."""
        await self.playground.call("DELETE", self._path(f"messages/{_id(message)}"))

    async def click(self, message: Json | int, button: str, *, wait: float = 0) -> Json | None:
        """Press a button, named by its text or its data. With `wait` seconds: the bot's answer
        (`text`, `show_alert`, `url`), None when there was none in time."""
        body = {"message_id": _id(message), "text": button, "data": button, "wait": wait}
        given = await self.playground.call("POST", self._path("click"), body)
        self._seen = given["seq"]
        answer: Json | None = given["answer"]
        return answer

    async def block(self, blocked: bool = True) -> None:
        """Block the bot, or let it in again."""
        await self.playground.call("POST", self._path("block"), {"blocked": blocked})

    async def messages(self, *, after: int = 0) -> list[Json]:
        """The messages of the chat with an id above `after`, oldest first."""
        answer = await self.playground.call("GET", self._path("messages", after=after, limit=10**6))
        found: list[Json] = answer["messages"]
        return found

    async def wait_reply(
        self,
        *,
        contains: str = "",
        timeout: float = 10,
        where: Callable[[Json], bool] | None = None,
    ) -> Json:
        """The next message of the bot, of which the text or caption contains `contains`."""

        def fits(event: Json) -> bool:
            message = event.get("message", {})
            from_bot = event["type"] == "message" and message["from"]["is_bot"]
            return from_bot and contains in text_of(message) and (not where or where(message))

        message: Json = (await self.wait_event(fits, timeout=timeout, what="reply"))["message"]
        return message

    async def wait_edit(
        self, message: Json | int, *, contains: str = "", timeout: float = 10
    ) -> Json:
        """The message once it was edited so that its text or caption contains `contains`."""

        def fits(event: Json) -> bool:
            edited = event.get("message", {})
            same = event["type"] == "edited" and edited["message_id"] == _id(message)
            return same and contains in text_of(edited)

        edited: Json = (await self.wait_event(fits, timeout=timeout, what="edit"))["message"]
        return edited

    async def wait_text(self, message: Json | int, contains: str, *, timeout: float = 10) -> Json:
        """The message once its text contains `contains`, which it may do already."""
        for shown in await self.messages(after=_id(message) - 1):
            if shown["message_id"] == _id(message) and contains in text_of(shown):
                return shown
        return await self.wait_edit(message, contains=contains, timeout=timeout)

    async def wait_event(
        self, fits: Callable[[Json], bool], *, timeout: float = 10, what: str = "event"
    ) -> Json:
        """The next event of the chat that fits; raises NoReply with what happened instead."""
        loop = asyncio.get_running_loop()
        deadline, passed = loop.time() + timeout, list[Json]()
        after = self._seen
        while (left := deadline - loop.time()) > 0:
            path = self._path("events", after=after, wait=round(left, 3))
            found: list[Json] = (await self.playground.call("GET", path))["events"]
            for event in found:
                after = event["seq"]
                if fits(event):
                    self._seen = after
                    return event
                passed.append(event)
        raise NoReply(f"no such {what} for {self.name} in {timeout} s; {_told(passed)}")

    async def _act(self, verb: str, path: str, body: Json) -> Json:
        return self._acted(await self.playground.call(verb, self._path(path), body))

    def _acted(self, answer: Json) -> Json:
        self._seen = answer["seq"]
        message: Json = answer["message"]
        return message

    def _path(self, rest: str, **query: Any) -> str:
        return _path(f"/control/users/{quote(self.name)}/{rest}", bot=self.bot, **query)


def text_of(message: Json) -> str:
    """The text or the caption of a message."""
    text: str = message.get("text") or message.get("caption") or ""
    return text


def _id(message: Json | int) -> int:
    return message if isinstance(message, int) else int(message["message_id"])


def _path(path: str, **query: Any) -> str:
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _checked(status: int, answer: bytes) -> Any:
    value = orjson.loads(answer) if answer else {}
    if status >= 400:
        raise PlaygroundError(status, value.get("error", answer.decode(errors="replace")))
    return value


def _told(events: list[Json]) -> str:
    """What happened instead, in a line."""
    if not events:
        return "nothing happened"
    lines = []
    for event in events[-10:]:
        message = event.get("message")
        about = f" {message['message_id']}: {text_of(message)!r}" if message else ""
        lines.append(event["type"] + about)
    return "what happened: " + "; ".join(lines)


def _multipart(
    fields: Mapping[str, str], name: str, mime: str, content: bytes
) -> tuple[str, bytes]:
    """Content type and body of a form with one file."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"\r\n'
        f"Content-Type: {mime}\r\n\r\n"
    )
    end = f"\r\n--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", "".join(parts).encode() + content + end
