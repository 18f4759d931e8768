"""A person in front of the bot, and what they see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from playground.client import (
    InlineResults,
    Json,
    NoReply,
    Person,
    Playground,
    PlaygroundError,
    author_of,
    is_reply,
    text_of,
)

__all__ = ["Chat", "Group", "Message", "NoReply"]

PATIENCE = 10.0
"""Seconds that a wait lasts at most. It ends as soon as the bot is at rest."""
_LATE = 0.05
"""Seconds in which an event still arrives after the bot came to rest."""


@dataclass(frozen=True)
class Message:
    """A message as a person sees it. `raw` is Telegram's."""

    raw: Json = field(repr=False)

    @property
    def id(self) -> int:
        return int(self.raw["message_id"])

    @property
    def text(self) -> str:
        """Its text, or the caption of a file."""
        return text_of(self.raw)

    @property
    def is_bots(self) -> bool:
        """Whether the bot said it."""
        return is_reply(self.raw)

    @property
    def rows(self) -> list[list[str]]:
        """What its buttons say, row by row."""
        markup = self.raw.get("reply_markup") or self.raw.get("keyboard") or {}
        rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
        return [
            [button if isinstance(button, str) else button["text"] for button in row]
            for row in rows
        ]

    @property
    def buttons(self) -> list[str]:
        """What its buttons say."""
        return [text for row in self.rows for text in row]

    @property
    def file(self) -> str:
        """The name of its file, the kind of one without a name (`photo`), or an empty string."""
        for kind in ("document", "video", "audio", "voice", "animation", "sticker", "video_note"):
            if kind in self.raw:
                return str(self.raw[kind].get("file_name") or kind)
        return "photo" if "photo" in self.raw else ""

    def __str__(self) -> str:
        return "\n".join(line for line in (self.text, _shown(self.rows)) if line)

    def __repr__(self) -> str:
        return f"<Message {self.id}: {str(self)!r}>"


class Host(Protocol):
    """The bot behind a chat, in this process or elsewhere."""

    @property
    def playground(self) -> Playground: ...
    async def about(self, username: str) -> Mapping[str, Any]: ...
    async def settle(self, timeout: float = 10.0) -> bool: ...
    async def under_way(self) -> str: ...
    def commands(self) -> list[str]: ...


class Chat:
    """A person in a chat: their private one with the bot, or a group."""

    def __init__(
        self, bot: Host, name: str, language: str = "", group: int = 0, since: int = 0
    ) -> None:
        self.bot = bot
        self.name = name
        self.person = Person(bot.playground, name, chat=group)
        """For the rest of what people do: `vote`, `share`, … (docs/playground.md)."""
        self._language = language
        self._group = group
        self._there = False
        self._seen = since
        """Number of the last event that is over: from before the last act, or returned."""
        self._acted = 0
        """Number of the last event before the last act."""

    # -- what a person does -------------------------------------------------------------------

    async def send(self, text: str, **fields: Any) -> Message:
        """Write a message, optionally with `reply_to`, `parse_mode` or `entities`."""
        await self._begin()
        return Message(await self.person.send(text, **fields))

    async def upload(self, file: Path | str | bytes, **fields: Any) -> Message:
        """Send a file, by its path or its content; `name`, `as_` ("photo", "voice", …), `caption`
        and more as `playground.client.Person.upload` has them."""
        await self._begin()
        content = file if isinstance(file, bytes) else Path(file)
        return Message(await self.person.upload(content, **fields))

    async def upload_large(self, name: str, size: int) -> Message:
        """Send a file of more than 20 MB without having one: `size` is what Telegram says."""
        await self._begin()
        return Message(await self.person.send_large(name, size))

    async def album(self, *files: Path | bytes, **fields: Any) -> list[Message]:
        """Send 2 to 10 files as an album, with a `caption`."""
        await self._begin()
        return [Message(message) for message in await self.person.album(files, **fields)]

    async def click(self, button: str, on: Message | None = None) -> str:
        """Press a button, named by its text: of `on`, or of the latest message that has it. What
        the bot answers to the press (a toast, an alert, a link), or an empty string. Buttons of the
        reply keyboard write their text."""
        __tracebackhide__ = True
        await self._begin()
        message = on or await self._with_button(button)
        if "inline_keyboard" not in message.raw.get("reply_markup", {}):
            await self.person.press(button)
            return ""
        given = await self.bot.playground.call(
            "POST",
            self._path("click"),
            {"message_id": message.id, "text": button, "data": button},
        )
        query = given["callback_query_id"]
        if query is None:  # a link, or something else that the client does
            return str(next(iter(given["answer"].values()), ""))

        def answers(event: Json) -> bool:
            return bool(event["type"] == "answer" and event["callback_query_id"] == query)

        event = await self._happened(answers, self._seen, PATIENCE)
        return str(event.get("text") or event.get("url") or "") if event else ""

    async def react(self, message: Message, *emoji: str) -> None:
        """React to a message; without emoji take it back."""
        await self._begin()
        await self.person.react(message.raw, *emoji)

    async def inline(self, text: str) -> InlineResults:
        """Type `@bot words` in this chat: what the bot offers; `.choose(…)` sends one."""
        await self._begin()
        return await self.person.inline(text)

    async def edit(self, message: Message, text: str) -> Message:
        """Change an own message, or the caption of an own file."""
        await self._begin()
        return Message(await self.person.edit(message.raw, text))

    async def delete(self, message: Message) -> None:
        """Delete a message for both sides."""
        await self._begin()
        await self.person.delete(message.raw)

    async def block(self, blocked: bool = True) -> None:
        """Block the bot, or let it in again."""
        await self._begin()
        await self.person.block(blocked)

    # -- what a person sees -------------------------------------------------------------------

    async def reply(self, contains: str = "", *, timeout: float = PATIENCE) -> Message:
        """The bot's next message since the last act, or since the last reply; with `contains` the
        next one that has these words. Raises NoReply as soon as the bot is at rest without one,
        and PluginFailed when something in the bot failed instead."""
        __tracebackhide__ = True

        def fits(event: Json) -> bool:
            message = Message(event.get("message", {}))
            return event["type"] == "message" and message.is_bots and contains in message.text

        return await self._awaited(fits, timeout, "reply", contains)

    async def edited(
        self, message: Message | None = None, contains: str = "", *, timeout: float = PATIENCE
    ) -> Message:
        """A message of the bot once it is edited since the last act, and then has these words;
        `message`: that one."""
        __tracebackhide__ = True

        def fits(event: Json) -> bool:
            shown = Message(event.get("message", {}))
            if event["type"] != "edited" or (message is not None and shown.id != message.id):
                return False
            return shown.is_bots and contains in shown.text

        return await self._awaited(fits, timeout, "edit", contains)

    async def replies(self) -> list[Message]:
        """All messages of the bot since the last act, as they look once the bot is at rest."""
        await self.bot.settle()
        found = {
            event["message"]["message_id"]
            for event in await self.events()
            if event["type"] == "message" and Message(event["message"]).is_bots
        }
        return [message for message in await self.history() if message.id in found]

    async def history(self) -> list[Message]:
        """The messages of the chat, oldest first."""
        await self.exist()
        return [Message(message) for message in await self.person.messages()]

    async def events(self) -> list[Json]:
        """What happened in the chat since the last act, as docs/playground.md lists it."""
        return await self._events(self._acted)

    # -- inside -------------------------------------------------------------------------------

    async def _awaited(
        self, fits: Callable[[Json], bool], timeout: float, what: str, contains: str
    ) -> Message:
        __tracebackhide__ = True
        await self.exist()
        event = await self._happened(fits, self._seen, timeout)
        if event is None:
            raise NoReply(await self._instead(what, contains))
        self._seen = event["seq"]
        return Message(event["message"])

    async def _happened(
        self, fits: Callable[[Json], bool], after: int, timeout: float
    ) -> Json | None:
        """The first event that fits; None when the bot came to rest without one."""
        __tracebackhide__ = True
        waiting = asyncio.create_task(self._next(fits, after, timeout))
        settling = asyncio.create_task(self.bot.settle(timeout))
        try:
            await asyncio.wait({waiting, settling}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                settling.result()
                await asyncio.wait({waiting}, timeout=_LATE)
            return waiting.result() if waiting.done() else None
        finally:
            for task in (waiting, settling):
                task.cancel()
            await asyncio.gather(waiting, settling, return_exceptions=True)

    async def _next(self, fits: Callable[[Json], bool], after: int, timeout: float) -> Json | None:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            for event in await self._events(after, wait=left):
                after = event["seq"]
                if fits(event):
                    return event
        return None

    async def _events(self, after: int, wait: float = 0) -> list[Json]:
        path = self._path("events", after=after, wait=round(wait, 3))
        found: list[Json] = (await self.bot.playground.call("GET", path))["events"]
        return found

    async def _begin(self) -> None:
        """An act: what happened before is over."""
        await self.exist()
        if found := await self._events(self._seen):
            self._seen = found[-1]["seq"]
        self._acted = self._seen

    async def exist(self) -> None:
        """Be there, and speak the language; acts and waits see to it."""
        if self._there:
            return
        self._there = True
        try:
            wanted = {"language": self._language} if self._language else {}
            await self.bot.playground.call("PATCH", f"/control/users/{quote(self.name)}", wanted)
        except PlaygroundError as error:
            if error.status != 404:
                raise
            wanted = {**await self.bot.about(self.name), **wanted}
            await self.bot.playground.add_user(**wanted, username=self.name)

    async def _with_button(self, button: str) -> Message:
        __tracebackhide__ = True
        there = []
        for message in reversed(await self.history()):
            if button in message.buttons:
                return message
            there += message.buttons
        buttons = ", ".join(map(repr, dict.fromkeys(there))) or "none"
        raise NoReply(f"{self.name} sees no button {button!r}; there are: {buttons}")

    async def _instead(self, what: str, contains: str) -> str:
        """Why there is no reply, as far as can be known."""
        wanted = f" with {contains!r}" if contains else ""
        lines = [f"{self.name} got no {what}{wanted}."]
        if busy := await self.bot.under_way():
            lines.append(f"The bot is still at work: {busy}.")
        events = list(_told(await self.events()))
        lines += ["What happened instead:", *events] if events else ["Nothing happened instead."]
        if hint := self._unknown_command(await self.history()):
            lines.append(hint)
        return "\n".join(lines)

    def _unknown_command(self, history: list[Message]) -> str:
        own = [one.text for one in history if not one.is_bots]
        name = own[-1].partition(" ")[0] if own and own[-1].startswith("/") else ""
        known = self.bot.commands()
        if not name or not known or name[1:].partition("@")[0] in known:
            return ""
        there = ", ".join(f"/{command}" for command in known)
        return f"No plugin of this bot has the command {name}; there are: {there}."

    def _path(self, rest: str, **query: Any) -> str:
        given = {name: value for name, value in {**query, "chat": self._group}.items() if value}
        return f"/control/users/{quote(self.name)}/{rest}?{urlencode(given)}"


@dataclass(frozen=True)
class Group:
    """A group with the bot in it. Its greeting is over, and to be found in everyone's history."""

    bot: Host
    id: int
    title: str
    since: int
    """Number of the last event of its making."""

    @classmethod
    async def make(cls, bot: Host, title: str, people: Iterable[Chat], **fields: Any) -> Group:
        """A new group with the bot and these people, the first of whom owns it."""
        members = []
        for person in people:
            await person.exist()
            members.append(person.name)
        made = await bot.playground.group(title, members=members, **fields)
        await bot.settle()
        state = await bot.playground.call("GET", "/control/state")
        return cls(bot, made.id, title, since=state["seq"])

    def user(self, name: str | Chat) -> Chat:
        """A member, who acts and sees in the group."""
        name = name if isinstance(name, str) else name.name
        return Chat(self.bot, name, group=self.id, since=self.since)


def _told(events: list[Json]) -> Iterator[str]:
    for event in events[-15:]:
        message = event.get("message")
        if message is None:
            detail = {key: value for key, value in event.items() if key not in ("seq", "type")}
            yield f"  {event['type']} {detail or ''}".rstrip()
            continue
        author = author_of(message)
        who = "the bot" if author.get("is_bot") else author.get("first_name") or "the chat"
        how = "edited" if event["type"] == "edited" else "wrote"
        said = [Message(message).file, repr(str(Message(message)))]
        yield f"  {who} {how}: {' '.join(filter(None, said))}"


def _shown(rows: list[list[str]]) -> str:
    return "\n".join(" ".join(f"[{text}]" for text in row) for row in rows)
