"""`plugram replay`: what today's code would call about updates of the past."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import config, log
from core.cli import recordings, terminal
from core.cli.database import PATIENCE
from core.cli.terminal import FAILED, OK
from core.errors import PlugramError

if TYPE_CHECKING:
    from core.cli.recordings import Flight
    from core.config import Settings
    from core.db.database import Database
    from core.telegram.replay import Difference, Replay

_LARGE = 64 << 20
"""Bytes of a database whose copy takes long enough to show how far it is."""
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def replay_updates(which: Sequence[str], *, set_aside: bool, as_json: bool) -> int:
    """Replays and reports; the exit status: 1 if anything differs, or isn't there."""
    settings = config.load()
    log.configure(config.LogSettings(level="error", format=settings.log.format))
    updates, traces = recordings.named(which)
    bot, flights = asyncio.run(_flights(settings, updates, traces, set_aside=set_aside))
    missing = recordings.missing(updates, traces, flights)
    for name in missing:
        terminal.say(f"{name}: there is no such update or trace.", error=True)
    there = [one for one in flights if one.update is not None]
    for flight in flights:
        if flight.update is None:
            missing.append(str(flight.update_id))
            text = "what was in it is forgotten; [intake] keep says when"
            terminal.say(f"{flight.update_id}: {text}.", error=True)
    found = _replayed(settings, bot, there) if there else []
    if as_json:
        terminal.put_json([_as_json(one) for one in found])
    else:
        for one in found:
            _put(one)
        if found:
            terminal.say("What the database holds is today's, and may be why an answer differs.")
    return FAILED if missing or any(one.differences for one in found) else OK


async def _flights(
    settings: Settings, updates: list[int], traces: list[str], *, set_aside: bool
) -> tuple[int, list[Flight]]:
    from core.cli.updates import bot_of
    from core.telegram.inbox import Inbox

    async with _read_only(settings) as database:
        bot = await bot_of(database)
        if set_aside:
            rows = await Inbox(database, bot).set_aside(10_000)
            updates += [row["update_id"] for row in reversed(rows)]
        return bot, await recordings.flights(database, bot, updates, traces)


@asynccontextmanager
async def _read_only(settings: Settings) -> AsyncIterator[Database]:
    """The deployment's database, as it is: beside a live bot this code migrates nothing."""
    from core.db import database as db
    from core.db import migrate

    database = db.build(settings)
    await database.connect(patience=PATIENCE)
    try:
        await migrate.check(database)
        yield database
    finally:
        await database.close()


def _replayed(settings: Settings, bot: int, flights: Sequence[Flight]) -> list[Replay]:
    from core import app as composition

    async def run(sealed: Settings, folder: Path) -> list[Replay]:
        async with composition.replaying(sealed, folder) as replayer:
            return [
                await replayer.run(
                    one.update or {},
                    one.tries[-1] if one.tries else None,
                    one.received_at or 0.0,
                )
                for one in flights
            ]

    with tempfile.TemporaryDirectory(prefix="plugram-replay-") as name:
        folder = Path(name)
        overrides = {
            "redis.url": "",
            "web.enabled": False,
            "jobs.in_process": "never",
            "hooks.breaker_failures": 1000,  # one replay's failures aren't the next one's
            **_copied(settings, folder),
        }
        if settings.bot.token is None:
            overrides["bot.token"] = f"{bot}:{'x' * 35}"
        sealed = config.load(overrides=overrides)
        with _quiet():
            return asyncio.run(run(sealed, folder))


def _copied(settings: Settings, folder: Path) -> dict[str, Any]:
    """On SQLite a copy of the database, as a setting. Raises PlugramError if there is no room."""
    import shutil

    from core.db import sealed
    from core.db.database import sqlite_path

    secret = settings.database.url
    url = str(getattr(secret, "get_secret_value", lambda: secret)() or "")
    if url.startswith("postgres"):
        return {}
    source, target = sqlite_path(url, settings.data_dir), folder / "plugram.db"
    size, free = source.stat().st_size, shutil.disk_usage(folder).free
    if size > free:
        raise PlugramError(
            f"A replay needs a copy of {source}: {size >> 20} MB, and {folder.parent} has"
            f" {free >> 20} MB free",
            hint="set TMPDIR to a folder with more room",
        )
    if size < _LARGE:
        sealed.copy(source, target)
    else:
        from rich.progress import Progress

        with Progress(console=terminal.console(error=True), transient=True) as bar:
            task = bar.add_task("Copying the database")
            sealed.copy(
                source, target, lambda done, all_: bar.update(task, completed=done, total=all_)
            )
    return {"database.url": f"sqlite:///{target}"}


@contextmanager
def _quiet() -> Iterator[None]:
    """What plugins print doesn't get among the output."""
    import sys

    with redirect_stdout(sys.stderr):
        yield


# -- showing --------------------------------------------------------------------------------------


def _as_json(one: Replay) -> dict[str, Any]:
    return {
        "update": one.update_id,
        "then": one.outcome_then,
        "now": one.outcome_now,
        "differences": [asdict(difference) for difference in one.differences],
        "notes": one.notes,
        "calls": one.now.get("calls", []),
        "jobs": one.now.get("jobs", []),
        "error": one.now.get("error", ""),
    }


def _put(one: Replay) -> None:
    out = terminal.console()
    number = len(one.differences)
    if one.then is None:
        verdict = f"{one.outcome_now}, with these calls:"
    elif number:
        verdict = f"{number} {'difference' if number == 1 else 'differences'}"
    else:
        calls = len(one.now.get("calls", ()))
        verdict = f"the same, {calls} {'call' if calls == 1 else 'calls'}"
    style = "bold yellow" if number else "bold green"
    out.print(_text(f"Update {one.update_id}: {verdict}", style))
    if one.then is None:
        for call in one.now.get("calls", ()):
            out.print(_text(f"  → {recordings.told(call)}"))
    for difference in one.differences:
        for line, style in _lines(difference):
            out.print(_text(f"  {line}", style))
    if "error" in one.now:
        for where in [f"now: {one.now['error']}", *one.now.get("where", ())]:
            out.print(_text(f"  {where}", "red"))
    for note in one.notes:
        out.print(_text(f"  note: {note}", "dim"))


def _lines(difference: Difference) -> Iterator[tuple[str, str]]:
    from core.telegram.replay import lines

    sign, style = _SIGNS[difference.kind]
    shown = difference.now or difference.then
    if difference.kind != "changed":
        yield f"{sign} {difference.what} {_shown(difference, shown or {})}", style
        return
    chat = (shown or {}).get("chat")
    to = f" to {chat}" if chat is not None else ""
    yield f"{sign} {difference.what} {difference.name}{to}", style
    for name, (then, now) in difference.changes.items():
        yield f"    {name}:", ""
        for line in lines(then, now):
            mark = {"-": "red", "+": "green"}.get(line[:1], "dim")
            yield f"      {line}", mark


def _shown(difference: Difference, essence: Mapping[str, Any]) -> str:
    if difference.what == "job":
        return f"{essence['method']} {recordings.short(essence['args'])}"
    return recordings.told({**essence, "params": essence["params"]}, answer=False)


def _text(text: str, style: str = "") -> Any:
    return recordings.plain(text, style)
