"""From a plain tree to a frozen model, with one sentence for each thing that is wrong.

A sentence says where (file and line, or variable), which key, what is wrong and what was perhaps
meant. It quotes a value only if that can't be a secret.
"""

from __future__ import annotations

import json
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from core import log
from core.sources import PREFIX, Origin, Sources, Tree, leaves, nearest

M = TypeVar("M", bound=BaseModel)


class HasOrigins(Protocol):
    @property
    def origins(self) -> Mapping[str, Origin]: ...


def where(source: HasOrigins, key: str) -> str:
    """`settings.toml:7: `, or nothing if no source gave it. A table is where its first key is."""
    origin = source.origins.get(key)
    if origin is None:
        below = (found for name, found in source.origins.items() if name.startswith(f"{key}."))
        origin = next(below, None)
    return f"{origin}: " if origin else ""


def validate(
    model: type[M], tree: Mapping[str, Any], prefix: str, sources: Sources
) -> tuple[M | None, list[str]]:
    """The model made of what is right in the tree, and the problems.

    `prefix` ends with a dot: `plugins.search.`. None instead of a model if something that has no
    default is missing or wrong.
    """
    problems: list[str] = []
    values = _typed(model, tree, prefix, sources, problems)
    while True:
        try:
            return model.model_validate(values), problems
        except ValidationError as error:
            dropped = False
            for detail in error.errors(include_url=False):
                sentence = _sentence(model, detail, prefix, sources)
                if sentence not in problems:
                    problems.append(sentence)
                dropped |= _drop(values, detail["loc"])
            if not dropped:
                return None, problems


def _drop(values: Tree, path: Sequence[str | int]) -> bool:
    """Removes what an error complains of: the value, or the outermost thing that isn't a table."""
    branch = values
    for step in path[:-1]:
        below = branch.get(str(step))
        if not isinstance(below, dict):
            return branch.pop(str(step), None) is not None
        branch = below
    if not path:  # the model as a whole
        emptied = bool(values)
        values.clear()
        return emptied
    return branch.pop(str(path[-1]), _ABSENT) is not _ABSENT


_ABSENT = object()


# -- types --------------------------------------------------------------------------------------

_SCALARS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_SEQUENCES = (list, tuple, set, frozenset)


def _typed(
    model: type[BaseModel],
    tree: Mapping[str, Any],
    prefix: str,
    sources: Sources,
    problems: list[str],
) -> Tree:
    """A copy of the tree with texts of variables read as their types. Values of the wrong type are
    left out: pydantic would take `"yes"` for true and `true` for 1."""
    values: Tree = {}
    for name, value in tree.items():
        field = model.model_fields.get(name)
        if field is None:
            values[name] = value
            continue
        annotation, optional = bare_type(field.annotation)
        key = prefix + name
        if isinstance(value, dict) and _is_model(annotation):
            values[name] = _typed(annotation, value, f"{key}.", sources, problems)
        elif isinstance(value, dict) and get_origin(annotation) is dict:
            item_type, _ = bare_type(get_args(annotation)[1])
            values[name] = _items(item_type, value, f"{key}.", sources, problems)
        else:
            item, wrong = _checked(annotation, value, key, sources, optional=optional)
            if wrong:
                problems.append(wrong)
            else:
                values[name] = item
    return values


def _items(item_type: Any, table: Tree, prefix: str, sources: Sources, problems: list[str]) -> Tree:
    """The values of a table with names of the operator's; each a scalar, or a table of its own."""
    is_union = get_origin(item_type) in (Union, types.UnionType)
    options = get_args(item_type) if is_union else (item_type,)
    shape = next((option for option in options if _is_model(option)), None)
    plain = next((option for option in options if option is not shape), item_type)
    found: Tree = {}
    for name, value in table.items():
        item: Any
        if shape is not None and isinstance(value, dict):
            item, wrong = validate(shape, value, f"{prefix}{name}.", sources)
        else:
            item, said = _checked(plain, value, f"{prefix}{name}", sources)
            wrong = [said] if said else []
        problems += wrong
        if not wrong:
            found[name] = item
    return found


def _checked(
    annotation: Any, value: Any, key: str, sources: Sources, *, optional: bool = False
) -> tuple[Any, str]:
    """The value, read if it is a variable's text, and what is wrong with its type."""
    if key in sources.texts:
        return _from_text(annotation, value, optional=optional), ""
    expected = _SCALARS.get(annotation)
    fits = (int, float) if annotation is float else annotation
    if expected and (not isinstance(value, fits) or _is_bool_for_number(annotation, value)):
        return None, f"{where(sources, key)}{key} must be {expected}{_not(key, value)}"
    return value, ""


def _is_bool_for_number(annotation: Any, value: Any) -> bool:
    return isinstance(value, bool) and annotation is not bool


def _from_text(annotation: Any, text: str, *, optional: bool) -> Any:
    if optional and text.lower() in ("none", "null"):
        return None
    if (get_origin(annotation) or annotation) in _SEQUENCES:
        parsed = _json(text) if text.startswith("[") else None
        return parsed or [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(annotation) is dict or _is_model(annotation):
        return _json(text) or text
    return text  # pydantic reads numbers and booleans


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def bare_type(annotation: Any) -> tuple[Any, bool]:
    """The type without its None, and whether it had one."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [arg for arg in get_args(annotation) if arg is not types.NoneType]
        optional = len(rest) < len(get_args(annotation))
        return (rest[0] if len(rest) == 1 else annotation), optional
    return annotation, False


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


# -- sentences ----------------------------------------------------------------------------------


def _sentence(model: type[BaseModel], detail: ErrorDetails, prefix: str, sources: Sources) -> str:
    path = detail["loc"]
    # A tuple's index belongs to the message, not to the key: origins know whole lists.
    names = [str(step) for step in path if isinstance(step, str)]
    key = prefix + ".".join(names) if names else prefix.rstrip(".")
    place = where(sources, key)
    if detail["type"] == "extra_forbidden":
        meant = _meant(model, names, key, sources)
        return f"{place}{key} is not a setting{meant}"
    if detail["type"] == "missing":
        return f"{place}{key} is required"
    if detail["type"] == "value_error":
        said = str(detail["ctx"]["error"])
        return f"{place}{said}" if said.startswith(key) else f"{place}{key} {said}"
    return f"{place}{key} {_demand(detail)}{_not(key, detail['input'])}{_option(detail)}"


_DEMANDS = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "path_type": "must be a path",
}


def _demand(detail: ErrorDetails) -> str:
    template = _DEMANDS.get(detail["type"])
    if template is None:
        return f"is wrong: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return template.format_map(detail.get("ctx", {}))


def _option(detail: ErrorDetails) -> str:
    expected = detail.get("ctx", {}).get("expected", "")
    options = [part.strip("', ") for part in str(expected).replace(" or ", ", ").split(", ")]
    return nearest(str(detail["input"]), options) if expected else ""


def _not(key: str, value: Any) -> str:
    """`, not 'yes'`, unless it may be a secret."""
    if isinstance(value, SecretStr) or log.is_secret_name(key.rpartition(".")[2]):
        return ""
    shown = log.redact(repr(value))
    return f", not {shown}" if len(shown) <= 60 else ""


def _meant(model: type[BaseModel], names: Sequence[str], key: str, sources: Sources) -> str:
    """What an unknown key may have been: a sibling, the same name elsewhere, a variable with one
    underscore too few."""
    every = [name for name, _ in fields(model)]
    origin = sources.origins.get(key)
    if origin and origin.kind == "env" and len(names) == 1:
        variables = {name.replace(".", "_"): name for name in every}
        if names[0] in variables:
            return f"; did you mean {PREFIX}{variables[names[0]].upper().replace('.', '__')}?"
    home = ".".join(names[:-1])
    start = key.removesuffix(".".join(names))
    if close := nearest(names[-1], _direct(model, names[:-1])):
        return close.replace("mean ", f"mean {start}{home + '.' if home else ''}")
    elsewhere = [name for name in every if name.rpartition(".")[2] == names[-1]]
    return f"; did you mean {start}{elsewhere[0]}?" if elsewhere else ""


def _direct(model: type[BaseModel], path: Sequence[str]) -> Collection[str]:
    for step in path:
        annotation, _ = bare_type(model.model_fields[step].annotation)
        if not _is_model(annotation):
            return ()
        model = annotation
    return model.model_fields.keys()


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and field of every setting of a model, those of its tables too."""
    for name, field in model.model_fields.items():
        annotation, _ = bare_type(field.annotation)
        if _is_model(annotation):
            yield from fields(annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


# -- secrets ------------------------------------------------------------------------------------


def register_secrets(model: BaseModel) -> None:
    """Tells the log what must never be printed: secret fields, and passwords in URLs."""
    for _, value in leaves(model.model_dump()):
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, SecretStr):
                log.secret(item.get_secret_value())
            elif isinstance(item, str) and "://" in item and "@" in item:
                _register_password(item)


def _register_password(url: str) -> None:
    try:
        parts = urlsplit(url)
        password, others = parts.password, {parts.username, parts.hostname, parts.path.strip("/")}
    except ValueError:
        return
    # "postgres" for user, password and database: hiding the word everywhere would help nobody.
    if password and password not in others:
        log.secret(password)
        log.secret(unquote(password))
