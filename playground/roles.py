"""Who is what in a group or channel, and what they may do there: rules without effects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from playground.errors import ApiError, bad_request, forbidden
from playground.model import Bot, Group, Message

Access = Literal["read", "members", "edit", "write"]
"""What a bot needs of a chat."""

ADMIN_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
    "can_edit_stories", "can_delete_stories", "can_send_welcome_messages",
)  # fmt: skip
"""Rights of the administrators of any chat."""
_OF_CHANNELS = ("can_post_messages", "can_edit_messages", "can_manage_direct_messages")
_OF_GROUPS = ("can_pin_messages", "can_manage_topics", "can_manage_tags")
PERMISSIONS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos",
    "can_send_videos", "can_send_video_notes", "can_send_voice_notes", "can_send_polls",
    "can_send_other_messages", "can_add_web_page_previews", "can_react_to_messages",
    "can_edit_tag", "can_change_info", "can_invite_users", "can_pin_messages",
    "can_manage_topics",
)  # fmt: skip
"""What members may do, unless it is taken from all of them or from one."""

SENDING = {
    "text": ("can_send_messages", "text messages"),
    "location": ("can_send_messages", "locations"),
    "contact": ("can_send_messages", "contacts"),
    "venue": ("can_send_messages", "venues"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "document": ("can_send_documents", "documents"),
    "audio": ("can_send_audios", "music"),
    "voice": ("can_send_voice_notes", "voice notes"),
    "video_note": ("can_send_video_notes", "video notes"),
    "poll": ("can_send_polls", "polls"),
    "sticker": ("can_send_other_messages", "stickers"),
    "animation": ("can_send_other_messages", "animations"),
    "dice": ("can_send_other_messages", "dice"),
}
"""The permission that each kind of message needs, and how Telegram calls the kind."""
SERVICE = frozenset(
    {
        "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo",
        "delete_chat_photo", "group_chat_created", "supergroup_chat_created",
        "channel_chat_created", "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message",
        "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened",
        "general_forum_topic_hidden", "general_forum_topic_unhidden",
    }
)  # fmt: skip
"""What service messages hold: nobody wrote them."""
_NOT_TO_THEIR_CAUSE = {
    "new_chat_members", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
    "migrate_to_chat_id", "migrate_from_chat_id",
}  # fmt: skip
"""Service messages that a bot isn't sent when it caused them."""


def creator() -> dict[str, Any]:
    """The record of an owner."""
    return {"status": "creator", "is_anonymous": False}


def administrator(group: Group, rights: dict[str, Any] | None = None) -> dict[str, Any]:
    """The record of an administrator: with all rights but that to appoint others, unless told."""
    own = _OF_CHANNELS if group.type == "channel" else _OF_GROUPS
    names = (*ADMIN_RIGHTS, *own)
    if rights is None:
        rights = dict.fromkeys(set(names) - {"can_promote_members"}, True)
    held = {name: bool(rights.get(name)) for name in names}
    held["can_manage_chat"] = True
    record = {"status": "administrator", "is_anonymous": bool(rights.get("is_anonymous")), **held}
    return record | {k: v for k, v in rights.items() if k == "custom_title" and v}


def restricted(permissions: dict[str, Any], until: int, *, is_member: bool) -> dict[str, Any]:
    """The record of a member from whom something is taken."""
    held = {name: bool(permissions.get(name)) for name in PERMISSIONS}
    return {"status": "restricted", "is_member": is_member, "until_date": until, **held}


def record(group: Group, who: int) -> dict[str, Any]:
    """What somebody is: `left` when they were never there."""
    return group.members.get(str(who), {"status": "left"})


def expire(group: Group, now: float) -> bool:
    """End the bans and restrictions whose date has come; whether there were any. Nobody is told,
    as with Telegram: who was banned may come back, who was restricted may write again."""
    over = [who for who, held in group.members.items() if 0 < held.get("until_date", 0) <= now]
    for who in over:
        there = group.members[who].get("is_member", False)
        group.members[who] = {"status": "member" if there else "left"}
    return bool(over)


def is_member(group: Group, who: int) -> bool:
    """Whether somebody is there now."""
    held = record(group, who)
    return held["status"] in {"creator", "administrator", "member"} or held.get("is_member", False)


def is_admin(group: Group, who: int) -> bool:
    """Whether somebody is the owner or an administrator."""
    return record(group, who)["status"] in {"creator", "administrator"}


def members(group: Group) -> list[int]:
    """Who is there."""
    return [int(who) for who in group.members if is_member(group, int(who))]


def may(group: Group, who: int, right: str) -> bool:
    """Whether somebody has a right, as the owner, an administrator or a member."""
    held = record(group, who)
    if held["status"] == "creator":
        return True
    if held["status"] == "administrator":
        return bool(held.get(right, right.startswith(("can_send_", "can_add_", "can_react_"))))
    if group.type == "channel" or not is_member(group, who):
        return False
    own = held.get(right, True) if held["status"] == "restricted" else True
    return bool(own and group.permissions.get(right, False))


def check_access(group: Group, who: int, access: Access) -> None:
    """Raises ApiError when a bot can't get at the chat at all."""
    held, kind = record(group, who), group.type
    if kind == "group":
        _check_group(group, held, access)
        return
    if held["status"] == "kicked":
        raise forbidden(f"bot was kicked from the {kind} chat")
    inside = access in {"edit", "write"} or not group.username
    if inside and not is_member(group, who):
        raise forbidden(f"bot is not a member of the {kind} chat")
    if kind == "channel" and access == "write" and not may(group, who, "can_post_messages"):
        raise bad_request("need administrator rights in the channel chat")


def _check_group(group: Group, held: dict[str, Any], access: Access) -> None:
    if group.migrated_to and access in {"write", "members"}:
        raise ApiError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            {"migrate_to_chat_id": group.migrated_to},
        )
    if access != "read" and held["status"] == "kicked":
        raise forbidden("bot was kicked from the group chat")
    if access != "read" and held["status"] == "left":
        raise forbidden("bot is not a member of the group chat")


def check_send(group: Group, who: int, content: Iterable[str]) -> None:
    """Raises ApiError when somebody may not send a message of this kind."""
    if group.type == "channel":
        if not may(group, who, "can_post_messages"):
            raise bad_request("need administrator rights in the channel chat")
        return
    for kind in content:
        if kind in SENDING and not may(group, who, SENDING[kind][0]):
            raise bad_request(f"not enough rights to send {SENDING[kind][1]} to the chat")


def hears(group: Group, bot: Bot, message: Message, answered: Message | None) -> bool:
    """Whether a bot is sent a message of a group: what the privacy mode leaves."""
    service = SERVICE & message.content.keys()
    if message.by == bot.id:
        return bool(service - _NOT_TO_THEIR_CAUSE)
    if message.content.get("left_chat_member", {}).get("id") == bot.id:
        return True
    if not is_member(group, bot.id):
        return False
    if service or group.type == "channel" or message.via_bot == bot.id:
        return True
    if bot.reads_all_group_messages or is_admin(group, bot.id):
        return True
    return _is_meant(group, bot, message, answered)


def _is_meant(group: Group, bot: Bot, message: Message, answered: Message | None) -> bool:
    if answered is not None and bot.id in {answered.sender, answered.via_bot}:
        return True
    text = message.content.get("text") or message.content.get("caption") or ""
    if text.startswith("/"):
        _, _, named = text.split(maxsplit=1)[0].partition("@")
        if named:
            return named.lower() == bot.username.lower()
        return group.last_bot in {0, bot.id}
    return _mentions(bot, message, text)


def _mentions(bot: Bot, message: Message, text: str) -> bool:
    entities = message.content.get("entities") or message.content.get("caption_entities") or []
    if any((entity.get("user") or {}).get("id") == bot.id for entity in entities):
        return True
    named = any(entity["type"] == "mention" for entity in entities)
    return named and f"@{bot.username.lower()}" in text.lower()
