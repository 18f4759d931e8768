"""The methods of the Bot API that the playground plays, by name in lower case."""

from __future__ import annotations

from playground.methods import chats, edit, me, polling, send
from playground.methods.base import Handler

METHODS: dict[str, Handler] = {
    name.lower(): handler
    for module in (chats, edit, me, polling, send)
    for name, handler in module.METHODS.items()
}
