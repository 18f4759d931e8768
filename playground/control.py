"""The control API: what people do, what happened, and how things shall go wrong.

The chat page and the tests use it. Its reference is docs/playground.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from playground import forms, people, saying
from playground.botapi import BotApi
from playground.errors import ApiError, ControlError
from playground.forms import Form
from playground.methods.me import commands_for, text_for
from playground.model import Bot, Chat, Message, User
from playground.world import World

MAX_BODY = 2 << 30
"""Bytes that a person may send, as with Telegram."""
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

Endpoint = Callable[[Request], Awaitable[Response]]


def answer(value: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def guarded(endpoint: Endpoint) -> Endpoint:
    """Turn our errors into answers, and refuse what other sites' pages send."""

    async def call(request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            return answer({"error": "this API is for the playground's own page"}, 403)
        try:
            return await endpoint(request)
        except ControlError as error:
            return answer({"error": error.message}, error.status)
        except ApiError as error:
            return answer({"error": error.description}, error.code)
        except (KeyError, TypeError, ValueError) as error:
            return answer({"error": f"a value is missing or of the wrong type: {error}"}, 400)

    return call


class Control:
    """The endpoints below /control."""

    def __init__(self, world: World, clicks: people.Clicks, api: BotApi) -> None:
        self._world = world
        self._clicks = clicks
        self._api = api

    def routes(self) -> list[Route]:
        """For Starlette."""
        user = "/control/users/{user}"
        table: list[tuple[str, str, Endpoint]] = [
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
            ("GET", "/control/updates", self.pending),
            ("POST", "/control/updates", self.inject),
            ("DELETE", "/control/updates", self.drop_pending),
            ("POST", "/control/bulk", self.bulk),
            ("GET", "/control/calls", self.calls),
            ("DELETE", "/control/calls", self.clear_calls),
            ("GET", "/control/faults", self.faults),
            ("POST", "/control/faults", self.add_fault),
            ("DELETE", "/control/faults", self.clear_faults),
            ("GET", "/control/limits", self.limits),
            ("PUT", "/control/limits", self.set_limits),
        ]
        return [Route(path, guarded(call), methods=[verb]) for verb, path, call in table]

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
        wanted = await _fields(request)
        bot = self._world.add_bot(_required(wanted, "username"), str(wanted.get("name", "")))
        return answer(
            {"id": bot.id, "username": bot.username, "name": bot.name, "token": bot.token}
        )

    async def users(self, _: Request) -> Response:
        """All users."""
        return answer([asdict(user) for user in self._world.users.values()])

    async def add_user(self, request: Request) -> Response:
        """A new user: `first_name`, and what else a user has."""
        wanted = await _fields(request)
        _required(wanted, "first_name")
        try:
            user = User(**{"id": 0, **wanted})
        except TypeError as error:
            raise ControlError(f"no such user: {error}") from None
        return answer(asdict(self._world.add_user(user)))

    async def change_user(self, request: Request) -> Response:
        """Change `first_name`, `last_name`, `language` or `deactivated`."""
        user = self._user(request)
        for name, value in (await _fields(request)).items():
            if name not in {"first_name", "last_name", "language", "deactivated"}:
                raise ControlError(f"{name} of a user can't be changed")
            setattr(user, name, value)
        self._world.save_user(user)
        return answer(asdict(user))

    async def block(self, request: Request) -> Response:
        """Block the bot, or unblock it with `{"blocked": false}`."""
        chat = self._chat(request)
        blocked = bool((await _fields(request)).get("blocked", True))
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
        wanted = await _fields(request)
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
        chat, wanted = self._chat(request), await _fields(request)
        message = self._world.message(chat, int(_required(wanted, "message_id")))
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

    # For tests

    async def pending(self, request: Request) -> Response:
        """How many updates wait for the bot, and the oldest of them."""
        queue = self._world.queues[self._bot(request).id]
        oldest = [orjson.loads(update.body) for update in queue.peek(100)]
        return answer({"count": len(queue), "oldest": oldest})

    async def inject(self, request: Request) -> Response:
        """Queue `update` or `updates` as they are, whatever they hold."""
        queue = self._world.queues[self._bot(request).id]
        wanted = await _fields(request)
        given = wanted.get("updates", [wanted["update"]] if "update" in wanted else [])
        if not given or not all(isinstance(update, dict) for update in given):
            raise ControlError("give an object as update, or a list of them as updates")
        return answer({"update_ids": [queue.push_raw(update) for update in given]})

    async def drop_pending(self, request: Request) -> Response:
        """Forget what waits for the bot."""
        self._world.queues[self._bot(request).id].clear()
        return answer({"count": 0})

    async def bulk(self, request: Request) -> Response:
        """Many messages at once: `count` of them from `users` people, or a list `messages`."""
        bot, wanted = self._bot(request), await _fields(request)
        started = time.perf_counter()
        numbers: list[int] = []
        for index, (user, text) in enumerate(_bulk(self._world, wanted)):
            chat = self._world.chat_of(bot, user)
            content = saying.text(self._world, {"text": text})
            message = Message(id=0, date=0, sender=user.id, content=content)
            numbers.append(people.write(self._world, chat, message))
            if index % 500 == 499:
                await asyncio.sleep(0)  # let the bot fetch meanwhile
        return answer(
            {
                "count": len(numbers),
                "first_update": numbers[0] if numbers else None,
                "last_update": numbers[-1] if numbers else None,
                "seconds": round(time.perf_counter() - started, 3),
            }
        )

    async def calls(self, request: Request) -> Response:
        """The log of Bot API calls above number `after`, of one `method` when it is given."""
        query, log = request.query_params, self._api.calls
        found = log.since(
            int(query.get("after", 0)), query.get("method", ""), int(query.get("limit", 1000))
        )
        listed = [{name: getattr(call, name) for name in call.__slots__} for call in found]
        return answer({"calls": listed, "counts": log.counts, "errors": log.errors})

    async def clear_calls(self, _: Request) -> Response:
        """Empty the log."""
        self._api.calls.clear()
        return answer({})

    async def faults(self, _: Request) -> Response:
        """The faults that are left."""
        return answer(self._api.faults.listed())

    async def add_fault(self, request: Request) -> Response:
        """Ask for a fault; its fields are those of `playground.faults.Fault`."""
        return answer(asdict(self._api.faults.add(await _fields(request))))

    async def clear_faults(self, _: Request) -> Response:
        """Forget all faults."""
        self._api.faults.clear()
        return answer([])

    async def limits(self, _: Request) -> Response:
        """The limits on sending, and how often they were broken."""
        return answer(self._api.limits.state())

    async def set_limits(self, request: Request) -> Response:
        """Set `per_second`, `per_chat_per_second`, `retry_after`; `{}` lifts the limits."""
        return answer(self._api.limits.set(await _fields(request)))

    # Finding things

    def _bot(self, request: Request) -> Bot:
        return self._world.find_bot(request.query_params.get("bot"))

    def _user(self, request: Request) -> User:
        return self._world.find_user(request.path_params["user"])

    def _chat(self, request: Request) -> Chat:
        return self._world.chat_of(self._bot(request), self._user(request))

    def _message(self, request: Request) -> Message:
        return self._world.message(self._chat(request), request.path_params["message"])


async def _fields(request: Request) -> dict[str, Any]:
    form = await forms.read(request, MAX_BODY)
    form.fields.pop("bot", None)
    form.close()
    return form.fields


def _required(fields: dict[str, Any], name: str) -> Any:
    if not fields.get(name):
        raise ControlError(f"{name} is missing")
    return fields[name]


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


def _bulk(world: World, wanted: dict[str, Any]) -> list[tuple[User, str]]:
    if "messages" in wanted:
        return [(world.find_user(str(m["user"])), str(m["text"])) for m in wanted["messages"]]
    crowd = [_member(world, number) for number in range(1, int(wanted.get("users", 1)) + 1)]
    text = str(wanted.get("text", "message {n}"))
    count = int(wanted.get("count", 1))
    return [(crowd[n % len(crowd)], text.replace("{n}", str(n + 1))) for n in range(count)]


def _member(world: World, number: int) -> User:
    try:
        return world.find_user(f"crowd{number}")
    except ControlError:
        return world.add_user(User(0, f"Crowd {number}", f"crowd{number}"))


def _event(event: dict[str, Any]) -> bytes:
    number = f"id: {event['seq']}\n" if "seq" in event else ""
    return f"{number}data: ".encode() + orjson.dumps(event) + b"\n\n"
