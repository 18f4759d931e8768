"""`plugram privacy`: an operator's door to what people ask for in the chat, and to retention."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from plugins.privacy import service, views
from plugins.privacy.archive import reading
from plugins.privacy.receipts import Receipt, Subject
from plugram import PlugramError

if TYPE_CHECKING:
    from plugins.privacy.service import Privacy
    from plugram import Context

_WHOLE = 1 << 62
"""Bytes of a part where nobody sends it."""

User = Annotated[int, typer.Argument(help="Telegram id of the person.")]
To = Annotated[Path, typer.Option(help="Folder for the archive.")]
Files = Annotated[list[Path], typer.Argument(help="All ZIP files of an export.")]
Whose = Annotated[str, typer.Argument(metavar="USER|RECEIPT", help="Telegram id, or a receipt.")]
Words = Annotated[list[str], typer.Option("--word", help="Look for this too; may be repeated.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read large files of the data folder too.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


def build(ctx: Context) -> typer.Typer:
    group = typer.Typer(
        help="People's data: give, erase, verify, keep for so long.",
        no_args_is_help=True,
        add_completion=False,
    )
    privacy = service.of(ctx)
    _add_archives(group, ctx, privacy, Console())
    _add_erasures(group, privacy, Console())
    _add_retention(group, privacy, ctx, Console())
    return group


def _add_archives(group: typer.Typer, ctx: Context, privacy: Privacy, console: Console) -> None:
    @group.command()
    async def export(user: User, to: To = Path()) -> None:
        """Write all that is kept of somebody into a ZIP file."""
        person = await ctx.people.get(user)
        readme = views.readme(ctx.translate(person.language))
        with _progress("Packing") as show:

            async def told(files: int, size: int) -> None:
                show(f"Packing {files:,} files, {size >> 20:,} MB")

            async with privacy.desk() as folder:
                parts = await privacy.export(user, folder, limit=_WHOLE, readme=readme, told=told)
                for part in parts:
                    target = to / part.name.replace("mydata", f"mydata-{user}")
                    shutil.move(part, target)
                    console.print(str(target), soft_wrap=True)
        if not parts:
            console.print("Nothing is kept of them.")

    @group.command("import")
    async def import_(files: Files) -> None:
        """Bring back what somebody exported, here or elsewhere: files, tags, settings. What is
        there already stays as it is; workers make the files searchable."""
        with reading(files) as archive:
            found = await privacy.restore(archive)
            _pairs(console, {"person": archive.user_id, **found})


def _add_erasures(group: typer.Typer, privacy: Privacy, console: Console) -> None:
    @group.command()
    async def erase(user: User, yes: Yes = False) -> None:
        """Erase somebody as they do by /mydata, and look for leftovers. Ends with 1 if there are
        any."""
        kept = await privacy.kept(user)
        if not yes:
            typer.confirm(
                f"Erase {kept.files} files and {kept.rows} rows of {user} for good?", abort=True
            )
        receipt_id = await privacy.receipts.open(Subject(user))
        receipt = await privacy.receipts.get(receipt_id)
        assert receipt is not None  # noqa: S101 - for mypy: it was made just now
        with _progress("Erasing") as show:

            async def told(counts: Mapping[str, int]) -> None:
                show(f"Erasing {sum(counts.values()):,}")

            done = await privacy.erase(receipt, Subject(user), told)
        _pairs(console, {"receipt": done.id, **done.counts, **_behind(done)})
        _tell_leftovers(console, done.leftovers)

    @group.command()
    async def verify(
        whose: Whose, word: Words | None = None, deep: Deep = False, as_json: AsJson = False
    ) -> None:
        """Look for anything of somebody: in every table, Redis, the data folder. Ends with 1 if
        something is found. Logs go to standard output: what collects them is yours to ask."""
        user = int(whose) if whose.isdecimal() else await _of_receipt(privacy, whose)
        found = await privacy.leftovers(user, word or [], deep=deep)
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
            raise typer.Exit(1 if found else 0)
        _tell_leftovers(console, found)

    @group.command()
    async def receipts(limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
        """The last erasures."""
        grid = Grid("receipt", "asked", "state", "files", "left", box=None, header_style="bold")
        for one in await privacy.receipts.newest(limit):
            grid.add_row(
                one.id,
                _local(one.requested_at),
                one.state,
                str(one.counts.get("files", 0)),
                str(len(one.leftovers)),
            )
        console.print(grid if grid.row_count else "Nobody asked for it yet.")


async def _of_receipt(privacy: Privacy, receipt_id: str) -> int:
    receipt = await privacy.receipts.get(receipt_id)
    if receipt is None:
        raise PlugramError(f"there is no receipt {receipt_id}", hint="plugram privacy receipts")
    subject = await privacy.receipts.subject(receipt.id)
    if subject is None:
        raise PlugramError(
            f"receipt {receipt.id} has forgotten whose it was",
            hint="give the person's Telegram id instead",
        )
    return subject.user_id


def _add_retention(group: typer.Typer, privacy: Privacy, ctx: Context, console: Console) -> None:
    @group.command()
    async def status(as_json: AsJson = False) -> None:
        """How long rows are kept, how old they are, and how many may go."""
        ages = await ctx.records.ages(privacy.settings.keep)
        if as_json:
            rows = [asdict(age) | {"table": age.table.name} for age in ages]
            typer.echo(json.dumps(rows, indent=2))
            return
        grid = Grid("table", "of", "kept", "rows", "oldest", "due", box=None, header_style="bold")
        for age in ages:
            days = f"{age.keep_days} days" if age.keep_days else "stays"
            oldest = "–" if age.oldest is None else f"{age.oldest:,.1f} days"
            cells = (age.table.name, age.table.plugin_id, days)
            grid.add_row(*cells, f"{age.rows:,}", oldest, f"{age.due:,}")
        console.print(grid)

    @group.command()
    async def retention() -> None:
        """Delete now what is older than it may be; a job does it every hour."""
        found = await privacy.forget_old()
        if found:
            _pairs(console, found)
        else:
            console.print("Nothing is too old.")


def _progress(text: str) -> _Shown:
    return _Shown(text)


class _Shown:
    """A spinner on standard error, with a text that changes."""

    def __init__(self, text: str) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(text)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, text: str) -> None:
        self._bar.update(self._task, description=text)


def _behind(done: Receipt) -> dict[str, str]:
    return {"switched off, told later": ", ".join(done.behind)} if done.behind else {}


def _tell_leftovers(console: Console, found: Sequence[str]) -> None:
    if not found:
        console.print("Nothing is left.")
        return
    for line in found:
        console.print(f"left: {line}", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _pairs(console: Console, known: Mapping[str, Any]) -> None:
    grid = Grid(box=None, show_header=False)
    grid.add_column(style="bold")
    grid.add_column()
    for name, value in known.items():
        grid.add_row(name, str(value))
    console.print(grid)


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone():%Y-%m-%d %H:%M}"
