"""What plugins send with, and the rules for texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import BadRequest, ParseError
from core.telegram.client import Telegram
from core.telegram.outgoing import Lane, Limiter
from core.telegram.text import Button, plain, utf16_len
from core.telegram.wire import Upload, Wire
from tests.core.telegram.test_wire import Http, Outgoing
from tests.support.bot_api import TOKEN, Answer, BotApi, error

NOT_PARSED = "Bad Request: can't parse entities: Unexpected end tag at byte offset 3"


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as server:
        yield server


@pytest.fixture
async def telegram(api: BotApi) -> AsyncIterator[Telegram]:
    wire = Wire(TOKEN, api.url, Http(), Limiter(Outgoing()))
    yield Telegram(wire)
    await wire.close()


async def test_sends_html_with_buttons_as_a_reply(api: BotApi, telegram: Telegram) -> None:
    message = await telegram.send(
        7, "<b>hi</b>", reply_to=5, buttons=[[Button("A", data="x:1")]], thread_id=3
    )
    assert message["message_id"] == 1001
    assert api.calls[0].params == {
        "chat_id": 7,
        "text": "<b>hi</b>",
        "parse_mode": "HTML",
        "message_thread_id": 3,
        "reply_parameters": {"message_id": 5, "allow_sending_without_reply": True},
        "reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "x:1"}]]},
    }


async def test_a_long_text_is_split(api: BotApi, telegram: Telegram) -> None:
    text = "<b>" + "word " * 2000 + "</b>"
    message = await telegram.send(7, text, reply_to=5, buttons=[[Button("A", data="x")]])
    sent = [call.params for call in api.of("sendMessage")]
    assert len(sent) == 3
    assert message["message_id"] == 1003
    assert all(utf16_len(plain(one["text"])) <= 4096 for one in sent)
    assert all(one["text"].startswith("<b>") and one["text"].endswith("</b>") for one in sent)
    assert ["reply_parameters" in one for one in sent] == [True, False, False]
    assert ["reply_markup" in one for one in sent] == [False, False, True]


async def test_refused_markup_is_sent_as_plain_text(api: BotApi, telegram: Telegram) -> None:
    api.script("sendMessage", error(400, NOT_PARSED))
    await telegram.send(7, "<b>5 &lt; 6")
    assert "parse_mode" not in api.calls[1].params
    assert api.calls[1].params["text"] == "5 < 6"


async def test_plain_text_that_is_refused_is_an_error(api: BotApi, telegram: Telegram) -> None:
    api.script("sendMessage", error(400, NOT_PARSED))
    with pytest.raises(ParseError):
        await telegram.call("sendMessage", {"chat_id": 1, "text": "x"})


async def test_only_the_part_that_is_refused_is_plain(api: BotApi, telegram: Telegram) -> None:
    api.script("sendMessage", Answer(result={"message_id": 1}), error(400, NOT_PARSED))
    await telegram.send(7, "<i>" + "word " * 1000 + "</i>")
    modes = [call.params.get("parse_mode") for call in api.calls]
    assert modes == ["HTML", "HTML", None]


async def test_an_edit_that_changes_nothing_is_none(api: BotApi, telegram: Telegram) -> None:
    api.script("editMessageText", error(400, "Bad Request: message is not modified: …"))
    assert await telegram.edit(7, 5, "same") is None
    assert (await telegram.edit(7, 5, "other") or {})["text"] == "other"


async def test_an_edit_that_is_too_long_is_cut(api: BotApi, telegram: Telegram) -> None:
    await telegram.edit(7, 5, "<b>" + "word " * 2000 + "</b>")
    text = api.calls[0].params["text"]
    assert utf16_len(plain(text)) <= 4096
    assert text.endswith("</b>…")
    assert len(api.calls) == 1


async def test_other_refusals_of_an_edit_are_errors(api: BotApi, telegram: Telegram) -> None:
    api.script("editMessageText", error(400, "Bad Request: message to edit not found"))
    with pytest.raises(BadRequest):
        await telegram.edit(7, 5, "x")


async def test_edits_go_in_their_own_lane(api: BotApi, telegram: Telegram) -> None:
    lanes: list[Lane] = []
    admit = telegram.wire.limiter.go

    def note(chat: int | str | None, lane: Lane) -> bool:
        lanes.append(lane)
        return admit(chat, lane)

    telegram.wire.limiter.go = note  # type: ignore[method-assign]
    await telegram.edit(7, 5, "x")
    await telegram.send(7, "x")
    await telegram.send(7, "x", lane=Lane.NOTIFICATION)
    await telegram.typing(7)
    assert lanes == [Lane.EDIT, Lane.REPLY, Lane.NOTIFICATION]
    assert api.calls[0].method == "editMessageText"


async def test_sends_documents_by_id_and_by_path(
    api: BotApi, telegram: Telegram, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    await telegram.send_document(7, "BQAC-file-id", caption="<i>c</i>")
    await telegram.send_document(7, path, name="b.txt")
    await telegram.send_document(7, Upload(b"x", "y.bin"))
    first, second, third = api.of("sendDocument")
    assert first.params["document"] == "BQAC-file-id"
    assert first.params["parse_mode"] == "HTML"
    assert second.files == {"document": ("b.txt", b"abc")}
    assert third.files == {"document": ("y.bin", b"x")}


async def test_a_long_caption_goes_on_behind_the_file(api: BotApi, telegram: Telegram) -> None:
    await telegram.send_document(7, "id", caption="<b>" + "word " * 500 + "</b>", thread_id=2)
    assert utf16_len(plain(api.of("sendDocument")[0].params["caption"])) <= 1024
    rest = api.of("sendMessage")
    assert len(rest) == 1
    assert rest[0].params["message_thread_id"] == 2
    words = " ".join(
        plain(text)
        for text in [
            api.of("sendDocument")[0].params["caption"],
            *(call.params["text"] for call in rest),
        ]
    )
    assert words.split().count("word") == 500


async def test_an_old_press_is_no_error(api: BotApi, telegram: Telegram) -> None:
    api.script(
        "answerCallbackQuery",
        error(400, "Bad Request: query is too old and response timeout expired"),
        error(400, "Bad Request: BUTTON_URL_INVALID"),
    )
    await telegram.answer_callback("1", "x" * 300, alert=True)
    assert len(api.calls[0].params["text"]) == 200
    with pytest.raises(BadRequest):
        await telegram.answer_callback("2")


async def test_typing_is_never_worth_an_error(api: BotApi, telegram: Telegram) -> None:
    api.script("sendChatAction", error(429, "Too Many Requests", retry_after=99), error(403, "no"))
    await telegram.typing(7)
    await telegram.typing(7)
    assert len(api.calls) == 2


async def test_deletes_in_hundreds(api: BotApi, telegram: Telegram) -> None:
    await telegram.delete(7, *range(150))
    assert [len(call.params["message_ids"]) for call in api.calls] == [100, 50]


async def test_replaces_buttons(api: BotApi, telegram: Telegram) -> None:
    await telegram.edit_buttons(7, 5, None)
    assert api.calls[0].params["reply_markup"] == {"inline_keyboard": []}
    api.script("editMessageReplyMarkup", error(400, "Bad Request: message is not modified"))
    assert await telegram.edit_buttons(7, 5, [[Button("A", data="x")]]) is None
