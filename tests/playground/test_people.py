"""What people do, and what bots are told of it."""

from __future__ import annotations

import pytest

from playground import Playground
from playground.client import Person, PlaygroundError
from tests.playground.conftest import ANN, Api
from tests.playground.pictures import png


async def test_a_text_has_its_entities(api: Api, ann: Person) -> None:
    await ann.send("/search@playground_bot keys #home")
    message = (await api.updates(-1))[0]["message"]
    assert [e["type"] for e in message["entities"]] == ["bot_command", "hashtag"]
    await ann.send("*x*", parse_mode="MarkdownV2")
    assert (await api.updates(-1))[0]["message"]["entities"][0]["type"] == "bold"


async def test_a_reply(api: Api, ann: Person) -> None:
    await ann.send("again", reply_to=1)
    message = (await api.updates(-1))[0]["message"]
    assert message["reply_to_message"]["text"] == "hello"
    with pytest.raises(PlaygroundError, match="message to be replied not found"):
        await ann.send("x", reply_to=99)


async def test_files_of_every_kind(api: Api, ann: Person) -> None:
    document = await ann.upload(b"x", name="a.txt", caption="see example.com", reply_to=1)
    assert document["document"]["mime_type"] == "text/plain"
    assert document["caption_entities"][0]["type"] == "url"
    assert document["reply_to_message"]["message_id"] == 1
    photo = await ann.upload(png(2, 2), name="a.png", as_="auto")
    assert photo["photo"][0]["width"] == 2
    assert "voice" in await ann.upload(b"OggS", name="a.ogg", as_="voice")
    assert "document" in await ann.upload(png(2, 2), name="a.png")
    assert [("photo" in u["message"]) for u in await api.updates(3)] == [True, False, False]
    with pytest.raises(PlaygroundError, match="as must be auto or one of"):
        await ann.upload(b"x", as_="song")


async def test_a_file_is_repeated(client: Playground, ann: Person) -> None:
    first = await ann.upload(b"x", name="a.txt")
    body = {"document": {"file_id": first["document"]["file_id"]}}
    again = await client.call("POST", "/control/users/ann/messages", body)
    assert again["message"]["document"] == first["document"]


async def test_an_edit(api: Api, ann: Person) -> None:
    edited = await ann.edit(1, "hello again")
    assert edited["edit_date"]
    update = (await api.updates(-1))[0]
    assert update["edited_message"]["text"] == "hello again"
    document = await ann.upload(b"x", name="a.txt", caption="old")
    assert (await ann.edit(document, "new"))["caption"] == "new"
    sent = await api.call("sendMessage", chat_id=ANN, text="mine")
    with pytest.raises(PlaygroundError, match="only one's own"):
        await ann.edit(sent, "yours")
    with pytest.raises(PlaygroundError, match="the same as before"):
        await ann.edit(1, "hello again")


async def test_a_deletion_is_not_told(api: Api, ann: Person) -> None:
    await ann.send("again")
    await ann.delete(1)
    assert len(await api.updates()) == 2
    error = await api.error(
        "sendMessage", chat_id=ANN, text="x", reply_parameters={"message_id": 1}
    )
    assert error == "Bad Request: message to be replied not found"


async def test_a_button_that_is_not_there(api: Api, ann: Person) -> None:
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    sent = await api.call("sendMessage", chat_id=ANN, text="x", reply_markup=markup)
    with pytest.raises(PlaygroundError, match=r"no such button; there are: 'Yes' \(y\)"):
        await ann.click(sent, "No")
    assert await ann.click(sent, "Yes", wait=0.01) is None, "nobody answers"


async def test_blocking_and_coming_back(api: Api, ann: Person) -> None:
    await ann.block()
    await ann.block()
    await ann.send("I'm back")
    kinds = [next(k for k in u if k != "update_id") for u in await api.updates(2)]
    assert kinds == ["my_chat_member", "my_chat_member", "message"]
    change = (await api.updates())[1]["my_chat_member"]
    assert change["old_chat_member"]["status"] == "kicked"
    assert change["new_chat_member"]["status"] == "member"


async def test_a_deactivated_user_does_nothing(client: Playground, ann: Person) -> None:
    await client.call("PATCH", "/control/users/ann", {"deactivated": True})
    with pytest.raises(PlaygroundError, match="Ann is deactivated"):
        await ann.send("x")


async def test_people_have_chats_of_their_own(api: Api, client: Playground, ann: Person) -> None:
    boris = client.user("boris")
    await boris.send("привет")
    assert [m["text"] for m in await boris.messages()] == ["привет"]
    assert [m["text"] for m in await ann.messages()] == ["hello"]
    ids = [u["message"]["message_id"] for u in await api.updates()]
    assert ids == [1, 2], "private chats share the bot's sequence"


async def test_two_bots(client: Playground, ann: Person) -> None:
    other = await client.call("POST", "/control/bots", {"username": "other_bot"})
    api = Api(client, other["token"])
    assert await api.updates() == []
    await client.user("ann", bot="other_bot").send("hi")
    assert (await api.updates())[0]["message"]["text"] == "hi"
    assert await api.call("sendMessage", chat_id=ANN, text="x")
    assert len(await ann.messages()) == 1
