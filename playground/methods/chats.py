"""Methods that ask about chats, people and files."""

from __future__ import annotations

from typing import Any

from playground import groups, roles
from playground.errors import bad_request
from playground.methods.base import Call, Handler
from playground.model import Chat, Group

_ACCEPTED_GIFTS = {
    "unlimited_gifts": True,
    "limited_gifts": True,
    "unique_gifts": True,
    "premium_subscription": True,
    "gifts_from_channels": True,
}


async def get_chat(call: Call) -> dict[str, Any]:
    """getChat: ChatFullInfo."""
    chat = call.chat()
    info = call.world.render_chat(chat) | {
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": _ACCEPTED_GIFTS,
    }
    if isinstance(chat, Group):
        info |= _about(call, chat)
    if "username" in info:
        info["active_usernames"] = [info["username"]]
    if chat.pinned and (message := call.world.messages(chat).get(chat.pinned[-1])):
        info["pinned_message"] = call.world.render(chat, message, nested=True)
    return info


def _about(call: Call, group: Group) -> dict[str, Any]:
    """What ChatFullInfo says of groups and channels alone."""
    about: dict[str, Any] = {
        "description": group.description,
        "linked_chat_id": group.linked,
        "slow_mode_delay": group.slow_mode_delay,
    }
    about = {key: value for key, value in about.items() if value}
    if group.type != "channel":
        about["permissions"] = _permissions(group)
    if roles.may(group, call.bot.id, "can_invite_users"):
        primary = (link for link in group.links.values() if link["is_primary"])
        link = next((link for link in primary if not link["is_revoked"]), None)
        about |= {"invite_link": link["invite_link"]} if link else {}
    return about


def _permissions(group: Group) -> dict[str, bool]:
    return {name: group.permissions.get(name, False) for name in roles.PERMISSIONS}


async def get_chat_member(call: Call) -> dict[str, Any]:
    """getChatMember: in a private chat there are the user and the bot."""
    chat = call.chat("members")
    wanted: int = call.params["user_id"]
    if wanted not in call.world.users and wanted not in call.world.bots:
        raise bad_request("user not found")
    if isinstance(chat, Group):
        if chat.type == "channel" and not roles.is_admin(chat, call.bot.id):
            raise bad_request("member list is inaccessible")
        return groups.member(call.world, chat, wanted)
    if wanted not in {chat.id, call.bot.id}:
        raise bad_request("user not found")
    return {"status": "member", "user": call.world.actor(wanted)}


async def get_chat_member_count(call: Call) -> int:
    """getChatMemberCount."""
    chat = call.chat("members")
    return len(roles.members(chat)) if isinstance(chat, Group) else 2


async def get_chat_administrators(call: Call) -> list[dict[str, Any]]:
    """getChatAdministrators: without the other bots, unless they are wanted."""
    chat: Chat = call.chat("members")
    if not isinstance(chat, Group):
        raise bad_request("there are no administrators in the private chat")
    if chat.type == "channel" and not roles.is_admin(chat, call.bot.id):
        raise bad_request("member list is inaccessible")
    others = set() if call.get("return_bots") else call.world.bots.keys() - {call.bot.id}
    ids = (int(who) for who in chat.members)
    return [
        groups.member(call.world, chat, who)
        for who in ids
        if roles.is_admin(chat, who) and who not in others
    ]


async def leave_chat(call: Call) -> bool:
    """leaveChat."""
    chat = call.chat("edit")
    if not isinstance(chat, Group):
        raise bad_request("chat can't be left")
    groups.leave(call.world, chat, call.bot.id)
    return True


async def get_user_profile_photos(call: Call) -> dict[str, Any]:
    """getUserProfilePhotos: nobody here has a photo."""
    if call.params["user_id"] not in call.world.users:
        raise bad_request("user not found")
    return {"total_count": 0, "photos": []}


async def get_file(call: Call) -> dict[str, Any]:
    """getFile."""
    file = call.world.files.get(call.params["file_id"])
    if file.size > call.world.files.max_download:
        raise bad_request("file is too big")
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
        "file_path": await call.world.files.download_path(file, call.bot.token),
    }


METHODS: dict[str, Handler] = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatMemberCount": get_chat_member_count,
    "getChatAdministrators": get_chat_administrators,
    "leaveChat": leave_chat,
    "getUserProfilePhotos": get_user_profile_photos,
    "getFile": get_file,
}
