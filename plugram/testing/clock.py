"""The time of a bot in tests. It goes on by itself, and jumps when it is told to.

Moved together: Python's wall clock (by time-machine), the database's clock, which jobs and leases
go by, and the clock of caches and pauses. `asyncio.sleep` is not: who wants to wait for hours in a
plugin writes a job with a delay, and these run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.db import database as db
from core.jobs.statements import STICKY

if TYPE_CHECKING:
    from core.config import Settings
    from plugram.testing.bot import Bot

_TABLE = "plugram_test_clock"
_LEASES = {
    "core_workers": "lease_until",
    "core_intake_processes": "expires_at",
    "core_intake_leases": "expires_at",
}
"""They are kept alive by loops that don't jump, so they move along. In the order in which the
host takes them."""
_AHEAD = 0.002
"""Seconds that Python's clock is ahead of the database's, which never is the other way around: what
the database holds for due must be so for the job too."""
_PLANTED = 5.0
"""Seconds for the next tick of a cron job to be written."""


class ClockedDatabase(db.Database):
    """A database whose clock can be moved: the shift is a row in it, so that all see the same."""

    def __init__(self, plain: db.Database) -> None:
        super().__init__(plain.engine, plain.apps)
        clock = f"({self.engine.clock} + (SELECT shift FROM {_TABLE}))"  # noqa: S608 - ours
        setattr(self.engine, "clock", clock)  # noqa: B010 - a constant everywhere else

    async def connect(self, *, patience: float = 60.0) -> None:
        await super().connect(patience=patience)
        kind = "REAL" if self.dialect == "sqlite" else "DOUBLE PRECISION"
        await self.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (shift {kind} NOT NULL)")
        await self.execute(
            f"INSERT INTO {_TABLE} SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM {_TABLE})"  # noqa: S608 - ours
        )

    async def shift(self, seconds: float) -> None:
        """Move the clock, and what it would make expire."""
        async with self.transaction():
            if self.dialect == "postgres":  # a heartbeat under way would write the old time
                await self.execute(f"LOCK TABLE {', '.join(_LEASES)} IN EXCLUSIVE MODE")
            await self.execute(f"UPDATE {_TABLE} SET shift = shift + $1", seconds)  # noqa: S608
            for table, column in _LEASES.items():
                await self.execute(
                    f"UPDATE {table} SET {column} = {column} + $1 WHERE {column} > 0",  # noqa: S608
                    seconds,
                )


class Clock:
    """`await clock.advance(hours=9)`; `clock.now`."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._shift = 0.0
        self._machine: Any = None

    @property
    def now(self) -> datetime:
        """In UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds, for what the host's caches and pauses go by."""
        return time.monotonic() + self._shift

    @staticmethod
    def open_database(settings: Settings, tables: Sequence[db.PluginTables]) -> db.Database:
        return ClockedDatabase(db.build(settings, tables))

    async def advance(self, by: timedelta | None = None, **units: float) -> None:
        """Let time pass: `advance(hours=9)`, `advance(timedelta(days=1))`. Whatever is due on the
        way, cron jobs and delayed ones, runs at its time, one after the other; at the end nothing
        is under way any more. Raises ValueError for a time that is past."""
        seconds = (by or timedelta(**units)).total_seconds()
        if seconds < 0:
            raise ValueError("time can't pass backwards; `await clock.move_to(…)` can")
        target = time.time() + seconds
        while True:
            await self._bot.settle()
            left = target - time.time()
            if left <= 0:
                return
            due = await self._bot.app.jobs.ledger.due()
            await self._jump(left if due is None else min(max(due, 0.0) + 0.001, left))

    async def move_to(self, moment: datetime | str) -> None:
        """Jump to a moment (`"2026-03-02 09:00"` is UTC), be it past or to come, without living
        through what lies between: what is due by then runs once."""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        await self._bot.settle()
        seconds = moment.timestamp() - time.time()
        if seconds < 0:  # ticks of a future that isn't any more
            await self._bot.app.db.execute(
                f"DELETE FROM core_jobs WHERE state = 'delayed' AND key LIKE '{STICKY}cron:%'"  # noqa: S608
            )
        await self._jump(seconds)
        await self._bot.settle()

    async def _jump(self, seconds: float) -> None:
        database = self._bot.app.db
        if not isinstance(database, ClockedDatabase):
            raise TypeError("this bot's database has a clock of its own")
        self._shift += seconds
        self._travel(seconds)
        await database.shift(seconds)
        self._bot.app.jobs.bell.ring(0.001)  # a ring with a delay looks for what is due by now
        await self._until_planted()

    def _travel(self, seconds: float) -> None:
        if self._machine is None:
            import time_machine

            self._machine = time_machine.travel(time.time() + seconds + _AHEAD, tick=True)
            self._traveller = self._machine.start()
        else:
            self._traveller.shift(seconds)

    async def _until_planted(self) -> None:
        """Until each cron job's next tick after now is in the ledger, and no older one waits."""
        crons = [name for name, one in self._bot.app.registry().items() if one.spec.cron]
        deadline = time.monotonic() + _PLANTED
        while crons and time.monotonic() < deadline:
            rows = await self._bot.app.db.fetch(
                f"SELECT name, min(run_at) > {self._bot.app.db.clock} AS to_come FROM core_jobs "  # noqa: S608
                f"WHERE state = 'delayed' AND key LIKE '{STICKY}cron:%' GROUP BY name"
            )
            planted = {row["name"] for row in rows if row["to_come"]}
            if planted.issuperset(crons):
                return
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        """Back to the real time."""
        if self._machine is not None:
            self._machine.stop()
            self._machine = None
