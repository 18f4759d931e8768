"""Webhooks, brought to a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response
from uvicorn import Config, Server

import playground
from playground import Playground, Running
from playground.client import Json, Person
from playground.server import listen
from tests.playground.conftest import ANN, Api

TOKEN = "X-Telegram-Bot-Api-Secret-Token"


@dataclass
class Site:
    """A bot's own server: answers with the next of `answers`, else with 200."""

    url: str
    seen: list[Json] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    answers: list[Response | Callable[[], Awaitable[Response]]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.secrets.append(request.headers.get(TOKEN))
        update = orjson.loads(await request.body())
        self.seen.append(update)
        answer = self.answers.pop(0) if self.answers else Response()
        answer = answer if isinstance(answer, Response) else await answer()
        await answer(scope, receive, send)

    async def until(self, count: int) -> list[str]:
        """The texts that came, once there are so many."""
        async with asyncio.timeout(10):
            while len(self.seen) < count:
                await asyncio.sleep(0.01)
        return [update["message"]["text"] for update in self.seen]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    sock = listen("127.0.0.1", 0, strict=True)
    site = Site(f"http://127.0.0.1:{sock.getsockname()[1]}/hook")
    server = Server(Config(site, log_config=None, lifespan="off", ws="none"))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[sock])
    yield site
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()


async def test_updates_are_brought(api: Api, ann: Person, site: Site) -> None:
    assert await api.call("setWebhook", url=site.url, secret_token="A-z_9", max_connections=5)
    await ann.send("two")
    assert await site.until(2) == ["hello", "two"]
    assert site.secrets == ["A-z_9", "A-z_9"]
    info = await api.call("getWebhookInfo")
    assert info == {
        "url": site.url,
        "has_custom_certificate": False,
        "pending_update_count": info["pending_update_count"],
        "max_connections": 5,
        "ip_address": "127.0.0.1",
    }
    assert await api.error("getUpdates") == (
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first"
    )
    await api.call("deleteWebhook")
    await ann.send("three")
    assert [u["message"]["text"] for u in await api.updates(offset=-1)] == ["three"]


async def test_a_failing_update_blocks_its_chat_alone(
    api: Api, client: Playground, ann: Person, site: Site
) -> None:
    site.answers = [Response(status_code=500)]
    await api.call("setWebhook", url=site.url)
    await site.until(1)
    await ann.send("two")
    await client.user("boris").send("other")
    assert await site.until(2) == ["hello", "other"], "Ann's next one waits"
    info = await api.call("getWebhookInfo")
    assert info["last_error_message"] == (
        "Wrong response from the webhook: 500 Internal Server Error"
    )
    assert (info["last_error_date"] > 0, info["pending_update_count"]) == (True, 2)
    assert await site.until(4) == ["hello", "other", "hello", "two"]


async def test_a_method_in_the_answer(api: Api, ann: Person, site: Site) -> None:
    def said(**params: Any) -> Response:
        return Response(orjson.dumps(params), media_type="application/json")

    site.answers = [
        said(method="sendMessage", chat_id=ANN, text="at once"),
        said(method="sendMessage", chat_id=ANN, text=""),
        said(method="deleteWebhook"),
    ]
    await api.call("setWebhook", url=site.url)
    assert (await ann.wait_reply())["text"] == "at once"
    await ann.send("two")
    await ann.send("three")
    await site.until(3)
    async with asyncio.timeout(5):
        while (await api.call("getWebhookInfo"))["url"]:
            await asyncio.sleep(0.01)
    assert await api.updates() == []
    (refused,) = [c for c in await api_calls(ann) if c["method"] == "sendMessage" and c["error"]]
    assert refused["error"] == "Bad Request: message text is empty"


async def api_calls(person: Person) -> list[Json]:
    return await person.playground.calls()


async def test_nobody_there(api: Api, ann: Person) -> None:
    await api.call("setWebhook", url="http://127.0.0.1:9/", drop_pending_updates=True)
    await ann.send("x")
    async with asyncio.timeout(5):
        while "last_error_message" not in (info := await api.call("getWebhookInfo")):
            await asyncio.sleep(0.02)
    assert info["last_error_message"] == "Connection refused"
    assert info["pending_update_count"] == 1


async def test_a_poll_ends_when_a_webhook_is_set(api: Api, site: Site) -> None:
    poll = asyncio.create_task(api.answer("getUpdates", b'{"timeout":30}'))
    await asyncio.sleep(0.05)
    await api.call("setWebhook", url=site.url)
    assert (await poll)["description"] == "Conflict: terminated by setWebhook request"


async def test_a_webhook_survives_a_restart(tmp_path: Any, site: Site) -> None:
    async with playground.serve(data_dir=tmp_path) as running:
        api = Api(Playground(running.url), running.token)
        await api.call("setWebhook", url=site.url)
    async with playground.serve(data_dir=tmp_path) as running:
        await Playground(running.url).user("ann").send("again")
        assert await site.until(1) == ["again"]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"url": "http://example.com/"},
         "bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "https://example.com:8080/"},
         "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"),
        ({"url": "nowhere"}, "invalid webhook URL specified"),
        ({"url": "https://example.com/", "secret_token": "a b"},
         "secret token contains unallowed characters"),
        ({"url": "https://example.com/", "secret_token": "a" * 257}, "secret token is too long"),
    ],
)  # fmt: skip
async def test_webhooks_that_telegram_refuses(
    api: Api, running: Running, params: Json, problem: str
) -> None:
    assert await api.error("setWebhook", **params) == f"Bad Request: {problem}"
