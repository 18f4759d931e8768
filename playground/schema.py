"""The Bot API's methods and types, and the check of a call's parameters against them.

The schema is `botapi.json`; `scripts/botapi_schema.py` writes it and explains its notation.
Checks are stricter than Telegram's on purpose: Telegram ignores a parameter that it doesn't know,
here it is an error, since that is how misspelt parameters are found.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from playground.errors import ApiError, bad_request
from playground.forms import Upload

Checker = Callable[[Any, "Where"], Any]
"""Takes a value and where it stands, gives the value; raises Mismatch."""
Where = tuple[str | int, ...]

_NAMES = {
    "int": "Integer",
    "float": "Number",
    "bool": "Boolean",
    "true": "Boolean",
    "str": "String",
    "file": "InputFile",
}
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}

_MISSING = {
    "chat_id": "chat_id is empty",
    "from_chat_id": "chat_id is empty",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "message_ids": "message identifiers are not specified",
    "file_id": "file_id not specified",
    "user_id": "invalid user_id specified",
    "action": "wrong parameter action in request",
}
"""What Telegram says when one of these is missing."""

_OBJECT_NAMES = {
    "reply_markup": (
        "can't parse reply keyboard markup JSON object",
        "object expected as reply markup",
    ),
    "reply_parameters": (
        "can't parse reply parameters JSON object",
        "object expected as reply parameters",
    ),
    "link_preview_options": (
        "can't parse link preview options JSON object",
        "object expected as link preview options",
    ),
    "media": ("can't parse media JSON object", "expected an Array of InputMedia"),
    "commands": ("can't parse commands JSON object", "expected an Array of BotCommand"),
    "message_ids": (
        "can't parse message_ids JSON object",
        "expected an Array of message identifiers",
    ),
}
"""What Telegram says when one of these isn't JSON, and when it is JSON of the wrong shape."""


class Mismatch(Exception):
    """A value doesn't have its type: where it stands, and what is wrong in Telegram's words."""

    def __init__(self, where: Where, problem: str) -> None:
        super().__init__(problem)
        self.where = where
        self.problem = problem


@dataclass(frozen=True)
class Param:
    """A parameter of a method."""

    name: str
    required: bool
    notation: str


@dataclass(frozen=True)
class Method:
    """A method of the Bot API."""

    name: str
    params: Mapping[str, Param]
    returns: str


class Schema:
    """What `botapi.json` says. Methods are found whatever the case of their letters, as Telegram
    does."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.version: str = source["version"]
        self._types: Mapping[str, Mapping[str, str]] = source["types"]
        self._unions: Mapping[str, str] = source["unions"]
        self._enums: Mapping[str, list[str]] = source["enums"]
        self._checkers: dict[str, Checker] = {}
        self.methods = {
            name.lower(): Method(name, _params(body["params"]), body["returns"])
            for name, body in source["methods"].items()
        }

    def check(
        self, method: Method, given: Mapping[str, Any], uploads: Mapping[str, Upload]
    ) -> dict[str, Any]:
        """The parameters of a call, each with its type; raises ApiError 400.

        `given` holds JSON values or strings of a form; an upload stands for its parameter.
        """
        values: dict[str, Any] = {
            **given,
            **{k: v for k, v in uploads.items() if k in method.params},
        }
        self._refuse_unknown(method, values)
        checked: dict[str, Any] = {}
        for param in method.params.values():
            value = values.get(param.name)
            if value == "" and param.notation != "str":
                value = None  # an empty field of a form is no value
            if value is not None:
                checked[param.name] = self._parameter(param, value)
            elif param.name in given and given[param.name] is None:
                raise bad_request(f'parameter "{param.name}" is null: leave it out instead')
            elif param.required:
                raise missing(param.name)
        return checked

    def check_value(self, notation: str, value: Any) -> Any:
        """A JSON value against a notation; raises Mismatch."""
        return self._checker(notation)(value, ())

    def fields(self, type_name: str) -> frozenset[str]:
        """The names of an object's fields."""
        return frozenset(name.rstrip("?") for name in self._types[type_name])

    def _refuse_unknown(self, method: Method, values: Iterable[str]) -> None:
        for name in values:
            if name not in method.params:
                hint = did_you_mean(name, method.params)
                raise bad_request(
                    f'unknown parameter "{name}" in {method.name}{hint}'
                    " (Telegram would ignore it, the playground doesn't)"
                )

    def _parameter(self, param: Param, value: Any) -> Any:
        if isinstance(value, str):
            value = _from_string(param, value)
        try:
            return self._checker(param.notation)(value, (param.name,))
        except Mismatch as error:
            raise _as_telegram_says(param, error) from None

    def _checker(self, notation: str) -> Checker:
        checker = self._checkers.get(notation)
        if checker is None:
            checker = self._checkers[notation] = self._compile(notation)
        return checker

    def _compile(self, notation: str) -> Checker:
        members = _split_union(notation)
        if len(members) > 1:
            return self._union(members)
        if notation.startswith("["):
            return self._array(notation[1:-1])
        if notation.startswith("'"):
            return _one_of([notation[1:-1]])
        if notation.startswith("="):
            return _one_of(self._enums[notation[1:]])
        if notation in self._unions:
            return lambda value, where: self._checker(self._unions[notation])(value, where)
        if notation in self._types:
            return self._object(notation)
        return _SCALARS[notation]

    def _array(self, item: str) -> Checker:
        def check(value: Any, where: Where) -> Any:
            if not isinstance(value, list):
                raise Mismatch(where, _must_be(where, "Array"))
            inner = self._checker(item)
            return [inner(one, (*where, index)) for index, one in enumerate(value)]

        return check

    def _object(self, name: str) -> Checker:
        fields = {key.rstrip("?"): notation for key, notation in self._types[name].items()}
        required = [key for key in self._types[name] if not key.endswith("?")]

        def check(value: Any, where: Where) -> Any:
            if not isinstance(value, dict):
                raise Mismatch(where, f"{name} must be an Object")
            for key in required:
                if key not in value:
                    raise Mismatch(where, f'Can\'t find field "{key}"')
            for key, inner in value.items():
                if key not in fields:
                    raise Mismatch(
                        where, f'unknown field "{key}" in {name}{did_you_mean(key, fields)}'
                    )
                self._checker(fields[key])(inner, (*where, key))
            return value

        return check

    def _union(self, members: tuple[str, ...]) -> Checker:
        def check(value: Any, where: Where) -> Any:
            failed: list[tuple[bool, int, bool, Mismatch]] = []
            for member in members:
                try:
                    return self._checker(member)(value, where)
                except Mismatch as error:
                    failed.append((*self._nearness(member, value, error), error))
            raise max(failed, key=lambda entry: entry[:3])[3]

        return check

    def _nearness(self, member: str, value: Any, error: Mismatch) -> tuple[bool, int, bool]:
        """How well a member fits that was refused; the nearest one's error tells most."""
        fields = self._types.get(member)
        if fields is None or not isinstance(value, dict):
            return False, len(error.where), False
        same_constant = any(fields.get(key) == f"'{inner}'" for key, inner in value.items())
        return same_constant, len(error.where), value.keys() <= self.fields(member)


def missing(name: str) -> ApiError:
    """The error for a required parameter that isn't there."""
    if name in {"document", "photo", "video", "audio", "voice", "animation", "sticker"}:
        return bad_request(f"there is no {name} in the request")
    return bad_request(_MISSING.get(name, f'parameter "{name}" is required'))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


@cache
def load() -> Schema:
    """The schema that is checked in."""
    return Schema(orjson.loads(Path(__file__).with_name("botapi.json").read_bytes()))


def _params(fields: Mapping[str, str]) -> dict[str, Param]:
    return {
        key.rstrip("?"): Param(key.rstrip("?"), not key.endswith("?"), notation)
        for key, notation in fields.items()
    }


@cache
def _split_union(notation: str) -> tuple[str, ...]:
    """The members of a union; an array keeps its own union."""
    return tuple(re.findall(r"\[.*?\]+(?=\||$)|'[^']*'|[^|]+", notation))


def _from_string(param: Param, value: str) -> Any:
    """What a form's string means: forms carry numbers, flags and JSON as text."""
    kinds = _split_union(param.notation)
    if "int" in kinds and re.fullmatch(r"-?\d{1,20}", value):
        return int(value)
    if kinds == ("float",):
        return _number(value)
    if kinds == ("bool",):
        lowered = value.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else value
    if any(kind in {"str", "file", "int"} or kind[0] in "'=" for kind in kinds):
        return value
    return _json(param.name, value)


def _number(value: str) -> Any:
    try:
        return float(value)
    except ValueError:
        return value


def _json(name: str, value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        unparsable = _OBJECT_NAMES.get(name, (f"can't parse {name} JSON object",))[0]
        raise bad_request(unparsable) from None


def _as_telegram_says(param: Param, error: Mismatch) -> ApiError:
    at_top = len(error.where) == 1
    if param.name == "reply_markup" and not at_top:
        return bad_request(_keyboard_problem(error))
    if param.notation == "InlineKeyboardMarkup" and not _is_shape(error):
        return bad_request("inline keyboard expected")
    if param.name == "action":
        return bad_request("wrong parameter action in request")
    if at_top and param.name in _OBJECT_NAMES and _is_shape(error):
        return bad_request(_OBJECT_NAMES[param.name][1])
    if at_top:
        return bad_request(error.problem)
    return bad_request(f"can't parse {_path(error.where)}: {error.problem}")


def _is_shape(error: Mismatch) -> bool:
    return error.problem.endswith(("must be an Object", "must be of type Array"))


def _keyboard_problem(error: Mismatch) -> str:
    kind = error.where[1]
    depth = sum(isinstance(step, int) for step in error.where)
    if depth == 2:
        word = "inline keyboard button" if kind == "inline_keyboard" else "keyboard button"
        return f"can't parse {word}: {error.problem}"
    if kind == "inline_keyboard":
        return 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
    if kind == "keyboard":
        return 'field "keyboard" must be an Array of Arrays'
    return error.problem


def _path(where: Where) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)[1:]


def _must_be(where: Where, kind: str) -> str:
    named = next((step for step in reversed(where) if isinstance(step, str)), "value")
    return f'Field "{named}" must be of type {kind}'


def _scalar(kind: str, accepts: Callable[[Any], bool]) -> Checker:
    def check(value: Any, where: Where) -> Any:
        if not accepts(value):
            raise Mismatch(where, _must_be(where, _NAMES[kind]))
        return value

    return check


def _one_of(values: Iterable[str]) -> Checker:
    allowed = list(values)

    def check(value: Any, where: Where) -> Any:
        if value not in allowed:
            raise Mismatch(where, f"{_must_be(where, 'String')}, one of {', '.join(allowed)}")
        return value

    return check


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_SCALARS: dict[str, Checker] = {
    "int": _scalar("int", _is_int),
    "float": _scalar("float", lambda value: _is_int(value) or isinstance(value, float)),
    "bool": _scalar("bool", lambda value: isinstance(value, bool)),
    "true": _scalar("true", lambda value: value is True),
    "str": _scalar("str", lambda value: isinstance(value, str)),
    "file": _scalar("file", lambda value: isinstance(value, str | Upload)),
}
