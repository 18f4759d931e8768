"""What comes in the body of a request: JSON, a form, or a form with files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from playground.errors import ApiError, bad_request

_BLOCK = 1 << 20


@dataclass
class Upload:
    """A file of a multipart body."""

    name: str
    mime: str
    stream: IO[bytes]
    size: int

    @property
    def sha256(self) -> str:
        """Of the content, as hex digits."""
        digest = hashlib.sha256()
        self.stream.seek(0)
        while block := self.stream.read(_BLOCK):
            digest.update(block)
        self.stream.seek(0)
        return digest.hexdigest()

    @classmethod
    def of(cls, name: str, content: bytes, mime: str = "") -> Upload:
        """An upload with this content."""
        return cls(name, mime, io.BytesIO(content), len(content))


@dataclass
class Form:
    """Parameters and files of a request."""

    fields: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of the temporary files."""
        for upload in self.uploads.values():
            upload.stream.close()


class TooLarge(ApiError):
    """The body or one of its files is larger than Telegram takes."""

    def __init__(self) -> None:
        super().__init__(413, "Request Entity Too Large")


async def read(request: Request, limit: int) -> Form:
    """The query, and the body whatever its type; later ones win.

    `limit` is in bytes and holds for each file, and for the body with a MiB of grace.
    Raises TooLarge, or ApiError when the body isn't what its type says.
    """
    form = Form(dict(request.query_params))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        await _multipart(request, form, limit)
        return form
    body = b"".join([block async for block in _limited(request, limit)])
    if kind == "application/json":
        form.fields.update(_json(body))
    elif kind == "application/x-www-form-urlencoded":
        form.fields.update(_urlencoded(body))
    return form


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body in blocks. One that is too long is read to its end before it is refused, so that
    its client sees the answer."""
    size = 0
    async for block in request.stream():
        size += len(block)
        if size <= limit + _BLOCK:
            yield block
    if size > limit + _BLOCK:
        raise TooLarge


async def _multipart(request: Request, form: Form, limit: int) -> None:
    try:
        async with aclosing(_limited(request, limit)) as blocks:
            parser = MultiPartParser(request.headers, blocks, max_part_size=_BLOCK)
            items = (await parser.parse()).multi_items()
    except MultiPartException as error:
        while (await request.receive()).get("more_body"):
            pass  # a client that is still writing wouldn't see the answer
        raise bad_request(f"can't parse the multipart body: {error.message}") from None
    for name, value in items:
        if isinstance(value, UploadFile):
            given = (value.filename or name, value.content_type or "", value.file, value.size or 0)
            if name in form.uploads:
                form.uploads[name].stream.close()  # of two files of one name the last one counts
            form.uploads[name] = Upload(*given)
        else:
            form.fields[name] = value
    if any(upload.size > limit for upload in form.uploads.values()):
        form.close()
        raise TooLarge


def _json(body: bytes) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request("can't parse request body as JSON") from None
    if not isinstance(value, dict):
        raise bad_request("expected an Object as request body")
    return value


def _urlencoded(body: bytes) -> Mapping[str, Any]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
