"""The ledger: every job is a row, and the rows are the truth.

Plain SQL on both dialects. A row goes queued → running → done; the other states are `delayed`
(until `run_at`), `suspect` (was running when its worker died, so it runs alone next), `parked`
(nobody alive knows its name), `dead` (out of attempts) and `cancelled`.

A worker owns what it claimed as long as its row in `core_workers` is renewed. `token` counts the
claims of a row and fences: who lost a row to another worker can't finish it any more.
"""

# ruff: noqa: S608 - the parts of these statements are our own, values are always arguments

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import orjson

from core.errors import storable
from core.jobs.statements import (
    CLAIMED,
    ENDED,
    KEY_AFTER,
    STICKY,
    WAITING,
    Statements,
    upgraded,
)

if TYPE_CHECKING:
    from core.db.database import Database

State = Literal["queued", "suspect", "delayed", "running", "parked", "done", "dead", "cancelled"]
STATES: tuple[State, ...] = get_args(State)

_STICKY_SECONDS = 48 * 3600
"""Seconds for which a sticky key stays taken: as long as an update may come again."""
_PURGE_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class NewJob:
    """A row to insert. `args`: JSON. `delay`: seconds; `run_at` instead: seconds since 1970."""

    name: str
    args: str
    attempts: int
    priority: int = 1
    delay: float = 0.0
    run_at: float | None = None
    key: str | None = None
    user: int | None = None
    chat: int | None = None
    scope: str | None = None
    trace: str = ""

    def values(self) -> tuple[Any, ...]:
        delayed = self.delay > 0 or self.run_at is not None
        return (
            self.name,
            self.args,
            "delayed" if delayed else "queued",
            self.priority,
            self.user,
            self.run_at,
            max(self.delay, 0.0),
            self.key,
            self.chat,
            self.scope,
            self.trace,
            self.attempts,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that this worker may run, as it was claimed."""

    id: int
    name: str
    args: dict[str, Any]
    user: int | None
    chat: int | None
    scope: str | None
    trace: str
    attempt: int
    """This one's number, from 1."""
    attempts: int
    crashes: int
    token: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Ending:
    """How a claimed row ends, or goes on."""

    id: int
    token: int
    state: State
    delay: float = 0.0
    error: str = ""
    uncounted: bool = False
    """The attempt doesn't count: the worker gave the job back."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as anybody may look at it. Times: seconds since 1970."""

    id: int
    name: str
    args: dict[str, Any]
    state: State
    priority: int
    attempt: int
    attempts: int
    crashes: int
    user: int | None
    chat: int | None
    scope: str | None
    key: str | None
    trace: str
    worker: str | None
    cancel: bool
    """Asked to stop, still running."""
    error: str
    created_at: float
    run_at: float
    started_at: float | None
    finished_at: float | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` (0: unknown), and a word about it."""

    done: int = 0
    total: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A live worker process."""

    id: str
    host: str
    pid: int
    slots: int
    started_at: float
    lease_until: float


@dataclass(slots=True)
class Reconciled:
    """What a look at abandoned rows changed."""

    workers: list[str] = field(default_factory=list)
    jobs: list[JobRow] = field(default_factory=list)
    """As they are now: suspect, dead after too many crashes, or cancelled as somebody had asked."""

    @property
    def again(self) -> list[int]:
        """Those that run again."""
        return [row.id for row in self.jobs if row.state == "suspect"]

    @property
    def dead(self) -> list[JobRow]:
        return [row for row in self.jobs if row.state == "dead"]


class Ledger:
    """Statements on `core_jobs` and `core_workers`. Each joins the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._sql = Statements(database.dialect, database.clock)
        self._postgres = database.dialect == "postgres"

    # -- enqueue ------------------------------------------------------------------------------

    async def insert(self, job: NewJob) -> tuple[int, bool]:
        """The row's id, and whether it is new; a taken key gives the row that has it."""
        while True:
            row = await self.database.fetchrow(self._sql.insert, *job.values())
            if row is not None:
                return row["id"], True
            taken = await self.database.fetchval("SELECT id FROM core_jobs WHERE key = $1", job.key)
            if taken is not None:  # else it ended, and freed its key, between the two statements
                return taken, False

    async def insert_many(self, jobs: Iterable[NewJob]) -> None:
        """All in one go; those whose key is taken are left out."""
        await self.database.executemany(self._sql.insert_only, [job.values() for job in jobs])

    # -- work ---------------------------------------------------------------------------------

    async def claim(
        self, worker: str, names: Sequence[str], limit: int, *, suspects: bool = False
    ) -> list[Claim]:
        """Up to `limit` rows, the most urgent first; `suspects`: of those that run alone."""
        sql = self._sql.claim_suspects if suspects else self._sql.claim
        rows = await self.database.fetch(sql, worker, limit, self._names(names))
        rows.sort(key=lambda row: (row["priority"], row["fair"], row["id"]))
        return [_claim(row) for row in rows]

    async def claim_and_finish(
        self, worker: str, names: Sequence[str], limit: int, done: Sequence[tuple[int, int]]
    ) -> list[Claim]:
        """`finish_done` and `claim` at once: one round trip on PostgreSQL."""
        if not done:
            return await self.claim(worker, names, limit) if limit else []
        if not self._postgres:
            async with self.database.transaction():
                await self.finish_done(done)
                return await self.claim(worker, names, limit) if limit else []
        ids, tokens = [row[0] for row in done], [row[1] for row in done]
        rows = await self.database.fetch(
            self._sql.finish_and_claim, worker, limit, list(names), ids, tokens
        )
        rows.sort(key=lambda row: (row["priority"], row["fair"], row["id"]))
        return [_claim(row) for row in rows]

    async def take(self, worker: str, job: int, token: int) -> Claim | None:
        """A row that this worker has claimed already, or None if it lost it."""
        row = await self.database.fetchrow(
            f"SELECT {CLAIMED} FROM core_jobs "
            "WHERE id = $1 AND token = $2 AND worker = $3 AND state = 'running'",
            *(job, token, worker),
        )
        return _claim(row) if row else None

    async def owned(self, worker: str) -> list[tuple[int, int]]:
        """(id, token) of what a worker has claimed."""
        rows = await self.database.fetch(
            "SELECT id, token FROM core_jobs WHERE worker = $1 AND state = 'running'", worker
        )
        return [(row["id"], row["token"]) for row in rows]

    async def has_suspects(self) -> bool:
        return bool(
            await self.database.fetch("SELECT 1 FROM core_jobs WHERE state = 'suspect' LIMIT 1")
        )

    async def finish_done(self, done: Sequence[tuple[int, int]]) -> int:
        """End rows, given as (id, token), in state done. How many; SQLite doesn't say of many."""
        if len(done) == 1:
            return await self.database.execute(self._sql.finish_done, *done[0])
        if self._postgres:
            ids, tokens = [row[0] for row in done], [row[1] for row in done]
            return await self.database.execute(self._sql.finish_many, ids, tokens)
        await self.database.executemany(self._sql.finish_done, done)
        return len(done)

    async def finish(self, ending: Ending) -> bool:
        """End or give back a row; false if it was lost to another worker meanwhile."""
        changed = await self.database.execute(
            self._sql.finish,
            *(ending.id, ending.token, ending.state, ending.delay, storable(ending.error)[:4000]),
            1 if ending.uncounted else 0,
        )
        return changed == 1

    async def crash(self, job: int, token: int, error: str) -> JobRow | None:
        """A claimed row's process died: it runs alone next, or is dead. None if it was lost."""
        row = await self.database.fetchrow(self._sql.crash, job, token, storable(error))
        return _row(row) if row else None

    async def progress(self, reports: Iterable[tuple[int, int, Progress]]) -> None:
        """(id, token, progress) of running jobs."""
        await self.database.executemany(
            "UPDATE core_jobs SET progress_done = $3, progress_total = $4, progress_text = $5 "
            "WHERE id = $1 AND token = $2",
            [(job, token, p.done, p.total, storable(p.text)[:500]) for job, token, p in reports],
        )

    async def promote(self) -> float | None:
        """Queue the delayed rows that are due. Seconds until the next one is, or None."""
        wait = await self.due()
        if wait is not None and wait <= 0:
            await self.database.execute(self._sql.promote)
            wait = await self.due()
        return wait

    async def due(self) -> float | None:
        """Seconds until the next delayed row is due (negative: it was), or None."""
        found: float | None = await self.database.fetchval(self._sql.due)
        return found

    # -- workers ------------------------------------------------------------------------------

    async def register(
        self, worker: str, *, host: str, pid: int, slots: int, names: Sequence[str], lease: float
    ) -> None:
        clock = self.database.clock
        await self.database.execute(
            "INSERT INTO core_workers (id, host, pid, slots, names, started_at, lease_until) "
            f"VALUES ($1, $2, $3, $4, $5, {clock}, {clock} + $6)",
            *(worker, host, pid, slots, orjson.dumps(sorted(names)).decode(), float(lease)),
        )

    async def beat(self, worker: str, lease: float) -> bool:
        """Renew a worker's lease; false if it was taken from it."""
        clock = self.database.clock
        changed = await self.database.execute(
            f"UPDATE core_workers SET lease_until = {clock} + $2 WHERE id = $1",
            *(worker, float(lease)),
        )
        return changed == 1

    async def asked_to_stop(self, worker: str) -> list[int]:
        """Ids of the worker's running jobs that somebody cancelled."""
        rows = await self.database.fetch(
            "SELECT id FROM core_jobs WHERE worker = $1 AND state = 'running' AND cancel = 1",
            worker,
        )
        return [row["id"] for row in rows]

    async def unregister(self, worker: str) -> None:
        await self.database.execute("DELETE FROM core_workers WHERE id = $1", worker)

    async def workers(self) -> list[WorkerRow]:
        """The live ones."""
        rows = await self.database.fetch(
            "SELECT id, host, pid, slots, started_at, lease_until FROM core_workers "
            f"WHERE lease_until >= {self.database.clock} ORDER BY started_at"
        )
        return [WorkerRow(**row) for row in rows]

    async def reconcile(self) -> Reconciled:
        """Take the rows of workers whose lease ran out."""
        found = Reconciled()
        if not await self.database.fetch(self._sql.abandoned):
            return found
        async with self.database.transaction():
            expired = await self.database.fetch(
                f"DELETE FROM core_workers WHERE lease_until < {self.database.clock} RETURNING id"
            )
            rows = await self.database.fetch(self._sql.take_over)
        found.workers = [row["id"] for row in expired]
        found.jobs = sorted((_row(row) for row in rows), key=lambda row: row.id)
        return found

    async def park(self) -> int:
        """Set aside what waits and nobody alive knows; how many."""
        known: set[str] = set()
        for row in await self.database.fetch("SELECT names FROM core_workers"):
            known.update(orjson.loads(row["names"]))
        return await self.database.execute(self._sql.park, self._names(sorted(known)))

    async def unpark(self, names: Sequence[str]) -> int:
        """Bring back what waits for these names; how many."""
        if not await self.database.fetch("SELECT 1 FROM core_jobs WHERE state = 'parked' LIMIT 1"):
            return 0
        return await self.database.execute(self._sql.unpark, self._names(names))

    async def purge(self, keep: float, keep_dead: float | None = None) -> int:
        """Forget what ended well or was cancelled more than `keep` seconds ago, and dead letters
        that nobody tried again for `keep_dead` seconds (None: they stay); how many."""
        clock = self.database.clock
        await self.database.execute(
            f"UPDATE core_jobs SET key = NULL WHERE key IS NOT NULL AND state IN {ENDED} "
            f"AND finished_at < {clock} - {_STICKY_SECONDS}"
        )
        dead = 0
        if keep_dead is not None:
            dead = await self.database.execute(
                "DELETE FROM core_jobs WHERE id IN (SELECT id FROM core_jobs "
                f"WHERE state IN {ENDED} AND state = 'dead' "
                f"AND finished_at < {clock} - $1 LIMIT {_PURGE_AT_ONCE})",
                float(keep_dead),
            )
        return dead + await self.database.execute(
            # `state IN …` as in the partial index, which holds the dead ones too.
            "DELETE FROM core_jobs WHERE id IN (SELECT id FROM core_jobs "
            f"WHERE state IN {ENDED} AND state <> 'dead' "
            f"AND finished_at < {clock} - $1 LIMIT {_PURGE_AT_ONCE})",
            float(keep),
        )

    async def drop_ticks(self, name: str, keep: str) -> int:
        """Remove a cron job's future ticks but the one with key `keep`: its schedule changed."""
        prefix = cron_prefix(name)
        return await self.database.execute(
            f"DELETE FROM core_jobs WHERE state = 'delayed' AND run_at > {self.database.clock} "
            "AND name = $1 AND substr(key, 1, $2) = $3 AND key <> $4",
            *(name, len(prefix), prefix, keep),
        )

    # -- operators ----------------------------------------------------------------------------

    async def get(self, job: int) -> JobRow | None:
        row = await self.database.fetchrow("SELECT * FROM core_jobs WHERE id = $1", job)
        return _row(row) if row else None

    async def find(
        self, *, state: str | None = None, name: str | None = None, limit: int = 50
    ) -> list[JobRow]:
        """The newest first."""
        where, args = [], []
        for column, value in (("state", state), ("name", name)):
            if value is not None:
                args.append(value)
                where.append(f"{column} = ${len(args)}")
        rows = await self.database.fetch(
            f"SELECT * FROM core_jobs {'WHERE ' if where else ''}{' AND '.join(where)} "
            f"ORDER BY id DESC LIMIT {int(limit)}",
            *args,
        )
        return [_row(row) for row in rows]

    async def counts(self) -> dict[State, int]:
        """How many rows are in each state; a suspect one counts on its own."""
        rows = await self.database.fetch(
            "SELECT state, count(*) AS number FROM core_jobs GROUP BY state"
        )
        found = {row["state"]: row["number"] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    async def cancel(self, job: int) -> Literal["cancelled", "asked"] | None:
        """End a waiting row, or ask a running one to stop. None: there is nothing to stop."""
        clock = self.database.clock
        if await self.database.execute(
            f"UPDATE core_jobs SET state = 'cancelled', finished_at = {clock}, "
            f"key = {KEY_AFTER} WHERE id = $1 AND state IN {WAITING}",
            job,
        ):
            return "cancelled"
        asked = await self.database.execute(
            "UPDATE core_jobs SET cancel = 1 WHERE id = $1 AND state = 'running'", job
        )
        return "asked" if asked else None

    async def replay(self, job: int) -> bool:
        """Queue a dead or cancelled row again, with all its attempts. Who crashed runs alone."""
        return bool(await self.database.execute(f"{self._sql.replay} AND id = $1", job))

    async def replay_dead(self, name: str | None = None) -> int:
        """Queue all dead rows again, or those of one name; how many."""
        sql = f"{self._sql.replay} AND state = 'dead'"
        if name is None:
            return await self.database.execute(sql)
        return await self.database.execute(f"{sql} AND name = $1", name)

    def _names(self, names: Sequence[str]) -> Any:
        return list(names) if self._postgres else orjson.dumps(list(names)).decode()


def cron_prefix(name: str) -> str:
    """What the keys of a cron job's ticks start with; the rest is the tick's time."""
    return f"{STICKY}cron:{name}:"


def _claim(row: dict[str, Any]) -> Claim:
    return Claim(
        id=row["id"],
        name=row["name"],
        args=upgraded(orjson.loads(row["args"]), row["version"]),
        user=row["user_id"],
        chat=row["chat_id"],
        scope=row["scope"],
        trace=row["trace"],
        attempt=row["attempt"],
        attempts=row["attempts"],
        crashes=row["crashes"],
        token=row["token"],
        created_at=row["created_at"],
    )


def _row(row: dict[str, Any]) -> JobRow:
    return JobRow(
        id=row["id"],
        name=row["name"],
        args=orjson.loads(row["args"]),
        state=row["state"],
        priority=row["priority"],
        attempt=row["attempt"],
        attempts=row["attempts"],
        crashes=row["crashes"],
        user=row["user_id"],
        chat=row["chat_id"],
        scope=row["scope"],
        key=row["key"],
        trace=row["trace"],
        worker=row["worker"],
        cancel=bool(row["cancel"]),
        error=row["error"],
        created_at=row["created_at"],
        run_at=row["run_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        progress=Progress(row["progress_done"], row["progress_total"], row["progress_text"]),
    )
