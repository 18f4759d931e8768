"""Methods that change what was said, and answer clicks."""

from __future__ import annotations

from typing import Any

from playground import utf16
from playground.errors import bad_request
from playground.methods.base import (
    Call,
    Handler,
    caption_content,
    checked_markup,
    not_played,
    text_content,
)
from playground.model import Chat, Message

DELETABLE = 48 * 3600
"""Seconds after which a message can't be deleted any more."""
_ANSWER_LIMIT = 200
_CAPTIONED = ("photo", "document", "video", "animation", "audio", "voice")
_CAPTION = ("caption", "caption_entities", "show_caption_above_media")
_EMOJI = """
❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳
❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈
😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀
😡
"""
_REACTIONS = frozenset(_EMOJI.split())
"""What a bot may react with."""
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def _editable(call: Call) -> tuple[Chat, Message]:
    """The message to edit and its chat; raises ApiError."""
    if "inline_message_id" in call.params:
        raise not_played("messages of inline mode")
    if "chat_id" not in call.params:
        raise bad_request("chat_id is empty")
    chat = call.writable_chat()
    if "message_id" not in call.params:
        raise bad_request("message identifier is not specified")
    message = call.world.message(chat, call.params["message_id"], "message to edit")
    if message.sender != call.bot.id or "forward_origin" in message.extra:
        raise bad_request("message can't be edited")
    return chat, message


def _edit(call: Call, chat: Chat, message: Message, content: dict[str, Any]) -> dict[str, Any]:
    """Give a message this content and the call's keyboard: none unless it brings one."""
    inline, _ = checked_markup(call)
    if content == message.content and inline == message.markup:
        raise bad_request(_NOT_MODIFIED)
    message.content, message.markup = content, inline
    message.edit_date = int(call.world.clock())
    call.world.changed(chat, message)
    return call.world.render(chat, message)


async def edit_message_text(call: Call) -> dict[str, Any]:
    """editMessageText."""
    chat, message = _editable(call)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _edit(call, chat, message, text_content(call))


async def edit_message_caption(call: Call) -> dict[str, Any]:
    """editMessageCaption."""
    chat, message = _editable(call)
    if not any(kind in message.content for kind in _CAPTIONED):
        raise bad_request("there is no caption in the message to edit")
    rest = {key: value for key, value in message.content.items() if key not in _CAPTION}
    return _edit(call, chat, message, rest | caption_content(call))


async def edit_message_reply_markup(call: Call) -> dict[str, Any]:
    """editMessageReplyMarkup."""
    chat, message = _editable(call)
    return _edit(call, chat, message, message.content)


async def delete_message(call: Call) -> bool:
    """deleteMessage."""
    chat = call.chat()
    message = call.world.message(chat, call.params["message_id"], "message to delete")
    if call.world.clock() - message.date > DELETABLE:
        raise bad_request("message can't be deleted for everyone")
    call.world.delete(chat, message)
    return True


async def delete_messages(call: Call) -> bool:
    """deleteMessages; those that aren't there or are too old are left out."""
    chat = call.chat()
    ids: list[int] = call.params["message_ids"]
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    oldest = call.world.clock() - DELETABLE
    for number in ids:
        message = call.world.messages(chat).get(number)
        if message is not None and message.date >= oldest:
            call.world.delete(chat, message)
    return True


async def answer_callback_query(call: Call) -> bool:
    """answerCallbackQuery."""
    text = call.get("text", "")
    if utf16.length(text) > _ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text, "show_alert": call.get("show_alert", False), "url": call.get("url", "")}
    call.clicks.answer(call.bot, call.params["callback_query_id"], answer)
    return True


async def set_message_reaction(call: Call) -> bool:
    """setMessageReaction: one emoji, or none."""
    chat = call.writable_chat()
    message = call.world.message(chat, call.params["message_id"], "message to react")
    reactions: list[dict[str, Any]] = call.get("reaction", [])
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    for reaction in reactions:
        if reaction.get("emoji", "").rstrip("\ufe0f") not in _REACTIONS:
            raise bad_request("REACTION_INVALID")
    message.reactions = reactions
    call.world.changed(chat, message, "reaction")
    return True


async def pin_chat_message(call: Call) -> bool:
    """pinChatMessage."""
    chat = call.writable_chat()
    message = call.world.message(chat, call.params["message_id"], "message to pin")
    if message.id in chat.pinned:
        chat.pinned.remove(message.id)
    chat.pinned.append(message.id)
    _tell_pinned(call, chat)
    return True


async def unpin_chat_message(call: Call) -> bool:
    """unpinChatMessage: the given one, else the one pinned last."""
    chat = call.writable_chat()
    number = call.get("message_id") or (chat.pinned[-1] if chat.pinned else 0)
    if number not in chat.pinned:
        raise bad_request("message to unpin not found")
    chat.pinned.remove(number)
    _tell_pinned(call, chat)
    return True


async def unpin_all_chat_messages(call: Call) -> bool:
    """unpinAllChatMessages."""
    chat = call.writable_chat()
    chat.pinned.clear()
    _tell_pinned(call, chat)
    return True


def _tell_pinned(call: Call, chat: Chat) -> None:
    call.world.save_chat(chat)
    call.world.tell(chat, "pinned", message_ids=list(chat.pinned))


METHODS: dict[str, Handler] = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "answerCallbackQuery": answer_callback_query,
    "setMessageReaction": set_message_reaction,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
    "unpinAllChatMessages": unpin_all_chat_messages,
}
