"""A bot with a door: strangers, codes, groups, and who writes too fast."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from core.app import App
from core.config import Settings
from playground.client import NoReply, Person
from plugins.access import service
from tests.support.host import only
from tests.support.processes import PlaygroundProcess

Open = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
async def owner(playground: PlaygroundProcess) -> Person:
    return await playground.client.add_user("Olga", username="olga_the_owner", language="en")


@pytest.fixture
async def guest(playground: PlaygroundProcess) -> Person:
    return await playground.client.add_user("Gil", username="gil_the_guest", language="es")


async def id_of(playground: PlaygroundProcess, person: Person) -> int:
    users = await playground.client.call("GET", "/control/users")
    return next(int(user["id"]) for user in users if user["username"] == person.name)


@pytest.fixture
async def opened(
    settings_factory: Callable[..., Settings],
    playground: PlaygroundProcess,
    database_url: str,
    owner: Person,
) -> Open:
    """`opened(per_minute=3)`: a bot whose door has these settings."""
    owner_id = await id_of(playground, owner)

    @asynccontextmanager
    async def serving(**access: Any) -> AsyncIterator[App]:
        settings = settings_factory(
            bot__token=playground.token,
            bot__api_base=playground.url,
            bot__owner=owner_id,
            database__url=database_url,
            web__enabled=False,
            outgoing__per_chat_per_second=30,
            **{f"plugins__access__{name}": value for name, value in access.items()},
            **only("access", "menu"),
        )
        async with App(settings, "all").serving() as app:
            yield app

    return serving


async def asked(person: Person, text: str) -> str:
    await person.send(text)
    return str((await person.wait_reply(timeout=15))["text"])


async def code_of(owner: Person, command: str = "/invite") -> str:
    found = re.search(r"pair_([2-9A-Z]{8})\b", await asked(owner, command))
    assert found
    return found[1]


async def test_strangers_hear_it_once_and_come_in_with_a_code(
    opened: Open, owner: Person, guest: Person
) -> None:
    async with opened():
        assert "bot es privado" in await asked(guest, "/start")
        await guest.send("hello?")
        with pytest.raises(NoReply):
            await guest.wait_reply(timeout=1)
        code = await code_of(owner)
        assert "no vale" in await asked(guest, "/pair WRONG123")
        assert "Adelante" in await asked(guest, f"/pair {code.lower()}")
        assert "Gil" in await asked(guest, "/start")
        assert "no vale" in await asked(guest, f"/start pair_{code}")  # it was for one


async def test_a_link_lets_in_and_an_admin_sends_away(
    opened: Open, owner: Person, guest: Person
) -> None:
    async with opened() as app:
        code = await code_of(owner, "/invite 2")
        assert "Adelante" in await asked(guest, f"/start pair_{code}")
        await owner.send("/access")
        listed = await owner.wait_reply(timeout=15)
        assert "Gil" in listed["text"]
        await owner.click(listed, "❌ Gil", wait=10)
        await owner.wait_text(listed, "Nobody was let in", timeout=10)
        door = service.of(app.plugins[0].ctx)
        assert await door.grants() == []
        assert "privado" in await asked(guest, "/help")


async def test_only_admins_invite(opened: Open, guest: Person) -> None:
    async with opened(open=True):
        assert "🎟" not in await asked(guest, "/invite")
        assert "🚪" not in await asked(guest, "/access")


async def test_those_of_the_settings_are_in(
    opened: Open, playground: PlaygroundProcess, guest: Person
) -> None:
    async with opened(users=[await id_of(playground, guest)]):
        assert "Gil" in await asked(guest, "/start")


async def test_codes_cant_be_guessed(opened: Open, guest: Person) -> None:
    async with opened():
        for _ in range(5):
            assert "no vale" in await asked(guest, "/pair AAAAAAAA")
        assert "Demasiados intentos" in await asked(guest, "/pair AAAAAAAA")


async def test_a_code_grows_old(opened: Open, owner: Person, guest: Person) -> None:
    async with opened() as app:
        code = await code_of(owner)
        await app.db.execute("UPDATE access_codes SET expires_at = 1")
        assert "no vale" in await asked(guest, f"/pair {code}")


async def test_who_writes_too_fast_is_told_once(opened: Open, guest: Person) -> None:
    async with opened(open=True, per_minute=3):
        for _ in range(3):
            assert "Gil" in await asked(guest, "/start")
        assert "más rápido" in await asked(guest, "/start")
        await guest.send("/start")
        with pytest.raises(NoReply):
            await guest.wait_reply(timeout=1)


async def test_a_guard_that_fails_lets_nobody_pass(opened: Open, guest: Person) -> None:
    async with opened() as app:
        await app.db.execute("DROP TABLE access_grants")
        await guest.send("/start")
        said = (await guest.wait_reply(timeout=20))["text"]
        assert "Gil" not in said
