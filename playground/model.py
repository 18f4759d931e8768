"""What the emulated Telegram consists of: plain records, saved as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

ChatType = Literal["private", "group", "supergroup", "channel"]

FileKind = Literal[
    "photo", "document", "video", "audio", "voice", "animation", "sticker", "video_note"
]


@dataclass
class User:
    """A person who writes to bots."""

    id: int
    first_name: str
    username: str = ""
    last_name: str = ""
    language: str = "en"
    """IETF tag of the person's Telegram client."""
    deactivated: bool = False
    phone: str = ""
    """What *Share my number* sends; made up from the id when there is none."""

    def as_json(self) -> dict[str, Any]:
        """Telegram's User."""
        user = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        if self.last_name:
            user["last_name"] = self.last_name
        if self.username:
            user["username"] = self.username
        if self.language:
            user["language_code"] = self.language
        return user


@dataclass
class Bot:
    """A bot and what it told Telegram about itself."""

    id: int
    token: str
    username: str
    name: str
    allowed_updates: list[str] = field(default_factory=list)
    """As the last getUpdates or setWebhook said; empty means Telegram's default."""
    next_update: int = 1
    next_message: int = 1
    """Of private chats: they share one sequence per bot."""
    next_poll: int = 0
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Under "scope language", such as "default " or "chat:7 ru"."""
    texts: dict[str, str] = field(default_factory=dict)
    """Name, description and short description under "what language"."""
    menu_buttons: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Under the chat's id, or "" for all."""
    webhook: dict[str, Any] = field(default_factory=dict)
    """What setWebhook was given; empty when the bot polls."""
    can_join_groups: bool = True
    reads_all_group_messages: bool = False
    """Whether the privacy mode is off."""
    supports_inline: bool = True
    inline_placeholder: str = ""
    inline_feedback: bool = True
    """Whether it hears which results were chosen. These five are BotFather's settings."""

    def as_json(self) -> dict[str, Any]:
        """Telegram's User."""
        return {
            "id": self.id,
            "is_bot": True,
            "first_name": self.texts.get("name ", self.name),
            "username": self.username,
        }


@dataclass
class Chat:
    """A conversation as one bot sees it."""

    id: int
    """A private chat has the id of the user."""
    bot_id: int
    type: ChatType = "private"
    started: bool = False
    """Whether the user ever wrote; before that the bot doesn't know the chat."""
    blocked: bool = False
    """Whether the user blocked the bot."""
    pinned: list[int] = field(default_factory=list)


@dataclass
class Group(Chat):
    """A group, supergroup or channel: one for all, so that its `bot_id` is 0."""

    title: str = ""
    username: str = ""
    """Of a public one."""
    description: str = ""
    is_forum: bool = False
    next_message: int = 1
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Telegram's ChatMember without its user, under the id of everybody who was ever there."""
    permissions: dict[str, bool] = field(default_factory=dict)
    """Of those who are no administrators."""
    topics: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a forum: `name`, `icon_color`, `closed`, under the message_thread_id."""
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Telegram's ChatInviteLinks under their addresses."""
    joined: dict[str, int] = field(default_factory=dict)
    """How many came through each of them."""
    requests: list[int] = field(default_factory=list)
    """Who asks to be let in."""
    photo: str = ""
    """file_id of the picture."""
    slow_mode_delay: int = 0
    linked: int = 0
    """The discussion group of a channel, or the channel of a discussion group."""
    migrated_to: int = 0
    """The supergroup that this group became."""
    last_bot: int = 0
    """The bot that wrote last: commands that name no bot are for it."""


@dataclass(slots=True)
class Message:
    """A message; `content` holds the fields of Telegram's Message that depend on its kind."""

    id: int
    date: int
    sender: int
    """A user or bot; a chat, below 0, for a channel post and an anonymous administrator."""
    content: dict[str, Any]
    reply_to: int = 0
    """Id of the message that it answers, 0 for none."""
    quote: dict[str, Any] | None = None
    edit_date: int = 0
    markup: dict[str, Any] | None = None
    """The inline keyboard."""
    keyboard: dict[str, Any] | None = None
    """What else the bot asked the client to show: a reply keyboard, its removal, a forced reply."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Other fields of Telegram's Message: forward_origin, has_protected_content and so on."""
    reactions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Telegram's ReactionTypes under the id of who reacted."""
    thread: int = 0
    """message_thread_id of a forum's topic."""
    author: int = 0
    """Who wrote it when the sender is a chat."""
    via_bot: int = 0
    """The bot whose inline result it is."""
    inline_id: str = ""
    votes: dict[str, list[int]] | None = None
    """Of a poll: the options that each user chose."""

    @property
    def by(self) -> int:
        """The user or bot who wrote it."""
        return self.author or self.sender


@dataclass(slots=True)
class File:
    """A file on Telegram's side. Each upload makes one; the same bytes have the same unique id."""

    id: str
    unique_id: str
    kind: FileKind
    size: int
    path: str
    """Where the bot downloads it, below /file/bot<token>/."""
    sha256: str = ""
    """Empty for a file that has a size but no content: one too big to be downloaded anyway."""
    name: str = ""
    mime: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    """Width, height, duration, title and so on, as Telegram's object of this kind has them."""
    thumbnail: dict[str, Any] | None = None
    """A PhotoSize."""
    sizes: list[dict[str, Any]] = field(default_factory=list)
    """PhotoSizes of a photo that are smaller than itself."""

    def as_json(self) -> dict[str, Any]:
        """Telegram's object of this kind: Document, Video, …; for a photo its PhotoSize."""
        value = {"file_id": self.id, "file_unique_id": self.unique_id, **self.details}
        if self.kind != "photo":
            if self.name and self.kind not in {"voice", "sticker", "video_note"}:
                value["file_name"] = self.name
            if self.mime and self.kind not in {"sticker", "video_note"}:
                value["mime_type"] = self.mime
            if self.thumbnail:
                value["thumbnail"] = self.thumbnail
        value["file_size"] = self.size
        return value

    def content(self) -> dict[str, Any]:
        """The fields of a message that shows the file."""
        value = self.as_json()
        if self.kind == "photo":
            return {"photo": [*self.sizes, value]}
        if self.kind == "animation":  # Telegram repeats it for old clients
            document = {k: v for k, v in value.items() if k not in {"width", "height", "duration"}}
            return {"animation": value, "document": document}
        return {self.kind: value}


@dataclass(slots=True)
class Update:
    """What a bot has yet to fetch: `body` is the update's JSON, ready to be sent."""

    id: int
    body: bytes
    lane: int = 0
    """Updates of one lane, a chat or a user, reach a webhook in their order."""
