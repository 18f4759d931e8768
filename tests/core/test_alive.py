"""The health check of the image, as Docker runs it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from core.health import HealthChecks
from core.web import WebServer, build
from tests.support.servers import free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104 - as the image has it


async def asked(port: int | str, folder: Path, host: str = EVERYWHERE) -> tuple[int | None, str]:
    """Exit status and what it says, run where a folder `core` of somebody else's lies."""
    (folder / "core").mkdir(exist_ok=True)
    (folder / "core" / "alive.py").write_text("raise SystemExit(7)\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "core.alive"),
        cwd=folder,
        env={"PLUGRAM_WEB__PORT": str(port), "PLUGRAM_WEB__HOST": host},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_it_asks_the_port_of_the_variables(tmp_path: Path) -> None:
    port, reason = free_port(), ""
    app = build(HealthChecks(), [], started=lambda: False, ended=lambda: reason)
    server = WebServer(app, "127.0.0.1", port, fixed_port=True)
    await server.start()
    try:
        for host in (EVERYWHERE, "127.0.0.1", ""):
            assert await asked(port, tmp_path, host) == (0, "")
        reason = "_claim_loop"
        status, said = await asked(port, tmp_path)
        assert status == 1
        assert "_claim_loop" in said
    finally:
        await server.stop()
    status, said = await asked(port, tmp_path)
    assert status == 1
    assert f"no answer at port {port}" in said
