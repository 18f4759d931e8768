"""`plugram files`: look at files, have them read anew, delete them, verify that all is well."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from plugins.files import repository, service
from plugins.files.models import Stage, TelegramFile
from plugins.files.verify import Finding, Verifier
from plugram import SYSTEM

if TYPE_CHECKING:
    from plugram import Context

FileId = Annotated[int, typer.Argument(help="Number of the file, as `list` shows it.")]
FileIds = Annotated[list[int], typer.Argument(help="Numbers of files, as `list` shows them.")]
InTrash = Annotated[bool, typer.Option("--trash", help="What lies in the trash.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
Fix = Annotated[bool, typer.Option("--fix", help="Mend what can be mended without a loss.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read all bytes and compare their checksums.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
User = Annotated[int | None, typer.Option("--user", help="Telegram id of the sender.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)]


def build(ctx: Context) -> typer.Typer:
    group = typer.Typer(help="Files that people sent.", no_args_is_help=True, add_completion=False)
    console = Console()

    @group.command("list")
    async def list_(
        user: User = None, limit: Limit = 50, in_trash: InTrash = False, as_json: AsJson = False
    ) -> None:
        """The newest files, their state and their size."""
        rows = await repository.newest(SYSTEM, limit, user, in_trash=in_trash)
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

    _add_deletion(group, ctx, console)
    return group


def _add_deletion(group: typer.Typer, ctx: Context, console: Console) -> None:
    @group.command()
    async def trash(file_ids: FileIds) -> None:
        """Hide files from their people; `restore` brings them back, until the trash is emptied."""
        done = await service.of(ctx).keeper.trash(SYSTEM, file_ids, by=0)
        _report(console, done, file_ids, "in the trash")

    @group.command()
    async def restore(file_ids: FileIds) -> None:
        """Take files out of the trash."""
        done = await service.of(ctx).keeper.restore(SYSTEM, file_ids)
        _report(console, done, file_ids, "restored")

    @group.command()
    async def delete(file_ids: FileIds, yes: Yes = False) -> None:
        """Delete files for good, with all that came of them; a worker does it."""
        if not yes:
            typer.confirm(f"Delete {len(file_ids)} files for good?", abort=True)
        done = await service.of(ctx).keeper.purge(SYSTEM, file_ids)
        _report(console, done, file_ids, "being deleted")

    @group.command()
    async def verify(fix: Fix = False, deep: Deep = False, as_json: AsJson = False) -> None:
        """Whether tables, bytes and what other plugins keep agree. Ends with 1 if they don't."""
        files = service.of(ctx)
        verifier = Verifier(files.ctx, files.keeper, fix=fix, deep=deep)
        findings = await _verified(verifier, quiet=as_json)
        if as_json:
            print_json([asdict(one) for one in findings])
        else:
            console.print(_findings(findings) if findings else "Everything agrees.")
        raise typer.Exit(0 if all(one.fixed for one in findings) else 1)


async def _verified(verifier: Verifier, *, quiet: bool) -> list[Finding]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("")

        async def told(what: str, seen: int) -> None:
            bar.update(task, description=f"{what} {seen:,}" if seen else what)

        return [finding async for finding in verifier.run(told)]


def _report(console: Console, done: int, asked: Sequence[int], what: str) -> None:
    console.print(f"{done} of {len(asked)} files {what}.")
    if done < len(asked):
        console.print("The others aren't there, or were so before: plugram files show ID")
        raise typer.Exit(1)


def _findings(findings: list[Finding]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("check")
    table.add_column("what is wrong", overflow="fold")
    table.add_column("")
    for one in findings:
        table.add_row(one.check, Text(one.text), "fixed" if one.fixed else "")
    return table


_LIMITS = {
    "memory": "sandbox.memory_mb",
    "cpu": "sandbox.cpu_seconds",
    "wall": "sandbox.wall_seconds",
    "output": "sandbox.output_mb",
    "unpacked": "sandbox.unpacked_mb, archive_ratio, archive_entries or archive_depth: see the log",
}
"""Problem → the setting that lets such a file be read, then `files reprocess`."""


def summary(file: TelegramFile) -> dict[str, Any]:
    """A file in a line. `state`: the stage, the problem, `trashed` or `deleting`."""
    return {
        "id": file.id,
        "name": file.name,
        "kind": file.kind,
        "mime": file.mime,
        "size": file.size,
        "scope": file.scope,
        "sender": file.sender_id,
        "state": _state(file),
        "stage": Stage(file.stage).name.lower(),
        "created_at": file.created_at.isoformat(),
    }


def _state(file: TelegramFile) -> str:
    if file.deleting:
        return "deleting"
    if file.trashed_at is not None:
        return "trashed"
    return file.problem or Stage(file.stage).name.lower()


async def _details(file: TelegramFile) -> dict[str, Any]:
    document = await repository.document(file)
    known: dict[str, Any] = {
        "caption": file.caption,
        "tags": " ".join(await repository.tags(SYSTEM, file.id)),
        "trashed_at": file.trashed_at.isoformat() if file.trashed_at else None,
        "sha256": file.sha256,
        "blob_key": file.blob_key,
        "chat": file.chat_id,
        "message": file.message_id,
        "language": file.language,
        "duplicate_of": file.duplicate_of,
        "raise": _LIMITS.get(file.problem),
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
        table.add_row(str(row.id), Text(row.name), row.kind, size, row.scope, known["state"])
    return table


def _pairs(known: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in known.items():
        table.add_row(key, Text("–" if value in (None, "") else str(value)))
    return table
