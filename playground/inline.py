"""Inline mode: what people type after @bot, the results, and what choosing one sends.

A bot's results are kept for everybody who types the same for as long as its `cache_time` says, or
for the one person when they are personal.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from playground import files, people, texts
from playground.errors import ApiError, ControlError, bad_request
from playground.model import Bot, Chat, FileKind, Message, User
from playground.world import World

_KEPT = 1000
"""Queries of which a result can still be chosen."""
_CACHE_TIME = 300
_MEDIA: dict[str, tuple[str, FileKind]] = {
    "photo": ("photo", "photo"),
    "gif": ("gif", "animation"),
    "mpeg4_gif": ("mpeg4", "animation"),
    "video": ("video", "video"),
    "audio": ("audio", "audio"),
    "voice": ("voice", "voice"),
    "document": ("document", "document"),
    "sticker": ("sticker", "sticker"),
}
"""By type of the result: how its `…_url` and `…_file_id` begin, and what is sent."""
_PLACES = {
    "location": ("latitude", "longitude", "horizontal_accuracy", "live_period", "heading",
                 "proximity_alert_radius"),
    "contact": ("phone_number", "first_name", "last_name", "vcard"),
    "venue": ("title", "address", "foursquare_id", "foursquare_type", "google_place_id",
              "google_place_type"),
}  # fmt: skip
_START = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass
class Query:
    """What somebody typed."""

    id: str
    bot: Bot
    user: User
    text: str
    offset: str
    asked_at: float
    answer: asyncio.Future[dict[str, Any]] = field(repr=False)
    """`results`, `next_offset`, `button`, `cached`."""


class Inline:
    """The inline queries, and the results that are kept."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: dict[str, Query] = {}
        self._cache: dict[tuple[int, int, str, str], tuple[float, dict[str, Any]]] = {}

    def ask(
        self, bot: Bot, user: User, text: str, offset: str = "", chat: Chat | None = None
    ) -> Query:
        """A person types `@bot text`; the bot is asked unless its results are kept. Raises
        ControlError for a bot without inline mode."""
        people.require_active(user)
        if not bot.supports_inline:
            raise ControlError(f"@{bot.username} has no inline mode", 409)
        world, now = self._world, self._world.clock()
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        query = Query(world.new_id(), bot, user, text, offset, now, future)
        self._asked[query.id] = query
        if len(self._asked) > _KEPT:
            del self._asked[next(iter(self._asked))]
        for owner in (user.id, 0):
            until, kept = self._cache.get((bot.id, owner, text, offset), (0.0, {}))
            if until > now:
                future.set_result(kept | {"cached": True})
                return query
        asked: dict[str, Any] = {
            "id": query.id,
            "from": user.as_json(),
            "query": text,
            "offset": offset,
        }
        if chat is not None:
            asked["chat_type"] = "sender" if chat.bot_id == bot.id else chat.type
        world.queues[bot.id].push("inline_query", asked, user.id)
        return query

    def answer(self, bot: Bot, given: dict[str, Any]) -> None:
        """answerInlineQuery; raises ApiError."""
        query = self._asked.get(given["inline_query_id"])
        now = self._world.clock()
        late = query is not None and now - query.asked_at > people.ANSWERABLE
        if query is None or query.bot is not bot or query.answer.done() or late:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        _check(self._world, given)
        answer = {
            "results": given["results"],
            "next_offset": given.get("next_offset", ""),
            "button": _button(given),
        }
        owner = query.user.id if given.get("is_personal") else 0
        until = now + min(max(given.get("cache_time", _CACHE_TIME), 0), 86_400)
        self._cache[bot.id, owner, query.text, query.offset] = (until, answer)
        query.answer.set_result(answer | {"cached": False})

    async def choose(
        self, query_id: str, result_id: str, chat: Chat, user: User, *, thread: int = 0
    ) -> tuple[Message, dict[int, int]]:
        """A person sends a result: the message and the updates by bot. Raises ControlError."""
        query = self._asked.get(query_id)
        if query is None or not query.answer.done() or query.user is not user:
            raise ControlError("there are no results of this query", 404)
        results = query.answer.result()["results"]
        result = next((r for r in results if r["id"] == result_id), None)
        if result is None:
            there = ", ".join(repr(r["id"]) for r in results) or "none"
            raise ControlError(f"there is no such result; there are: {there}", 404)
        world, bot = self._world, query.bot
        markup = texts.inline_keyboard(result.get("reply_markup"))
        inline_id = _inline_id(world.new_id()) if markup else ""
        message = Message(
            id=0, date=0, sender=user.id, content=await _content(world, result), markup=markup,
            thread=thread, via_bot=bot.id, inline_id=inline_id,
        )  # fmt: skip
        numbers = people.write(world, chat, message)
        chosen = {"result_id": result_id, "from": user.as_json(), "query": query.text}
        if inline_id:
            chosen["inline_message_id"] = inline_id
        if bot.inline_feedback:
            world.queues[bot.id].push("chosen_inline_result", chosen, user.id)
        return message, numbers


def _inline_id(source: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(source.encode()).digest()[:20]).decode()


def _button(given: dict[str, Any]) -> dict[str, Any] | None:
    button: dict[str, Any] | None = given.get("button")
    if button is None and given.get("switch_pm_text"):
        button = {
            "text": given["switch_pm_text"],
            "start_parameter": given.get("switch_pm_parameter", ""),
        }
    return button


def _check(world: World, given: dict[str, Any]) -> None:
    """Raises ApiError for an answer that Telegram would refuse."""
    results = given["results"]
    ids = [result["id"] for result in results]
    if len(results) > 50:
        raise bad_request("RESULTS_TOO_MUCH")
    if len(set(ids)) < len(ids):
        raise bad_request("RESULT_ID_DUPLICATE")
    if not all(1 <= len(number.encode()) <= 64 for number in ids):
        raise bad_request("RESULT_ID_INVALID")
    if len(given.get("next_offset", "").encode()) > 64:
        raise bad_request("NEXT_OFFSET_INVALID")
    button = _button(given)
    starts = button.get("start_parameter", "") if button and "web_app" not in button else None
    if starts is not None and not _START.fullmatch(starts):
        raise bad_request("START_PARAM_INVALID")
    for result in results:
        _check_result(world, result)


def _check_result(world: World, result: dict[str, Any]) -> None:
    if result["type"] == "article" and not result["title"].strip():
        raise bad_request("ARTICLE_TITLE_EMPTY")
    texts.inline_keyboard(result.get("reply_markup"))
    name = _MEDIA.get(result["type"], ("", ""))[0]
    file_id = result.get(f"{name}_file_id")
    if file_id and world.files.find(file_id) is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    url = result.get(f"{name}_url")
    if url is not None and not url.startswith(("http://", "https://")):
        raise bad_request("WEBDOCUMENT_URL_INVALID")
    if "input_message_content" in result:
        written(world, result["input_message_content"])
    else:
        texts.caption(world, result)


def written(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The content of an InputMessageContent; raises ApiError."""
    if "message_text" in given:
        return texts.text(world, given, "message_text")
    return _place(given)


def _place(given: dict[str, Any]) -> dict[str, Any]:
    if "phone_number" in given:
        return {"contact": _picked(given, "contact")}
    if "latitude" not in given:
        raise ApiError(501, "Not Implemented: the playground doesn't play such results yet")
    place = _picked(given, "location")
    if "address" in given:
        venue = {"location": place, **_picked(given, "venue")}
        return {"venue": venue, "location": place}
    return {"location": place}


def _picked(given: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: given[name] for name in _PLACES[kind] if name in given}


async def _content(world: World, result: dict[str, Any]) -> dict[str, Any]:
    """What is sent for a result; files from the web are fetched now."""
    if "input_message_content" in result:
        return written(world, result["input_message_content"])
    if result["type"] not in _MEDIA:
        return _place(result)
    name, kind = _MEDIA[result["type"]]
    if file_id := result.get(f"{name}_file_id"):
        file = world.files.get(file_id)
    else:
        upload = await asyncio.to_thread(files.fetch, result[f"{name}_url"])
        file = await world.files.add(upload, kind, _details(result, name, kind))
    return file.content() | texts.caption(world, result)


def _details(result: dict[str, Any], name: str, kind: FileKind) -> dict[str, Any]:
    wanted = ("width", "height", "duration") if kind in {"video", "animation"} else ()
    found = {key: result[f"{name}_{key}"] for key in wanted if f"{name}_{key}" in result}
    if kind in {"audio", "voice"} and f"{name}_duration" in result:
        found["duration"] = result[f"{name}_duration"]
    if kind == "audio":
        found |= {key: result[key] for key in ("title", "performer") if key in result}
    return found
