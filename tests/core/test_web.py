"""The web server over real HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.errors import PlugramError
from core.health import HealthChecks
from core.host.plugin import Health, HealthCheck, Plugin, Route
from core.web import WebServer, build


@dataclass
class _State:
    started: bool = True
    open: bool = True
    healthy: bool = True


@asynccontextmanager
async def _server(state: _State) -> AsyncIterator[str]:
    @dataclass
    class Stand:
        id: str = "notes"

        def gate(self) -> bool:
            return state.open

    async def check() -> Health:
        return Health(state.healthy, "the disk")

    async def hello(request: Request) -> Response:
        return PlainTextResponse(f"hello {request.path_params['name']}")

    checks = HealthChecks()
    checks.add("core", [HealthCheck("disk", check)])
    app = build(
        checks,
        [(cast("Plugin", Stand()), [Route("/hello/{name}", hello)])],
        started=lambda: state.started,
    )
    server = WebServer(app, "127.0.0.1", 0, fixed_port=True)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


async def _get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def _readiness(state: _State) -> tuple[int, dict[str, Any]]:
    async with _server(state) as url:
        status, body = await _get(f"{url}/readyz")
        return status, json.loads(body)


async def test_healthz_answers_even_when_not_ready() -> None:
    async with _server(_State(started=False, healthy=False)) as url:
        assert (await _get(f"{url}/healthz"))[0] == 200


async def test_readyz_names_every_check() -> None:
    status, body = await _readiness(_State())
    assert (status, body["status"]) == (200, "ready")
    assert [check["name"] for check in body["checks"]] == ["core.disk"]


@pytest.mark.parametrize(
    ("state", "word"),
    [(_State(started=False), "starting"), (_State(healthy=False), "not ready")],
)
async def test_readyz_fails_while_starting_or_unhealthy(state: _State, word: str) -> None:
    status, body = await _readiness(state)
    assert (status, body["status"]) == (503, word)


async def test_a_plugins_routes_lie_under_its_id_behind_its_gate() -> None:
    state = _State()
    async with _server(state) as url:
        assert await _get(f"{url}/notes/hello/ann") == (200, "hello ann")
        state.open = False
        status, body = await _get(f"{url}/notes/hello/ann")
        assert (status, "paused" in body) == (503, True)


async def test_a_taken_port_is_named_or_replaced() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        app = build(HealthChecks(), [], started=lambda: True)
        with pytest.raises(PlugramError, match=rf"127\.0\.0\.1:{port}.*\[web\] port"):
            await WebServer(app, "127.0.0.1", port, fixed_port=True).start()
        with pytest.raises(PlugramError, match=r"nowhere\.invalid.*\[web\] host"):
            await WebServer(app, "nowhere.invalid", 0, fixed_port=False).start()
        moved = WebServer(app, "127.0.0.1", port, fixed_port=False)
        await moved.start()
        assert moved.url != f"http://127.0.0.1:{port}"
        assert (await _get(f"{moved.url}/healthz"))[0] == 200
        await moved.stop()
