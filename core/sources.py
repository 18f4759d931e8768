"""Where settings come from: files, environment variables, `.env`, mounted secrets, and older names.

Everything is merged into one plain tree, with an origin for each value. Nothing is validated here
beyond what only the source can tell: a syntax error, a misspelt environment, a template that
Dynaconf would have evaluated. `core.config` does the rest.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import settings as files_of_ours
from core import log

PREFIX = "PLUGRAM_"
ROOT = files_of_ours.HERE.parent
"""The checkout: where settings.toml, .secrets.toml, .env and the data folder lie by default."""

ENVIRONMENTS = ("development", "staging", "production", "testing")
# Not settings: they say where and how settings are read. PLUGRAM_TEST_… belongs to test runs.
_SWITCHES = frozenset({"PLUGRAM_ENV", "PLUGRAM_ROOT", "PLUGRAM_PRESET"})

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from."""

    kind: Literal["file", "env", "override"]
    name: str
    """A path relative to the root, a variable, or who overrode it."""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


@dataclass(slots=True)
class Alias:
    """A variable under a name from before, whose settings belong to plugins."""

    name: str
    keys: Sequence[str]
    text: str
    origin: Origin
    hint: str = ""
    used: bool = False


@dataclass(slots=True)
class Sources:
    """All there is to validate."""

    root: Path
    environment: str
    preset: str = ""
    tree: Tree = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    """Of each leaf, by its dotted key; defaults have none."""
    texts: set[str] = field(default_factory=set)
    """Keys whose value is the text of a variable and still has to be read as its type."""
    aliases: list[Alias] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def put(self, key: str, value: Any, origin: Origin, *, text: bool = False) -> None:
        """Set one leaf, over whatever was there."""
        *folders, leaf = key.split(".")
        branch = self.tree
        for folder in folders:
            below = branch.get(folder)
            if not isinstance(below, dict):
                below = branch[folder] = {}
            branch = below
        branch[leaf] = value
        self.origins[key] = origin
        (self.texts.add if text else self.texts.discard)(key)


def gather(
    *,
    root: Path | None,
    env: Mapping[str, str] | None,
    environment: str | None,
    overrides: Mapping[str, Any],
) -> Sources:
    """Read every source. `env` stands in for the process's environment and `.env` alike."""
    variables = dict(os.environ if env is None else env)
    root = (root or Path(variables.get("PLUGRAM_ROOT") or ROOT)).resolve()
    names: dict[str, Origin] = {name: Origin("env", name) for name in variables}
    problems: list[str] = []
    if not root.is_dir():
        problems.append(f"PLUGRAM_ROOT: there is no folder {root}")
    if env is None:
        for name, value, line in _dotenv(root / ".env", problems):
            if name not in variables:
                variables[name], names[name] = value, Origin("file", ".env", line)
    variables = {name: value for name, value in variables.items() if value != ""}
    environment = environment or variables.get("PLUGRAM_ENV") or "production"
    sources = Sources(root, environment.lower(), problems=problems)
    _read_files(sources, variables)
    _read_variables(sources, variables, names)
    for key, value in overrides.items():
        sources.put(key, value, Origin("override", "this command"))
    sources.problems = list(dict.fromkeys(sources.problems))
    return sources


def nearest(name: str, among: Iterable[str]) -> str:
    """`; did you mean …?` or nothing."""
    close = difflib.get_close_matches(name, list(among), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


# -- files --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layer:
    """One file, read."""

    path: Path
    shown: str
    tables: Tree
    lines: Mapping[str, int]

    def origin(self, key: str) -> Origin:
        """Of a key, or of the closest thing around it that has a line."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return Origin("file", self.shown, self.lines.get(key))

    def chosen(self, environment: str) -> Iterator[tuple[str, Tree]]:
        """The tables that count, in the order in which they are applied."""
        for name in ("default", environment, "global"):
            table = self.tables.get(name)
            if isinstance(table, dict):
                yield name, table


def _read_files(sources: Sources, variables: Mapping[str, str]) -> None:
    deployment = [_layer(sources.root / "settings.toml", sources)]
    deployment.append(_local(deployment[0], sources))
    sources.preset = _preset(sources, variables, [layer for layer in deployment if layer])
    preset = files_of_ours.HERE / "presets" / f"{sources.preset}.toml"
    files = [
        _layer(files_of_ours.HERE / "default.toml", sources),
        _layer(preset, sources) if sources.preset else None,
        deployment[0],
        _layer(sources.root / ".secrets.toml", sources),
    ]
    layers = [layer for layer in files if layer]
    # Dynaconf finds these by itself, and reads them after all others. It would fail at a broken
    # one, so the file beside that is left out too.
    local = {layer.path: _local(layer, sources) for layer in layers}
    given = [layer for layer in layers if local[layer.path] or not _local_path(layer).exists()]
    layers = [*given, *(found for layer in given if (found := local[layer.path]))]
    _check_environments(sources, layers)
    for layer in layers:
        _refuse_templates(layer, sources)
    sources.tree = _merged(given, layers, sources.environment)
    for layer in layers[1:]:  # the first one has the defaults
        _trace_leaves(layer, sources)


def _local(layer: _Layer | None, sources: Sources) -> _Layer | None:
    """`settings.local.toml` beside `settings.toml`: for this machine alone, not in git."""
    return _layer(_local_path(layer), sources) if layer else None


def _local_path(layer: _Layer) -> Path:
    return layer.path.with_name(f"{layer.path.stem}.local.toml")


def _layer(path: Path, sources: Sources) -> _Layer | None:
    """The file, or None if there is none or it can't be read (which is a problem then)."""
    base = next((base for base in (sources.root, ROOT) if path.is_relative_to(base)), None)
    shown = path.relative_to(base).as_posix() if base else str(path)
    try:
        text = path.read_text(encoding="utf-8")
        return _Layer(path, shown, tomllib.loads(text), line_numbers(text))
    except FileNotFoundError:
        return None
    except tomllib.TOMLDecodeError as error:
        sources.problems.append(f"{shown}: not valid TOML: {error}")
    except UnicodeDecodeError:
        sources.problems.append(f"{shown}: can't be read: it isn't UTF-8")
    except OSError as error:
        sources.problems.append(f"{shown}: can't be read: {error.strerror}")
    return None


def _preset(sources: Sources, variables: Mapping[str, str], layers: Sequence[_Layer]) -> str:
    name, where = variables.get("PLUGRAM_PRESET", ""), "PLUGRAM_PRESET"
    if not name:
        for layer in layers:
            for environment, table in layer.chosen(sources.environment):
                if isinstance(table.get("preset"), str):
                    name, where = table["preset"], str(layer.origin(f"{environment}.preset"))
    known = sorted(path.stem for path in (files_of_ours.HERE / "presets").glob("*.toml"))
    if name and name not in known:
        there = f"there are {', '.join(known)}" if known else "this version has no presets"
        sources.problems.append(
            f"{where}: there is no preset {name!r}{nearest(name, known)} ({there})"
        )
        return ""
    return name


def _check_environments(sources: Sources, layers: Sequence[_Layer]) -> None:
    """Dynaconf takes a misspelt environment for an empty one, silently."""
    known = {*ENVIRONMENTS, *_declared_environments(layers)}
    if sources.environment not in known:
        sources.problems.append(
            f"PLUGRAM_ENV: there is no environment {sources.environment!r}"
            f"{nearest(sources.environment, known)} (known: {', '.join(sorted(known))}; "
            "name your own in `environments` of [default])"
        )
    for layer in layers:
        for name in layer.tables.keys() - known - {"default", "global"}:
            if name in layers[0].tables["default"]:
                advice = f"; settings stand below an environment: write [default.{name}]"
            else:
                advice = nearest(name, {*known, "default"}) or (
                    "; name your own in `environments` of [default]"
                )
            sources.problems.append(f"{layer.origin(name)}: {name} is not an environment{advice}")


def _declared_environments(layers: Sequence[_Layer]) -> Iterator[str]:
    for layer in layers:
        default = layer.tables.get("default")
        names = default.get("environments") if isinstance(default, dict) else None
        if isinstance(names, list):
            yield from (str(name) for name in names)


_TEMPLATE = re.compile(r"@(format|jinja|get|read_file|merge|merge_unique|insert|del|reset)(?!\S)")


def _refuse_templates(layer: _Layer, sources: Sources) -> None:
    """Dynaconf's markers are switched off; who writes one expects it to work."""
    for key, value in leaves(layer.tables):
        items = value if isinstance(value, list) else [value]
        where = f"{layer.origin(key)}: {key.partition('.')[2]}"
        markers = [m[0] for item in items if isinstance(item, str) and (m := _TEMPLATE.match(item))]
        if "dynaconf" in key.lower():
            sources.problems.append(f"{where}: Dynaconf's own switches are not settings")
        elif markers:
            sources.problems.append(
                f"{where}: {markers[0]} is not evaluated; write the value itself, or set it by an "
                "environment variable"
            )


def _merged(given: Sequence[_Layer], layers: Sequence[_Layer], environment: str) -> Tree:
    """What Dynaconf makes of the files, as plain dicts; its store also holds its own options, and
    spells the first level in upper case."""
    ours = {
        key.upper(): key
        for layer in layers
        for _, table in layer.chosen(environment)
        for key in table
    }
    stored = files_of_ours.layers([layer.path for layer in given], environment).as_dict()
    return {ours[key]: _plain(value) for key, value in stored.items() if key in ours}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _trace_leaves(layer: _Layer, sources: Sources) -> None:
    """Notes the origin of every value. Lists are set again on the way: Dynaconf's merge joins
    them, while here the last file's list is the list."""
    for environment, table in layer.chosen(sources.environment):
        for key, value in leaves(table):
            origin = layer.origin(f"{environment}.{key}")
            sources.origins[key] = origin
            if isinstance(value, list):
                sources.put(key, value, origin)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a tree; an empty table counts as a value."""
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(
    r"^\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*="
)


def line_numbers(text: str) -> dict[str, int]:
    """The line (from 1) of every table and key of a TOML text, by dotted name.

    Good for messages only: a line inside a multi-line string may be taken for a key, and inline
    tables are known by the line that opens them.
    """
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _bare(header[1])
            parts = table.split(".")
            for depth in range(1, len(parts) + 1):
                found.setdefault(".".join(parts[:depth]), number)
        elif assignment := _ASSIGNMENT.match(line):
            key = _bare(assignment[1])
            found.setdefault(f"{table}.{key}" if table else key, number)
    return found


def _bare(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))


# -- variables ----------------------------------------------------------------------------------


def alias_names() -> tuple[dict[str, list[str]], dict[str, str]]:
    """Variable name → settings, and name → what to tell whoever still sets it."""
    tables = tomllib.loads((files_of_ours.HERE / "aliases.toml").read_text(encoding="utf-8"))
    names = {
        name: [keys] if isinstance(keys, str) else list(keys)
        for name, keys in tables["names"].items()
    }
    return names, tables["hints"]


def _dotenv(path: Path, problems: list[str]) -> Iterator[tuple[str, str, int]]:
    """Names, values and lines of a `.env` file. `${NAME}` stays as it is written."""
    if not path.is_file():
        return
    from dynaconf.vendor.dotenv.parser import parse_stream

    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path} can't be read: {_unreadable(error)}")
        return
    for binding in parse_stream(io.StringIO(content)):  # type: ignore[no-untyped-call]
        # A binding starts with the blank lines above it.
        text = binding.original.string
        line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        if binding.error:
            problems.append(f"{path.name}:{line}: not NAME=value")
        elif binding.key is not None and binding.value is not None:
            yield binding.key, binding.value, line


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it isn't text"


def _read_variables(sources: Sources, variables: dict[str, str], names: dict[str, Origin]) -> None:
    known, hints = alias_names()
    _mounted_secrets(sources, variables, names, known)
    for name, value in variables.items():
        if log.is_secret_name(name) and (name in known or name.startswith(PREFIX)):
            # Passwords of databases are registered with their URL, unless they are common words.
            if name.startswith(tuple(_FAMILIES)):
                continue
            log.secret(value)
        if name.endswith("_FOR_DYNACONF"):
            sources.problems.append(f"{name}: changes how settings are read; unset it")
    _apply_aliases(sources, variables, names, known, hints)
    for name, value in sorted(variables.items()):
        if _is_setting(name, known):
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            _apply(sources, key, value, names[name])


def _is_setting(name: str, aliases: Collection[str]) -> bool:
    return (
        name.startswith(PREFIX)
        and name not in _SWITCHES
        and name not in aliases
        and not name.startswith("PLUGRAM_TEST_")
    )


def _mounted_secrets(
    sources: Sources,
    variables: dict[str, str],
    names: dict[str, Origin],
    aliases: Collection[str],
) -> None:
    """Replaces NAME_FILE, where secret managers mount a file, by NAME with the file's content."""
    for pointer in [name for name in variables if name.endswith("_FILE")]:
        name = pointer.removesuffix("_FILE")
        if name not in aliases and not _is_setting(name, aliases):
            continue
        path = Path(variables.pop(pointer))
        if name in variables:
            sources.problems.append(f"{pointer}: {name} is set too; keep one of them")
            continue
        try:
            value = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            sources.problems.append(f"{pointer}: {path} can't be read: {_unreadable(error)}")
            continue
        log.secret(value)
        if value:
            variables[name], names[name] = value, Origin("env", pointer)


def _apply(sources: Sources, key: str, text: str, origin: Origin) -> None:
    """One variable over the files. A whole table may be given as a JSON object."""
    if text.startswith("{") and (table := _json_object(text)) is not None:
        for leaf, value in leaves(table, f"{key}."):
            sources.put(leaf, value, origin)
        return
    if key == "plugins.paths":
        # A variable adds folders: an image's own settings.toml keeps its plugins.
        before = sources.tree.get("plugins", {}).get("paths", [])
        added = _json_list(text) or [part for part in re.split(r"[,:]", text) if part]
        sources.put(key, [*before, *added], origin)
        return
    sources.put(key, text, origin, text=True)


def _json_object(text: str) -> Tree | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _json_list(text: str) -> list[Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _apply_aliases(
    sources: Sources,
    variables: Mapping[str, str],
    names: Mapping[str, Origin],
    known: Mapping[str, Sequence[str]],
    hints: Mapping[str, str],
) -> None:
    # The process's own variables before those of .env: they were set for this run.
    mine = sorted(
        (name for name in known if name in variables), key=lambda n: names[n].kind != "env"
    )
    given, idle = _joined({name: variables[name] for name in mine})
    for name, reason in idle.items():
        sources.aliases.append(Alias(name, (), "", names[name], reason))
    first: dict[str, str] = {}
    for name, text in given.items():
        key = next((key for key in known[name] if not key.startswith("plugins.")), None)
        if key is None:
            alias = Alias(name, known[name], text, names[name], hints.get(name, ""))
            sources.aliases.append(alias)
        elif first.setdefault(key, name) == name:
            _apply(sources, key, text, names[name])
        elif given[first[key]] != text and names[name].kind == names[first[key]].kind:
            sources.problems.append(
                f"{first[key]} and {name} give {key} different values; keep one of them"
            )


# Families of variables that together make a URL. The host decides; a complete URL goes before it.
_FAMILIES = {
    "POSTGRES": ("DATABASE_URL", "postgresql", "5432"),
    "REDIS": ("REDIS_URL", "redis", "6379"),
}


def _joined(given: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables with parts joined to a URL under the host's name, and the idle ones with the
    reason why."""
    idle: dict[str, str] = {}
    for family, (whole, scheme, port) in _FAMILIES.items():
        parts = {
            part: given.pop(f"{family}_{part}")
            for part in ("HOST", "PORT", "USER", "PASSWORD", "DB")
            if f"{family}_{part}" in given
        }
        if "HOST" in parts and whole not in given:
            given[f"{family}_HOST"] = _url(scheme, port, parts)
        else:
            reason = f"{whole} says it all" if whole in given else f"{family}_HOST isn't set"
            idle |= {f"{family}_{part}": reason for part in parts}
    redis = given.get("REDIS_URL") or given.get("REDIS_HOST")
    if redis and given.pop("RQ_REDIS_URL", redis) != redis:
        idle["RQ_REDIS_URL"] = "one Redis serves states and jobs: redis.url"
    return given, idle


def _url(scheme: str, port: str, parts: Mapping[str, str]) -> str:
    user, password = (quote(parts.get(name, ""), safe="") for name in ("USER", "PASSWORD"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    default = "0" if scheme == "redis" else parts.get("USER", "postgres")
    path = quote(parts.get("DB", default), safe="")
    return f"{scheme}://{login}{parts['HOST']}:{parts.get('PORT', port)}/{path}"
