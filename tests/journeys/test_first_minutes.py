"""The main job, as a person does it: send files, watch them become searchable, find the passage."""

from __future__ import annotations

from typing import Any

import pytest

from playground.client import Person
from tests.journeys.samples import docx, pdf
from tests.support.processes import Bot, PlaygroundProcess

FERRY = "The ferry to the northern islands leaves at seven in the morning."
PATIENCE = 40
"""Seconds: the first file loads the embedding model."""


async def _sent(person: Person, name: str, content: bytes, searchable: str) -> dict[str, Any]:
    """Upload a file and wait until its status message says `searchable`."""
    original = await person.upload(content, name=name)
    status = await person.wait_reply(contains=name)
    assert status["reply_to_message"]["message_id"] == original["message_id"]
    await person.wait_text(status, searchable, timeout=PATIENCE)
    return original


async def _asked(person: Person, text: str, **kwargs: Any) -> dict[str, Any]:
    await person.send(text)
    return await person.wait_reply(timeout=PATIENCE, **kwargs)


def _marked(message: dict[str, Any]) -> set[str]:
    """What is highlighted in a message."""
    units = message["text"].encode("utf-16-le")
    return {
        units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
        for e in message["entities"]
        if e["type"] == "underline"
    }


def _buttons(message: dict[str, Any]) -> list[str]:
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


@pytest.mark.timeout(180)
async def test_files_are_found_again(bot: Bot, playground: PlaygroundProcess) -> None:
    ann = playground.client.user("ann")
    assert "nothing to search yet" in (await _asked(ann, "ferry"))["text"]
    report = await _sent(ann, "report.pdf", pdf("Annual report of the harbour", FERRY), "meaning")
    await _sent(ann, "contract.docx", docx("Contract", "The tenant pays a deposit."), "meaning")
    await _sent(ann, "notes.md", b"# Bread\n\nKnead for ten minutes, then rest.", "meaning")

    found = await _asked(ann, "/search ferries to the islands")
    assert FERRY in found["text"]
    assert "p. 2" in found["text"]
    assert {"ferry", "islands"} <= _marked(found)
    assert "tenant pays" in (await _asked(ann, "depositt"))["text"]  # a typo, and just words
    assert "Knead" in (await _asked(ann, "how long do I work the dough"))["text"]  # by meaning

    await ann.click(found, "1. 📎 Send file", wait=5)
    sent = await ann.wait_reply(where=lambda message: "document" in message)
    assert sent["document"]["file_unique_id"] == report["document"]["file_unique_id"]
    await ann.click(found, "1. ↩ Message", wait=5)
    shown = await ann.wait_reply(contains="report.pdf")
    assert shown["reply_to_message"]["message_id"] == report["message_id"]


@pytest.mark.timeout(180)
async def test_each_finds_in_their_own_language_and_files_alone(
    bot: Bot, playground: PlaygroundProcess
) -> None:
    boris, carmen = playground.client.user("boris"), playground.client.user("carmen")
    await _sent(boris, "аренда.txt", "Договоры аренды подписаны в марте.".encode(), "по смыслу")
    await _sent(carmen, "barcos.txt", b"Los barcos de pesca salen temprano.", "significado")
    assert "подписаны" in (await _asked(boris, "договором об аренде"))["text"]
    assert "pesca" in (await _asked(carmen, "barco pesquero"))["text"]
    for text in ("barcos de pesca", "аренда"):
        assert "temprano" not in (await _asked(boris, text))["text"]


@pytest.mark.timeout(180)
async def test_pages_turn_also_after_a_restart(bot: Bot, playground: PlaygroundProcess) -> None:
    ann = playground.client.user("ann")
    for number in range(1, 8):
        text = f"Harbour log, sheet {number}: the ferry left in time.".encode()
        await _sent(ann, f"log-{number}.txt", text, "by its words")
    first = await _asked(ann, "ferry harbour log")
    assert "7 files" in first["text"]
    assert "1 / 2" in _buttons(first)
    bot.kill()
    bot.start()
    await ann.click(first, "›", wait=10)
    second = await ann.wait_edit(first, contains="7.")
    assert "2 / 2" in _buttons(second)
