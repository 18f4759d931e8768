"""Search narrowed by buttons: what was chosen outlives a restart, on the same message."""

from __future__ import annotations

from typing import Any

import pytest

from playground.client import Person, text_of
from tests.support.processes import Bot, PlaygroundProcess

PATIENCE = 40
"""Seconds: the first file loads the embedding model."""
FILES = {
    "timetable.txt": "The ferry to the northern islands leaves at seven in the morning.",
    "prices.csv": "name,price\nferry,10\nbus,2\n",
    "museum.html": "<p>The island museum is five minutes from the ferry.</p>",
}


def _buttons(message: dict[str, Any]) -> list[str]:
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


async def _press(person: Person, message: dict[str, Any], button: str) -> dict[str, Any]:
    """The message as it is then; the first button that begins so is pressed."""
    full = next(one for one in _buttons(message) if one.startswith(button))
    assert await person.click(message, full, wait=PATIENCE) is not None
    number = message["message_id"]
    return next(one for one in await person.messages() if one["message_id"] == number)


@pytest.mark.timeout(180)
async def test_a_choice_outlives_a_restart(bot: Bot, playground: PlaygroundProcess) -> None:
    ann = playground.client.user("ann")
    for name, text in FILES.items():
        await ann.upload(text.encode(), name=name)
        await ann.wait_text(await ann.wait_reply(contains=name), "meaning", timeout=PATIENCE)

    await ann.send("ferry")
    found = await ann.wait_reply(timeout=PATIENCE)
    assert all(name in text_of(found) for name in FILES)
    menu = await _press(ann, await _press(ann, found, "Filter ▾"), "Kind ▾")

    bot.kill()
    bot.start()
    narrowed = await _press(ann, menu, "Spreadsheets")
    assert "Only: Spreadsheets" in text_of(narrowed)
    assert "timetable.txt" not in text_of(narrowed)
    card = await _press(ann, narrowed, "💡 1")
    assert "Filters: Spreadsheets" in text_of(card)
    assert text_of(await _press(ann, card, "‹ Back")) == text_of(narrowed)

    await ann.send("/search")
    again = await ann.wait_reply(timeout=PATIENCE)
    assert "🕘 type:sheet ferry" in _buttons(again)
