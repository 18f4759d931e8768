"""The one ASGI app of a process: health, and the plugins' routes under `/<plugin id>/`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as HttpRoute

from core.errors import PlugramError
from core.health import HealthChecks, ready
from core.log import get_logger

if TYPE_CHECKING:
    from starlette.requests import Request

    from core.host.plugin import Plugin, Route
    from core.telegram.webhook import Webhook

log = get_logger("web")


def build(
    checks: HealthChecks,
    routes: Sequence[tuple[Plugin, Sequence[Route]]],
    *,
    started: Callable[[], bool],
    webhook: Webhook | None = None,
) -> Starlette:
    """`/healthz`: the process lives. `/readyz`: every check passes, and start-up is over."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        results = await checks.run()
        ok = started() and ready(results)
        body = {
            "status": "ready" if ok else "starting" if not started() else "not ready",
            "checks": [result.as_dict() for result in results],
        }
        return JSONResponse(body, status_code=200 if ok else 503)

    return Starlette(
        routes=[
            HttpRoute("/healthz", healthz),
            HttpRoute("/readyz", readyz),
            *([HttpRoute(webhook.path, webhook.receive, methods=["POST"])] if webhook else []),
            *(_mount(plugin, declared) for plugin, declared in routes),
        ]
    )


def _mount(plugin: Plugin, routes: Sequence[Route]) -> Mount:
    """A plugin's routes answer 503 while its gate is closed."""

    def gated(route: Route) -> HttpRoute:
        async def endpoint(request: Request) -> Response:
            if not plugin.gate():
                return JSONResponse({"error": f"plugin {plugin.id} is paused"}, status_code=503)
            return await route.endpoint(request)

        return HttpRoute(route.path, endpoint, methods=list(route.methods))

    return Mount(f"/{plugin.id}", routes=[gated(route) for route in routes])


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the app, which drains before it stops."""
        yield


class WebServer:
    """uvicorn inside the process's own loop."""

    def __init__(self, app: Starlette, host: str, port: int, *, fixed_port: bool) -> None:
        """`fixed_port`: refuse to start on another port; else any free one will do."""
        self._app = app
        self._host = host
        self._port = port
        self._fixed_port = fixed_port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self) -> None:
        sock = self._bind()
        sock.listen()  # uvicorn listens a moment later; until then callers wait
        port = sock.getsockname()[1]
        self.url = f"http://{self._host}:{port}"
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=3,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[sock]), name="web")
        log.info("listening", url=self.url)

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self._host, self._port))
        except OSError as error:
            if not self._fixed_port:
                sock.bind((self._host, 0))
                log.warning("port taken, another one chosen", taken=self._port)
                return sock
            sock.close()
            raise PlugramError(
                f"The web server can't listen on {self._host}:{self._port}: {error.strerror}",
                hint="set [web] port to a free one, or 0 for any",
            ) from None
        return sock

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            self._server = self._task = None
