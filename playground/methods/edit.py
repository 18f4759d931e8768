"""Methods that change what was said, and answer clicks."""

from __future__ import annotations

from typing import Any

from playground import groups, roles, texts, utf16
from playground.errors import bad_request
from playground.methods.base import Call, Handler, checked_markup
from playground.methods.send import media_content
from playground.model import Chat, Group, Message

DELETABLE = 48 * 3600
"""Seconds after which a message can't be deleted any more."""
_ANSWER_LIMIT = 200
_CAPTIONED = ("photo", "document", "video", "animation", "audio", "voice")
_CAPTION = ("caption", "caption_entities", "show_caption_above_media")
_ALBUM = ({"photo", "video"}, {"document"}, {"audio"})
"""What can take each other's place in an album."""
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
        found = call.world.named(call.params["inline_message_id"])
        if found is None or found[1].via_bot != call.bot.id:
            raise bad_request("MESSAGE_ID_INVALID")
        return found
    if "chat_id" not in call.params:
        raise bad_request("chat_id is empty")
    chat = call.chat("edit")
    if not isinstance(chat, Group):
        chat = call.writable_chat()
    if "message_id" not in call.params:
        raise bad_request("message identifier is not specified")
    message = call.world.message(chat, call.params["message_id"], "message to edit")
    others = isinstance(chat, Group) and chat.type == "channel" and roles.may(
        chat, call.bot.id, "can_edit_messages")  # fmt: skip
    if "forward_origin" in message.extra or not (message.by == call.bot.id or others):
        raise bad_request("message can't be edited")
    return chat, message


def _edit(
    call: Call, chat: Chat, message: Message, content: dict[str, Any]
) -> dict[str, Any] | bool:
    """Give a message this content and the call's keyboard: none unless it brings one."""
    inline, _ = checked_markup(call)
    if content == message.content and inline == message.markup:
        raise bad_request(_NOT_MODIFIED)
    message.content, message.markup = content, inline
    message.edit_date = int(call.world.clock())
    call.world.changed(chat, message)
    if isinstance(chat, Group):
        call.world.deliver(chat, message, edited=True)
    if "inline_message_id" in call.params:
        return True
    return call.world.render(chat, message)


async def edit_message_text(call: Call) -> dict[str, Any] | bool:
    """editMessageText."""
    chat, message = _editable(call)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _edit(call, chat, message, texts.text(call.world, call.params))


async def edit_message_caption(call: Call) -> dict[str, Any] | bool:
    """editMessageCaption."""
    chat, message = _editable(call)
    if not any(kind in message.content for kind in _CAPTIONED):
        raise bad_request("there is no caption in the message to edit")
    rest = {key: value for key, value in message.content.items() if key not in _CAPTION}
    return _edit(call, chat, message, rest | texts.caption(call.world, call.params))


async def edit_message_media(call: Call) -> dict[str, Any] | bool:
    """editMessageMedia: another file, of another kind unless the message is of an album."""
    chat, message = _editable(call)
    given = call.params["media"]
    kind = given["type"]
    if kind not in _CAPTIONED:
        raise bad_request(f"type {kind} can't be used here")
    if not any(known in message.content for known in ("text", *_CAPTIONED)):
        raise bad_request("message can't be edited")
    if "media_group_id" in message.extra:
        same = next(group for group in _ALBUM if group & message.content.keys())
        if kind not in same:
            raise bad_request("can't change media type in the album")
    return _edit(call, chat, message, await media_content(call, given, kind))


async def edit_message_reply_markup(call: Call) -> dict[str, Any] | bool:
    """editMessageReplyMarkup."""
    chat, message = _editable(call)
    return _edit(call, chat, message, message.content)


async def delete_message(call: Call) -> bool:
    """deleteMessage."""
    chat = call.chat("edit")
    message = call.world.message(chat, call.params["message_id"], "message to delete")
    if not _may_delete(call, chat, message):
        raise bad_request("message can't be deleted")
    if _is_old(call, chat, message):
        raise bad_request("message can't be deleted for everyone")
    call.world.delete(chat, message)
    return True


async def delete_messages(call: Call) -> bool:
    """deleteMessages; those that aren't there, too old or another's are left out."""
    chat = call.chat("edit")
    ids: list[int] = call.params["message_ids"]
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    for number in ids:
        message = call.world.messages(chat).get(number)
        if message is None or _is_old(call, chat, message):
            continue
        if _may_delete(call, chat, message):
            call.world.delete(chat, message)
    return True


def _is_old(call: Call, chat: Chat, message: Message) -> bool:
    """Administrators delete messages of any age."""
    if isinstance(chat, Group) and roles.may(chat, call.bot.id, "can_delete_messages"):
        return False
    return call.world.clock() - message.date > DELETABLE


def _may_delete(call: Call, chat: Chat, message: Message) -> bool:
    if not isinstance(chat, Group):
        return True
    if "supergroup_chat_created" in message.content or "forum_topic_created" in message.content:
        return False
    return message.by == call.bot.id or roles.may(chat, call.bot.id, "can_delete_messages")


async def answer_callback_query(call: Call) -> bool:
    """answerCallbackQuery."""
    text = call.get("text", "")
    if utf16.length(text) > _ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text, "show_alert": call.get("show_alert", False), "url": call.get("url", "")}
    call.services.clicks.answer(call.bot, call.params["callback_query_id"], answer)
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
    message.reactions.pop(str(call.bot.id), None)
    if reactions:
        message.reactions[str(call.bot.id)] = reactions
    call.world.changed(chat, message, "reaction")
    return True


def _chat_with_pins(call: Call) -> Chat:
    """The chat, in which the bot may pin; raises ApiError."""
    chat = call.writable_chat()
    right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
    if isinstance(chat, Group) and not roles.may(chat, call.bot.id, right):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    return chat


async def pin_chat_message(call: Call) -> bool:
    """pinChatMessage."""
    chat = _chat_with_pins(call)
    message = call.world.message(chat, call.params["message_id"], "message to pin")
    if roles.SERVICE & message.content.keys():
        raise bad_request("service messages can't be pinned")
    groups.pin(call.world, chat, message, call.bot.id)
    return True


async def unpin_chat_message(call: Call) -> bool:
    """unpinChatMessage: the given one, else the one pinned last."""
    chat = _chat_with_pins(call)
    number = call.get("message_id") or (chat.pinned[-1] if chat.pinned else 0)
    if number not in chat.pinned:
        raise bad_request("message to unpin not found")
    chat.pinned.remove(number)
    groups.tell_pinned(call.world, chat)
    return True


async def unpin_all_chat_messages(call: Call) -> bool:
    """unpinAllChatMessages."""
    chat = _chat_with_pins(call)
    chat.pinned.clear()
    groups.tell_pinned(call.world, chat)
    return True


METHODS: dict[str, Handler] = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "answerCallbackQuery": answer_callback_query,
    "setMessageReaction": set_message_reaction,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
    "unpinAllChatMessages": unpin_all_chat_messages,
}
