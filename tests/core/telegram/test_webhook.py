"""Updates that Telegram brings: the secret, the common commit, trouble, and switching over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from core import config
from core.app import App
from core.config import Settings
from core.errors import DatabaseAway
from playground.client import Person
from tests.core.mail import until
from tests.support.host import only
from tests.support.processes import PlaygroundProcess
from tests.support.servers import free_port

SECRET = "the-secret_of-this-test"
Open = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
async def opened(
    settings_factory: Callable[..., Settings], playground: PlaygroundProcess, database_url: str
) -> Open:
    """`opened(intake__mode="polling")`: a bot that is brought its updates unless told otherwise."""

    @asynccontextmanager
    async def serving(**more: Any) -> AsyncIterator[App]:
        port = free_port()
        given = {
            "intake__mode": "webhook",
            "intake__webhook_secret": SECRET,
            "web__public_url": f"http://127.0.0.1:{port}",
            **more,
        }
        settings = settings_factory(
            bot__token=playground.token,
            bot__api_base=playground.url,
            database__url=database_url,
            web__port=port,
            **given,
            **only("menu"),
        )
        async with App(settings, "all").serving() as app:
            yield app

    return serving


async def info(playground: PlaygroundProcess) -> dict[str, Any]:
    found: dict[str, Any] = await playground.client.api("getWebhookInfo")
    return found


async def is_set(playground: PlaygroundProcess) -> bool:
    return bool((await info(playground))["url"])


async def greeted(person: Person) -> None:
    await person.send("/start")
    assert "Ann" in (await person.wait_reply(timeout=15))["text"]


async def post(app: App, update: Any, secret: str = SECRET) -> int:
    address = f"{app.settings.web.public_url}/telegram"
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(address, json=update) as answer,
    ):
        return answer.status


async def kept(app: App) -> list[int]:
    rows = await app.db.fetch("SELECT update_id FROM core_inbox ORDER BY seq")
    return [row["update_id"] for row in rows]


def news(update_id: int) -> dict[str, Any]:
    """An update of a type that nobody knows yet."""
    return {"update_id": update_id, "weather": {"from": {"id": 5, "first_name": "Ann"}}}


async def test_updates_are_brought_and_answered(
    opened: Open, playground: PlaygroundProcess
) -> None:
    async with opened() as app:
        await until(lambda: is_set(playground))
        told = await info(playground)
        assert told["url"] == f"{app.settings.web.public_url}/telegram"
        assert {"message", "callback_query"} <= set(told["allowed_updates"])
        await greeted(playground.client.user("ann"))
        results = {one.name: one.health for one in await app.checks.run()}
        assert results["core.intake"].ok
        assert "keeps the webhook" in results["core.intake"].detail


async def test_only_telegram_is_let_in(opened: Open) -> None:
    async with opened() as app:
        assert await post(app, news(1), secret="wrong") == 403
        assert await post(app, news(2), secret="") == 403
        assert await post(app, [1, 2]) == 400
        assert await post(app, {"message": {}}) == 400
        assert await post(app, news(3)) == 200
        assert await kept(app) == [3]


async def test_bodies_that_no_update_has_are_refused_early(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.telegram.webhook._LARGEST", 1000)
    monkeypatch.setattr("core.telegram.webhook._PATIENCE", 0.3)
    async with opened() as app:
        assert await post(app, {**news(1), "padding": "x" * 1000}) == 413
        assert await post(app, {"update_id": 2**63}) == 400
        assert await post(app, {"update_id": True}) == 400
        assert (await raw(app, b"{not json", length=9))[0] == 400
        assert (await raw(app, b"", length=5000))[0] == 413, "before it is sent"
        assert (await raw(app, b"", length=-1))[0] == 400
        assert (await raw(app, b'{"update_id": 3', length=50))[0] == 408, "and nobody waits"
        assert (await raw(app, chunks(b"x" * 400, 4), length=None))[0] == 413
        assert (await raw(app, chunks(b'{"update_id": 4}', 1), length=None))[0] == 200
        assert await kept(app) == [4]


async def test_a_head_that_never_ends_is_hung_up_on(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.web.HEAD_SECONDS", 0.4)
    async with opened() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.settings.web.port)
        writer.write(b"POST /telegram HTTP/1.1\r\nHost: x\r\n")
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
        status, _ = await raw(app, b"{}", length=2)
        assert status == 400, "others are served"


async def test_an_update_that_cant_be_stored_keeps_out_no_other(opened: Open) -> None:
    async with opened() as app:
        assert app.webhook is not None
        store = app.webhook._store
        assert store is not None

        async def picky(updates: Any) -> None:
            await asyncio.sleep(0.05)
            if any(update["update_id"] == 5 for update in updates):
                raise ValueError("no such thing")
            await store(updates)

        app.webhook._store = picky
        told = await asyncio.gather(*(post(app, news(number)) for number in range(10)))
        assert told == [200] * 5 + [503] + [200] * 4
        app.webhook._store = store
        assert await post(app, {"update_id": 77, "message": {"chat": "nonsense", "from": 3}}) == 200


async def raw(app: App, body: bytes, *, length: int | None) -> tuple[int, bytes]:
    """What a request by hand is answered; without `length` its body comes in chunks."""
    how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    reader, writer = await asyncio.open_connection("127.0.0.1", app.settings.web.port)
    try:
        head = f"POST /telegram HTTP/1.1\r\nHost: x\r\n{how}\r\n"
        secret = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n\r\n"
        writer.write((head + secret).encode() + body)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        return int(answer.split(b" ")[1]), answer
    finally:
        writer.close()


def chunks(piece: bytes, number: int) -> bytes:
    return (b"%x\r\n" % len(piece) + piece + b"\r\n") * number + b"0\r\n\r\n"


async def test_what_comes_together_is_committed_together_and_once(opened: Open) -> None:
    async with opened() as app:
        batches: list[int] = []
        assert app.webhook is not None
        store = app.webhook._store
        assert store is not None

        async def counting(updates: Any) -> None:
            batches.append(len(updates))
            await store(updates)

        app.webhook._store = counting
        numbers = [*range(1, 61), *range(1, 11)]
        assert set(await asyncio.gather(*(post(app, news(n)) for n in numbers))) == {200}
        assert sorted(await kept(app)) == list(range(1, 61))
        assert len(batches) < len(numbers)
        assert sum(batches) == len(numbers)


async def test_what_cant_be_kept_isnt_acknowledged(opened: Open) -> None:
    async with opened() as app:
        assert app.webhook is not None
        store = app.webhook._store

        async def away(updates: Any) -> None:
            raise DatabaseAway("gone fishing")

        app.webhook._store = away
        assert await post(app, news(1)) == 503
        app.webhook._store = None
        assert await post(app, news(1)) == 503
        app.webhook._store = store
        assert await post(app, news(1)) == 200


async def test_switching_over_and_back_is_one_setting(
    opened: Open, playground: PlaygroundProcess
) -> None:
    ann = playground.client.user("ann")
    async with opened(intake__mode="polling"):
        await greeted(ann)
    async with opened():
        await greeted(ann)
    assert await is_set(playground), "what is sent while we are away waits"
    await ann.send("/start")
    async with opened(intake__mode="polling"):
        assert "Ann" in (await ann.wait_reply(timeout=15))["text"]
        await greeted(ann)
        assert not await is_set(playground)


async def test_a_webhook_that_somebody_changed_is_set_again(
    opened: Open, playground: PlaygroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.telegram.webhook.LOOK_EVERY", 0.2)
    async with opened():
        await until(lambda: is_set(playground))
        await playground.client.api("deleteWebhook")
        await until(lambda: is_set(playground))
        await greeted(playground.client.user("ann"))


async def test_other_terms_under_the_same_address_are_ours_again(
    opened: Open, playground: PlaygroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody narrows what is brought, or brings it with another secret."""
    monkeypatch.setattr("core.telegram.webhook.LOOK_EVERY", 0.2)
    async with opened() as app:
        await until(lambda: is_set(playground))
        wanted = set((await info(playground))["allowed_updates"])
        url = f"{app.settings.web.public_url}/telegram"
        await playground.client.api(
            "setWebhook", url=url, secret_token=SECRET, allowed_updates=["poll"]
        )

        async def wide() -> bool:
            return set((await info(playground))["allowed_updates"]) == wanted

        await until(wide)
        allowed = sorted(wanted)
        await playground.client.api("setWebhook", url=url, allowed_updates=allowed)
        await greeted(playground.client.user("ann"))


async def test_a_webhook_that_comes_back_is_removed_once(
    opened: Open, playground: PlaygroundProcess
) -> None:
    """Who sets it again wants it; then we say so instead of fighting."""
    elsewhere = f"http://127.0.0.1:{free_port()}/telegram"
    await playground.client.api("setWebhook", url=elsewhere)
    async with opened(intake__mode="polling") as app:
        await greeted(playground.client.user("ann"))
        assert not await is_set(playground)
        await playground.client.api("setWebhook", url=elsewhere)

        async def told() -> bool:
            results = {one.name: one.health for one in await app.checks.run()}
            health = results["core.intake"]
            return not health.ok and "webhook" in health.detail

        await until(told, seconds=15)
        assert await is_set(playground)


async def test_it_isnt_ready_while_telegram_cant_reach_it(
    opened: Open, playground: PlaygroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.telegram.webhook.LOOK_EVERY", 5.0)
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with opened(web__public_url=nowhere) as app:
        await until(lambda: is_set(playground))
        await playground.client.user("ann").send("/start")

        async def unready() -> bool:
            results = {one.name: one.health for one in await app.checks.run()}
            return "can't reach us" in results["core.intake"].detail

        await until(unready, seconds=15)


@pytest.mark.parametrize("secret", ["", "a b", "é", "x" * 257])
def test_secrets_that_telegram_refuses_are_refused_at_start(
    settings_factory: Callable[..., Settings], secret: str, tmp_path: Any
) -> None:
    env = {"PLUGRAM_INTAKE__WEBHOOK_SECRET": secret}
    if not secret:  # an empty variable counts as unset
        assert config.load(env=env, root=tmp_path).intake.webhook_secret is None
        return
    (problem,) = config.read(env=env, root=tmp_path).problems
    assert "1 to 256" in problem
    assert secret not in problem


@pytest.mark.parametrize("path", ["telegram", "/readyz", "/a b", "/ж", "/x?y=1"])
def test_paths_that_lead_nowhere_are_refused_at_start(path: str, tmp_path: Any) -> None:
    env = {"PLUGRAM_INTAKE__WEBHOOK_PATH": path}
    (problem,) = config.read(env=env, root=tmp_path).problems
    assert "webhook_path" in problem


def test_a_webhook_needs_an_address(settings_factory: Callable[..., Settings]) -> None:
    missing = config.required(settings_factory(bot__token="1:x" + "x" * 40, intake__mode="webhook"))
    assert len(missing) == 1
    assert "web.public_url" in missing[0]
