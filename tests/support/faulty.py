"""A proxy before an HTTP server that does to requests what networks and overloaded servers do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.support.servers import HOST

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as its head."""

    number: int
    """From 0, over all connections."""
    method: str
    target: str
    """Path and query."""
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request instead of what should."""

    kind: str
    """`reset`: cut in the middle of the request. `hang`: never answered. `half`: the server does
    it, and the answer is cut in the middle. `answer`: `status` and `body` instead of the
    server's."""
    status: int = 500
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


RESET, HANG, HALF = Fault("reset"), Fault("hang"), Fault("half")


def refusal(status: int, code: str, *, region: str = "", **headers: str) -> Fault:
    """An error as AWS words it."""
    where = f"<Region>{region}</Region>" if region else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{code} it is</Message>{where}"
        "<RequestId>4442587FB7D0A2F9</RequestId><HostId>x</HostId></Error>"
    )
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Fault("answer", status, body.encode(), (("Content-Type", "application/xml"), *named))


BROKEN = refusal(500, "InternalError")


class FaultyProxy:
    """`async with FaultyProxy(port) as proxy`: `proxy.plan` says of each request what is done to
    it, None for nothing; `proxy.asked` has them all."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self.plan: Callable[[Asked], Fault | None] = lambda asked: None
        self.asked: list[Asked] = []
        self.faults: list[str] = []
        """Kinds of those that happened."""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the connection ends with it."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        asked = Asked(len(self.asked), method, target, headers)
        self.asked.append(asked)
        fault = self.plan(asked)
        if fault is not None:
            self.faults.append(fault.kind)
        if fault is HANG:
            await asyncio.sleep(3600)
        if headers.get("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = int(headers.get("content-length", "0"))
        if fault is RESET:
            await _pass_on(reader, None, size // 2)
            return
        if fault is not None and fault.kind == "answer":
            await _pass_on(reader, None, size)
            await _answer(writer, fault, method)
            return
        await self._forward(reader, writer, lines, size, cut=fault is HALF)

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        lines: list[str],
        size: int,
        *,
        cut: bool,
    ) -> None:
        kept = [line for line in lines[1:] if not line.lower().startswith(("expect", "connection"))]
        head = "\r\n".join([lines[0], "Connection: close", *kept])
        server, upstream = await asyncio.open_connection(HOST, self._upstream)
        try:
            upstream.write(head.encode("latin-1"))
            await _pass_on(reader, upstream, size)
            answer = await server.readuntil(b"\r\n\r\n")
            length = _length(answer)
            if cut and not length:
                return
            writer.write(answer)
            await _pass_on(server, writer, length // 2 if cut else length)
            if not cut and length < 0:
                await _pass_on(server, writer, 1 << 62)
            await writer.drain()
            if cut:
                await asyncio.sleep(0.05)  # what was sent arrives before the reset does
            else:
                writer.close()
                await writer.wait_closed()
        finally:
            upstream.close()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None, size: int
) -> None:
    while size > 0:
        piece = await reader.read(min(size, _PIECE))
        if not piece:
            return
        size -= len(piece)
        if writer is not None:
            writer.write(piece)
            await writer.drain()


async def _answer(writer: asyncio.StreamWriter, fault: Fault, method: str) -> None:
    body = b"" if method == "HEAD" else fault.body
    lines = [f"HTTP/1.1 {fault.status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fault.headers]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def _length(head: bytes) -> int:
    """Bytes of an answer's body; -1 where it ends with the connection."""
    for line in head.decode("latin-1").lower().split("\r\n"):
        name, _, value = line.partition(":")
        if name == "content-length":
            return int(value)
    return -1
