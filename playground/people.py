"""What people do in the emulated Telegram: write, change, delete, click, react, block the bot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from playground import groups, roles
from playground.errors import ControlError, bad_request
from playground.model import Bot, Chat, Group, Message, User
from playground.world import World

ANSWERABLE = 60.0
"""Seconds in which a bot can answer a click."""


@dataclass
class Click:
    """A press of an inline button, which the bot is to answer."""

    id: str
    bot_id: int
    chat: Chat
    user_id: int
    message_id: int
    pressed_at: float
    answer: asyncio.Future[dict[str, Any]]


class Clicks:
    """The callback queries that wait for an answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: dict[str, Click] = {}

    def press(self, chat: Chat, user: User, message: Message, data: str) -> Click:
        """A person presses a button; the bot whose message it is gets a callback query."""
        world = self._world
        require_presence(chat, user)
        self._forget_old()
        bot_id = message.via_bot or message.by
        if bot_id not in world.bots:
            raise ControlError("this isn't a bot's message", 409)
        click = Click(
            id=world.new_id(),
            bot_id=bot_id,
            chat=chat,
            user_id=user.id,
            message_id=message.id,
            pressed_at=world.clock(),
            answer=asyncio.get_running_loop().create_future(),
        )
        self._open[click.id] = click
        query = {
            "id": click.id,
            "from": user.as_json(),
            "chat_instance": str(bot_id * 1_000_003 + chat.id),
            "data": data,
        }
        if message.via_bot:
            query["inline_message_id"] = message.inline_id
        else:
            query["message"] = world.render(chat, message)
        world.queues[bot_id].push("callback_query", query, user.id)
        return click

    def answer(self, bot: Bot, query_id: str, answer: dict[str, Any]) -> None:
        """The bot answers, once and in time; raises ApiError."""
        self._forget_old()
        click = self._open.get(query_id)
        if click is None or click.bot_id != bot.id:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        del self._open[query_id]
        if not click.answer.done():
            click.answer.set_result(answer)
        about = {"callback_query_id": query_id, "message_id": click.message_id}
        self._world.tell(click.chat, "answer", user_id=click.user_id, **about, **answer)

    def _forget_old(self) -> None:
        oldest = self._world.clock() - ANSWERABLE
        while self._open:
            query_id, click = next(iter(self._open.items()))
            if click.pressed_at >= oldest:
                return
            del self._open[query_id]


def write(world: World, chat: Chat, message: Message) -> dict[int, int]:
    """A person sends a message; the ids of the updates by bot, 0 where one wants no messages.

    To write to a bot that one blocked unblocks it.
    """
    user = world.users[message.sender]
    require_presence(chat, user)
    if isinstance(chat, Group):
        _prepare(world, chat, message, user)
    else:
        if chat.blocked:
            block(world, chat, blocked=False)
        if not chat.started:
            chat.started = True
            world.save_chat(chat)
    world.post(chat, message)
    numbers = world.deliver(chat, message)
    if isinstance(chat, Group):
        into_discussion(world, chat, message)
    return numbers


def _prepare(world: World, group: Group, message: Message, user: User) -> None:
    """In whose name it goes, and whether it may; raises ApiError or ControlError."""
    roles.check_send(group, user.id, message.content)
    _require_patience(world, group, user)
    groups.check_thread(group, user.id, message.thread)
    if group.type == "channel" or roles.record(group, user.id).get("is_anonymous"):
        message.sender, message.author = group.id, user.id


def _require_patience(world: World, group: Group, user: User) -> None:
    """Raises ControlError for a member who writes too soon after the last time."""
    if not group.slow_mode_delay or roles.is_admin(group, user.id):
        return
    own = (m.date for m in reversed(world.messages(group).values()) if m.by == user.id)
    left = next(own, 0) + group.slow_mode_delay - int(world.clock())
    if left > 0:
        raise ControlError(f"slow mode: {user.first_name} can write again in {left} s", 429)


def into_discussion(world: World, channel: Group, message: Message) -> None:
    """A channel's post appears in its discussion group."""
    group = world.group(channel.linked) if channel.type == "channel" else None
    if group is None:
        return
    origin = {
        "type": "channel",
        "chat": world.render_chat(channel),
        "message_id": message.id,
        "date": message.date,
    }
    copy = Message(
        id=0, date=0, sender=channel.id, author=message.by, content=dict(message.content),
        extra={**message.extra, "is_automatic_forward": True, "forward_origin": origin},
    )  # fmt: skip
    world.post(group, copy)
    world.deliver(group, copy)


def edit(world: World, chat: Chat, message: Message, content: dict[str, Any]) -> dict[int, int]:
    """A person changes a message of their own; the ids of the updates by bot."""
    if message.content == content:
        raise ControlError("the message is the same as before", 409)
    message.content = content
    message.edit_date = int(world.clock())
    world.changed(chat, message)
    return world.deliver(chat, message, edited=True)


def react(
    world: World, chat: Chat, user: User, message: Message, reactions: list[dict[str, Any]]
) -> None:
    """A person's reactions to a message are these now; an empty list takes them back."""
    require_presence(chat, user)
    old = message.reactions.pop(str(user.id), [])
    if reactions:
        message.reactions[str(user.id)] = reactions
    world.changed(chat, message, "reaction")
    about = {
        "chat": world.render_chat(chat),
        "message_id": message.id,
        "date": int(world.clock()),
    }
    if chat.type == "channel":
        _tell_admins(world, chat, "message_reaction_count", about | {"reactions": counted(message)})
        return
    changed = {"user": user.as_json(), "old_reaction": old, "new_reaction": reactions}
    _tell_admins(world, chat, "message_reaction", about | changed)


def counted(message: Message) -> list[dict[str, Any]]:
    """Telegram's ReactionCounts."""
    totals: dict[str, dict[str, Any]] = {}
    for given in message.reactions.values():
        for reaction in given:
            name = reaction.get("emoji") or reaction.get("custom_emoji_id", "")
            entry = totals.setdefault(name, {"type": reaction, "total_count": 0})
            entry["total_count"] += 1
    return list(totals.values())


def _tell_admins(world: World, chat: Chat, kind: str, content: dict[str, Any]) -> None:
    """An update for the private chat's bot, or for the administrators among a group's."""
    if not isinstance(chat, Group):
        world.push(chat, kind, content)
        return
    for bot in world.bots.values():
        if roles.is_admin(chat, bot.id):
            world.queues[bot.id].push(kind, content, chat.id)


def block(world: World, chat: Chat, *, blocked: bool) -> None:
    """A person blocks the bot or lets it in again; the bot is told."""
    if chat.blocked == blocked:
        return
    require_active(world.users[chat.id])
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


def require_presence(chat: Chat, user: User) -> None:
    """Raises ControlError for somebody who can't do anything in this chat."""
    require_active(user)
    if not isinstance(chat, Group):
        return
    if chat.migrated_to:
        raise ControlError(f"{chat.title} became the supergroup {chat.migrated_to}", 409)
    if not roles.is_member(chat, user.id):
        raise ControlError(f"{user.first_name} isn't in {chat.title}", 403)
