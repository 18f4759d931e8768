"""What people do in the emulated Telegram: write, change, delete, click, block the bot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from playground.errors import ControlError, bad_request
from playground.model import Bot, Chat, Message, User
from playground.world import World

ANSWERABLE = 60.0
"""Seconds in which a bot can answer a click."""


@dataclass
class Click:
    """A press of an inline button, which the bot is to answer."""

    id: str
    chat: Chat
    message_id: int
    pressed_at: float
    answer: asyncio.Future[dict[str, Any]]


class Clicks:
    """The callback queries that wait for an answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: dict[str, Click] = {}
        self._last = int(world.clock()) << 20  # ids stay unique over restarts

    def press(self, chat: Chat, user: User, message: Message, data: str) -> Click:
        """A person presses a button; the bot gets a callback query."""
        world = self._world
        require_active(user)
        self._forget_old()
        self._last += 1
        click = Click(
            id=str(self._last),
            chat=chat,
            message_id=message.id,
            pressed_at=world.clock(),
            answer=asyncio.get_running_loop().create_future(),
        )
        self._open[click.id] = click
        query = {
            "id": click.id,
            "from": user.as_json(),
            "message": world.render(chat, message),
            "chat_instance": str(chat.bot_id * 1_000_003 + chat.id),
            "data": data,
        }
        world.push(chat, "callback_query", query)
        return click

    def answer(self, bot: Bot, query_id: str, answer: dict[str, Any]) -> None:
        """The bot answers, once and in time; raises ApiError."""
        self._forget_old()
        click = self._open.get(query_id)
        if click is None or click.chat.bot_id != bot.id:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        del self._open[query_id]
        if not click.answer.done():
            click.answer.set_result(answer)
        about = {"callback_query_id": query_id, "message_id": click.message_id}
        self._world.tell(click.chat, "answer", **about, **answer)

    def _forget_old(self) -> None:
        oldest = self._world.clock() - ANSWERABLE
        while self._open:
            query_id, click = next(iter(self._open.items()))
            if click.pressed_at >= oldest:
                return
            del self._open[query_id]


def write(world: World, chat: Chat, message: Message) -> int:
    """A person sends a message; the id of the update, 0 when the bot wants no messages.

    To write to a bot that one blocked unblocks it.
    """
    require_active(world.users[message.sender])
    if chat.blocked:
        block(world, chat, blocked=False)
    if not chat.started:
        chat.started = True
        world.save_chat(chat)
    world.post(chat, message)
    return world.push(chat, "message", world.render(chat, message))


def edit(world: World, chat: Chat, message: Message, content: dict[str, Any]) -> int:
    """A person changes a message of their own; the id of the update."""
    if message.content == content:
        raise ControlError("the message is the same as before", 409)
    message.content = content
    message.edit_date = int(world.clock())
    world.changed(chat, message)
    return world.push(chat, "edited_message", world.render(chat, message))


def block(world: World, chat: Chat, *, blocked: bool) -> None:
    """A person blocks the bot or lets it in again; the bot is told."""
    if chat.blocked == blocked:
        return
    chat.blocked = blocked
    world.save_chat(chat)
    bot = world.bots[chat.bot_id].as_json()
    member = {"user": bot, "status": "member"}
    banned = {"user": bot, "status": "kicked", "until_date": 0}
    change = {
        "chat": world.render_chat(chat),
        "from": world.users[chat.id].as_json(),
        "date": int(world.clock()),
        "old_chat_member": member if blocked else banned,
        "new_chat_member": banned if blocked else member,
    }
    world.push(chat, "my_chat_member", change)
    world.tell(chat, "blocked", blocked=blocked)


def require_active(user: User) -> None:
    """Raises ControlError for a deactivated user, who can't do anything."""
    if user.deactivated:
        raise ControlError(f"{user.first_name} is deactivated and can't do anything", 409)
