"""The ledger's SQL, put together once for the dialect.

Times are the database's; `$n` are arguments, the rest are parts of our own.
"""

# ruff: noqa: S608 - the parts of these statements are our own, values are always arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FORMAT = 1
"""Version of a row's payload. Rows of a newer one are left to newer workers."""
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Version → what makes the next one of its payload. One for each before FORMAT."""

MAX_CRASHES = 3
"""A job that was running when this many processes died is dead."""

STICKY = "="
"""Keys that start so (of updates, of cron ticks) stay taken after the job has ended."""

ENDED = "('done', 'dead', 'cancelled')"
WAITING = "('queued', 'suspect', 'delayed', 'parked')"
CLAIMED = (
    "id, name, args, user_id, chat_id, scope, trace, priority, fair, attempt, attempts, crashes, "
    "token, created_at, version"
)
KEY_AFTER = f"CASE WHEN key LIKE '{STICKY}%' THEN key END"
READY = "CASE WHEN crashes > 0 THEN 'suspect' ELSE 'queued' END"
"""Who crashed a worker once runs alone for the rest of its life."""

_OUT = f"crashes + 1 >= {MAX_CRASHES}"
_ORPHAN = (
    "state = 'running' AND (worker IS NULL OR NOT EXISTS "
    "(SELECT 1 FROM core_workers WHERE core_workers.id = core_jobs.worker))"
)


class Statements:
    """Each attribute is a statement; the methods below put them together."""

    def __init__(self, dialect: str, clock: str) -> None:
        self._postgres = dialect == "postgres"
        self._clock = clock
        with_ = "WITH " if self._postgres else ""
        urgent = "priority, fair, id"

        self.insert_only = self._insert()
        self.insert = f"{self.insert_only} RETURNING id"
        self.claim = with_ + self._claim("queued", urgent, relaxed=True)
        self.claim_suspects = with_ + self._claim("suspect", "id")
        self.finish_done = f"{self._done()} WHERE id = $1 AND token = $2 AND state = 'running'"
        self.finish_many = self._finish_many("$1", "$2")
        self.finish_and_claim = (
            f"WITH ended AS ({self._finish_many('$4', '$5')}), {self._claim('queued', urgent)}"
        )
        self.finish = self._finish()
        self.crash = (
            f"{self._crashed()}, error = $3 "
            "WHERE id = $1 AND token = $2 AND state = 'running' RETURNING *"
        )
        lost = "'its worker ' || coalesce(worker, '?') || ' died or stood still'"
        self.take_over = f"{self._crashed()}, error = {lost} WHERE {_ORPHAN} RETURNING *"
        self.abandoned = (
            f"SELECT 1 FROM core_workers WHERE lease_until < {clock} "
            f"UNION ALL SELECT 1 FROM core_jobs WHERE {_ORPHAN} LIMIT 1"
        )
        due = f"state = 'delayed' AND run_at <= {clock}"
        larger = "greatest" if self._postgres else "max"
        # When they were queued nobody knew beside whose they would be due: they line up now.
        self.promote = (
            f"UPDATE core_jobs SET state = {READY}, "
            f"fair = {larger}(core_jobs.fair, {clock} + turns.place) "
            "FROM (SELECT id, row_number() OVER (PARTITION BY coalesce(user_id, 0) "
            f"ORDER BY fair, id) AS place FROM core_jobs WHERE {due}) AS turns "
            "WHERE core_jobs.id = turns.id AND state = 'delayed'"
        )
        self.due = f"SELECT min(run_at) - {clock} AS seconds FROM core_jobs WHERE state = 'delayed'"
        self.park = (
            "UPDATE core_jobs SET state = 'parked' "
            f"WHERE state IN ('queued', 'suspect') AND NOT ({self._among('$1')})"
        )
        self.unpark = (
            f"UPDATE core_jobs SET state = {READY} "
            f"WHERE state = 'parked' AND version <= {FORMAT} AND {self._among('$1')}"
        )
        self.replay = (
            f"UPDATE core_jobs SET state = {READY}, attempt = 0, cancel = 0, "
            f"crashes = CASE WHEN crashes > 0 THEN 1 ELSE 0 END, fair = {clock}, run_at = {clock}, "
            "finished_at = NULL WHERE state IN ('dead', 'cancelled')"
        )

    def _typed(self, argument: str, kind: str) -> str:
        """PostgreSQL can't always tell an argument's type."""
        return f"{argument}::{kind}" if self._postgres else argument

    def _among(self, names: str) -> str:
        if self._postgres:
            return f"name = ANY({names})"
        return f"name IN (SELECT value FROM json_each({names}))"

    def _insert(self) -> str:
        larger = "greatest" if self._postgres else "max"
        user, clock = self._typed("$5", "bigint"), self._clock
        at, delay = self._typed("$6", "float8"), self._typed("$7", "float8")
        return (
            "INSERT INTO core_jobs (name, args, version, state, priority, fair, run_at, key, "
            "user_id, chat_id, scope, trace, attempts, created_at) "
            f"VALUES ($1, $2, {FORMAT}, $3, $4, "
            # The user's own queue gets longer, not everybody's: one second of virtual time per
            # job. Jobs of nobody are one user's.
            f"{larger}(coalesce((SELECT max(fair) FROM core_jobs WHERE state = 'queued' "
            f"AND coalesce(user_id, 0) = coalesce({user}, 0)), 0), {clock}) + 1, "
            f"coalesce({at}, {clock} + {delay}), $8, {user}, $9, $10, $11, $12, {clock}) "
            "ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING"
        )

    def _claim(self, state: str, order: str, *, relaxed: bool = False) -> str:
        lock = "FOR UPDATE SKIP LOCKED" if self._postgres else ""
        picked = (
            f"SELECT id FROM core_jobs WHERE state = '{state}' AND version <= {FORMAT} "
            f"AND {self._among('$3')} ORDER BY {order} LIMIT $2 {lock}"
        )
        change = (
            "UPDATE core_jobs SET state = 'running', worker = $1, token = token + 1, cancel = 0, "
            f"attempt = attempt + 1, started_at = {self._clock}"
        )
        if not self._postgres:
            return f"{change} WHERE id IN ({picked}) RETURNING {CLAIMED}"
        columns = ", ".join(f"core_jobs.{column}" for column in CLAIMED.split(", "))
        if relaxed:
            # The commit doesn't wait for the disk: a claim that a crash of the server undoes is a
            # row that is queued again.
            columns += ", set_config('synchronous_commit', 'off', true) AS relaxed"
        # As a plain IN (…) the planner may run the subquery more than once.
        return (
            f"picked AS MATERIALIZED ({picked}) {change} FROM picked "
            f"WHERE core_jobs.id = picked.id RETURNING {columns}"
        )

    def _done(self) -> str:
        key = KEY_AFTER.replace("key ", "core_jobs.key ")
        return (
            f"UPDATE core_jobs SET state = 'done', finished_at = {self._clock}, worker = NULL, "
            f"cancel = 0, error = '', key = {key}"
        )

    def _finish_many(self, ids: str, tokens: str) -> str:
        """PostgreSQL's: (id, token) pairs as two lists."""
        return (
            f"{self._done()} FROM unnest({ids}::bigint[], {tokens}::bigint[]) AS f (id, token) "
            "WHERE core_jobs.id = f.id AND core_jobs.token = f.token AND state = 'running'"
        )

    def _finish(self) -> str:
        """A given-back row that crashed a worker before goes back among the suspects."""
        wanted, delay = self._typed("$3", "text"), self._typed("$4", "float8")
        # Somebody cancelled it, and it ended otherwise: it isn't to run again all the same.
        state = (
            f"CASE WHEN cancel = 1 AND {wanted} IN ('queued', 'delayed') THEN 'cancelled' "
            f"ELSE {wanted} END"
        )
        return (
            f"UPDATE core_jobs SET state = CASE WHEN ({state}) = 'queued' THEN {READY} "
            f"ELSE {state} END, run_at = {self._clock} + {delay}, error = $5, "
            f"attempt = attempt - $6, worker = NULL, cancel = 0, "
            f"finished_at = CASE WHEN ({state}) IN {ENDED} THEN {self._clock} END, "
            f"key = CASE WHEN ({state}) IN {ENDED} THEN {KEY_AFTER} ELSE key END "
            "WHERE id = $1 AND token = $2 AND state = 'running'"
        )

    def _crashed(self) -> str:
        over = f"cancel = 1 OR {_OUT}"
        return (
            "UPDATE core_jobs SET state = CASE WHEN cancel = 1 THEN 'cancelled' "
            f"WHEN {_OUT} THEN 'dead' ELSE 'suspect' END, "
            "crashes = crashes + 1, attempt = attempt - 1, worker = NULL, cancel = 0, "
            f"finished_at = CASE WHEN {over} THEN {self._clock} END, "
            f"key = CASE WHEN {over} THEN {KEY_AFTER} ELSE key END"
        )


def upgraded(args: dict[str, Any], version: int) -> dict[str, Any]:
    """The payload of a row as this version has it."""
    for one in range(version, FORMAT):
        args = UPGRADES[one](args)
    return args
