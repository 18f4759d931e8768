"""Methods that ask about chats, people and files."""

from __future__ import annotations

from typing import Any

from playground.errors import bad_request
from playground.files import MAX_DOWNLOAD
from playground.methods.base import Call, Handler

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
        "accent_color_id": chat.id % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": _ACCEPTED_GIFTS,
    }
    if "username" in info:
        info["active_usernames"] = [info["username"]]
    if chat.pinned:
        message = call.world.message(chat, chat.pinned[-1])
        info["pinned_message"] = call.world.render(chat, message, nested=True)
    return info


async def get_chat_member(call: Call) -> dict[str, Any]:
    """getChatMember: in a private chat there are the user and the bot."""
    chat = call.chat()
    wanted: int = call.params["user_id"]
    if wanted == chat.id:
        return {"status": "member", "user": call.world.users[wanted].as_json()}
    if wanted == call.bot.id:
        return {"status": "member", "user": call.bot.as_json()}
    raise bad_request("user not found")


async def get_chat_member_count(call: Call) -> int:
    """getChatMemberCount."""
    call.chat()
    return 2


async def get_chat_administrators(call: Call) -> None:
    """getChatAdministrators."""
    call.chat()
    raise bad_request("there are no administrators in the private chat")


async def get_user_profile_photos(call: Call) -> dict[str, Any]:
    """getUserProfilePhotos: nobody here has a photo."""
    if call.params["user_id"] not in call.world.users:
        raise bad_request("user not found")
    return {"total_count": 0, "photos": []}


async def get_file(call: Call) -> dict[str, Any]:
    """getFile."""
    file = call.world.files.get(call.params["file_id"])
    if file.size > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
        "file_path": file.path,
    }


METHODS: dict[str, Handler] = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatMemberCount": get_chat_member_count,
    "getChatAdministrators": get_chat_administrators,
    "getUserProfilePhotos": get_user_profile_photos,
    "getFile": get_file,
}
