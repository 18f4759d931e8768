"""`plugram plugins`: list, info, check, enable, disable.

All but `check` read manifests and settings alone, so they work when a plugin is broken.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from core import config
from core.cli import terminal
from core.cli.parts import AsJson, load_modules
from core.cli.terminal import FAILED
from core.config import Settings
from core.errors import ConfigError, PluginError, PlugramError
from core.host.discovery import Candidate
from core.host.loader import Inspection, Loader
from core.host.ordering import is_on
from core.sources import Origin, nearest

app = typer.Typer(no_args_is_help=True)

PluginId = Annotated[str, typer.Argument(metavar="ID", help="Id of a plugin.")]


@app.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """List all plugins that were found, and whether they are on."""
    inspections = _inspect_all(config.read().settings)
    if as_json:
        terminal.put_json([_as_dict(inspection) for inspection in inspections])
        return
    rows = [
        (
            inspection.candidate.id,
            _version(inspection.candidate),
            inspection.state,
            inspection.candidate.source,
            inspection.reason or _summary(inspection.candidate),
        )
        for inspection in inspections
    ]
    terminal.put_table(["plugin", "version", "state", "from", "what"], rows)


@app.command()
def info(plugin_id: PluginId, as_json: AsJson = False) -> None:
    """Tell all about a plugin that can be known without importing it."""
    settings = config.read().settings
    for inspection in _inspect_all(settings):
        if inspection.candidate.id == plugin_id:
            facts = _as_dict(inspection)
            break
    else:
        raise _unknown(plugin_id, settings)
    if as_json:
        terminal.put_json(facts)
        return
    terminal.put_fields({name: _flat(value) for name, value in facts.items()})


@app.command()
def check(
    plugin_id: Annotated[
        str, typer.Argument(metavar="[ID]", help="Id of a plugin; all that are on by default.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Import plugins as the bot would, and tell what keeps them from working."""
    settings = config.read().settings
    if plugin_id and plugin_id not in _ids(settings):
        raise _unknown(plugin_id, settings)
    faults = {
        name: reasons for name, reasons in _faults(settings).items() if plugin_id in ("", name)
    }
    if as_json:
        terminal.put_json(faults)
    else:
        rows = [
            (name, "broken" if reasons else "ok", "; ".join(reasons))
            for name, reasons in faults.items()
        ]
        terminal.put_table(["plugin", "state", "why"], rows)
    raise typer.Exit(FAILED if any(faults.values()) else 0)


@app.command()
def enable(plugin_id: PluginId) -> None:
    """Switch a plugin on in settings.toml; the bot takes it up at its next start."""
    _switch(plugin_id, on=True)


@app.command()
def disable(plugin_id: PluginId) -> None:
    """Switch a plugin off in settings.toml; its data stays."""
    _switch(plugin_id, on=False)


# -- what is known ------------------------------------------------------------------------------


def _inspect_all(settings: Settings) -> list[Inspection]:
    loader = Loader(settings)
    return [loader.inspect(candidate) for candidate in loader.discover()]


def _ids(settings: Settings) -> set[str]:
    return {candidate.id for candidate in Loader(settings).discover()}


def _unknown(plugin_id: str, settings: Settings) -> typer.BadParameter:
    return typer.BadParameter(
        f"there is no plugin {plugin_id!r}{nearest(plugin_id, _ids(settings))}"
    )


def _version(candidate: Candidate) -> str:
    return candidate.manifest.version if candidate.manifest else ""


def _summary(candidate: Candidate) -> str:
    return candidate.manifest.summary if candidate.manifest else candidate.error


def _as_dict(inspection: Inspection) -> dict[str, Any]:
    candidate, manifest = inspection.candidate, inspection.candidate.manifest
    facts: dict[str, Any] = {
        "id": candidate.id,
        "state": inspection.state,
        "reason": inspection.reason,
        "source": candidate.source,
        "folder": str(candidate.root),
        "tables": list(inspection.tables),
    }
    return facts | (manifest.model_dump(mode="json", exclude={"id"}) if manifest else {})


def _flat(value: Any) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(item)}" for name, item in value.items() if item)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _faults(settings: Settings) -> dict[str, list[str]]:
    """Id → what is wrong, for all plugins that are on: manifest, needs, import, settings, hooks,
    and what the hooks declare, handlers too."""
    loader = Loader(settings)
    on = [one.id for one in loader.discover() if is_on(one, settings, safe_mode=False)]
    faults: dict[str, list[str]] = {plugin_id: [] for plugin_id in on}
    try:
        load_modules(loader)
        loader = _registered(settings)
    except ConfigError as error:
        for problem in error.problems:
            for plugin_id in on:
                if f"plugins.{plugin_id}." in problem:
                    faults[plugin_id].append(problem)
    except PluginError as error:  # a plugin without which the bot doesn't start
        faults["required"] = [error.message]
    for quarantine in loader.report.quarantined:
        faults.setdefault(quarantine.id, []).append(quarantine.reason)
    return faults


def _registered(settings: Settings) -> Loader:
    """The loader of an app that is built as for a bot and never opened."""
    from core import aio
    from core import app as composition

    with redirect_stdout(sys.stderr):
        loader = composition.build(settings, role="bot").loader
        aio.load()
        loader.routers()
    return loader


# -- switching ----------------------------------------------------------------------------------


def _switch(plugin_id: str, *, on: bool) -> None:
    settings = config.read().settings
    if plugin_id not in _ids(settings):
        raise _unknown(plugin_id, settings)
    path = settings.root / "settings.toml"
    key = f"features.{plugin_id}"
    write_feature(path, _table_of(settings.origins.get(key), settings), plugin_id, on=on)
    after = config.read().settings
    word = "on" if on else "off"
    if after.features.get(plugin_id, True) is not on:
        origin = after.origins[key]
        raise PlugramError(
            f"{path.name} now switches {plugin_id} {word}, but {origin} says otherwise",
            hint=f"take {key} out of {origin.name}",
        )
    terminal.say(f"{plugin_id} is {word} from the next start on ({path}).")
    for inspection in _inspect_all(after):
        if inspection.state == "quarantined":
            terminal.put_warning(f"{inspection.candidate.id}: {inspection.reason}")


def _table_of(origin: Origin | None, settings: Settings) -> str:
    """The environment whose table of the file decides now; [default] if none does."""
    if origin is None or origin.name != "settings.toml" or origin.line is None:
        return "default"
    lines = (settings.root / "settings.toml").read_text(encoding="utf-8").splitlines()
    headers = [line.strip() for line in lines[: origin.line] if line.lstrip().startswith("[")]
    return headers[-1].strip("[] ").partition(".")[0] if headers else "default"


def write_feature(path: Path, environment: str, plugin_id: str, *, on: bool) -> None:
    """Sets `<environment>.features.<id>` in a TOML file, leaving the rest of it as it is.

    The file is replaced in one step. Raises ConfigError if it isn't TOML.
    """
    import tomlkit
    from tomlkit.exceptions import ParseError

    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        raise ConfigError([f"{path.name}: not valid TOML: {error}"]) from None
    table: Any = document
    for name in (environment, "features"):
        if name not in table:
            table[name] = tomlkit.table(is_super_table=name == environment)
        table = table[name]
    table[plugin_id] = on
    _replace(path, tomlkit.dumps(document))


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    new = Path(temporary)
    new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
    new.replace(path)
