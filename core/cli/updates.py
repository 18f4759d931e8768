"""`plugram updates`: what happened about them (list, show), and those that handlers failed at
(aside, retry)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer

from core import config
from core.cli import recordings, terminal
from core.cli.database import with_database
from core.cli.parts import AsJson
from core.cli.terminal import FAILED
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.db.database import Database
    from core.telegram.inbox import Inbox

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]


Outcome = Annotated[
    list[str] | None,
    typer.Option("--outcome", help="Only those that ended so: done, failed, 'set aside', …."),
]


@app.command("list")
def list_(
    chat: Annotated[
        int | None, typer.Option(help="Only of this chat or person, by Telegram's id.")
    ] = None,
    outcome: Outcome = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the updates that were recorded, the latest first: a line for each try."""
    from core.telegram import recorder

    if unknown := set(outcome or ()) - set(recorder.OUTCOMES):
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))}: outcomes are {', '.join(recorder.OUTCOMES)}"
        )

    async def run(database: Database) -> list[dict[str, Any]]:
        bot = await bot_of(database)
        found = await recorder.find(database, bot, chat=chat, outcomes=outcome or (), limit=limit)
        return [recordings.summary(one) for one in found]

    rows = with_database(run)
    if as_json:
        terminal.put_json(rows)
    elif rows:
        terminal.put_table([*rows[0]], [tuple(row.values()) for row in rows])
    else:
        terminal.say("Nothing is recorded of that.")


@app.command()
def show(
    which: Annotated[
        list[str], typer.Argument(metavar="UPDATE...", help="Ids of updates, or of traces.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show what happened about updates: which plugins saw them, the calls to Telegram, the jobs."""
    updates, traces = recordings.named(which)

    async def run(database: Database) -> list[recordings.Flight]:
        bot = await bot_of(database)
        return await recordings.flights(database, bot, updates, traces)

    found = with_database(run)
    if as_json:
        terminal.put_json([one.as_json() for one in found])
    else:
        for one in found:
            recordings.put(one)
    missing = recordings.missing(updates, traces, found)
    for name in missing:
        terminal.say(f"{name}: there is no such update or trace.", error=True)
    raise typer.Exit(FAILED if missing else 0)


@app.command("aside")
def aside(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the updates that were set aside, the latest first, and how many wait."""

    async def work(inbox: Inbox) -> tuple[list[dict[str, Any]], dict[str, int]]:
        return [_facts(row) for row in await inbox.set_aside(limit)], await inbox.counts()

    rows, counts = _with_inbox(work)
    if as_json:
        terminal.put_json({"counts": counts, "updates": rows})
        return
    if rows:
        columns = ["update", "kind", "chat", "tries", "received", "trace", "error"]
        terminal.put_table(columns, [tuple(row.values()) for row in rows])
    terminal.say(", ".join(f"{number} {what}" for what, number in counts.items()))
    if rows:
        terminal.say(f"What happened: plugram updates show {rows[0]['update']}")


@app.command()
def retry(
    update_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Updates.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that were set aside.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put updates at the end of their chats again, with all their tries. What they had sent
    before they failed may be sent again."""
    if not update_ids and not all_:
        raise typer.BadParameter("name updates, or --all")

    async def work(inbox: Inbox) -> tuple[int, list[int]]:
        wanted = list(update_ids or ())
        if all_:
            wanted += [row["update_id"] for row in reversed(await inbox.set_aside(10_000))]
        refused = [update for update in wanted if not await inbox.replay(update)]
        return len(wanted) - len(refused), refused

    number, refused = _with_inbox(work)
    if as_json:
        terminal.put_json({"retried": number, "refused": refused})
    else:
        terminal.say(f"{number} {'update' if number == 1 else 'updates'} will be tried again.")
        for update_id in refused:
            terminal.say(f"{update_id}: there is no such update among them.", error=True)
    raise typer.Exit(FAILED if refused else 0)


def _with_inbox(work: Callable[[Inbox], Awaitable[T]]) -> T:
    async def run(database: Database) -> T:
        from core.telegram.inbox import Inbox

        return await work(Inbox(database, await bot_of(database)))

    return with_database(run)


async def bot_of(database: Database) -> int:
    """The bot of the settings; without a token the one that there are updates of."""
    token = config.load().bot.token
    if token is not None:
        return int(token.get_secret_value().partition(":")[0])
    rows = await database.fetch("SELECT DISTINCT bot_id FROM core_inbox ORDER BY bot_id")
    found = [int(row["bot_id"]) for row in rows]
    if len(found) > 1:
        bots = ", ".join(map(str, found))
        raise ConfigError([f"there are updates of several bots: {bots}"], hint="set BOT_TOKEN")
    return found[0] if found else 0


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    """Of a row, without what people wrote."""
    from core.telegram.inbox import kind_of

    update = orjson.loads(row["payload"])
    kind = kind_of(update)
    event = update.get(kind) or {}
    chat = event.get("chat") or (event.get("message") or {}).get("chat") or {}
    received = datetime.fromtimestamp(row["received_at"], UTC).astimezone()
    return {
        "update": row["update_id"],
        "kind": kind,
        "chat": chat.get("id", ""),
        "tries": row["attempts"],
        "received": received.strftime("%Y-%m-%d %H:%M:%S"),
        "trace": row["trace_id"] or "",
        "error": row["error"] or "",
    }
