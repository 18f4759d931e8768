"""What is done on behalf of one update, noted where it happens: which plugin was asked and how it
took it, the calls to Telegram, the jobs queued, and where its dialogs stood.

The number of a trace (`core.log.trace_id`) goes with what comes of an update; this is what
happened until its handler ended. The flight recorder (`core.telegram.recorder`) keeps it, the log
can have it (`[hooks] trace`), and a replay compares two of them. If nobody asked for one, nothing
is noted.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import ChatMigrated, RetryAfter, TelegramAway, TelegramError

if TYPE_CHECKING:
    from core.telegram.wire import Upload

_ECHOED = frozenset(
    {"text", "caption", "entities", "caption_entities", "from", "chat", "reply_markup"}
    | {"reply_to_message", "link_preview_options", "sender_chat"}
)
"""What a message that Telegram answers with repeats of the call, or of what is known anyway."""
_HASHED = 64 << 20
"""Bytes up to which an upload is hashed."""
_AT_ONCE = 1 << 16
"""Bytes that are hashed without a thread."""


class Step(NamedTuple):
    """A plugin was asked: a handler, or a hook."""

    plugin: str
    outcome: str
    """`claimed`, `ignored`, `paused`, `failed`; of a hook `heard`, `answered`."""
    seconds: float
    at: float
    """When it ended, in seconds from the trace's beginning."""
    hook: str = ""


@dataclass(slots=True)
class Call:
    """One try of a call to Telegram."""

    method: str
    at: float
    """When it left, in seconds from the trace's beginning."""
    params: bytes = b"{}"
    """As JSON."""
    seconds: float = -1.0
    """Until the answer; negative: there was none."""
    answer: Any = None
    """The result; of a message without what the call said itself."""
    refusal: dict[str, Any] | None = None
    """`error_code`, `description`, `parameters`, as Telegram says them; the code is 0 if there was
    no answer."""
    files: dict[str, dict[str, Any]] | None = None
    """Parameter → `name`, `size`, `sha256` of what was uploaded."""

    def answered(self, result: Any, seconds: float) -> None:
        self.seconds = seconds
        if type(result) is dict and "message_id" in result:
            result = {name: value for name, value in result.items() if name not in _ECHOED}
        self.answer = result

    def refused(self, error: TelegramError, seconds: float) -> None:
        self.seconds = seconds
        self.refusal = refusal_of(error)


class Trace:
    """What happened, in the order in which it did."""

    __slots__ = ("began", "calls", "dialogs", "jobs", "over", "steps")

    def __init__(self) -> None:
        self.began = perf_counter()
        self.steps: list[Step] = []
        self.calls: list[Call] = []
        self.jobs: list[tuple[str, str, float]] = []
        """Name, arguments as JSON, and when."""
        self.dialogs: Mapping[str, tuple[str | None, Mapping[str, Any]]] = {}
        """Plugin → state and data, where somebody stood in a dialog when the update came."""
        self.over = False
        """The handler has ended. What tasks do that it left behind is noted nowhere."""

    def step(self, plugin: str, outcome: str, seconds: float, hook: str = "") -> None:
        self.steps.append(Step(plugin, outcome, seconds, perf_counter() - self.began, hook))

    def calling(self, method: str) -> Call:
        call = Call(method, perf_counter() - self.began)
        self.calls.append(call)
        return call

    def queued(self, name: str, args: str) -> None:
        self.jobs.append((name, args, perf_counter() - self.began))


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def start(trace: Trace | None) -> None:
    """From here on the running task, and those that it starts, are on behalf of it."""
    _current.set(trace)


def current() -> Trace | None:
    """What the running task is on behalf of, while that lasts."""
    trace = _current.get()
    return None if trace is None or trace.over else trace


def told(steps: Iterable[Step]) -> str:
    """In one line, for the log."""
    return ", ".join(f"{one.plugin} {one.outcome} {one.seconds * 1000:.1f} ms" for one in steps)


def refusal_of(error: TelegramError) -> dict[str, Any]:
    """An error as Telegram's answer, from which `core.telegram.wire.error_of` makes it again."""
    said = error.message.removeprefix(f"{error.method}: ")
    found: dict[str, Any] = {"error_code": error.code, "description": said}
    if isinstance(error, RetryAfter):
        found["parameters"] = {"retry_after": error.seconds}
    elif isinstance(error, ChatMigrated):
        found["parameters"] = {"migrate_to_chat_id": error.new_chat_id}
    elif isinstance(error, TelegramAway) and error.ambiguous:
        found["ambiguous"] = True
    return found


# -- uploads --------------------------------------------------------------------------------------


class Watched:
    """An upload on its way, hashed meanwhile."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        """What to send instead: a stream passes by here."""
        self._digest: Any = hashlib.sha256()
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        source = upload.source
        if isinstance(source, Path):
            self._task = asyncio.create_task(asyncio.to_thread(self._read, source))
        elif not isinstance(source, bytes):
            self.upload = replace(upload, source=lambda: self._pass_on(source()))
        elif len(source) > _AT_ONCE:
            self._task = asyncio.create_task(asyncio.to_thread(self._take, source))
        else:
            self._take(source)

    async def described(self) -> dict[str, Any]:
        """`name`, `size` in bytes, `sha256` (none of what is very large)."""
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task.exception()  # a file that can't be read: whoever sends it says so
        source = self.upload.source
        name = self.upload.name or (source.name if isinstance(source, Path) else "")
        whole = {"sha256": self._digest.hexdigest()} if self._size <= _HASHED else {}
        return {"name": name, "size": self._size, **whole}

    def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= _HASHED:
            self._digest.update(piece)

    def _read(self, path: Path) -> None:
        if path.stat().st_size > _HASHED:
            self._size = path.stat().st_size
            return
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                self._take(piece)

    async def _pass_on(self, stream: Any) -> AsyncIterator[bytes]:
        self._digest, self._size = hashlib.sha256(), 0  # a retry begins anew
        async for piece in stream:
            self._take(piece)
            yield piece
