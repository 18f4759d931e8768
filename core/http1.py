"""HTTP/1.1 for small JSON calls, on the event loop itself.

A call through a client with a thread of its own wakes two threads twice, which costs more than the
call. Here a request is one write and an answer one callback, so a call costs a third. It speaks
what the Bot API needs: POST with a body, answers with a length or in chunks, kept connections,
TLS. Uploads and downloads, and deployments behind a proxy, go through pyreqwest.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections import deque
from typing import cast
from urllib.parse import urlsplit

IDLE = 50.0
"""Seconds that a connection is kept; servers drop them after a minute or more."""
_HEAD_LIMIT = 64 * 1024


class NotConnected(Exception):
    """No connection; the request didn't leave."""


class Lost(Exception):
    """The connection ended before the whole answer was there. `stale`: it was an old one, and not
    a byte came back; the server had most likely closed it already."""

    def __init__(self, what: str, *, stale: bool = False) -> None:
        super().__init__(what)
        self.stale = stale


class Http1:
    """Connections to one server."""

    def __init__(self, base: str, *, connect_timeout: float, user_agent: str = "plugram") -> None:
        """`base`: scheme, host and a path that all calls begin with. Raises ValueError."""
        parts = urlsplit(base)
        self._host = parts.hostname or ""
        self._tls = _trusting() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._connect_timeout = connect_timeout
        host = parts.netloc.rpartition("@")[2]
        self._headers = (
            f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nAccept: application/json\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode("ascii")
        self._heads: dict[str, bytes] = {}
        self._idle: deque[_Connection] = deque()
        self._closed = False

    async def post(self, path: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Status and body of the answer. Raises NotConnected, Lost, or TimeoutError."""
        head = self._heads.get(path)
        if head is None:
            head = self._heads[path] = f"POST {self._prefix}{path}".encode() + self._headers
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        connection = self._reuse(loop)
        if connection is None:
            connection = await self._connect(loop, min(seconds, self._connect_timeout))
        answer = connection.ask(head + b"%d\r\n\r\n" % len(body) + body)
        timer = loop.call_at(deadline, connection.too_late)
        try:
            status, content = await answer
        except BaseException:
            connection.abort()
            raise
        finally:
            timer.cancel()
        if connection.reusable and not self._closed:
            connection.idle_since = loop.time()
            self._idle.append(connection)
        else:
            connection.abort()
        return status, content

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().abort()

    def _reuse(self, loop: asyncio.AbstractEventLoop) -> _Connection | None:
        """The connection that was used last; those that are too old go."""
        idle = self._idle
        oldest = loop.time() - IDLE
        while idle and idle[0].idle_since < oldest:
            idle.popleft().abort()
        while idle:
            connection = idle.pop()
            if not connection.ended:
                return connection
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, seconds: float) -> _Connection:
        try:
            async with asyncio.timeout(seconds):
                _, protocol = await loop.create_connection(
                    lambda: _Connection(loop), self._host, self._port, ssl=self._tls
                )
        except TimeoutError:
            raise NotConnected("no connection in time") from None
        except (OSError, ssl.SSLError) as error:
            raise NotConnected(f"can't connect ({type(error).__name__})") from None
        return protocol


def is_proxied(base: str) -> bool:
    """Whether the environment (HTTPS_PROXY, NO_PROXY) wants a proxy for this server."""
    parts = urlsplit(base)
    proxies = urllib.request.getproxies()
    found = parts.scheme in proxies or "all" in proxies
    return found and not urllib.request.proxy_bypass(parts.hostname or "")


def _trusting() -> ssl.SSLContext:
    """The system's authorities, and certifi's: slim images have none."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.idle_since = 0.0
        self.ended = False
        self.reusable = True
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._used = False
        self._buffer = bytearray()
        self._status = 0
        self._length: int | None = None
        self._chunks: bytearray | None = None
        self._body_at = 0

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        answer = self._answer = self._loop.create_future()
        self._buffer.clear()
        self._body_at = 0
        if self._transport is None or self.ended:
            answer.set_exception(Lost("connection lost", stale=True))
        else:
            self._transport.write(request)
        return answer

    def too_late(self) -> None:
        self._fail(TimeoutError())

    def abort(self) -> None:
        self.ended = True
        if self._transport is not None:
            self._transport.abort()

    # -- the transport's calls ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked
            return
        self._buffer += data
        try:
            self._read()
        except (ValueError, IndexError):
            self._fail(Lost("not HTTP"))

    def eof_received(self) -> bool:
        if self._body_at and self._length is None and self._chunks is None:
            self._finish(bytes(self._buffer[self._body_at :]))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        stale = self._used and not self._buffer
        self._fail(Lost("connection lost", stale=stale))

    # -- reading ------------------------------------------------------------------------------

    def _read(self) -> None:
        if not self._body_at and not self._read_head():
            return
        if self._chunks is not None:
            self._read_chunks()
        elif self._length is not None:
            end = self._body_at + self._length
            if len(self._buffer) >= end:
                self._finish(bytes(self._buffer[self._body_at : end]))

    def _read_head(self) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > _HEAD_LIMIT:
                raise ValueError("endless head")
            return False
        if not buffer.startswith(b"HTTP/1."):
            raise ValueError("not HTTP")
        self._status = int(buffer[9:12])
        if self._status < 200:  # "100 Continue": the answer comes behind it
            del buffer[: end + 4]
            return self._read_head()
        head = bytes(buffer[:end]).lower()
        self._body_at = end + 4
        self._chunks = bytearray() if b"\r\ntransfer-encoding: chunked" in head else None
        at = head.find(b"\r\ncontent-length:")
        self._length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else None
        keeps = self._chunks is not None or self._length is not None
        self.reusable = keeps and b"\r\nconnection: close" not in head and head[7:8] == b"1"
        return True

    def _read_chunks(self) -> None:
        chunks = self._chunks
        buffer = self._buffer
        while chunks is not None:
            line_end = buffer.find(b"\r\n", self._body_at)
            if line_end < 0:
                return
            size = int(bytes(buffer[self._body_at : line_end]).split(b";", 1)[0], 16)
            start = line_end + 2
            if size == 0:
                # Trailers, if any, end with an empty line.
                if (end := buffer.find(b"\r\n", start)) < 0:
                    return
                self.reusable = self.reusable and end == start
                self._finish(bytes(chunks))
                return
            if len(buffer) < start + size + 2:
                return
            chunks += buffer[start : start + size]
            self._body_at = start + size + 2

    def _finish(self, body: bytes) -> None:
        self._used = True
        answer = self._answer
        if answer is not None and not answer.done():
            answer.set_result((self._status, body))

    def _fail(self, error: Exception) -> None:
        answer = self._answer
        if answer is not None and not answer.done():
            answer.set_exception(error)
