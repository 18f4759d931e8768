"""The server: the ASGI app, and ways to run it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import mimetypes
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn

from playground.actions import Actions
from playground.botapi import BotApi
from playground.chats import Chats
from playground.control import Control
from playground.rig import Rig
from playground.world import World

_PATIENCE = 0.3
"""Seconds that requests get to end at shutdown."""
_PAGE = Path(__file__).with_name("page")
_PAGE_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class App:
    """The whole playground as one ASGI app."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = BotApi(world)
        clicks, inline = self.api.services.clicks, self.api.services.inline
        doors = (Control(world, clicks), Actions(world, inline), Chats(world), Rig(world, self.api))
        self._rest = Starlette(
            routes=[
                *(route for door in doors for route in door.routes()),
                Route("/", _page),
                Route("/page/{name}", _page),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bot API calls go straight to their door; they are what has to be fast."""
        if scope["type"] == "http" and scope["path"].startswith(("/bot", "/file/bot")):
            await self.api(scope, receive, send)
        elif scope["type"] == "http" and not _local_name(scope):
            await Response("unknown host", 421)(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.world.store.start()
        self.api.services.webhooks.start()
        yield
        self.world.events.close()
        await self.api.services.webhooks.close()
        await self.world.store.close()
        self.world.files.close()


def create(data_dir: Path | None = None, *, local: bool = False) -> App:
    """The ASGI app; it keeps its state in `data_dir`, or in memory when that is None. `local`
    makes it a Bot API server of one's own with --local."""
    app = App(World(data_dir))
    app.world.files.local = local
    return app


@dataclass(frozen=True)
class Running:
    """A playground that runs in this process."""

    url: str
    """Without a slash at the end: what a bot calls its API base."""
    app: App

    @property
    def token(self) -> str:
        """Of the first bot."""
        return next(iter(self.app.world.bots.values())).token


@contextlib.asynccontextmanager
async def serve(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    data_dir: Path | None = None,
    local: bool = False,
) -> AsyncIterator[Running]:
    """Run a playground in this event loop; port 0 is any free one."""
    app = create(data_dir, local=local)
    sock = listen(host, port, strict=True)
    server = Server(app)
    await server.open(sock)
    try:
        yield Running(f"http://{host}:{sock.getsockname()[1]}", app)
    finally:
        await server.shut()


async def run(
    host: str, port: int, data_dir: Path | None, *, strict_port: bool, local: bool = False
) -> None:
    """Run until SIGINT or SIGTERM. Raises OSError when no port can be had."""
    sock = listen(host, port, strict=strict_port)
    server = Server(create(data_dir, local=local))
    await server.open(sock)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - only compared
    print(f"Playground: http://{shown}:{sock.getsockname()[1]}/", flush=True)  # noqa: T201
    try:
        await stop.wait()
    finally:
        await server.shut()


class Server(uvicorn.Server):
    """uvicorn without its own signal handling, which stops in milliseconds: the playground has
    nothing to finish for its clients, and each of many tests starts one."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                ws="none",
                server_header=False,
                timeout_keep_alive=75,
                backlog=2048,
            )
        )
        self._app = app

    async def open(self, sock: socket.socket) -> None:
        """Begin to listen."""
        self.config.load()
        self.lifespan = LifespanOn(self.config)
        await self.startup(sockets=[sock])

    async def shut(self) -> None:
        """Stop listening, end the streams, break the connections, save the state."""
        for listener in self.servers:
            listener.close()
        self._app.world.events.close()
        await asyncio.sleep(0)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:  # a request ends when it sees that its client is gone
            await asyncio.wait(self.server_state.tasks, timeout=_PATIENCE)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self.lifespan.shutdown()


def listen(host: str, port: int, *, strict: bool) -> socket.socket:
    """A listening socket on the port, or on another free one when it is taken and not `strict`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if strict or error.errno != errno.EADDRINUSE:
            raise
        return listen(host, 0, strict=True)
    sock.listen(2048)
    sock.setblocking(False)
    return sock


async def _page(request: Request) -> Response:
    path = _PAGE / request.path_params.get("name", "index.html")
    if path.parent != _PAGE or not path.is_file():
        return Response("Not Found", 404)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileResponse(path, headers=_PAGE_HEADERS, media_type=kind)


def _local_name(scope: Scope) -> bool:
    """Whether the request names this machine as a page on it would: by address or by a plain name.

    A site that points its own name at 127.0.0.1 could otherwise use the playground through the
    browser of whoever opens it.
    """
    named = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    name = named.rpartition(":")[0] if named.rpartition(":")[2].isdigit() else named
    if "." not in name or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
