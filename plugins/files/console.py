"""`plugram files`: look at files and have them read anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from plugins.files import repository, service
from plugins.files.models import Stage, TelegramFile
from plugram import SYSTEM

if TYPE_CHECKING:
    from plugram import Context

FileId = Annotated[int, typer.Argument(help="Number of the file, as `list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
User = Annotated[int | None, typer.Option("--user", help="Telegram id of the sender.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)]


def build(ctx: Context) -> typer.Typer:
    group = typer.Typer(help="Files that people sent.", no_args_is_help=True, add_completion=False)
    console = Console()

    @group.command("list")
    async def list_(user: User = None, limit: Limit = 50, as_json: AsJson = False) -> None:
        """The newest files, their state and their size."""
        rows = await repository.newest(SYSTEM, limit, user)
        if as_json:
            print_json([summary(row) for row in rows])
        else:
            console.print(_table(rows) if rows else "No files.")

    @group.command()
    async def show(file_id: FileId, as_json: AsJson = False) -> None:
        """All that is known of one file."""
        row = await _found(file_id)
        known = summary(row) | await _details(row)
        if as_json:
            print_json(known)
        else:
            console.print(_pairs(known))

    @group.command()
    async def reprocess(file_id: FileId) -> None:
        """Have a file read anew: after an update, or with higher limits."""
        row = await _found(file_id)
        await service.of(ctx).reprocess(row)
        console.print(f"File {file_id} is queued; a worker reads it.")

    return group


def summary(file: TelegramFile) -> dict[str, Any]:
    """A file in a line. `state`: the stage, or the problem."""
    return {
        "id": file.id,
        "name": file.name,
        "kind": file.kind,
        "mime": file.mime,
        "size": file.size,
        "scope": file.scope,
        "sender": file.sender_id,
        "state": file.problem or Stage(file.stage).name.lower(),
        "stage": Stage(file.stage).name.lower(),
        "created_at": file.created_at.isoformat(),
    }


async def _details(file: TelegramFile) -> dict[str, Any]:
    document = await repository.document(file)
    known: dict[str, Any] = {
        "caption": file.caption,
        "sha256": file.sha256,
        "blob_key": file.blob_key,
        "chat": file.chat_id,
        "message": file.message_id,
        "language": file.language,
        "duplicate_of": file.duplicate_of,
    }
    if document is not None:
        known |= {
            "title": document.title,
            "author": document.author,
            "pages": document.pages,
            "words": document.words,
        }
    return known


async def _found(file_id: int) -> TelegramFile:
    row = await repository.get(SYSTEM, file_id)
    if row is None:
        raise service.not_found(file_id)
    return row


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _table(rows: list[TelegramFile]) -> Table:
    table = Table(box=None, header_style="bold")
    for title in ("id", "name", "kind", "size", "scope", "state"):
        table.add_column(title, justify="right" if title in {"id", "size"} else "left")
    for row in rows:
        known = summary(row)
        size = f"{row.size / 1024:,.0f} KB"
        table.add_row(str(row.id), row.name, row.kind, size, row.scope, known["state"])
    return table


def _pairs(known: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in known.items():
        table.add_row(key, "–" if value in (None, "") else str(value))
    return table
