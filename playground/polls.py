"""Polls and quizzes: what they hold, votes, the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from playground.errors import ControlError, bad_request
from playground.model import Chat, Message, User
from playground.people import require_presence
from playground.texts import format_text
from playground.world import World

_QUESTION_LIMIT = 300
_OPTION_LIMIT = 100
_MOST_OPTIONS = 12


def content(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The content of a message with the poll that sendPoll's parameters describe; raises
    ApiError."""
    question, marked = format_text(
        world,
        given["question"],
        given.get("question_parse_mode", ""),
        given.get("question_entities", []),
        "question",
        _QUESTION_LIMIT,
    )
    if not question:
        raise bad_request("poll question must be non-empty")
    options = [_option(world, number, option) for number, option in enumerate(given["options"])]
    if not options:
        raise bad_request("poll must have at least one answer option")
    if len(options) > _MOST_OPTIONS:
        raise bad_request(f"poll can't have more than {_MOST_OPTIONS} options")
    kind = given.get("type", "regular")
    poll: dict[str, Any] = {
        "id": world.new_id(),
        "question": question,
        "options": options,
        "total_voter_count": 0,
        "is_closed": bool(given.get("is_closed")),
        "is_anonymous": given.get("is_anonymous", True),
        "type": kind,
        "allows_multiple_answers": bool(given.get("allows_multiple_answers")),
        "allows_revoting": bool(given.get("allows_revoting", kind == "regular")),
        "members_only": bool(given.get("members_only")),
    }
    if marked:
        poll["question_entities"] = marked
    if kind == "quiz":
        poll |= _quiz(world, given, len(options))
    for name in ("open_period", "close_date"):
        if given.get(name):
            poll[name] = given[name]
    return {"poll": poll}


def _option(world: World, number: int, given: Any) -> dict[str, Any]:
    option: dict[str, Any] = {"text": given} if isinstance(given, str) else given
    text, marked = format_text(
        world,
        option["text"],
        option.get("text_parse_mode", ""),
        option.get("text_entities", []),
        "option",
        _OPTION_LIMIT,
    )
    if not text:
        raise bad_request("poll options must be non-empty")
    value = {"persistent_id": str(number), "text": text, "voter_count": 0}
    return value | ({"text_entities": marked} if marked else {})


def _quiz(world: World, given: dict[str, Any], count: int) -> dict[str, Any]:
    correct = given.get("correct_option_ids") or [given.get("correct_option_id", -1)]
    if not all(0 <= number < count for number in correct):
        raise bad_request("wrong correct option ID specified")
    value: dict[str, Any] = {"correct_option_id": correct[0], "correct_option_ids": correct}
    text, marked = format_text(
        world,
        given.get("explanation", ""),
        given.get("explanation_parse_mode", ""),
        given.get("explanation_entities", []),
        "explanation",
        200,
    )
    if text:
        value["explanation"] = text
    return value | ({"explanation_entities": marked} if marked else {})


def vote(world: World, chat: Chat, user: User, message: Message, chosen: list[int]) -> None:
    """A person votes, or with no option takes the vote back; raises ControlError. The bot that
    sent the poll is told who voted unless it is anonymous, and how it stands."""
    require_presence(chat, user)
    poll = message.content.get("poll")
    if poll is None:
        raise ControlError("this message has no poll", 409)
    _expire(world, chat, message)
    _check_vote(poll, message, user, chosen)
    message.votes = message.votes or {}
    message.votes.pop(str(user.id), None)
    if chosen:
        message.votes[str(user.id)] = sorted(set(chosen))
    _count(poll, message)
    world.changed(chat, message)
    _tell(world, message, poll)
    queue = world.queues.get(message.by)
    if queue is not None and not poll["is_anonymous"]:
        answer = {
            "poll_id": poll["id"],
            "user": user.as_json(),
            "option_ids": chosen,
            "option_persistent_ids": [str(number) for number in chosen],
        }
        queue.push("poll_answer", answer, user.id)


def _check_vote(poll: dict[str, Any], message: Message, user: User, chosen: list[int]) -> None:
    if poll["is_closed"]:
        raise ControlError("the poll is closed", 409)
    if any(not 0 <= number < len(poll["options"]) for number in chosen):
        raise ControlError(f"there are the options 0 to {len(poll['options']) - 1}", 404)
    if len(chosen) > 1 and not poll["allows_multiple_answers"]:
        raise ControlError("this poll takes one answer", 409)
    if str(user.id) in (message.votes or {}) and not poll["allows_revoting"]:
        raise ControlError("this vote can't be changed", 409)


def _count(poll: dict[str, Any], message: Message) -> None:
    votes = message.votes or {}
    totals = Counter(number for chosen in votes.values() for number in chosen)
    for number, option in enumerate(poll["options"]):
        option["voter_count"] = totals[number]
    poll["total_voter_count"] = len(votes)


def close_in_time(world: World, chat: Chat, message: Message) -> None:
    """End a poll when its `open_period` or `close_date` is over."""
    poll = message.content["poll"]
    if ends := _end(poll, message):
        asyncio.get_running_loop().call_later(ends - world.clock(), _expire, world, chat, message)


def _end(poll: dict[str, Any], message: Message) -> int:
    """Unix time in seconds; 0 for a poll without an end."""
    period: int = poll.get("open_period", 0)
    date: int = poll.get("close_date", 0)
    return date or (message.date + period if period else 0)


def _expire(world: World, chat: Chat, message: Message) -> None:
    poll = message.content["poll"]
    ends = _end(poll, message)
    there = world.messages(chat).get(message.id) is message
    if there and ends and world.clock() >= ends and not poll["is_closed"]:
        close(world, chat, message)


def close(world: World, chat: Chat, message: Message) -> dict[str, Any]:
    """The poll ends; its final state. Raises ApiError."""
    poll: dict[str, Any] | None = message.content.get("poll")
    if poll is None:
        raise bad_request("message with poll to stop not found")
    if poll["is_closed"]:
        raise bad_request("poll has already been closed")
    poll["is_closed"] = True
    world.changed(chat, message)
    _tell(world, message, poll)
    return poll


def _tell(world: World, message: Message, poll: dict[str, Any]) -> None:
    queue = world.queues.get(message.by)
    if queue is not None:
        queue.push("poll", poll, message.by)
