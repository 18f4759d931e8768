"""Where a message comes from: the updates that brought it to bots, the calls that made and changed
it, and how it looked in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from playground.calls import CallLog, Logged
from playground.model import Bot, Chat, Group, Update
from playground.world import World

_BY_ID = ("message_id", "message_ids")
"""Parameters by which calls name messages."""


def of_message(world: World, calls: CallLog, chat: Chat, message_id: int) -> dict[str, Any]:
    """What is still known of a message, deleted or not: `updates` with the `bot` and whether the
    update is `waiting`, `calls` and `versions` (Telegram's Message), oldest first."""
    bots = list(world.bots.values()) if isinstance(chat, Group) else [world.bots[chat.bot_id]]
    updates = [found for bot in bots for found in _updates(world, bot, chat.id, message_id)]
    clicks = {u["body"]["callback_query"]["id"] for u in updates if "callback_query" in u["body"]}
    names = {bot.username for bot in bots}
    about = [
        call.as_json()
        for call in calls.kept()
        if call.bot in names and _is_about(call, chat, message_id, clicks)
    ]
    events = world.events.since((chat.bot_id, chat.id), 0)
    versions = [
        event["message"]
        for event in events
        if event["type"] in {"message", "edited"} and event["message"]["message_id"] == message_id
    ]
    return {"updates": updates, "calls": about, "versions": versions}


def _updates(world: World, bot: Bot, chat_id: int, message_id: int) -> Iterator[dict[str, Any]]:
    queue = world.queues[bot.id]
    mark = b'"message_id":%d,' % message_id  # saves reading the thousands of others
    for update in queue.recent:
        if mark in update.body and _brought(body := orjson.loads(update.body), chat_id, message_id):
            yield {"bot": bot.username, "waiting": _waits(queue.peek(1), update), "body": body}


def _waits(first: list[Update], update: Update) -> bool:
    return bool(first) and first[0].id <= update.id


def _brought(body: dict[str, Any], chat_id: int, message_id: int) -> bool:
    """Whether an update is about the message: it brought it, or a click or reaction."""
    for content in body.values():
        if not isinstance(content, dict):
            continue
        message = content.get("message", content)
        if _is_message(message, chat_id, message_id):
            return True
    return False


def _is_message(value: Any, chat_id: int, message_id: int) -> bool:
    return (
        isinstance(value, dict)
        and value.get("message_id") == message_id
        and value.get("chat", {}).get("id", chat_id) == chat_id
    )


def _is_about(call: Logged, chat: Chat, message_id: int, clicks: set[str]) -> bool:
    if call.params.get("callback_query_id") in clicks:
        return True
    results: Iterable[Any] = call.result if isinstance(call.result, list) else [call.result]
    if any(_is_message(result, chat.id, message_id) for result in results):
        return True
    if not _is_place(call.params.get("chat_id"), chat):
        return False
    named = [call.params.get(name) for name in _BY_ID]
    return any(str(message_id) in _ids(value) for value in named)


def _is_place(named: Any, chat: Chat) -> bool:
    username = chat.username if isinstance(chat, Group) else ""
    return str(named).lower() in {str(chat.id), f"@{username.lower()}"}


def _ids(value: Any) -> list[str]:
    """Ids as a call gave them: a number, a list, or either as text."""
    if isinstance(value, list):
        return [str(one) for one in value]
    return [part.strip() for part in str(value).strip("[]").split(",")]
