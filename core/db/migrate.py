"""Migrations: what the database still lacks, and how it gets it.

Each app ("core", and every plugin) has its own. Two kinds live in one migrations package:

- Tortoise's, `NNNN_name.py`, for a plugin's models: one file for both dialects.
- `sqlite/NNNN_name.sql` beside `postgres/NNNN_name.sql`, for what differs by dialect (full-text and
  vector indexes) and for the core's own tables. They run after the models' of the same app.

An app's pending migrations run in one transaction, all or none, while a lock keeps other processes
out. Starting twice at once, or after a crash in the middle, is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.db import deployment, guard
from core.db.scope import SYSTEM
from core.errors import DatabaseAway, DatabaseError, MigrationError
from core.log import get_logger

if TYPE_CHECKING:
    from core.db.database import Database, PluginTables

log = get_logger("migrate")

T = TypeVar("T")

CORE = "core"
PATIENCE = 600.0
"""Seconds to wait while another process migrates."""

_SQL_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = 0x706C7567  # "plug": the key of PostgreSQL's advisory lock

# The second is Tortoise's own record, made here so that asking for it never fails.
_RECORDS = {
    "sqlite": (
        "CREATE TABLE IF NOT EXISTS core_migrations (app TEXT NOT NULL, name TEXT NOT NULL, "
        "applied_at REAL NOT NULL, PRIMARY KEY (app, name))",
        'CREATE TABLE IF NOT EXISTS tortoise_migrations ("id" INTEGER PRIMARY KEY AUTOINCREMENT, '
        '"app" VARCHAR(255) NOT NULL, "name" VARCHAR(255) NOT NULL, '
        '"applied_at" TIMESTAMP NOT NULL, UNIQUE ("app", "name"))',
    ),
    "postgres": (
        "CREATE TABLE IF NOT EXISTS core_migrations (app TEXT NOT NULL, name TEXT NOT NULL, "
        "applied_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (app, name))",
        'CREATE TABLE IF NOT EXISTS tortoise_migrations ("id" SERIAL PRIMARY KEY, '
        '"app" VARCHAR(255) NOT NULL, "name" VARCHAR(255) NOT NULL, '
        '"applied_at" TIMESTAMPTZ NOT NULL, UNIQUE ("app", "name"))',
    ),
}

Progress = Callable[[str, str], object]
"""Told the app and the name of each migration before it runs."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration of an app. `known` is false when the database has it and this code doesn't."""

    app: str
    name: str
    applied: bool
    known: bool = True

    def __str__(self) -> str:
        return f"{self.app} {self.name}"


async def status(database: Database) -> list[Migration]:
    """All migrations of the core and of the database's plugins, in the order they run."""
    recorded = await _recorded(database)
    return [migration for app in _apps(database) for migration in app.compare(recorded)]


async def plan(database: Database) -> list[Migration]:
    """What `apply` would run."""
    return [migration for migration in await status(database) if not migration.applied]


async def check(database: Database) -> None:
    """Raises MigrationError unless code and database fit."""
    found = await status(database)
    _refuse_unknown(found, database)
    pending = [str(migration) for migration in found if not migration.applied]
    pending += [f"row-level security of {gap.table.name}" for gap in await guard.gaps(database)]
    if pending:
        raise MigrationError(
            f"{database.where} lacks {len(pending)} migrations: {', '.join(pending)}",
            hint="make a backup, then run `plugram db migrate`",
        )


async def apply(database: Database, progress: Progress | None = None) -> list[Migration]:
    """Run what is pending and return it; a new database becomes this deployment's. Raises
    MigrationError."""
    found = await status(database)
    _refuse_unknown(found, database)
    if database.deployment and not await deployment.owner(database):
        await _exclusively(database, lambda: deployment.claim(database))
    done: list[Migration] = []
    if not all(migration.applied for migration in found):
        if any(migration.applied for migration in found):
            log.info("migrating a database that is in use; a backup is a good idea before updates")
        for app in _apps(database):
            done += await _apply_app(database, app, progress)
    await _raise_walls(database, anyway=bool(done))
    return done


async def _raise_walls(database: Database, *, anyway: bool) -> None:
    """Row-level security, also of tables that were made before there was any."""
    if database.dialect == "sqlite":
        return
    if anyway or await guard.is_due(database):
        changed = await _exclusively(database, lambda: guard.apply(database))
        if changed:
            log.info("row-level security is on", tables=changed)
    await database.refresh_login()


async def write(database: Database, plugin_id: str, name: str = "") -> list[Path]:
    """Write the Tortoise migration that brings a plugin's models up to date; the new files.

    `name`: words for the file's name. Returns nothing when the models didn't change.
    """
    from tortoise.migrations.autodetector import MigrationAutodetector
    from tortoise.migrations.writer import format_migration_name

    from core.db import orm

    tables = next((app for app in database.apps if app.plugin_id == plugin_id), None)
    if tables is None or not (tables.models_module and tables.migrations_package):
        raise MigrationError(
            f"Plugin {plugin_id} has no models, or no migrations package",
            hint="a plugin that keeps models has models.py and migrations/ beside it",
        )
    context = database.orm
    config = {plugin_id: orm.config(database)["apps"][plugin_id]}
    writers = await MigrationAutodetector(context.apps, config).changes()
    for writer in writers:
        if name:
            writer.name = format_migration_name(int(writer.name.split("_", 1)[0]), name)
    return [Path(writer.write()) for writer in writers]


# -- apps ---------------------------------------------------------------------------------------


class _App:
    """The migrations of one app, as its package has them."""

    def __init__(self, database: Database, name: str, tables: PluginTables | None) -> None:
        self.name = name
        self.tables = tables
        folder = _folder(tables, name)
        self.sql = _sql_files(folder, database.dialect, name) if folder else {}
        self.models = _python_files(folder) if folder and tables and tables.models_module else []
        if tables and tables.models_module and not self.models:
            raise MigrationError(
                f"Plugin {name} has models but no migrations",
                hint=f"its author writes them with `plugram db new {name}`",
            )

    def compare(self, recorded: dict[str, set[tuple[str, str]]]) -> list[Migration]:
        found = []
        for kind, names in (("models", self.models), ("sql", list(self.sql))):
            there = {name for app, name in recorded[kind] if app == self.name}
            found += [Migration(self.name, name, name in there) for name in names]
            found += [
                Migration(self.name, name, applied=True, known=False)
                for name in sorted(there.difference(names))
            ]
        return found


def _apps(database: Database) -> list[_App]:
    return [
        _App(database, CORE, None),
        *(
            _App(database, tables.plugin_id, tables)
            for tables in database.apps
            if tables.models_module or tables.migrations_package
        ),
    ]


def _folder(tables: PluginTables | None, name: str) -> Path | None:
    if tables is None:
        return Path(__file__).parents[1] / "migrations"
    if not tables.migrations_package:
        return None
    spec = importlib.util.find_spec(tables.migrations_package)
    if spec is None or not spec.submodule_search_locations:
        raise MigrationError(f"Plugin {name}: {tables.migrations_package} is no package")
    return Path(next(iter(spec.submodule_search_locations)))


def _sql_files(folder: Path, dialect: str, app: str) -> dict[str, Path]:
    """By name without suffix, in order."""
    found = sorted(folder.joinpath(dialect).glob("*.sql"))
    for path in found:
        if not _SQL_NAME.fullmatch(path.name):
            raise MigrationError(
                f"{app}: a migration is called {path.name}", hint="call it NNNN_what_it_does.sql"
            )
    other = folder / ("postgres" if dialect == "sqlite" else "sqlite")
    if other.is_dir() and not found:
        raise MigrationError(
            f"{app} has migrations for {other.name} and none for {dialect}",
            hint=f"write {folder.name}/{dialect}/NNNN_name.sql too",
        )
    return {path.stem: path for path in found}


def _python_files(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("[0-9]*.py"))


def _refuse_unknown(found: Sequence[Migration], database: Database) -> None:
    unknown = [str(migration) for migration in found if not migration.known]
    if unknown:
        raise MigrationError(
            f"{database.where} was migrated by a newer version: {', '.join(unknown)}",
            hint="update Plugram or the plugin, or restore the backup made before the update",
        )


# -- running ------------------------------------------------------------------------------------


async def _recorded(database: Database) -> dict[str, set[tuple[str, str]]]:
    """(app, name) of what the database has, by kind; nothing is created for asking."""
    return {
        "sql": await _rows(database, "core_migrations"),
        "models": await _rows(database, "tortoise_migrations"),
    }


async def _rows(database: Database, table: str) -> set[tuple[str, str]]:
    there = (
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1"
        if database.dialect == "sqlite"
        else "SELECT 1 WHERE to_regclass($1) IS NOT NULL"
    )
    if not await database.fetch(there, table):
        return set()
    rows = await database.fetch(f"SELECT app, name FROM {table}")  # noqa: S608 - our own names
    return {(row["app"], row["name"]) for row in rows}


async def _apply_app(database: Database, app: _App, progress: Progress | None) -> list[Migration]:
    async def work() -> list[Migration]:
        for statement in _RECORDS[database.dialect]:
            await database.execute(statement)
        recorded = await _recorded(database)  # another process may have been faster
        pending = [migration for migration in app.compare(recorded) if not migration.applied]
        for migration in pending:
            if progress:
                progress(migration.app, migration.name)
            await _run(database, app, migration)
        if pending and database.dialect == "sqlite":
            await _check_references(database, app.name)
        return pending

    async with _without_references(database):
        done = await _exclusively(database, work)
    for migration in done:
        log.info("migrated", app=migration.app, migration=migration.name)
    return done


async def _run(database: Database, app: _App, migration: Migration) -> None:
    try:
        if migration.name in app.sql:
            await _run_sql(database, app, migration.name)
        else:
            await _run_models(database, app, migration.name)
    except (DatabaseError, ValueError, TypeError, AttributeError) as error:
        raise MigrationError(
            f"Migration {migration} failed: {error}",
            hint=f"nothing of it is left, {app.name} is as it was before",
        ) from error


async def _run_sql(database: Database, app: _App, name: str) -> None:
    current = database.current
    if current is None:
        raise RuntimeError("a migration runs in a transaction")
    await current.script(await asyncio.to_thread(app.sql[name].read_text, "utf-8"))
    insert = "INSERT INTO core_migrations (app, name, applied_at) VALUES ($1, $2, $3)"
    await database.execute(insert, app.name, name, time.time())


async def _run_models(database: Database, app: _App, name: str) -> None:
    from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

    from core.db import orm

    executor = MigrationExecutor(
        database.orm.connections.get(orm.CONNECTION),
        {app.name: orm.config(database)["apps"][app.name]},
    )
    await executor.migrate([MigrationTarget(app.name, name)], direction="forward")
    gc.collect()  # it made classes of all models, which hold each other


async def _exclusively(database: Database, work: Callable[[], Awaitable[T]]) -> T:
    """Do it in a transaction that nobody else migrates in; waits for them."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            async with database.transaction(SYSTEM, login=True):
                if await _take_lock(database):
                    return await work()
        except DatabaseAway:  # SQLite: somebody else writes
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise MigrationError(
                f"Another process has been migrating {database.where} for {PATIENCE:g} s",
                hint="wait for it, or stop it",
            )
        await asyncio.sleep(0.2)


async def _take_lock(database: Database) -> bool:
    """Until the transaction ends. On SQLite the transaction itself is the lock."""
    if database.dialect == "sqlite":
        return True
    return bool(await database.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK))


@contextlib.asynccontextmanager
async def _without_references(database: Database) -> AsyncIterator[None]:
    """SQLite changes a table by making it anew; dropping the old one must not cascade."""
    if database.dialect != "sqlite":
        yield
        return
    await database.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        await database.execute("PRAGMA foreign_keys = ON")


async def _check_references(database: Database, app: str) -> None:
    broken: list[dict[str, Any]] = await database.fetch("PRAGMA foreign_key_check")
    if broken:
        tables = ", ".join(sorted({str(row["table"]) for row in broken}))
        raise MigrationError(
            f"The migrations of {app} break references of {tables}; nothing of them is left"
        )
