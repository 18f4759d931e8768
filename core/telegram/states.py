"""Where people stand in dialogs: aiogram's FSM storage, each plugin with a place of its own.

The database keeps states and data, so they survive restarts and the loss of Redis; where Redis is
configured it answers the reads, and while it is away the database does. What a dialog remembers is
JSON: numbers, texts, lists, dicts. A dialog that didn't go on for an hour (`bot.dialog_timeout`) is
over: what somebody writes the next day is no answer to yesterday's question.

A plugin's place is the `destiny` of aiogram's StorageKey, so equal StatesGroups of two plugins
don't meet.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey

from core.errors import PluginError
from core.log import get_logger

if TYPE_CHECKING:
    from core.db.database import Database

log = get_logger("states")

_REMEMBERED = 10_000
_FRESH_FOR = 5.0
"""Seconds that an answer is believed. Its lane is worked on by this process alone; only code that
moves somebody's dialog from another chat could change it meanwhile."""
_REDIS_TTL = 3600
_REDIS_PAUSE = 5.0

_WHERE = "bot_id = $1 AND chat_id = $2 AND user_id = $3 AND thread_id = $4 AND business_id = $5"

Seat = tuple[int, int, int, int, str]
"""Whose dialogs: bot, chat, user, thread, business connection."""


@dataclass(frozen=True, slots=True)
class Position:
    """A plugin's dialog with somebody."""

    state: str | None
    data: dict[str, Any]


Positions = Mapping[str, Position]
"""Plugin id → position."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    positions: Positions
    lease: int
    until: float


class States(BaseStorage):
    """The storage. `positions` reads all plugins' dialogs with somebody at once."""

    def __init__(
        self,
        db: Database,
        redis: Any = None,
        prefix: str = "plugram",
        *,
        timeout: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`redis`: a redis.asyncio.Redis; `timeout`: seconds after which a dialog that didn't go on
        is over; `clock`: for how long what was read is believed."""
        self._db = db
        self._redis = redis
        self._prefix = f"{prefix}:dialog"
        self._timeout = timeout
        self._clock = clock
        self._away_until = 0.0
        self._memory: OrderedDict[Seat, _Remembered] = OrderedDict()
        self._dirty: set[Seat] = set()
        """Seats whose copy in Redis is older than the database."""
        self._cleaning: asyncio.Task[None] | None = None

    # -- reading ------------------------------------------------------------------------------

    async def positions(self, key: StorageKey, lease: int = 0) -> Positions:
        """All dialogs at a key, whatever its destiny. `lease`: the token under which the caller
        works on the chat; what was remembered under another one is read again."""
        seat = _seat(key)
        known = self._memory.get(seat)
        if known is not None and known.lease == lease and known.until > self._clock():
            return known.positions
        positions = await self._read(seat)
        # Inside a transaction it may be rolled back, with what was read of it.
        if lease and self._db.current is None:
            self._remember(seat, positions, lease)
        return positions

    async def get_state(self, key: StorageKey) -> str | None:
        return (await self._position(key)).state

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        return dict((await self._position(key)).data)

    async def _position(self, key: StorageKey) -> Position:
        positions = await self._read(_seat(key))
        return positions.get(key.destiny, Position(None, {}))

    async def _read(self, seat: Seat) -> Positions:
        if self._redis_works(seat):
            try:
                return await self._from_redis(seat)
            except Exception as error:  # noqa: BLE001 - the database knows too
                self._lost(error)
        return await self._from_database(seat)

    async def _from_database(self, seat: Seat) -> Positions:
        return (await self._aged(seat))[0]

    async def _aged(self, seat: Seat) -> tuple[Positions, float]:
        """The dialogs that go on, and in how many seconds the first is over."""
        rows = await self._db.fetch(
            f"SELECT plugin_id, state, data, {self._db.clock} - changed_at AS age"  # noqa: S608
            f" FROM core_dialog_states WHERE {_WHERE}",
            *seat,
        )
        rows = [row for row in rows if row["age"] < self._timeout]
        left = self._timeout - max((row["age"] for row in rows), default=0.0)
        found = {
            row["plugin_id"]: Position(row["state"], orjson.loads(row["data"])) for row in rows
        }
        return found, left

    async def _from_redis(self, seat: Seat) -> Positions:
        kept = await self._redis.get(self._key(seat))
        if kept is not None:
            return {name: Position(*item) for name, item in orjson.loads(kept).items()}
        positions, left = await self._aged(seat)
        if self._db.current is None:
            copy = {name: (one.state, one.data) for name, one in positions.items()}
            kept_for = max(1, int(1000 * min(left, _REDIS_TTL)))
            await self._redis.set(self._key(seat), orjson.dumps(copy), px=kept_for)
        return positions

    # -- writing ------------------------------------------------------------------------------

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        name = state.state if isinstance(state, State) else state
        await self._write(key, "state", name)

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        try:
            text = orjson.dumps(dict(data)).decode()
        except TypeError as error:
            raise PluginError(
                f"plugin {key.destiny}: a dialog can't remember this: {error}",
                hint="keep numbers, texts, lists and dicts, and the rest in a table",
            ) from None
        await self._write(key, "data", text)

    async def update_data(self, key: StorageKey, data: Mapping[str, Any]) -> dict[str, Any]:
        merged = {**await self.get_data(key), **data}
        await self.set_data(key, merged)
        return dict(merged)

    async def close(self) -> None:
        """Wait for what Redis is still to be told."""
        if self._cleaning is not None:
            await self._cleaning

    async def _write(self, key: StorageKey, column: str, value: str | None) -> None:
        seat = _seat(key)
        self._forget(seat)
        if value is None or (column == "data" and value == "{}"):
            async with self._db.transaction():
                await self._clear(seat, key.destiny, column)
        else:
            other, blank = ("data", "'{}'") if column == "state" else ("state", "NULL")
            await self._db.execute(
                "INSERT INTO core_dialog_states (bot_id, chat_id, user_id, thread_id, business_id,"  # noqa: S608
                f" plugin_id, {column}, changed_at)"
                f" VALUES ($1, $2, $3, $4, $5, $6, $7, {self._db.clock})"
                " ON CONFLICT (bot_id, chat_id, user_id, thread_id, business_id, plugin_id)"
                f" DO UPDATE SET {column} = excluded.{column}, changed_at = excluded.changed_at,"
                # A dialog that is over leaves nothing to the next one.
                f" {other} = CASE WHEN core_dialog_states.changed_at > {self._db.clock} - $8"
                f" THEN core_dialog_states.{other} ELSE {blank} END",
                *seat,
                key.destiny,
                value,
                self._timeout,
            )
        self._db.on_commit(lambda: self._written(seat))

    async def _clear(self, seat: Seat, plugin_id: str, column: str) -> None:
        """Nothing is left of a dialog that has neither state nor data."""
        blank = "NULL" if column == "state" else "'{}'"
        other = "data = '{}'" if column == "state" else "state IS NULL"
        await self._db.execute(
            f"DELETE FROM core_dialog_states WHERE {_WHERE} AND plugin_id = $6 AND {other}",  # noqa: S608
            *seat,
            plugin_id,
        )
        await self._db.execute(
            f"UPDATE core_dialog_states SET {column} = {blank}, changed_at = {self._db.clock}"  # noqa: S608
            f" WHERE {_WHERE} AND plugin_id = $6",
            *seat,
            plugin_id,
        )

    def _written(self, seat: Seat) -> None:
        """Committed: the copies are out of date."""
        self._forget(seat)
        if self._redis is not None:
            self._dirty.add(seat)
            self._clean()

    def _clean(self) -> None:
        if self._cleaning is None or self._cleaning.done():
            self._cleaning = asyncio.get_running_loop().create_task(self._drop_copies())

    async def _drop_copies(self) -> None:
        while self._dirty:
            seat = next(iter(self._dirty))
            try:
                await self._redis.delete(self._key(seat))
            except Exception as error:  # noqa: BLE001 - they stay dirty, and aren't read there
                self._lost(error)
                return
            self._dirty.discard(seat)

    # -- inside -------------------------------------------------------------------------------

    def _redis_works(self, seat: Seat) -> bool:
        if self._redis is None or time.monotonic() < self._away_until:
            return False
        if self._dirty:
            self._clean()
        return seat not in self._dirty and self._db.current is None

    def _lost(self, error: Exception) -> None:
        if time.monotonic() >= self._away_until:
            log.warning("Redis away: dialogs are read from the database", error=repr(error))
        self._away_until = time.monotonic() + _REDIS_PAUSE

    def _remember(self, seat: Seat, positions: Positions, lease: int) -> None:
        self._memory[seat] = _Remembered(positions, lease, self._clock() + _FRESH_FOR)
        if len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)

    def _forget(self, seat: Seat) -> None:
        self._memory.pop(seat, None)

    def _key(self, seat: Seat) -> str:
        return f"{self._prefix}:{':'.join(str(part) for part in seat)}"


def _seat(key: StorageKey) -> Seat:
    return (
        key.bot_id,
        key.chat_id,
        key.user_id,
        key.thread_id or 0,
        key.business_connection_id or "",
    )
