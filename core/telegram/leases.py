"""Who works on which lanes: 64 partitions and the poller's seat, leased by the database's clock.

Each bot process takes its share of the partitions, renews what it has, and takes over what another
let expire. A lease has a token that grows with every owner; what is finished must name it, so a
process that slept through its lease can't finish anything. By its own clock a process also stops
starting work before its leases can have expired elsewhere.

A partition in which a newer version's updates wait is left to processes that understand them, and
they take it even beyond their share.
"""

# ruff: noqa: S608 - the parts of these statements are our own, values are always arguments

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.telegram.inbox import PARTITIONS, VERSION, Fence

if TYPE_CHECKING:
    from core.db.database import Database

POLLER = -1
"""The slot of whoever asks Telegram for updates."""

SUSPICIOUS = 2
"""Owners that vanished in a row until a partition's updates are suspected of killing processes."""
_SETTLED = 60.0
"""Seconds that an owner must live for the partition to be trusted again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A partition that was just taken over."""

    fence: Fence
    crashes: int


@dataclass(frozen=True, slots=True)
class Beat:
    """What one round of renewing found."""

    taken: list[Taken]
    lost: list[int]
    surplus: int
    """Partitions beyond the fair share, for `release`."""
    processes: int
    led: bool
    """Whether anybody has the poller's seat."""


class Leases:
    """What this process holds, for one bot."""

    def __init__(self, db: Database, bot_id: int, seconds: float) -> None:
        self.owner = f"{_here()}:{os.getpid()}:{secrets.token_hex(4)}"
        _LIVING.add(self.owner)
        self.held: dict[int, Fence] = {}
        self.leads = False
        """Whether this process is the poller."""
        self._db = db
        self._bot = bot_id
        self._seconds = seconds
        self._until = 0.0
        self._calm_since = 0.0

    @property
    def interval(self) -> float:
        """Seconds between two beats."""
        return self._seconds / 4

    @property
    def valid(self) -> bool:
        """Whether what was held at the last beat is still held, for sure."""
        # A margin for the time between this question and the work that it allows.
        return time.monotonic() < self._until - self._seconds / 10

    async def prepare(self) -> None:
        """Make the rows of a bot that the database doesn't know."""
        rows = [(self._bot, slot) for slot in range(POLLER, PARTITIONS)]
        await self._db.executemany(
            "INSERT INTO core_intake_leases (bot_id, slot) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            rows,
        )

    async def beat(self, *, lead: bool = True) -> Beat:
        """Renew, take what is free up to the fair share. Raises DatabaseError.

        `lead`: whether to take the poller's seat if it is free.
        """
        asked_at = time.monotonic()
        async with self._db.transaction():
            await self._one_at_a_time()
            processes = await self._announce()
            kept = await self._renew()
            share = -(-PARTITIONS // processes)
            mine = [slot for slot in kept if slot != POLLER]
            taken = await self._take(max(0, share - len(mine)), f"slot >= 0 AND NOT {_NEWER}")
            if VERSION > 1:
                taken += await self._take(PARTITIONS, f"slot >= 0 AND NOT {_NEWER} AND {_OURS}")
            seat = [] if POLLER in kept or not lead else await self._take(1, f"slot = {POLLER}")
            led = POLLER in kept or bool(seat) or await self._is_led()
        self._until = asked_at + self._seconds
        lost = [slot for slot, fence in self.held.items() if kept.get(slot) != fence.token]
        for slot in lost:
            del self.held[slot]
        # Ours, and we don't know it: a release failed, or the answer to a commit was lost.
        taken += [
            Taken(Fence(slot, self.owner, token), 0)
            for slot, token in kept.items()
            if slot != POLLER and slot not in self.held
        ]
        for one in taken:
            self.held[one.fence.partition] = one.fence
        self.leads = POLLER in kept or bool(seat)
        return Beat(taken, lost, max(0, len(mine) - share), processes, led)

    async def release(self, slots: Collection[int]) -> None:
        """Give partitions, or the poller's seat, back to whoever wants them. If that fails the next
        beat finds that they are still ours."""
        for slot in slots:
            self.held.pop(slot, None)
        self.leads = self.leads and POLLER not in slots
        await self._db.executemany(
            "UPDATE core_intake_leases SET owner = NULL, expires_at = 0, crashes = 0"
            " WHERE bot_id = $1 AND slot = $2 AND owner = $3",
            [(self._bot, slot, self.owner) for slot in slots],
        )

    async def leave(self) -> None:
        """Give everything back."""
        _LIVING.discard(self.owner)
        self.held.clear()
        self.leads = False
        async with self._db.transaction():
            await self._db.execute(
                "UPDATE core_intake_leases SET owner = NULL, expires_at = 0, crashes = 0"
                " WHERE bot_id = $1 AND owner = $2",
                self._bot,
                self.owner,
            )
            await self._db.execute(
                "DELETE FROM core_intake_processes WHERE bot_id = $1 AND owner = $2",
                self._bot,
                self.owner,
            )

    async def _one_at_a_time(self) -> None:
        """Beats of several processes follow each other; on SQLite a transaction is that already."""
        if self._db.dialect == "postgres":
            await self._db.execute("SELECT pg_advisory_xact_lock($1 # 7809644627823)", self._bot)

    async def _announce(self) -> int:
        """Say that this process lives; how many do."""
        clock = self._db.clock
        await self._db.execute(
            "INSERT INTO core_intake_processes (bot_id, owner, expires_at)"
            f" VALUES ($1, $2, {clock} + $3)"
            " ON CONFLICT (bot_id, owner) DO UPDATE SET expires_at = excluded.expires_at",
            self._bot,
            self.owner,
            self._seconds,
        )
        rows = await self._db.fetch(
            f"SELECT owner, expires_at < {clock} AS gone FROM core_intake_processes"
            " WHERE bot_id = $1",
            self._bot,
        )
        gone = [row["owner"] for row in rows if row["gone"] or self._is_dead(row["owner"])]
        for statement in (
            "DELETE FROM core_intake_processes WHERE bot_id = $1 AND owner = $2",
            "UPDATE core_intake_leases SET expires_at = 0 WHERE bot_id = $1 AND owner = $2",
        ):
            if gone:
                await self._db.executemany(statement, [(self._bot, owner) for owner in gone])
        return len(rows) - len(gone)

    def _is_dead(self, owner: str) -> bool:
        """Whether a process was here and isn't any more, so that nobody waits for its lease to run
        out. Of processes elsewhere we can't know."""
        here, pid, _ = owner.rsplit(":", 2)
        if owner == self.owner or not here or here != _here():
            return False
        if int(pid) == os.getpid():
            # Its number is ours now, unless it lives in this very process (as in tests).
            return owner not in _LIVING
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    async def _renew(self) -> dict[int, int]:
        """Slot → token of what is still ours."""
        calm = time.monotonic() - self._calm_since
        forgive = ", crashes = 0" if self._calm_since and calm > _SETTLED else ""
        rows = await self._db.fetch(
            f"UPDATE core_intake_leases SET expires_at = {self._db.clock} + $3{forgive}"
            " WHERE bot_id = $1 AND owner = $2 RETURNING slot, token",
            self._bot,
            self.owner,
            self._seconds,
        )
        return {row["slot"]: row["token"] for row in rows}

    async def _is_led(self) -> bool:
        return bool(
            await self._db.fetch(
                "SELECT 1 FROM core_intake_leases WHERE bot_id = $1 AND slot = $2"
                f" AND owner IS NOT NULL AND expires_at >= {self._db.clock}",
                self._bot,
                POLLER,
            )
        )

    async def _take(self, number: int, which: str) -> list[Taken]:
        if number <= 0:
            return []
        clock = self._db.clock
        rows = await self._db.fetch(
            f"""
            UPDATE core_intake_leases SET owner = $2, expires_at = {clock} + $3,
                token = (SELECT max(token) + 1 FROM core_intake_leases WHERE bot_id = $1),
                crashes = CASE WHEN owner IS NULL THEN 0 ELSE crashes + 1 END
            WHERE bot_id = $1 AND slot IN (
                SELECT slot FROM core_intake_leases
                WHERE bot_id = $1 AND {which} AND (owner IS NULL OR expires_at < {clock})
                ORDER BY slot LIMIT $4)
            RETURNING slot, token, crashes""",
            self._bot,
            self.owner,
            self._seconds,
            number,
        )
        if rows:
            self._calm_since = time.monotonic()
        return [Taken(Fence(row["slot"], self.owner, row["token"]), row["crashes"]) for row in rows]


def _waiting(version: str) -> str:
    """That updates of such a version wait in the slot."""
    return (
        "EXISTS (SELECT 1 FROM core_inbox WHERE core_inbox.bot_id = core_intake_leases.bot_id"
        " AND core_inbox.partition = core_intake_leases.slot AND core_inbox.status IN (0, 3)"
        f" AND core_inbox.version {version})"
    )


_NEWER, _OURS = _waiting(f"> {VERSION}"), _waiting(f"= {VERSION}")

_LIVING: set[str] = set()
"""The owners in this process."""


@cache
def _here() -> str:
    """What processes that see each other's numbers have in common: the running kernel and its
    namespace of processes. Empty where there is no such thing to read."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        return ""
    return f"{socket.gethostname()}/{boot[:8]}/{namespace.strip('pid:[]')}"
