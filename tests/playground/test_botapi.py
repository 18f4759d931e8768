"""The door of the Bot API: bodies, tokens, errors, faults, files."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from playground import Playground, Running, schema
from playground.client import Person, PlaygroundError
from playground.files import MAX_UPLOAD
from playground.methods import METHODS
from tests.playground.conftest import ANN, Api, multipart


async def request(client: Playground, path: str, body: bytes = b"", kind: str = "") -> Any:
    status, answer = await client.request("POST", path, body, kind or "text/plain")
    return status, orjson.loads(answer)


async def test_a_body_may_be_json_a_form_or_the_query(
    api: Api, client: Playground, ann: Person
) -> None:
    form = urlencode({"chat_id": ANN, "text": "как дела?"}).encode()
    sent = await api.answer("sendMessage", form, "application/x-www-form-urlencoded")
    assert sent["result"]["text"] == "как дела?"
    kind, body = multipart({"chat_id": str(ANN), "text": "b"}, "", "text/plain", b"")
    assert (await api.answer("sendMessage", body, kind))["result"]["text"] == "b"
    path = f"/bot{api.token}/sendMessage?{urlencode({'chat_id': ANN, 'text': 'q'})}"
    status, answer = await client.request("GET", path, b"", "text/plain")
    assert (status, orjson.loads(answer)["result"]["text"]) == (200, "q")


@pytest.mark.parametrize(
    ("body", "kind", "problem"),
    [
        (b"{", "application/json", "can't parse request body as JSON"),
        (b"[]", "application/json", "expected an Object as request body"),
        (b"text=\xff", "application/x-www-form-urlencoded", "strings must be encoded in UTF-8"),
        (b"x", "multipart/form-data", "can't parse the multipart body: Missing boundary"),
    ],
)
async def test_bodies_that_are_not_what_they_say(
    api: Api, body: bytes, kind: str, problem: str
) -> None:
    answer = await api.answer("getMe", body, kind)
    assert answer["description"].startswith(f"Bad Request: {problem}")


async def test_tokens_and_methods_that_are_not_there(client: Playground, api: Api) -> None:
    unauthorized = {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert await request(client, "/bot1:x/getMe") == (401, unauthorized)
    missing = {"ok": False, "error_code": 404, "description": "Not Found"}
    assert await request(client, f"/bot{api.token}/sendTelegram") == (404, missing)
    assert await request(client, f"/bot{api.token}") == (404, missing)


async def test_methods_are_named_in_any_case(api: Api) -> None:
    assert await api.call("GETME") == await api.call("getMe")


async def test_what_is_not_played_says_so(api: Api, ann: Person) -> None:
    answer = await api.answer("sendGame", b'{"chat_id":1,"game_short_name":"x"}')
    assert answer["error_code"] == 501
    assert answer["description"] == ("Not Implemented: the playground doesn't play sendGame yet")


def test_every_method_that_is_played_is_in_the_schema() -> None:
    assert METHODS.keys() <= schema.load().methods.keys()


async def test_an_upload_comes_as_a_parameter_or_attached(api: Api, ann: Person) -> None:
    kind, body = multipart({"chat_id": str(ANN)}, 'a "b".txt', "text/plain", b"abc")
    body = body.replace(b'name="file"', b'name="document"')
    sent = await api.answer("sendDocument", body, kind)
    assert sent["result"]["document"]["file_name"] == 'a "b".txt'
    fields = {"chat_id": str(ANN), "document": "attach://file"}
    kind, body = multipart(fields, "c.txt", "text/plain", b"abc")
    again = (await api.answer("sendDocument", body, kind))["result"]["document"]
    assert again["file_unique_id"] == sent["result"]["document"]["file_unique_id"]
    assert again["file_id"] != sent["result"]["document"]["file_id"]


async def test_an_upload_of_more_than_50_mb_is_refused(api: Api, ann: Person) -> None:
    refused = {"ok": False, "error_code": 413, "description": "Request Entity Too Large"}
    for size in (MAX_UPLOAD + 1, MAX_UPLOAD + (2 << 20)):
        kind, body = multipart({"chat_id": str(ANN)}, "a.bin", "application/x-bin", bytes(size))
        assert await api.answer("sendDocument", body, kind) == refused
    answer = await api.answer("sendDocument", bytes(10 << 20), kind)
    assert "can't parse the multipart body" in answer["description"]


async def test_files_are_downloaded(api: Api, client: Playground, ann: Person) -> None:
    document = (await ann.upload(b"%PDF-1.4 x" * 1000, name="a.pdf"))["document"]
    file = await api.call("getFile", file_id=document["file_id"])
    path = f"/file/bot{api.token}/{file['file_path']}"
    assert await client.request("GET", path, b"", "") == (200, b"%PDF-1.4 x" * 1000)
    assert (await request(client, f"/file/bot1:x/{file['file_path']}"))[0] == 401
    assert (await request(client, f"/file/bot{api.token}/documents/no"))[0] == 404


async def test_faults_with_an_answer(api: Api, client: Playground, ann: Person) -> None:
    await client.fault("429", "sendMessage", retry_after=7)
    answer = await api.answer("sendMessage", b'{"chat_id":%d,"text":"x"}' % ANN)
    assert answer["description"] == "Too Many Requests: retry after 7"
    assert answer["parameters"] == {"retry_after": 7}
    await client.fault("error", "getMe", code=502, description="Bad Gateway")
    assert (await api.answer("getMe", b""))["error_code"] == 502
    assert await api.call("getMe")


@pytest.mark.parametrize("kind", ["reset", "hang"])
async def test_faults_that_break_the_connection(
    api: Api, client: Playground, ann: Person, kind: str
) -> None:
    await client.fault(kind, "sendMessage", seconds=0.05)
    with pytest.raises((PlaygroundError, ConnectionResetError)):
        await api.call("sendMessage", chat_id=ANN, text="x")
    assert [m["text"] for m in await ann.messages()] == ["hello"], "nothing was done"
    assert (await client.calls("sendMessage"))[0]["error"] == "connection broken"


async def test_a_fault_after_the_deed(api: Api, client: Playground, ann: Person) -> None:
    await client.fault("reset_after", "sendMessage")
    with pytest.raises((PlaygroundError, ConnectionResetError)):
        await api.call("sendMessage", chat_id=ANN, text="x")
    assert [m["text"] for m in await ann.messages()] == ["hello", "x"]


async def test_a_delay(api: Api, client: Playground) -> None:
    await client.fault("delay", "getMe", seconds=0.1)
    started = time.monotonic()
    await api.call("getMe")
    assert time.monotonic() - started >= 0.1


async def test_faults_of_downloads(api: Api, client: Playground, ann: Person) -> None:
    document = (await ann.upload(b"abc"))["document"]
    file = await api.call("getFile", file_id=document["file_id"])
    path = f"/file/bot{api.token}/{file['file_path']}"
    await client.fault("error", "download", code=500)
    await client.fault("reset", "download")
    assert (await request(client, path))[0] == 500
    with pytest.raises((PlaygroundError, ConnectionResetError)):
        await client.request("GET", path, b"", "")
    assert (await client.request("GET", path, b"", ""))[1] == b"abc"
    assert [call["status"] for call in await client.calls("download")] == [500, 0, 200]


async def test_limits_on_sending(api: Api, client: Playground, ann: Person) -> None:
    await client.limits(per_chat_per_second=1, retry_after=2)
    await api.call("sendMessage", chat_id=ANN, text="x")
    assert await api.error("sendMessage", chat_id=ANN, text="y") == (
        "Too Many Requests: retry after 2"
    )
    assert (await client.limits())["refused"] == 0, "setting them counts anew"


async def test_calls_are_logged_without_the_token(
    api: Api, client: Playground, ann: Person
) -> None:
    await api.call("sendMessage", chat_id=ANN, text="x")
    await api.error("sendMessage", chat_id=ANN)
    good, bad = await client.calls("sendMessage")
    assert (good["bot"], good["status"], good["params"]["text"]) == ("playground_bot", 200, "x")
    assert good["result"]["text"] == "x"
    assert good["ms"] >= 0
    assert (bad["status"], bad["error"]) == (400, "Bad Request: message text is empty")
    assert api.token not in str(await client.call("GET", "/control/calls"))


async def test_a_poll_ends_when_its_client_goes(api: Api, running: Running) -> None:
    host, _, port = running.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /bot{api.token}/getUpdates?timeout=50 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    queue = next(iter(running.app.world.queues.values()))
    await asyncio.sleep(0.3)
    assert queue._polls == 1
    writer.close()
    await asyncio.sleep(0.3)
    assert queue._polls == 0
