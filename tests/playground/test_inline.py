"""Inline mode."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from playground import Playground
from playground.client import InlineResults, Json, NoReply, Person, PlaygroundError
from tests.playground.conftest import ANN, Api, multipart
from tests.playground.pictures import png

MARKUP = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}


def article(number: str, text: str = "said", **more: Any) -> Json:
    return {
        "type": "article",
        "id": number,
        "title": f"Title {number}",
        "input_message_content": {"message_text": text, "parse_mode": "HTML"},
        **more,
    }


async def rest(api: Api) -> list[Json]:
    """What else waits; it is confirmed."""
    found = await api.updates()
    await api.updates(found[-1]["update_id"] + 1)
    return found


async def typed(api: Api, who: Person, text: str, results: list[Json], **how: Any) -> InlineResults:
    """Somebody types, the bot answers with these results."""
    asking = asyncio.create_task(who.inline(text, timeout=5))
    query = await query_of(api)
    await api.call("answerInlineQuery", inline_query_id=query["id"], results=results, **how)
    return await asking


async def query_of(api: Api) -> Json:
    """The inline query that comes next; what came before is confirmed."""
    offset = 0
    while True:
        for update in await api.updates(offset, timeout=5):
            offset = update["update_id"] + 1
            if "inline_query" in update:
                await api.updates(offset)
                query: Json = update["inline_query"]
                return query


async def test_a_result_is_sent(api: Api, ann: Person) -> None:
    results = await typed(
        api, ann, "@playground_bot some words",
        [article("1", "<b>one</b>", reply_markup=MARKUP), article("2")],
        next_offset="2", button={"text": "Settings", "start_parameter": "set"},
    )  # fmt: skip
    assert (len(results), results.next_offset) == (2, "2")
    assert results.button == {"text": "Settings", "start_parameter": "set"}
    sent = await results.choose("Title 1")
    assert (sent["text"], sent["via_bot"]["username"]) == ("one", "playground_bot")
    assert sent["from"]["id"] == ANN
    message, chosen = await api.updates()
    assert message["message"]["via_bot"]["is_bot"]
    chosen = chosen["chosen_inline_result"]
    assert (chosen["result_id"], chosen["query"]) == ("1", "some words")
    edited = await api.call(
        "editMessageText", inline_message_id=chosen["inline_message_id"], text="two"
    )
    assert edited is True
    assert (await ann.wait_edit(sent))["text"] == "two"
    with pytest.raises(NoReply, match="there are: 1 "):
        await results.choose("none")


async def test_a_query_as_telegram_gives_it(api: Api, ann: Person) -> None:
    asking = asyncio.create_task(ann.inline("words", offset="5", timeout=0.2))
    query = await query_of(api)
    assert query == {
        "id": query["id"], "from": query["from"], "query": "words", "offset": "5",
        "chat_type": "sender",
    }  # fmt: skip
    with pytest.raises(NoReply, match="no results of 'words' for ann"):
        await asking


async def test_answers_are_kept(api: Api, client: Playground, ann: Person) -> None:
    await typed(api, ann, "all", [article("1")])
    boris = client.user("boris")
    kept = await boris.inline("all")
    assert (kept.cached, kept[0]["id"]) == (True, "1")
    await typed(api, ann, "mine", [article("1")], is_personal=True)
    assert (await ann.inline("mine")).cached
    with pytest.raises(NoReply):
        await boris.inline("mine", timeout=0.05)
    await query_of(api)
    await typed(api, ann, "never", [article("1")], cache_time=0)
    assert not (await typed(api, ann, "never", [article("2")], cache_time=0)).cached


async def test_in_a_group_without_the_bot(api: Api, client: Playground, ann: Person) -> None:
    family = await client.group("Family", members=["ann", "boris"], bots=[])
    here = family.person("ann")
    results = await typed(api, here, "@playground_bot x", [article("1", reply_markup=MARKUP)])
    sent = await results.choose(0)
    assert sent["chat"]["id"] == family.id
    (chosen,) = await rest(api)
    name = chosen["chosen_inline_result"]["inline_message_id"]
    pressing = asyncio.create_task(family.person("boris").click(sent, "A", wait=5))
    (update,) = await api.updates(timeout=5)
    query = update["callback_query"]
    assert (query["inline_message_id"], "message" in query) == (name, False)
    await api.call("answerCallbackQuery", callback_query_id=query["id"], text="hi")
    assert (await pressing or {})["text"] == "hi"
    assert await api.error("editMessageText", inline_message_id="x", text="y") == (
        "Bad Request: MESSAGE_ID_INVALID"
    )


async def test_results_of_many_types(api: Api, ann: Person) -> None:
    kind, body = multipart({"chat_id": str(ANN)}, "a.png", "", png(8, 8))
    body = body.replace(b'name="file"', b'name="photo"')
    photo = (await api.answer("sendPhoto", body, kind))["result"]["photo"][-1]["file_id"]
    document = (await ann.upload(b"abc", name="a.txt"))["document"]["file_id"]
    results = await typed(
        api, ann, "x",
        [
            {"type": "photo", "id": "p", "photo_file_id": photo, "caption": "see"},
            {"type": "document", "id": "d", "title": "A", "document_file_id": document},
            {"type": "location", "id": "l", "title": "L", "latitude": 1.5, "longitude": 2.5},
            {"type": "venue", "id": "v", "title": "V", "address": "B", "latitude": 1.0,
             "longitude": 2.0},
            {"type": "contact", "id": "c", "phone_number": "+1", "first_name": "C"},
            article("t"),
        ],
    )  # fmt: skip
    shown = [await results.choose(n) for n in range(len(results))]
    assert shown[0]["photo"][0]["file_id"] == photo
    assert shown[0]["caption"] == "see"
    assert shown[1]["document"]["file_id"] == document
    assert shown[2]["location"] == {"latitude": 1.5, "longitude": 2.5}
    assert shown[3]["venue"]["title"] == "V"
    assert shown[4]["contact"]["first_name"] == "C"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"results": [article("1"), article("1")]}, "RESULT_ID_DUPLICATE"),
        ({"results": [article("1" * 65)]}, "RESULT_ID_INVALID"),
        ({"results": [article(str(n)) for n in range(51)]}, "RESULTS_TOO_MUCH"),
        ({"results": [], "next_offset": "x" * 65}, "NEXT_OFFSET_INVALID"),
        ({"results": [], "button": {"text": "x", "start_parameter": "a b"}}, "START_PARAM_INVALID"),
        ({"results": [article("1", "<b>")]}, "can't parse entities: "
         "Can't find end tag corresponding to start tag \"b\""),
        ({"results": [article("1") | {"title": " "}]}, "ARTICLE_TITLE_EMPTY"),
        ({"results": [], "inline_query_id": "7"},
         "query is too old and response timeout expired or query ID is invalid"),
    ],
)  # fmt: skip
async def test_answers_that_telegram_refuses(
    api: Api, ann: Person, answer: Json, problem: str
) -> None:
    asking = asyncio.create_task(ann.inline("x", timeout=0.5))
    query = await query_of(api)
    given = {"inline_query_id": query["id"], **answer}
    assert await api.error("answerInlineQuery", **given) == f"Bad Request: {problem}"
    asking.cancel()


async def test_a_bot_without_inline_mode(client: Playground, ann: Person) -> None:
    await client.configure_bot(supports_inline=False)
    with pytest.raises(PlaygroundError, match="has no inline mode"):
        await ann.inline("x")


async def test_a_file_from_the_web_is_fetched_when_it_is_chosen(api: Api, ann: Person) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        picture = png(20, 10)
        head = f"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}"
        writer.write(head.encode() + b"\r\n\r\n" + picture)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cat.png"
        photo = {"type": "photo", "id": "1", "photo_url": url, "thumbnail_url": url,
                 "caption": "<b>cat</b>", "parse_mode": "HTML"}  # fmt: skip
        sent = await (await typed(api, ann, "cats", [photo])).choose(0)
    assert [(size["width"], size["height"]) for size in sent["photo"]] == [(20, 10)]
    assert (sent["caption"], sent["caption_entities"][0]["type"]) == ("cat", "bold")
    gone = await typed(api, ann, "dogs", [{**photo, "photo_url": "http://127.0.0.1:9/"}])
    with pytest.raises(PlaygroundError, match="failed to get HTTP URL content"):
        await gone.choose(0)
