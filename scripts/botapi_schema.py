"""Write playground/botapi.json: the Bot API as a compact schema, read from the installed aiogram.

    python scripts/botapi_schema.py            # write it
    python scripts/botapi_schema.py --check    # exit 1 when it isn't what aiogram says

The playground checks calls against this file and never imports aiogram. The notation:

    "int", "float", "bool", "true", "str"   a scalar; "true" is the flag that is only ever true
    "file"                                  an upload, or a string: file_id, URL, attach://name
    "'photo'"                               that string
    "=ChatAction"                           one of the strings of an enum
    "Message"                               an object, described under "types"
    "[X]"                                   an array of X
    "X|Y"                                   one of them
    "RichTextUnion"                         a name under "unions": one of them, and may hold itself
    "name?"                                 a field that may be missing
"""

from __future__ import annotations

import datetime
import json
import sys
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import aiogram
from aiogram import enums, methods
from aiogram import types as objects
from aiogram.client.default import Default
from aiogram.methods.base import TelegramMethod
from aiogram.types import InputFile, TelegramObject
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

TARGET = Path(__file__).resolve().parent.parent / "playground" / "botapi.json"

# aiogram annotates these as plain strings; its enums say which strings there are.
ENUM_FIELDS = {
    ("Chat", "type"): "ChatType",
    ("ChatFullInfo", "type"): "ChatType",
    ("InlineKeyboardButton", "style"): "ButtonStyle",
    ("KeyboardButton", "style"): "ButtonStyle",
    ("MessageEntity", "type"): "MessageEntityType",
    ("Poll", "type"): "PollType",
    ("Sticker", "type"): "StickerType",
    ("sendChatAction", "action"): "ChatAction",
    ("sendDice", "emoji"): "DiceEmoji",
    ("sendPoll", "type"): "PollType",
}

CORRECTIONS = {
    # "String can be used instead of this object to specify the button text"
    ("ReplyKeyboardMarkup", "keyboard"): "[[KeyboardButton|str]]",
}
"""Where Telegram takes more than aiogram says."""

SCALARS: dict[Any, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    datetime.datetime: "int",
    datetime.timedelta: "int",
    InputFile: "file",
    Any: "any",
}


class Writer:
    """Collects what the methods need, following references."""

    def __init__(self) -> None:
        self.types: dict[str, dict[str, str]] = {}
        self.enums: dict[str, list[str]] = {}
        self.unions: dict[str, str] = {}
        self._waiting: list[type[BaseModel]] = []

    def schema(self) -> dict[str, Any]:
        """The whole schema: versions, methods, types and enums by name."""
        calls = {
            method.__api_method__: {
                "returns": self.notation(method.__returning__),
                "params": self._fields(method.__api_method__, method),
            }
            for method in _methods()
        }
        self.notation(objects.Update)
        while self._waiting:
            model = self._waiting.pop()
            self.types[model.__name__] = self._fields(model.__name__, model)
        return {
            "version": aiogram.__api_version__,
            "methods": dict(sorted(calls.items())),
            "types": dict(sorted(self.types.items())),
            "unions": dict(sorted(self.unions.items())),
            "enums": dict(sorted(self.enums.items())),
        }

    def notation(self, annotation: Any) -> str:
        """The notation of one annotation; objects it names are described as well."""
        if isinstance(annotation, str):  # a forward reference
            annotation = getattr(objects, annotation)
        if annotation in SCALARS:
            return SCALARS[annotation]
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            return self.notation(typing.get_args(annotation)[0])
        if origin in (typing.Union, types.UnionType):
            return self._union(typing.get_args(annotation))
        if origin is list:
            return f"[{self.notation(typing.get_args(annotation)[0])}]"
        if origin is typing.Literal:
            return "|".join(map(_literal, typing.get_args(annotation)))
        if isinstance(annotation, TypeAliasType):
            return self._alias(annotation)
        if isinstance(annotation, type) and issubclass(annotation, TelegramObject):
            return self._reference(annotation)
        raise TypeError(f"no notation for {annotation!r}")

    def _union(self, members: tuple[Any, ...]) -> str:
        wanted = [m for m in members if m is not type(None) and m is not Default]
        parts = list(dict.fromkeys(self.notation(m) for m in wanted))
        if "file" in parts:  # a file parameter takes strings anyway
            parts.remove("str") if "str" in parts else None
        return "|".join(parts)

    def _alias(self, alias: TypeAliasType) -> str:
        if alias.__name__ not in self.unions:
            self.unions[alias.__name__] = ""  # it may name itself
            self.unions[alias.__name__] = self.notation(alias.__value__)
        return alias.__name__

    def _reference(self, model: type[BaseModel]) -> str:
        if model.__name__ not in self.types:
            self.types[model.__name__] = {}
            self._waiting.append(model)
        return model.__name__

    def _fields(self, owner: str, model: type[BaseModel]) -> dict[str, str]:
        return {
            (field.alias or name) + ("" if _required(field) else "?"): self._field(
                owner, name, field
            )
            for name, field in model.model_fields.items()
        }

    def _field(self, owner: str, name: str, field: FieldInfo) -> str:
        if (owner, name) in ENUM_FIELDS:
            enum: type[Enum] = getattr(enums, ENUM_FIELDS[owner, name])
            self.enums[enum.__name__] = [str(member.value) for member in enum]
            return f"={enum.__name__}"
        notation = self.notation(field.annotation)
        return CORRECTIONS.get((owner, name), notation)


def _required(field: FieldInfo) -> bool:
    # aiogram fills in constants such as `type` by itself; on the wire they must be there
    return field.is_required() or typing.get_origin(field.annotation) is typing.Literal


def _literal(value: Any) -> str:
    if value is True:
        return "true"
    return f"'{value.value if isinstance(value, Enum) else value}'"


def _methods() -> list[type[TelegramMethod[Any]]]:
    found = (getattr(methods, name) for name in methods.__all__)
    return [m for m in found if issubclass(m, TelegramMethod) and m is not TelegramMethod]


def render(schema: dict[str, Any]) -> str:
    """JSON with one method or type per line, so that a change reads well in a diff."""
    parts = [f'"version": {json.dumps(schema["version"])}']
    for group in ("methods", "types", "unions", "enums"):
        rows = (
            f" {json.dumps(name)}: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}"
            for name, body in schema[group].items()
        )
        parts.append(f'"{group}": {{\n' + ",\n".join(rows) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Write or check the file; the exit status."""
    text = render(Writer().schema())
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("playground/botapi.json is stale: run `python scripts/botapi_schema.py`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
