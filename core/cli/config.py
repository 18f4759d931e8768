"""`plugram config`: check, explain, show, schema."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from core import config, log
from core.cli import terminal
from core.cli.parts import AsJson, load_modules, section_problems
from core.cli.terminal import USAGE
from core.config import Settings
from core.errors import ConfigError, PlugramError
from core.sources import nearest

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Report everything that is wrong with the settings; exit status 2 if something is."""
    reading = config.read()
    settings = reading.settings
    problems = [*reading.problems, *config.required(settings), *section_problems(settings)]
    if as_json:
        terminal.put_json(
            {
                "ok": not problems,
                "environment": settings.environment,
                "problems": [log.redact(problem) for problem in problems],
                "warnings": [log.redact(warning) for warning in settings.unused],
            }
        )
    else:
        if problems:
            terminal.put_problems(problems)
        for warning in settings.unused:
            terminal.put_warning(warning)
        if not problems:
            terminal.say(f"The settings are fine (environment {settings.environment}).")
    raise typer.Exit(USAGE if problems else 0)


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="A setting, `jobs.slots`, or a table, `jobs`.")],
    as_json: AsJson = False,
) -> None:
    """Tell a setting's value, where it came from, and what it means."""
    reading = config.read()
    key = _as_key(key)
    found = [fact for fact in _facts(reading.settings, key) if _is_below(fact["key"], key)]
    if not found:
        known = [fact["key"] for fact in _facts(reading.settings, "")]
        terminal.say(f"{key} is not a setting{nearest(key, known)}", error=True)
        raise typer.Exit(USAGE)
    if as_json:
        terminal.put_json(found[0] if found[0]["key"] == key else found)
        return
    for number, fact in enumerate(found):
        if number:
            terminal.say()
        terminal.put_fields(
            {
                fact["key"]: fact["value"] if fact["value"] != "" else "(empty)",
                "from": fact["from"],
                "what": fact["help"],
                "type": ", ".join(filter(None, (fact["type"], fact["limits"]))),
                "default": fact["default"],
                "variables": ", ".join(fact["variables"]),
            }
        )
    for problem in reading.problems:
        terminal.put_warning(problem)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show all settings in effect and where each came from; secrets are masked."""
    facts = _facts(config.read().settings, "")
    if as_json:
        terminal.put_json(
            {fact["key"]: {"value": fact["value"], "from": fact["from"]} for fact in facts}
        )
        return
    rows = [(fact["key"], fact["value"], fact["from"]) for fact in facts]
    terminal.put_table(["key", "value", "from"], rows, styles={"from": "dim"})


@app.command()
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="Print it, which is the default.")] = True,
    write: Annotated[
        bool, typer.Option("--write", help="Write it where editors look for it.")
    ] = False,
) -> None:
    """The JSON schema of settings.toml, with the settings of the plugins that are on."""
    from core import reference

    settings = config.read().settings
    found = reference.json_schema(_models(settings))
    if write:
        terminal.say(f"Written: {reference.write_schema(settings.root, found)}")
    elif as_json:
        terminal.put_json(found)


# -- facts --------------------------------------------------------------------------------------


def _as_key(text: str) -> str:
    """`PLUGRAM_JOBS__SLOTS` and `BOT_TOKEN` name settings too."""
    from core.sources import PREFIX, alias_names

    if text.isupper():
        if keys := alias_names()[0].get(text):
            return keys[0]
        return text.removeprefix(PREFIX).lower().replace("__", ".")
    return text.strip(".")


def _is_below(key: str, table: str) -> bool:
    return key == table or key.startswith(f"{table}.")


def _facts(settings: Settings, wanted: str) -> list[dict[str, Any]]:
    """Everything there is to tell of each setting, values as texts and masked."""
    from core import reference

    facts = [
        _fact(settings, option, _value(settings, option.key))
        for option in reference.options(Settings)
        if option.key not in ("features", "roles")
    ]
    for table in ("features", "roles"):
        for name, value in getattr(settings, table).items():
            fact = _bare_fact(settings, f"{table}.{name}", value)
            if table == "features":
                fact |= {"type": "true, false or for whom", "help": _for_whom(name, value)}
            facts.append(fact)
    if not wanted or _is_below(wanted, "plugins"):
        facts += _plugin_facts(settings)
    return facts


def _for_whom(plugin_id: str, said: Any) -> str:
    if isinstance(said, bool):
        return "On for everybody." if said else "Off: not loaded."
    from core.flags import Flags

    whom = Flags({plugin_id: said}).describe(plugin_id)
    return f"Loaded, and on for {whom}; plugram flags tells who has it."


def _plugin_facts(settings: Settings) -> list[dict[str, Any]]:
    from core import reference
    from core.sources import leaves

    facts, told = [], set()
    for plugin_id, model in _models(settings).items():
        if model is None:
            continue
        try:
            section: BaseModel | None = settings.section(plugin_id, model)
        except ConfigError:
            section = None
        for option in reference.options(model, f"plugins.{plugin_id}."):
            name = option.key.removeprefix(f"plugins.{plugin_id}.")
            facts.append(_fact(settings, option, _value(section, name)))
            told.add(option.key)
    for key, value in leaves(settings.plugins.sections, "plugins."):
        if key not in told:
            facts.append(_bare_fact(settings, key, value))
    return facts


def _models(settings: Settings) -> Mapping[str, type[BaseModel] | None]:
    """The settings models of the plugins that are on and can be imported."""
    from core.host.loader import Loader

    loader = Loader(settings)
    # `config check` tells what is wrong; what could be imported is in the report.
    with suppress(PlugramError):
        load_modules(loader)
    return {plugin.id: plugin.settings_model for plugin in loader.report.plugins}


def _value(model: BaseModel | None, key: str) -> Any:
    value: Any = model
    for name in key.split("."):
        value = getattr(value, name, None)
    return value


def _fact(settings: Settings, option: Any, value: Any) -> dict[str, Any]:
    origin = settings.origins.get(option.key)
    return {
        "key": option.key,
        "value": _shown(option.key, value),
        "from": _source(origin),
        "type": option.type,
        "default": "" if option.default is None else _shown(option.key, option.default),
        "limits": option.limits,
        "help": option.help,
        "variables": list(option.variables),
    }


def _bare_fact(settings: Settings, key: str, value: Any) -> dict[str, Any]:
    return {
        "key": key,
        "value": _shown(key, value),
        "from": _source(config.origin_of(settings, key)),
        **dict.fromkeys(("type", "default", "limits", "help"), ""),
        "variables": [f"PLUGRAM_{key.upper().replace('.', '__')}"],
    }


def _source(origin: config.Origin | None) -> str:
    if origin is None:
        return "default"
    return f"variable {origin}" if origin.kind == "env" else str(origin)


def _shown(key: str, value: Any) -> str:
    """As settings.toml would say it, secrets masked."""
    from core.reference import toml_value

    if isinstance(value, SecretStr) or log.is_secret_name(key.rpartition(".")[2]):
        return log.MASK if value and str(value) else ""
    text = toml_value(value) if value is not None else ""
    return log.redact(text if isinstance(value, list | tuple | dict) else text.strip('"'))
