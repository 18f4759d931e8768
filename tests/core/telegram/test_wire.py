"""The wire against a server that misbehaves."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core import log
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
from core.telegram.outgoing import Lane, Limiter
from core.telegram.wire import Upload, Wire, error_of
from tests.support.bot_api import TOKEN, Answer, BotApi, error


@dataclass(frozen=True)
class Http:
    timeout: float = 5.0
    download_timeout: float = 5.0
    retries: int = 3
    backoff_base: float = 0.05


@dataclass(frozen=True)
class Outgoing:
    per_second: float = 30.0
    per_chat_per_second: float = 1.0
    per_group_per_minute: float = 20.0
    bulk_reserve: float = 0.2
    paid_broadcast: bool = False


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as server:
        yield server


@pytest.fixture
async def wire(api: BotApi) -> AsyncIterator[Wire]:
    client = Wire(TOKEN, api.url, Http(), Limiter(Outgoing()))
    yield client
    await client.close()


async def test_calls_with_json(api: BotApi, wire: Wire) -> None:
    sent = await wire.call(
        "sendMessage",
        {"chat_id": 7, "text": "hi :null", "reply_markup": None, "entities": [{"offset": 0}]},
    )
    assert sent["chat"]["id"] == 7
    assert api.calls[0].params == {"chat_id": 7, "text": "hi :null", "entities": [{"offset": 0}]}
    assert api.calls[0].path == f"/bot{TOKEN}/sendMessage"
    assert wire.bot_id == 123456789


async def test_uploads_as_multipart(api: BotApi, wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes(b"x" * 100_000)

    async def stream() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cd"

    await wire.call(
        "sendDocument",
        {"chat_id": 7, "caption": "c", "reply_markup": {"inline_keyboard": []}, "thumb": None},
        files={
            "document": Upload(path),
            "bytes": Upload(b"raw", "raw.bin", "application/x-raw"),
            "stream": Upload(stream, "s.bin"),
        },
    )
    call = api.calls[0]
    assert call.params == {"chat_id": "7", "caption": "c", "reply_markup": '{"inline_keyboard":[]}'}
    assert call.files["document"] == ("report.txt", b"x" * 100_000)
    assert call.files["bytes"] == ("raw.bin", b"raw")
    assert call.files["stream"] == ("s.bin", b"abcd")


@pytest.mark.parametrize(
    ("status", "description", "parameters", "kind"),
    [
        (400, "Bad Request: chat not found", {}, BadRequest),
        (400, "Bad Request: message is not modified: …", {}, NotModified),
        (400, "Bad Request: can't parse entities: …", {}, ParseError),
        (400, "group upgraded", {"migrate_to_chat_id": -1009}, ChatMigrated),
        (401, "Unauthorized", {}, Unauthorized),
        (404, "Not Found", {}, Unauthorized),
        (404, "Not Found: method not found", {}, TelegramError),
        (403, "Forbidden: bot was blocked by the user", {}, Forbidden),
        (409, "Conflict: terminated by other getUpdates request", {}, Conflict),
        (413, "Request Entity Too Large", {}, BadRequest),
    ],
)
async def test_refusals_are_our_errors(
    api: BotApi,
    wire: Wire,
    status: int,
    description: str,
    parameters: dict[str, int],
    kind: type[TelegramError],
) -> None:
    api.script("getChat", error(status, description, **parameters))
    with pytest.raises(kind) as caught:
        await wire.call("getChat", {"chat_id": 1})
    assert type(caught.value) is kind
    assert "getChat" in str(caught.value)
    assert len(api.calls) == 1
    if isinstance(caught.value, ChatMigrated):
        assert caught.value.new_chat_id == -1009


async def test_tries_again_after_5xx(api: BotApi, wire: Wire) -> None:
    bad_gateway = Answer(status=502, body=b"<html>Bad Gateway</html>")
    api.script("sendMessage", error(500, "Internal Server Error"), bad_gateway)
    sent = await wire.call("sendMessage", {"chat_id": 1, "text": "a"})
    assert sent["text"] == "a"
    assert len(api.calls) == 3


async def test_gives_up_after_the_retries(api: BotApi, wire: Wire) -> None:
    api.script("getChat", *[Answer(status=503, body=b"") for _ in range(9)])
    with pytest.raises(TelegramAway) as caught:
        await wire.call("getChat", {"chat_id": 1}, retries=2)
    assert caught.value.ambiguous
    assert len(api.calls) == 3


@pytest.mark.parametrize("answer", [Answer(cut=True), Answer(cut=True, body=b'{"ok": true}')])
async def test_tries_again_after_a_lost_connection(api: BotApi, wire: Wire, answer: Answer) -> None:
    api.script("sendMessage", answer)
    assert await wire.call("sendMessage", {"chat_id": 1, "text": "a"})
    assert len(api.calls) == 2


async def test_an_answer_that_is_no_json_is_away(api: BotApi, wire: Wire) -> None:
    api.script("getMe", Answer(body=b"hello"), Answer(body=b"[]"), Answer(body=b'{"ok":'))
    with pytest.raises(TelegramAway):
        await wire.call("getMe", retries=2)


async def test_bulk_isnt_repeated_when_it_may_have_arrived(api: BotApi, wire: Wire) -> None:
    api.script("sendMessage", Answer(cut=True))
    with pytest.raises(TelegramAway) as caught:
        await wire.call("sendMessage", {"chat_id": 1, "text": "a"}, lane=Lane.BULK)
    assert caught.value.ambiguous
    assert len(api.calls) == 1


async def test_each_call_has_a_time_out(api: BotApi, wire: Wire) -> None:
    api.script("getChat", Answer(delay=3, result=1))
    began = time.monotonic()
    with pytest.raises(TelegramAway, match="no answer in time"):
        await wire.call("getChat", {"chat_id": 1}, timeout=0.2, retries=0)
    assert time.monotonic() - began < 2


async def test_nobody_listens() -> None:
    wire = Wire(TOKEN, "http://127.0.0.1:9", Http(), Limiter(Outgoing()))
    with pytest.raises(TelegramAway, match="can't connect") as caught:
        await wire.call("sendMessage", {"chat_id": 1, "text": "a"}, lane=Lane.BULK, retries=1)
    assert not caught.value.ambiguous
    await wire.close()


async def test_a_429_is_sat_out(api: BotApi, wire: Wire) -> None:
    api.script("sendMessage", error(429, "Too Many Requests: retry after 1", retry_after=1))
    began = time.monotonic()
    assert await wire.call("sendMessage", {"chat_id": 1, "text": "a"})
    assert time.monotonic() - began >= 1
    assert len(api.calls) == 2


async def test_a_long_429_is_told(api: BotApi, wire: Wire) -> None:
    api.script("sendMessage", error(429, "Too Many Requests", retry_after=3000))
    with pytest.raises(RetryAfter) as caught:
        await wire.call("sendMessage", {"chat_id": 1, "text": "a"})
    assert caught.value.seconds == 3000
    assert len(api.calls) == 1


async def test_cancelling_a_call_ends_it(api: BotApi, wire: Wire) -> None:
    api.script("getChat", Answer(delay=5, result=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await wire.call("getChat", {"chat_id": 1})
    assert await wire.call("getMe")


# -- downloads ----------------------------------------------------------------------------------


def _offer(api: BotApi, content: bytes, **answer: object) -> None:
    path = "documents/file_1.bin"
    api.script("getFile", Answer(result={"file_path": path, "file_size": len(content)}))
    api.files[f"bot{TOKEN}/{path}"] = Answer(body=content, **answer)  # type: ignore[arg-type]


async def test_a_cancellation_isnt_lost_when_the_answer_comes_with_it(
    api: BotApi, wire: Wire
) -> None:
    chance = random.Random(1)
    cancelled = answered = 0
    while cancelled < 100:
        call = asyncio.create_task(wire.call("getMe"))
        await asyncio.sleep(chance.random() * 0.004)
        if call.cancel():
            cancelled += 1
            answered += not isinstance(
                (await asyncio.gather(call, return_exceptions=True))[0], asyncio.CancelledError
            )
    assert answered == 0


async def test_downloads_to_a_path(api: BotApi, wire: Wire, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    _offer(api, content)
    assert await wire.download("f", tmp_path / "x.bin") == len(content)
    assert (tmp_path / "x.bin").read_bytes() == content
    assert names(tmp_path) == ["x.bin"]


async def test_a_file_that_is_too_large_isnt_asked_for(
    api: BotApi, wire: Wire, tmp_path: Path
) -> None:
    _offer(api, b"x" * 1000)
    with pytest.raises(BadRequest, match="1000 bytes, more than 999"):
        await wire.download("f", tmp_path / "x", limit=999)
    assert names(tmp_path) == []


async def test_a_size_that_lies_is_noticed(api: BotApi, wire: Wire, tmp_path: Path) -> None:
    api.script("getFile", Answer(result={"file_path": "a/b", "file_size": 10}))
    api.files[f"bot{TOKEN}/a/b"] = Answer(body=b"x" * 5_000_000)
    with pytest.raises(BadRequest, match="more than 2000000"):
        await wire.download("f", tmp_path / "x", limit=2_000_000)
    assert names(tmp_path) == []


async def test_half_a_download_is_none(api: BotApi, wire: Wire, tmp_path: Path) -> None:
    _offer(api, b"x" * 3_000_000, cut=True)
    with pytest.raises(TelegramAway):
        await wire.download("f", tmp_path / "x")
    assert names(tmp_path) == []


async def test_a_download_that_is_gone(api: BotApi, wire: Wire, tmp_path: Path) -> None:
    api.script("getFile", Answer(result={"file_path": "gone"}))
    with pytest.raises(Unauthorized) as caught:
        await wire.download("f", tmp_path / "x")
    assert TOKEN not in str(caught.value)
    assert names(tmp_path) == []


async def test_a_local_servers_own_copy_is_copied(api: BotApi, wire: Wire, tmp_path: Path) -> None:
    own = tmp_path / "server" / "doc.bin"
    own.parent.mkdir()
    own.write_bytes(b"abc")
    api.script("getFile", Answer(result={"file_path": str(own), "file_size": 3}))
    assert await wire.download("f", tmp_path / "x") == 3
    assert (tmp_path / "x").read_bytes() == b"abc"
    assert own.exists()


async def test_public_server_gives_20_megabytes(wire: Wire) -> None:
    public = Wire(TOKEN, "https://api.telegram.org", Http(), Limiter(Outgoing()))
    assert public.download_limit == 20 * 1024 * 1024
    assert wire.download_limit == 2000 * 1024 * 1024


# -- the token ----------------------------------------------------------------------------------


async def test_the_token_is_in_no_text(
    api: BotApi, wire: Wire, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of twenty ways to fail, none tells it: in messages, causes, tracebacks or logs."""
    import traceback

    caplog.set_level(logging.DEBUG)
    url = f"https://api.telegram.org/bot{TOKEN}/getMe"
    answers = [
        *[error(status, f"failed at {url}") for status in (400, 401, 403, 404, 409, 418, 500, 503)],
        error(429, url, retry_after=9999),
        error(400, url, migrate_to_chat_id=-5),
        Answer(cut=True),
        Answer(cut=True, body=b"{}"),
        Answer(body=b"not json"),
        Answer(body=b"[]"),
        Answer(delay=2, result=1),
    ]
    told = []
    for answer in answers:
        api.script("getMe", answer)
        with pytest.raises(TelegramError) as caught:
            await wire.call("getMe", timeout=0.5, retries=0)
        told.append("".join(traceback.format_exception(caught.value)))
    closed = Wire(TOKEN, "http://127.0.0.1:9", Http(), Limiter(Outgoing()))
    bad = Wire(TOKEN, "http://nowhere.invalid", Http(), Limiter(Outgoing()))
    wrong = Wire(TOKEN, "http://[broken", Http(), Limiter(Outgoing()))
    for client in (closed, bad, wrong):
        with pytest.raises(TelegramError) as caught:
            await client.call("getMe", retries=0)
        told.append("".join(traceback.format_exception(caught.value)))
        await client.close()
    for path in ("x/y", "nothing"):
        api.script("getFile", Answer(result={"file_path": path}))
        api.files[f"bot{TOKEN}/x/y"] = Answer(cut=True)
        with pytest.raises(TelegramError) as caught:
            await wire.download("f", tmp_path / "x")
        told.append("".join(traceback.format_exception(caught.value)))
    assert len(told) == 20
    secret = TOKEN.partition(":")[2]
    assert not [text for text in told if secret in text]
    assert secret not in log.redact(caplog.text)
    assert secret not in caplog.text


def test_an_unknown_refusal_keeps_its_code() -> None:
    refused = error_of("getMe", 418, {"error_code": 418, "description": "teapot"})
    assert type(refused) is TelegramError
    assert refused.code == 418
