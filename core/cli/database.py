"""The database for commands that need nothing else of the bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from core import config

if TYPE_CHECKING:
    from core.config import Settings
    from core.db.database import Database, PluginTables

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds to wait for a database that is away: somebody sits in front of the screen."""


@asynccontextmanager
async def opened(settings: Settings, *, plugins: bool = False) -> AsyncIterator[Database]:
    """The database, connected. `plugins`: with the tables of those that are on, for which they are
    imported; else the core's alone, migrated if the settings say so."""
    from core.db import database as db
    from core.db import migrate

    apps = _tables(settings) if plugins else ()
    database = db.build(settings, apps)
    await database.connect(patience=PATIENCE)
    try:
        if not plugins:
            await (migrate.apply if settings.database.migrate == "auto" else migrate.check)(
                database
            )
        yield database
    finally:
        await database.close()


def _tables(settings: Settings) -> list[PluginTables]:
    from core.host.loader import Loader

    loader = Loader(settings)
    loader.load_modules()
    return loader.tables()


def with_database(work: Callable[[Database], Awaitable[T]], *, plugins: bool = False) -> T:
    """Runs `work` with the deployment's database. Raises PlugramError."""

    async def run() -> T:
        async with opened(config.load(), plugins=plugins) as database:
            return await work(database)

    return asyncio.run(run())
