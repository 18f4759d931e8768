"""The emulated Telegram: who is there and what was said.

Both doors act on the `World`: the Bot API (`playground.methods`) and people through the control API
(`playground.people`). It keeps the records, tells the watchers what changed and has it saved.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.errors import ControlError, bad_request, forbidden
from playground.events import Events
from playground.files import Files
from playground.model import Bot, Chat, Message, Update, User
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


class World:
    """Everything that is there, in a folder or in memory. `clock` gives Unix time in seconds."""

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.store = Store(folder)
        self.events = Events()
        self.files = Files(folder, self.store)
        self.bots: dict[int, Bot] = {}
        self.users: dict[int, User] = {}
        self.queues: dict[int, UpdateQueue] = {}
        self._by_token: dict[str, Bot] = {}
        self._chats: dict[tuple[int, int], Chat] = {}
        self._messages: dict[tuple[int, int], dict[int, Message]] = defaultdict(dict)
        self._load()

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

    def chats(self, bot: Bot) -> list[Chat]:
        """All chats of a bot."""
        return [chat for (bot_id, _), chat in self._chats.items() if bot_id == bot.id]

    def find_chat(self, bot: Bot, chat_id: int | str) -> Chat:
        """As a bot names it. A bot knows nobody who never wrote to it. Raises ApiError."""
        chat = self._chats.get((bot.id, chat_id)) if isinstance(chat_id, int) else None
        if chat is None or not chat.started:
            raise bad_request("chat not found")
        return chat

    def writable_chat(self, bot: Bot, chat_id: int | str) -> Chat:
        """A chat in which the bot may write; raises ApiError."""
        chat = self.find_chat(bot, chat_id)
        if self.users[chat.id].deactivated:
            raise forbidden("user is deactivated")
        if chat.blocked:
            raise forbidden("bot was blocked by the user")
        return chat

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
        bot = self.bots[chat.bot_id]
        message.id, bot.next_message = bot.next_message, bot.next_message + 1
        message.date = int(self.clock())
        self.messages(chat)[message.id] = message
        self.save_bot(bot)
        self.changed(chat, message, "message")
        return message

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
        """Queue an update for the chat's bot; its id, 0 when the bot doesn't want this type."""
        return self.queues[chat.bot_id].push(kind, content)

    # How bots see it

    def render(
        self, chat: Chat, message: Message, *, nested: bool = False, watched: bool = False
    ) -> dict[str, Any]:
        """Telegram's Message. A nested one shows no message that it answers; watchers also see
        what only a client is told: the reply keyboard and the bot's reactions."""
        sender = self.users.get(message.sender)
        value: dict[str, Any] = {
            "message_id": message.id,
            "from": (sender or self.bots[message.sender]).as_json(),
            "chat": self.render_chat(chat),
            "date": message.date,
        }
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
        if watched and message.keyboard:
            value["keyboard"] = message.keyboard
        if watched and message.reactions:
            value["reactions"] = message.reactions
        return value

    def render_chat(self, chat: Chat) -> dict[str, Any]:
        """Telegram's Chat."""
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
            self._chats[body["bot_id"], body["id"]] = Chat(**body)
        for key, body in self.store.read("message"):
            bot_id, chat_id, _ = key.split()
            self._messages[int(bot_id), int(chat_id)][body["id"]] = Message(**body)
        for key, body in self.store.read("update"):
            bot_id, number = key.split()
            self.queues[int(bot_id)].restore(Update(int(number), body["body"].encode()))
        if not self.bots:
            self._enter_bot(replace(DEFAULT_BOT))
            for user in FIRST_USERS:
                self.add_user(replace(user))

    def _enter_bot(self, bot: Bot) -> Bot:
        def tell_presence(present: bool) -> None:
            self.events.announce(bot.id, "presence", online=present)

        self.bots[bot.id] = self._by_token[bot.token] = bot
        self.queues[bot.id] = UpdateQueue(bot, self.store, tell_presence)
        self.save_bot(bot)
        return bot


def _message_key(chat: Chat, message_id: int) -> str:
    return f"{chat.bot_id} {chat.id} {message_id:012d}"
