"""Reply keyboards: which one a person sees, and what pressing a button sends."""

from __future__ import annotations

from typing import Any

from playground import polls
from playground.errors import ControlError
from playground.model import Chat, Message, User
from playground.world import World

_HERE = {"latitude": 52.520008, "longitude": 13.404954}
"""Where people are unless they say it: Berlin."""


def holder(world: World, chat: Chat) -> Message | None:
    """The message whose keyboard is shown in a chat."""
    for message in reversed(world.messages(chat).values()):
        if message.keyboard and "remove_keyboard" in message.keyboard:
            return None
        if message.keyboard and "keyboard" in message.keyboard:
            return message
    return None


def shown(world: World, chat: Chat) -> list[dict[str, Any]]:
    """The buttons of the keyboard that is shown in a chat, none when there is no keyboard."""
    message = holder(world, chat)
    rows = (message.keyboard or {})["keyboard"] if message else []
    buttons = [button for row in rows for button in row]
    return [{"text": b} if isinstance(b, str) else b for b in buttons]


def pressed(world: World, chat: Chat, user: User, given: dict[str, Any]) -> dict[str, Any]:
    """The content that a press of the button `text` sends. What a client would ask for comes in
    `given`: `location`, `users`, `shared_chat`, `poll`. Raises ControlError."""
    buttons = shown(world, chat)
    button = next((b for b in buttons if b["text"] == given.get("text")), None)
    if button is None:
        there = ", ".join(repr(b["text"]) for b in buttons) or "none: no keyboard is shown"
        raise ControlError(f"there is no such button; there are: {there}", 404)
    if button.get("request_contact"):
        return {"contact": own_contact(user)}
    if button.get("request_location"):
        return {"location": given.get("location") or dict(_HERE)}
    if "request_users" in button:
        return {"users_shared": _users(world, button["request_users"], given)}
    if "request_chat" in button:
        return {"chat_shared": _chat(world, button["request_chat"], given)}
    if "request_poll" in button:
        if not isinstance(given.get("poll"), dict):
            raise ControlError("this button makes a poll: give it as poll")
        return polls.content(world, given["poll"])
    if "web_app" in button:
        raise ControlError("the playground opens no web apps", 409)
    return {"text": button["text"]}


def own_contact(user: User) -> dict[str, Any]:
    """Telegram's Contact of a person who shares their number."""
    contact: dict[str, Any] = {
        "phone_number": user.phone or f"+999{user.id:010d}",
        "first_name": user.first_name,
        "user_id": user.id,
    }
    return contact | ({"last_name": user.last_name} if user.last_name else {})


def _users(world: World, request: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    names = given.get("users") or []
    most = request.get("max_quantity", 1)
    if not 1 <= len(names) <= most:
        raise ControlError(f"this button shares 1 to {most} users: give them as users")
    shared = []
    for name in names:
        user = world.find_user(str(name))
        entry: dict[str, Any] = {"user_id": user.id}
        if request.get("request_name"):
            entry["first_name"] = user.first_name
        if request.get("request_username") and user.username:
            entry["username"] = user.username
        shared.append(entry)
    ids = [entry["user_id"] for entry in shared]
    return {"request_id": request["request_id"], "users": shared, "user_ids": ids}


def _chat(world: World, request: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    if not given.get("shared_chat"):
        raise ControlError("this button shares a chat: give it as shared_chat")
    group = world.find_group(str(given["shared_chat"]))
    if (group.type == "channel") != request["chat_is_channel"]:
        raise ControlError(f"{group.title} isn't of the kind that this button wants", 409)
    shared: dict[str, Any] = {"request_id": request["request_id"], "chat_id": group.id}
    if request.get("request_title"):
        shared["title"] = group.title
    return shared
