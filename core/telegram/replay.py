"""Replay: an update of the inbox once more through today's code, and what it calls compared with
what it called then.

Nothing goes to Telegram: answers are those that were recorded, method by method in their order, and
where there is none, what Telegram might say. Nothing stays in the database (`core.db.sealed`), no
job runs, and the process can't reach anything else (`core.offline`). The clock stands where it
stood, and so do the dialogs of whoever wrote. What else is in the database is today's: what a
plugin finds there may differ from what it found then, and then its calls do.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core import log as logs
from core import trace as tracing
from core.errors import BadRequest, TelegramAway, TelegramError
from core.telegram import recorder
from core.telegram.inbox import kind_of
from core.telegram.intake import Incoming
from core.telegram.text import plain
from core.telegram.wire import Upload, Wire, error_of
from core.trace import Call, Trace

if TYPE_CHECKING:
    from core.db.database import Database
    from core.db.sealed import SealedEngine
    from core.telegram.dispatcher import Dispatcher
    from core.telegram.outgoing import Chat, Lane
    from core.telegram.recorder import Recording

log = logs.get_logger("replay")

_AGAIN = frozenset({0, 429, 500, 502, 503, 504})
"""Refusals after which a call was tried again."""
_MEDIA = ("Document", "Photo", "Video", "Audio", "Voice", "Animation", "Sticker", "VideoNote")
_FIRST_ID = 900_000_001
"""Ids of messages that nobody sent; long enough to be told apart from real ones."""
_RECORD = 1 << 20
"""Bytes of what a replay notes."""


# -- the wire -------------------------------------------------------------------------------------


class ReplayWire(Wire):
    """A wire that is connected to a recording."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._left: list[Mapping[str, Any]] = []
        self._update: Mapping[str, Any] = {}
        self._next_id = _FIRST_ID
        self.made_up: list[str] = []
        """Methods whose answer wasn't recorded."""

    def play(self, update: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]) -> None:
        """From here on answer with these."""
        self._update = update
        self._left = list(calls)
        self._next_id = _FIRST_ID
        self.made_up = []

    async def call(self, method: str, params: Any = None, **named: Any) -> Any:
        return await super().call(method, params, **{**named, "retries": 0})

    async def download(self, file_id: str, path: Path, *, limit: int | None = None) -> int:
        raise BadRequest("download: a replay has no files of Telegram's", method="download")

    async def chunks(self, location: str, size: int) -> AsyncGenerator[bytes, None]:
        for _ in (location,):
            raise BadRequest("download: a replay has no files of Telegram's", method="download")
        yield b""

    def _order(
        self, method: str, params: Mapping[str, Any], lane: Lane | None
    ) -> tuple[bool, Chat | None, Lane]:
        """Nothing is paced."""
        _, _, own = super()._order(method, params, lane)
        return False, None, own

    async def _exchange(
        self,
        method: str,
        params: Mapping[str, Any],
        files: Mapping[str, Upload] | None,
        seconds: float | None,
        call: Call | None = None,
    ) -> Any:
        body = orjson.dumps({name: one for name, one in params.items() if one is not None})
        if call is not None:
            call.params = body
        for upload in (files or {}).values():
            await _drain(upload)
        await asyncio.sleep(0)
        return self._answer(method, orjson.loads(body), files or {})

    def _answer(self, method: str, params: Mapping[str, Any], files: Mapping[str, Upload]) -> Any:
        recorded = self._take(method, params)
        if recorded is None:
            self.made_up.append(method)
            return self._made_up(method, params, files)
        if (refusal := recorded.get("refusal")) is not None:
            if refusal.get("error_code"):
                raise error_of(method, int(refusal["error_code"]), refusal)
            away = TelegramAway(f"{method}: {refusal.get('description', '')}", method=method)
            away.ambiguous = bool(refusal.get("ambiguous"))
            raise away
        answer = recorded.get("answer")
        if isinstance(answer, dict) and "message_id" in answer and method != "copyMessage":
            return {**self._message(method, params, files), **answer}
        return answer

    def _take(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The recorded call that this one is: the same in all, else the next to the same chat,
        else the next of the method."""
        same = [call for call in self._left if call["method"] == method and _ended(call)]
        for fits in (
            lambda call: call["params"] == params,
            lambda call: call["params"].get("chat_id") == params.get("chat_id"),
            lambda call: True,
        ):
            for call in same:
                if fits(call):
                    self._left.remove(call)
                    return call
        return None

    def _made_up(self, method: str, params: Mapping[str, Any], files: Mapping[str, Upload]) -> Any:
        """What Telegram might say. Raises BadRequest where that can't be known."""
        from aiogram import methods, types

        known = getattr(methods, method[:1].upper() + method[1:], None)
        returning = getattr(known, "__returning__", None)
        if method == "getMe":
            return self._me()
        if method == "getChat":
            chat = self._chat(params.get("chat_id"))
            return {**chat, "accent_color_id": 0, "max_reaction_count": 0}
        if returning is types.MessageId:
            return {"message_id": self._new_id()}
        if returning is bool or params.get("inline_message_id"):
            return True
        if returning is types.Message or (
            "Message" in str(returning) and "list" not in str(returning)
        ):
            return self._message(method, params, files)
        if method == "sendMediaGroup":
            return [self._message("sendMessage", params, {}) for _ in params.get("media", ())]
        raise BadRequest(
            f"{method}: a replay can't answer it: nothing of that kind was recorded",
            method=method,
            code=400,
        )

    def _message(
        self, method: str, params: Mapping[str, Any], files: Mapping[str, Upload]
    ) -> dict[str, Any]:
        message: dict[str, Any] = {
            "message_id": params.get("message_id") or self._new_id(),
            "date": int(time.time()),
            "chat": self._chat(params.get("chat_id")),
            "from": self._me(),
        }
        for name in ("text", "caption"):
            if (said := params.get(name)) is not None:
                message[name] = plain(said) if params.get("parse_mode") == "HTML" else said
        if markup := (params.get("reply_markup") or {}).get("inline_keyboard"):
            message["reply_markup"] = {"inline_keyboard": markup}
        kind = method.removeprefix("send")
        if kind in _MEDIA:
            name = kind[:1].lower() + kind[1:]
            name = "video_note" if kind == "VideoNote" else name
            file = _file(params.get(name), files.get(name))
            message[name] = [file] if name == "photo" else file
        return message

    def _chat(self, chat_id: Any) -> dict[str, Any]:
        event = self._update.get(kind_of(self._update)) or {}
        for chat in (event.get("chat"), (event.get("message") or {}).get("chat")):
            if chat and chat.get("id") == chat_id:
                return dict(chat)
        if isinstance(chat_id, str):
            return {"id": -1, "type": "channel", "title": chat_id, "username": chat_id.lstrip("@")}
        private = chat_id is not None and chat_id > 0
        rest = {"type": "private", "first_name": "?"} if private else {"type": "supergroup"}
        return {"id": chat_id or 0, **rest}

    def _me(self) -> dict[str, Any]:
        return {"id": self.bot_id, "is_bot": True, "first_name": "Bot", "username": "replay_bot"}

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _file(sent: Any, upload: Upload | None) -> dict[str, Any]:
    """Any kind of file: there are all fields that one must have."""
    name = upload.name if upload else ""
    return {
        "file_id": sent if isinstance(sent, str) and not sent.startswith("attach:") else "replayed",
        "file_unique_id": "replayed",
        "file_name": name or "file",
        "width": 1,
        "height": 1,
        "duration": 1,
        "length": 1,
        "type": "regular",
        "is_animated": False,
        "is_video": False,
    }


async def _drain(upload: Upload) -> None:
    """A stream is made and read as if it were sent."""
    if not isinstance(upload.source, (bytes, Path)):
        async for _ in upload.source():
            pass


def _ended(call: Mapping[str, Any]) -> bool:
    """Whether it was the call's last try."""
    refusal = call.get("refusal")
    if refusal is None:
        return "ms" in call
    return not call.get("again")


# -- replaying ------------------------------------------------------------------------------------


@dataclass
class Replay:
    """How an update went then and now, and the difference."""

    update_id: int
    then: dict[str, Any] | None
    """The record; None if there is none, and nothing to compare with."""
    now: dict[str, Any]
    outcome_then: str = ""
    outcome_now: str = ""
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What to know about it, in sentences."""


@dataclass(frozen=True)
class Difference:
    """A call, a job or an outcome that isn't what it was."""

    kind: str
    """`added`, `removed`, `changed`."""
    what: str
    """`call`, `job`, `outcome`."""
    name: str
    then: dict[str, Any] | None = None
    now: dict[str, Any] | None = None
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Where inside → what it was, and what it is now."""


class Replayer:
    """Replays one update after the other."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        wire: ReplayWire,
        db: Database,
        *,
        timeout: float,
        refused: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        """`timeout`: seconds for a handler. `refused`: what the process wasn't let do, growing.
        `notes`: what is true of every replay here."""
        self._dispatcher = dispatcher
        self._wire = wire
        self._db = db
        self._timeout = timeout
        self._refused = refused
        self._notes = list(notes)

    async def run(
        self, update: dict[str, Any], recording: Recording | None, received_at: float
    ) -> Replay:
        """Feed it to the plugins of today."""
        then = recording.record if recording else None
        calls = marked(then.get("calls", ())) if then else []
        attempt = recording.attempt if recording else 1
        began = recording.began_at if recording else received_at
        incoming = Incoming(
            self._wire.bot_id, update["update_id"], kind_of(update), update, attempt, "", 0
        )
        self._wire.play(update, calls)
        known = len(self._refused)
        engine: SealedEngine = self._db.engine  # type: ignore[assignment]  # a replay's database is sealed
        async with engine.undone():
            with standing_at(began) as shift:
                await engine.move(shift)
                await self._take_places(incoming, then)
                trace = Trace()
                error = await asyncio.create_task(self._feed(incoming, trace))
                trace.over = True
        now = orjson.loads(recorder.packed(trace, incoming, error, _RECORD))
        replay = Replay(incoming.update_id, then, now, notes=list(self._notes))
        replay.outcome_now = recorder.DONE if error is None else recorder.FAILED
        if recording is not None:
            replay.outcome_then = recording.outcome
            replay.differences = list(differences(recording, now, error is None))
        self._remark(replay, known, shift)
        return replay

    async def _feed(self, incoming: Incoming, trace: Trace) -> BaseException | None:
        """As intake does at the last try; the error, if one was raised."""
        incoming.trace = logs.new_trace()
        self._dispatcher.forget_hints()
        tracing.start(trace)
        try:
            async with asyncio.timeout(self._timeout):
                await self._dispatcher.feed(incoming)
        except TimeoutError as late:
            error: BaseException = TimeoutError(
                f"the handler didn't end within {self._timeout:g} s"
            )
            error.__cause__ = late
        except Exception as failure:  # noqa: BLE001 - that is what it's about
            error = failure
        else:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                await self._dispatcher.gave_up(incoming, error)
        except (TelegramError, TimeoutError) as another:
            log.info("nobody was told", error=str(another))
        return error

    async def _take_places(self, incoming: Incoming, then: Mapping[str, Any] | None) -> None:
        """Dialogs stand where they stood, in the chat of this update."""
        if then is None:
            return
        chat, user = recorder.whose(incoming.update.get(incoming.kind))
        if user is None:
            return
        seat = (incoming.bot_id, user if chat is None else chat, user)
        where = "bot_id = $1 AND chat_id = $2 AND user_id = $3"
        await self._db.execute(f"DELETE FROM core_dialog_states WHERE {where}", *seat)  # noqa: S608
        for plugin, (state, data) in then.get("dialogs", {}).items():
            await self._db.execute(
                "INSERT INTO core_dialog_states (bot_id, chat_id, user_id, thread_id, business_id,"  # noqa: S608 - the clock is ours
                f" plugin_id, state, data, changed_at)"
                f" VALUES ($1, $2, $3, 0, '', $4, $5, $6, {self._db.clock})",
                *seat,
                plugin,
                state,
                orjson.dumps(data).decode(),
            )

    def _remark(self, replay: Replay, known: int, shift: float) -> None:
        notes = replay.notes
        if replay.then is None:
            notes.append("nothing was recorded of it, so there is nothing to compare with")
        elif replay.then.get("cut"):
            notes.append("its recording was too large: only what was kept is compared")
        if self._wire.made_up:
            made_up = ", ".join(sorted(set(self._wire.made_up)))
            notes.append(f"answers that weren't recorded were made up: {made_up}")
        notes += [f"offline, it could not {what}" for what in self._refused[known:]]
        if not shift:
            notes.append("the clock is today's")


@contextmanager
def standing_at(moment: float) -> Iterator[float]:
    """The time is `moment` (seconds since 1970) and goes on from there; by how many seconds it was
    moved, 0 where that can't be done."""
    try:
        import time_machine
    except ImportError:  # it comes with the extra `testing`
        yield 0.0
        return
    shift = moment - time.time()
    with time_machine.travel(moment, tick=True):
        yield shift


# -- comparing ------------------------------------------------------------------------------------

_VOLATILE = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"https?://(?:localhost|127\.0\.0\.1|\[::1\])[^\s)>\]\"]*", "<link>"),
        (r"https?://t\.me/(?:c/)?\w+/\d+[^\s)>\]\"]*", "<link>"),
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "<id>"),
        (r"\b\d{4}-\d\d-\d\d\b", "<date>"),
        (r"(?<![+−-])\b\d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp]\.?[Mm]\b\.?)?", "<time>"),
        (r"\b\d+(?:[.,]\d+)?\s?(?:ms|s|sec|seconds?|мс|с|сек)\b", "<duration>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b|\b\d{9,}\b", "<id>"),
    )
)
"""What differs from run to run: the same as in transcripts (playground/transcript.py)."""


def normal(value: Any, name: str = "") -> Any:
    """A value with what differs from run to run replaced by its name."""
    if isinstance(value, str):
        for pattern, what in _VOLATILE:
            value = pattern.sub(what, value)
        return value
    if isinstance(value, dict):
        return {key: normal(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item, name) for item in value]
    if isinstance(value, int) and name.endswith("date"):
        return "<time>"
    if isinstance(value, int) and value >= _FIRST_ID and "message_id" in name:
        return "<id>"
    return value


def marked(calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Calls with `again` at those that failed and were tried once more."""
    found = [dict(call) for call in calls]
    for at, call in enumerate(found):
        refusal = call.get("refusal")
        if refusal is None or refusal.get("error_code", 0) not in _AGAIN:
            continue
        call["again"] = any(
            later["method"] == call["method"] and later["params"] == call["params"]
            for later in found[at + 1 :]
        )
    return found


def differences(recording: Recording, now: Mapping[str, Any], worked: bool) -> Iterator[Difference]:
    """What isn't as it was, in the order in which it happens."""
    then, cut = recording.record, recording.record.get("cut")
    if cut is not None:
        now = recorder.shortened(dict(now))
    known = [_essence(call) for call in marked(then.get("calls", ())) if not call.get("again")]
    found = [_essence(call) for call in marked(now.get("calls", ())) if not call.get("again")]
    if cut and "calls" in cut:
        found = found[: len(known)]
    yield from _compared("call", known, found, lambda one: (one["method"], one["chat"]))
    if not (cut and "jobs" in cut):
        yield from _compared("job", _jobs(then), _jobs(now), lambda one: one["method"])
    if worked != (recording.outcome == recorder.DONE):
        yield Difference(
            "changed",
            "outcome",
            recording.outcome,
            changes={
                "outcome": (
                    then.get("error") or recording.outcome,
                    now.get("error") or recorder.DONE,
                )
            },
        )
    elif not worked and normal(then.get("error")) != normal(now.get("error")):
        changes = {"error": (then.get("error"), now.get("error"))}
        yield Difference("changed", "outcome", recording.outcome, changes=changes)


def _jobs(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What of jobs is compared."""
    return [{"method": name, "args": args} for name, args, _ in record.get("jobs", ())]


def _essence(call: Mapping[str, Any]) -> dict[str, Any]:
    """What of a call is compared."""
    params = dict(call["params"])
    files = call.get("files") or {}
    return {
        "method": call["method"],
        "chat": params.get("chat_id"),
        "params": params,
        **({"files": files} if files else {}),
    }


def _compared(
    what: str,
    then: Sequence[dict[str, Any]],
    now: Sequence[dict[str, Any]],
    key: Any,
) -> Iterator[Difference]:
    matcher = SequenceMatcher(None, list(map(key, then)), list(map(key, now)), autojunk=False)
    for _, first, last, begin, end in matcher.get_opcodes():
        before, after = then[first:last], now[begin:end]
        for old, new in zip(before, after, strict=False):
            if key(old) != key(new):
                yield Difference("removed", what, old["method"], then=old)
                yield Difference("added", what, new["method"], now=new)
            elif changes := _changes(old, new):
                yield Difference("changed", what, old["method"], old, new, changes)
        for old in before[len(after) :]:
            yield Difference("removed", what, old["method"], then=old)
        for new in after[len(before) :]:
            yield Difference("added", what, new["method"], now=new)


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    old, new = dict(_leaves(then)), dict(_leaves(now))
    return {
        name: (old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if normal(old.get(name), name) != normal(new.get(name), name)
    }


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Values inside, by where they are: `reply_markup.inline_keyboard.0.1.text`."""
    inside: Any = ()
    if isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    else:
        yield name, value
        return
    for key, item in inside:
        below = key if name in ("", "params") else f"{name}.{key}"
        yield from _leaves(item, str(below))


def lines(then: Any, now: Any) -> list[str]:
    """Two texts as lines that went and came."""
    if not (isinstance(then, str) and isinstance(now, str)) or "\n" not in then + now:
        both = (("-", then), ("+", now))
        return [f"{sign} {_one(value)}" for sign, value in both if value is not None]
    found = list(unified_diff(then.split("\n"), now.split("\n"), lineterm="", n=1))[2:]
    return [f"{line[:1]} {line[1:]}" for line in found if not line.startswith("@@")]


def _one(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
