"""Callback data of a plugin's buttons: typed, namespaced, at most 64 bytes.

    class Page(plugram.Callback, name="page"):
        number: int

    Button("2", Page(number=2))                      # → "files:page:2" for the plugin `files`
    @router.callback_query(Page.filter())
    async def page(query: CallbackQuery, callback_data: Page) -> None: ...

The plugin's id comes from the module that the class stands in, so two plugins with equal names
never read each other's buttons. aiogram isn't needed: jobs make buttons too.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Self, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticUndefined

from core.errors import PluginError
from core.telegram.text import CALLBACK_LIMIT

SEPARATOR = ":"
CONTROL_MARK = "!"
"""First character of the data of a `control` button. Intake reads it before any plugin does."""


class Callback(BaseModel):
    """Base of a plugin's callback data. Fields are int, str, bool, float, Enum or UUID, or None.

    `name` tells the plugin's own classes apart. `control=True` lets the button through while the
    chat's earlier updates are still being worked on: for stop and cancel buttons.
    """

    model_config = ConfigDict(frozen=True)

    prefix: ClassVar[str] = ""

    def __init_subclass__(
        cls, *, name: str = "", control: bool = False, plugin: str = "", **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        name = name or cls.__name__.lower()
        if SEPARATOR in name:
            raise PluginError(f"callback {cls.__name__}: its name can't hold {SEPARATOR!r}")
        owner = plugin or plugin_of(cls.__module__)
        cls.prefix = f"{CONTROL_MARK if control else ''}{owner}{SEPARATOR}{name}"

    def pack(self) -> str:
        """The text that a button carries. Raises PluginError over 64 bytes."""
        values = [_written(getattr(self, field)) for field in type(self).model_fields]
        if any(SEPARATOR in value for value in values):
            raise PluginError(f"callback {self!r}: no value can hold {SEPARATOR!r}")
        data = SEPARATOR.join([self.prefix, *values])
        if len(data.encode()) > CALLBACK_LIMIT:
            raise PluginError(
                f"callback data {data!r} has more than {CALLBACK_LIMIT} bytes",
                hint="put an id into the button and the rest into the database",
            )
        return data

    @classmethod
    def unpack(cls, data: str) -> Self | None:
        """Read what `pack` wrote, or None: somebody else's button, or one of an older version."""
        fields = cls.model_fields
        start = cls.prefix + SEPARATOR if fields else cls.prefix
        if not data.startswith(start):
            return None
        parts = data[len(start) :].split(SEPARATOR) if fields else []
        if len(parts) != len(fields) or (not fields and data != start):
            return None
        given = {
            name: _blank(field) if part == "" and _may_be_blank(field) else part
            for (name, field), part in zip(fields.items(), parts, strict=True)
        }
        try:
            return cls(**given)
        except ValidationError:
            return None

    @classmethod
    def filter(
        cls, rule: Callable[[Self], object] | None = None
    ) -> Callable[[Any], Awaitable[bool | dict[str, Any]]]:
        """A filter for `router.callback_query`; the handler gets the data as `callback_data`.
        `rule` may refuse: `Page.filter(lambda page: page.number > 0)`."""

        async def matches(query: Any) -> bool | dict[str, Any]:
            data = cls.unpack(query.data or "")
            if data is None or (rule is not None and not rule(data)):
                return False
            return {"callback_data": data}

        return matches


def is_control(data: str) -> bool:
    """Whether a `control` button carries this data."""
    return data.startswith(CONTROL_MARK)


def owner_of(data: str) -> str:
    """The id of the plugin whose button carries this data, as far as its text tells."""
    return data.removeprefix(CONTROL_MARK).split(SEPARATOR, 1)[0]


@cache
def plugin_of(module_name: str) -> str:
    """The id of the plugin that a module belongs to: from the `plugin.toml` beside it or above
    it, or the literal `manifest` of a one-file plugin. Raises PluginError."""
    for name in _upwards(module_name):
        module = sys.modules.get(name)
        manifest = getattr(module, "manifest", None)
        if isinstance(manifest, Mapping) and "id" in manifest:
            return str(manifest["id"])
        file = getattr(module, "__file__", None)
        toml = Path(file).with_name("plugin.toml") if file else None
        if toml is not None and toml.is_file():
            return str(tomllib.loads(toml.read_text(encoding="utf-8"))["id"])
    raise PluginError(
        f"module {module_name} belongs to no plugin",
        hint="a Callback stands in a plugin's module, or names its plugin: `plugin=...`",
    )


def _upwards(module_name: str) -> Iterator[str]:
    while module_name:
        yield module_name
        module_name = module_name.rpartition(".")[0]


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, (int, str, float)):
        return str(value)
    raise PluginError(f"callback data can't hold {value!r}: only simple values")


def _may_be_blank(field: Any) -> bool:
    return field.default != "" and (
        not field.is_required() or NoneType in get_args(field.annotation)
    )


def _blank(field: Any) -> Any:
    return None if field.default is PydanticUndefined else field.default
