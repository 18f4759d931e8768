"""Searching in a chat where it could go wrong; the main job is in tests/journeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

import plugram
from core.app import App
from playground.client import Person, text_of
from plugins.search import service, views
from plugins.search.asking import Asker
from plugins.search.query import parse
from plugins.search.settings import Settings
from plugram import FileLibrary, Scope, StoredFile
from tests.plugins.search.conftest import ANN, PATIENCE, Room, asked, send_file, stored_file
from tests.plugins.search.test_views import person, translate
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all


async def test_commands_are_left_to_their_plugins(app: App, ann: Person) -> None:
    assert "/search" in text_of(await asked(ann, "/help"))
    assert "don't know that command" in text_of(await asked(ann, "/nonsense"))


async def test_no_search_is_lost_to_the_question_for_a_city(app: App, ann: Person) -> None:
    await send_file(ann, "The ferry leaves at seven.")
    page = await asked(ann, "/settings")
    for button, shown in (
        ("🕒 Time zone: UTC", "Name your city"),
        ("🔎 Type a city", "Type your city"),
    ):
        await ann.click(page, button)
        await ann.wait_edit(page, contains=shown)
    await ann.send("ferry")  # for all that the bot knows, a place
    await ann.wait_reply(contains="I don't know a place called “ferry”")
    await ann.wait_reply(contains="The ferry leaves", timeout=PATIENCE)
    assert "The ferry leaves" in text_of(await asked(ann, "when does the ferry leave?"))
    assert "Your time zone" not in text_of(await asked(ann, "Madrid")), "the dialog is over"


async def test_a_list_that_is_too_old_says_so(app: App, ann: Person) -> None:
    await send_file(ann, "The ferry leaves at seven.")
    answer = await asked(ann, "ferry")
    plugin = app.loader.report.find("search")
    assert plugin is not None
    await of_all(plugin.ctx.db.execute("UPDATE search_results SET created_at = 0"))
    assert await service.of(plugin.ctx).results.tidy() == 1
    for button in ("💡 1", "Filter ▾"):
        told = await ann.click(answer, button, wait=5)
        assert told is not None
        assert "expired" in told["text"]


async def test_a_message_that_was_deleted_says_so(app: App, ann: Person) -> None:
    message = await send_file(ann, "The ferry leaves at seven.")
    answer = await asked(ann, "ferry")
    await ann.delete(message)
    await ann.click(answer, "1. ↩ Message", wait=5)
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


# -- filters --------------------------------------------------------------------------------------


def rows(message: dict[str, Any]) -> list[list[str]]:
    keyboard = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[button["text"] for button in row] for row in keyboard]


async def pressed(person: Person, message: dict[str, Any], button: str) -> dict[str, Any]:
    """The message as it is after a button was pressed."""
    told = await person.click(message, button, wait=PATIENCE)
    assert told is not None
    assert not told.get("text"), told
    number = message["message_id"]
    return next(one for one in await person.messages() if one["message_id"] == number)


async def fill(ann: Person) -> None:
    await send_file(ann, "The ferry to the northern islands leaves at seven.", "ferry.txt")
    await send_file(ann, "<p>The ferry company sells tickets.</p>", "tickets.html")
    await send_file(ann, "The island museum opens at nine.", "museum.txt")


async def test_results_are_narrowed_by_buttons(app: App, ann: Person) -> None:
    await fill(ann)
    found = await asked(ann, "ferry")
    panel = await pressed(ann, found, "Filter ▾")
    menu = await pressed(ann, panel, "Kind ▾")
    text = next(one for row in rows(menu) for one in row if one.startswith("Plain text"))
    narrowed = await pressed(ann, menu, text)
    assert "Only: Plain text" in text_of(narrowed)
    assert "tickets.html" not in text_of(narrowed)
    menu = await pressed(ann, await pressed(ann, narrowed, "Filter ▾"), "Kind ▾")
    assert any(one.startswith("✓ Plain text · ") for row in rows(menu) for one in row)
    back = await pressed(ann, await pressed(ann, menu, "‹ Back"), "‹ Back")
    whole = await pressed(ann, back, "✕ Plain text")
    assert "tickets.html" in text_of(whole)


async def test_filters_are_typed_in_any_of_our_languages(app: App, ann: Person) -> None:
    await fill(ann)
    assert "ferry.txt" in text_of(await asked(ann, 'type:text "northern islands"'))
    assert "museum.txt" in text_of(await asked(ann, "тип:текст -ferry"))
    listed = text_of(await asked(ann, "de:@ann fecha:hoy"))
    assert "3 files, the newest first" in listed
    nothing = await asked(ann, "ferry type:video")
    assert "Only: Videos" in text_of(nothing)
    assert rows(nothing)[0][0].startswith("Without “Videos”")
    assert "ferry.txt" in text_of(await pressed(ann, nothing, rows(nothing)[0][0]))
    mended = await asked(ann, "tpye:text museum")
    assert "Did you mean type:text" in text_of(mended)
    assert "Only: Plain text" in text_of(await pressed(ann, mended, "↪ type:text"))


async def test_a_result_says_why_it_was_found(app: App, ann: Person) -> None:
    await fill(ann)
    found = await asked(ann, "fery iland")
    card = await pressed(ann, found, "💡 1")
    assert "Why this result" in text_of(card)
    assert "“fery”, a typo for “ferry”" in text_of(card)
    assert rows(card) == [["📎 Send file", "↩ Show message"], ["‹ Back"]]
    await ann.click(card, "📎 Send file", wait=5)
    assert "document" in await ann.wait_reply(where=lambda message: "document" in message)
    assert text_of(await pressed(ann, card, "‹ Back")) == text_of(found)


async def test_searches_are_offered_again_and_forgotten(app: App, ann: Person) -> None:
    await fill(ann)
    for query in ("museum", "type:text ferry", "museum"):
        found = await asked(ann, query)
    usage = await asked(ann, "/search")
    assert rows(usage)[:3] == [["🕘 museum"], ["🕘 type:text ferry"], ["🗑 Forget these"]]
    await ann.click(usage, "🕘 type:text ferry", wait=5)
    assert "Only: Plain text" in text_of(await ann.wait_reply(contains="ferry"))
    assert "forgotten" in text_of(await pressed(ann, usage, "🗑 Forget these"))
    told = await ann.click(found, "Filter ▾", wait=5)
    assert told is not None
    assert "expired" in told["text"]
    assert rows(await asked(ann, "/search")) == [["How to search"]]


async def test_the_help_can_be_tried(app: App, ann: Person) -> None:
    await fill(ann)
    page = await asked(ann, "/search help")
    assert "type:pdf" in text_of(page)
    assert text_of(await asked(ann, "/search ayuda")) == text_of(page)
    await ann.click(page, rows(page)[2][0], wait=5)
    assert "without “draft”" in text_of(await ann.wait_reply(contains="contract"))


async def test_who_searches_too_fast_is_told_when_to_go_on(app: App, ann: Person) -> None:
    limit = Settings().searches_per_minute
    for _ in range(limit):
        assert "nothing to search yet" in text_of(await asked(ann, "ferry"))
    assert "Please go on in" in text_of(await asked(ann, "ferry"))


class Library:
    """Files that are all there."""

    async def get_many(self, scope: Scope, file_ids: Sequence[int]) -> dict[int, StoredFile]:
        return {file_id: stored_file(file_id, scope) for file_id in file_ids}

    async def count(self, scope: Scope) -> int:
        return 1


async def meet(user_id: int) -> plugram.Person:
    return person()


@pytest.mark.parametrize(
    "query",
    [
        "!!! ???",
        "🔥🔥",
        "type:pdf " * 300,
        "\u202etype:\u202c",
        '"',
        "-",
        ":",
        '<b>&"<i>',
        "a" * 4000,
    ],
)
async def test_strange_queries_get_an_answer(query: str, wordy: Room) -> None:
    await wordy.add(1, "The ferry leaves at seven.")
    asker = Asker(person(), ANN, 7, cast("FileLibrary", Library()), meet)
    told = await wordy.search.asking.ask(asker, parse(query))
    content = (
        views.answer(translate(), person(), told.page)
        if told.page
        else views.nothing(translate(), person(), told)
    )
    assert 0 < len(content.text) < 4096


async def test_in_a_group_lists_are_their_askers_own(
    app: App, ann: Person, playground: PlaygroundProcess
) -> None:
    await playground.client.configure_bot(reads_all_group_messages=True)
    await playground.client.add_user("Bob", username="bob")
    group = await playground.client.group("Harbour", members=["ann", "bob"])
    ann, bob = group.person("ann"), group.person("bob")
    await send_file(ann, "The ferry leaves at seven.", "ann.txt")
    await send_file(bob, "The ferry comes back at nine.", "bob.txt")
    found = await asked(ann, "/search ferry")
    assert {"ann.txt", "bob.txt"} <= set(text_of(found).split())
    told = await bob.click(found, "Filter ▾", wait=5)
    assert told is not None
    assert "somebody else's" in told["text"]
    told = await bob.click(await asked(ann, "/search"), "🗑 Forget these", wait=5)
    assert told is not None
    assert "somebody else's" in told["text"]
    menu = await pressed(ann, await pressed(ann, found, "Filter ▾"), "Sender ▾")
    assert set(rows(menu)[0]) == {"from Bob · 1", "from me · 1"}
    assert "ann.txt" not in text_of(await pressed(ann, menu, "from Bob · 1"))
    nobody = await asked(bob, "/search ferry from:@zoe")
    assert "Nobody called @zoe has sent files here" in text_of(nobody)
    answer = text_of(await asked(bob, "/search ferry from:@ann"))
    assert "ann.txt" in answer
    assert "bob.txt" not in answer
