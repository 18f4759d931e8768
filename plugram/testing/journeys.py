"""Transcripts as tests: each `*.yaml` of a folder `journeys` is one; docs/testing.md says how."""

from __future__ import annotations

import asyncio
import difflib
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from playground import transcript as script
from playground.client import NoReply, PlaygroundError
from playground.transcript import Outcome, Step, Transcript, TranscriptError
from plugram.testing.chat import Chat, Group

if TYPE_CHECKING:
    from plugram.testing.bot import Bot

Makers = Mapping[str, Callable[[Any], bytes]]
"""Name → what makes a file's content of what stands beside the name."""

_MARKS = ("plugins", "settings")
PATIENCE = 60.0
"""Seconds that the bot may take for a step."""


class JourneyFile(pytest.Module):
    """A transcript, as if it were a module with one test."""

    def _getobj(self) -> types.ModuleType:
        try:
            transcript = script.read(self.path.read_text(encoding="utf-8"))
        except (TranscriptError, UnicodeDecodeError) as error:
            raise self.CollectError(f"{self.path}: {error}") from None
        module = types.ModuleType(self.path.stem)
        name = f"test_{self.path.name.partition('.')[0].replace('-', '_')}"
        setattr(module, name, _test(self.path, transcript))
        return module


def _test(path: Path, transcript: Transcript) -> Callable[..., Awaitable[None]]:
    async def journey(
        plugram_bot: Bot, models: object, plugram_makers: Makers, request: pytest.FixtureRequest
    ) -> None:
        lived, trouble = await live(plugram_bot, transcript, plugram_makers, path)
        if lived.text() == transcript.text() and not trouble:
            return
        if request.config.getoption("--plugram-accept") and not trouble:
            await asyncio.to_thread(path.write_text, lived.text(), encoding="utf-8")
            return
        pytest.fail(_told(path, transcript, lived, trouble), pytrace=False)

    about = {key: value for key, value in transcript.about.items() if key in _MARKS}
    marked: Callable[..., Awaitable[None]] = pytest.mark.asyncio(journey)
    return pytest.mark.plugram(**about)(marked) if about else marked


async def live(
    bot: Bot, transcript: Transcript, makers: Makers, path: Path
) -> tuple[Transcript, str]:
    """Do what the transcript's people do. The transcript as it was this time: what fits stays as
    it was written; and why it ended early, if it did."""
    lived = Transcript([], transcript.about, transcript.head)
    stage = _Stage(bot, transcript, makers, path)
    await stage.begin()
    for step in transcript.steps:
        try:
            found = await stage.play(step)
        except (NoReply, PlaygroundError, TranscriptError, OSError) as error:
            return lived, str(error)
        lived.steps.append(step if stage.fits(step.outcomes, found) else Step(step.act, found))
    return lived, ""


class _Stage:
    """The people of a transcript, before their bot."""

    def __init__(self, bot: Bot, transcript: Transcript, makers: Makers, path: Path) -> None:
        self._bot = bot
        self._makers = makers
        self._path = path
        self._starts = transcript.about.get("starts", "")
        people = transcript.about.get("people") or {}
        self._groups: Mapping[str, Sequence[str]] = transcript.about.get("groups") or {}
        names = [step.act.who for step in transcript.steps if step.act]
        members = [name for group in self._groups.values() for name in group]
        self._people = {
            name: bot.user(name, language=(people.get(name) or {}).get("language", ""))
            for name in dict.fromkeys([*names, *people, *members])
            if name not in script.CONTROLS
        }
        self._places: dict[str, Chat] = dict(self._people)
        """Name of a person or a group → who sees what happens there."""
        self._made: dict[str, Group] = {}
        self._known: dict[str, str] = {}
        """What named wildcards stand for."""
        self._place = ""
        """Where the last act was."""
        self._actor: Chat | None = None

    async def begin(self) -> None:
        if self._starts:
            await self._bot.clock.move_to(self._starts)
        for title, members in self._groups.items():
            group = await self._bot.group(title, *(self._people[name] for name in members))
            self._made[title] = group
            self._places[title] = group.user(members[0])
        await self._bot.settle(PATIENCE)

    async def play(self, step: Step) -> list[Outcome]:
        """One act, and what the bot did about it."""
        before = {name: await _messages(chat) for name, chat in self._places.items()}
        waits = step.act is None or step.act.who in script.CONTROLS
        if step.act is not None:
            await self._act(step.act.who, step.act.what)
        if not await self._bot.settle(PATIENCE):
            raise TranscriptError(f"the bot is still at work: {await self._bot.under_way()}")
        events = [] if waits or self._actor is None else await self._actor.events()
        answers = [event for event in events if event["type"] == "answer"]
        found = []
        for name, chat in self._places.items():
            here = name == self._place
            found += script.outcomes(
                before[name],
                await _messages(chat),
                answers if here else (),
                to="" if here else name,
            )
        return found

    def fits(self, wanted: Sequence[Outcome], shown: Sequence[Outcome]) -> bool:
        """Whether all of it is as it was written; if so, what wildcards stood for is known now."""
        if len(wanted) != len(shown):
            return False
        for one, other in zip(wanted, shown, strict=True):
            read = one.read(other, self._known)
            if read is None:
                return False
            self._known |= read
        return True

    async def _act(self, who: str, what: Any) -> None:
        if who == "wait":
            await self._bot.clock.advance(seconds=script.seconds(what))
            return
        place = what.get("in", who) if isinstance(what, Mapping) else who
        if place != who and place not in self._made:
            raise TranscriptError(f"there is no group {place}: name it in `groups`")
        self._place = place
        chat = self._actor = self._people[who] if place == who else self._made[place].user(who)
        if isinstance(what, str):
            await chat.send(script.filled(what, self._known))
            return
        what = {
            key: script.filled(value, self._known) if isinstance(value, str) else value
            for key, value in what.items()
        }
        acts = [name for name in _ACTS if name in what]
        if len(acts) != 1:
            raise TranscriptError(f"{who}: one of {', '.join(_ACTS)}, not {dict(what)}")
        await _ACTS[acts[0]](self, chat, what)

    async def _send(self, chat: Chat, what: Mapping[str, Any]) -> None:
        answered = what.get("reply to")
        reply = {"reply_to": (await _named(chat, answered)).id} if answered else {}
        await chat.send(what["send"], **reply)

    async def _click(self, chat: Chat, what: Mapping[str, Any]) -> None:
        await chat.click(what["click"])

    async def _upload(self, chat: Chat, what: Mapping[str, Any]) -> None:
        file = what["upload"]
        fields = {"as_": what.get("as", "document"), "caption": what.get("caption", "")}
        if isinstance(file, str):
            await chat.upload(self._beside(file), name=Path(file).name, **fields)
            return
        name = file["name"]
        if "size" in file:
            await chat.upload_large(name, _bytes(file["size"]))
            return
        made = [(maker, value) for maker, value in file.items() if maker in self._makers]
        if len(made) != 1:
            known = ", ".join(self._makers)
            raise TranscriptError(f"{name}: made by one of {known}, not {dict(file)}")
        maker, value = made[0]
        await chat.upload(self._makers[maker](value), name=name, **fields)

    def _beside(self, name: str) -> Path:
        for folder in (self._path.parent, self._path.with_suffix("")):
            if (folder / name).is_file():
                return folder / name
        raise TranscriptError(f"{name} lies neither beside {self._path.name} nor in its folder")

    async def _edit(self, chat: Chat, what: Mapping[str, Any]) -> None:
        await chat.edit(await _own(chat), what["edit"])

    async def _delete(self, chat: Chat, what: Mapping[str, Any]) -> None:
        await chat.delete(await _named(chat, what["delete"]))

    async def _block(self, chat: Chat, what: Mapping[str, Any]) -> None:
        await chat.block(what["block"] not in {"no", "false"})


_ACTS: Mapping[str, Callable[[_Stage, Chat, Mapping[str, Any]], Awaitable[None]]] = {
    "send": _Stage._send,  # noqa: SLF001 - its own
    "click": _Stage._click,  # noqa: SLF001
    "upload": _Stage._upload,  # noqa: SLF001
    "edit": _Stage._edit,  # noqa: SLF001
    "delete": _Stage._delete,  # noqa: SLF001
    "block": _Stage._block,  # noqa: SLF001
}


def _bytes(size: str) -> int:
    """`30 MB`, `3 GB`."""
    number, _, unit = size.partition(" ")
    units = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
    if unit not in units or not number.isdecimal():
        raise TranscriptError(f"{size!r} is no size: 30 MB, 3 GB")
    return int(number) * units[unit]


async def _messages(chat: Chat) -> dict[int, Any]:
    return {message.id: message.raw for message in await chat.history()}


async def _own(chat: Chat) -> Any:
    own = [one for one in await chat.history() if not one.raw["from"]["is_bot"]]
    if not own:
        raise TranscriptError(f"{chat.name} has written nothing yet")
    return own[-1]


async def _named(chat: Chat, text: str) -> Any:
    found = [one for one in await chat.history() if text in (one.text, one.file)]
    if not found:
        raise TranscriptError(f"{chat.name} sees no message {text!r}")
    return found[-1]


def _told(path: Path, wanted: Transcript, lived: Transcript, trouble: str) -> str:
    shown = Transcript(wanted.steps[: len(lived.steps)], wanted.about, wanted.head)
    lines: Sequence[str] = list(
        difflib.unified_diff(
            shown.text().splitlines(),
            lived.text().splitlines(),
            "as it is written",
            "as it was this time",
            lineterm="",
            n=4,
        )
    )
    ended = ""
    if trouble:
        step = wanted.steps[len(lived.steps)]
        said = "\n".join(step.act.lines("  ")) if step.act else "the beginning"
        ended = f"\n\nIt ended at:\n{said.rstrip()}\n{trouble}"
    way_out = "" if trouble else "\n\nIf that is how it should be: pytest --plugram-accept"
    return f"{path.name}\n" + "\n".join(lines) + ended + way_out
