"""What is kept of a person: counted, read, erased and looked for, by the inventory of tables.

Plugins find here what the host does by itself for all tables, those of plugins that are switched
off too: rows by the columns that manifests name, the inbox's payloads, copies in Redis. What isn't
a table (files, index files) is its plugin's business: the hooks `export_user_data` and
`erase_user_data`.
"""

# ruff: noqa: S608 - names of tables and columns are those of manifests, values are arguments

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.db.columns import Column, columns, primary_key
from core.db.scope import SYSTEM, Scope
from core.telegram.inbox import DONE, SET_ASIDE

if TYPE_CHECKING:
    from core.db.database import Database
    from core.db.tables import Table
    from core.people import People

_PAGE = 500
_LIKE, _ESCAPED = re.compile(r"([%_!])"), r"!\1"
_SHOWN = 3
"""Places of a leftover that are named; of more the number is told."""
_CHUNK = 1 << 20
_LARGE = 64 << 20
_MOMENT = 61
"""Seconds that the limiter's keys live (`core.telegram.outgoing`)."""
_DATABASE = {".db", ".db-wal"}
_TELLING = 5
"""Digits of an id that isn't taken for any number."""
_BUSY = {"core_jobs": " AND state <> 'running'"}
"""What can't go at once: whoever works on it still needs its row."""

_SPEAKS = {"core_recordings": "record", "core_jobs": "args"}
"""Where rows of others may speak of somebody, and nobody needs them any more."""
_ABOUT = {"core_recordings": "TRUE", "core_jobs": "state IN ('done', 'dead', 'cancelled')"}
_DAY = 86400.0

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Age:
    """How old a table's rows are."""

    table: Table
    keep_days: int
    """0: they stay."""
    rows: int
    oldest: float | None
    """Days; None without rows that have an age."""
    due: int
    """Rows that may go."""


class Records:
    """Of all people, in this deployment's database and Redis."""

    def __init__(
        self, db: Database, people: People, data_dir: Path, *, redis: Any = None, prefix: str = ""
    ) -> None:
        """`redis`: a redis.asyncio.Redis whose keys begin with `prefix`; `data_dir`: the
        deployment's folder."""
        self._db = db
        self._people = people
        self._data_dir = data_dir
        self._redis = redis
        self._prefix = prefix

    # -- reading ------------------------------------------------------------------------------

    async def counts(self, user_id: int) -> dict[Table, int]:
        """By table, how many rows are theirs; tables without any are left out."""
        found = {}
        for table in await self._db.present_tables():
            where, args = _whose(table, user_id)
            if where:
                async with self._db.transaction(SYSTEM):
                    number = await self._db.fetchval(
                        f"SELECT count(*) FROM {table.name} WHERE {where}", *args
                    )
                if number:
                    found[table] = int(number)
        return found

    async def rows(self, table: Table, user_id: int) -> AsyncIterator[list[Row]]:
        """Their rows of a table, some hundred at a time, without the columns that exports leave
        out."""
        where, args = _whose(table, user_id)
        key = await primary_key(self._db, table.name)
        if not where or not key:
            return
        last: list[Any] = []
        while True:
            behind, more = _behind(key, last, len(args))
            async with self._db.transaction(SYSTEM):
                page = await self._db.fetch(
                    f"SELECT * FROM {table.name} WHERE ({where}){behind}"
                    f" ORDER BY {', '.join(key)} LIMIT {_PAGE}",
                    *args,
                    *more,
                )
            if page:
                hidden = {*table.leave_out, *table.encrypted}
                yield [{k: v for k, v in row.items() if k not in hidden} for row in page]
                last = [page[-1][name] for name in key]
            if len(page) < _PAGE:
                return

    async def restore(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
        """Put rows of an export back; how many. Those whose key is taken are left as they are."""
        there = {one.name for one in await columns(self._db, table.name)}
        restored = 0
        async with self._db.transaction(SYSTEM):
            for row in rows:
                given = {name: value for name, value in row.items() if name in there}
                places = ", ".join(f"${number}" for number in range(1, len(given) + 1))
                restored += await self._db.execute(
                    f"INSERT INTO {table.name} ({', '.join(given)}) VALUES ({places})"
                    " ON CONFLICT DO NOTHING",
                    *given.values(),
                )
        return restored

    # -- erasing ------------------------------------------------------------------------------

    async def erase(self, user_id: int, loaded: Collection[str], before: float) -> Counter[str]:
        """Delete their rows wherever the inventory says how; by table, how many. Repeating it does
        no harm.

        `loaded`: ids of plugins whose own hook takes away what is theirs to erase; of others that
        is done here, as far as rows go. `before`: of updates that wait, those that came earlier
        (seconds since 1970) go too.
        """
        found: Counter[str] = Counter()
        for table in await self._db.present_tables():
            if table.erase == "rows" or table.plugin_id not in {*loaded, "core"}:
                found[table.name] += await self._erase_rows(table, user_id)
                found[table.name] += await self._unname(table, user_id)
        for name, where in _ABOUT.items():
            found[name] += await self._erase_mentions(name, where, user_id)
        found["core_inbox"] += await self._erase_updates(user_id, before)
        self._people.forget(user_id)
        return +found

    async def _erase_rows(self, table: Table, user_id: int) -> int:
        where, args = _whose(table, user_id)
        if not where:
            return 0
        spared = _BUSY.get(table.name, "")
        async with self._db.transaction(SYSTEM):
            return await self._db.execute(
                f"DELETE FROM {table.name} WHERE ({where}){spared}", *args
            )

    async def _unname(self, table: Table, user_id: int) -> int:
        changed = 0
        for column in table.mentions:
            async with self._db.transaction(SYSTEM):
                changed += await self._db.execute(
                    f"UPDATE {table.name} SET {column} = 0 WHERE {column} = $1", user_id
                )
        return changed

    async def _erase_mentions(self, table: str, where: str, user_id: int) -> int:
        """Rows that speak of them though they are somebody else's, or nobody's."""
        text, told = _SPEAKS[table], _word(str(user_id))
        rows = await self._db.fetch(
            f"SELECT id, {text} AS text FROM {table} WHERE {where} AND {text} LIKE $1",
            f"%{user_id}%",
        )
        gone = [(row["id"],) for row in rows if told.search(row["text"])]
        await self._db.executemany(f"DELETE FROM {table} WHERE id = $1", gone)
        return len(gone)

    async def _erase_updates(self, user_id: int, before: float) -> int:
        """Blank the updates that speak of them; the rows stay, by which a second delivery is known.
        Those of theirs that wait are blanked and done; what others wrote is handled first."""
        told = _word(str(user_id))
        last = erased = 0
        while page := await self._db.fetch(
            "SELECT seq, status, lane, received_at, payload FROM core_inbox WHERE seq > $1"
            f" ORDER BY seq LIMIT {_PAGE}",
            last,
        ):
            last = page[-1]["seq"]
            for row in page:
                if not told.search(f"{row['lane']} {row['payload']}"):
                    continue
                over = row["status"] in (DONE, SET_ASIDE)
                if over or (row["received_at"] <= before and _is_theirs(row, user_id)):
                    erased += await self._db.execute(
                        f"UPDATE core_inbox SET payload = '{{}}', lane = '', error = NULL,"
                        f" status = {DONE} WHERE seq = $1",
                        row["seq"],
                    )
        return erased

    async def erase_copies(self, user_id: int) -> int:
        """Delete the keys of Redis that name them or their values that do; how many."""
        gone = 0
        async for key, text in self._copies():
            if _word(str(user_id)).search(f"{key} {text}"):
                gone += int(await self._redis.delete(key))
        return gone

    async def scrub(self) -> None:
        """Have the database let go of what was deleted: SQLite would keep it in its write-ahead
        log, PostgreSQL until a vacuum of its own."""
        await self._db.scrub()

    # -- old rows -----------------------------------------------------------------------------

    async def ages(self, keep: Mapping[str, int]) -> list[Age]:
        """Of tables that tell how old their rows are: for how long they are kept, the oldest, and
        how many may go. `keep`: table → days, in place of what its manifest says."""
        return [
            await self._age(table, keep.get(table.name, table.keep_days))
            for table in await self._db.present_tables()
            if table.time
        ]

    async def expire(self, keep: Mapping[str, int]) -> dict[str, int]:
        """Delete rows that are older than that; by table, how many. What an owner erases it also
        lets go of by itself."""
        found = {}
        for table in await self._db.present_tables():
            days = keep.get(table.name, table.keep_days)
            if table.time and days and table.erase == "rows":
                found[table.name] = await self._expire(table, days)
        return {name: number for name, number in found.items() if number}

    async def _expire(self, table: Table, days: int) -> int:
        """Some at a time: a statement over a large table would hold up others."""
        key = await primary_key(self._db, table.name)
        names, old = ", ".join(key), await self._older(table, days)
        spared = _BUSY.get(table.name, "")
        gone = 0
        while True:
            async with self._db.transaction(SYSTEM):
                done = await self._db.execute(
                    f"DELETE FROM {table.name} WHERE ({names}) IN (SELECT {names}"
                    f" FROM {table.name} WHERE {old}{spared} LIMIT {_PAGE})"
                )
            gone += done
            if done < _PAGE:
                return gone

    async def _age(self, table: Table, days: int) -> Age:
        due = f"sum(CASE WHEN {await self._older(table, days)} THEN 1 ELSE 0 END)" if days else "0"
        seconds = await self._seconds(table)
        async with self._db.transaction(SYSTEM):
            row = await self._db.fetchrow(
                f"SELECT count(*) AS number, max({self._db.clock} - {seconds}) AS oldest,"
                f" {due} AS due FROM {table.name}"
            )
        assert row is not None  # noqa: S101 - for mypy: an aggregate gives a row
        oldest = None if row["oldest"] is None else float(row["oldest"]) / _DAY
        return Age(table, days, int(row["number"]), oldest, int(row["due"] or 0))

    async def _older(self, table: Table, days: int) -> str:
        """SQL: a row is older than so many days."""
        return f"{await self._seconds(table)} < {self._db.clock} - {days * _DAY}"

    async def _seconds(self, table: Table) -> str:
        """SQL: a row's time in seconds since 1970."""
        kinds = {one.name: one.kind for one in await columns(self._db, table.name)}
        if kinds.get(table.time) != "moment":
            return table.time
        if self._db.dialect == "sqlite":
            return f"(julianday({table.time}) - 2440587.5) * 86400.0"
        return f"extract(epoch FROM {table.time})"

    # -- what is left -------------------------------------------------------------------------

    async def leftovers(
        self, user_id: int, words: Sequence[str] = (), *, deep: bool = False
    ) -> list[str]:
        """Where something of theirs is found: a sentence for each place. `words`: more to look for
        than their id and scope, such as their name or a sentence of theirs. `deep`: in large files
        of the data folder too."""
        wanted = [Scope.user(user_id).key, *words]
        if len(str(user_id)) >= _TELLING:
            wanted.insert(0, str(user_id))
        found = []
        for table in await self._db.present_tables():
            found += await self._left_in_table(table, user_id, wanted)
        async for key, text in self._copies():
            told = any(_word(word).search(f"{key} {text}") for word in wanted)
            if told and not await self._is_fleeting(key):
                found.append(f"Redis: {key}")
        files = [word for word in wanted if not word.isdecimal()]
        found += await asyncio.to_thread(_left_in_files, self._data_dir, files, deep=deep)
        return found

    async def _is_fleeting(self, key: str) -> bool:
        """Whether a key goes by itself in a moment: sending the receipt makes the limiter's."""
        return 0 <= int(await self._redis.ttl(key)) <= _MOMENT

    async def _left_in_table(self, table: Table, user_id: int, words: Sequence[str]) -> list[str]:
        found = []
        for column in await columns(self._db, table.name):
            places = await self._left_in_column(table, column, user_id, words)
            if places:
                found.append(f"{table.name}.{column.name}: {_listed(places)}")
        return found

    async def _left_in_column(
        self, table: Table, column: Column, user_id: int, words: Sequence[str]
    ) -> list[str]:
        named = {*table.people, *table.chats, *table.mentions}
        if column.kind == "number":
            telling = column.name in named or len(str(user_id)) > _TELLING
            equal = f"{column.name} = CAST($1 AS BIGINT)"
            return await self._rows_with(table, equal, user_id) if telling else []
        if column.kind == "text":
            text = column.name if self._db.dialect == "sqlite" else f"CAST({column.name} AS TEXT)"
            return await self._texts_with(table, text, words)
        if column.kind == "bytes":
            return [
                place for word in words for place in await self._bytes_with(table, column, word)
            ]
        return []

    async def _rows_with(self, table: Table, where: str, *args: Any) -> list[str]:
        async with self._db.transaction(SYSTEM):
            number = await self._db.fetchval(
                f"SELECT count(*) FROM {table.name} WHERE {where}", *args
            )
        return ["a number"] * int(number)

    async def _texts_with(self, table: Table, text: str, words: Sequence[str]) -> list[str]:
        places = []
        for word in words:
            like = f"%{_LIKE.sub(_ESCAPED, word)}%"
            async with self._db.transaction(SYSTEM):
                rows = await self._db.fetch(
                    f"SELECT {text} AS text FROM {table.name} WHERE {text} LIKE $1 ESCAPE '!'"
                    f" LIMIT {_PAGE}",
                    like,
                )
            bounded = _word(word)
            places += [word for row in rows if bounded.search(row["text"])]
        return places

    async def _bytes_with(self, table: Table, column: Column, word: str) -> list[str]:
        if self._db.dialect == "sqlite":
            where = f"instr({column.name}, CAST($1 AS BLOB)) > 0"
        else:
            where = f"position(convert_to($1, 'UTF8') IN {column.name}) > 0"
        return await self._rows_with(table, where, word) if len(word) > _TELLING else []

    # -- Redis --------------------------------------------------------------------------------

    async def _copies(self) -> AsyncIterator[tuple[str, str]]:
        """Keys of the deployment and what they hold, as text."""
        if self._redis is None:
            return
        async for key in self._redis.scan_iter(match=f"{self._prefix}:*", count=_PAGE):
            yield _text(key), await self._held(key)

    async def _held(self, key: Any) -> str:
        kind = _text(await self._redis.type(key))
        if kind == "string":
            return _text(await self._redis.get(key) or b"")
        if kind == "hash":
            return str(await self._redis.hgetall(key))
        if kind == "list":
            return str(await self._redis.lrange(key, 0, -1))
        if kind == "set":
            return str(await self._redis.smembers(key))
        if kind == "zset":
            return str(await self._redis.zrange(key, 0, -1))
        return ""


# -- whose --------------------------------------------------------------------------------------


def _whose(table: Table, user_id: int) -> tuple[str, list[Any]]:
    """SQL for the rows of a person, and its arguments; empty if the inventory names no column."""
    parts: list[str] = []
    args: list[Any] = []
    if table.scope:
        args.append(Scope.user(user_id).key)
        parts.append(f"{table.scope} = ${len(args)}")
    if table.people or table.chats:
        args.append(user_id)
        parts += [f"{column} = ${len(args)}" for column in (*table.people, *table.chats)]
    return " OR ".join(parts), args


def _behind(key: Sequence[str], last: Sequence[Any], given: int) -> tuple[str, Sequence[Any]]:
    """SQL for the rows after the last one that was read."""
    if not last:
        return "", ()
    places = ", ".join(f"${given + number}" for number in range(1, len(last) + 1))
    return f" AND ({', '.join(key)}) > ({places})", last


def _is_theirs(row: Mapping[str, Any], user_id: int) -> bool:
    """Whether a person sent an update, or it came in their private chat."""
    if row["lane"] in (f"c{user_id}", f"u{user_id}"):
        return True
    update = orjson.loads(row["payload"])
    events = [event for event in update.values() if isinstance(event, dict)]
    return any((event.get("from") or {}).get("id") == user_id for event in events)


def _word(word: str) -> re.Pattern[str]:
    """A word that isn't the middle of a longer one: 4711 isn't in 147110."""
    return re.compile(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])")


def _listed(places: Sequence[str]) -> str:
    """How often, and what was found; not what stands around it."""
    told = ", ".join(sorted(set(places))[:_SHOWN])
    return f"{len(places)} × {told}"


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


# -- files, in a thread -------------------------------------------------------------------------


def _left_in_files(folder: Path, words: Sequence[str], *, deep: bool) -> list[str]:
    """Files of the data folder whose name or bytes hold a word, the database's own among them."""
    wanted = [word.encode() for word in words if len(word) > _TELLING]
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        looked_at = deep or path.suffix in _DATABASE or path.stat().st_size < _LARGE
        named = any(word in path.name for word in words)
        if named or (looked_at and _holds(path, wanted)):
            found.append(f"file {path.relative_to(folder)}")
    return found


def _holds(path: Path, words: Sequence[bytes]) -> bool:
    if not words:
        return False
    overlap = max(map(len, words)) - 1
    end = b""
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                window = end + chunk
                if any(word in window for word in words):
                    return True
                end = window[-overlap:] if overlap else b""
    except OSError:  # it went away meanwhile
        return False
    return False
