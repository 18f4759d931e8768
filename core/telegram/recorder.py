"""The flight recorder: what happened about each update, kept for a while in `core_recordings`.

A row for each try: how plugins took the update, the calls to Telegram with their answers, the jobs
queued, where its dialogs stood, how it ended. `plugram updates show` reads it, `plugram replay`
compares it with what today's code does. What people wrote is in it: it is kept as long as
`[recorder] keep` says, and goes with the person.

Rows are gathered in memory and written together, apart from the handler's transaction: a process
that dies takes its last moments along and no update. Whatever the database has, the bot goes on;
what can't be kept is dropped and counted. No secret gets in (`core.log`).
"""

# ruff: noqa: S608 - the parts of these statements are our own, values are always arguments

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from core import log as logs
from core import trace as tracing
from core.errors import DatabaseAway, DatabaseError, DatabaseReadOnly, DiskFull
from core.metrics import counter
from core.trace import Call, Trace

if TYPE_CHECKING:
    from core.db.database import Database
    from core.telegram.intake import Incoming

DONE, FAILED, HALF_DONE, SET_ASIDE, CUT_SHORT = (
    "done",
    "failed",
    "half done",
    "set aside",
    "cut short",
)
"""How a try ended. FAILED is tried again; of one that is HALF_DONE the effects are kept, and what
came after them failed; one that was CUT_SHORT comes again, here or in another process."""
OUTCOMES = (DONE, FAILED, HALF_DONE, SET_ASIDE, CUT_SHORT)

VERSION = 1
"""Of a record's form."""

_GATHER = 1.0
"""Seconds over which rows are gathered."""
_AT_ONCE = 100
_AWAY_PAUSE = 5.0
_ROW_SIZE = 150
"""Bytes that a row has beside its record, about."""
_BUFFER = 8 << 20
"""Bytes of rows that wait for the database; beyond, they are dropped."""
_QUICK = 2.0
"""Seconds that a process which stops gives to its last rows."""
_SUM_EVERY = 3600.0
"""Seconds between two looks at how large the table is; until then it's known by what was added."""
_PAGE = 2000
_LONG_TEXT = 256
"""Characters of a text that is shortened."""
_FRAMES = 8
_WAY = (
    "core/telegram/dispatcher.py",
    "core/telegram/intake.py",
    "aiogram/dispatcher/event/handler.py",
)

_ASIDE_KEPT = 30 * 86400.0
"""Seconds that the record of an update is kept which was set aside: as long as the update."""


log = logs.get_logger("recorder")


class RecorderSettings(Protocol):
    """The `[recorder]` section."""

    @property
    def enabled(self) -> bool: ...
    @property
    def keep(self) -> float: ...
    @property
    def megabytes(self) -> int: ...
    @property
    def record_kb(self) -> int: ...


class _Row(NamedTuple):
    bot_id: int
    update_id: int
    attempt: int
    trace_id: str
    kind: str
    chat_id: int | None
    user_id: int | None
    outcome: str
    began_at: float
    seconds: float
    size: int
    record: str


_COLUMNS = ", ".join(_Row._fields)


@dataclass(frozen=True, slots=True)
class Recording:
    """A row as it is read. Times: seconds since 1970."""

    id: int
    bot_id: int
    update_id: int
    attempt: int
    trace_id: str
    kind: str
    chat_id: int | None
    user_id: int | None
    outcome: str
    began_at: float
    seconds: float
    record: dict[str, Any]
    """`steps`, `calls`, `jobs`, `dialogs`, `error`: those that there are; see `packed`."""


class Recorder:
    """Records the updates of one process."""

    def __init__(
        self,
        settings: RecorderSettings,
        db: Database,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.enabled = settings.enabled
        self._settings = settings
        self._limit = settings.record_kb * 1024
        self._db = db
        self._clock = clock
        self._ended: list[tuple[Trace, Incoming, str, BaseException | None, float, float]] = []
        self._rows: deque[_Row] = deque()
        self._waiting = 0
        """Bytes in `_rows`."""
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._troubled = False
        self._size: int | None = None
        """Bytes that the table's records have, as far as we know."""
        self._sized_at = 0.0
        self._dropped = counter("recordings_dropped", "Updates that couldn't be recorded")

    # -- recording

    def begin(self) -> Trace | None:
        """From here on the running task is recorded; None if nothing is."""
        if not self.enabled:
            return None
        trace = Trace()
        tracing.start(trace)
        return trace

    def end(
        self,
        trace: Trace | None,
        incoming: Incoming,
        outcome: str,
        error: BaseException | None = None,
    ) -> None:
        """The try is over, and this is how."""
        if trace is None:
            return
        trace.over = True
        seconds = time.perf_counter() - trace.began
        self._ended.append((trace, incoming, outcome, error, self._clock() - seconds, seconds))
        if len(self._ended) == 1:
            self._something.set()
        if len(self._ended) >= _AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        """Many one after the other, which costs half of what it does between handlers."""
        ended, self._ended = self._ended, []
        for trace, incoming, outcome, error, began, seconds in ended:
            try:
                record = packed(trace, incoming, error, self._limit)
                chat, user = whose(incoming.update.get(incoming.kind))
            except Exception as broken:  # noqa: BLE001 - a plugin's call may hold whatever
                self._drop(1, f"can't be written down: {broken!r}")
                continue
            size = _ROW_SIZE + len(record.encode())
            row = _Row(
                incoming.bot_id,
                incoming.update_id,
                incoming.attempt,
                incoming.trace,
                incoming.kind,
                chat,
                user,
                outcome,
                began,
                seconds,
                size,
                record,
            )
            self._rows.append(row)
            self._waiting += size
        while self._waiting > _BUFFER:
            self._waiting -= self._rows.popleft().size
            self._drop(1, "the database doesn't take them")

    # -- writing

    def start(self) -> None:
        if self.enabled and self._task is None:
            self._task = asyncio.create_task(self._writing(), name="recorder")

    async def stop(self) -> None:
        """Write what there is, if that is quick."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_QUICK):
                await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises what the database raises; what isn't written waits on."""
        self._pack()
        while self._rows:
            batch = [self._rows.popleft() for _ in range(min(_AT_ONCE, len(self._rows)))]
            self._waiting -= sum(row.size for row in batch)
            try:
                await self._write(batch)
            except BaseException:
                self._rows.extendleft(reversed(batch))
                self._waiting += sum(row.size for row in batch)
                raise
            if self._size is not None:
                self._size += sum(row.size for row in batch)

    async def _writing(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(_GATHER)
            self._something.clear()
            try:
                await self.flush()
                await self._trim()
                self._troubled = False
            except Exception as error:  # noqa: BLE001 - the recorder harms nobody
                self._say(str(error))
                await asyncio.sleep(_AWAY_PAUSE)
                self._something.set()

    async def _write(self, rows: Sequence[_Row]) -> None:
        """All, or all but those that no database keeps. Raises what ails the database itself."""
        try:
            await self._insert(rows)
        except DatabaseError as error:
            if isinstance(error, DatabaseAway | DatabaseReadOnly | DiskFull):
                raise
            if len(rows) == 1:
                self._drop(1, str(error))
                return
            for row in rows:
                await self._write([row])

    async def _insert(self, rows: Sequence[_Row]) -> None:
        if self._db.dialect == "postgres":
            await self._db.execute(_POSTGRES_INSERT, *map(list, zip(*rows, strict=True)))
        else:
            # Not `executemany`: each of its rows would fight for the interpreter with the handlers.
            values = [value for row in rows for value in row]
            await self._db.execute(_sqlite_insert(len(rows)), *values)

    def _drop(self, number: int, why: str) -> None:
        self._dropped.inc(number)
        self._say(why)

    def _say(self, why: str) -> None:
        """Once, until it works again."""
        if not self._troubled:
            self._troubled = True
            log.warning("updates aren't recorded for now", why=why)

    # -- forgetting

    async def purge(self) -> int:
        """Forget what is older than `[recorder] keep`; how many rows. What was set aside is kept
        as long as the update."""
        keep = self._settings.keep * 3600
        where = f"began_at < {self._db.clock} - $1 AND (outcome <> '{SET_ASIDE}' OR began_at < "
        return await self._db.execute(
            f"DELETE FROM core_recordings WHERE {where}{self._db.clock} - $2)",
            keep,
            max(keep, _ASIDE_KEPT),
        )

    async def _trim(self) -> None:
        """Forget the oldest while all are larger than `[recorder] megabytes`."""
        now = time.monotonic()
        if self._size is None or now - self._sized_at > _SUM_EVERY:
            self._sized_at = now
            self._size = int(
                await self._db.fetchval("SELECT coalesce(sum(size), 0) FROM core_recordings")
            )
        limit = self._settings.megabytes << 20
        while self._size > limit:
            # A sixteenth more than is needed: not for each batch anew.
            last, freed = await self._oldest(self._size - limit + limit // 16)
            if last is None:
                self._size = None
                return
            await self._db.execute("DELETE FROM core_recordings WHERE id <= $1", last)
            self._size -= freed

    async def _oldest(self, wanted: int) -> tuple[int | None, int]:
        """The last of the oldest rows that have so many bytes, and how many they have."""
        rows = await self._db.fetch(
            f"SELECT id, size FROM core_recordings ORDER BY id LIMIT {_PAGE}"
        )
        last, freed = None, 0
        for row in rows:
            if freed >= wanted:
                break
            last, freed = int(row["id"]), freed + int(row["size"])
        return last, freed


@cache
def _sqlite_insert(rows: int) -> str:
    width = len(_Row._fields)
    places = (
        f"({', '.join(f'${at + column}' for column in range(width))})"
        for at in range(1, 1 + rows * width, width)
    )
    return f"INSERT INTO core_recordings ({_COLUMNS}) VALUES {', '.join(places)}"


_POSTGRES_INSERT = (
    f"INSERT INTO core_recordings ({_COLUMNS}) SELECT * FROM unnest($1::bigint[], $2::bigint[],"
    " $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[],"
    " $9::float8[], $10::float8[], $11::integer[], $12::text[])"
)


# -- packing --------------------------------------------------------------------------------------


def packed(trace: Trace, incoming: Incoming, error: BaseException | None, limit: int) -> str:
    """A trace as JSON of at most about `limit` bytes, without secrets:

    - `steps`: [plugin, outcome, milliseconds, at, hook], the last of hooks only
    - `calls`: `method`, `at`, `ms`, `params`, and of `answer`, `refusal`, `files` what there is
    - `jobs`: [name, args, at]
    - `dialogs`: plugin → [state, data]
    - `error`: what failed, `plugin`: whose fault it was, `where`: the last lines of code
    - `cut`: what was shortened, or left out at the end
    """
    record: dict[str, Any] = {"v": VERSION}
    if trace.steps:
        record["steps"] = [_step(*step) for step in trace.steps]
    if trace.calls:
        record["calls"] = [_call(call) for call in trace.calls]
    if trace.jobs:
        record["jobs"] = [(name, orjson.Fragment(args), _ms(at)) for name, args, at in trace.jobs]
    if trace.dialogs:
        record["dialogs"] = dict(trace.dialogs)
    if error is not None:
        record["error"] = f"{type(error).__name__}: {error}"[:2000]
        record["plugin"] = incoming.plugin
        record["where"] = _where(error)
    text = orjson.dumps(record, default=repr).decode()
    if logs.holds_secret(text):
        text = orjson.dumps(logs.clean(orjson.loads(text))).decode()
    return text if len(text) <= limit else _bounded(text, limit)


def _ms(seconds: float) -> float:
    return int(seconds * 10_000) / 10  # `round` takes three times as long


def _step(plugin: str, outcome: str, seconds: float, at: float, hook: str) -> Sequence[Any]:
    step = (plugin, outcome, _ms(seconds), _ms(at))
    return (*step, hook) if hook else step


def _call(call: Call) -> dict[str, Any]:
    found = {"method": call.method, "at": _ms(call.at), "params": orjson.Fragment(call.params)}
    if call.seconds >= 0:
        found["ms"] = _ms(call.seconds)
    if call.refusal is not None:
        found["refusal"] = call.refusal
    elif call.answer is not None:
        found["answer"] = call.answer
    if call.files:
        found["files"] = call.files
    return found


def _where(error: BaseException) -> list[str]:
    """Where it was raised, the last line last; the way from us to the plugin is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not one.filename.endswith(_WAY)] or frames
    return [f"{one.filename}:{one.lineno} in {one.name}" for one in own[-_FRAMES:]]


def whose(event: object) -> tuple[int | None, int | None]:
    """The chat and the user of an update's event."""
    if not isinstance(event, dict):
        return None, None
    chat = event.get("chat") or (event.get("message") or {}).get("chat")
    user = event.get("from") or event.get("user")
    return chat["id"] if chat else None, user["id"] if user else None


def _bounded(text: str, limit: int) -> str:
    """What is too large: long texts shortened, then calls, jobs and steps left out at the end."""
    record: dict[str, Any] = shortened(orjson.loads(text))
    left_out: dict[str, int] = {}
    while len(text := orjson.dumps({**record, "cut": left_out}).decode()) > limit:
        name = max(
            ("calls", "jobs", "steps", "dialogs"),
            key=lambda one: len(orjson.dumps(record.get(one))) if record.get(one) else 0,
        )
        found = record.get(name)
        if not found:
            return orjson.dumps({"v": VERSION, "cut": left_out}).decode()
        kept = len(found) // 2
        left_out[name] = left_out.get(name, 0) + len(found) - kept
        record[name] = found[:kept] if isinstance(found, list) else {}
    return text


def shortened(value: Any) -> Any:
    """Each long text by its beginning, its length and its digest, so that two can be compared."""
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        digest = sha256(value.encode()).hexdigest()[:16]
        return f"{value[:_LONG_TEXT]}… ({len(value)} characters, {digest})"
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return value


# -- reading --------------------------------------------------------------------------------------


async def find(
    db: Database,
    bot_id: int,
    *,
    updates: Collection[int] = (),
    traces: Collection[str] = (),
    chat: int | None = None,
    outcomes: Collection[str] = (),
    limit: int = 50,
) -> list[Recording]:
    """Recordings, the latest first: of these updates or traces, and of a chat, if any are named."""
    where, args = ["bot_id = $1"], [bot_id]

    def one_of(column: str, values: Collection[Any]) -> str:
        places = [f"${len(args) + at}" for at in range(1, len(values) + 1)]
        args.extend(values)
        return f"{column} IN ({', '.join(places)})"

    if updates or traces:
        named = [("update_id", updates), ("trace_id", traces)]
        where.append(f"({' OR '.join(one_of(name, known) for name, known in named if known)})")
    if chat is not None:
        where.append(f"(chat_id = ${len(args) + 1} OR user_id = ${len(args) + 1})")
        args.append(chat)
    if outcomes:
        where.append(one_of("outcome", outcomes))
    rows = await db.fetch(
        f"SELECT id, {_COLUMNS} FROM core_recordings WHERE {' AND '.join(where)}"
        f" ORDER BY id DESC LIMIT {int(limit)}",
        *args,
    )
    return [_read(row) for row in rows]


def _read(row: Mapping[str, Any]) -> Recording:
    known = {name: value for name, value in row.items() if name != "size"}
    return Recording(**{**known, "record": orjson.loads(row["record"])})
