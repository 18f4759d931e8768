"""Plugins made of text, and contexts without a database, for the tests of the host."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from core.host.hooks import Hooks
from core.host.plugin import Context, Manifest, Plugin
from core.log import get_logger


@dataclass
class Knobs:
    """The `[hooks]` section."""

    timeout: float = 5.0
    breaker_failures: int = 3
    breaker_window: float = 60.0
    breaker_pause: float = 30.0
    trace: bool = False
    start_timeout: float = 2.0


@dataclass
class Clock:
    """Time that passes when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def context(plugin: Plugin, hooks: Hooks | None = None, **given: Any) -> Context:
    """A context with nothing behind it but what a test gives."""
    nothing = cast("Any", SimpleNamespace())
    return Context(
        plugin_id=plugin.id,
        settings=plugin.settings,
        db=given.get("db", nothing),
        jobs=nothing,
        cache=nothing,
        links=nothing,
        records=nothing,
        secrets=nothing,
        telegram=nothing,
        hooks=hooks or nothing,
        services=given.get("services", nothing),
        people=given.get("people", nothing),
        i18n=given.get("i18n", nothing),
        metrics=nothing,
        sandbox=nothing,
        log=get_logger(plugin.id),
        data_dir=Path(),
        plugins=list,
    )


def plugin(plugin_id: str, **functions: Callable[..., Any]) -> Plugin:
    """A plugin whose module holds these hook implementations."""
    module = ModuleType(f"test_plugin_{plugin_id}")
    for name, function in functions.items():
        setattr(module, name, function)
    made = Plugin(
        manifest=Manifest(id=plugin_id, version="1", summary="Made by a test", api=">=1,<2"),
        root=Path(f"{plugin_id}.py"),
        module=module,
        origin="path",
        settings_model=None,
    )
    made.context = context(made)
    return made


def manifest(plugin_id: str, **more: Any) -> dict[str, Any]:
    return {"id": plugin_id, "version": "1", "summary": "Made by a test", "api": ">=1,<2", **more}


def write_file(folder: Path, plugin_id: str, code: str = "", **more: Any) -> Path:
    """A one-file plugin."""
    path = folder / f"{plugin_id}.py"
    path.write_text(f"manifest = {manifest(plugin_id, **more)!r}\n{dedent(code)}")
    return path


def write_room(
    folder: Path, plugin_id: str, files: dict[str, str] | None = None, **more: Any
) -> Path:
    """A plugin as a folder with plugin.toml."""
    room = folder / plugin_id
    room.mkdir(parents=True)
    (room / "plugin.toml").write_text(toml(manifest(plugin_id, **more)))
    (room / "__init__.py").write_text("")
    for name, text in (files or {}).items():
        target = room / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text))
    return room


def toml(table: dict[str, Any], prefix: str = "") -> str:
    """A table of texts, lists and tables as TOML."""
    import json

    lines = [
        f"{key} = {json.dumps(value)}"
        for key, value in table.items()
        if not isinstance(value, dict)
    ]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{prefix}{key}]", toml(value, f"{prefix}{key}.")]
    return "\n".join(lines)


def forget_modules() -> None:
    """Take the modules of path plugins out again."""
    for name in [name for name in sys.modules if name.startswith("plugram_path_")]:
        del sys.modules[name]
