"""The Bot API over HTTP, thin: a method and a dict in, the JSON result out.

Everything that talks to Telegram goes through here, aiogram's session included: time-outs, retries
with back-off, the limiter, and errors of `core.errors` that never hold the token.

What a retry may cost. A call that surely didn't reach Telegram is repeated. One whose outcome is
unknown (time-out, lost connection, 5xx) is repeated too, so a message may come twice: sends are at
least once. In the lane `BULK` such a call isn't repeated but raises TelegramAway with `ambiguous`
set: there the campaign's ledger decides, and sends are at most once.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any, Protocol

import orjson
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    PoolTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.http import Url
from pyreqwest.multipart import FormBuilder, PartBuilder

from core import log as logs
from core import trace as tracing
from core.errors import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    NotModified,
    ParseError,
    RetryAfter,
    TelegramAway,
    TelegramError,
    Unauthorized,
)
from core.metrics import counter
from core.retry import Backoff
from core.telegram.outgoing import Chat, Lane, Limiter

if TYPE_CHECKING:
    from pyreqwest.client import Client
    from pyreqwest.request import RequestBuilder
    from pyreqwest.response import Response

PUBLIC_SERVER = "https://api.telegram.org"
PUBLIC_DOWNLOAD_LIMIT = 20 * 1024 * 1024
"""Bytes that the public server lets a bot download."""
PUBLIC_UPLOAD_LIMIT = 50 * 1024 * 1024
"""Bytes that it takes from one."""
LOCAL_DOWNLOAD_LIMIT = 2000 * 1024 * 1024

PATIENCE = {Lane.REPLY: 8.0, Lane.EDIT: 8.0, Lane.NOTIFICATION: 60.0, Lane.BULK: 300.0}
"""Seconds of `retry_after` that a call of a lane sits out; beyond, it raises RetryAfter."""

_LONGEST_PAUSE = 30.0
_AT_ONCE = 0.05
"""Seconds to the first retry of a call that didn't leave: the server may have restarted."""
_PIECE = 1 << 20
_CONNECTING = re.compile(r"client error \(Connect\)")
"""In an error's causes if there was no connection; pyreqwest's classes don't tell: what fails
before an answer is a ConnectError to them, even after the request was sent."""
_JSON = "application/json"

log = logs.get_logger("wire")


class HttpSettings(Protocol):
    """The `[http]` section, in seconds."""

    @property
    def timeout(self) -> float: ...
    @property
    def download_timeout(self) -> float: ...
    @property
    def retries(self) -> int: ...
    @property
    def backoff_base(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send: its bytes, its path, or a function that starts a stream of its bytes."""

    source: Path | bytes | Callable[[], AsyncIterable[bytes]]
    name: str = ""
    """Name that the chat sees; that of the path if empty."""
    mime: str = ""


class Wire:
    """A client of the Bot API for one bot."""

    def __init__(self, token: str, api_base: str, http: HttpSettings, limiter: Limiter) -> None:
        logs.secret(token)
        self.bot_id = int(token.partition(":")[0])
        self.limiter = limiter
        self._api_base = api_base.rstrip("/")
        self._base = f"{self._api_base}/bot{token}/"
        self._files = f"{self._api_base}/file/bot{token}/"
        self._http = http
        self._client: Client | None = None
        self._urls: dict[str, Url] = {}

    @property
    def download_limit(self) -> int:
        """Bytes of the largest file that can be downloaded."""
        public = self._api_base == PUBLIC_SERVER
        return PUBLIC_DOWNLOAD_LIMIT if public else LOCAL_DOWNLOAD_LIMIT

    @property
    def upload_limit(self) -> int:
        """Bytes of the largest file that can be sent."""
        return PUBLIC_UPLOAD_LIMIT if self._api_base == PUBLIC_SERVER else LOCAL_DOWNLOAD_LIMIT

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        lane: Lane | None = None,
        files: Mapping[str, Upload] | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Any:
        """Call a method; the `result` of Telegram's answer.

        Parameters are JSON values; those that are None are left out. `lane` is by default EDIT
        for edits and REPLY for the rest. `files`: parameter name → upload, sent as multipart.
        `timeout` is for one try, in seconds; `retries` of tries that fail, by default the
        setting's, and with 0 a ban isn't sat out either. Raises TelegramError.
        """
        given = {} if params is None else params
        counted, chat, lane = self._order(method, given, lane)
        if counted and not self.limiter.go(chat, lane):
            await self.limiter.admit(chat, lane)
        if lane is Lane.BULK and self.limiter.rates.paid:
            given = {**given, "allow_paid_broadcast": True}
        try:
            return await self._attempt(method, given, files, timeout)
        except (RetryAfter, TelegramAway) as error:
            again = _Retries(self, method, lane, chat if counted else None, retries)
            return await again.after(error, lambda: self._attempt(method, given, files, timeout))

    async def download(self, file_id: str, path: Path, *, limit: int | None = None) -> int:
        """Stream a file of Telegram's to `path`; its size in bytes.

        Raises BadRequest when it is larger than `limit` (by default what the server allows), and
        TelegramError; nothing is left at `path` then.
        """
        limit = self.download_limit if limit is None else limit
        described = await self.call("getFile", {"file_id": file_id})
        size = int(described.get("file_size") or 0)
        if size > limit:
            raise _too_large(size, limit)
        location = str(described.get("file_path") or "")
        if location.startswith("/") and await asyncio.to_thread(Path(location).is_file):
            # A local Bot API server on this machine hands out the path of its own copy.
            return await asyncio.to_thread(_copy, Path(location), path, limit)

        async def fetch() -> int:
            return await self._stream(location.lstrip("/"), path, limit)

        try:
            return await fetch()
        except BadRequest as error:
            if location.startswith("/"):
                error.hint = f"share the Bot API server's folder: {location} can't be read here"
            raise
        except (RetryAfter, TelegramAway) as error:
            again = _Retries(self, "download", Lane.REPLY, None, None)
            return int(await again.after(error, fetch))

    async def chunks(self, location: str, size: int) -> AsyncGenerator[bytes, None]:
        """The bytes behind a `file_path` of getFile, in chunks of at most `size`."""
        whole = timedelta(seconds=self._http.download_timeout)
        try:
            request = self._open().get(self._files + location).timeout(whole).build_streamed()
            async with request as response:
                if response.status != 200:
                    raise error_of("download", response.status, await _json(response))
                while True:
                    with _cancellable():
                        piece = await response.body_reader.read(size)
                    if piece is None:
                        return
                    yield piece.to_bytes()
        except PyreqwestError as error:
            raise _failure("download", error) from None

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # -- one try ------------------------------------------------------------------------------

    def _order(
        self, method: str, params: Mapping[str, Any], lane: Lane | None
    ) -> tuple[bool, Chat | None, Lane]:
        """Whether the call counts against the limits, its chat, and its lane."""
        counted, usual = _rule(method)
        return counted, params.get("chat_id") if counted else None, usual if lane is None else lane

    async def _attempt(
        self,
        method: str,
        params: Mapping[str, Any],
        files: Mapping[str, Upload] | None,
        seconds: float | None,
    ) -> Any:
        trace = tracing.current()
        if trace is None:
            return await self._exchange(method, params, files, seconds)
        call = trace.calling(method)
        watched: dict[str, tracing.Watched] = {}
        if files:
            watched = {name: tracing.Watched(upload) for name, upload in files.items()}
            files = {name: one.upload for name, one in watched.items()}
        began = perf_counter()
        try:
            result = await self._exchange(method, params, files, seconds, call)
        except TelegramError as error:
            call.refused(error, perf_counter() - began)
            raise
        finally:
            if watched:
                call.files = {name: await one.described() for name, one in watched.items()}
        call.answered(result, perf_counter() - began)
        return result

    async def _exchange(
        self,
        method: str,
        params: Mapping[str, Any],
        files: Mapping[str, Upload] | None,
        seconds: float | None,
        call: tracing.Call | None = None,
    ) -> Any:
        """A request and its answer; what was asked is noted in `call`."""
        try:
            request = self._request(method)
            if files:
                request = request.multipart(await _form(params, files))
                body = orjson.dumps(params) if call else b""
            else:
                body = orjson.dumps(params)
                if b":null" in body:
                    body = orjson.dumps({k: v for k, v in params.items() if v is not None})
                request = request.header("Content-Type", _JSON).body_bytes(body)
            if call is not None:
                call.params = body
            if seconds is not None:
                request = request.timeout(timedelta(seconds=seconds))
            with _cancellable():
                response = await request.build().send()
                content = await response.bytes()
        except (PyreqwestError, ValueError) as error:
            raise _failure(method, error) from None
        try:
            answer = orjson.loads(memoryview(content))
            if answer["ok"] is True:
                return answer["result"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            answer = {}
        raise error_of(method, response.status, answer)

    def _request(self, method: str) -> RequestBuilder:
        url = self._urls.get(method)
        if url is None:
            url = self._urls[method] = Url(self._base + method)  # parsed once
        return self._open().post(url)

    def _open(self) -> Client:
        """The HTTP client; made at first use, in the process and loop that use it."""
        if self._client is None:
            self._client = (
                ClientBuilder()
                .timeout(timedelta(seconds=self._http.timeout))
                .connect_timeout(timedelta(seconds=min(10.0, self._http.timeout)))
                .follow_redirects(False)
                .user_agent("plugram")
                .gzip(False)
                .brotli(False)
                .zstd(False)
                .deflate(False)
                .build()
            )
        return self._client

    async def _stream(self, location: str, path: Path, limit: int) -> int:
        partial = path.with_name(path.name + ".part")
        try:
            async with contextlib.aclosing(self.chunks(location, _PIECE)) as pieces:
                size = await _save(pieces, partial, limit)
            await asyncio.to_thread(partial.replace, path)
            return size
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)


@contextlib.contextmanager
def _cancellable() -> Iterator[None]:
    """pyreqwest answers even when cancelled if the answer came in the same moment, and the
    cancellation is gone: a poller that nobody can stop. Whatever was cancelled inside, is."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    yield
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


class _Retries:
    """What happens after a call's first try failed."""

    def __init__(
        self, wire: Wire, method: str, lane: Lane, chat: Chat | None, retries: int | None
    ) -> None:
        self._wire = wire
        self._method = method
        self._lane = lane
        self._chat = chat
        http = wire._http  # noqa: SLF001 - same module
        self._left = http.retries if retries is None else retries
        self._hurried = retries == 0
        self._backoff = Backoff(http.backoff_base, http.backoff_base, _LONGEST_PAUSE)
        self._failures = 0
        self._patience = PATIENCE[lane]

    async def after(self, error: TelegramError, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """Try again until it works, or raise the error that can't be waited for."""
        while True:
            await self._pause(error)
            try:
                return await attempt()
            except (RetryAfter, TelegramAway) as again:
                error = again

    async def _pause(self, error: TelegramError) -> None:
        """Sit out what the error asks for, or raise it."""
        counter("telegram_retries", "Calls to Telegram tried again", "method").labels(
            self._method
        ).inc()
        if isinstance(error, RetryAfter):
            await self._sit_out(error)
            return
        ambiguous = isinstance(error, TelegramAway) and error.ambiguous
        if self._left <= 0 or (ambiguous and self._lane is Lane.BULK):
            raise error
        self._left -= 1
        self._failures += 1
        if self._failures == 1 and not ambiguous:
            await asyncio.sleep(_AT_ONCE)
        else:
            await asyncio.sleep(self._backoff.pause(self._failures))

    async def _sit_out(self, error: RetryAfter) -> None:
        limiter = self._wire.limiter
        limiter.banned(self._chat, error.seconds)
        self._patience -= error.seconds
        if self._patience < 0 or self._hurried:
            raise error
        waited = await limiter.admit(self._chat, self._lane)
        log.info("waited out a 429", method=self._method, seconds=round(waited, 2))


# -- errors -------------------------------------------------------------------------------------


def error_of(method: str, status: int, answer: Mapping[str, Any]) -> TelegramError:
    """Telegram's refusal as one of our errors."""
    code = int(answer.get("error_code") or status)
    said = logs.redact(str(answer.get("description") or f"HTTP {status}"))
    text = f"{method}: {said}"
    parameters = answer.get("parameters") or {}
    lowered = said.lower()
    if code == 429 or "retry_after" in parameters:
        return RetryAfter(text, seconds=float(parameters.get("retry_after") or 1), method=method)
    if "migrate_to_chat_id" in parameters:
        return ChatMigrated(text, new_chat_id=int(parameters["migrate_to_chat_id"]), method=method)
    if code >= 500 or code < 400:
        away = TelegramAway(text, method=method, code=code, hint="Telegram has a fault; try later")
        away.ambiguous = True
        return away
    if code == 401 or (code == 404 and lowered == "not found"):
        hint = "check [bot] token: was it revoked?"
        return Unauthorized(text, method=method, code=code, hint=hint)
    if code == 403:
        return Forbidden(text, method=method, code=code)
    if code == 409:
        hint = "another program polls with this token, or a webhook is set"
        return Conflict(text, method=method, code=code, hint=hint)
    if code == 400 and "not modified" in lowered:
        return NotModified(text, method=method, code=code)
    if code == 400 and "can't parse" in lowered:
        return ParseError(text, method=method, code=code)
    if code in (400, 413):
        return BadRequest(text, method=method, code=code)
    return TelegramError(text, method=method, code=code)


def _failure(method: str, error: PyreqwestError | ValueError) -> TelegramError:
    """A failure on the way. The client's own text may hold the URL, and so the token: dropped."""
    if isinstance(error, BuilderError) or not isinstance(error, PyreqwestError):
        return BadRequest(f"{method}: the request can't be built", method=method)
    reached = not isinstance(error, PoolTimeoutError) and not _CONNECTING.search(str(error))
    if not reached:
        what = "can't connect"
    elif isinstance(error, RequestTimeoutError):
        what = "no answer in time"
    else:
        what = "connection lost"
    hint = "check the network and [bot] api_base"
    away = TelegramAway(f"{method}: {what}", method=method, hint=hint)
    away.ambiguous = reached
    return away


def _too_large(size: int, limit: int) -> BadRequest:
    return BadRequest(
        f"the file has {size} bytes, more than {limit}",
        method="getFile",
        code=400,
        hint="a local Bot API server lifts Telegram's limit",
    )


# -- requests -----------------------------------------------------------------------------------

_UNCOUNTED_SENDS = frozenset({"sendChatAction", "sendMessageDraft", "sendRichMessageDraft"})
_COUNTED = ("send", "copyMessage", "forwardMessage", "edit")


@cache
def _rule(method: str) -> tuple[bool, Lane]:
    """Whether a method puts something into a chat, and the lane it usually has."""
    counted = method.startswith(_COUNTED) and method not in _UNCOUNTED_SENDS
    return counted, Lane.EDIT if method.startswith("edit") else Lane.REPLY


async def _form(params: Mapping[str, Any], files: Mapping[str, Upload]) -> FormBuilder:
    form = FormBuilder()
    for name, value in params.items():
        if value is not None:
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            form = form.text(name, text)
    for name, upload in files.items():
        form = form.part(name, await _part(upload))
    return form


async def _part(upload: Upload) -> PartBuilder:
    if isinstance(upload.source, Path):
        part = await PartBuilder.from_file(upload.source)
        name = upload.name or upload.source.name
    elif isinstance(upload.source, bytes):
        part, name = PartBuilder.from_bytes(upload.source), upload.name or "file"
    else:
        part, name = PartBuilder.from_stream(upload.source()), upload.name or "file"
    part = part.file_name(name)
    return part.mime(upload.mime) if upload.mime else part


async def _json(response: Response) -> Mapping[str, Any]:
    with contextlib.suppress(ValueError, PyreqwestError):
        answer = orjson.loads(memoryview(await response.bytes()))
        if isinstance(answer, dict):
            return answer
    return {}


async def _save(pieces: AsyncIterator[bytes], path: Path, limit: int) -> int:
    size = 0
    handle: IO[bytes] = await asyncio.to_thread(path.open, "wb")
    try:
        async for piece in pieces:
            size += len(piece)
            if size > limit:
                raise _too_large(size, limit)
            await asyncio.to_thread(handle.write, piece)
    finally:
        await asyncio.to_thread(handle.close)
    return size


def _copy(source: Path, target: Path, limit: int) -> int:
    import shutil

    size = source.stat().st_size
    if size > limit:
        raise _too_large(size, limit)
    partial = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return size
