"""`plugram keys`: new, list, rotate, retire, lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from core import config, keys
from core.cli import terminal
from core.cli.database import opened
from core.cli.parts import AsJson
from core.cli.terminal import FAILED
from core.errors import PlugramError
from core.secrets import Key, Keyring, keyring

if TYPE_CHECKING:
    from core.db.database import Database
    from core.keys import Sealed

T = TypeVar("T")
Work = Callable[["Database", "Sequence[Sealed]", Keyring], Awaitable[T]]

app = typer.Typer(no_args_is_help=True)


@app.command()
def new() -> None:
    """Print a new key, for PLUGRAM_ENCRYPTION_KEY or the file that PLUGRAM_ENCRYPTION_KEY_FILE
    names. Nothing else is done with it."""
    # Past the redaction: showing it is the point.
    typer.echo(Key.new().text)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The keys by their ids, and how much each encrypts in the database."""

    async def work(
        db: Database, columns: Sequence[Sealed], ring: Keyring
    ) -> list[dict[str, object]]:
        counts = await keys.usage(db, columns)
        here = [key.id for key in ring.keys]
        return [
            {"id": key, "values": counts[key], "state": _state(key, here)}
            for key in dict.fromkeys([*here, *sorted(counts)])
        ]

    found = _with_keys(work)
    if as_json:
        terminal.put_json(found)
    elif found:
        terminal.put_table(["key", "values", ""], [tuple(row.values()) for row in found])
    else:
        terminal.say("There are no keys yet: one is made when the first secret is kept.")


def _state(key: str, here: Sequence[str]) -> str:
    if key not in here:
        return "missing"
    return "encrypts" if key == here[0] else "decrypts"


@app.command()
def rotate(as_json: AsJson = False) -> None:
    """Bring all that is encrypted under a new key, beside running bots. Where the keys are
    settings, the new one is the first of them; else one is made. Cut short, run it again."""

    async def work(db: Database, columns: Sequence[Sealed], ring: Keyring) -> dict[str, object]:
        if ring.origin == "file" and ring.keys and not await _is_under_way(db, columns, ring):
            ring.add_key()
        with terminal.progress("Encrypting anew", quiet=as_json) as report:
            done = await keys.rotate(db, columns, ring, report)
        used = await keys.usage(db, columns)
        idle = [key.id for key in ring.keys[1:] if not used[key.id]]
        return {"values": done.done, "unread": done.unread, "unused": idle, "origin": ring.origin}

    done = _with_keys(work)
    if as_json:
        terminal.put_json(done)
    else:
        _tell_rotated(done)
    raise typer.Exit(FAILED if done["unread"] else 0)


async def _is_under_way(db: Database, columns: Sequence[Sealed], ring: Keyring) -> bool:
    """A rotation that was cut short: its key is there, and something waits for it."""
    used = await keys.usage(db, columns)
    return len(ring.keys) > 1 and any(used[key.id] for key in ring.keys[1:])


def _tell_rotated(done: dict[str, object]) -> None:
    terminal.say(f"{done['values']} values are under the first key now.")
    if done["unread"]:
        terminal.say(
            f"{done['unread']} can't be read: plugram keys list says which key is missing."
        )
    unused = done["unused"]
    if isinstance(unused, list) and unused:
        ids = ", ".join(unused)
        way = "plugram keys retire" if done["origin"] == "file" else "take it out of the settings"
        terminal.say(f"Nothing needs key {ids} any more. Once every bot and worker runs on: {way}.")


@app.command()
def retire() -> None:
    """Take the keys out of the key file that nothing in the database needs any more. Backups from
    before may need them: keep a copy as long as those."""

    async def work(db: Database, columns: Sequence[Sealed], ring: Keyring) -> list[str]:
        used = await keys.usage(db, columns)
        idle = [key.id for key in ring.keys[1:] if not used[key.id]]
        if idle:
            ring.remove_keys(idle)
        return idle

    gone = _with_keys(work)
    terminal.say(f"Removed: {', '.join(gone)}" if gone else "Every key is needed.")


@app.command()
def lost(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Give up what a lost key encrypts: the values are emptied, and have to be entered anew."""

    async def work(db: Database, columns: Sequence[Sealed], ring: Keyring) -> int:
        if any(key.id == key_id for key in ring.keys):
            raise typer.BadParameter(f"key {key_id} isn't lost: it is among those of this bot")
        number = (await keys.usage(db, columns))[key_id]
        if not number:
            raise PlugramError(
                f"nothing is encrypted with a key {key_id}", hint="plugram keys list"
            )
        if not yes:
            typer.confirm(f"Empty {number} values that only key {key_id} can read?", abort=True)
        return await keys.give_up(db, columns, key_id)

    terminal.say(f"{_with_keys(work)} values given up.")


def _with_keys(work: Work[T]) -> T:
    """Runs `work` with the database, the columns of encrypted values and the keys."""

    async def run() -> T:
        settings = config.load()
        async with opened(settings, plugins=True) as database:
            return await work(database, await keys.sealed(database), keyring(settings))

    return asyncio.run(run())
