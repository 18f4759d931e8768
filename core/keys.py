"""What the tables keep encrypted: by which keys, and how it comes under a new one.

Works beside live processes: a value is exchanged only if it is still what was read, and whoever
reads it later has both keys. Cut short, it goes on where it stopped, since what is done is seen by
the key's id in the value.
"""

# ruff: noqa: S608 - names of tables and columns are those of manifests, values are arguments

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.db.columns import primary_key
from core.db.scope import SYSTEM
from core.errors import SecretError
from core.secrets import MARK, Keyring, missing

if TYPE_CHECKING:
    from core.db.database import Database

_AT_ONCE = 200
_ID = f"substr({{0}}, {len(MARK) + 2}, 8)"
"""SQL: the key's id in a kept value."""
_IS_KEPT = f"{{0}} LIKE '{MARK}:%'"

Progress = Callable[[int, int], Awaitable[None]]
"""Told how many values are looked at, of how many."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of values made by `ctx.secrets.encrypt`."""

    table: str
    column: str
    key: Sequence[str]
    """The table's primary key."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    done: int
    """Values that are under today's key now."""
    unread: int
    """Values that were changed, or whose key isn't here."""


async def sealed(db: Database) -> list[Sealed]:
    """The columns that manifests declare as encrypted, of the tables that are there; plugins that
    are switched off count too."""
    found: list[Sealed] = []
    if not any(table.encrypted for table in db.tables):
        return found
    for table in await db.present_tables():
        if table.encrypted:
            key = await primary_key(db, table.name)
            found += [Sealed(table.name, column, key) for column in table.encrypted]
    return found


async def usage(db: Database, columns: Iterable[Sealed]) -> Counter[str]:
    """By a key's id, how many values it encrypts."""
    found: Counter[str] = Counter()
    for one in columns:
        key = _ID.format(one.column)
        async with db.transaction(SYSTEM):
            rows = await db.fetch(
                f"SELECT {key} AS id, count(*) AS number FROM {one.table}"
                f" WHERE {_IS_KEPT.format(one.column)} GROUP BY {key}"
            )
        found.update({row["id"]: row["number"] for row in rows})
    return found


async def check(db: Database, columns: Iterable[Sealed], ring: Keyring) -> None:
    """Raises SecretKeyMissing if something is kept that none of the keys opens: a bot that goes on
    without it would make a new key, and lose what it can't read."""
    strange = (await usage(db, columns)).keys() - {key.id for key in ring.keys}
    if strange:
        raise missing(sorted(strange), ring, "what the database keeps encrypted")


async def rotate(
    db: Database, columns: Sequence[Sealed], ring: Keyring, progress: Progress
) -> Rotated:
    """Bring every value under the first key."""
    if not ring.keys:
        return Rotated(0, 0)
    today = ring.keys[0].id
    counts = await usage(db, columns)
    total = counts.total() - counts[today]
    done = unread = 0
    for one in columns:
        last: Sequence[Any] = ()
        while rows := await _outdated(db, one, today, last):
            for row in rows:
                renewed = await _renew(db, one, row, ring)
                done, unread = done + renewed, unread + (not renewed)
            last = [rows[-1][name] for name in one.key]
            await progress(done + unread, max(total, done + unread))
    return Rotated(done, unread)


async def give_up(db: Database, columns: Iterable[Sealed], key_id: str) -> int:
    """Empty the values of a key that is lost; how many."""
    given_up = 0
    for one in columns:
        async with db.transaction(SYSTEM):
            given_up += await db.execute(
                f"UPDATE {one.table} SET {one.column} = ''"
                f" WHERE {_IS_KEPT.format(one.column)} AND {_ID.format(one.column)} = $1",
                key_id,
            )
    return given_up


async def _outdated(
    db: Database, one: Sealed, today: str, last: Sequence[Any]
) -> list[dict[str, Any]]:
    """The next rows whose value is under another key."""
    names = ", ".join(one.key)
    places = ", ".join(f"${number}" for number in range(2, 2 + len(last)))
    behind = f" AND ({names}) > ({places})" if last else ""
    async with db.transaction(SYSTEM):
        return await db.fetch(
            f"SELECT {names}, {one.column} AS kept FROM {one.table}"
            f" WHERE {_IS_KEPT.format(one.column)} AND {_ID.format(one.column)} <> $1{behind}"
            f" ORDER BY {names} LIMIT {_AT_ONCE}",
            today,
            *last,
        )


async def _renew(db: Database, one: Sealed, row: dict[str, Any], ring: Keyring) -> bool:
    """False: it can't be read. One that somebody changed meanwhile is theirs."""
    try:
        fresh = ring.renew(row["kept"])
    except SecretError:
        return False
    where = " AND ".join(f"{name} = ${number}" for number, name in enumerate(one.key, 3))
    async with db.transaction(SYSTEM):
        await db.execute(
            f"UPDATE {one.table} SET {one.column} = $1 WHERE {one.column} = $2 AND {where}",
            fresh,
            row["kept"],
            *(row[name] for name in one.key),
        )
    return True
