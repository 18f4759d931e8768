"""The one ASGI app of a process: health, webhook, and plugins' routes under `/<plugin id>/`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as HttpRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.errors import PlugramError
from core.health import HealthChecks, ready
from core.log import get_logger

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from core.host.plugin import Plugin, Route
    from core.telegram.webhook import Webhook

log = get_logger("web")

KEEP_ALIVE = 75
"""Seconds for which an idle connection stays: longer than proxies keep theirs, so that none of them
sends a request into a connection that is being closed."""
HEAD_SECONDS = 10.0
"""In which the head of a request must have come."""


def build(
    checks: HealthChecks,
    routes: Sequence[tuple[Plugin, Sequence[Route]]],
    *,
    started: Callable[[], bool],
    webhook: Webhook | None = None,
    ended: Callable[[], str] = str,
) -> ASGIApp:
    """`/healthz`: the process lives, its loop turns, and nothing that it is there for has `ended`.
    `/readyz`: every check passes, and start-up is over."""

    async def healthz(_: Request) -> Response:
        if why := ended():
            return JSONResponse({"status": "ended", "what": why}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        results = await checks.run()
        ok = started() and ready(results)
        body = {
            "status": "ready" if ok else "starting" if not started() else "not ready",
            "checks": [result.as_dict() for result in results],
        }
        return JSONResponse(body, status_code=200 if ok else 503)

    pages = Starlette(
        routes=[
            HttpRoute("/healthz", healthz),
            HttpRoute("/readyz", readyz),
            *(_mount(plugin, declared) for plugin, declared in routes),
        ]
    )
    return pages if webhook is None else _beside(pages, webhook)


def _beside(pages: ASGIApp, webhook: Webhook) -> ASGIApp:
    """The webhook without the layers that pages need: it is called for every update."""
    path = webhook.path

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == path:
            await webhook(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return app


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


class _Connection(HttpToolsProtocol):
    """One that knows since when it waits for the rest of a request's head."""

    waits_since = 0.0
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.waits_since = self.loop.time()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if not (self.waits_since or self._in_body):
            self.waits_since = self.loop.time()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self.waits_since, self._in_body = 0.0, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()


class WebServer:
    """uvicorn inside the process's own loop."""

    def __init__(self, app: ASGIApp, host: str, port: int, *, fixed_port: bool) -> None:
        """`fixed_port`: refuse to start on another port; else any free one will do."""
        self._app = app
        self._host = host
        self._port = port
        self._fixed_port = fixed_port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self) -> None:
        sock = self._bind()
        sock.listen()  # uvicorn listens a moment later; until then callers wait
        port = sock.getsockname()[1]
        self.url = f"http://{self._host}:{port}"
        config = uvicorn.Config(
            self._app,
            http=_Connection,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=3,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[sock]), name="web")
        self._sweeping = asyncio.create_task(self._sweep(self._server), name="web-sweep")
        log.info("listening", url=self.url)

    async def _sweep(self, server: uvicorn.Server) -> None:
        """Close the connections that take too long over the head of a request: they are somebody's
        who wants to use them up."""
        while True:
            await asyncio.sleep(HEAD_SECONDS / 4)
            since = asyncio.get_running_loop().time() - HEAD_SECONDS
            for one in list(server.server_state.connections):
                if isinstance(one, _Connection) and 0 < one.waits_since < since:
                    one.transport.close()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken = False
        try:
            try:
                sock.bind((self._host, self._port))
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                if self._fixed_port or not taken:
                    raise
                sock.bind((self._host, 0))
        except OSError as error:
            sock.close()
            raise PlugramError(
                f"The web server can't listen on {self._host}:{self._port}: {error.strerror}",
                hint="set [web] port to a free one, or 0 for any"
                if taken
                else "set [web] host to an address of this machine, and port to one it may use",
            ) from None
        if taken:
            log.warning("port taken, another one chosen", taken=self._port)
        return sock

    async def stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            self._server = self._task = None
