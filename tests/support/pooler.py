"""PgBouncer's transaction mode in small, at the level of the wire.

A client has a server's connection from the first message of a transaction to the end of it, and
the next time another one: what a client leaves behind (settings, prepared statements, LISTEN)
is met by somebody else. Parameters at start that a pooler does not know are refused.
It can also break: `cut_at_begin` connections are closed on both sides when a client says BEGIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.servers import HOST

_KNOWN = {
    *("user", "database", "application_name", "client_encoding", "datestyle", "timezone"),
    *("standard_conforming_strings", "options"),
}
_SSL, _CANCEL, _VERSION_3 = 80877103, 80877102, 196608
_ENDS = b"QS"
"""Messages that are answered with ReadyForQuery: Query, Sync."""


class Server:
    """A connection to the real server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = b""
        """What it told of itself: ParameterStatus messages."""

    async def start(self, user: str, name: str) -> None:
        fields = f"user\0{user}\0database\0{name}\0\0".encode()
        self.writer.write(struct.pack("!ii", 8 + len(fields), _VERSION_3) + fields)
        while True:
            kind, message = await read(self.reader)
            if kind == b"E":
                raise ConnectionError(message[5:].replace(b"\0", b" ").decode())
            if kind == b"S":
                self.greeting += message
            if kind == b"Z":
                return


class Pooler:
    """`async with Pooler(url, servers=2) as pooler: … pooler.url`."""

    def __init__(self, url: str, *, servers: int = 2) -> None:
        self._real = urlsplit(url)
        self._number = servers
        self._idle: deque[Server] = deque()
        self._free = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.handed_out = 0
        """How often a connection was given to a client."""
        self.cut_at_begin = 0
        """How many more BEGINs break the connection."""

    async def __aenter__(self) -> Self:
        for _ in range(self._number):
            self._idle.append(await self._opened())
        self._listener = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    @property
    def url(self) -> str:
        real = self._real
        return (
            f"postgresql://{real.username}:x@{HOST}:{self.port}{real.path}?statement_cache_size=0"
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._idle:
            server.writer.close()

    async def _opened(self) -> Server:
        server = Server(*await asyncio.open_connection(self._real.hostname, self._real.port))
        try:
            await server.start(self._real.username or "", self._real.path.lstrip("/"))
        except BaseException:
            server.writer.close()
            raise
        return server

    async def _again(self) -> Server:
        """A new one, once the server takes it."""
        while True:
            try:
                return await self._opened()
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)

    async def _take(self) -> Server:
        async with self._free:
            await self._free.wait_for(lambda: self._idle)
            self.handed_out += 1
            return self._idle.popleft()  # the one that rested longest: never the last one's

    async def _give_back(self, server: Server, *, broken: bool = False) -> None:
        if broken:
            server.writer.close()
            server = await self._again()
        async with self._free:
            self._idle.append(server)
            self._free.notify()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if await self._welcome(reader, writer):
                    await _Client(self, reader, writer).serve()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            length, code = struct.unpack("!ii", await reader.readexactly(8))
            rest = await reader.readexactly(length - 8)
            if code == _CANCEL:
                return False
            if code != _SSL:
                break
            writer.write(b"N")
        words = rest.rstrip(b"\0").decode().split("\0")
        strange = set(words[::2]) - _KNOWN
        if strange:
            text = f"unsupported startup parameter: {', '.join(sorted(strange))}"
            body = f"SERROR\0C08P01\0M{text}\0\0".encode()
            writer.write(b"E" + struct.pack("!i", 4 + len(body)) + body)
            return False
        async with self._free:
            await self._free.wait_for(lambda: self._idle)
            greeting = self._idle[0].greeting
        key = b"K" + struct.pack("!iii", 12, 1, 1)
        writer.write(b"R" + struct.pack("!ii", 8, 0) + greeting + key + b"Z\0\0\0\5I")
        return True


class _Client:
    def __init__(
        self, pooler: Pooler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._pooler = pooler
        self._reader = reader
        self._writer = writer
        self._server: Server | None = None
        self._pump: asyncio.Task[None] | None = None
        self._unanswered = 0

    async def serve(self) -> None:
        try:
            while True:
                kind, message = await read(self._reader)
                if kind == b"X":
                    return
                if self._server is None:
                    self._server = await self._pooler._take()
                    self._pump = asyncio.create_task(self._answers(self._server))
                if kind == b"Q" and message[5:].startswith(b"BEGIN") and self._pooler.cut_at_begin:
                    self._pooler.cut_at_begin -= 1
                    return
                self._unanswered += kind in _ENDS
                self._server.writer.write(message)
        finally:
            if self._pump is not None:
                self._pump.cancel()
            if self._server is not None:  # in a transaction, or in the middle of something
                await self._pooler._give_back(self._server, broken=True)

    async def _answers(self, server: Server) -> None:
        """Until the transaction is over. Without the server the client is alone too."""
        while True:
            try:
                kind, message = await read(server.reader)
            except (OSError, asyncio.IncompleteReadError):
                self._writer.close()
                return
            over = False
            if kind == b"Z":
                self._unanswered -= 1
                over = message[5:] == b"I" and not self._unanswered
            if over:
                self._server = None
                await self._pooler._give_back(server)
            self._writer.write(message)
            if over:
                return


async def read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """A message of the protocol: its kind, and all of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)
