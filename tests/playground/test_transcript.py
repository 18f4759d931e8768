"""Conversations as text: read, written, recorded from a running playground."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground import Playground, serve
from playground.transcript import (
    Outcome,
    TranscriptError,
    filled,
    normal,
    outcomes,
    read,
    record,
    save,
    seconds,
)

PAGE = """\
# A comment at the top.
starts: 2026-03-02 09:00

steps:
  - ann: /start
  - bot: |-
      Hello, Ann!

      It is 12:30, and this took 0.4 s.
    buttons: [[A, 'B: c'], [🕒 Set]]
  - ann: {click: A}
  - toast: yes

  # A comment between.
  - wait: 1d
"""


def test_what_is_read_is_written_as_it_was() -> None:
    page = read(PAGE)
    assert page.text() == PAGE
    assert page.about == {"starts": "2026-03-02 09:00"}
    hello = page.steps[0].outcomes[0]
    assert hello.text == "Hello, Ann!\n\nIt is <time>, and this took <duration>."
    assert hello.buttons == (("A", "B: c"), ("🕒 Set",))
    page.steps[0].source = ()
    assert "      It is <time>, and this took <duration>.\n" in page.text()
    page.steps[1].source = ()
    page.steps[1].outcomes.clear()
    assert "  - ann: {click: A}\n\n  # A comment between.\n  - wait" in page.text()
    assert read(page.text()).steps[0].outcomes == [hello]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Sent 2026-03-02 at 9:05 AM", "Sent <date> at <time>"),
        ("in 12 ms, 1.5 s, 3 seconds", "in <duration>, <duration>, <duration>"),
        ("http://127.0.0.1:8081/files/a?b=1 there", "<link> there"),
        ("https://example.com/a stays", "https://example.com/a stays"),
        ("id 500000001, deadbeef00112233", "id <id>, <id>"),
        ("p. 12 of 1,234", "p. 12 of 1,234"),
        ("  trailing  \n lines \n", "trailing\n lines"),
    ],
)
def test_what_differs_from_run_to_run_is_named(text: str, named: str) -> None:
    assert normal(text) == named


def test_anything_fits_where_it_is_asked_for() -> None:
    page = "steps:\n  - ann: hi\n  - bot: Found <any> of <any total>, <any total>!\n"
    written = read(page).steps[0].outcomes[0]
    message = {"message_id": 1, "from": {"is_bot": True}, "text": "Found (3\n4) of 9, 9!"}

    def shown(text: str) -> Outcome:
        [outcome] = outcomes({}, {1: message | {"text": text}})
        return outcome

    assert written.read(shown("Found (3\n4) of 9, 9!"), {}) == {"total": "9"}
    assert written.read(shown("Found 3 of 9, 8!"), {}) is None
    assert written.read(shown("Found 3 of 9, 9!"), {"total": "8"}) is None
    assert written.read(shown("Found 3 of 9, 9"), {}) is None
    assert filled("all <any total>, <any>", {"total": "9"}) == "all 9, <any>"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n", "a mapping with `steps`"),
        ("about: x\n", "it has no `steps`"),
        ("steps:\n  - hello\n", "line 2: a step is"),
        ("steps:\n  - ann: a\n    boris: b\n", "line 2: one person, one act"),
        ("steps:\n  - ann: a\n  - bot: b\n    colour: red\n", "line 3: what is colour"),
        ("steps: [a: {", "no YAML"),
    ],
)
def test_what_can_t_be_read_says_where(text: str, why: str) -> None:
    with pytest.raises(TranscriptError, match=why):
        read(text)


def test_settings_have_types_and_what_is_said_has_none() -> None:
    page = read("settings: {a.limit: 3, a.on: true}\nsteps:\n  - ann: 3\n  - bot: true\n")
    assert page.about == {"settings": {"a.limit": 3, "a.on": True}}
    assert page.steps[0].act is not None
    assert (page.steps[0].act.what, page.steps[0].outcomes[0].text) == ("3", "true")


def test_times_to_wait() -> None:
    assert seconds("1d 2h 30m") == 95_400
    assert seconds("1.5h") == 5400
    for wrong in ("", "soon", "3", "1d x"):
        with pytest.raises(TranscriptError):
            seconds(wrong)


async def test_a_conversation_is_recorded(tmp_path: Path) -> None:
    async with serve() as running:
        playground = Playground(running.url)
        ann, boris = playground.user("ann"), playground.user("boris")
        chat = (await ann.send("/start"))["chat"]["id"]
        keyboard = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
        menu = await playground.api(
            "sendMessage", chat_id=chat, text="Menu at 10:30", reply_markup=keyboard
        )
        await playground.api(
            "editMessageText",
            chat_id=chat,
            message_id=menu["message_id"],
            text="Menu",
            reply_markup=keyboard,
        )
        await ann.click(menu, "Go")
        calls = await playground.api("getUpdates")
        query = next(u["callback_query"]["id"] for u in calls if "callback_query" in u)
        await playground.api("answerCallbackQuery", callback_query_id=query, text="Gone")
        await playground.api("deleteMessage", chat_id=chat, message_id=menu["message_id"])
        other = (await boris.upload(b"hello", name="a.txt", caption="Look"))["chat"]["id"]
        await playground.api("sendMessage", chat_id=other, text="Seen")
        await playground.api("sendMessage", chat_id=chat, text="Boris sent something")
        path = tmp_path / "page.yaml"
        text = await save(running.url, ["ann", "boris"], "", path)
        _, alone = await playground.request("GET", "/control/users/boris/transcript", b"", "")
    starts, _, steps = text.partition("steps:\n")
    assert starts.startswith("starts: 20")
    assert steps == (
        "  - ann: /start\n"
        "  - bot: Menu\n"
        "    buttons: [[Go]]\n"
        "  - ann: {click: Go}\n"
        "  - toast: Gone\n"
        "  - deleted: Menu\n"
        "  - boris: {upload: a.txt, caption: Look}\n"
        "  - bot: Boris sent something\n"
        "    to: ann\n"
        "  - bot: Seen\n"
    )
    assert path.read_text() == text
    assert (tmp_path / "page" / "a.txt").read_bytes() == b"hello"
    assert alone.decode().endswith("  - boris: {upload: a.txt, caption: Look}\n  - bot: Seen\n")


def test_nobody_has_said_anything() -> None:
    assert record({"ann": []}).text() == "steps:\n"
