"""getUpdates over HTTP, and the webhook methods."""

from __future__ import annotations

import asyncio

from playground import Playground
from playground.client import Person
from tests.playground.conftest import ANN, Api


async def test_an_update_as_telegram_gives_it(api: Api, ann: Person) -> None:
    (update,) = await api.updates()
    person = {"id": ANN, "first_name": "Ann", "last_name": "Miller", "username": "ann"}
    message = update["message"]
    assert update == {"update_id": 1, "message": message}
    assert message["from"] == {**person, "is_bot": False, "language_code": "en"}
    assert message["chat"] == {**person, "type": "private"}
    assert (message["message_id"], message["text"]) == (1, "hello")
    assert message["date"] > 1_600_000_000


async def test_updates_wait_until_confirmed(api: Api, ann: Person) -> None:
    await ann.send("again")
    assert [u["update_id"] for u in await api.updates()] == [1, 2]
    assert [u["update_id"] for u in await api.updates(limit=1)] == [1]
    assert [u["update_id"] for u in await api.updates(2)] == [2]
    assert await api.updates(3) == []


async def test_a_long_poll_wakes(api: Api, ann: Person) -> None:
    poll = asyncio.create_task(api.updates(2, timeout=30))
    await asyncio.sleep(0.05)
    await ann.send("again")
    assert (await asyncio.wait_for(poll, 5))[0]["message"]["text"] == "again"


async def test_two_bots_that_poll(api: Api) -> None:
    first = asyncio.create_task(api.answer("getUpdates", b'{"timeout":30}'))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(api.answer("getUpdates", b'{"timeout":1}'))
    assert await first == {
        "ok": False,
        "error_code": 409,
        "description": (
            "Conflict: terminated by other getUpdates request; "
            "make sure that only one bot instance is running"
        ),
    }
    assert await second == {"ok": True, "result": []}


async def test_allowed_updates_stick(api: Api, ann: Person) -> None:
    await api.updates(-1, allowed_updates=["callback_query"])
    await ann.send("unseen")
    assert len(await api.updates()) == 1
    info = await api.call("getWebhookInfo")
    assert info["allowed_updates"] == ["callback_query"]
    await api.updates(allowed_updates=[])
    await ann.send("seen")
    assert (await api.updates(-1))[0]["message"]["text"] == "seen"


async def test_without_a_webhook(api: Api, ann: Person) -> None:
    assert await api.call("getWebhookInfo") == {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": 1,
    }
    assert await api.call("setWebhook", url="") is True
    assert await api.call("deleteWebhook") is True
    assert len(await api.updates()) == 1
    await api.call("deleteWebhook", drop_pending_updates=True)
    assert await api.updates() == []


async def test_raw_updates_come_as_they_are(api: Api, client: Playground) -> None:
    await client.inject({"update_id": 900, "something_new": {"a": 1}})
    answer = await api.answer("getUpdates", b"")
    assert answer["result"] == [{"update_id": 900, "something_new": {"a": 1}}]
