"""The test kit: your plugin in the real bot, and a Telegram to talk to it.

    async def test_it_greets(chat):
        await chat.send("/hello")
        assert "Hello" in (await chat.reply()).text

It is a pytest plugin, and there wherever Plugram is installed; a project that doesn't ask for its
fixtures pays nothing. See docs/testing.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugram.testing.bot import Bot
    from plugram.testing.chat import Chat, Group, Message, NoReply
    from plugram.testing.clock import Clock
    from plugram.testing.failures import PluginFailed
    from plugram.testing.models import Embeddings, Models

__all__ = [
    "Bot",
    "Chat",
    "Clock",
    "Embeddings",
    "Group",
    "Message",
    "Models",
    "NoReply",
    "PluginFailed",
]

_HOMES = {
    "Bot": "bot",
    "Chat": "chat",
    "Clock": "clock",
    "Embeddings": "models",
    "Group": "chat",
    "Message": "chat",
    "Models": "models",
    "NoReply": "chat",
    "PluginFailed": "failures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"plugram.testing has no {name!r}; its names are in __all__")
    value = globals()[name] = getattr(import_module(f"plugram.testing.{_HOMES[name]}"), name)
    return value
