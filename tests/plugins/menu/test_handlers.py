"""The menu as people meet it: through the chat of a running bot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.client import Person, Playground
from tests.core.kit import write_room
from tests.support.host import only
from tests.support.processes import Bot, PlaygroundProcess, bot_environment

DICE = """
    import plugram

    @plugram.hookimpl
    def preferences(ctx):
        return [plugram.Preference("sides", ("6", "20"), "6")]

    @plugram.hookimpl
    def routers(ctx):
        from aiogram import F, Router
        from aiogram.filters import Command
        from aiogram.fsm.state import State, StatesGroup

        class Game(StatesGroup):
            guess = State()

        router = Router()

        @router.message(Command("roll"))
        async def roll(message, state, ctx, person):
            await state.set_state(Game.guess)
            sides = await ctx.people.preference(person.id, "dice", "sides", "6")
            await ctx.telegram.send(message.chat.id, f"Guess, of {sides}!")

        @router.message(Game.guess, ~F.text.startswith("/"))
        async def guess(message, ctx, t):
            await ctx.telegram.send(message.chat.id, f"You guessed {message.text} in {t.language}")

        return [router]
"""
LOCALE = """
dice-about = I roll dice.
dice-preference-sides = 🎲 Sides
dice-preference-sides-6 = six
dice-preference-sides-20 = twenty
command-roll = Roll the dice
"""


@pytest.fixture
def bot(
    tmp_path: Path, data_dir: Path, database_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    """With a plugin of the deployment's own, and nothing that the menu doesn't need."""
    write_room(
        data_dir.parent / "mine",
        "dice",
        {"__init__.py": DICE, "locales/en.ftl": LOCALE},
        commands={"roll": "Roll", "audit": {"description": "All rolls", "role": "owner"}},
    )
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=database_url
    )
    process.env["PLUGRAM_PLUGINS__PATHS"] = '["mine"]'
    for name, value in only("menu").items():
        process.env[f"PLUGRAM_{name.upper()}"] = str(value).lower()
    process.start()
    yield process
    process.terminate()


@pytest.fixture
def ann(bot: Bot, playground: PlaygroundProcess) -> Person:
    return playground.client.user("ann")


def buttons(message: dict[str, Any]) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


def labelled(message: dict[str, Any], part: str) -> str:
    """The button whose text contains this."""
    return next(text for text in buttons(message) if part in text)


async def test_start_shows_what_the_plugins_can_do_and_asks_for_the_time_zone(ann: Person) -> None:
    await ann.send("/start")
    greeting = await ann.wait_reply()
    text = greeting["text"]
    assert "Ann" in text
    assert "I roll dice." in text
    assert "/roll — Roll the dice" in text
    assert "/audit" not in text
    assert "/help — All commands" in text

    await ann.click(greeting, "🕒 Set my time zone")
    zones = await ann.wait_edit(greeting, contains="Your time zone: UTC")
    await ann.click(zones, "UTC+5:30")
    await ann.wait_edit(greeting, contains="Kolkata (UTC+5:30)")
    await ann.send("/start")
    assert buttons(await ann.wait_reply()) == []

    await ann.send("/help")
    assert "/roll — Roll the dice" in (await ann.wait_reply())["text"]


async def test_settings_change_language_and_survive_a_restart(ann: Person, bot: Bot) -> None:
    await ann.send("/settings")
    page = await ann.wait_reply(contains="Language: English")
    await ann.click(page, labelled(page, "Language"))
    languages = await ann.wait_edit(page, contains="Which language")
    assert buttons(languages)[:4] == ["English", "Español", "Русский", "✓ As in Telegram"]
    answer = await ann.click(languages, "Русский", wait=5)
    assert answer is not None
    assert answer["text"] == "Сохранено"
    await ann.wait_edit(page, contains="Язык: Русский")

    bot.kill()
    bot.start()
    # The message that was there before still turns its pages, in the language that was chosen.
    await ann.click(page, labelled(await ann.wait_text(page, "Язык"), "Язык"))
    languages = await ann.wait_edit(page, contains="На каком языке")
    assert "✓ Русский" in buttons(languages)
    await ann.click(languages, "Как в Telegram")
    shown = await ann.wait_edit(page, contains="Language: English")
    await ann.click(shown, "Close")
    assert buttons(await ann.wait_edit(page)) == []


async def test_a_time_zone_is_typed_as_a_city(ann: Person) -> None:
    await ann.send("/settings")
    page = await ann.wait_reply()
    await ann.click(page, labelled(page, "Time zone"))
    zones = await ann.wait_edit(page, contains="Name your city")
    await ann.click(zones, "🔎 Type a city")
    await ann.wait_edit(page, contains="Type your city")

    await ann.send("Atlantis <b>")
    await ann.wait_reply(contains="I don't know a place called “Atlantis <b>”")
    await ann.send("Испания")
    which = await ann.wait_reply(contains="Which of these")
    assert any("Madrid" in text for text in buttons(which))
    await ann.send("New York")
    await ann.wait_reply(contains="Your time zone is New York (UTC")
    # The dialog is over: the city of the next message is nobody's answer.
    await ann.send("Madrid")
    await ann.send("/settings")
    assert "New York (UTC" in (await ann.wait_reply())["text"]


async def test_choices_of_plugins_are_settings_too(ann: Person) -> None:
    await ann.send("/settings")
    page = await ann.wait_reply()
    await ann.click(page, "🎲 Sides: six")
    choices = await ann.wait_edit(page, contains="🎲 Sides")
    assert buttons(choices) == ["✓ six", "twenty", "« Back"]
    await ann.click(choices, "twenty")
    shown = await ann.wait_edit(page, contains="Settings")
    assert "🎲 Sides: twenty" in buttons(shown)
    await ann.send("/roll")
    await ann.wait_reply(contains="Guess, of 20!")


async def test_cancel_ends_the_dialog_of_any_plugin(ann: Person) -> None:
    await ann.send("/cancel")
    await ann.wait_reply(contains="There is nothing to cancel.")
    await ann.send("/roll")
    await ann.wait_reply(contains="Guess")
    await ann.send("4")
    await ann.wait_reply(contains="You guessed 4 in en")
    await ann.send("/cancel")
    await ann.wait_reply(contains="Cancelled.")
    await ann.send("4")
    assert "guessed" not in (await ann.wait_reply())["text"]


async def test_the_command_menu_is_set_for_chats_and_languages(
    ann: Person, bot: Bot, playground: PlaygroundProcess
) -> None:
    await ann.send("/help")
    await ann.wait_reply()
    told = await _menus(playground.client, 6)
    assert {(call["scope"]["type"], call["language_code"]) for call in told} == {
        (scope, language)
        for scope in ("all_private_chats", "all_group_chats")
        for language in ("", "es", "ru")
    }
    bot.terminate()
    bot.start()
    await ann.send("/help")
    await ann.wait_reply()
    assert len(await _menus(playground.client, 6)) == 6


async def _menus(client: Playground, count: int) -> list[dict[str, Any]]:
    """The menus that were told, once there are so many."""
    import asyncio

    for _ in range(100):
        calls = await client.calls("setMyCommands")
        if len(calls) >= count:
            break
        await asyncio.sleep(0.1)
    return [call["params"] for call in calls]
