"""The check of parameters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playground import schema
from playground.errors import ApiError
from playground.forms import Upload

ROOT = Path(__file__).resolve().parent.parent.parent


def check(method: str, **given: Any) -> dict[str, Any]:
    known = schema.load()
    return known.check(known.methods[method.lower()], given, {})


def refusal(method: str, **given: Any) -> str:
    with pytest.raises(ApiError) as caught:
        check(method, **given)
    assert caught.value.code == 400
    return caught.value.description.removeprefix("Bad Request: ")


def test_the_file_is_what_the_installed_aiogram_says() -> None:
    script = ROOT / "scripts" / "botapi_schema.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_of_a_json_body_stay_as_they_are() -> None:
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    given = {"chat_id": 7, "text": "x", "protect_content": True, "reply_markup": markup}
    assert check("sendMessage", **given) == given


def test_strings_of_a_form_become_values() -> None:
    checked = check(
        "sendMessage",
        chat_id="-100123",
        text="7",
        protect_content="True",
        reply_markup='{"remove_keyboard":true}',
        link_preview_options="",
    )
    assert checked == {
        "chat_id": -100123,
        "text": "7",
        "protect_content": True,
        "reply_markup": {"remove_keyboard": True},
    }
    assert check("sendMessage", chat_id="@name", text="x")["chat_id"] == "@name"
    assert check("deleteMessages", chat_id="1", message_ids="[1,2]")["message_ids"] == [1, 2]
    assert check("sendLocation", chat_id="1", latitude="1.5", longitude=2)["latitude"] == 1.5


def test_an_upload_stands_for_its_parameter() -> None:
    known, upload = schema.load(), Upload.of("a.txt", b"x")
    method = known.methods["senddocument"]
    assert known.check(method, {"chat_id": 1}, {"document": upload})["document"] is upload
    # files that are only attached are no parameters
    known.check(method, {"chat_id": 1, "document": "attach://f"}, {"f": upload})


def test_unknown_parameters_are_refused_with_a_hint() -> None:
    problem = refusal("sendMessage", chat_id=1, text="x", reply_markdown="x")
    assert 'unknown parameter "reply_markdown" in sendMessage' in problem
    assert 'did you mean "reply_markup"?' in problem


@pytest.mark.parametrize(
    ("method", "given", "problem"),
    [
        ("sendMessage", {"text": "x"}, "chat_id is empty"),
        ("sendMessage", {"chat_id": 1}, "message text is empty"),
        ("sendDocument", {"chat_id": 1}, "there is no document in the request"),
        ("deleteMessage", {"chat_id": 1}, "message identifier is not specified"),
        ("getFile", {}, "file_id not specified"),
        ("sendChatAction", {"chat_id": 1}, "wrong parameter action in request"),
        ("sendVenue", {"chat_id": 1, "latitude": 1, "longitude": 1, "title": "x"},
         'parameter "address" is required'),
    ],
)  # fmt: skip
def test_missing_parameters_are_named_as_telegram_does(
    method: str, given: dict[str, Any], problem: str
) -> None:
    assert refusal(method, **given) == problem


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"text": 5}, 'field "text" must be of type String'),
        ({"text": None}, 'parameter "text" is null: leave it out instead'),
        ({"protect_content": 1}, 'field "protect_content" must be of type Boolean'),
        ({"protect_content": "maybe"}, 'field "protect_content" must be of type Boolean'),
        ({"message_thread_id": "x"}, 'field "message_thread_id" must be of type Integer'),
        ({"message_thread_id": True}, 'field "message_thread_id" must be of type Integer'),
        ({"chat_id": 1.5}, 'field "chat_id" must be of type Integer'),
        ({"entities": {}}, 'field "entities" must be of type Array'),
        ({"entities": "["}, "can't parse entities JSON object"),
        ({"entities": [{"type": "bold", "offset": 0}]},
         'can\'t parse entities[0]: Can\'t find field "length"'),
        ({"link_preview_options": "5"}, "object expected as link preview options"),
        ({"reply_parameters": "{"}, "can't parse reply parameters JSON object"),
        ({"reply_parameters": []}, "object expected as reply parameters"),
        ({"reply_parameters": {"message_id": "x"}},
         'can\'t parse reply_parameters.message_id: Field "message_id" must be of type Integer'),
    ],
)  # fmt: skip
def test_wrong_types_are_refused(given: dict[str, Any], problem: str) -> None:
    assert refusal("sendMessage", **{"chat_id": 1, "text": "x", **given}) == problem


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ("{", "can't parse reply keyboard markup JSON object"),
        ([], "object expected as reply markup"),
        ({"inline_keyboard": [{"text": "A"}]},
         'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'),
        ({"keyboard": [{"text": "A"}]}, 'field "keyboard" must be an Array of Arrays'),
        ({"inline_keyboard": [["A"]]},
         "can't parse inline keyboard button: InlineKeyboardButton must be an Object"),
        ({"inline_keyboard": [[{"callback_data": "a"}]]},
         'can\'t parse inline keyboard button: Can\'t find field "text"'),
        ({"inline_keyboard": [[{"text": 5}]]},
         'can\'t parse inline keyboard button: Field "text" must be of type String'),
        ({"inline_keyboard": [[{"text": "A", "data": "a"}]]},
         "can't parse inline keyboard button: unknown field \"data\" in InlineKeyboardButton"),
        ({"keyboard": [[{"txt": "A"}]]},
         'can\'t parse keyboard button: Can\'t find field "text"'),
        ({"remove_keyboard": False}, 'field "remove_keyboard" must be of type Boolean'),
    ],
)  # fmt: skip
def test_keyboards_are_refused_as_telegram_does(markup: Any, problem: str) -> None:
    assert refusal("sendMessage", chat_id=1, text="x", reply_markup=markup).startswith(problem)


def test_a_keyboard_button_may_be_a_string() -> None:
    markup = {"keyboard": [["Yes", {"text": "No"}]]}
    assert check("sendMessage", chat_id=1, text="x", reply_markup=markup)["reply_markup"] == markup


def test_the_member_of_a_union_that_is_meant_says_what_is_wrong() -> None:
    media = [{"type": "photo", "media": "x", "capton": "y"}]
    problem = refusal("sendMediaGroup", chat_id=1, media=media)
    assert "media[0]: unknown field" in problem
    assert "InputMediaPhoto" in problem
    assert 'did you mean "caption"?' in problem
    scope = {"type": "chat"}
    problem = refusal("getMyCommands", scope=scope)
    assert problem == 'can\'t find field "chat_id"'


def test_enums_and_constants() -> None:
    assert refusal("sendDice", chat_id=1, emoji="🙂").startswith('field "emoji" must be of type')
    assert refusal("sendChatAction", chat_id=1, action="dance") == (
        "wrong parameter action in request"
    )
    check("sendDice", chat_id=1, emoji="🎯")


def test_values_that_hold_themselves() -> None:
    block = {
        "type": "paragraph",
        "text": ["a", {"type": "bold", "text": {"type": "italic", "text": "b"}}],
    }
    assert schema.load().check_value("RichBlockParagraph", block) == block
    with pytest.raises(schema.Mismatch):
        schema.load().check_value("RichBlockParagraph", {"type": "paragraph", "text": [5]})


def test_methods_are_found_in_any_case() -> None:
    assert schema.load().methods["sendmessage"].name == "sendMessage"
