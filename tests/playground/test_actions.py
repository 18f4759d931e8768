"""What people do besides writing: albums, keyboards, votes, reactions, forwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from playground import Playground, http
from playground.client import Json, Person, PlaygroundError
from tests.playground.conftest import ANN, Api
from tests.playground.pictures import png


async def last(api: Api) -> Json:
    """The latest update."""
    return (await api.updates(-1))[0]


async def test_albums_of_people(api: Api, ann: Person) -> None:
    sent = await ann.album([png(400, 200), png(50, 50)], caption="two")
    updates = [update["message"] for update in (await api.updates(2))]
    assert [message["message_id"] for message in updates] == [m["message_id"] for m in sent]
    assert len({message["media_group_id"] for message in updates}) == 1
    assert [message.get("caption") for message in updates] == ["two", None]
    sizes = [(size["width"], size["height"]) for size in updates[0]["photo"]]
    assert sizes == [(90, 45), (320, 160), (400, 200)]
    small = await api.call("getFile", file_id=updates[0]["photo"][0]["file_id"])
    _, content = await ann.playground.request(
        "GET", f"/file/bot{api.token}/{small['file_path']}", b"", ""
    )
    assert content[:3] == b"\xff\xd8\xff", "Telegram makes JPEG of it"
    copies = await api.call(
        "copyMessages", chat_id=ANN, from_chat_id=ANN, message_ids=[m["message_id"] for m in sent]
    )
    shown = (await ann.messages())[-2:]
    assert [m["message_id"] for m in shown] == [c["message_id"] for c in copies]
    assert len({m["media_group_id"] for m in shown}) == 1
    assert shown[0]["media_group_id"] != sent[0]["media_group_id"]
    with pytest.raises(PlaygroundError, match="an album has 2 to 10"):
        await ann.album([png(1, 1)])


async def test_albums_of_bots(api: Api, ann: Person) -> None:
    media: list[Json] = [
        {"type": "photo", "media": "attach://a", "caption": "<b>A</b>", "parse_mode": "HTML",
         "has_spoiler": True, "show_caption_above_media": True},
        {"type": "photo", "media": "attach://b"},
    ]  # fmt: skip
    parts = [http.part(n, png(9, 9), f"{n}.png", "image/png") for n in "ab"]
    kind, body = http.multipart({"chat_id": str(ANN), "media": orjson.dumps(media).decode()}, parts)
    content = b"".join(part for part in body if isinstance(part, bytes))
    first, second = (await api.answer("sendMediaGroup", content, kind))["result"]
    assert first["media_group_id"] == second["media_group_id"]
    assert (first["caption"], first["has_media_spoiler"]) == ("A", True)
    assert first["show_caption_above_media"]
    photo, document = first["photo"][0]["file_id"], (await ann.upload(b"x"))["document"]["file_id"]
    one = await api.call("sendMediaGroup", chat_id=ANN, media=[{"type": "photo", "media": photo}])
    assert "media_group_id" not in one[0]
    mixed = [{"type": "photo", "media": photo}, {"type": "document", "media": document}]
    for wrong, problem in (
        ([], "there are no messages to send"),
        ([{"type": "photo", "media": photo}] * 11, "too many messages to send as an album"),
        (mixed, "document can't be mixed with other media types"),
        ([{"type": "photo", "media": "attach://none"}] * 2,
         "wrong file identifier/HTTP URL specified"),
    ):  # fmt: skip
        assert await api.error("sendMediaGroup", chat_id=ANN, media=wrong) == (
            f"Bad Request: {problem}"
        )
    edit = {"chat_id": ANN, "message_id": first["message_id"]}
    assert await api.error(
        "editMessageMedia", media={"type": "document", "media": document}, **edit
    ) == ("Bad Request: can't change media type in the album")
    edited = await api.call(
        "editMessageMedia", media={"type": "photo", "media": photo, "caption": "B"}, **edit
    )
    assert (edited["caption"], edited["media_group_id"]) == ("B", first["media_group_id"])


async def test_another_file_in_a_message(api: Api, ann: Person) -> None:
    document = (await ann.upload(b"abc", name="a.txt"))["document"]["file_id"]
    sent = await api.call("sendMessage", chat_id=ANN, text="wait")
    edited = await api.call(
        "editMessageMedia", chat_id=ANN, message_id=sent["message_id"],
        media={"type": "document", "media": document, "caption": "here"},
    )  # fmt: skip
    assert (edited["document"]["file_name"], edited["caption"]) == ("a.txt", "here")
    assert "text" not in edited


async def test_reply_keyboards(api: Api, client: Playground, ann: Person) -> None:
    with pytest.raises(PlaygroundError, match="no keyboard is shown"):
        await ann.press("Yes")
    keyboard = [
        ["Yes", {"text": "Me", "request_contact": True},
         {"text": "Here", "request_location": True}],
        [{"text": "Who", "request_users": {"request_id": 7, "max_quantity": 2,
                                           "request_name": True}},
         {"text": "Where", "request_chat": {"request_id": 8, "chat_is_channel": False,
                                            "request_title": True}},
         {"text": "Poll", "request_poll": {}},
         {"text": "App", "web_app": {"url": "https://example.com/"}}],
    ]  # fmt: skip
    await api.call("sendMessage", chat_id=ANN, text="Choose", reply_markup={"keyboard": keyboard})
    assert (await ann.press("Yes"))["text"] == "Yes"
    contact = (await ann.press("Me"))["contact"]
    assert (contact["user_id"], contact["first_name"]) == (ANN, "Ann")
    place = (await ann.press("Here", location={"latitude": 1.5, "longitude": 2.5}))["location"]
    assert place == {"latitude": 1.5, "longitude": 2.5}
    shared = (await ann.press("Who", users=["boris"]))["users_shared"]
    assert (shared["request_id"], shared["users"]) == (
        7, [{"user_id": ANN + 1, "first_name": "Борис"}]
    )  # fmt: skip
    assert (await last(api))["message"]["users_shared"]["request_id"] == 7
    family = await client.group("Family", members=["ann"])
    chosen = (await ann.press("Where", shared_chat="Family"))["chat_shared"]
    assert chosen == {"request_id": 8, "chat_id": family.id, "title": "Family"}
    poll = await ann.press("Poll", poll={"question": "Tea?", "options": ["Yes", "No"]})
    assert poll["poll"]["question"] == "Tea?"
    for button, reason in (("App", "opens no web apps"), ("Who", "1 to 2 users"), ("No", "there")):
        with pytest.raises(PlaygroundError, match=reason):
            await ann.press(button)
    await api.call("sendMessage", chat_id=ANN, text="x", reply_markup={"remove_keyboard": True})
    with pytest.raises(PlaygroundError, match="no keyboard is shown"):
        await ann.press("Yes")


async def test_polls(api: Api, client: Playground, ann: Person) -> None:
    sent = await api.call(
        "sendPoll", chat_id=ANN, question="Tea?", options=["Yes", {"text": "No"}],
        is_anonymous=False,
    )  # fmt: skip
    shown = await ann.vote(sent, "No")
    assert shown["poll"]["options"][1]["voter_count"] == 1
    state, answer = await api.updates(2, allowed_updates=[])
    assert state["poll"]["total_voter_count"] == 1
    assert answer["poll_answer"]["option_ids"] == [1]
    assert answer["poll_answer"]["user"]["id"] == ANN
    await ann.vote(sent)
    assert (await last(api))["poll_answer"]["option_ids"] == []
    with pytest.raises(PlaygroundError, match="one answer"):
        await ann.vote(sent, 0, 1)
    with pytest.raises(PlaygroundError, match="no option 'Perhaps'"):
        await ann.vote(sent, "Perhaps")
    stopped = await api.call("stopPoll", chat_id=ANN, message_id=sent["message_id"])
    assert stopped["is_closed"]
    assert await api.error("stopPoll", chat_id=ANN, message_id=sent["message_id"]) == (
        "Bad Request: poll has already been closed"
    )
    with pytest.raises(PlaygroundError, match="the poll is closed"):
        await ann.vote(sent, 0)
    quiz = await api.call(
        "sendPoll", chat_id=ANN, question="2 + 2", options=["4", "5"], type="quiz",
        correct_option_ids=[0], explanation="Count",
    )  # fmt: skip
    assert quiz["poll"]["correct_option_ids"] == [0]
    await ann.vote(quiz, "4")
    with pytest.raises(PlaygroundError, match="can't be changed"):
        await ann.vote(quiz, "5")


async def test_a_poll_ends_by_itself(api: Api, ann: Person) -> None:
    await api.call("sendPoll", chat_id=ANN, question="x", options=["a", "b"], open_period=1)
    update = (await api.updates(2, timeout=5))[0]
    assert update["poll"]["is_closed"]
    assert (await ann.messages())[-1]["poll"]["is_closed"]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"question": " "}, "poll question must be non-empty"),
        ({"options": []}, "poll must have at least one answer option"),
        ({"options": ["x"] * 13}, "poll can't have more than 12 options"),
        ({"type": "quiz"}, "wrong correct option ID specified"),
    ],
)
async def test_polls_that_telegram_refuses(
    api: Api, ann: Person, params: dict[str, Any], problem: str
) -> None:
    given = {"chat_id": ANN, "question": "x", "options": ["a", "b"], **params}
    assert await api.error("sendPoll", **given) == f"Bad Request: {problem}"


async def test_places_contacts_and_dice(api: Api, ann: Person) -> None:
    for shared in (
        {"location": {"latitude": 1.0, "longitude": 2.0}},
        {"contact": True},
        {"dice": "🎯"},
        {"venue": {"latitude": 1.0, "longitude": 2.0, "title": "T", "address": "A"}},
    ):
        (kind,) = shared
        sent = await ann.share(**shared)
        assert kind in sent
        assert (await last(api))["message"][kind] == sent[kind]
    place = await api.call(
        "sendVenue", chat_id=ANN, latitude=1, longitude=2, title="T", address="A"
    )
    assert place["venue"]["location"] == {"latitude": 1, "longitude": 2}
    contact = await api.call("sendContact", chat_id=ANN, phone_number="+1", first_name="C")
    assert contact["contact"] == {"phone_number": "+1", "first_name": "C"}


async def test_forwards_and_pins(api: Api, client: Playground, ann: Person) -> None:
    news = await client.channel("News", members=["ann"])
    post = await news.send("ann", "read this")
    sent = await ann.forward(post, from_chat=news)
    origin = (await last(api))["message"]["forward_origin"]
    assert (origin["type"], origin["chat"]["id"]) == ("channel", news.id)
    await ann.pin(sent)
    assert (await last(api))["message"]["pinned_message"]["text"] == "read this"
    await ann.pin(sent, pinned=False)
    assert "pinned_message" not in await api.call("getChat", chat_id=ANN)


async def test_buttons_of_the_client(api: Api, ann: Person) -> None:
    rows = [
        [{"text": "Site", "url": "https://example.com/"},
         {"text": "Copy", "copy_text": {"text": "C"}}],
        [{"text": "Find", "switch_inline_query_current_chat": "cats"}],
    ]  # fmt: skip
    markup = {"inline_keyboard": rows}
    menu = await api.call("sendMessage", chat_id=ANN, text="x", reply_markup=markup)
    assert await ann.click(menu, "Site") == {"url": "https://example.com/"}
    assert await ann.click(menu, "Copy") == {"copy_text": {"text": "C"}}
    assert await ann.click(menu, "Find") == {"switch_inline_query_current_chat": "cats"}
    login = {"inline_keyboard": [[{"text": "L", "login_url": {"url": "https://example.com/"}}]]}
    assert await api.error("sendMessage", chat_id=ANN, text="x", reply_markup=login) == (
        "Bad Request: BOT_DOMAIN_INVALID"
    )


async def test_chat_actions_end(api: Api, ann: Person) -> None:
    await api.call("sendChatAction", chat_id=ANN, action="typing")
    event = await ann.wait_event(lambda e: e["type"] == "action")
    assert (event["action"], event["seconds"]) == ("typing", 5)


async def test_commands_in_groups(api: Api, client: Playground) -> None:
    family = await client.group("Family", members=["ann", "boris"])

    async def scope(name: str, **scope: Any) -> None:
        await api.call(
            "setMyCommands", commands=[{"command": name, "description": "x"}], scope=scope
        )

    async def seen(who: str) -> str:
        path = f"/control/users/{who}/commands?chat={family.id}"
        found: str = (await client.call("GET", path))[0]["command"]
        return found

    await scope("all", type="all_group_chats")
    assert (await seen("ann"), await seen("boris")) == ("all", "all")
    await scope("admins", type="all_chat_administrators")
    assert (await seen("ann"), await seen("boris")) == ("admins", "all")
    await scope("here", type="chat", chat_id=family.id)
    assert (await seen("ann"), await seen("boris")) == ("here", "here")
    await scope("bosses", type="chat_administrators", chat_id=family.id)
    await scope("boris", type="chat_member", chat_id=family.id, user_id=ANN + 1)
    assert (await seen("ann"), await seen("boris")) == ("bosses", "boris")


async def test_a_local_server(api: Api, client: Playground, ann: Person, tmp_path: Any) -> None:
    size = 21 << 20
    large = tmp_path / "large.bin"
    with large.open("wb") as stream:
        stream.truncate(size)
    sent = await ann.upload(large)
    number = sent["document"]["file_id"]
    assert await api.error("getFile", file_id=number) == "Bad Request: file is too big"
    await client.local()
    found = await api.call("getFile", file_id=number)
    assert found["file_path"].startswith("/")
    assert Path(found["file_path"]).stat().st_size == size
    back = await api.call("sendDocument", chat_id=ANN, document=large.as_uri())
    assert back["document"]["file_size"] == size
    assert back["document"]["file_unique_id"] == sent["document"]["file_unique_id"]
    await client.local(False)
    assert await api.error("sendDocument", chat_id=ANN, document=large.as_uri()) == (
        "Bad Request: wrong file identifier/HTTP URL specified"
    )
