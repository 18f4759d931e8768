"""HTTP for the tests' client: one request over one connection, files in blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

_BLOCK = 1 << 18

Part = bytes | Path
"""Bytes, or the content of a file."""


async def request(
    url: str, verb: str, path: str, body: Sequence[Part], kind: str
) -> tuple[int, bytes]:
    """Status and body of the answer; 0 when the connection broke, OSError when there was none."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        head = (
            f"{verb} {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {sum(map(_size, body))}\r\n\r\n"
        )
        writer.write(head.encode())
        for part in body:
            await _write(writer, part)
        answer = await reader.read()
    finally:
        writer.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    if not top.startswith(b"HTTP/"):
        return 0, b""
    return int(top.split(b" ", 2)[1]), content


def part(field: str, content: Part, name: str, mime: str) -> tuple[bytes, Part]:
    """A file of a form: the head of its part, and the content."""
    name = name or (content.name if isinstance(content, Path) else "file.bin")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    head = (
        f'Content-Disposition: form-data; name="{field}"; filename="{escaped}"\r\n'
        f"Content-Type: {mime or 'application/octet-stream'}\r\n\r\n"
    )
    return head.encode(), content


def multipart(
    fields: Mapping[str, str], files: Sequence[tuple[bytes, Part]]
) -> tuple[str, list[Part]]:
    """Content type and body of a form."""
    boundary = uuid4().hex
    body: list[Part] = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    for head, content in files:
        body += [f"--{boundary}\r\n".encode() + head, content, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", body


def _size(part: Part) -> int:
    return len(part) if isinstance(part, bytes) else part.stat().st_size


async def _write(writer: asyncio.StreamWriter, part: Part) -> None:
    if isinstance(part, bytes):
        writer.write(part)
        await writer.drain()
        return
    with await asyncio.to_thread(part.open, "rb") as stream:
        while block := await asyncio.to_thread(stream.read, _BLOCK):
            writer.write(block)
            await writer.drain()
