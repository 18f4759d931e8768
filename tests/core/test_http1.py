"""The HTTP client for JSON calls, against servers that speak HTTP in every way, and none."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.http1 import Http1, Lost, NotConnected, is_proxied

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that talks as told with each connection; its address."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    try:
        yield f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}/base"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


async def request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


def answering(*answers: bytes, pieces: int = 0, then_close: bool = False) -> Talk:
    """Answers to the requests of a connection, whole or in pieces of so many bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request(reader)
            step = pieces or len(answer) or 1
            for at in range(0, len(answer), step):
                writer.write(answer[at : at + step])
                await writer.drain()
                if pieces:
                    await asyncio.sleep(0)
        if not then_close:
            await reader.read()

    return talk


async def ask(url: str, seconds: float = 5.0) -> tuple[int, bytes]:
    client = Http1(url, connect_timeout=2)
    try:
        return await client.post("/call", b"{}", seconds)
    finally:
        client.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"ok"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length:2\r\nX: y\r\n\r\nno", 404, b"no"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
            200,
            b"hello world",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
            200,
            b"a",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ],
)
async def test_reads_answers_of_every_kind(
    answer: bytes, status: int, body: bytes, pieces: int
) -> None:
    async with serving(answering(answer, pieces=pieces)) as url:
        assert await ask(url) == (status, body)


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it", then_close=True)) as url:
        assert await ask(url) == (200, b"all of it")


async def test_asks_as_http_wants_it() -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await request(reader)
            heads.append(head)
            assert body == b'{"a":1}'
            writer.write(OK)

    async with serving(talk) as url:
        client = Http1(url, connect_timeout=2)
        await client.post("/method", b'{"a":1}', 5)
        client.close()
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "POST /base/method HTTP/1.1"
    assert f"Host: {url.removeprefix('http://').removesuffix('/base')}" in lines
    assert "Content-Type: application/json" in lines


async def test_connections_are_kept_and_used_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(*[OK] * 100)(reader, writer)

    async with serving(talk) as url:
        client = Http1(url, connect_timeout=2)
        for _ in range(20):
            await client.post("/x", b"{}", 5)
        assert connections == 1
        await asyncio.gather(*(client.post("/x", b"{}", 5) for _ in range(5)))
        assert connections <= 5
        client.close()


async def test_a_connection_that_shall_close_isnt_used_again() -> None:
    connections = 0
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(closing)(reader, writer)

    async with serving(talk) as url:
        client = Http1(url, connect_timeout=2)
        for _ in range(3):
            await client.post("/x", b"{}", 5)
        client.close()
    assert connections == 3


async def test_a_connection_that_the_server_closed_is_left_alone() -> None:
    async with serving(answering(OK, then_close=True)) as url:
        client = Http1(url, connect_timeout=2)
        for _ in range(3):
            assert await client.post("/x", b"{}", 5) == (200, b"ok")
            await asyncio.sleep(0.02)
        client.close()


async def test_old_connections_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.http1.IDLE", 0.0)
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(*[OK] * 9)(reader, writer)

    async with serving(talk) as url:
        client = Http1(url, connect_timeout=2)
        for _ in range(3):
            await client.post("/x", b"{}", 5)
            await asyncio.sleep(0.01)
        client.close()
    assert connections == 3


async def test_a_lost_connection_says_whether_it_was_an_old_one() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        await request(reader)
        writer.transport.abort()

    async with serving(talk) as url:
        client = Http1(url, connect_timeout=2)
        await client.post("/x", b"{}", 5)
        with pytest.raises(Lost) as caught:
            await client.post("/x", b"{}", 5)
        assert caught.value.stale
        client.close()
    async with serving(answering(b"", then_close=True)) as url:
        with pytest.raises(Lost) as caught:
            await ask(url)
        assert not caught.value.stale


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    ],
)
async def test_half_an_answer_or_none_is_lost(answer: bytes) -> None:
    async with serving(answering(answer, then_close=True)) as url:
        with pytest.raises(Lost):
            await ask(url)


async def test_has_a_time_limit_also_for_a_trickle() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for byte in OK:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.1)

    async with serving(talk) as url:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await ask(url, 0.3)
        assert asyncio.get_running_loop().time() - began < 1


async def test_a_cancelled_call_gives_its_connection_up() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await reader.read()
        else:
            await answering(OK)(reader, writer)

    async with serving(talk) as url:
        client = Http1(url, connect_timeout=2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.post("/x", b"{}", 5)
        assert await client.post("/x", b"{}", 5) == (200, b"ok")
        client.close()
    assert connections == 2


async def test_nobody_there() -> None:
    with pytest.raises(NotConnected, match="can't connect"):
        await ask("http://127.0.0.1:9")
    with pytest.raises(NotConnected):
        await ask("http://nowhere.invalid")


async def test_speaks_tls_and_checks_who_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(key), "-out", str(certificate))
    made = await asyncio.to_thread(
        subprocess.run,
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            *subject,
            *files,
        ],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("no openssl to make a certificate with")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with serving(answering(OK, OK), tls) as url:
        with pytest.raises(NotConnected, match="SSL"):
            await ask(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await ask(url) == (200, b"ok")


def test_a_proxy_of_the_environment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not is_proxied("https://api.telegram.org")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert is_proxied("https://api.telegram.org")
    assert not is_proxied("http://bot-api:8081")
    monkeypatch.setenv("NO_PROXY", "localhost,.telegram.org")
    assert not is_proxied("https://api.telegram.org")
