"""`plugram flags`: for whom which features are on, as the settings say it. Imports no plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core import config
from core.cli import terminal
from core.cli.parts import AsJson
from core.flags import Flags, Verdict
from core.host.loader import Loader

if TYPE_CHECKING:
    from core.config import Settings

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_flags(as_json: AsJson = False) -> None:
    """List the features that are loaded, and for whom each is on."""
    settings = config.read().settings
    on, flags, quarantined = _loaded(settings)
    rows = [(one, flags.describe(one) or "everybody", _origin(settings, one)) for one in on]
    if as_json:
        terminal.put_json([dict(zip(("plugin", "for", "from"), row, strict=True)) for row in rows])
        return
    terminal.put_table(["plugin", "on for", "from"], rows)
    for plugin_id, reason in quarantined.items():
        terminal.put_warning(f"{plugin_id} is set aside: {reason}")


@app.command("for")
def for_user(
    user: Annotated[int, typer.Argument(metavar="USER", help="Telegram id of a person.")],
    chat: Annotated[
        int | None, typer.Option(help="Id of a chat; else the private one with them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what somebody has, and why."""
    settings = config.read().settings
    on, flags, quarantined = _loaded(settings)
    found = {one: flags.explain(one, user, user if chat is None else chat) for one in on}
    found |= {one: Verdict(False, f"set aside: {reason}") for one, reason in quarantined.items()}
    found |= {
        one: Verdict(False, f"off for everybody: {_origin(settings, one)}")
        for one in _off(settings)
    }
    if as_json:
        terminal.put_json(
            {one: {"on": verdict.on, "why": verdict.why} for one, verdict in found.items()}
        )
        return
    rows = [(one, "on" if said.on else "off", said.why) for one, said in found.items()]
    terminal.put_table(["plugin", "", "why"], rows)


def _loaded(settings: Settings) -> tuple[list[str], Flags, dict[str, str]]:
    """Ids of those that load, in load order; their flags; and why others are set aside."""
    loader = Loader(settings)
    lineup = loader.order(loader.discover())
    reasons = {one.id: one.reason for one in lineup.quarantined}
    return [candidate.id for candidate in lineup.order], loader.flags, reasons


def _off(settings: Settings) -> list[str]:
    loader = Loader(settings)
    return [candidate.id for candidate in loader.order(loader.discover()).disabled]


def _origin(settings: Settings, plugin_id: str) -> str:
    origin = config.origin_of(settings, f"features.{plugin_id}")
    return str(origin) if origin else "default"
