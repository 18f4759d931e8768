"""The inbox: every update in the database before Telegram hears that it arrived. Plain SQL.

An update's row waits, is worked on by the process that leases its partition, and is done, or set
aside after too many failures. A handler's first transaction takes the row along (`commit`), so its
effects happen once; a row without effects is finished later, in batches (`finish`). Both ask for
the lease that the process had when it began: whoever was declared dead can't finish anything.

During a rolling update rows of several versions lie side by side: older ones are brought up to date
as they are read, newer ones are left where they are, for a process that understands them.

The order of arrival is `seq`. Rows of one lane are finished in that order, always: `commit`
finishes what came before it in its lane.
"""

# ruff: noqa: S608 - the parts of these statements are our own, values are always arguments

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson

from core.errors import LockedError
from core.log import get_logger
from core.telegram.callback import is_control

if TYPE_CHECKING:
    from core.db.database import Database

PARTITIONS = 64
VERSION = 1
"""Of the payload: 1 is the update as Telegram sent it."""
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Version → what makes the next one of its payload. One for each before VERSION."""

WAITS, DONE, SET_ASIDE, ANSWERING = 0, 1, 2, 3
"""`status` of a row. ANSWERING: its effects are committed, its handler hasn't returned."""

_SET_ASIDE_KEPT = 30 * 86400.0
"""Seconds until an update that was set aside is forgotten."""
_PURGE_PAGE = 2000

log = get_logger("inbox")


class LeaseLost(LockedError):
    """Another process works on this chat now: what was done here doesn't count."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What a process proves its right with: its name, and the token of a lease."""

    partition: int
    owner: str
    token: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that isn't done, without its payload."""

    seq: int
    partition: int
    lane: str
    version: int

    @property
    def is_newer(self) -> bool:
        """Of a version that this process doesn't understand."""
        return self.version > VERSION


@dataclass(slots=True)
class Stored:
    """A row's payload, and what is known of earlier tries."""

    update: dict[str, Any]
    attempts: int = 0
    status: int = WAITS


# -- lanes --------------------------------------------------------------------------------------


def kind_of(update: Mapping[str, Any]) -> str:
    """The type of an update: the name of its one field beside `update_id`; "" if it has none."""
    return next((name for name in update if name != "update_id"), "")


def lane_of(update: Mapping[str, Any]) -> tuple[str, int]:
    """The lane of an update, and its partition.

    The lane is the chat, else the user, else the type. Updates that must not wait — `control`
    buttons and /cancel — have a lane for themselves in their chat's partition.
    """
    kind = kind_of(update)
    event = update.get(kind)
    if not isinstance(event, dict):
        event = {}
    lane = _home(kind, event)
    partition = crc32(lane.encode()) % PARTITIONS
    if _bypasses(kind, event):
        lane = f"!{update['update_id']}"
    return lane, partition


def bypasses(lane: str) -> bool:
    """Whether the lane is that of an update that must not wait."""
    return lane.startswith("!")


def _home(kind: str, event: Mapping[str, Any]) -> str:
    chat = _id_of(event.get("chat"))
    if chat is None and kind == "callback_query":
        message = event.get("message")
        chat = _id_of(message.get("chat")) if isinstance(message, dict) else None
    if chat is not None:
        return f"c{chat}"
    user = _id_of(event.get("from") or event.get("user"))
    return f"t{kind}" if user is None else f"u{user}"


def _id_of(thing: Any) -> Any:
    """Whatever came must be kept, sense or nonsense; what is wrong with it a handler finds."""
    return thing.get("id") if isinstance(thing, dict) else None


def _bypasses(kind: str, event: Mapping[str, Any]) -> bool:
    if kind == "callback_query":
        return is_control(str(event.get("data") or ""))
    if kind == "message":
        text = str(event.get("text") or "")
        return text.startswith("/cancel") and text[7:8] in ("", "@", " ")
    return False


# -- the table ----------------------------------------------------------------------------------

_HELD = (
    "EXISTS (SELECT 1 FROM core_intake_leases AS lease WHERE lease.bot_id = core_inbox.bot_id"
    " AND lease.slot = core_inbox.partition AND lease.owner = {} AND lease.token {})"
)


class Inbox:
    """The inbox of one bot."""

    def __init__(self, db: Database, bot_id: int) -> None:
        self._db = db
        self._bot = bot_id
        self._postgres = db.dialect == "postgres"
        self._statements = _statements(db)

    # -- arriving

    async def add(self, updates: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
        """Store a batch in one statement. Returns (seq, index into `updates`) of those that are
        new; an update that is known already is left as it is."""
        if not updates:
            return []
        rows = [
            (int(update["update_id"]), *reversed(lane_of(update)), _dumped(update))
            for update in updates
        ]
        if self._postgres:
            added = await self._db.fetch(
                self._statements["add"],
                self._bot,
                *(list(column) for column in zip(*rows, strict=True)),
            )
        else:
            values = [self._bot, *(value for row in rows for value in row)]
            added = await self._db.fetch(_sqlite_add(self._db.clock, len(rows)), *values)
        index = {row[0]: at for at, row in enumerate(rows)}
        return sorted((row["seq"], index[row["update_id"]]) for row in added)

    # -- reading

    async def latest(self) -> int:
        """The highest `seq` there is. Whoever sees it sees all before it."""
        return int(await self._db.fetchval("SELECT coalesce(max(seq), 0) FROM core_inbox"))

    async def waiting(
        self, partitions: Collection[int], after: int, until: int, limit: int
    ) -> list[Waiting]:
        """Rows of these partitions that aren't done, in order: behind `after`, up to `until`."""
        rows = await self._db.fetch(
            self._statements["waiting"], self._bot, self._list(partitions), after, until, limit
        )
        return [Waiting(**row) for row in rows]

    async def load(self, seqs: Collection[int]) -> dict[int, Stored]:
        """The payloads of rows that aren't done."""
        rows = await self._db.fetch(self._statements["load"], self._list(seqs))
        return {row["seq"]: Stored(upgraded(row), row["attempts"], row["status"]) for row in rows}

    # -- finishing

    async def commit(self, seq: int, lane: str, fence: Fence) -> None:
        """Inside a handler's transaction: its row has taken effect, and what came before it in
        its lane is done. Raises LeaseLost, which rolls the transaction back."""
        rows = await self._db.fetch(
            self._statements["commit"],
            self._bot,
            fence.partition,
            lane,
            seq,
            fence.owner,
            fence.token,
        )
        if not any(row["seq"] == seq for row in rows):
            raise LeaseLost(f"update {seq} is worked on by another process")

    async def finish(self, seqs: Collection[int], owner: str, tokens: Collection[int]) -> None:
        """Rows that are done, in one statement. Those whose lease was lost stay as they are."""
        await self._db.execute(
            self._statements["finish"], self._list(sorted(seqs)), owner, self._list(tokens)
        )

    async def fail(
        self, seq: int, fence: Fence, attempts: int, error: str, trace: str, *, status: int = WAITS
    ) -> None:
        """Note a failed try; with `status=SET_ASIDE` it was the last. Raises LeaseLost."""
        changed = await self._db.execute(
            self._statements["fail"],
            seq,
            fence.owner,
            fence.token,
            attempts,
            error[:2000],
            trace,
            status,
        )
        if not changed:
            raise LeaseLost(f"update {seq} is worked on by another process")

    # -- for operators

    async def set_aside(self, limit: int = 100) -> list[dict[str, Any]]:
        """Updates that failed too often, the latest first: update_id, attempts, error, trace_id,
        received_at, payload."""
        return await self._db.fetch(
            "SELECT update_id, attempts, error, trace_id, received_at, payload FROM core_inbox"
            " WHERE bot_id = $1 AND status = 2 ORDER BY seq DESC LIMIT $2",
            self._bot,
            limit,
        )

    async def replay(self, update_id: int) -> bool:
        """Put an update that was set aside at the end of its lane, with fresh tries. False if
        there is none of that id, or a newer version set it aside."""
        async with self._db.transaction():
            rows = await self._db.fetch(
                "DELETE FROM core_inbox WHERE bot_id = $1 AND update_id = $2 AND status = 2"
                f" AND version <= {VERSION} RETURNING payload, version",
                self._bot,
                update_id,
            )
            if rows:
                await self.add([upgraded(rows[0])])
        return bool(rows)

    async def counts(self) -> dict[str, int]:
        """How many updates wait, and how many were set aside."""
        rows = await self._db.fetch(
            "SELECT CASE WHEN status = 2 THEN 'set aside' ELSE 'waiting' END AS what,"
            " count(*) AS number FROM core_inbox"
            " WHERE bot_id = $1 AND status IN (0, 2, 3) GROUP BY 1",
            self._bot,
        )
        return {"waiting": 0, "set aside": 0} | {row["what"]: row["number"] for row in rows}

    async def purge(self, keep: float) -> int:
        """Forget updates that were done more than `keep` seconds ago; how many. Until then a
        second delivery of one is recognised."""
        after = purged = 0
        while True:
            # In pages from the oldest: a statement that scans the whole table would hold up others.
            page = await self._db.fetch(
                "SELECT seq, status, received_at FROM core_inbox WHERE seq > $1"
                " ORDER BY seq LIMIT $2",
                after,
                _PURGE_PAGE,
            )
            now = float(await self._db.fetchval(f"SELECT {self._db.clock} AS now"))
            kept = {DONE: keep, SET_ASIDE: max(keep, _SET_ASIDE_KEPT)}
            old = [
                row["seq"]
                for row in page
                if row["status"] in kept and row["received_at"] < now - kept[row["status"]]
            ]
            if old:
                purged += await self._db.execute(self._statements["purge"], self._list(old))
            if len(page) < _PURGE_PAGE or page[-1]["received_at"] > now - keep:
                return purged
            after = page[-1]["seq"]

    def _list(self, values: Iterable[int]) -> Any:
        """An array for PostgreSQL, JSON for SQLite."""
        return list(values) if self._postgres else orjson.dumps(list(values)).decode()


def upgraded(row: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a row (`payload`, `version`) as this version has it."""
    update: dict[str, Any] = orjson.loads(row["payload"])
    for version in range(row["version"], VERSION):
        update = UPGRADES[version](update)
    return update


def _dumped(update: Mapping[str, Any]) -> str:
    return orjson.dumps(update).decode()


def _statements(db: Database) -> dict[str, str]:
    """The statements that differ by dialect in how they take a list."""
    postgres = db.dialect == "postgres"

    def one_of(place: str) -> str:
        if postgres:
            return f"= ANY({place}::bigint[])"
        return f"IN (SELECT value FROM json_each({place}))"

    # PostgreSQL locks the rows in the order of `seq`, so that two statements that overlap wait for
    # each other instead of deadlocking.
    ordered = " ORDER BY seq FOR UPDATE OF core_inbox" if postgres else ""
    return {
        # The lock makes commits happen in the order of `seq`: who saw number 10 has seen 9.
        "add": f"""
            WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($1 # 7809644627822))
            INSERT INTO core_inbox
                (bot_id, update_id, partition, lane, payload, version, received_at)
            SELECT $1, batch.update_id, batch.partition, batch.lane, batch.payload, {VERSION},
                {db.clock}
            FROM turn CROSS JOIN
                unnest($2::bigint[], $3::smallint[], $4::text[], $5::text[])
                WITH ORDINALITY AS batch (update_id, partition, lane, payload, place)
            ORDER BY batch.place
            ON CONFLICT (bot_id, update_id) DO NOTHING RETURNING seq, update_id""",
        "waiting": f"""
            SELECT seq, partition, lane, version FROM core_inbox
            WHERE bot_id = $1 AND partition {one_of("$2")} AND seq > $3 AND seq <= $4
                AND status IN (0, 3)
            ORDER BY seq LIMIT $5""",
        "load": f"""
            SELECT seq, attempts, status, version, payload FROM core_inbox
            WHERE seq {one_of("$1")} AND status IN (0, 3) AND version <= {VERSION}""",
        "commit": f"""
            UPDATE core_inbox SET status = CASE WHEN seq = $4 THEN {ANSWERING} ELSE {DONE} END,
                finished_at = {db.clock}
            WHERE bot_id = $1 AND partition = $2 AND lane = $3 AND seq <= $4
                AND status IN (0, 3) AND version <= {VERSION} AND {_HELD.format("$5", "= $6")}
            RETURNING seq""",
        "finish": f"""
            UPDATE core_inbox SET status = {DONE}, finished_at = {db.clock}
            WHERE seq IN (SELECT seq FROM core_inbox WHERE seq {one_of("$1")} AND status IN (0, 3)
                AND {_HELD.format("$2", one_of("$3"))}{ordered})""",
        "fail": f"""
            UPDATE core_inbox SET attempts = $4, error = $5, trace_id = $6, status = $7,
                finished_at = CASE WHEN CAST($7 AS SMALLINT) = {SET_ASIDE} THEN {db.clock} END
            WHERE seq = $1 AND status IN (0, 3) AND {_HELD.format("$2", "= $3")}""",
        "purge": f"DELETE FROM core_inbox WHERE seq {one_of('$1')}",
    }


def _sqlite_add(clock: str, rows: int) -> str:
    values = ", ".join(
        f"($1, ${at}, ${at + 1}, ${at + 2}, ${at + 3}, {VERSION}, {clock})"
        for at in range(2, 2 + 4 * rows, 4)
    )
    return (
        "INSERT INTO core_inbox (bot_id, update_id, partition, lane, payload, version, received_at)"
        f" VALUES {values} ON CONFLICT (bot_id, update_id) DO NOTHING RETURNING seq, update_id"
    )
