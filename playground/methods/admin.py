"""What administrators of groups and channels do: members, rights, titles, invite links."""

from __future__ import annotations

from functools import partial
from typing import Any

from playground import groups, roles
from playground.errors import bad_request
from playground.methods.base import Call, Handler
from playground.methods.chats import leave_chat
from playground.methods.send import media_content
from playground.model import Group

_FOREVER = (30, 366 * 86_400)
"""Seconds: who is banned for less or more than these is banned for good."""
_RESTRICT = "can_restrict_members"
_NO_RESTRICTION = "not enough rights to restrict/unrestrict chat member"
_NO_LINKS = "not enough rights to manage chat invite link"


def _other(call: Call, right: str) -> tuple[Group, int]:
    """The group, and a user over whom the bot has a right; raises ApiError."""
    group, who = call.group(), call.params["user_id"]
    group = call.group(right, _NO_RESTRICTION) if who != call.bot.id else group
    if who not in call.world.users and who not in call.world.bots:
        raise bad_request("user not found")
    groups.require_rights_over(group, call.bot.id, who, right)
    return group, who


def _until(call: Call) -> int:
    until: int = call.get("until_date", 0)
    left = until - call.world.clock()
    return until if _FOREVER[0] <= left <= _FOREVER[1] else 0


async def ban_chat_member(call: Call) -> bool:
    """banChatMember."""
    if call.params["user_id"] == call.bot.id:
        return await leave_chat(call)
    group, who = _other(call, _RESTRICT)
    banned = {"status": "kicked", "until_date": _until(call)}
    groups.change(call.world, group, who, banned, call.bot.id)
    if call.get("revoke_messages"):
        for message in list(call.world.messages(group).values()):
            if message.by == who:
                call.world.delete(group, message)
    return True


async def unban_chat_member(call: Call) -> bool:
    """unbanChatMember: who is there is thrown out, unless only the banned are meant."""
    group, who = _other(call, _RESTRICT)
    banned = roles.record(group, who)["status"] == "kicked"
    if banned or (roles.is_member(group, who) and not call.get("only_if_banned")):
        groups.change(call.world, group, who, {"status": "left"}, call.bot.id)
    return True


async def restrict_chat_member(call: Call) -> bool:
    """restrictChatMember; with all permissions somebody is a plain member again."""
    if call.group().type != "supergroup":
        raise bad_request("method is available only for supergroups")
    group, who = _other(call, _RESTRICT)
    there, wanted = roles.is_member(group, who), _spread(call)
    new: dict[str, Any] = roles.restricted(wanted, _until(call), is_member=there)
    if all(new[name] for name, may in group.permissions.items() if may):
        new = {"status": "member" if there else "left"}
    groups.change(call.world, group, who, new, call.bot.id)
    return True


def _spread(call: Call) -> dict[str, bool]:
    """ChatPermissions; unless they are independent, the greater ones imply the lesser."""
    wanted: dict[str, bool] = dict(call.params["permissions"])
    if call.get("use_independent_chat_permissions"):
        return wanted
    kinds = [name for name, _ in roles.SENDING.values() if name != "can_send_messages"]
    if wanted.get("can_send_other_messages") or wanted.get("can_add_web_page_previews"):
        wanted |= dict.fromkeys([*kinds[:6], "can_send_messages"], True)
    elif any(wanted.get(name) for name in kinds):
        wanted["can_send_messages"] = True
    return wanted


async def promote_chat_member(call: Call) -> bool:
    """promoteChatMember: a bot gives no right that it doesn't have itself; without any right
    somebody is a plain member again."""
    group, who = call.group("can_promote_members", "not enough rights"), call.params["user_id"]
    if who not in call.world.users and who not in call.world.bots:
        raise bad_request("user not found")
    if roles.record(group, who)["status"] == "creator":
        raise bad_request("can't remove chat owner")
    if not roles.is_member(group, who):
        raise bad_request("USER_NOT_PARTICIPANT")
    rights = {k: v for k, v in call.params.items() if k.startswith(("can_", "is_")) and v}
    if any(not roles.may(group, call.bot.id, right) for right in rights if right[:3] == "can"):
        raise bad_request("RIGHT_FORBIDDEN")
    new = roles.administrator(group, rights) if rights else {"status": "member"}
    groups.change(call.world, group, who, new, call.bot.id)
    return True


async def set_custom_title(call: Call) -> bool:
    """setChatAdministratorCustomTitle."""
    group, who = call.group("can_promote_members"), call.params["user_id"]
    title: str = call.params["custom_title"]
    if len(title) > 16:
        raise bad_request("CUSTOM_TITLE_INVALID")
    if roles.record(group, who)["status"] != "administrator":
        raise bad_request("user is not an administrator")
    changed = roles.record(group, who) | {"custom_title": title}
    groups.change(call.world, group, who, changed, call.bot.id)
    return True


async def set_chat_permissions(call: Call) -> bool:
    """setChatPermissions."""
    group = call.group(_RESTRICT, "not enough rights to change chat permissions")
    group.permissions = {k: v for k, v in _spread(call).items() if v}
    call.world.save_chat(group)
    return True


async def set_chat_title(call: Call) -> bool:
    """setChatTitle."""
    group = call.group("can_change_info", "not enough rights to change chat title")
    title: str = call.params["title"].strip()
    if not title:
        raise bad_request("title must be non-empty")
    if title != group.title:
        groups.rename(call.world, group, call.bot.id, title[:128])
    return True


async def set_chat_description(call: Call) -> bool:
    """setChatDescription."""
    group = call.group("can_change_info", "not enough rights to set chat description")
    description: str = call.get("description", "").strip()[:255]
    if description == group.description:
        raise bad_request("chat description is not modified")
    group.description = description
    call.world.save_chat(group)
    return True


async def set_chat_photo(call: Call) -> bool:
    """setChatPhoto."""
    group = call.group("can_change_info", "not enough rights to change chat photo")
    content = await media_content(call, {"media": call.params["photo"]}, "photo")
    group.photo = content["photo"][-1]["file_id"]
    groups.note(call.world, group, call.bot.id, {"new_chat_photo": content["photo"]})
    return True


async def delete_chat_photo(call: Call) -> bool:
    """deleteChatPhoto."""
    group = call.group("can_change_info", "not enough rights to change chat photo")
    if group.photo:
        group.photo = ""
        groups.note(call.world, group, call.bot.id, {"delete_chat_photo": True})
    return True


async def export_invite_link(call: Call) -> str:
    """exportChatInviteLink: a new primary link; the old one is revoked."""
    group = call.group("can_invite_users", _NO_LINKS)
    for link in group.links.values():
        link["is_revoked"] = link["is_revoked"] or link["is_primary"]
    link = groups.invite_link(call.world, group, call.bot.id, is_primary=True)
    address: str = link["invite_link"]
    return address


async def create_invite_link(call: Call) -> dict[str, Any]:
    """createChatInviteLink."""
    group = call.group("can_invite_users", _NO_LINKS)
    if call.get("member_limit") and call.get("creates_join_request"):
        raise bad_request(
            "member limit can't be specified for links requiring administrator approval"
        )
    names = ("name", "expire_date", "member_limit", "creates_join_request")
    given = {name: call.params[name] for name in names if call.get(name)}
    return groups.invite_link(call.world, group, call.bot.id, **given)


async def edit_invite_link(call: Call, *, revoke: bool) -> dict[str, Any]:
    """editChatInviteLink, revokeChatInviteLink."""
    group = call.group("can_invite_users", _NO_LINKS)
    link = group.links.get(call.params["invite_link"])
    if link is None:
        raise bad_request("INVITE_HASH_EXPIRED")
    names = ("name", "expire_date", "member_limit", "creates_join_request")
    link |= {name: call.params[name] for name in names if name in call.params}
    link["is_revoked"] = link["is_revoked"] or revoke
    call.world.save_chat(group)
    return link


async def answer_join_request(call: Call, *, approve: bool) -> bool:
    """approveChatJoinRequest, declineChatJoinRequest."""
    group, who = call.group("can_invite_users", _NO_LINKS), call.params["user_id"]
    if roles.record(group, who)["status"] != "left" or who not in group.requests:
        raise bad_request("HIDE_REQUESTER_MISSING")
    group.requests.remove(who)
    if approve:
        groups.change(
            call.world, group, who, {"status": "member"}, call.bot.id, via_join_request=True
        )
    call.world.save_chat(group)
    return True


METHODS: dict[str, Handler] = {
    "banChatMember": ban_chat_member,
    "unbanChatMember": unban_chat_member,
    "restrictChatMember": restrict_chat_member,
    "promoteChatMember": promote_chat_member,
    "setChatAdministratorCustomTitle": set_custom_title,
    "setChatPermissions": set_chat_permissions,
    "setChatTitle": set_chat_title,
    "setChatDescription": set_chat_description,
    "setChatPhoto": set_chat_photo,
    "deleteChatPhoto": delete_chat_photo,
    "exportChatInviteLink": export_invite_link,
    "createChatInviteLink": create_invite_link,
    "editChatInviteLink": partial(edit_invite_link, revoke=False),
    "revokeChatInviteLink": partial(edit_invite_link, revoke=True),
    "approveChatJoinRequest": partial(answer_join_request, approve=True),
    "declineChatJoinRequest": partial(answer_join_request, approve=False),
}
