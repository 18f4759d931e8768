from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandStart, and_f, invert_f, or_f
from aiogram.types import Chat, Message, User

from core.host.renaming import command_filters, rename_commands

BOT = Bot("1:" + "a" * 35)
BOT._me = User(id=1, is_bot=True, first_name="Bot", username="a_bot")


def said(text: str) -> Message:
    return Message(
        message_id=1, date=datetime.now(UTC), chat=Chat(id=2, type="private"), text=text
    ).as_(BOT)


async def heard(router: Router, text: str) -> list[str]:
    """Names of the handlers that the text reaches."""
    found: list[str] = []
    for handler in router.message.handlers:
        result, _ = await handler.check(said(text), bot=BOT)
        if result:
            found.append(handler.callback.__name__)
    return found


async def roll(message: Message) -> None: ...


async def other(message: Message) -> None: ...


async def test_renamed_commands_reach_the_handler_and_the_old_ones_do_not() -> None:
    router = Router()
    router.message.register(roll, Command("roll", "throw"))
    router.message.register(other, Command("other"))
    rename_commands([router], {"roll": "dice_roll"})
    assert await heard(router, "/roll 6") == []
    assert await heard(router, "/dice_roll 6") == ["roll"]
    assert await heard(router, "/throw") == ["roll"]
    assert await heard(router, "/other") == ["other"]


async def test_combined_filters_children_and_routerwide_filters_are_renamed() -> None:
    parent, child = Router(), Router()
    parent.include_router(child)
    child.message.register(roll, or_f(and_f(Command("roll"), F.text), invert_f(Command("roll"))))
    child.edited_message.filter(Command("roll"))
    child.message.register(other, F.text == "x")
    assert len(command_filters([parent])) == 3
    rename_commands([parent], {"roll": "dice_roll"})
    assert {command.commands for command in command_filters([parent])} == {("dice_roll",)}


def test_patterns_and_start_are_left_alone_unless_named() -> None:
    router = Router()
    pattern = re.compile("roll.*")
    router.message.register(roll, Command(pattern))
    router.message.register(other, CommandStart())
    rename_commands([router], {"roll": "dice_roll", "start": "begin"})
    found: list[Any] = [command.commands for command in command_filters([router])]
    assert found == [(pattern,), ("begin",)]
    rename_commands([router], {})
    assert found == [command.commands for command in command_filters([router])]
