"""The control API: who is there, what people do, what happened.

The chat page and the tests use it; `playground.rig` is the rest of it. Its reference is
docs/playground.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from playground import endpoints, forms, people, saying
from playground.endpoints import MAX_BODY, answer, fields, required
from playground.errors import ControlError
from playground.forms import Form
from playground.methods.me import commands_for, text_for
from playground.model import Bot, Chat, Message, User
from playground.world import World

_LONGEST_WAIT = 120.0
_KEEP_ALIVE = 15.0
"""Seconds between comments in a silent event stream, so that both ends see that it lives."""
_INLINE = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "audio/",
    "video/",
    "application/pdf",
)
"""Types that a browser may show; others are only saved, for they could run scripts."""


class Control:
    """The endpoints that stand for what a person does and sees."""

    def __init__(self, world: World, clicks: people.Clicks) -> None:
        self._world = world
        self._clicks = clicks

    def routes(self) -> list[Route]:
        """For Starlette."""
        user = "/control/users/{user}"
        table = [
            ("GET", "/control/state", self.state),
            ("GET", "/control/bots", self.bots),
            ("POST", "/control/bots", self.add_bot),
            ("GET", "/control/users", self.users),
            ("POST", "/control/users", self.add_user),
            ("PATCH", user, self.change_user),
            ("POST", f"{user}/block", self.block),
            ("GET", f"{user}/messages", self.messages),
            ("POST", f"{user}/messages", self.send),
            ("PATCH", f"{user}/messages/{{message:int}}", self.edit),
            ("DELETE", f"{user}/messages/{{message:int}}", self.delete),
            ("POST", f"{user}/click", self.click),
            ("GET", f"{user}/commands", self.commands),
            ("GET", f"{user}/events", self.events),
            ("GET", f"{user}/stream", self.stream),
            ("GET", "/control/files/{file}", self.file),
        ]
        return endpoints.routes(table)

    # Who is there

    async def state(self, request: Request) -> Response:
        """What the page needs to begin: the bot, and each user with the end of their chat."""
        bot = self._bot(request)
        language = request.query_params.get("language", "en")
        about = bot.as_json() | {
            "first_name": text_for(bot, "name", language),
            "description": text_for(bot, "description", language),
            "short_description": text_for(bot, "short_description", language),
            "online": self._world.queues[bot.id].present,
        }
        users = [self._summary(bot, user) for user in self._world.users.values()]
        return answer({"bot": about, "users": users, "seq": self._world.events.last})

    def _summary(self, bot: Bot, user: User) -> dict[str, Any]:
        chat = self._world.chat_of(bot, user)
        messages = self._world.messages(chat)
        last = messages[next(reversed(messages))] if messages else None
        latest = islice(reversed(messages.values()), 100)
        received = [message.id for message in latest if message.sender == bot.id]
        return asdict(user) | {
            "blocked": chat.blocked,
            "last": self._world.render(chat, last, nested=True) if last else None,
            "received": received,
        }

    async def bots(self, _: Request) -> Response:
        """All bots, with their tokens."""
        fields = ("id", "username", "name", "token")
        found = self._world.bots.values()
        return answer([{name: getattr(bot, name) for name in fields} for bot in found])

    async def add_bot(self, request: Request) -> Response:
        """A new bot: `username`, `name`."""
        wanted = await fields(request)
        bot = self._world.add_bot(required(wanted, "username"), str(wanted.get("name", "")))
        return answer(
            {"id": bot.id, "username": bot.username, "name": bot.name, "token": bot.token}
        )

    async def users(self, _: Request) -> Response:
        """All users."""
        return answer([asdict(user) for user in self._world.users.values()])

    async def add_user(self, request: Request) -> Response:
        """A new user: `first_name`, and what else a user has."""
        wanted = await fields(request)
        required(wanted, "first_name")
        try:
            user = User(**{"id": 0, **wanted})
        except TypeError as error:
            raise ControlError(f"no such user: {error}") from None
        return answer(asdict(self._world.add_user(user)))

    async def change_user(self, request: Request) -> Response:
        """Change `first_name`, `last_name`, `language` or `deactivated`."""
        user = self._user(request)
        for name, value in (await fields(request)).items():
            if name not in {"first_name", "last_name", "language", "deactivated"}:
                raise ControlError(f"{name} of a user can't be changed")
            setattr(user, name, value)
        self._world.save_user(user)
        return answer(asdict(user))

    async def block(self, request: Request) -> Response:
        """Block the bot, or unblock it with `{"blocked": false}`."""
        chat = self._chat(request)
        blocked = bool((await fields(request)).get("blocked", True))
        people.block(self._world, chat, blocked=blocked)
        return answer({"blocked": blocked})

    # What people do

    async def send(self, request: Request) -> Response:
        """A message: JSON with `text`, or multipart with `file`."""
        user, chat = self._user(request), self._chat(request)
        form = await forms.read(request, MAX_BODY)
        try:
            content = await self._content(form)
        finally:
            form.close()
        message = Message(id=0, date=0, sender=user.id, content=content)
        reply_to = int(form.fields.get("reply_to") or 0)
        if reply_to:
            message.reply_to = self._world.message(chat, reply_to, "message to be replied").id
        seq = self._world.events.last
        number = people.write(self._world, chat, message)
        shown = self._world.render(chat, message, watched=True)
        return answer({"message": shown, "update_id": number, "seq": seq})

    async def _content(self, form: Form) -> dict[str, Any]:
        if "file" in form.uploads or "document" in form.fields:
            return await saying.file(self._world, form)
        return saying.text(self._world, form.fields)

    async def edit(self, request: Request) -> Response:
        """Change an own message: `text`, or `caption` of a file."""
        chat, message = self._chat(request), self._message(request)
        if message.sender != self._user(request).id:
            raise ControlError("only one's own messages can be changed", 403)
        wanted = await fields(request)
        if "text" in message.content:
            content = saying.text(self._world, wanted)
        else:
            kept = {k: v for k, v in message.content.items() if not k.startswith("caption")}
            content = kept | saying.caption(self._world, wanted)
        seq = self._world.events.last
        number = people.edit(self._world, chat, message, content)
        shown = self._world.render(chat, message, watched=True)
        return answer({"message": shown, "update_id": number, "seq": seq})

    async def delete(self, request: Request) -> Response:
        """Delete a message for both sides; the bot isn't told, as with Telegram."""
        self._world.delete(self._chat(request), self._message(request))
        return answer({"deleted": True})

    async def click(self, request: Request) -> Response:
        """Press a button of `message_id`, by its `data` or its `text`; with `wait` seconds, the
        answer."""
        chat, wanted = self._chat(request), await fields(request)
        message = self._world.message(chat, int(required(wanted, "message_id")))
        data = _button_data(message, wanted)
        seq = self._world.events.last
        click = self._clicks.press(chat, self._user(request), message, data)
        given = {"callback_query_id": click.id, "seq": seq, "answer": None}
        with contextlib.suppress(TimeoutError):
            wait = min(float(wanted.get("wait", 0)), _LONGEST_WAIT)
            given["answer"] = await asyncio.wait_for(click.answer, wait) if wait else None
        return answer(given)

    # What happened

    async def messages(self, request: Request) -> Response:
        """The messages of a chat above the id `after`: the last `limit` of them, oldest first."""
        chat, query = self._chat(request), request.query_params
        after, limit = int(query.get("after", 0)), int(query.get("limit", 1000))
        below = int(query.get("before", 0)) or float("inf")
        found = [m for m in self._world.messages(chat).values() if after < m.id < below]
        shown = [self._world.render(chat, m, watched=True) for m in found[-limit:]]
        return answer({"messages": shown, "pinned": chat.pinned, "blocked": chat.blocked})

    async def commands(self, request: Request) -> Response:
        """The bot's commands as the user's client would list them."""
        bot, user = self._bot(request), self._user(request)
        return answer(commands_for(bot, user.id, user.language))

    async def events(self, request: Request) -> Response:
        """The events of a chat after number `after`; waits up to `wait` seconds for one."""
        chat, query = self._chat(request), request.query_params
        wait = min(float(query.get("wait", 0)), _LONGEST_WAIT)
        key = (chat.bot_id, chat.id)
        found = await self._world.events.wait(key, int(query.get("after", 0)), wait)
        return answer({"events": found, "seq": found[-1]["seq"] if found else None})

    async def stream(self, request: Request) -> Response:
        """Server-sent events of a chat, from number `after` on when it is given."""
        chat, query = self._chat(request), request.query_params
        after = request.headers.get("last-event-id") or query.get("after")
        stream = self._stream(chat, int(after) if after else self._world.events.last)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    async def _stream(self, chat: Chat, after: int) -> AsyncIterator[bytes]:
        key = (chat.bot_id, chat.id)
        online = self._world.queues[chat.bot_id].present
        with self._world.events.watch(key) as watcher:
            yield _event({"type": "presence", "online": online})
            for event in self._world.events.since(key, after):
                yield _event(event)
            while not watcher.closed:
                try:
                    await asyncio.wait_for(watcher.wake.wait(), _KEEP_ALIVE)
                except TimeoutError:
                    yield b":\n\n"
                events, touched = watcher.take()
                if touched:
                    events.append({"type": "elsewhere", "chats": sorted(touched)})
                if events:
                    yield b"".join(_event(event) for event in events)

    async def file(self, request: Request) -> Response:
        """The content of a file, to be shown when that is harmless, else to be saved."""
        file = self._world.files.get(request.path_params["file"])
        content = self._world.files.content(file)
        if content is None:
            raise ControlError("this file has no content", 404)
        shown = file.mime.startswith(_INLINE) and "download" not in request.query_params
        name, how = quote(file.name or Path(file.path).name), "inline" if shown else "attachment"
        headers = {
            "content-disposition": f"{how}; filename*=UTF-8''{name}",
            "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "x-content-type-options": "nosniff",
            "cache-control": "private, max-age=86400",
        }
        if isinstance(content, Path):
            return FileResponse(content, headers=headers, media_type=file.mime)
        return Response(content, headers=headers, media_type=file.mime)

    # Finding things

    def _bot(self, request: Request) -> Bot:
        return self._world.find_bot(request.query_params.get("bot"))

    def _user(self, request: Request) -> User:
        return self._world.find_user(request.path_params["user"])

    def _chat(self, request: Request) -> Chat:
        return self._world.chat_of(self._bot(request), self._user(request))

    def _message(self, request: Request) -> Message:
        return self._world.message(self._chat(request), request.path_params["message"])


def _button_data(message: Message, wanted: dict[str, Any]) -> str:
    """The data of the button, which must be there: a person can't press another."""
    rows = (message.markup or {}).get("inline_keyboard", [])
    buttons = [button for row in rows for button in row if "callback_data" in button]
    for button in buttons:
        if wanted.get("data") == button["callback_data"] or wanted.get("text") == button["text"]:
            data: str = button["callback_data"]
            return data
    there = ", ".join(f"{b['text']!r} ({b['callback_data']})" for b in buttons) or "none"
    raise ControlError(f"message {message.id} has no such button; there are: {there}", 404)


def _event(event: dict[str, Any]) -> bytes:
    number = f"id: {event['seq']}\n" if "seq" in event else ""
    return f"{number}data: ".encode() + orjson.dumps(event) + b"\n\n"
