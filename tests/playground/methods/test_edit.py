"""Changing what was said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from playground import Playground, Running
from playground.client import Person
from tests.playground.conftest import ANN, Api

BUTTONS = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}


@pytest.fixture
async def sent(api: Api, ann: Person) -> int:
    message = await api.call("sendMessage", chat_id=ANN, text="old", reply_markup=BUTTONS)
    number: int = message["message_id"]
    return number


async def test_a_text_is_edited(api: Api, ann: Person, sent: int) -> None:
    edited = await api.call(
        "editMessageText", chat_id=ANN, message_id=sent, text="<b>new</b>", parse_mode="HTML"
    )
    assert edited["text"] == "new"
    assert edited["edit_date"] >= edited["date"]
    assert "reply_markup" not in edited, "an edit without a keyboard removes it"
    assert (await ann.wait_edit(sent))["text"] == "new"


async def test_a_keyboard_is_edited(api: Api, ann: Person, sent: int) -> None:
    other = {"inline_keyboard": [[{"text": "B", "callback_data": "b"}]]}
    edited = await api.call(
        "editMessageReplyMarkup", chat_id=ANN, message_id=sent, reply_markup=other
    )
    assert edited["reply_markup"] == other
    assert edited["text"] == "old"


async def test_a_caption_is_edited(api: Api, ann: Person) -> None:
    document = (await ann.upload(b"x", name="a.txt"))["document"]["file_id"]
    sent = await api.call("sendDocument", chat_id=ANN, document=document, caption="old")
    number = sent["message_id"]
    edited = await api.call("editMessageCaption", chat_id=ANN, message_id=number, caption="new")
    assert edited["caption"] == "new"
    assert edited["document"] == sent["document"]
    assert "caption" not in await api.call("editMessageCaption", chat_id=ANN, message_id=number)
    assert await api.error("editMessageText", chat_id=ANN, message_id=number, text="x") == (
        "Bad Request: there is no text in the message to edit"
    )


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"reply_markup": BUTTONS, "text": "old"},
         "message is not modified: specified new message content and reply markup are exactly the "
         "same as a current content and reply markup of the message"),
        ({"message_id": 99}, "message to edit not found"),
        ({"message_id": 1}, "message can't be edited"),
        ({"text": ""}, "message text is empty"),
        ({"reply_markup": {"remove_keyboard": True}}, "inline keyboard expected"),
        ({"chat_id": 5}, "chat not found"),
    ],
)  # fmt: skip
async def test_edits_that_telegram_refuses(
    api: Api, sent: int, params: dict[str, Any], problem: str
) -> None:
    given = {"chat_id": ANN, "message_id": sent, "text": "new", **params}
    assert await api.error("editMessageText", **given) == f"Bad Request: {problem}"


async def test_edits_that_name_no_message(api: Api, sent: int) -> None:
    assert await api.error("editMessageText", text="x") == "Bad Request: chat_id is empty"
    assert await api.error("editMessageText", text="x", chat_id=ANN) == (
        "Bad Request: message identifier is not specified"
    )
    assert await api.error("editMessageText", text="x", inline_message_id="1") == (
        "Bad Request: MESSAGE_ID_INVALID"
    )
    assert await api.error("editMessageCaption", chat_id=ANN, message_id=sent) == (
        "Bad Request: there is no caption in the message to edit"
    )


async def test_deleting(api: Api, ann: Person, sent: int) -> None:
    assert await api.call("deleteMessage", chat_id=ANN, message_id=sent) is True
    assert await api.call("deleteMessage", chat_id=ANN, message_id=1) is True
    assert await ann.messages() == []
    assert await api.error("deleteMessage", chat_id=ANN, message_id=sent) == (
        "Bad Request: message to delete not found"
    )


async def test_deleting_what_is_not_there_or_too_old(
    api: Api, running: Running, ann: Person, sent: int
) -> None:
    assert await api.error("deleteMessage", chat_id=ANN, message_id=99) == (
        "Bad Request: message to delete not found"
    )
    now = running.app.world.clock()
    running.app.world.clock = lambda: now + 49 * 3600
    assert await api.error("deleteMessage", chat_id=ANN, message_id=sent) == (
        "Bad Request: message can't be deleted for everyone"
    )
    assert await api.call("deleteMessages", chat_id=ANN, message_ids=[sent, 99]) is True
    assert len(await ann.messages()) == 2


async def test_a_click_is_answered_once_and_in_time(
    api: Api, running: Running, ann: Person, sent: int
) -> None:
    click = asyncio.create_task(ann.click(sent, "A", wait=5))
    (update,) = await api.updates(2, timeout=5)
    query = update["callback_query"]
    assert query["data"] == "a"
    assert query["message"]["message_id"] == sent
    assert query["from"]["username"] == "ann"
    await api.call("answerCallbackQuery", callback_query_id=query["id"], text="ok", show_alert=True)
    assert await click == {"text": "ok", "show_alert": True, "url": ""}
    too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    assert await api.error("answerCallbackQuery", callback_query_id=query["id"]) == too_old
    assert await api.error("answerCallbackQuery", callback_query_id="x") == too_old
    await ann.click(sent, "a")
    late = (await api.updates(3))[0]["callback_query"]["id"]
    now = running.app.world.clock()
    running.app.world.clock = lambda: now + 61
    assert await api.error("answerCallbackQuery", callback_query_id=late) == too_old


async def test_an_answer_has_200_characters_at_most(api: Api, ann: Person, sent: int) -> None:
    await ann.click(sent, "A")
    number = (await api.updates(2))[0]["callback_query"]["id"]
    error = await api.error("answerCallbackQuery", callback_query_id=number, text="x" * 201)
    assert error == "Bad Request: MESSAGE_TOO_LONG"


async def test_reactions(api: Api, ann: Person) -> None:
    react = {"chat_id": ANN, "message_id": 1}
    await api.call("setMessageReaction", reaction=[{"type": "emoji", "emoji": "👍"}], **react)
    (shown,) = (await ann.messages())[0]["reactions"]
    assert (shown["emoji"], shown["by"]) == ("👍", int(api.token.partition(":")[0]))
    assert await api.error(
        "setMessageReaction", reaction=[{"type": "emoji", "emoji": "🧵"}], **react
    ) == ("Bad Request: REACTION_INVALID")
    two = [{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "🔥"}]
    assert await api.error("setMessageReaction", reaction=two, **react) == (
        "Bad Request: REACTIONS_TOO_MANY"
    )
    await api.call("setMessageReaction", **react)
    assert "reactions" not in (await ann.messages())[0]


async def test_pinning(api: Api, client: Playground, ann: Person, sent: int) -> None:
    await api.call("pinChatMessage", chat_id=ANN, message_id=1)
    await api.call("pinChatMessage", chat_id=ANN, message_id=sent)
    assert (await api.call("getChat", chat_id=ANN))["pinned_message"]["message_id"] == sent
    await api.call("unpinChatMessage", chat_id=ANN)
    shown = await client.call("GET", "/control/users/ann/messages")
    assert shown["pinned"] == [1]
    await api.call("unpinAllChatMessages", chat_id=ANN)
    assert await api.error("unpinChatMessage", chat_id=ANN) == (
        "Bad Request: message to unpin not found"
    )
    assert await api.error("pinChatMessage", chat_id=ANN, message_id=99) == (
        "Bad Request: message to pin not found"
    )
