"""Replays: what answers, what counts as a difference, and all of it as an operator uses it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from core import trace as tracing
from core.errors import BadRequest, Forbidden, TelegramAway
from core.telegram.outgoing import Lane, Limiter
from core.telegram.recorder import DONE, SET_ASIDE, Recording
from core.telegram.replay import ReplayWire, differences, lines, marked, normal
from core.telegram.wire import Upload
from core.trace import Trace
from playground import transcript
from tests.core.telegram.test_wire import Http, Outgoing
from tests.support.bot_api import TOKEN, message
from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    bot_environment,
    clean_environment,
)

# -- the wire -------------------------------------------------------------------------------------


def wire(*calls: dict[str, Any]) -> ReplayWire:
    one = ReplayWire(TOKEN, "http://127.0.0.1:1", Http(), Limiter(Outgoing()))
    one.play(message(1, "x", user=5), marked(calls))
    return one


def call(method: str = "sendMessage", /, **params: Any) -> dict[str, Any]:
    """A recorded call; `answer` and `refusal` among the parameters are what they say."""
    rest: dict[str, Any] = {
        name: params.pop(name) for name in ("answer", "refusal", "files") if name in params
    }
    return {"method": method, "at": 0.0, "ms": 1.0, "params": params, **rest}


async def test_recorded_answers_come_by_what_was_asked() -> None:
    one = wire(
        call(chat_id=5, text="a", answer={"message_id": 1, "date": 1}),
        call(chat_id=6, text="b", answer={"message_id": 2, "date": 1}),
        call(chat_id=5, text="c", answer={"message_id": 3, "date": 1}),
    )
    assert (await one.call("sendMessage", {"chat_id": 5, "text": "c"}))["message_id"] == 3
    assert (await one.call("sendMessage", {"chat_id": 6, "text": "new"}))["message_id"] == 2
    sent = await one.call("sendMessage", {"chat_id": 5, "text": "<b>x</b>", "parse_mode": "HTML"})
    assert (sent["message_id"], sent["text"], sent["chat"]["type"]) == (1, "x", "private")
    assert one.made_up == []
    more = await one.call("sendMessage", {"chat_id": 5, "text": "more"})
    assert more["message_id"] > 900_000_000
    assert one.made_up == ["sendMessage"]


async def test_refusals_are_repeated_and_retries_are_not() -> None:
    one = wire(
        call(chat_id=5, text="a", refusal={"error_code": 429, "description": "slow"}),
        call(chat_id=5, text="a", answer={"message_id": 1, "date": 1}),
        call(chat_id=6, text="a", refusal={"error_code": 403, "description": "blocked"}),
        call(chat_id=7, text="a", refusal={"error_code": 0, "description": "lost"}),
    )
    assert (await one.call("sendMessage", {"chat_id": 5, "text": "a"}))["message_id"] == 1
    with pytest.raises(Forbidden, match="blocked"):
        await one.call("sendMessage", {"chat_id": 6, "text": "a"})
    with pytest.raises(TelegramAway, match="lost"):
        await one.call("sendMessage", {"chat_id": 7, "text": "a"}, lane=Lane.BULK)


async def test_answers_that_werent_recorded_fit_aiograms_types(tmp_path: Path) -> None:
    from core import aio

    aio.load()
    from aiogram import methods

    from core.telegram.session import bot_on

    one = wire()
    bot = bot_on(one)
    document = Upload(b"hello", "a.txt")
    sent = await one.call("sendDocument", {"chat_id": 5}, files={"document": document})
    assert sent["document"]["file_name"] == "a.txt"
    for method in (
        methods.GetMe(),
        methods.SendMessage(chat_id=5, text="x"),
        methods.SendPhoto(chat_id=-5, photo="id"),
        methods.SendSticker(chat_id=5, sticker="id"),
        methods.SendVideoNote(chat_id=5, video_note="id"),
        methods.SendMediaGroup(chat_id=5, media=[]),
        methods.EditMessageText(chat_id=5, message_id=3, text="y"),
        methods.EditMessageText(inline_message_id="i", text="y"),
        methods.CopyMessage(chat_id=5, from_chat_id=6, message_id=7),
        methods.ForwardMessage(chat_id=5, from_chat_id=6, message_id=7),
        methods.AnswerCallbackQuery(callback_query_id="1"),
        methods.DeleteMessage(chat_id=5, message_id=1),
    ):
        await bot(cast("methods.TelegramMethod[Any]", method))
    with pytest.raises(BadRequest, match="can't answer"):
        await bot(methods.GetChatMember(chat_id=5, user_id=5))
    with pytest.raises(BadRequest, match="no files"):
        await one.download("id", tmp_path / "x")


async def test_what_it_would_send_is_noted() -> None:
    one, trace = wire(), Trace()
    tracing.start(trace)
    await one.call("sendMessage", {"chat_id": 5, "text": "x", "reply_markup": None})
    tracing.start(None)
    (noted,) = trace.calls
    assert orjson.loads(noted.params) == {"chat_id": 5, "text": "x"}


# -- differences ----------------------------------------------------------------------------------


def recording(*calls: dict[str, Any], outcome: str = DONE, **record: Any) -> Recording:
    found = {"v": 1, "calls": list(calls), **record}
    return Recording(1, 1, 1, 1, "0" * 16, "message", 5, 5, outcome, 0.0, 0.0, found)


def compared(
    then: Recording, *calls: dict[str, Any], worked: bool = True, **record: Any
) -> list[tuple[str, str, dict[str, Any]]]:
    now = {"v": 1, "calls": list(calls), **record}
    return [(one.kind, one.name, one.changes) for one in differences(then, now, worked)]


def test_the_same_is_no_difference_nor_is_what_always_differs() -> None:
    then = call(chat_id=5, text="At 10:30, trace 7d3f210d3333be3c, 12 ms", until_date=1700000000)
    now = call(chat_id=5, text="At 23:59, trace 58c0b572ac08c4ae, 1 s", until_date=1800000000)
    assert compared(recording(then), now) == []


def test_a_change_says_where_and_what() -> None:
    def menu(second: str) -> dict[str, Any]:
        rows = [[{"text": "One", "callback_data": "a:1"}, {"text": second, "callback_data": "a:2"}]]
        return call(chat_id=5, text="x", reply_markup={"inline_keyboard": rows})

    ((kind, name, changes),) = compared(recording(menu("Two")), menu("2"))
    assert (kind, name) == ("changed", "sendMessage")
    assert changes == {"reply_markup.inline_keyboard.0.1.text": ("Two", "2")}


def test_calls_that_came_and_went_dont_shift_the_others() -> None:
    then = recording(
        call(chat_id=5, text="a"), call("deleteMessage", chat_id=5), call(chat_id=6, text="b")
    )
    found = compared(
        then,
        call("sendChatAction", chat_id=5),
        call(chat_id=5, text="a"),
        call(chat_id=6, text="b"),
    )
    assert [(kind, name) for kind, name, _ in found] == [
        ("added", "sendChatAction"),
        ("removed", "deleteMessage"),
    ]


def test_retries_jobs_files_and_outcomes() -> None:
    slow = call(chat_id=5, text="a", refusal={"error_code": 429, "description": "slow"})
    file = {"name": "a", "size": 1, "sha256": "x"}
    then = recording(
        slow,
        call(chat_id=5, text="a"),
        call("sendDocument", chat_id=5, files={"document": file}),
        jobs=[["files.store", {"file": 1}, 0.0]],
    )
    sent = call("sendDocument", chat_id=5, files={"document": {**file, "sha256": "y"}})
    found = compared(
        then, call(chat_id=5, text="a"), sent, jobs=[["files.store", {"file": 2}, 0.0]]
    )
    assert found == [
        ("changed", "sendDocument", {"files.document.sha256": ("x", "y")}),
        ("changed", "files.store", {"args.file": (1, 2)}),
    ]
    failed = recording(outcome=SET_ASIDE, error="ValueError: x")
    assert compared(failed, worked=False, error="ValueError: x") == []
    ((_, _, changes),) = compared(failed)
    assert changes == {"outcome": ("ValueError: x", "done")}
    ((_, _, changes),) = compared(failed, worked=False, error="KeyError: y")
    assert changes == {"error": ("ValueError: x", "KeyError: y")}


def test_a_recording_that_was_cut_is_compared_as_far_as_it_goes() -> None:
    long = "word " * 100
    from core.telegram.recorder import shortened

    kept = shortened(call(chat_id=5, text=long))
    then = recording(kept, cut={"calls": 1})
    assert compared(then, call(chat_id=5, text=long), call(chat_id=5, text="more")) == []
    assert len(compared(then, call(chat_id=5, text=f"{long}!"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "see http://127.0.0.1:8081/blob?x=1 or https://t.me/c/123/45",
        "on 2026-01-31 at 9:05 PM it took 1.5 s (12 мс)",
        "0f8fad5b-d9cb-469f-a165-70867728950e 7d3f210d3333be3c 1234567890 12345",
    ],
)
def test_the_same_is_volatile_as_in_transcripts(text: str) -> None:
    assert normal(text) == transcript.normal(text) != text


def test_texts_of_several_lines_are_shown_by_their_lines() -> None:
    assert lines("a\nb\nc", "a\nB\nc") == ["  a", "- b", "+ B", "  c"]
    assert lines("x", None) == ["- x"]
    assert lines(1, {"a": 2}) == ["- 1", '+ {"a":2}']


# -- as an operator does --------------------------------------------------------------------------

TALKER = """
from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Message

import plugram

manifest = {"id": "talker", "version": "1", "summary": "Talks", "api": ">=1,<2",
            "permissions": ["read_messages"]}
router = Router()


class Form(StatesGroup):
    name = State()


@plugram.job
async def later(ctx, job, word: str) -> None: ...


@router.message(Command("form"))
async def form(message: Message, state) -> None:
    await state.set_state(Form.name)
    await message.answer("What is your name?")


@router.message(Form.name)
async def named(message: Message, state, ctx) -> None:
    await state.clear()
    await ctx.jobs.enqueue(later, {"word": "first"})
    await ctx.db.execute("UPDATE people SET name = 'changed' WHERE id = $1", message.from_user.id)
    await message.answer(f"Hello, {message.text}!")


@router.message(F.text == "poison")
async def poison(message: Message) -> None:
    raise ValueError("poisoned")


@plugram.hookimpl
def routers():
    return [router]


@plugram.hookimpl
def jobs():
    return [later]
"""


def plugram(bot: Bot, *arguments: str) -> tuple[int, Any]:
    """Exit status, and what `--json` printed."""
    done = subprocess.run(
        [sys.executable, "-m", "core", *arguments, "--json"],
        cwd=ROOT,
        env=clean_environment() | bot.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_an_update_is_shown_and_replayed_beside_the_live_bot(
    tmp_path: Path, data_dir: Path, database_url: str, playground: PlaygroundProcess
) -> None:
    plugin = tmp_path / "talker.py"
    plugin.write_text(TALKER)
    bot = Bot(tmp_path / "bot.log")
    bot.env = bot_environment(
        playground, data_dir=data_dir, port=bot.port, database_url=database_url
    )
    off = [path.parent.name for path in (ROOT / "plugins").glob("*/plugin.toml")]
    bot.env |= {f"PLUGRAM_FEATURES__{name.upper()}": "false" for name in off}
    bot.env |= {
        "PLUGRAM_PLUGINS__PATHS": json.dumps([str(plugin)]),
        "PLUGRAM_HOOKS__START_TIMEOUT": "60",
        "PLUGRAM_JOBS__IN_PROCESS": "never",
    }
    bot.start(timeout=50)
    try:
        ann = playground.client.user("ann")
        for text, answer in (("/form", "name"), ("Ann", "Hello"), ("poison", "wrong")):
            await ann.send(text)
            await ann.wait_reply(contains=answer, timeout=20)
        shown: Any = []
        while len(shown) < 5:  # the last try is written a second after its end
            await asyncio.sleep(1.5)
            status, shown = plugram(bot, "updates", "list")
            assert status == 0
        assert [one["outcome"] for one in shown[::-1]] == [
            *("done", "done", "failed", "failed", "set aside")
        ]
        assert {one["plugin"] for one in shown} == {"talker"}
        named = shown[3]
        status, (flight,) = plugram(bot, "updates", "show", named["trace"])
        record = flight["tries"][0]["record"]
        assert record["dialogs"] == {"talker": ["Form:name", {}]}
        assert [step[:2] for step in record["steps"]] == [["talker", "claimed"]]
        assert record["jobs"][0][:2] == ["talker.later", {"word": "first"}]
        assert flight["jobs"][named["trace"]][0]["state"] == "queued"

        ids = [str(number) for number in sorted({one["update"] for one in shown})]
        status, replays = plugram(bot, "replay", *ids)
        assert [one["differences"] for one in replays] == [[], [], []]
        assert status == 0
        assert replays[2]["error"] == "ValueError: poisoned"

        code = TALKER.replace("Hello, {", "Hi, {").replace('"first"', '"second"')
        plugin.write_text(code.replace('raise ValueError("poisoned")', "await message.answer('?')"))
        status, replays = plugram(bot, "replay", ids[1], "--set-aside")
        assert status == 1
        changed, mended = (one["differences"] for one in replays)
        assert [one["changes"] for one in changed] == [
            {"text": ["Hello, Ann!", "Hi, Ann!"]},
            {"args.word": ["first", "second"]},
        ]
        assert mended[-1]["changes"] == {"outcome": ["ValueError: poisoned", "done"]}

        # Nothing of all that is there, and nobody was told.
        sent = [one["text"] for one in await ann.messages() if one["from"]["is_bot"]]
        assert len(sent) == 3
        await ann.send("/form")
        await ann.wait_reply(contains="name", timeout=20)
    finally:
        bot.terminate()
