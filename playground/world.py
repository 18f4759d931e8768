"""The emulated Telegram: who is there and what was said.

Both doors act on the `World`: the Bot API (`playground.methods`) and people through the control API
(`playground.people`). It keeps the records, tells the watchers what changed and has it saved.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground import roles
from playground.errors import ControlError, bad_request, forbidden
from playground.events import Events
from playground.files import Files
from playground.model import Bot, Chat, Group, Message, Update, User
from playground.store import Store
from playground.updates import UpdateQueue

DEFAULT_BOT = Bot(
    id=700_000_001,
    token="700000001:PLAYGROUND-token-of-playground_bot0",  # noqa: S106 - opens nothing
    username="playground_bot",
    name="Playground Bot",
)
FIRST_USERS = (
    User(500_000_001, "Ann", "ann", "Miller", "en"),
    User(500_000_002, "Борис", "boris", "Орлов", "ru"),
    User(500_000_003, "Carmen", "carmen", "Ruiz", "es"),
)
_ANONYMOUS = {
    "id": 1_087_968_824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
"""In whose name anonymous administrators write."""
_TELEGRAM = {"id": 777_000, "is_bot": False, "first_name": "Telegram"}
"""Who brings a channel's posts into its discussion group."""


class World:
    """Everything that is there, in a folder or in memory. `clock` gives Unix time in seconds."""

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._serial = int(clock()) << 20  # ids stay unique over restarts
        self.store = Store(folder)
        self.events = Events()
        self.files = Files(folder, self.store)
        self.bots: dict[int, Bot] = {}
        self.users: dict[int, User] = {}
        self.queues: dict[int, UpdateQueue] = {}
        self._by_token: dict[str, Bot] = {}
        self._chats: dict[tuple[int, int], Chat] = {}
        self._messages: dict[tuple[int, int], dict[int, Message]] = defaultdict(dict)
        self._named: dict[str, tuple[Chat, int]] = {}
        """Messages with an inline_message_id or a poll, by the id of these."""
        self._load()

    def new_id(self) -> str:
        """An id for queries, polls, albums and so on: digits."""
        self._serial += 1
        return str(self._serial)

    # Bots and users

    def add_bot(self, username: str, name: str = "") -> Bot:
        """A new bot with a token; raises ControlError when the name is taken."""
        if any(bot.username.lower() == username.lower() for bot in self.bots.values()):
            raise ControlError(f"there is a bot @{username} already", 409)
        number = max(self.bots) + 1
        token = f"{number}:PLAYGROUND-token-of-{username}".ljust(45, "0")
        return self._enter_bot(Bot(number, token, username, name or username))

    def bot_with(self, token: str) -> Bot | None:
        """The bot of a token."""
        return self._by_token.get(token)

    def find_bot(self, name: str | None) -> Bot:
        """By username or id, the first one when no name is given; raises ControlError."""
        if not name:
            return next(iter(self.bots.values()))
        wanted = name.lstrip("@").lower()
        for bot in self.bots.values():
            if wanted in {bot.username.lower(), str(bot.id)}:
                return bot
        raise ControlError(f"there is no bot {name}", 404)

    def add_user(self, user: User) -> User:
        """A new person; with the id 0 they get the next free one. Raises ControlError."""
        wanted = user.username.lower()
        if wanted and any(wanted == other.username.lower() for other in self.users.values()):
            raise ControlError(f"there is a user @{user.username} already", 409)
        if user.id in self.users:
            raise ControlError(f"there is a user with the id {user.id} already", 409)
        user.id = user.id or max(self.users, default=500_000_000) + 1
        self.users[user.id] = user
        self.save_user(user)
        return user

    def find_user(self, name: str) -> User:
        """By username or id; raises ControlError."""
        if name.isdigit() and int(name) in self.users:
            return self.users[int(name)]
        wanted = name.lstrip("@").lower()
        for user in self.users.values():
            if wanted and wanted == user.username.lower():
                return user
        raise ControlError(f"there is no user {name}", 404)

    # Chats

    def chat_of(self, bot: Bot, user: User) -> Chat:
        """The private chat of the two; it begins when it is first asked for."""
        chat = self._chats.get((bot.id, user.id))
        if chat is None:
            chat = self._chats[bot.id, user.id] = Chat(user.id, bot.id)
            self.save_chat(chat)
        return chat

    def private_chats(self, bot: Bot) -> list[Chat]:
        """All private chats of a bot."""
        return [chat for (bot_id, _), chat in self._chats.items() if bot_id == bot.id]

    def add_group(self, group: Group) -> Group:
        """A new group or channel with the next free id; raises ControlError."""
        if group.username and self._public(group.username):
            raise ControlError(f"there is a chat @{group.username} already", 409)
        start = 4_000_000_000 if group.type == "group" else 1_002_000_000_000
        taken = [-chat.id - start for chat in self.groups() if (chat.type == "group") == (
            group.type == "group")]  # fmt: skip
        group.id = -(start + max(taken, default=0) + 1)
        self._chats[0, group.id] = group
        self.save_chat(group)
        return group

    def groups(self) -> list[Group]:
        """All groups, supergroups and channels."""
        return [chat for chat in self._chats.values() if isinstance(chat, Group)]

    def group(self, chat_id: int) -> Group | None:
        """By id."""
        chat = self._chats.get((0, chat_id))
        return chat if isinstance(chat, Group) else None

    def find_group(self, name: str) -> Group:
        """By id, username or title; raises ControlError."""
        wanted = name.lstrip("@").lower()
        for group in self.groups():
            if wanted == str(group.id):
                return self._at_present(group)
            if wanted in {group.username.lower() or None, group.title.lower()}:
                return self._at_present(self.group(group.migrated_to) or group)
        raise ControlError(f"there is no chat {name}", 404)

    def find_chat(self, bot: Bot, chat_id: int | str) -> Chat:
        """As a bot names it: it knows those who wrote to it or share a group with it, the groups
        in which it was, and public ones. Raises ApiError."""
        if isinstance(chat_id, int) and chat_id > 0:
            return self._private(bot, chat_id)
        group = self.group(chat_id) if isinstance(chat_id, int) else self._public(chat_id)
        if group is None or not (group.username or str(bot.id) in group.members):
            raise bad_request("chat not found")
        return self._at_present(group)

    def _at_present(self, group: Group) -> Group:
        if roles.expire(group, self.clock()):
            self.save_chat(group)
        return group

    def readable_chat(self, bot: Bot, chat_id: int | str, access: roles.Access = "read") -> Chat:
        """A chat to which the bot has access; raises ApiError."""
        chat = self.find_chat(bot, chat_id)
        if isinstance(chat, Group):
            roles.check_access(chat, bot.id, access)
        return chat

    def writable_chat(self, bot: Bot, chat_id: int | str) -> Chat:
        """A chat in which the bot may write; raises ApiError."""
        if chat_id in self.bots:
            raise forbidden("the bot can't send messages to the bot")
        chat = self.readable_chat(bot, chat_id, "write")
        if isinstance(chat, Group):
            return chat
        if self.users[chat.id].deactivated:
            raise forbidden("user is deactivated")
        if not chat.started:
            raise forbidden("bot can't initiate conversation with a user")
        if chat.blocked:
            raise forbidden("bot was blocked by the user")
        return chat

    def _private(self, bot: Bot, user_id: int) -> Chat:
        chat = self._chats.get((bot.id, user_id))
        if chat is not None and chat.started:
            return chat
        user = self.users.get(user_id)
        if user is None or not self.is_known(bot, user):
            raise bad_request("chat not found")
        return self.chat_of(bot, user)

    def is_known(self, bot: Bot, user: User) -> bool:
        """Whether a bot ever saw a user: in a private chat or in a group that both were in."""
        chat = self._chats.get((bot.id, user.id))
        if chat is not None and chat.started:
            return True
        both = {str(bot.id), str(user.id)}
        return any(both <= group.members.keys() for group in self.groups())

    def _public(self, username: str) -> Group | None:
        wanted = username.lstrip("@").lower()
        found = (group for group in self.groups() if wanted and group.username.lower() == wanted)
        return next(found, None)

    # Messages

    def messages(self, chat: Chat) -> dict[int, Message]:
        """The messages of a chat by id, oldest first."""
        return self._messages[chat.bot_id, chat.id]

    def message(self, chat: Chat, message_id: int, what: str = "message") -> Message:
        """Raises ApiError "… not found"; `what` says what it was wanted for."""
        found = self.messages(chat).get(message_id)
        if found is None:
            raise bad_request(f"{what} not found")
        return found

    def post(self, chat: Chat, message: Message) -> Message:
        """Add a message: it gets its id and date, and the watchers see it."""
        if isinstance(chat, Group):
            message.id, chat.next_message = chat.next_message, chat.next_message + 1
            if message.sender in self.bots:
                chat.last_bot = message.sender
            self.save_chat(chat)
        else:
            bot = self.bots[chat.bot_id]
            message.id, bot.next_message = bot.next_message, bot.next_message + 1
            self.save_bot(bot)
        message.date = int(self.clock())
        self._enter_message(chat, message)
        self.changed(chat, message, "message")
        return message

    def named(self, name: str) -> tuple[Chat, Message] | None:
        """The message with an inline_message_id or a poll's id."""
        chat, number = self._named.get(name, (None, 0))
        message = self.messages(chat).get(number) if chat else None
        return (chat, message) if chat and message else None

    def changed(self, chat: Chat, message: Message, event: str = "edited") -> None:
        """Save a message that is different now, and tell the watchers."""
        self.store.save("message", _message_key(chat, message.id), message)
        self.tell(chat, event, message=self.render(chat, message, watched=True))

    def delete(self, chat: Chat, message: Message) -> None:
        """Remove a message, for both sides."""
        del self.messages(chat)[message.id]
        if message.id in chat.pinned:
            chat.pinned.remove(message.id)
            self.save_chat(chat)
        self.store.drop("message", _message_key(chat, message.id))
        self.tell(chat, "deleted", message_id=message.id)

    def tell(self, chat: Chat, event: str, **data: Any) -> None:
        """Tell those who watch a chat."""
        self.events.publish((chat.bot_id, chat.id), event, **data)

    def push(self, chat: Chat, kind: str, content: Any) -> int:
        """Queue an update for a private chat's bot; its id, 0 when the bot doesn't want this
        type."""
        return self.queues[chat.bot_id].push(kind, content, chat.id)

    def deliver(self, chat: Chat, message: Message, *, edited: bool = False) -> dict[int, int]:
        """Queue a message for the bots that are to see it: the ids of the updates by bot."""
        kind = "channel_post" if chat.type == "channel" else "message"
        kind = f"edited_{kind}" if edited else kind
        rendered = self.render(chat, message)
        return {
            bot.id: self.queues[bot.id].push(kind, rendered, chat.id)
            for bot in self._audience(chat, message)
        }

    def _audience(self, chat: Chat, message: Message) -> list[Bot]:
        if not isinstance(chat, Group):
            return [self.bots[chat.bot_id]]
        if message.sender in self.bots and not roles.SERVICE & message.content.keys():
            return []
        answered = self.messages(chat).get(message.reply_to)
        there = (self.bots[int(who)] for who in chat.members if int(who) in self.bots)
        return [bot for bot in there if roles.hears(chat, bot, message, answered)]

    # How bots see it

    def render(
        self, chat: Chat, message: Message, *, nested: bool = False, watched: bool = False
    ) -> dict[str, Any]:
        """Telegram's Message. A nested one shows no message that it answers; watchers also see
        what only a client is told: the reply keyboard and the bot's reactions."""
        value: dict[str, Any] = {
            "message_id": message.id,
            **self._sender(chat, message),
            "chat": self.render_chat(chat),
            "date": message.date,
        }
        if message.thread:
            value |= {"message_thread_id": message.thread, "is_topic_message": True}
        if message.via_bot:
            value["via_bot"] = self.bots[message.via_bot].as_json()
        if message.edit_date:
            value["edit_date"] = message.edit_date
        answered = self.messages(chat).get(message.reply_to) if not nested else None
        if answered is not None:
            value["reply_to_message"] = self.render(chat, answered, nested=True)
            if message.quote:
                value["quote"] = message.quote
        value |= message.extra | message.content
        if message.markup:
            value["reply_markup"] = message.markup
        if watched and message.author:
            value["author"] = self.actor(message.author)
        return value | (_for_watchers(message) if watched else {})

    def _sender(self, chat: Chat, message: Message) -> dict[str, Any]:
        """`from` and `sender_chat`."""
        if message.sender > 0:
            return {"from": self.actor(message.sender)}
        source = self.group(message.sender)
        if source is None:
            return {}
        value: dict[str, Any] = {"sender_chat": self.render_chat(source)}
        if chat.type != "channel":
            value["from"] = _ANONYMOUS if message.sender == chat.id else _TELEGRAM
        return value

    def actor(self, who: int) -> dict[str, Any]:
        """Telegram's User of a person or bot."""
        return (self.users.get(who) or self.bots[who]).as_json()

    def render_chat(self, chat: Chat) -> dict[str, Any]:
        """Telegram's Chat."""
        if isinstance(chat, Group):
            value: dict[str, Any] = {"id": chat.id, "type": chat.type, "title": chat.title}
            if chat.username:
                value["username"] = chat.username
            return value | ({"is_forum": True} if chat.is_forum else {})
        user = self.users[chat.id].as_json()
        del user["is_bot"]
        user.pop("language_code", None)
        return {**user, "type": chat.type}

    # Keeping it

    def save_bot(self, bot: Bot) -> None:
        """Have a changed bot saved."""
        self.store.save("bot", str(bot.id), bot)

    def save_user(self, user: User) -> None:
        """Have a changed user saved."""
        self.store.save("user", str(user.id), user)

    def save_chat(self, chat: Chat) -> None:
        """Have a changed chat saved."""
        self.store.save("chat", f"{chat.bot_id} {chat.id}", chat)

    def _load(self) -> None:
        for _, body in self.store.read("user"):
            self.users[body["id"]] = User(**body)
        for _, body in self.store.read("bot"):
            self._enter_bot(Bot(**body))
        for _, body in self.store.read("chat"):
            kind = Group if "title" in body else Chat
            self._chats[body["bot_id"], body["id"]] = kind(**body)
        for key, body in self.store.read("message"):
            bot_id, chat_id, _ = key.split()
            if isinstance(body["reactions"], list):  # of a version that knew only the bot's
                body["reactions"] = {bot_id: body["reactions"]} if body["reactions"] else {}
            self._enter_message(self._chats[int(bot_id), int(chat_id)], Message(**body))
        for key, body in self.store.read("update"):
            bot_id, number = key.split()
            self.queues[int(bot_id)].restore(
                Update(int(number), body["body"].encode(), body.get("lane", 0))
            )
        if not self.bots:
            self._enter_bot(deepcopy(DEFAULT_BOT))
            for user in FIRST_USERS:
                self.add_user(replace(user))

    def _enter_message(self, chat: Chat, message: Message) -> None:
        self.messages(chat)[message.id] = message
        poll = message.content.get("poll")
        for name in (message.inline_id, poll and poll["id"]):
            if name:
                self._named.setdefault(name, (chat, message.id))

    def _enter_bot(self, bot: Bot) -> Bot:
        def tell_presence(present: bool) -> None:
            self.events.announce(bot.id, "presence", online=present)

        self.bots[bot.id] = self._by_token[bot.token] = bot
        self.queues[bot.id] = UpdateQueue(bot, self.store, tell_presence)
        self.save_bot(bot)
        return bot


def _message_key(chat: Chat, message_id: int) -> str:
    return f"{chat.bot_id} {chat.id} {message_id:012d}"


def _for_watchers(message: Message) -> dict[str, Any]:
    """What a client shows of a message and a bot isn't told."""
    value: dict[str, Any] = {}
    if message.keyboard:
        value["keyboard"] = message.keyboard
    if message.reactions:
        value["reactions"] = [
            {**reaction, "by": int(who)}
            for who, given in message.reactions.items()
            for reaction in given
        ]
    if message.votes:
        value["votes"] = message.votes
    return value
