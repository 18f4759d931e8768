"""Whose database this is: one row with the deployment's name, written at the first start.

A staging bot that is pointed at production's database by mistake would answer production's users,
run its jobs and migrate its tables. It is refused at the door instead, before it reads anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import DatabaseError

if TYPE_CHECKING:
    from core.db.database import Database

_TABLE = (
    "CREATE TABLE IF NOT EXISTS core_deployment "
    "(one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL)"
)
_SAVE = (
    "INSERT INTO core_deployment (one, name) VALUES (1, $1) "
    "ON CONFLICT (one) DO UPDATE SET name = excluded.name"
)


async def owner(database: Database) -> str:
    """The name of the deployment that a database belongs to; empty while it is nobody's."""
    there = (
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'core_deployment'"
        if database.dialect == "sqlite"
        else "SELECT 1 WHERE to_regclass('core_deployment') IS NOT NULL"
    )
    if not await database.fetch(there):
        return ""
    return str(await database.fetchval("SELECT name FROM core_deployment") or "")


async def check(database: Database) -> None:
    """Raises DatabaseError if it is another deployment's."""
    found = await owner(database)
    if found and database.deployment and found != database.deployment:
        raise DatabaseError(
            f"{database.where} belongs to the deployment {found}, and this one is called "
            f"{database.deployment}",
            hint="give this one a database of its own ([database] url). A copy of the other's? "
            f"`plugram db adopt` makes it this one's. The same bot? [deployment] name = "
            f'"{found}"',
        )


async def claim(database: Database) -> None:
    """Make it this deployment's, if it is nobody's; in a transaction that nobody else migrates in.
    Raises DatabaseError if it is another one's by now."""
    await database.execute(_TABLE)
    if not await owner(database):
        await database.execute(_SAVE, database.deployment)
    await check(database)


async def adopt(database: Database, name: str) -> None:
    """Make it the deployment's of this name, whosever it was."""
    async with database.transaction(login=True):
        await database.execute(_TABLE)
        await database.execute(_SAVE, name)
