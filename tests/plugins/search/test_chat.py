"""Searching in a chat where it could go wrong; the main job is in tests/journeys."""

from __future__ import annotations

from core.app import App
from playground.client import Person, text_of
from plugins.search import service
from tests.plugins.search.conftest import asked, send_file


async def test_commands_are_left_to_their_plugins(app: App, ann: Person) -> None:
    assert "/search" in text_of(await asked(ann, "/help"))
    assert "don't know that command" in text_of(await asked(ann, "/nonsense"))


async def test_a_list_that_is_too_old_says_so(app: App, ann: Person) -> None:
    for number in range(1, 7):
        await send_file(ann, f"The ferry, day {number}.", f"log-{number}.txt")
    answer = await asked(ann, "ferry")
    plugin = app.loader.report.find("search")
    assert plugin is not None
    await plugin.ctx.db.execute("UPDATE search_results SET created_at = 0")
    assert await service.of(plugin.ctx).results.tidy() == 1
    pressed = await ann.click(answer, "›", wait=5)
    assert pressed is not None
    assert "expired" in pressed["text"]


async def test_a_message_that_was_deleted_says_so(app: App, ann: Person) -> None:
    message = await send_file(ann, "The ferry leaves at seven.")
    answer = await asked(ann, "ferry")
    await ann.delete(message)
    await ann.click(answer, "1. ↩ Show message", wait=5)
    told = await ann.wait_reply(contains="note.txt")
    assert "was deleted" in text_of(await ann.wait_text(told, "was deleted"))
    await ann.click(answer, "1. 📎 Send file", wait=5)
    assert "document" in await ann.wait_reply(where=lambda message: "document" in message)


async def test_markup_in_files_and_queries_is_text(app: App, ann: Person) -> None:
    await send_file(ann, "Use <b>bold</b> & <script> tags.", "a<b>.txt")
    answer = text_of(await asked(ann, "bold <script>"))
    assert "<b>bold</b> & <script> tags" in answer
    assert "a<b>.txt" in answer


async def test_ten_thousand_characters_are_answered(app: App, ann: Person) -> None:
    await send_file(ann, "The ferry leaves at seven.")
    answer = text_of(await asked(ann, "/search " + "ferry " * 680))
    assert "searched for the beginning" in answer
    assert "The ferry leaves" in answer
