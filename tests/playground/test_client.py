"""The client for tests."""

from __future__ import annotations

import asyncio

import pytest

from playground import Playground
from playground.client import NoReply, Person, PlaygroundError
from tests.playground.conftest import ANN, Api


async def test_replies_are_found_however_fast_they_come(api: Api, ann: Person) -> None:
    await ann.send("a")
    await api.call("sendMessage", chat_id=ANN, text="one")
    await api.call("sendMessage", chat_id=ANN, text="two")
    assert (await ann.wait_reply())["text"] == "one"
    assert (await ann.wait_reply())["text"] == "two"


async def test_a_reply_before_the_own_message_does_not_count(api: Api, ann: Person) -> None:
    await api.call("sendMessage", chat_id=ANN, text="old")
    await ann.send("a")
    with pytest.raises(NoReply, match=r"no such reply for ann in 0.05 s; what happened: message"):
        await ann.wait_reply(timeout=0.05)


async def test_waiting_for_one_that_fits(api: Api, ann: Person) -> None:
    waiting = asyncio.create_task(
        ann.wait_reply(contains="two", where=lambda message: "entities" in message)
    )
    for text in ("one", "two", "/two"):
        await api.call("sendMessage", chat_id=ANN, text=text)
    assert (await waiting)["text"] == "/two"
    with pytest.raises(NoReply, match="nothing happened"):
        await ann.wait_reply(timeout=0.05)


async def test_waiting_for_an_edit(api: Api, ann: Person) -> None:
    sent = await api.call("sendMessage", chat_id=ANN, text="received")
    shown = await ann.wait_reply()
    waiting = asyncio.create_task(ann.wait_edit(shown, contains="done"))
    for text in ("half", "done"):
        await api.call("editMessageText", chat_id=ANN, message_id=sent["message_id"], text=text)
    assert (await waiting)["text"] == "done"
    assert (await ann.wait_text(shown, "done"))["text"] == "done", "it is so already"


async def test_a_playground_that_is_gone() -> None:
    with pytest.raises(OSError, match="Connect"):
        await Playground("http://127.0.0.1:1").token()


async def test_errors_say_why(client: Playground) -> None:
    with pytest.raises(PlaygroundError) as caught:
        await client.user("nobody").messages()
    assert (caught.value.status, caught.value.message) == (404, "there is no user nobody")
