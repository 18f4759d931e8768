"""`plugram access`: who may use the bot."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plugins.access import service

if TYPE_CHECKING:
    from plugram import Context

Id = Annotated[int, typer.Argument(help="Telegram id: of a person, or (below 0) of a chat.")]
_BELOW_ZERO = {"ignore_unknown_options": True}
"""For a command whose argument may look like an option: `access allow -100123`."""
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
Uses = Annotated[int, typer.Option(min=1, help="For how many people or groups.")]


def build(ctx: Context) -> typer.Typer:
    group = typer.Typer(help="Who may use the bot.", no_args_is_help=True, add_completion=False)
    console = Console()
    door = service.of(ctx)

    @group.command("list")
    async def list_(as_json: AsJson = False) -> None:
        """Who was let in. Owner, admins and those of the settings come in anyway."""
        found = await door.grants()
        if as_json:
            typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
            return
        table = Table("id", "name", "by", "since")
        for one in found:
            by = str(one.granted_by or "console")
            table.add_row(str(one.id), Text(one.name), by, _local(one.granted_at))
        console.print(table if found else "Nobody was let in.")

    @group.command(context_settings=_BELOW_ZERO)
    async def allow(id_: Id, name: Annotated[str, typer.Option(help="For the list.")] = "") -> None:
        """Let somebody in."""
        await door.grant(id_, name or str(id_), 0)
        console.print(f"{id_} may come in.")

    @group.command(context_settings=_BELOW_ZERO)
    async def revoke(id_: Id) -> None:
        """Send somebody away."""
        if not await door.revoke(id_):
            console.print(f"{id_} wasn't let in by a code; the settings may name it.")
            raise typer.Exit(1)
        console.print(f"{id_} is out.")

    @group.command()
    async def invite(uses: Uses = 1) -> None:
        """Make a pairing code: whoever writes `/pair CODE` comes in."""
        code, ends = await door.invite(0, uses)
        console.print(f"/pair {code}   (until {_local(ends)})")

    return group


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone():%Y-%m-%d %H:%M}"
