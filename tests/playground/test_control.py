"""The control API, beyond what people do."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from playground import Playground, Running
from playground.client import Person, PlaygroundError
from tests.playground.conftest import ANN, Api


async def test_bots(client: Playground, api: Api) -> None:
    (bot,) = await client.call("GET", "/control/bots")
    assert (bot["username"], bot["token"]) == ("playground_bot", api.token)
    new = await client.call("POST", "/control/bots", {"username": "b_bot", "name": "B"})
    assert new["token"].startswith(f"{new['id']}:")
    assert await client.token("b_bot") == new["token"]
    with pytest.raises(PlaygroundError, match="409: there is a bot @B_BOT already"):
        await client.call("POST", "/control/bots", {"username": "B_BOT"})
    with pytest.raises(PlaygroundError, match="username is missing"):
        await client.call("POST", "/control/bots", {})
    with pytest.raises(PlaygroundError, match="404: there is no bot nobody"):
        await client.user("ann", bot="nobody").send("x")


async def test_users(client: Playground) -> None:
    names = [user["first_name"] for user in await client.call("GET", "/control/users")]
    assert names == ["Ann", "Борис", "Carmen"]
    dora = await client.add_user("Dora", language="de", username="dora")
    assert (await dora.send("x"))["from"]["language_code"] == "de"
    nameless = await client.add_user("Nameless")
    assert (await nameless.send("x"))["from"]["first_name"] == "Nameless"
    for wrong in ({"username": "DORA"}, {"id": ANN}):
        with pytest.raises(PlaygroundError, match="409"):
            await client.add_user("Dora", **wrong)
    with pytest.raises(PlaygroundError, match="no such user"):
        await client.add_user("Dora", age=7)
    changed = await client.call("PATCH", "/control/users/dora", {"language": "fr"})
    assert changed["language"] == "fr"
    with pytest.raises(PlaygroundError, match="id of a user can't be changed"):
        await client.call("PATCH", "/control/users/dora", {"id": 5})
    with pytest.raises(PlaygroundError, match="404: there is no user nobody"):
        await client.user("nobody").send("x")


async def test_state(client: Playground, api: Api, ann: Person) -> None:
    sent = await api.call("sendMessage", chat_id=ANN, text="x")
    state = await client.call("GET", "/control/state")
    first = state["users"][0]
    assert first["last"]["text"] == "x"
    assert first["received"] == [sent["message_id"]]
    assert state["users"][1]["last"] is None
    assert state["bot"]["online"] is False
    await api.updates()
    assert (await client.call("GET", "/control/state"))["bot"]["online"] is True


async def test_messages_in_parts(client: Playground, ann: Person) -> None:
    for n in range(2, 6):
        await ann.send(str(n))

    async def ids(query: str) -> list[int]:
        answer = await client.call("GET", f"/control/users/ann/messages?{query}")
        return [message["message_id"] for message in answer["messages"]]

    assert await ids("") == [1, 2, 3, 4, 5]
    assert await ids("after=3") == [4, 5]
    assert await ids("limit=2") == [4, 5]
    assert await ids("before=4&limit=2") == [2, 3]


async def test_events(client: Playground, api: Api, ann: Person) -> None:
    sent = await api.call("sendMessage", chat_id=ANN, text="x")
    await api.call("editMessageText", chat_id=ANN, message_id=sent["message_id"], text="y")
    await api.call("deleteMessage", chat_id=ANN, message_id=sent["message_id"])
    answer = await client.call("GET", "/control/users/ann/events")
    assert [e["type"] for e in answer["events"]] == ["message", "message", "edited", "deleted"]
    assert answer["seq"] == answer["events"][-1]["seq"]
    late = await client.call("GET", f"/control/users/ann/events?after={answer['seq']}&wait=0.01")
    assert late == {"events": [], "seq": None}


async def read_stream(running: Running, path: str, count: int) -> list[Any]:
    """The first events of a stream, its comments left out."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    found: list[Any] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            line = await reader.readline()
            if line.startswith(b"data: "):
                found.append(orjson.loads(line[6:]))
    writer.close()
    return found


async def test_the_stream(running: Running, client: Playground, api: Api, ann: Person) -> None:
    reading = asyncio.create_task(read_stream(running, "/control/users/ann/stream?after=0", 5))
    await asyncio.sleep(0.2)
    await client.user("boris").send("привет")
    await asyncio.sleep(0.2)
    await api.call("sendChatAction", chat_id=ANN, action="typing")
    await api.call("setMyName", name="Robot")
    events = await reading
    assert [event["type"] for event in events] == [
        "presence",
        "message",
        "elsewhere",
        "action",
        "bot",
    ]
    assert events[2]["chats"] == [ANN + 1]


async def test_files_are_shown_or_saved(client: Playground, running: Running, ann: Person) -> None:
    page = (await ann.upload(b"<script>", name="жук.html", mime="text/html"))["document"]
    host, _, port = running.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    path = f"/control/files/{page['file_id']}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert body == b"<script>"
    assert b"attachment; filename*=UTF-8''%D0%B6%D1%83%D0%BA.html" in head
    assert b"sandbox" in head
    large = (await ann.send_large("film.mkv", 30 << 20))["document"]
    with pytest.raises(PlaygroundError, match="404: this file has no content"):
        await client.call("GET", f"/control/files/{large['file_id']}")
    with pytest.raises(PlaygroundError, match="400: Bad Request: invalid file_id"):
        await client.call("GET", "/control/files/nothing")


async def test_pending_updates(client: Playground, ann: Person) -> None:
    answer = await client.call("GET", "/control/updates")
    assert answer["count"] == 1
    assert answer["oldest"][0]["message"]["text"] == "hello"
    assert await client.inject({"a": 1}, {"update_id": 9, "b": 2}) == [2, 9]
    assert await client.pending() == 3
    await client.call("DELETE", "/control/updates")
    assert await client.pending() == 0
    for wrong in ({}, {"updates": [1]}):
        with pytest.raises(PlaygroundError, match="give an object as update"):
            await client.call("POST", "/control/updates", wrong)


async def test_bulk(client: Playground, api: Api) -> None:
    done = await client.bulk(1000, users=7, text="n {n} /cmd")
    assert (done["count"], done["first_update"], done["last_update"]) == (1000, 1, 1000)
    first, second = (await api.updates(limit=2))[:2]
    assert first["message"]["text"] == "n 1 /cmd"
    assert first["message"]["entities"][0]["type"] == "bot_command"
    assert first["message"]["chat"]["id"] != second["message"]["chat"]["id"]
    some = {"messages": [{"user": "ann", "text": "a"}, {"user": "crowd3", "text": "b"}]}
    assert (await client.call("POST", "/control/bulk", some))["count"] == 2
    assert (await client.call("POST", "/control/bulk", {"messages": []}))["first_update"] is None


async def test_faults_limits_and_calls_are_listed(client: Playground, api: Api) -> None:
    fault = await client.fault("delay", "getMe", seconds=0)
    assert await client.call("GET", "/control/faults") == [fault]
    await client.call("DELETE", "/control/faults")
    assert await client.call("GET", "/control/faults") == []
    assert (await client.limits(per_second=5))["per_second"] == 5
    assert (await client.call("GET", "/control/limits"))["refused"] == 0
    await api.call("getMe")
    listed = await client.call("GET", "/control/calls?method=getMe")
    assert (len(listed["calls"]), listed["counts"]) == (1, {"getMe": 1})
    await client.call("DELETE", "/control/calls")
    assert await client.calls() == []


async def test_values_of_the_wrong_type(client: Playground) -> None:
    with pytest.raises(PlaygroundError, match="400: a value is missing or of the wrong type"):
        await client.call("GET", "/control/users/ann/messages?after=x")
    with pytest.raises(PlaygroundError, match="400: a value is missing or of the wrong type"):
        await client.call("POST", "/control/bulk", {"messages": [{"user": "ann"}]})


async def test_texts_that_nobody_can_send(ann: Person) -> None:
    with pytest.raises(PlaygroundError, match="the text is empty"):
        await ann.send("  ")
    with pytest.raises(PlaygroundError, match="message is too long"):
        await ann.send("x" * 4097)
