"""Conversations as text: who said, clicked or sent what, and what the bot answered.

A transcript is YAML that people read and write by hand, and that `plugram.testing` runs as a test:

    steps:
      - ann: /start
      - bot: Hello, Ann!
        buttons: [[Search, Settings]]
      - ann: {click: Search}
      - toast: One moment
      - edited: What are you looking for?
      - wait: 1d

After each step stands all that the bot did about it, as it looked in the end: a message that was
sent and then edited is one message. What differs from run to run (`<time>`, `<date>`, `<duration>`,
`<id>`, `<link>`) is named instead; `<any>`, written by hand, stands for anything, and `<any code>`
for the same thing wherever it is written again, in what people write too.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from playground.client import (
    Json,
    Playground,
    PlaygroundError,
    author_of,
    is_reply,
    text_of,
)

OUTCOMES = ("toast", "alert", "edited", "bot", "deleted")
"""What a bot does, in the order in which it is told."""
CONTROLS = ("wait",)
_FILES = ("document", "video", "audio", "voice", "animation", "sticker", "video_note")
_ANY = re.compile(r"<any(?: (\w+))?>")
_WIDE = 90
"""Columns that buttons may take on a line."""
_VOLATILE = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"https?://(?:localhost|127\.0\.0\.1|\[::1\])[^\s)>\]]*", "<link>"),
        (r"https?://t\.me/(?:c/)?\w+/\d+[^\s)>\]]*", "<link>"),
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "<id>"),
        (r"\b\d{4}-\d\d-\d\d\b", "<date>"),
        (r"(?<![+−-])\b\d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp]\.?[Mm]\b\.?)?", "<time>"),
        (r"\b\d+(?:[.,]\d+)?\s?(?:ms|s|sec|seconds?|мс|с|сек)\b", "<duration>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b|\b\d{9,}\b", "<id>"),
    )
)


class TranscriptError(ValueError):
    """A transcript can't be read; the text says where and why."""


def normal(text: str) -> str:
    """A text with what differs from run to run replaced by its name."""
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


@dataclass(frozen=True)
class Outcome:
    """Something that the bot did."""

    kind: str
    """Of OUTCOMES."""
    text: str
    buttons: tuple[tuple[str, ...], ...] = ()
    file: str = ""
    """Name of the file that it sent, or its kind."""
    to: str = ""
    """Who saw it, if that isn't who did the step."""

    def read(self, shown: Outcome, known: Mapping[str, str]) -> dict[str, str] | None:
        """Whether this, as a transcript has it, is what was `shown`: if so, what its named
        wildcards stood for, which begin with what is `known`. None if not."""
        if (self.kind, self.file, self.to) != (shown.kind, shown.file, shown.to):
            return None
        return _read(filled(_flat(self), known), _flat(shown))

    def lines(self) -> list[str]:
        """Its YAML."""
        lines = _pair(self.kind, self.text)
        if self.buttons:
            rows = [_flow(row) for row in self.buttons]
            short = f"  buttons: [{', '.join(rows)}]"
            long = ["  buttons:", *(f"    - {row}" for row in rows)]
            lines += [short] if len(short) <= _WIDE else long
        if self.file:
            lines += _pair("file", self.file, first="  ")
        if self.to:
            lines += _pair("to", self.to, first="  ")
        return lines


@dataclass(frozen=True)
class Act:
    """Something that a person does, or time that passes."""

    who: str
    """A person, or one of CONTROLS."""
    what: str | Mapping[str, Any]
    """What is written; or `click`, `upload`, … with what belongs to it."""
    source: tuple[str, ...] = ()
    """Its lines in the file, which stay as they are."""

    def lines(self, indent: str) -> list[str]:
        """Its YAML."""
        if self.source:
            return list(self.source)
        if isinstance(self.what, str):
            return _moved(_pair(self.who, self.what), indent)
        inside = ", ".join(f"{key}: {_flow(value)}" for key, value in self.what.items())
        return [f"{indent}- {self.who}: {{{inside}}}"]


@dataclass
class Step:
    """An act, and what came of it."""

    act: Act | None
    """None: what the bot did before anybody did anything."""
    outcomes: list[Outcome] = field(default_factory=list)
    source: tuple[str, ...] = ()
    """The lines of the outcomes in the file."""


@dataclass
class Transcript:
    """A whole conversation."""

    steps: list[Step]
    about: Mapping[str, Any] = field(default_factory=dict)
    """`starts`, `people`, `settings`, …: what stands beside the steps."""
    head: tuple[str, ...] = ()
    """The lines before the first step, as they stand in the file."""

    def text(self) -> str:
        """The file. What was read from one and hasn't changed stays as it was written."""
        lines = list(self.head) or [*_about(self.about), "steps:"]
        indent = _indent(self.steps)
        for step in self.steps:
            lines += step.act.lines(indent) if step.act else ()
            lines += step.source or _moved(
                (line for outcome in step.outcomes for line in outcome.lines()), indent
            )
        return "\n".join(lines).rstrip() + "\n"


# -- reading --------------------------------------------------------------------------------------


def read(text: str) -> Transcript:
    """A transcript. Raises TranscriptError."""
    try:
        node = yaml.compose(text, yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise TranscriptError(f"no YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode):
        raise TranscriptError("a transcript is a mapping with `steps`")
    value = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts
    items = {key.value: item for key, item in node.value}
    steps = items.pop("steps", None)
    if not isinstance(steps, yaml.SequenceNode) or not steps.value:
        raise TranscriptError("it has no `steps`")
    lines = text.rstrip().split("\n")
    starts = [_beginning(lines, item) for item in steps.value]
    ends = [*starts[1:], len(lines)]
    about = {key: item for key, item in value.items() if key != "steps"}
    if "settings" in about:  # numbers are numbers there
        about["settings"] = yaml.safe_load(text)["settings"]
    found = Transcript([], about, tuple(lines[: starts[0]]))
    for entry, start, end in zip(value["steps"], starts, ends, strict=True):
        _add(found, entry, tuple(lines[start:end]), start + 1)
    return found


def _beginning(lines: Sequence[str], item: yaml.Node) -> int:
    """The line at which a step begins: comments above an act belong to it."""
    line, column = item.start_mark.line, item.start_mark.column
    named = isinstance(item, yaml.MappingNode) and item.value
    if named and item.value[0][0].value in {*OUTCOMES, "buttons", "file", "to"}:
        return int(line)
    while line > 0:
        above = lines[line - 1]
        is_comment = above.lstrip().startswith("#") and len(above) - len(above.lstrip()) < column
        if not is_comment and (above.strip() or line == 1):
            break
        line -= 1
    return int(line)


def _add(transcript: Transcript, entry: Any, source: tuple[str, ...], line: int) -> None:
    if not isinstance(entry, dict) or not entry:
        raise TranscriptError(f"line {line}: a step is `name: what they say`, or `bot: …`")
    outcome = _outcome(entry, line)
    if outcome is None:
        if len(entry) > 1:
            raise TranscriptError(
                f"line {line}: one person, one act: {', '.join(entry)}; more about it goes inside,"
                " as in `ann: {click: Search}`"
            )
        who, what = next(iter(entry.items()))
        transcript.steps.append(Step(Act(who, what, source)))
        return
    if not transcript.steps:
        transcript.steps.append(Step(None))
    last = transcript.steps[-1]
    last.outcomes.append(outcome)
    last.source += source


def _outcome(entry: Mapping[str, Any], line: int) -> Outcome | None:
    kinds = [kind for kind in OUTCOMES if kind in entry]
    if not kinds:
        return None
    extra = entry.keys() - {kinds[0], "buttons", "file", "to"}
    if extra:
        raise TranscriptError(f"line {line}: what is {', '.join(sorted(extra))} of a message?")
    rows = entry.get("buttons") or []
    if not isinstance(rows, list):
        raise TranscriptError(f"line {line}: buttons are rows: [[Yes, No], [Cancel]]")
    return Outcome(
        kinds[0],
        normal(str(entry[kinds[0]])),
        tuple(tuple(row) if isinstance(row, list) else (row,) for row in rows),
        str(entry.get("file", "")),
        str(entry.get("to", "")),
    )


def seconds(text: str) -> float:
    """`1d`, `2h 30m`, `45s`. Raises TranscriptError."""
    units = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([dhms])", text)
    if not parts or re.sub(r"[\d.]+\s*[dhms]|\s", "", text):
        raise TranscriptError(f"{text!r} is no time to wait: 1d, 2h 30m, 45s")
    return sum(float(number) * units[unit] for number, unit in parts)


# -- seeing ---------------------------------------------------------------------------------------


def outcomes(
    before: Mapping[int, Json],
    after: Mapping[int, Json],
    answers: Iterable[Json] = (),
    *,
    to: str = "",
) -> list[Outcome]:
    """What a bot did in a chat, by the messages before and after, and its answers to clicks."""
    found = [
        Outcome("alert" if answer.get("show_alert") else "toast", normal(answer["text"]), to=to)
        for answer in answers
        if answer.get("text")
    ]
    for number, message in after.items():
        was = before.get(number)
        if is_reply(message) and (was is None or _shown(was) != _shown(message)):
            found.append(_seen("bot" if was is None else "edited", message, to))
    found += [
        Outcome("deleted", normal(text_of(message)), to=to)
        for number, message in before.items()
        if number not in after and is_reply(message)
    ]
    return sorted(found, key=lambda one: OUTCOMES.index(one.kind))


def _seen(kind: str, message: Json, to: str) -> Outcome:
    text, buttons, file = _shown(message)
    return Outcome(kind, normal(text), buttons, file, to)


def _shown(message: Json) -> tuple[str, tuple[tuple[str, ...], ...], str]:
    """Text, buttons and file: what makes two messages look the same."""
    markup = message.get("reply_markup") or message.get("keyboard") or {}
    rows = markup.get("inline_keyboard") or markup.get("keyboard") or ()
    texts = tuple(tuple(_label(button) for button in row) for row in rows)
    file = next(
        (str(message[kind].get("file_name") or kind) for kind in _FILES if kind in message), ""
    )
    return text_of(message), texts, file or ("photo" if "photo" in message else "")


def _label(button: Any) -> str:
    return normal(button if isinstance(button, str) else button["text"])


# -- recording ------------------------------------------------------------------------------------


def record(events: Mapping[str, Sequence[Json]]) -> Transcript:
    """The transcript of what people did: their names, and the events of their chats."""
    merged = sorted(
        ((event["seq"], who, event) for who, found in events.items() for event in found),
        key=lambda one: one[0],
    )
    recorder = _Recorder(list(events))
    for _, who, event in merged:
        recorder.hear(who, event)
    return recorder.end()


class _Recorder:
    def __init__(self, people: Sequence[str]) -> None:
        self._before: dict[str, dict[int, Json]] = {who: {} for who in people}
        self._now: dict[str, dict[int, Json]] = {who: {} for who in people}
        self._answers: dict[str, list[Json]] = {who: [] for who in people}
        self._steps: list[Step] = []
        self._actor = ""
        self._starts = 0

    def hear(self, who: str, event: Json) -> None:
        act = self._act(event)
        if act is not None:
            self._close()
            self._actor = who
            self._steps.append(Step(Act(who, act)))
        self._note(who, event, own=act is not None)

    def _note(self, who: str, event: Json, *, own: bool) -> None:
        message, kind = event.get("message"), event["type"]
        if message is not None:
            self._starts = self._starts or message["date"]
            self._now[who][message["message_id"]] = message
            if own:  # what a person did is no outcome
                self._before[who][message["message_id"]] = message
        elif kind == "deleted":
            self._now[who].pop(event["message_id"], None)
        elif kind == "answer":
            self._answers[who].append(event)

    def _act(self, event: Json) -> str | Json | None:
        message, kind = event.get("message"), event["type"]
        if kind == "click":
            return {"click": event["text"]}
        if kind == "blocked":
            return {"block": "yes" if event["blocked"] else "no"}
        if message is None or author_of(message).get("is_bot"):
            return None
        if kind == "edited":
            return {"edit": text_of(message)}
        if kind != "message":
            return None
        _, _, file = _shown(message)
        if not file:
            return text_of(message)
        kinds = [one for one in (*_FILES, "photo") if one in message]
        act: Json = {"upload": file}
        if kinds[0] != "document":
            act["as"] = kinds[0]
        if caption := text_of(message):
            act["caption"] = caption
        return act

    def _close(self) -> None:
        """The bot has done what it did about the last act."""
        found = [
            outcome
            for who, now in self._now.items()
            for outcome in outcomes(
                self._before[who], now, self._answers[who], to="" if who == self._actor else who
            )
        ]
        if found and not self._steps:
            self._steps.append(Step(None))
        if found:
            self._steps[-1].outcomes += found
        self._before = {who: dict(now) for who, now in self._now.items()}
        self._answers = {who: [] for who in self._now}

    def end(self) -> Transcript:
        self._close()
        about = {}
        if self._starts:
            about["starts"] = datetime.fromtimestamp(self._starts, UTC).strftime("%Y-%m-%d %H:%M")
        return Transcript(self._steps, about)


# -- YAML -----------------------------------------------------------------------------------------


def _pair(key: str, text: str, first: str = "- ") -> list[str]:
    """`key: text` as the first line of a step, or a further one; a text of several lines stands in
    a block of its own."""
    if "\n" not in text:
        return [f"{first}{key}: {_plain(text)}"]
    return [f"{first}{key}: |-", *(f"    {line}".rstrip() for line in text.split("\n"))]


def _plain(text: str) -> str:
    """A text as a YAML scalar on one line."""
    return _dumped(text).removesuffix("\n...")


def _flow(value: Any) -> str:
    """A value inside of {} or []."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _dumped([str(value)]).removeprefix("[").removesuffix("]")


def _dumped(value: Any) -> str:
    dumped: str = yaml.safe_dump(
        value, allow_unicode=True, width=10**6, default_flow_style=isinstance(value, list) or None
    )
    return dumped.strip()


def _about(about: Mapping[str, Any]) -> Iterator[str]:
    if about:
        yield from yaml.safe_dump(dict(about), allow_unicode=True, sort_keys=False).splitlines()


def _indent(steps: Sequence[Step]) -> str:
    """How far the steps of a file are moved in."""
    for line in (line for step in steps if step.act for line in step.act.source):
        if line.lstrip().startswith("-"):
            return line[: len(line) - len(line.lstrip())]
    return "  "


def _moved(lines: Iterable[str], indent: str) -> list[str]:
    return [f"{indent}{line}".rstrip() for line in lines]


def _flat(outcome: Outcome) -> str:
    rows = "\n".join("".join(f"[{text}]" for text in row) for row in outcome.buttons)
    return f"{outcome.text}\n{rows}"


def filled(text: str, known: Mapping[str, str]) -> str:
    """A text with the named wildcards replaced by what they are known to be."""
    return _ANY.sub(lambda found: known.get(found[1] or "", found[0]), text)


def _read(expected: str, shown: str) -> dict[str, str] | None:
    pattern, at, names = "", 0, set[str]()
    for found in _ANY.finditer(expected):
        pattern += re.escape(expected[at : found.start()])
        name, at = found[1], found.end()
        again = f"(?P={name})" if name in names else f"(?P<{name}>.*?)"
        pattern += again if name else ".*?"
        names |= {name} if name else set()
    match = re.fullmatch(pattern + re.escape(expected[at:]), shown, re.DOTALL)
    return None if match is None else match.groupdict()


# -- the command ----------------------------------------------------------------------------------


async def save(url: str, people: Sequence[str], bot: str, path: Path | None) -> str:
    """Read what people did in a running playground. With `path` the transcript is written there,
    and the files that they sent into a folder beside it; the transcript. Raises PlaygroundError."""
    running = Playground(url)
    query = f"?{urlencode({'bot': bot})}" if bot else ""
    events = {}
    for who in people:
        answer = await running.call("GET", f"/control/users/{quote(who)}/events{query}")
        events[who] = answer["events"]
    text = record(events).text()
    if path is not None:
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        for name, file_id in _uploads(events.values()):
            await _fetch(running, file_id, path.with_suffix("") / name)
    return text


def _uploads(chats: Iterable[Sequence[Json]]) -> Iterator[tuple[str, str]]:
    """Name and file_id of what people sent."""
    for event in (event for events in chats for event in events):
        message = event.get("message")
        if event["type"] == "message" and message and not is_reply(message):
            _, _, name = _shown(message)
            kind = next((kind for kind in _FILES if kind in message), "photo")
            if name:
                file = message[kind][-1] if kind == "photo" else message[kind]
                yield name, file["file_id"]


async def _fetch(running: Playground, file_id: str, path: Path) -> None:
    status, content = await running.request("GET", f"/control/files/{file_id}", b"", "text/plain")
    if status == 200:  # else it has no content: a large one without
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(path.write_bytes, content)


def main() -> int:
    """`python -m playground.transcript ann boris -o tests/journeys/search.yaml`."""
    parser = argparse.ArgumentParser(
        prog="python -m playground.transcript",
        description="Save what people and the bot said in a running playground.",
    )
    parser.add_argument("people", nargs="+", help="usernames of those who talked to the bot")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="of the playground")
    parser.add_argument("--bot", default="", help="username of the bot, if there are several")
    parser.add_argument("-o", dest="path", type=Path, metavar="FILE", help="write it there")
    given = parser.parse_args()
    try:
        text = asyncio.run(save(given.url, given.people, given.bot, given.path))
    except (PlaygroundError, OSError) as error:
        print(f"{given.url}: {error}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 1
    print(f"written: {given.path}" if given.path else text)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
