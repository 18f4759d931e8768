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


def test_a_webhook_needs_an_address(settings_factory: Callable[..., Settings]) -> None:
    missing = config.required(settings_factory(bot__token="1:x" + "x" * 40, intake__mode="webhook"))
    assert len(missing) == 1
    assert "web.public_url" in missing[0]
