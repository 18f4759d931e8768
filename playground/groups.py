"""What happens in groups and channels: people and bots come and go, rights and titles change.

Both doors use it: bots through `playground.methods`, people through the control API. Who may do
what is asked in `playground.roles`.
"""

from __future__ import annotations

import hashlib
from copy import deepcopy
from typing import Any

from playground import roles
from playground.errors import ControlError, bad_request
from playground.model import Bot, Chat, ChatType, Group, Message
from playground.world import World

TOPIC_COLORS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)
"""What Telegram takes as icon_color."""
_FREE_IN_GROUPS = set(roles.PERMISSIONS) - {"can_edit_tag"}


def create(
    world: World, owner: int, title: str, kind: ChatType, *, username: str = "", forum: bool = False
) -> Group:
    """A new group, supergroup or channel with its first service message."""
    if kind not in {"group", "supergroup", "channel"}:
        raise ControlError("kind must be group, supergroup or channel")
    if (forum or username) and kind == "group":
        raise ControlError("a forum or a public group is a supergroup")
    group = Group(
        id=0,
        bot_id=0,
        type=kind,
        started=True,
        title=title,
        username=username,
        is_forum=forum,
        members={str(owner): roles.creator()},
        permissions=dict.fromkeys(_FREE_IN_GROUPS, True) if kind != "channel" else {},
    )
    world.add_group(group)
    if kind != "channel":
        created = "group_chat_created" if kind == "group" else "supergroup_chat_created"
        note(world, group, owner, {created: True})
    return group


def note(world: World, chat: Chat, by: int, content: dict[str, Any], thread: int = 0) -> Message:
    """A service message."""
    sender = chat.id if chat.type == "channel" else by
    message = Message(id=0, date=0, sender=sender, author=by, content=content, thread=thread)
    world.post(chat, message)
    world.deliver(chat, message)
    return message


# Members


def member(world: World, group: Group, who: int) -> dict[str, Any]:
    """Telegram's ChatMember."""
    return _as_seen(world, who, roles.record(group, who))


def _as_seen(world: World, who: int, held: dict[str, Any]) -> dict[str, Any]:
    value = {**held, "user": world.actor(who)}
    if held["status"] == "administrator":
        value["can_be_edited"] = False
    return value


def change(world: World, group: Group, who: int, new: dict[str, Any], by: int, **how: Any) -> None:
    """Make somebody what `new` says. The bots concerned are told, and the chat when somebody
    came or went; `how` is more of Telegram's ChatMemberUpdated, such as `invite_link`."""
    old = deepcopy(roles.record(group, who))
    if old == new:
        return
    was_there, watching = roles.is_member(group, who), _administrators(world, group)
    group.members[str(who)] = new
    world.save_chat(group)
    updated = {
        "chat": world.render_chat(group),
        "from": world.actor(by),
        "date": int(world.clock()),
        "old_chat_member": _as_seen(world, who, old),
        "new_chat_member": _as_seen(world, who, new),
        **how,
    }
    if who in world.bots:
        world.queues[who].push("my_chat_member", updated, group.id)
    for bot in watching:
        if bot.id != who:
            world.queues[bot.id].push("chat_member", updated, group.id)
    world.tell(group, "member", member=updated["new_chat_member"], by=world.actor(by))
    if was_there != roles.is_member(group, who) and group.type != "channel":
        _note_passage(world, group, who, by, came=not was_there)


def _administrators(world: World, group: Group) -> list[Bot]:
    """The bots that hear of every change."""
    ids = (int(who) for who in group.members)
    return [world.bots[who] for who in ids if who in world.bots and roles.is_admin(group, who)]


def _note_passage(world: World, group: Group, who: int, by: int, *, came: bool) -> None:
    about = world.actor(who)
    content = {"new_chat_members": [about]} if came else {"left_chat_member": about}
    note(world, group, by, content)


def join(world: World, group: Group, who: int, by: int, **how: Any) -> None:
    """Somebody enters, by themselves or added by another; a bot enters a channel as an
    administrator. Raises ControlError for who was banned or may not be added."""
    if roles.is_member(group, who):
        return
    if roles.record(group, who)["status"] == "kicked" and not roles.is_admin(group, by):
        raise ControlError("who was banned can't come back", 403)
    if who != by and not roles.may(group, by, "can_invite_users"):
        raise ControlError("not enough rights to add members", 403)
    bot = world.bots.get(who)
    if bot is not None and group.type != "channel" and not bot.can_join_groups:
        raise ControlError(f"@{bot.username} can't be added to groups", 403)
    new = {"status": "member"}
    if bot is not None and group.type == "channel":
        new = roles.administrator(group)
    change(world, group, who, new, by, **how)


def follow(world: World, group: Group, who: int, address: str) -> None:
    """Somebody follows an invite link: they are in, or ask to be let in. Raises ControlError for
    a link that isn't good any more."""
    link = group.links.get(address)
    if link is None or link["is_revoked"]:
        raise ControlError("this invite link isn't valid", 404)
    if world.clock() > link.get("expire_date", world.clock()):
        raise ControlError("this invite link has expired", 410)
    if group.joined.get(address, 0) >= link.get("member_limit", 100_000):
        raise ControlError("as many as may have used this invite link", 410)
    if link["creates_join_request"]:
        ask_to_join(world, group, who, link)
        return
    group.joined[address] = group.joined.get(address, 0) + 1
    join(world, group, who, who, invite_link=link)


def ask_to_join(world: World, group: Group, who: int, link: dict[str, Any]) -> None:
    """Somebody asks to be let in through a link that wants an approval; the bots that may
    invite are told."""
    if who in group.requests:
        return
    group.requests.append(who)
    world.save_chat(group)
    request = {
        "chat": world.render_chat(group),
        "from": world.actor(who),
        "user_chat_id": who,
        "date": int(world.clock()),
        "invite_link": link,
    }
    for bot in _administrators(world, group):
        if roles.may(group, bot.id, "can_invite_users"):
            world.queues[bot.id].push("chat_join_request", request, group.id)


def leave(world: World, group: Group, who: int) -> None:
    """Somebody goes."""
    change(world, group, who, {"status": "left"}, who)


def require_rights_over(group: Group, by: int, who: int, right: str) -> None:
    """Raises ApiError unless `by` may restrict, ban or promote `who`."""
    held = roles.record(group, who)["status"]
    if who == by:
        raise bad_request("can't restrict self")
    if held == "creator":
        raise bad_request("can't remove chat owner")
    if not roles.is_admin(group, by) or not roles.may(group, by, right):
        raise bad_request("not enough rights to restrict/unrestrict chat member")
    if held == "administrator" and not roles.may(group, by, "can_promote_members"):
        raise bad_request("user is an administrator of the chat")


# What a chat is


def rename(world: World, group: Group, by: int, title: str) -> None:
    """Change the title."""
    group.title = title
    world.save_chat(group)
    note(world, group, by, {"new_chat_title": title})


def upgrade(world: World, group: Group, by: int) -> Group:
    """The supergroup that a group becomes: everybody moves, both chats say so."""
    if group.type != "group" or group.migrated_to:
        raise ControlError(f"{group.title} isn't a group that can be upgraded", 409)
    new = deepcopy(group)
    new.id, new.type, new.next_message, new.pinned = 0, "supergroup", 1, []
    world.add_group(new)
    note(world, group, by, {"migrate_to_chat_id": new.id})
    group.migrated_to = new.id
    world.save_chat(group)
    note(world, new, by, {"migrate_from_chat_id": group.id})
    world.tell(group, "migrated", chat_id=new.id)
    return new


def pin(world: World, chat: Chat, message: Message, by: int) -> None:
    """Put a message on top."""
    if message.id in chat.pinned:
        chat.pinned.remove(message.id)
    chat.pinned.append(message.id)
    tell_pinned(world, chat)
    note(world, chat, by, {"pinned_message": world.render(chat, message, nested=True)})


def tell_pinned(world: World, chat: Chat) -> None:
    """The pinned messages are others."""
    world.save_chat(chat)
    world.tell(chat, "pinned", message_ids=list(chat.pinned))


def invite_link(world: World, group: Group, by: int, **fields: Any) -> dict[str, Any]:
    """A new ChatInviteLink."""
    source = hashlib.sha256(f"{group.id} {world.new_id()}".encode()).hexdigest()
    link = {
        "invite_link": f"https://t.me/+{source[:16]}",
        "creator": world.actor(by),
        "creates_join_request": False,
        "is_primary": False,
        "is_revoked": False,
        **fields,
    }
    group.links[link["invite_link"]] = link
    world.save_chat(group)
    return link


# Topics


def create_topic(
    world: World, group: Group, by: int, name: str, color: int = 0, emoji: str = ""
) -> dict[str, Any]:
    """A new ForumTopic; its service message has the id of the topic."""
    about: dict[str, Any] = {"name": name, "icon_color": color or TOPIC_COLORS[0]}
    if emoji:
        about["icon_custom_emoji_id"] = emoji
    thread = group.next_message
    group.topics[str(thread)] = {**about, "closed": False, "by": by}
    note(world, group, by, {"forum_topic_created": about}, thread)
    return {"message_thread_id": thread, **about}


def edit_topic(world: World, group: Group, by: int, thread: int, changed: dict[str, Any]) -> None:
    """Rename a topic or give it another icon."""
    group.topics[str(thread)] |= changed
    note(world, group, by, {"forum_topic_edited": changed}, thread)


def close_topic(world: World, group: Group, by: int, thread: int, *, closed: bool) -> None:
    """Close a topic or open it again; only administrators write in a closed one."""
    group.topics[str(thread)]["closed"] = closed
    kind = "forum_topic_closed" if closed else "forum_topic_reopened"
    note(world, group, by, {kind: {}}, thread)


def check_thread(group: Group, who: int, thread: int) -> None:
    """Raises ApiError when somebody may not write in a topic; 0 is *General*."""
    if not thread:
        return
    topic = group.topics.get(str(thread))
    if topic is None:
        raise bad_request("message thread not found")
    manages = roles.is_admin(group, who) and roles.may(group, who, "can_manage_topics")
    if topic["closed"] and not (manages or topic["by"] == who):
        raise bad_request("TOPIC_CLOSED")
