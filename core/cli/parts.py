"""What the groups of commands share."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from core.config import Settings
    from core.host.loader import Loader

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
SafeMode = Annotated[bool, typer.Option("--safe-mode", help="Load built-in plugins only.")]


def loop_run(main: Coroutine[Any, Any, int]) -> int:
    """uvloop where there is one: it halves the cost of a request."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def section_problems(settings: Settings) -> list[str]:
    """What is wrong with the sections of plugins; imports those that are on."""
    from core.host.loader import Loader

    loader = Loader(settings)
    problems: list[str] = []
    try:
        load_modules(loader)
    except ConfigError as error:
        problems = error.problems
    except PluginError as error:
        problems = [str(error)]
    # Foreign plugins are set aside for it and the bot starts; who asks should hear of it.
    quarantined = loader.report.quarantined
    return problems + [one.reason for one in quarantined if one.stage == "settings"]


def load_modules(loader: Loader) -> None:
    """Imports the plugins; what they print doesn't get among a command's output."""
    silence_loader()
    with redirect_stdout(sys.stderr):
        loader.load_modules()


def silence_loader() -> None:
    """For commands that report themselves which plugins were set aside."""
    logging.getLogger("loader").setLevel(logging.CRITICAL)
