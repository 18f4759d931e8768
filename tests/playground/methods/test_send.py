"""What bots send."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import orjson
import pytest

from playground import Playground
from playground.client import Person
from tests.playground.conftest import ANN, Api, multipart
from tests.playground.pictures import png


async def test_a_message_with_everything(api: Api, ann: Person) -> None:
    buttons = [[{"text": "A", "callback_data": "a"}, {"text": "B", "url": "https://x.org"}]]
    sent = await api.call(
        "sendMessage",
        chat_id=ANN,
        text=" <b>Hi</b> @durov ",
        parse_mode="HTML",
        reply_parameters={"message_id": 1, "quote": "ell"},
        reply_markup={"inline_keyboard": buttons},
        protect_content=True,
        link_preview_options={"is_disabled": True},
    )
    assert sent["text"] == "Hi @durov"
    assert [e["type"] for e in sent["entities"]] == ["bold", "mention"]
    assert sent["from"]["is_bot"]
    assert sent["reply_to_message"]["text"] == "hello"
    assert sent["quote"] == {"text": "ell", "position": 1, "is_manual": True}
    assert sent["reply_markup"] == {"inline_keyboard": buttons}
    assert sent["has_protected_content"]
    assert sent["link_preview_options"] == {"is_disabled": True}
    assert (await ann.wait_reply())["message_id"] == sent["message_id"] == 2


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"chat_id": 5}, "Bad Request: chat not found"),
        ({"chat_id": "@ann"}, "Bad Request: chat not found"),
        ({"chat_id": ANN + 1}, "Bad Request: chat not found"),
        ({"text": ""}, "Bad Request: message text is empty"),
        ({"text": " \n "}, "Bad Request: text must be non-empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "Bad Request: text must be non-empty"),
        ({"text": "x" * 4097}, "Bad Request: message is too long"),
        ({"text": "x" * 40_000}, "Bad Request: text is too long"),
        ({"text": "<b>", "parse_mode": "HTML"},
         "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\""),
        ({"parse_mode": "BBCode"}, "Bad Request: unsupported parse_mode"),
        ({"reply_parameters": {"message_id": 99}}, "Bad Request: message to be replied not found"),
        ({"reply_to_message_id": 99}, "Bad Request: message to be replied not found"),
        ({"reply_parameters": {"message_id": 1, "quote": "no"}}, "Bad Request: QUOTE_TEXT_INVALID"),
        ({"message_thread_id": 5}, "Bad Request: message thread not found"),
        ({"receiver_user_id": 5},
         'Not Implemented: the playground doesn\'t play the parameter "receiver_user_id" yet'),
    ],
)  # fmt: skip
async def test_messages_that_telegram_refuses(
    api: Api, ann: Person, params: dict[str, Any], problem: str
) -> None:
    assert await api.error("sendMessage", **{"chat_id": ANN, "text": "x", **params}) == problem


@pytest.mark.parametrize(
    ("button", "problem"),
    [
        ({"text": "A"}, "can't parse inline keyboard button: "
         "Text buttons are unallowed in the inline keyboard"),
        ({"text": "A", "callback_data": ""}, "can't parse inline keyboard button: "
         "Text buttons are unallowed in the inline keyboard"),
        ({"text": "A", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "A", "callback_data": "я" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": " ", "callback_data": "x"}, "BUTTON_TEXT_INVALID"),
        ({"text": "A", "url": "nowhere"}, "BUTTON_URL_INVALID"),
    ],
)  # fmt: skip
async def test_buttons_that_telegram_refuses(
    api: Api, ann: Person, button: dict[str, str], problem: str
) -> None:
    markup = {"inline_keyboard": [[button]]}
    error = await api.error("sendMessage", chat_id=ANN, text="x", reply_markup=markup)
    assert error == f"Bad Request: {problem}"


async def test_a_text_may_have_4096_characters_after_parsing(api: Api, ann: Person) -> None:
    text = f"<b>{'x' * 4096}</b>"
    assert len((await api.call("sendMessage", chat_id=ANN, text=text, parse_mode="HTML"))["text"])


async def test_a_reply_to_what_is_gone(api: Api, ann: Person) -> None:
    reply = {"message_id": 99, "allow_sending_without_reply": True}
    sent = await api.call("sendMessage", chat_id=ANN, text="x", reply_parameters=reply)
    assert "reply_to_message" not in sent


async def test_entities_instead_of_a_parse_mode(api: Api, ann: Person) -> None:
    bold = {"type": "bold", "offset": 3, "length": 1}
    sent = await api.call("sendMessage", chat_id=ANN, text="😀 x", entities=[bold])
    assert sent["entities"] == [bold]


async def test_a_mention_by_id_names_the_person(api: Api, ann: Person) -> None:
    text = f'<a href="tg://user?id={ANN}">you</a> <a href="tg://user?id=5">nobody</a>'
    sent = await api.call("sendMessage", chat_id=ANN, text=text, parse_mode="HTML")
    (mention,) = sent["entities"]
    assert mention["user"]["username"] == "ann"


async def test_a_bot_that_is_blocked(api: Api, ann: Person) -> None:
    await ann.block()
    assert await api.error("sendMessage", chat_id=ANN, text="x") == (
        "Forbidden: bot was blocked by the user"
    )
    assert (await api.updates(-1))[0]["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    await ann.send("/start")
    await api.call("sendMessage", chat_id=ANN, text="x")


async def test_a_user_who_is_gone(api: Api, client: Playground, ann: Person) -> None:
    await client.call("PATCH", "/control/users/ann", {"deactivated": True})
    assert await api.error("sendMessage", chat_id=ANN, text="x") == "Forbidden: user is deactivated"


async def test_reply_keyboards_are_for_the_client_only(api: Api, ann: Person) -> None:
    keyboard = {"keyboard": [["Yes"]], "resize_keyboard": True}
    sent = await api.call("sendMessage", chat_id=ANN, text="x", reply_markup=keyboard)
    assert "reply_markup" not in sent
    assert (await ann.wait_reply())["keyboard"] == keyboard


async def upload(api: Api, method: str, content: bytes, name: str, **fields: str) -> Any:
    kind, body = multipart({"chat_id": str(ANN), **fields}, name, "", content)
    field = method.removeprefix("send").lower()
    field = "video_note" if field == "videonote" else field
    answer = await api.answer(
        method, body.replace(b'name="file"', f'name="{field}"'.encode()), kind
    )
    assert answer["ok"], answer
    return answer["result"]


@pytest.mark.parametrize(
    ("method", "field", "name", "content"),
    [
        ("sendPhoto", "photo", "a.png", png(4, 3)),
        ("sendDocument", "document", "a.pdf", b"%PDF"),
        ("sendVideo", "video", "a.mp4", b"mp4"),
        ("sendAnimation", "animation", "a.gif", b"GIF89a\x01\x00\x01\x00"),
        ("sendAudio", "audio", "a.mp3", b"ID3"),
        ("sendVoice", "voice", "a.ogg", b"OggS"),
        ("sendSticker", "sticker", "a.webp", b"RIFF----WEBPVP8X" + bytes(14)),
        ("sendVideoNote", "video_note", "a.mp4", b"mp4"),
    ],
)
async def test_every_kind_of_file(
    api: Api, ann: Person, method: str, field: str, name: str, content: bytes
) -> None:
    sent = await upload(api, method, content, name)
    file = sent[field][-1] if field == "photo" else sent[field]
    again = await api.call(method, chat_id=ANN, **{field: file["file_id"]})
    assert again[field] == sent[field]
    assert (await api.call("getFile", file_id=file["file_id"]))["file_size"] == len(content)


async def test_what_the_bot_says_about_a_file(api: Api, ann: Person) -> None:
    sent = await upload(
        api, "sendAudio", b"ID3", "a.mp3", title="Song", performer="Ann", duration="61",
        caption="*now*", parse_mode="Markdown",
    )  # fmt: skip
    assert sent["audio"]["title"] == "Song"
    assert sent["audio"]["duration"] == 61
    assert sent["caption"] == "now"
    assert sent["caption_entities"] == [{"type": "bold", "offset": 0, "length": 3}]


async def test_captions_have_a_limit(api: Api, ann: Person) -> None:
    file_id = (await upload(api, "sendDocument", b"x", "a.txt"))["document"]["file_id"]
    error = await api.error("sendDocument", chat_id=ANN, document=file_id, caption="x" * 1025)
    assert error == "Bad Request: message caption is too long"


async def test_a_spoiler_and_a_thumbnail(api: Api, ann: Person) -> None:
    sent = await upload(api, "sendPhoto", png(2, 2), "a.png", has_spoiler="true")
    assert sent["has_media_spoiler"] is True
    kind, body = multipart(
        {"chat_id": str(ANN), "document": "attach://file", "thumbnail": "attach://file"},
        "a.png",
        "",
        png(2, 2),
    )
    sent = (await api.answer("sendDocument", body, kind))["result"]
    assert sent["document"]["thumbnail"]["width"] == 2


async def test_file_ids_that_do_not_fit(api: Api, ann: Person) -> None:
    document = (await upload(api, "sendDocument", b"x", "a.txt"))["document"]["file_id"]
    photo = (await upload(api, "sendPhoto", png(2, 2), "a.png"))["photo"][0]["file_id"]
    assert await api.error("sendPhoto", chat_id=ANN, photo=document) == (
        "Bad Request: can't use file of type Document as Photo"
    )
    assert await api.error("sendDocument", chat_id=ANN, document=photo) == (
        "Bad Request: can't use file of type Photo as Document"
    )
    for nothing in ("nonsense", "attach://nothing"):
        error = await api.error("sendDocument", chat_id=ANN, document=nothing)
        assert error == "Bad Request: wrong file identifier/HTTP URL specified"


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/a.txt" else 404)
        self.send_header("content-type", "text/plain")
        self.end_headers()
        self.wfile.write(b"from afar")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_file_from_an_address(api: Api, ann: Person, site: str) -> None:
    sent = await api.call("sendDocument", chat_id=ANN, document=f"{site}/a.txt")
    assert sent["document"]["file_name"] == "a.txt"
    assert sent["document"]["file_size"] == 9
    assert await api.error("sendDocument", chat_id=ANN, document=f"{site}/b.txt") == (
        "Bad Request: failed to get HTTP URL content"
    )


async def test_dice(api: Api, ann: Person) -> None:
    dice = (await api.call("sendDice", chat_id=ANN))["dice"]
    assert dice["emoji"] == "🎲"
    assert 1 <= dice["value"] <= 6
    assert (await api.call("sendDice", chat_id=ANN, emoji="🎰"))["dice"]["value"] <= 64


async def test_chat_actions_are_seen(api: Api, ann: Person) -> None:
    assert await api.call("sendChatAction", chat_id=ANN, action="typing") is True
    event = await ann.wait_event(lambda event: event["type"] == "action")
    assert event["action"] == "typing"


async def test_forwarding(api: Api, ann: Person) -> None:
    sent = await api.call("forwardMessage", chat_id=ANN, from_chat_id=ANN, message_id=1)
    assert sent["text"] == "hello"
    assert sent["forward_origin"]["sender_user"]["username"] == "ann"
    again = await api.call(
        "forwardMessage", chat_id=ANN, from_chat_id=ANN, message_id=sent["message_id"]
    )
    assert again["forward_origin"] == sent["forward_origin"], "of the first sender"
    error = await api.error("forwardMessage", chat_id=ANN, from_chat_id=ANN, message_id=77)
    assert error == "Bad Request: message to forward not found"


async def test_copying(api: Api, ann: Person) -> None:
    document = await ann.upload(b"x", name="a.txt", caption="old")
    copy = await api.call(
        "copyMessage", chat_id=ANN, from_chat_id=ANN, message_id=document["message_id"]
    )
    assert copy.keys() == {"message_id"}
    assert (await ann.wait_reply())["caption"] == "old"
    await api.call(
        "copyMessage",
        chat_id=ANN,
        from_chat_id=ANN,
        message_id=document["message_id"],
        caption="<i>new</i>",
        parse_mode="HTML",
    )
    reply = await ann.wait_reply()
    assert reply["caption"] == "new"
    assert "forward_origin" not in reply
    error = await api.error("copyMessage", chat_id=ANN, from_chat_id=ANN, message_id=77)
    assert error == "Bad Request: message to copy not found"


async def test_protected_content_is_not_repeated(api: Api, ann: Person) -> None:
    sent = await api.call("sendMessage", chat_id=ANN, text="x", protect_content=True)
    for method in ("forwardMessage", "copyMessage"):
        error = await api.error(
            method, chat_id=ANN, from_chat_id=ANN, message_id=sent["message_id"]
        )
        assert "protected content" in error


async def test_many_at_once(api: Api, ann: Person) -> None:
    await ann.upload(b"x", name="a.txt", caption="c")
    ids = {"from_chat_id": ANN, "message_ids": [1, 2, 55]}
    assert len(await api.call("forwardMessages", chat_id=ANN, **ids)) == 2
    copies = await api.call("copyMessages", chat_id=ANN, remove_caption=True, **ids)
    assert len(copies) == 2
    assert "caption" not in (await ann.messages())[-1]
    gone = {"from_chat_id": ANN, "message_ids": [55]}
    assert "no messages" in await api.error("copyMessages", chat_id=ANN, **gone)


async def test_a_photo_that_is_too_large(api: Api, ann: Person) -> None:
    kind, body = multipart({"chat_id": str(ANN)}, "a.png", "", png(1, 1) + bytes(10 << 20))
    answer = await api.answer("sendPhoto", body.replace(b'name="file"', b'name="photo"'), kind)
    assert "is too big for a photo; the maximum size is 10485760 bytes" in answer["description"]


async def test_the_answer_says_json(api: Api, client: Playground) -> None:
    status, body = await client.request("POST", f"/bot{api.token}/getMe", b"", "")
    assert status == 200
    assert orjson.loads(body)["result"]["username"] == "playground_bot"
