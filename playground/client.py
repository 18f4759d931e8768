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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from playground import http

Json = dict[str, Any]

_SERVICE = {
    "pinned_message", "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo",
    "delete_chat_photo", "forum_topic_created", "forum_topic_edited", "forum_topic_closed",
    "forum_topic_reopened",
}  # fmt: skip
"""Messages of a bot that are no replies."""
_ABOUT = {
    "message_id", "from", "sender_chat", "chat", "date", "author", "message_thread_id",
    "is_topic_message", "reply_to_message", "edit_date", "text",
}  # fmt: skip
"""Fields that don't tell what kind of message it is."""


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

    def user(self, name: str, *, bot: str = "") -> Person:
        """A person by username or id, who talks to `bot` (the first one by default)."""
        return Person(self, name, bot)

    async def group(
        self,
        title: str,
        *,
        members: Sequence[str | Person] = (),
        bots: Sequence[str] | None = None,
        admins: Sequence[str] = (),
        kind: str = "group",
        **fields: Any,
    ) -> Chat:
        """A new group (or `kind` "supergroup" or "channel") with people, the first of whom owns
        it, and with the first bot unless `bots` are named. `forum`, `username` and `owner` as the
        control API has them."""
        wanted = {
            "title": title,
            "kind": kind,
            "members": [_name(member) for member in members],
            "admins": list(admins),
            "bots": [await self._first_bot()] if bots is None else list(bots),
            **fields,
        }
        made = await self._object("POST", "/control/chats", wanted)
        return Chat(self, made["id"], title)

    async def channel(self, title: str, **fields: Any) -> Chat:
        """A new channel, of which the bot is an administrator; as with `group`."""
        return await self.group(title, kind="channel", **fields)

    async def chat(self, name: str | int) -> Chat:
        """A group or channel by id, username or title."""
        found = await self._object("GET", f"/control/chats/{quote(str(name))}")
        return Chat(self, found["id"], found["title"])

    async def add_bot(self, username: str, name: str = "", **settings: Any) -> str:
        """A new bot; its token. `settings` as with `configure_bot`."""
        made = await self._object("POST", "/control/bots", {"username": username, "name": name})
        if settings:
            await self.configure_bot(username, **settings)
        token: str = made["token"]
        return token

    async def configure_bot(self, bot: str = "", **settings: Any) -> Json:
        """What BotFather would set: `can_join_groups`, `reads_all_group_messages`,
        `supports_inline`, `inline_placeholder`, `inline_feedback`."""
        name = bot or await self._first_bot()
        return await self._object("PATCH", f"/control/bots/{quote(name)}", settings)

    async def local(self, local: bool = True) -> None:
        """Answer as a Bot API server of one's own with --local, or as Telegram's."""
        await self.call("PUT", "/control/server", {"local": local})

    async def api(self, method: str, *, bot: str = "", **params: Any) -> Any:
        """Call the Bot API in the name of a bot: the result. Raises PlaygroundError."""
        path = f"/bot{await self.token(bot)}/{method}"
        body = orjson.dumps(params)
        status, content = await self.request("POST", path, body, "application/json")
        answer = orjson.loads(content)
        if not answer["ok"]:
            raise PlaygroundError(status, answer["description"])
        return answer["result"]

    async def _first_bot(self) -> str:
        name: str = (await self.call("GET", "/control/bots"))[0]["username"]
        return name

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

    async def bulk(
        self, count: int, *, users: int = 1, text: str = "message {n}", bot: str = ""
    ) -> Json:
        """`count` messages from `users` people at once; see docs/playground.md for the answer."""
        wanted = {"count": count, "users": users, "text": text}
        return await self._object("POST", _path("/control/bulk", bot=bot), wanted)

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

    async def request(
        self, verb: str, path: str, body: bytes | Sequence[bytes | Path], kind: str
    ) -> tuple[int, bytes]:
        """A request over a connection of its own: status and body of the answer. A body of parts
        may hold files, which are sent in blocks."""
        parts = [body] if isinstance(body, bytes) else body
        status, answer = await http.request(self.url, verb, path, parts, kind)
        if not status:
            raise PlaygroundError(0, "the connection broke")
        return status, answer


@dataclass
class Person:
    """A person in a chat: that with a bot, or a group. Messages are Telegram's Message as JSON."""

    playground: Playground
    name: str
    bot: str = ""
    chat: int = 0
    """The group or channel in which they are; 0 is the private chat with the bot."""
    thread: int = 0
    """The topic of a forum in which they write."""
    seen: int = field(default=0, repr=False)
    """Number of the last event that was waited for, or of the moment of the last act."""

    async def send(self, text: str, **fields: Any) -> Json:
        """Write a message, optionally with `reply_to`, `parse_mode` or `entities`."""
        return await self._say({"text": text, **fields})

    async def start(self, payload: str = "") -> Json:
        """Press *Start*, as somebody does who follows a link with a payload."""
        return await self.send(f"/start {payload}".rstrip())

    async def share(self, **what: Any) -> Json:
        """Send a `location`, `venue`, `contact` (True is the own one), `dice` or `poll`."""
        return await self._say(what)

    async def forward(self, message: Json | int, *, from_chat: Chat | int = 0) -> Json:
        """Forward a message, of the same chat unless another is named."""
        source = from_chat.id if isinstance(from_chat, Chat) else from_chat
        return await self._act(
            "POST", "forwards", {"message_id": _id(message), "from_chat": str(source or "")}
        )

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
        part = http.part("file", file, name, mime)
        fields = {"as": as_, "caption": caption, "reply_to": str(reply_to or "")}
        answer = await self._send_form("messages", fields, [part])
        self.seen = answer["seq"]
        message: Json = answer["message"]
        return message

    async def album(
        self, files: Sequence[Path | bytes], *, as_: str = "auto", caption: str = ""
    ) -> list[Json]:
        """Send several files as one album: the messages."""
        parts = [
            http.part(f"file{n}", file, "" if isinstance(file, Path) else f"item{n}", "")
            for n, file in enumerate(files)
        ]
        answer = await self._send_form("albums", {"as": as_, "caption": caption}, parts)
        self.seen = answer["seq"]
        messages: list[Json] = answer["messages"]
        return messages

    async def _send_form(
        self, path: str, fields: Json, parts: Sequence[tuple[bytes, bytes | Path]]
    ) -> Json:
        given = fields | ({"thread": str(self.thread)} if self.thread else {})
        kind, body = http.multipart(given, parts)
        status, answer = await self.playground.request("POST", self._path(path), body, kind)
        value: Json = _checked(status, answer)
        return value

    async def send_large(self, name: str, size: int) -> Json:
        """Send a file of more than 20 MB without having one: only its name and size are known."""
        document = {"file_name": name, "file_size": size}
        return await self._say({"document": document})

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
        self.seen = given["seq"]
        answer: Json | None = given["answer"]
        return answer

    async def press(self, button: str, **given: Any) -> Json:
        """Press a button of the reply keyboard. What it asks for is given: `location`, `users`,
        `shared_chat`, `poll`."""
        return await self._act("POST", "press", {"text": button, **given})

    async def vote(self, message: Json | int, *options: int | str) -> Json:
        """Vote in a poll, by the options' numbers or texts; for none to take the vote back."""
        return await self._act(
            "POST", "votes", {"message_id": _id(message), "options": list(options)}
        )

    async def react(self, message: Json | int, *emoji: str) -> Json:
        """React to a message; with no emoji to take it back."""
        return await self._act(
            "POST", "reactions", {"message_id": _id(message), "emoji": list(emoji)}
        )

    async def pin(self, message: Json | int, pinned: bool = True) -> None:
        """Pin a message, or unpin it."""
        body = {"message_id": _id(message), "pinned": pinned}
        await self.playground.call("POST", self._path("pins"), body)

    async def inline(self, text: str, *, offset: str = "", timeout: float = 10) -> InlineResults:
        """Type `@bot words` (or only the words, to the bot one talks to) and wait for the
        results; raises NoReply."""
        bot, words = self.bot, text
        if text.startswith("@"):
            bot, _, words = text[1:].partition(" ")
        body = {"query": words, "offset": offset, "wait": timeout, "via": bot}
        given = await self.playground.call("POST", self._path("inline"), body)
        if given["answer"] is None:
            raise NoReply(f"no results of {text!r} for {self.name} in {timeout} s")
        return InlineResults(self, given["query_id"], **given["answer"])

    async def choose(self, results: InlineResults, result_id: str) -> Json:
        """Send a result of `inline`: the message."""
        body = {"query_id": results.query_id, "result_id": result_id, "thread": self.thread}
        return await self._act("POST", "choices", body)

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
            if event["type"] != "message" or not self._is_reply(message):
                return False
            return contains in text_of(message) and (not where or bool(where(message)))

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
        after = self.seen
        while (left := deadline - loop.time()) > 0:
            path = self._path("events", after=after, wait=round(left, 3))
            found: list[Json] = (await self.playground.call("GET", path))["events"]
            for event in found:
                after = event["seq"]
                if fits(event):
                    self.seen = after
                    return event
                passed.append(event)
        raise NoReply(f"no such {what} for {self.name} in {timeout} s; {_told(passed)}")

    def _is_reply(self, message: Json) -> bool:
        """Whether a bot said it: the one this person talks to, when it is named."""
        named = not self.bot or author_of(message).get("username", "").lower() == self.bot.lower()
        return named and is_reply(message)

    async def _say(self, body: Json) -> Json:
        thread = {"thread": self.thread} if self.thread else {}
        return await self._act("POST", "messages", thread | body)

    async def _act(self, verb: str, path: str, body: Json) -> Json:
        return self._acted(await self.playground.call(verb, self._path(path), body))

    def _acted(self, answer: Json) -> Json:
        self.seen = answer["seq"]
        message: Json = answer["message"]
        return message

    def _path(self, rest: str, **query: Any) -> str:
        path = f"/control/users/{quote(self.name)}/{rest}"
        return _path(path, bot=self.bot, chat=self.chat, **query)


@dataclass
class InlineResults:
    """What a bot answered to `@bot words`: a list of Telegram's InlineQueryResults."""

    person: Person
    query_id: str
    results: list[Json]
    next_offset: str = ""
    button: Json | None = None
    cached: bool = False
    """Whether the bot wasn't asked: the results were kept."""

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, number: int) -> Json:
        return self.results[number]

    async def choose(self, result: Json | int | str) -> Json:
        """Send a result, named by itself, its number, id or title: the message."""
        if isinstance(result, int):
            result = self.results[result]
        if isinstance(result, str):
            result = self._named(result)
        return await self.person.choose(self, result["id"])

    def _named(self, name: str) -> Json:
        for result in self.results:
            if name in {result["id"], result.get("title")}:
                return result
        there = ", ".join(f"{r['id']} ({r.get('title', r['type'])})" for r in self.results)
        raise NoReply(f"no result {name!r}; there are: {there or 'none'}")


@dataclass
class Chat:
    """A group or channel, for tests: who writes is named, waits are for whatever comes."""

    playground: Playground
    id: int
    title: str = ""
    _people: dict[tuple[str, int], Person] = field(default_factory=dict, repr=False)

    def person(self, name: str | Person, *, thread: int = 0) -> Person:
        """A member, who acts here, in a topic when `thread` is given."""
        key = (_name(name), thread)
        if key not in self._people:
            bot = name.bot if isinstance(name, Person) else ""
            self._people[key] = Person(self.playground, key[0], bot, self.id, thread)
        return self._people[key]

    async def send(self, user: str | Person, text: str, **fields: Any) -> Json:
        """Somebody writes here; more as with `Person.send`, and `thread`."""
        return await self.person(user, thread=fields.pop("thread", 0)).send(text, **fields)

    async def wait_reply(self, **how: Any) -> Json:
        """The next message of a bot since the last act or wait of anybody here; as with
        `Person.wait_reply`."""
        watcher = max(self._people.values(), key=lambda person: person.seen, default=None)
        if watcher is None:
            watcher = self.person((await self.info())["members"][0]["user"]["username"])
        return await watcher.wait_reply(**how)

    async def info(self) -> Json:
        """What it is: members, topics, links; see docs/playground.md."""
        return await self._call("GET")

    async def change(self, **fields: Any) -> Json:
        """Change the title and others, as the owner or `by` another."""
        return await self._call("PATCH", "", fields)

    async def add(self, who: str | Person, *, by: str = "", link: str = "") -> Json:
        """Somebody enters, is added by another, or follows an invite link."""
        return await self.make(who, "member", by=by, link=link)

    async def remove(self, who: str | Person, *, by: str = "", ban: bool = False) -> Json:
        """Somebody leaves, or is removed by another, or banned."""
        return await self.make(who, "kicked" if ban else "left", by=by)

    async def make(self, who: str | Person, status: str, *, by: str = "", **fields: Any) -> Json:
        """Make somebody an `administrator`, `restricted`, … with `rights`, as the owner or `by`
        another: their ChatMember."""
        wanted = {"who": _name(who), "status": status, "by": by, **fields}
        return await self._call("POST", "/members", wanted)

    async def topic(self, name: str, *, by: str = "") -> int:
        """A new topic of a forum: its message_thread_id."""
        made = await self._call("POST", "/topics", {"name": name, "by": by})
        return int(made["message_thread_id"])

    async def upgrade(self, *, by: str = "") -> Chat:
        """The supergroup that this group becomes."""
        made = await self._call("POST", "/upgrade", {"by": by})
        return Chat(self.playground, made["id"], made["title"])

    async def _call(self, verb: str, rest: str = "", body: Json | None = None) -> Json:
        answer: Json = await self.playground.call(verb, f"/control/chats/{self.id}{rest}", body)
        return answer


def text_of(message: Json) -> str:
    """The text or the caption of a message."""
    text: str = message.get("text") or message.get("caption") or ""
    return text


def _name(who: str | Person) -> str:
    return who if isinstance(who, str) else who.name


def author_of(message: Json) -> Json:
    """Who wrote it: of what a chat says, whoever did so."""
    author: Json = message.get("author") or message.get("from") or {}
    return author


def is_reply(message: Json) -> bool:
    """Whether a bot said it; that it changed the chat is no reply."""
    return bool(author_of(message).get("is_bot")) and not _SERVICE & message.keys()


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
        about = f" {message['message_id']}: {_shortly(message)}" if message else ""
        lines.append(event["type"] + about)
    return "what happened: " + "; ".join(lines)


def _shortly(message: Json) -> str:
    """Its text, or what it is when it has none."""
    kinds = [key for key in message if key not in _ABOUT]
    return repr(text_of(message)) if text_of(message) or not kinds else f"({', '.join(kinds)})"
