from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.config import Rollout
from core.errors import TelegramAway
from core.flags import Flags
from plugins.menu import service
from tests.conftest import SettingsFactory
from tests.core.kit import forget_modules, write_room
from tests.support.host import Host, host, only
from tests.support.processes import PlaygroundProcess

DICE = """
    import plugram

    @plugram.hookimpl
    def commands(ctx):
        return [plugram.Command("score", "Your score", chats="private")]

    @plugram.hookimpl
    def preferences(ctx):
        return [plugram.Preference("sides", ("6", "20"), "6")]
"""


@pytest.fixture
async def boss(playground: PlaygroundProcess) -> int:
    """The id of the owner, who has written to the bot."""
    person = await playground.client.add_user("Boss", username="the_boss")
    sent = await person.send("hello")
    user_id: int = sent["from"]["id"]
    return user_id


@pytest.fixture
async def menu(
    tmp_path: Path,
    playground: PlaygroundProcess,
    boss: int,
    settings_factory: SettingsFactory,
    database_url: str,
) -> AsyncIterator[Host]:
    folder = tmp_path / "mine"
    write_room(
        folder,
        "dice",
        {"__init__.py": DICE, "locales/ru.ftl": "command-roll = Бросить кости"},
        commands={
            "roll": "Roll the dice",
            "audit": {"description": "All rolls", "role": "admin"},
            "table": {"description": "Of this group", "chats": "group"},
        },
    )
    settings = settings_factory(
        database__url=database_url,
        bot__api_base=playground.url,
        bot__owner=boss,
        bot__admins=[777],
        plugins__paths=[str(folder)],
        plugins__dice__aliases__roll="dice_roll",
        http__retries=0,
        **only("menu"),
    )
    async with host(settings, token=playground.token) as made:
        yield made
    forget_modules()


def names(host: Host, chat: service.Chat, role: str) -> list[str]:
    return [
        command.name
        for offer in service.offers(host.ctx("menu"), service.Place(chat), role)
        for command in offer.commands
    ]


OWN = ["start", "help", "settings", "cancel"]


async def test_offers_depend_on_chat_and_role_and_are_ours_last(menu: Host) -> None:
    assert names(menu, "private", "user") == ["dice_roll", "score", *OWN]
    assert names(menu, "private", "admin") == ["dice_roll", "audit", "score", *OWN]
    assert names(menu, "group", "user") == ["dice_roll", "table", *OWN]


async def test_a_paused_plugin_offers_nothing(menu: Host) -> None:
    ctx, somebody = menu.ctx("menu"), service.Place("private", 5, 5)
    assert service.find_preference(ctx, somebody, "dice", "sides") is not None
    menu.plugin("dice").gate = lambda: False
    assert names(menu, "private", "user") == OWN
    assert service.find_preference(ctx, somebody, "dice", "sides") is None


async def test_a_plugin_that_some_have_is_offered_to_those(
    menu: Host, playground: PlaygroundProcess, boss: int
) -> None:
    """Its commands leave the menus of all, and those who have it get a menu of their own: people
    who are named at start, the others when they ask what there is."""
    ctx = menu.ctx("menu")
    for plugin in menu.loader.report.plugins:
        plugin.flags = Flags({"dice": Rollout(users=(boss,), percent=30)})
    has = next(one for one in range(1, 99) if menu.plugin("dice").serves(one, one))
    lacks = next(one for one in range(1, 99) if not menu.plugin("dice").serves(one, one))
    assert names(menu, "private", "user") == OWN
    for person, known in ((has, ["dice_roll", "score", *OWN]), (lacks, OWN)):
        offers = service.offers(ctx, service.Place("private", person, person), "user")
        assert [command.name for offer in offers for command in offer.commands] == known
        found = service.find_preference(
            ctx, service.Place("private", person, person), "dice", "sides"
        )
        assert (found is not None) is (person == has)
        assert await service.is_out_of_date(ctx, person) is (person == has)
    assert [menu_.scope for menu_ in service.chat_menus(ctx, has)] == [f"chat:{has}"] * 3
    assert list(service.chat_menus(ctx, lacks)) == []
    assert {one.scope for one in service.menus(ctx, [has, lacks])} == {
        *("all_private_chats", "all_group_chats", f"chat:{boss}", "chat:777", f"chat:{has}")
    }

    await service.publish(ctx, boss)
    told = await calls(playground, "setMyCommands")
    assert {call["scope"]["chat_id"] for call in told} == {boss}
    assert not await service.is_out_of_date(ctx, boss)


async def test_command_texts_fall_back_to_the_manifests(menu: Host) -> None:
    dice = menu.plugin("dice")
    roll = next(command for command in dice.commands if command.name == "dice_roll")
    texts = [service.text_of(menu.ctx("menu"), dice, roll, language) for language in ("ru", "es")]
    assert texts == ["Бросить кости", "Roll the dice"]


async def calls(playground: PlaygroundProcess, method: str) -> list[dict[str, Any]]:
    found = await playground.client.calls(method)
    return [call["params"] for call in found]


async def test_menus_are_told_once_and_again_only_where_they_changed(
    menu: Host, playground: PlaygroundProcess, boss: int
) -> None:
    ctx = menu.ctx("menu")
    await service.publish(ctx)
    told = await calls(playground, "setMyCommands")
    # Two kinds of chats, the owner, and one of the staff whom the bot never met; three languages.
    assert len(told) == 4 * 3
    by_scope = {
        (call["scope"]["type"], call.get("language_code") or ""): call["commands"] for call in told
    }
    private = by_scope["all_private_chats", "ru"]
    assert private[0] == {"command": "dice_roll", "description": "Бросить кости"}
    assert private[-1] == {"command": "cancel", "description": "Прервать то, чем мы заняты"}
    of_boss = [call for call in told if call["scope"].get("chat_id") == boss]
    assert {"command": "audit", "description": "All rolls"} in of_boss[0]["commands"]

    await service.publish(ctx)
    again = (await calls(playground, "setMyCommands"))[len(told) :]
    assert {call["scope"].get("chat_id") for call in again} == {777}

    menu.plugin("dice").gate = lambda: False
    await service.publish(ctx)
    assert len(await calls(playground, "setMyCommands")) == len(told) + len(again) + 4 * 3


async def test_menus_of_former_staff_are_taken_back(
    menu: Host, playground: PlaygroundProcess, boss: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = menu.ctx("menu")
    await service.publish(ctx)
    monkeypatch.setattr(menu.people, "staff", list)
    monkeypatch.setattr(menu.people, "role", lambda _: "user")
    await service.publish(ctx)
    gone = await calls(playground, "deleteMyCommands")
    assert {call["scope"]["chat_id"] for call in gone} == {boss}
    assert len(gone) == 3
    await service.publish(ctx)
    assert len(await calls(playground, "deleteMyCommands")) == 3


async def test_publishing_is_a_job_that_waits_for_telegram(
    menu: Host, playground: PlaygroundProcess
) -> None:
    await menu.loader.ready()
    await menu.loader.ready()
    assert len(await menu.queued("menu.publish")) == 1
    playground.kill()
    with pytest.raises(TelegramAway):
        await service.publish(menu.ctx("menu"))
