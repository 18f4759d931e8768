"""The methods of the Bot API that the playground plays, by name in lower case."""

from __future__ import annotations

from playground.methods import (
    admin,
    albums,
    chats,
    edit,
    inline,
    me,
    polling,
    send,
    topics,
)
from playground.methods.base import Handler

METHODS: dict[str, Handler] = {
    name.lower(): handler
    for module in (admin, albums, chats, edit, inline, me, polling, send, topics)
    for name, handler in module.METHODS.items()
}
