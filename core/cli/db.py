"""`plugram db`: migrate, status, new, adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.cli import terminal
from core.cli.database import with_database
from core.cli.parts import AsJson
from core.cli.terminal import FAILED

if TYPE_CHECKING:
    from core.db.database import Database
    from core.db.migrate import Migration
    from core.db.tables import Table

app = typer.Typer(no_args_is_help=True)


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the tables of the core and of plugins that are on up to date. Make a backup first."""

    def progress(app_name: str, name: str) -> None:
        if not as_json:
            terminal.say(f"{app_name} {name}")

    async def work(database: Database) -> list[Migration]:
        from core.db import migrate as migrations

        return await migrations.apply(database, progress)

    done = with_database(work, plugins=True)
    if as_json:
        terminal.put_json([{"app": one.app, "name": one.name} for one in done])
    else:
        terminal.say(f"{len(done)} migrations run." if done else "Nothing to migrate.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """List all migrations and which are missing; exit status 1 if some are."""

    async def work(database: Database) -> tuple[str, list[Migration], dict[str, str]]:
        from core.db import migrate as migrations

        return database.where, await migrations.status(database), await _walls(database)

    where, found, walls = with_database(work, plugins=True)
    missing = [one for one in found if not one.applied] or "off" in walls.values()
    if as_json:
        rows = [{"app": m.app, "name": m.name, "state": _state(m)} for m in found]
        terminal.put_json({"database": where, "migrations": rows, "row_level_security": walls})
    else:
        terminal.put_table(
            ["app", "migration", "state"], [(m.app, m.name, _state(m)) for m in found]
        )
        if walls:
            terminal.put_table(["table", "row-level security"], list(walls.items()))
        verdict = "plugram db migrate runs what is missing." if missing else "Up to date."
        terminal.say(f"{where}: {verdict}")
    raise typer.Exit(FAILED if missing else 0)


@app.command()
def new(
    plugin_id: Annotated[str, typer.Argument(metavar="PLUGIN", help="Id of the plugin.")],
    name: Annotated[str, typer.Argument(help="Words for the file's name.")] = "",
) -> None:
    """Write the migration that brings a plugin's tables to its models; for its author."""

    async def work(database: Database) -> list[str]:
        from core.db import migrate as migrations

        return [str(path) for path in await migrations.write(database, plugin_id, name)]

    written = with_database(work, plugins=True)
    for path in written:
        terminal.say(f"Written: {path}")
    if not written:
        terminal.say("The models didn't change.")


@app.command()
def adopt(yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Make another deployment's database this one's: after a copy, or a change of name."""
    import asyncio

    asyncio.run(_adopt(yes=yes))


async def _adopt(*, yes: bool) -> None:
    from core import config
    from core.cli.database import PATIENCE
    from core.db import database as db
    from core.db import deployment

    settings = config.load()
    name, database = settings.deployment.name, db.build(settings)
    database.deployment = ""  # whosever it is
    await database.connect(patience=PATIENCE)
    try:
        before = await deployment.owner(database)
        if before == name:
            terminal.say(f"{database.where} belongs to {name} already.")
            return
        if not yes and before:
            typer.confirm(
                f"{database.where} belongs to {before}, whose processes won't start with it any "
                f"more. Its users and its waiting jobs become {name}'s. Go on?",
                abort=True,
            )
        await deployment.adopt(database, name)
        terminal.say(f"{database.where} belongs to {name} now.")
    finally:
        await database.close()


async def _walls(database: Database) -> dict[str, str]:
    """By table of the inventory whether row-level security is on; empty on SQLite."""
    from core.db import guard

    if database.dialect == "sqlite":
        return {}
    off = {gap.table.name for gap in await guard.gaps(database)}
    return {
        table.name: "off" if table.name in off else "on" if table.guarded else _unguarded(table)
        for table in await database.present_tables()
        if table.scope or table.name in off
    }


def _unguarded(table: Table) -> str:
    return f"not wanted: {table.unguarded}"


def _state(migration: Migration) -> str:
    if not migration.known:
        return "unknown to this version"
    return "applied" if migration.applied else "missing"
