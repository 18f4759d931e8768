"""What commands print: tables for people, JSON for scripts, problems to standard error.

Everything passes the log's redaction on its way out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core import log
from core.errors import ConfigError, PlugramError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import StyleType

OK, FAILED, USAGE = 0, 1, 2
"""Exit statuses; USAGE also stands for settings that can't be used."""

_WIDE = 240
"""Columns where nobody watches: a pipe must not cut texts."""


def console(*, error: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _WIDE, highlight=False)


def say(text: str = "", *, error: bool = False) -> None:
    """One plain line."""
    stream = sys.stderr if error else sys.stdout
    stream.write(log.redact(text) + "\n")


def put_json(value: Any) -> None:
    """For `--json`: one document, times and paths as texts."""
    plain = json.loads(json.dumps(value, default=str))
    sys.stdout.write(json.dumps(log.clean(plain), ensure_ascii=False, indent=2) + "\n")


def put_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    styles: dict[str, StyleType] | None = None,
) -> None:
    """A table; cells are plain text, not Rich markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, style=(styles or {}).get(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text.from_ansi(log.redact(str(cell))) for cell in row))
    console().print(table)


def put_fields(fields: dict[str, object]) -> None:
    """Names and values below each other; empty values are left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in ("", None, (), []):
            table.add_row(name, Text(log.redact(str(value))))
    console().print(table)


def put_error(error: PlugramError) -> int:
    """Tells what is wrong and the way out; the exit status that goes with it."""
    if isinstance(error, ConfigError):
        put_problems(error.problems, hint=error.hint)
        return USAGE
    out = console(error=True)
    out.print(f"[bold red]Error:[/] {_escaped(error.message)}", soft_wrap=True)
    if error.hint:
        out.print(f"[dim]→ {_escaped(error.hint)}[/]", soft_wrap=True)
    return FAILED


def put_problems(problems: Sequence[str], *, hint: str = "") -> None:
    """All that is wrong with the settings, numbered."""
    out = console(error=True)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    out.print(f"[bold red]The settings can't be used: {count}[/]")
    for number, problem in enumerate(problems, 1):
        out.print(f"  {number}. {_escaped(problem)}", soft_wrap=True)
    if hint:
        out.print(f"[dim]→ {_escaped(hint)}[/]", soft_wrap=True)


def put_warning(text: str) -> None:
    console(error=True).print(f"[yellow]Warning:[/] {_escaped(text)}", soft_wrap=True)


@contextmanager
def progress(text: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], Awaitable[None]]]:
    """A bar on standard error while the block runs; call what it gives with done and total."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(error=True), transient=True, disable=quiet) as bar:
        task = bar.add_task(text, total=None)

        async def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(log.redact(text))
