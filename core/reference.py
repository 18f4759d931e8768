"""What is written from the settings' fields: the defaults file, the docs' tables, the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.config import Settings
from core.sources import ENVIRONMENTS, PREFIX, alias_names
from core.validation import bare_type, fields

SCHEMA = Path(".cache/settings.schema.json")
"""Where editors find the schema, below the root: settings.toml names it."""


@dataclass(frozen=True, slots=True)
class Option:
    """A setting as its field declares it."""

    key: str
    type: str
    default: Any
    limits: str
    help: str
    secret: bool
    variables: tuple[str, ...]
    """Names of environment variables that set it."""


def options(model: type[BaseModel], prefix: str = "") -> Iterator[Option]:
    """The settings of a model: `options(Settings)`, or a plugin's with `plugins.<id>.` before."""
    aliases: dict[str, list[str]] = {}
    for name, keys in alias_names()[0].items():
        for key in keys:
            aliases.setdefault(key, []).append(name)
    for name, field in fields(model):
        key = prefix + name
        if key == "plugins.sections":
            continue
        variable = PREFIX + key.upper().replace(".", "__")
        yield Option(
            key=key,
            type=_type_name(field),
            default=_default(field),
            limits=_limits(field),
            help=field.description or "",
            secret=bare_type(field.annotation)[0] is SecretStr,
            variables=(variable, *aliases.get(key, ())),
        )


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else value


_NAMES = {int: "whole number", float: "number", bool: "true or false", str: "text", Path: "path"}
_PLURALS = {
    int: "whole numbers",
    float: "numbers",
    bool: "true or false",
    str: "texts",
    Path: "paths",
}


def _type_name(field: FieldInfo) -> str:
    annotation, _ = bare_type(field.annotation)
    if annotation is SecretStr:
        return "secret"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{arg}`" for arg in args)
    if origin in (tuple, list, set, frozenset):
        return f"list of {_PLURALS.get(_item(args[0]), 'values')}"
    if origin is dict:
        return f"table of {_PLURALS.get(_item(args[1]), 'values')}"
    return _NAMES.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _item(annotation: Any) -> Any:
    """The type of an item without its limits: `Annotated[int, Field(gt=0)]` → int."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _limits(field: FieldInfo) -> str:
    found = {}
    for rule in field.metadata:
        for name in ("gt", "ge", "lt", "le", "pattern", "min_length", "max_length"):
            if (value := getattr(rule, name, None)) is not None:
                found[name] = value
    low = f"> {found['gt']:g}" if "gt" in found else f"≥ {found['ge']:g}" if "ge" in found else ""
    high = f"< {found['lt']:g}" if "lt" in found else f"≤ {found['le']:g}" if "le" in found else ""
    pattern = f"`{found['pattern']}`" if "pattern" in found else ""
    return ", ".join(part for part in (low, high, pattern) if part)


# -- documents ----------------------------------------------------------------------------------


def toml_value(value: Any) -> str:
    """A value as TOML spells it; None, which TOML doesn't have, as an empty text."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return json.dumps("" if value is None else str(value), ensure_ascii=False)


def default_toml() -> str:
    """The text of settings/default.toml."""
    lines = [
        "# Every core setting with its default, written from the fields in core/config.py.",
        "# Don't edit: a deployment's values belong in settings.toml.",
        "",
        "[default]",
    ]
    table = ""
    for option in sorted(options(Settings), key=lambda option: "." in option.key):
        home, _, name = option.key.rpartition(".")
        if home != table:
            table = home
            lines += ["", f"[default.{home}]"]
        assignment = f"{name} = {toml_value(option.default)}"
        lines.append(f"# {assignment}" if option.default is None else assignment)
    return "\n".join([*lines, ""])


def markdown(model: type[BaseModel] = Settings, prefix: str = "") -> str:
    """The table of settings for the docs."""
    rows = ["| key | type | default | limits | what |", "|---|---|---|---|---|"]
    for option in options(model, prefix):
        default = "" if option.default in (None, "") else f"`{toml_value(option.default)}`"
        limits = option.limits.replace("|", "\\|")
        rows.append(f"| `{option.key}` | {option.type} | {default} | {limits} | {option.help} |")
    return "\n".join([*rows, ""])


def markdown_aliases() -> str:
    """The table of older variable names for the docs."""
    names, hints = alias_names()
    rows = ["| variable | setting |", "|---|---|"]
    for name, keys in names.items():
        what = ", ".join(f"`{key}`" for key in keys) or f"none: {hints.get(name, '')}"
        rows.append(f"| `{name}` | {what} |")
    return "\n".join([*rows, ""])


def json_schema(models: Mapping[str, type[BaseModel] | None]) -> dict[str, Any]:
    """Schema of settings.toml: each environment holds the settings. `models` are the plugins'."""
    schema = Settings.model_json_schema()
    shapes = schema.pop("$defs", {})
    plugins = shapes["PluginsSettings"]
    plugins["properties"].pop("sections")
    plugins["additionalProperties"] = {"type": "object"}
    for plugin_id, model in models.items():
        plugins["properties"][plugin_id] = _plugin_schema(plugin_id, model, shapes)
    for table in ("features", "roles"):
        schema["properties"][table].pop("default", None)
    schema["properties"]["features"]["properties"] = {
        plugin_id: {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/Rollout"}]}
        for plugin_id in models
    }
    shapes["Settings"] = schema
    settings = {"$ref": "#/$defs/Settings"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "settings.toml of Plugram",
        "type": "object",
        "properties": dict.fromkeys(("default", *ENVIRONMENTS, "global"), settings),
        "additionalProperties": settings,
        "$defs": shapes,
    }


def _plugin_schema(
    plugin_id: str, model: type[BaseModel] | None, shapes: dict[str, Any]
) -> dict[str, Any]:
    own = model.model_json_schema() if model else {"type": "object", "properties": {}}
    # Two plugins may call a part of their settings the same.
    text = json.dumps(own).replace("#/$defs/", f"#/$defs/{plugin_id}.")
    own = json.loads(text)
    shapes |= {f"{plugin_id}.{name}": shape for name, shape in own.pop("$defs", {}).items()}
    own.setdefault("properties", {})["aliases"] = {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Commands renamed: old name → new name.",
    }
    return {**own, "additionalProperties": False}


def write_schema(root: Path, schema: Mapping[str, Any]) -> Path:
    """Writes the schema to where settings.toml says that it is; the path. Raises OSError."""
    path = root / SCHEMA
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, ensure_ascii=False), encoding="utf-8")
    return path
