"""`plugram plugins`: list, info, check, new, enable, disable.

All but `check` read manifests and settings alone, so they work when a plugin is broken.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import config
from core.cli import terminal
from core.cli.parts import AsJson
from core.cli.terminal import FAILED
from core.config import Settings
from core.errors import ConfigError, PlugramError
from core.host.discovery import Candidate
from core.host.loader import Inspection, Loader
from core.sources import Origin, nearest

if TYPE_CHECKING:
    from core.cli.inspection import Finding

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
            _state(inspection),
            inspection.candidate.source,
            inspection.reason or _summary(inspection.candidate),
        )
        for inspection in inspections
    ]
    terminal.put_table(["plugin", "version", "state", "from", "what"], rows)
    terminal.say("on: switched on, and its manifest fits. Nothing was imported;")
    terminal.say("plugram plugins check tries each as the bot would.")


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
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID|PATH",
            help="Id of a plugin, or a project, folder or file that needn't be installed;"
            " all that are on by default.",
        ),
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="What is missing to publish it counts as a fault.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import plugins as the bot would, and tell what keeps them from working or being published."""
    findings = _examined(what)
    if as_json:
        terminal.put_json(
            {one.candidate.id: {"faults": one.faults, "lacks": one.lacks} for one in findings}
        )
    elif what:
        for finding in findings:
            _put_finding(finding)
    else:
        rows = [
            (one.candidate.id, one.state, "; ".join(one.faults) or _lacking(one))
            for one in findings
        ]
        terminal.put_table(["plugin", "state", "why"], rows)
    bad = any(one.faults or (strict and one.lacks) for one in findings)
    raise typer.Exit(FAILED if bad else 0)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its id: birthdays, to_do.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where to write it.")] = Path(),
    one_file: Annotated[
        bool, typer.Option("--one-file", help="A single file of 25 lines.")
    ] = False,
) -> None:
    """Write a new plugin, with tests that pass."""
    from core.cli.scaffold import write

    home = write(name, folder, one_file=one_file)
    terminal.say(f"Written: {home}")
    if one_file:
        terminal.say(f"Try its test:    pytest {home.with_name(f'test_{home.name}')}")
        terminal.say(
            f"Try it yourself: add {json.dumps(str(home))} to [plugins] paths in"
            " settings.toml, then plugram dev"
        )
    else:
        terminal.say(f"Install it:    pip install -e {home}")
        terminal.say(f"Try its tests: pytest {home}")


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


def _state(inspection: Inspection) -> str:
    return f"on for {inspection.whom}" if inspection.whom else inspection.state


def _summary(candidate: Candidate) -> str:
    return candidate.manifest.summary if candidate.manifest else candidate.error


def _as_dict(inspection: Inspection) -> dict[str, Any]:
    candidate, manifest = inspection.candidate, inspection.candidate.manifest
    facts: dict[str, Any] = {
        "id": candidate.id,
        "state": inspection.state,
        "for": inspection.whom,
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


def _examined(what: str) -> list[Finding]:
    from core.cli import inspection

    if _is_path(what):
        return inspection.at(Path(what))
    settings = config.read().settings
    if not what:
        return inspection.deployment(settings)
    if what not in _ids(settings):
        raise _unknown(what, settings)
    return [inspection.one(what, settings)]


def _lacking(finding: Finding) -> str:
    if not finding.lacks:
        return ""
    number = len(finding.lacks)
    return f"to publish it {number} {'thing is' if number == 1 else 'things are'} missing"


def _is_path(what: str) -> bool:
    """`.`, `./notes`, `notes.py`; a bare word is an id, be there a folder of that name or not."""
    return what in {".", ".."} or what.endswith(".py") or any(mark in what for mark in "/\\")


def _put_finding(finding: Finding) -> None:
    """One plugin, line by line."""
    candidate = finding.candidate
    terminal.say(f"{candidate.id} {_version(candidate)}".rstrip() + f"  ({candidate.root})")
    if not finding.faults:
        terminal.say(f"  ✓ works: {finding.brings or 'brings nothing'}")
    for fault in finding.faults:
        terminal.say(f"  ✗ {fault}")
    for lack in finding.lacks:
        terminal.say(f"  ○ to publish it: {lack}")
    if finding.state == "ok":
        terminal.say("  ✓ ready to be published: README, settings and languages are complete")


# -- switching ----------------------------------------------------------------------------------


def _switch(plugin_id: str, *, on: bool) -> None:
    settings = config.read().settings
    if plugin_id not in _ids(settings):
        raise _unknown(plugin_id, settings)
    path = settings.root / "settings.toml"
    key = f"features.{plugin_id}"
    write_feature(path, _table_of(config.origin_of(settings, key), settings), plugin_id, on=on)
    after = config.read().settings
    word = "on" if on else "off"
    if after.features.get(plugin_id, True) is not on and (origin := config.origin_of(after, key)):
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
