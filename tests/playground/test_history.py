"""Where a message comes from, as the control API tells it."""

from __future__ import annotations

from playground import Playground
from playground.client import Json, Person
from tests.playground.conftest import ANN, Api


async def history(client: Playground, message_id: int, query: str = "") -> Json:
    path = f"/control/users/ann/messages/{message_id}/history{query}"
    found: Json = await client.call("GET", path)
    return found


async def test_a_persons_message_has_its_update(client: Playground, api: Api, ann: Person) -> None:
    found = await history(client, 1)
    assert [(u["bot"], u["waiting"]) for u in found["updates"]] == [("playground_bot", True)]
    assert found["updates"][0]["body"]["message"]["text"] == "hello"
    assert found["calls"] == []
    await api.updates(2)
    assert [u["waiting"] for u in (await history(client, 1))["updates"]] == [False]


async def test_a_bots_message_has_its_calls_and_versions(
    client: Playground, api: Api, ann: Person
) -> None:
    row = [{"text": "More", "callback_data": "more"}]
    markup = {"inline_keyboard": [row]}
    sent = await api.call("sendMessage", chat_id=ANN, text="one", reply_markup=markup)
    number = sent["message_id"]
    await api.call("sendMessage", chat_id=ANN, text="another")
    await api.call("editMessageText", chat_id=ANN, message_id=number, text="two")
    await api.error("editMessageText", chat_id=ANN, message_id=number, text="two")
    await api.call(
        "editMessageText", chat_id=ANN, message_id=number, text="three", reply_markup=markup
    )
    await ann.click(sent, "More")
    query = (await api.updates(2))[0]["callback_query"]
    await api.call("answerCallbackQuery", callback_query_id=query["id"])
    await api.call("deleteMessages", chat_id=ANN, message_ids=[number])
    found = await history(client, number)
    assert [u["body"]["callback_query"]["data"] for u in found["updates"]] == ["more"]
    assert [(c["method"], c["status"]) for c in found["calls"]] == [
        ("sendMessage", 200),
        ("editMessageText", 200),
        ("editMessageText", 400),
        ("editMessageText", 200),
        ("answerCallbackQuery", 200),
        ("deleteMessages", 200),
    ]
    assert [version["text"] for version in found["versions"]] == ["one", "two", "three"]


async def test_a_message_of_a_group_is_told_apart(client: Playground, api: Api) -> None:
    group = await client.group("Family", members=["ann"], admins=["playground_bot"])
    await client.user("ann").send("in private")
    message = await group.send("ann", "in the group")
    answer = await api.call("sendMessage", chat_id=group.id, text="seen")
    await api.call("sendMessage", chat_id=ANN, text="elsewhere")
    found = await history(client, message["message_id"], "?chat=Family")
    assert [u["body"]["message"]["text"] for u in found["updates"]] == ["in the group"]
    found = await history(client, answer["message_id"], "?chat=Family")
    assert [c["params"]["text"] for c in found["calls"]] == ["seen"]


async def test_the_latest_calls(client: Playground, api: Api) -> None:
    for _ in range(3):
        await api.call("getMe")
    found = await client.call("GET", "/control/calls?latest=2")
    assert [call["seq"] for call in found["calls"]] == [2, 3]


async def test_a_webhooks_state(client: Playground, api: Api, ann: Person) -> None:
    found = await client.call("GET", "/control/bots/playground_bot/webhook")
    assert found == {"pending_update_count": 1}
    await api.call("setWebhook", url="http://127.0.0.1:9/hook")
    found = await client.call("GET", "/control/bots/playground_bot/webhook")
    assert found["url"] == "http://127.0.0.1:9/hook"
    assert "setWebhook" in (await client.call("GET", "/control/calls"))["counts"]
