"""The bot that `plugram dev` forks for each restart."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any

from core import config, log, terminal
from core.errors import PlugramError

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


def _run(spec: dict[str, Any], events: int) -> int:
    settings = config.load(environment=spec["environment"], overrides=spec["overrides"])
    log.configure(settings.log)
    from core import app as composition
    from core.cli import loop_run

    running = composition.build(settings, role="all", safe_mode=spec["safe_mode"])

    async def serve() -> int:
        report = asyncio.get_running_loop().call_later(SETTLED, _report_modules, events)
        try:
            return int(await running.run() or 0)
        finally:
            report.cancel()

    return loop_run(serve())


def _report_modules(events: int) -> None:
    """Tells the host which modules to have imported before the next fork."""
    with suppress(OSError):
        line = json.dumps({"event": "modules", "modules": list(sys.modules)})
        os.write(events, line.encode() + b"\n")
