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

from playground import chats as chats_of
from playground import endpoints, forms, keyboards, people, roles, saying, transcript
from playground.acting import addressed, chat_of, sent
from playground.endpoints import MAX_BODY, answer, fields, required
from playground.errors import ControlError
from playground.forms import Form
from playground.methods.me import commands_for, text_for
from playground.model import Bot, Chat, Group, Message, User
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


_DOWNLOAD = {"content-disposition": 'attachment; filename="transcript.yaml"'}


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
            ("PATCH", "/control/bots/{name}", self.change_bot),
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
            ("GET", f"{user}/transcript", self.transcript),
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
        users = [
            asdict(user) | self._summary(bot, self._world.chat_of(bot, user))
            for user in self._world.users.values()
        ]
        chats = [
            chats_of.described(self._world, group) | self._summary(bot, group)
            for group in self._world.groups()
        ]
        return answer(
            {"bot": about, "users": users, "chats": chats, "seq": self._world.events.last}
        )

    def _summary(self, bot: Bot, chat: Chat) -> dict[str, Any]:
        messages = self._world.messages(chat)
        last = messages[next(reversed(messages))] if messages else None
        latest = islice(reversed(messages.values()), 100)
        group = isinstance(chat, Group)
        return {
            "blocked": chat.blocked,
            "last": self._world.render(chat, last, nested=True, watched=True) if last else None,
            "received": [message.id for message in latest if group or message.by == bot.id],
        }

    async def bots(self, _: Request) -> Response:
        """All bots, with their tokens."""
        return answer([_shown(bot) for bot in self._world.bots.values()])

    async def add_bot(self, request: Request) -> Response:
        """A new bot: `username`, `name`."""
        wanted = await fields(request)
        bot = self._world.add_bot(required(wanted, "username"), str(wanted.get("name", "")))
        return answer(_shown(bot))

    async def change_bot(self, request: Request) -> Response:
        """What BotFather would set: `can_join_groups`, `reads_all_group_messages`,
        `supports_inline`, `inline_placeholder`, `inline_feedback`."""
        bot = self._world.find_bot(request.path_params["name"])
        for name, value in (await fields(request)).items():
            if name not in _SETTINGS:
                raise ControlError(f"{name} of a bot can't be changed")
            setattr(bot, name, type(getattr(bot, name))(value))
        self._world.save_bot(bot)
        self._world.events.announce(bot.id, "bot")
        return answer(_shown(bot))

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
        """Change `first_name`, `last_name`, `language`, `phone` or `deactivated`."""
        user = self._user(request)
        for name, value in (await fields(request)).items():
            if name not in {"first_name", "last_name", "language", "phone", "deactivated"}:
                raise ControlError(f"{name} of a user can't be changed")
            setattr(user, name, value)
        self._world.save_user(user)
        return answer(asdict(user))

    async def block(self, request: Request) -> Response:
        """Block the bot, or unblock it with `{"blocked": false}`."""
        chat = self._world.chat_of(self._bot(request), self._user(request))
        blocked = bool((await fields(request)).get("blocked", True))
        people.block(self._world, chat, blocked=blocked)
        return answer({"blocked": blocked})

    # What people do

    async def send(self, request: Request) -> Response:
        """A message: JSON with `text` and others, or multipart with `file`."""
        user, chat = self._user(request), self._chat(request)
        form = await forms.read(request, MAX_BODY)
        try:
            content = await self._content(user, form)
        finally:
            form.close()
        message = Message(id=0, date=0, sender=user.id, content=content)
        addressed(self._world, chat, message, form.fields)
        seq = self._world.events.last
        numbers = people.write(self._world, chat, message)
        return sent(self._world, self._bot(request), chat, message, numbers, seq)

    async def _content(self, user: User, form: Form) -> dict[str, Any]:
        if "file" in form.uploads or "document" in form.fields:
            return await saying.file(self._world, form)
        thing = saying.thing(self._world, user, form.fields)
        return thing or saying.text(self._world, form.fields)

    async def edit(self, request: Request) -> Response:
        """Change an own message: `text`, or `caption` of a file."""
        chat, message = self._chat(request), self._message(request)
        if message.by != self._user(request).id:
            raise ControlError("only one's own messages can be changed", 403)
        wanted = await fields(request)
        if "text" in message.content:
            content = saying.text(self._world, wanted)
        else:
            kept = {k: v for k, v in message.content.items() if not k.startswith("caption")}
            content = kept | saying.caption(self._world, wanted)
        seq = self._world.events.last
        numbers = people.edit(self._world, chat, message, content)
        return sent(self._world, self._bot(request), chat, message, numbers, seq)

    async def delete(self, request: Request) -> Response:
        """Delete a message for both sides; the bot isn't told, as with Telegram."""
        chat, message = self._chat(request), self._message(request)
        user = self._user(request)
        people.require_presence(chat, user)
        others = isinstance(chat, Group) and not roles.may(chat, user.id, "can_delete_messages")
        if others and message.by != user.id:
            raise ControlError("not enough rights to delete others' messages", 403)
        self._world.delete(chat, message)
        return answer({"deleted": True})

    async def click(self, request: Request) -> Response:
        """Press a button of `message_id`, by its `data` or its `text`; with `wait` seconds, the
        answer. Of a button that only the client acts upon, such as a link, what it holds."""
        chat, wanted = self._chat(request), await fields(request)
        message = self._world.message(chat, int(required(wanted, "message_id")))
        button = _button(message, wanted)
        seq = self._world.events.last
        if "callback_data" not in button:
            held = {key: value for key, value in button.items() if key != "text"}
            return answer({"callback_query_id": None, "seq": seq, "answer": held})
        data = button["callback_data"]
        user = self._user(request)
        click = self._clicks.press(chat, user, message, data)
        about = {"callback_query_id": click.id, "message_id": message.id, "user_id": user.id}
        self._world.tell(chat, "click", text=button["text"], **about)
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
        thread = query.get("thread")
        if thread is not None:
            found = [m for m in found if m.thread == int(thread)]
        shown = [self._world.render(chat, m, watched=True) for m in found[-limit:]]
        keyboard = keyboards.shown(self._world, chat)
        about: dict[str, Any] = {
            "pinned": chat.pinned,
            "blocked": chat.blocked,
            "keyboard": keyboard,
        }
        holder = keyboards.holder(self._world, chat)
        about["keyboard_of"] = self._world.render(chat, holder, watched=True) if holder else None
        buttons = self._bot(request).menu_buttons
        about["menu_button"] = buttons.get(str(chat.id)) or buttons.get("") or {"type": "commands"}
        return answer({"messages": shown, **about})

    async def commands(self, request: Request) -> Response:
        """The bot's commands as the user's client would list them."""
        bot, user = self._bot(request), self._user(request)
        return answer(commands_for(bot, self._chat(request), user.id, user.language))

    async def events(self, request: Request) -> Response:
        """The events of a chat after number `after`; waits up to `wait` seconds for one."""
        chat, query = self._chat(request), request.query_params
        wait = min(float(query.get("wait", 0)), _LONGEST_WAIT)
        key = (chat.bot_id, chat.id)
        found = await self._world.events.wait(key, int(query.get("after", 0)), wait)
        return answer({"events": found, "seq": found[-1]["seq"] if found else None})

    async def transcript(self, request: Request) -> Response:
        """What the person did in the chat and what the bot answered, as YAML."""
        chat = self._chat(request)
        found = self._world.events.since((chat.bot_id, chat.id), 0)
        text = transcript.record({self._user(request).username: found}).text()
        return Response(text, headers=_DOWNLOAD, media_type="application/yaml")

    async def stream(self, request: Request) -> Response:
        """Server-sent events of a chat, from number `after` on when it is given."""
        chat, query = self._chat(request), request.query_params
        after = request.headers.get("last-event-id") or query.get("after")
        stream = self._stream(
            self._bot(request), chat, int(after) if after else self._world.events.last
        )
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    async def _stream(self, bot: Bot, chat: Chat, after: int) -> AsyncIterator[bytes]:
        key = (chat.bot_id, chat.id)
        online = self._world.queues[bot.id].present
        with self._world.events.watch(key, bot.id) as watcher:
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
        return chat_of(self._world, request)

    def _message(self, request: Request) -> Message:
        return self._world.message(self._chat(request), request.path_params["message"])


_SETTINGS = (
    "can_join_groups", "reads_all_group_messages", "supports_inline", "inline_placeholder",
    "inline_feedback",
)  # fmt: skip


def _shown(bot: Bot) -> dict[str, Any]:
    names = ("id", "username", "name", "token", *_SETTINGS)
    return {name: getattr(bot, name) for name in names} | {"webhook": bot.webhook.get("url", "")}


def _button(message: Message, wanted: dict[str, Any]) -> dict[str, Any]:
    """The button, which must be there: a person can't press another."""
    rows = (message.markup or {}).get("inline_keyboard", [])
    buttons: list[dict[str, Any]] = [button for row in rows for button in row]
    for button in buttons:
        data = button.get("callback_data")
        if (data and wanted.get("data") == data) or wanted.get("text") == button["text"]:
            return button
    there = ", ".join(f"{b['text']!r} ({b.get('callback_data', 'no data')})" for b in buttons)
    raise ControlError(
        f"message {message.id} has no such button; there are: {there or 'none'}", 404
    )


def _event(event: dict[str, Any]) -> bytes:
    number = f"id: {event['seq']}\n" if "seq" in event else ""
    return f"{number}data: ".encode() + orjson.dumps(event) + b"\n\n"
