"""Topics of forums."""

from __future__ import annotations

from functools import partial
from typing import Any

from playground import groups, roles
from playground.errors import bad_request
from playground.methods.base import Call, Handler
from playground.model import Group

_RIGHT = "can_manage_topics"


def _forum(call: Call, refusal: str) -> Group:
    """A forum whose topics the bot manages; raises ApiError."""
    chat = call.chat("write")
    if not isinstance(chat, Group) or not chat.is_forum:
        raise bad_request("chat is not a forum")
    return call.group(_RIGHT, refusal)


def _topic(call: Call, refusal: str) -> tuple[Group, dict[str, Any]]:
    """The forum and its topic `message_thread_id`; a bot needs no right over its own one."""
    chat = call.chat("write")
    if not isinstance(chat, Group) or not chat.is_forum:
        raise bad_request("chat is not a forum")
    topic = chat.topics.get(str(call.params["message_thread_id"]))
    if topic is None:
        raise bad_request("message thread not found")
    manages = roles.is_admin(chat, call.bot.id) and roles.may(chat, call.bot.id, _RIGHT)
    if topic["by"] != call.bot.id and not manages:
        raise bad_request(refusal)
    return chat, topic


async def create_forum_topic(call: Call) -> dict[str, Any]:
    """createForumTopic."""
    group = _forum(call, "not enough rights to create a topic")
    name: str = call.params["name"].strip()
    if not 1 <= len(name) <= 128:
        raise bad_request("TOPIC_TITLE_EMPTY")
    color: int = call.get("icon_color", 0)
    if color and color not in groups.TOPIC_COLORS:
        raise bad_request("TOPIC_ICON_COLOR_INVALID")
    emoji = call.get("icon_custom_emoji_id", "")
    return groups.create_topic(call.world, group, call.bot.id, name, color, emoji)


async def edit_forum_topic(call: Call) -> bool:
    """editForumTopic."""
    group, topic = _topic(call, "not enough rights to edit the topic")
    given = {k: v for k, v in call.params.items() if k in {"name", "icon_custom_emoji_id"}}
    changed = {key: value for key, value in given.items() if value != topic.get(key)}
    if not changed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    groups.edit_topic(call.world, group, call.bot.id, call.params["message_thread_id"], changed)
    return True


async def close_forum_topic(call: Call, *, closed: bool) -> bool:
    """closeForumTopic, reopenForumTopic."""
    group, topic = _topic(call, "not enough rights to close or open the topic")
    if topic["closed"] == closed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    thread = call.params["message_thread_id"]
    groups.close_topic(call.world, group, call.bot.id, thread, closed=closed)
    return True


async def delete_forum_topic(call: Call) -> bool:
    """deleteForumTopic: with all its messages; needs the right to delete messages."""
    group, _ = _topic(call, "not enough rights to delete the topic")
    if not roles.may(group, call.bot.id, "can_delete_messages"):
        raise bad_request("not enough rights to delete the topic")
    thread = call.params["message_thread_id"]
    for message in list(call.world.messages(group).values()):
        if message.thread == thread:
            call.world.delete(group, message)
    del group.topics[str(thread)]
    call.world.save_chat(group)
    return True


async def unpin_topic(call: Call) -> bool:
    """unpinAllForumTopicMessages."""
    refusal = "not enough rights to manage pinned messages in the chat"
    group, _ = _topic(call, refusal)
    if not roles.may(group, call.bot.id, "can_pin_messages"):
        raise bad_request(refusal)
    thread, messages = call.params["message_thread_id"], call.world.messages(group)
    group.pinned = [number for number in group.pinned if messages[number].thread != thread]
    groups.tell_pinned(call.world, group)
    return True


METHODS: dict[str, Handler] = {
    "createForumTopic": create_forum_topic,
    "editForumTopic": edit_forum_topic,
    "closeForumTopic": partial(close_forum_topic, closed=True),
    "reopenForumTopic": partial(close_forum_topic, closed=False),
    "deleteForumTopic": delete_forum_topic,
    "unpinAllForumTopicMessages": unpin_topic,
}
