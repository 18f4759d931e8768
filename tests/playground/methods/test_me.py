"""What bots say about themselves."""

from __future__ import annotations

from typing import Any

import pytest

from playground import Playground
from playground.client import Person
from tests.playground.conftest import ANN, Api


def commands(*names: str) -> list[dict[str, str]]:
    return [{"command": name, "description": f"about {name}"} for name in names]


async def shown(client: Playground, name: str = "ann") -> list[str]:
    found = await client.call("GET", f"/control/users/{name}/commands")
    return [entry["command"] for entry in found]


async def test_get_me(api: Api) -> None:
    me = await api.call("getMe")
    assert me["username"] == "playground_bot"
    assert str(me["id"]) == api.token.partition(":")[0]
    assert await api.call("close") is True
    assert await api.call("logOut") is True


async def test_commands_by_scope_and_language(api: Api, client: Playground, ann: Person) -> None:
    private, own = {"type": "all_private_chats"}, {"type": "chat", "chat_id": ANN}
    await api.call("setMyCommands", commands=commands("start"))
    assert await shown(client) == ["start"]
    await api.call("setMyCommands", commands=commands("private"), scope=private)
    await api.call("setMyCommands", commands=commands("ruso"), scope=private, language_code="ru")
    assert (await shown(client), await shown(client, "boris")) == (["private"], ["ruso"])
    await api.call("setMyCommands", commands=commands("own"), scope=own)
    assert await shown(client) == ["own"]
    assert await api.call("getMyCommands") == commands("start")
    assert await api.call("getMyCommands", scope=private, language_code="ru") == commands("ruso")
    assert await api.call("getMyCommands", language_code="de") == []
    await api.call("deleteMyCommands", scope=own)
    await api.call("setMyCommands", commands=[], scope=private)
    assert await shown(client) == ["start"]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"commands": commands("Großes")}, "Bad Request: BOT_COMMAND_INVALID"),
        ({"commands": [{"command": "a", "description": " "}]},
         "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"),
        ({"commands": commands(*(f"c{n}" for n in range(101)))},
         "Bad Request: BOT_COMMANDS_TOO_MUCH"),
        ({"commands": commands("a"), "language_code": "russian"},
         "Bad Request: invalid language code specified"),
        ({"commands": commands("a"), "scope": {"type": "chat", "chat_id": 5}},
         "Bad Request: chat not found"),
        ({"commands": commands("a"), "scope": {"type": "chat_administrators", "chat_id": 5}},
         "Bad Request: chat not found"),
        ({"commands": {"command": "a"}}, "Bad Request: expected an Array of BotCommand"),
    ],
)  # fmt: skip
async def test_commands_that_telegram_refuses(
    api: Api, params: dict[str, Any], problem: str
) -> None:
    assert await api.error("setMyCommands", **params) == problem


@pytest.mark.parametrize(
    ("what", "method", "limit"),
    [("name", "Name", 64), ("description", "Description", 512),
     ("short_description", "ShortDescription", 120)],
)  # fmt: skip
async def test_texts(api: Api, what: str, method: str, limit: int) -> None:
    await api.call(f"setMy{method}", **{what: "Robot"})
    await api.call(f"setMy{method}", **{what: "Робот", "language_code": "ru"})
    assert await api.call(f"getMy{method}", language_code="ru") == {what: "Робот"}
    assert await api.call(f"getMy{method}", language_code="es") == {what: "Robot"}
    await api.call(f"setMy{method}", language_code="ru")
    assert await api.call(f"getMy{method}", language_code="ru") == {what: "Robot"}
    assert "is too long" in await api.error(f"setMy{method}", **{what: "x" * (limit + 1)})


async def test_the_name_is_seen(api: Api, client: Playground, ann: Person) -> None:
    await api.call("setMyName", name="Robot")
    await api.call("setMyDescription", description="Робот", language_code="ru")
    assert (await api.call("sendMessage", chat_id=ANN, text="x"))["from"]["first_name"] == "Robot"
    state = await client.call("GET", "/control/state?language=ru")
    assert (state["bot"]["first_name"], state["bot"]["description"]) == ("Robot", "Робот")


async def test_the_menu_button(api: Api, ann: Person) -> None:
    assert await api.call("getChatMenuButton") == {"type": "commands"}
    await api.call("setChatMenuButton", menu_button={"type": "default"})
    await api.call("setChatMenuButton", chat_id=ANN, menu_button={"type": "commands"})
    assert await api.call("getChatMenuButton") == {"type": "default"}
    assert await api.call("getChatMenuButton", chat_id=ANN) == {"type": "commands"}
