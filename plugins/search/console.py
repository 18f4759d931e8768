"""`plugram search`: ask, look at the index, write it anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from plugins.search import service
from plugins.search.asking import Asker
from plugins.search.caches import rates
from plugins.search.indexing import silent
from plugins.search.query import parse
from plugram import FileLibrary, Scope

if TYPE_CHECKING:
    from plugins.search.api import Found, FoundPassage
    from plugins.search.service import Search
    from plugram import Context, StoredFile

Words = Annotated[str, typer.Argument(help="What to look for.")]
User = Annotated[
    int | None, typer.Option("--user", help="Telegram id of the person whose files these are.")
]
Chat = Annotated[int | None, typer.Option("--chat", help="Id of the group whose files these are.")]
Limit = Annotated[int, typer.Option(help="How many results at most.", min=1, max=200)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


def build(ctx: Context) -> typer.Typer:
    group = typer.Typer(help="Search in files.", no_args_is_help=True, add_completion=False)

    @group.command()
    async def query(
        words: Words,
        user: User = None,
        chat: Chat = None,
        limit: Limit = 10,
        as_json: AsJson = False,
    ) -> None:
        """Search as a person does, in their files alone, or as a group does in its own; with the
        same filters: `type:pdf from:@ann before:2026-01`."""
        person = await ctx.people.get(user or 0)
        library = ctx.require(FileLibrary)
        asker = Asker(person, _scope(user, chat), user or chat or 0, library, ctx.people.get)
        await _query(service.of(ctx), asker, words, limit, as_json=as_json)

    @group.command()
    async def status(as_json: AsJson = False) -> None:
        """What the index holds, whether it fits the embedder, and how often caches helped."""
        await _status(service.of(ctx), as_json=as_json)

    @group.command()
    async def reindex() -> None:
        """Write the whole index anew: after a change of the embedder, or of the rules of search."""
        await _reindex(ctx)

    return group


async def _query(search: Search, asker: Asker, words: str, limit: int, *, as_json: bool) -> None:
    found = await search.asking.find(asker, parse(words), limit)
    passages = await search.passages(asker.scope, [hit.passage_id for hit in found.hits])
    files = await asker.files.get_many(asker.scope, [hit.file_id for hit in found.hits])
    if as_json:
        _put_json(_as_json(found, passages, files))
    elif found.hits:
        Console().print(_table(found, passages, files))
    else:
        Console().print("There are no searchable files." if found.empty else "Nothing found.")


async def _status(search: Search, *, as_json: bool) -> None:
    totals, health = await search.totals(), await search.health()
    counts = await search.engine.hits.read()
    known: dict[str, object] = {
        "scopes": totals.scopes,
        "files": totals.files,
        "passages": totals.passages,
        "vectors": totals.vectors,
        "waiting": totals.pending,
        "without_meaning": totals.meaningless,
        "fingerprint": totals.meta.get("fingerprint", ""),
        "ok": health.ok,
        "detail": health.detail,
        "hint": health.hint,
    }
    if as_json:
        _put_json({**known, "caches": counts})
    else:
        helped = {f"{name} from cache": rate for name, rate in rates(counts).items()}
        Console().print(_facts({**known, **helped}))


async def _reindex(ctx: Context) -> None:
    console = Console()
    columns = (TextColumn("Indexing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    indexer = service.of(ctx).indexer
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("files")

        async def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        await indexer.describe_all(ctx.require(FileLibrary), silent)
        files = await indexer.reindex(report)
    console.print(f"{files} files are indexed anew.")


def _put_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _facts(facts: Mapping[str, object]) -> Table:
    """Those that there are, a line each."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    for name, value in facts.items():
        if value != "":
            table.add_row(name, str(value))
    return table


def _scope(user: int | None, chat: int | None) -> Scope:
    if (user is None) == (chat is None):
        raise typer.BadParameter("say whose files: --user ID or --chat ID")
    return Scope.user(user) if user is not None else Scope.chat(chat or 0)


def _as_json(
    found: Found, passages: dict[int, FoundPassage], files: dict[int, StoredFile]
) -> dict[str, object]:
    return {
        "query": found.query,
        "corrected": dict(found.corrected),
        "by_meaning": found.by_meaning,
        "hits": [
            {
                "file_id": hit.file_id,
                "file": files[hit.file_id].name,
                "score": round(hit.score, 4),
                "by_words": round(hit.explanation.words, 4),
                "by_meaning": round(hit.explanation.meaning, 4),
                "words": list(hit.explanation.matched),
                "locator": dict(passages[hit.passage_id].locator),
                "text": passages[hit.passage_id].text,
            }
            for hit in found.hits
            if hit.passage_id in passages and hit.file_id in files
        ],
    }


def _table(found: Found, passages: dict[int, FoundPassage], files: dict[int, StoredFile]) -> Table:
    table = Table(box=None, header_style="bold")
    for title in ("score", "words", "meaning"):
        table.add_column(title, justify="right")
    table.add_column("file")
    table.add_column("passage", overflow="fold")
    for hit in found.hits:
        if hit.passage_id in passages and hit.file_id in files:
            text = " ".join(passages[hit.passage_id].text.split())
            why = hit.explanation
            table.add_row(
                f"{hit.score:.2f}",
                f"{why.words:.2f}",
                f"{why.meaning:.2f}",
                Text(files[hit.file_id].name),
                Text(text[:300]),
            )
    return table
