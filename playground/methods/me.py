"""What a bot tells Telegram about itself: commands, texts, the menu button."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from playground import roles
from playground.errors import bad_request
from playground.methods.base import Call, Handler
from playground.model import Bot, Chat, Group

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SHORT = "short_description"
_LIMITS = {"name": 64, "description": 512, _SHORT: 120}


async def get_me(call: Call) -> dict[str, Any]:
    """getMe."""
    return call.bot.as_json() | {
        "can_join_groups": call.bot.can_join_groups,
        "can_read_all_group_messages": call.bot.reads_all_group_messages,
        "supports_inline_queries": call.bot.supports_inline,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def log_out(_: Call) -> bool:
    """logOut and close: there is no other server to go to."""
    return True


def _scope_key(call: Call) -> str:
    """Under what commands are kept: the scope and the language."""
    scope = call.get("scope") or {"type": "default"}
    language = call.get("language_code", "")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("invalid language code specified")
    key: str = scope["type"]
    if "chat_id" in scope:
        chat = call.world.readable_chat(call.bot, scope["chat_id"])
        if key != "chat" and not isinstance(chat, Group):
            raise bad_request(f"can't use the scope {key} in private chats")
        key = f"{key}:{chat.id}"
    if "user_id" in scope:
        key += f":{scope['user_id']}"
    return f"{key} {language}"


async def set_my_commands(call: Call) -> bool:
    """setMyCommands."""
    commands: list[dict[str, str]] = call.params["commands"]
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for entry in commands:
        entry["command"] = entry["command"].removeprefix("/")
        if not _COMMAND.fullmatch(entry["command"]):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(entry["description"].strip()) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    key = _scope_key(call)
    if commands:
        call.bot.commands[key] = commands
    else:
        call.bot.commands.pop(key, None)
    return _changed(call)


async def delete_my_commands(call: Call) -> bool:
    """deleteMyCommands."""
    call.bot.commands.pop(_scope_key(call), None)
    return _changed(call)


async def get_my_commands(call: Call) -> list[dict[str, str]]:
    """getMyCommands: those of exactly this scope and language."""
    return call.bot.commands.get(_scope_key(call), [])


def commands_for(bot: Bot, chat: Chat, user_id: int, language: str) -> list[dict[str, str]]:
    """The commands that a client shows to a user of a language in a chat: the narrowest scope
    wins."""
    language = language.partition("-")[0].lower()
    for scope in _scopes(chat, user_id):
        for tag in (language, ""):
            if found := bot.commands.get(f"{scope} {tag}"):
                return found
    return []


def _scopes(chat: Chat, user_id: int) -> list[str]:
    if not isinstance(chat, Group):
        return [f"chat:{chat.id}", "all_private_chats", "default"]
    admin = roles.is_admin(chat, user_id)
    return [
        f"chat_member:{chat.id}:{user_id}",
        *([f"chat_administrators:{chat.id}"] if admin else []),
        f"chat:{chat.id}",
        *(["all_chat_administrators"] if admin else []),
        "all_group_chats",
        "default",
    ]


def text_for(bot: Bot, what: str, language: str) -> str:
    """Name, description or short description as a client of a language shows it."""
    fallback = bot.texts.get(f"{what} ", bot.name if what == "name" else "")
    return bot.texts.get(f"{what} {language.partition('-')[0].lower()}", fallback)


async def set_text(call: Call, what: str) -> bool:
    """setMyName, setMyDescription, setMyShortDescription."""
    text: str = call.get(what, "")
    if len(text) > _LIMITS[what]:
        raise bad_request(f"bot {what.replace('_', ' ')} is too long")
    key = f"{what} {call.get('language_code', '')}"
    if text:
        call.bot.texts[key] = text
    else:
        call.bot.texts.pop(key, None)
    return _changed(call)


async def get_text(call: Call, what: str) -> dict[str, str]:
    """getMyName, getMyDescription, getMyShortDescription."""
    return {what: text_for(call.bot, what, call.get("language_code", ""))}


async def set_menu_button(call: Call) -> bool:
    """setChatMenuButton."""
    key = str(call.chat().id) if call.get("chat_id") else ""
    call.bot.menu_buttons[key] = call.get("menu_button", {"type": "default"})
    return _changed(call)


async def get_menu_button(call: Call) -> dict[str, Any]:
    """getChatMenuButton."""
    key = str(call.chat().id) if call.get("chat_id") else ""
    fallback = call.bot.menu_buttons.get("", {"type": "commands"})
    return call.bot.menu_buttons.get(key, fallback)


def _changed(call: Call) -> bool:
    call.world.save_bot(call.bot)
    call.world.events.announce(call.bot.id, "bot")
    return True


METHODS: dict[str, Handler] = {
    "getMe": get_me,
    "logOut": log_out,
    "close": log_out,
    "setMyCommands": set_my_commands,
    "deleteMyCommands": delete_my_commands,
    "getMyCommands": get_my_commands,
    "setMyName": partial(set_text, what="name"),
    "getMyName": partial(get_text, what="name"),
    "setMyDescription": partial(set_text, what="description"),
    "getMyDescription": partial(get_text, what="description"),
    "setMyShortDescription": partial(set_text, what=_SHORT),
    "getMyShortDescription": partial(get_text, what=_SHORT),
    "setChatMenuButton": set_menu_button,
    "getChatMenuButton": get_menu_button,
}
