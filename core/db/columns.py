"""What a table looks like, asked of the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from core.db.database import Database

Kind = Literal["number", "text", "bytes", "moment", "other"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    """`number` is a whole one."""
    key: int
    """Its place in the primary key from 1; 0: it isn't in it."""


_SQLITE = "SELECT name, type, pk AS key FROM pragma_table_info($1)"
_POSTGRES = (
    "SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type,"
    " coalesce(array_position(i.indkey::int[], a.attnum::int), -1) + 1 AS key"
    " FROM pg_attribute a"
    " LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
    " WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)


async def columns(db: Database, table: str) -> list[Column]:
    """All of a table in their order; none if there is no such table."""
    rows = await db.fetch(_SQLITE if db.dialect == "sqlite" else _POSTGRES, table)
    return [Column(row["name"], _kind(row["type"]), row["key"]) for row in rows]


async def primary_key(db: Database, table: str) -> list[str]:
    """The names of its columns in order."""
    found = [one for one in await columns(db, table) if one.key]
    return [one.name for one in sorted(found, key=lambda one: one.key)]


_WHOLE = frozenset(("int", "integer", "bigint", "smallint", "tinyint"))


def _kind(declared: str) -> Kind:
    """By the names that both dialects use."""
    name = declared.lower()
    if name in _WHOLE:
        return "number"
    if any(word in name for word in ("char", "text", "clob", "json", "uuid")):
        return "text"
    if name in {"blob", "bytea"}:
        return "bytes"
    if name.startswith(("timestamp", "datetime", "date")):
        return "moment"
    return "other"
