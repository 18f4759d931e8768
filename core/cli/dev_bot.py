"""The bot that `plugram dev` forks for each restart."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core import config, log
from core.cli import terminal
from core.errors import PlugramError

if TYPE_CHECKING:
    from core.app import App
    from core.config import Settings

SETTLED = 3.0
"""Seconds after which everything that a bot imports is imported."""


def main(spec: dict[str, Any], events: int) -> int:
    """Runs until it is stopped; the exit status."""
    try:
        return _run(spec, events)
    except PlugramError as error:
        return terminal.put_error(error)
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 - the traceback may quote a secret
        sys.stderr.write(log.redact(traceback.format_exc()))
        return 1


def _run(spec: dict[str, Any], events: int) -> int:
    settings = config.load(environment=spec["environment"], overrides=spec["overrides"])
    log.configure(settings.log)
    from core import app as composition
    from core.cli.parts import loop_run

    running = composition.build(settings, role="all", safe_mode=spec["safe_mode"])
    _write_schema(settings, running)

    async def serve() -> int:
        report = asyncio.get_running_loop().call_later(SETTLED, _report_modules, events)
        try:
            return int(await running.run() or 0)
        finally:
            report.cancel()

    return loop_run(serve())


def _write_schema(settings: Settings, running: App) -> None:
    """Editors complete settings.toml with what the plugins take now."""
    from core.reference import json_schema, write_schema

    schema = json_schema({plugin.id: plugin.settings_model for plugin in running.plugins})
    with suppress(OSError):  # a read-only checkout is no reason not to start
        write_schema(settings.root, schema)


def _report_modules(events: int) -> None:
    """Tells the host which modules to have imported before the next fork."""
    with suppress(OSError):
        line = json.dumps({"event": "modules", "modules": list(sys.modules)})
        os.write(events, line.encode() + b"\n")
