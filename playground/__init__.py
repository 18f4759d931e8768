"""A Telegram on your own machine: the Bot API over real HTTP, and a chat page in the browser.

    python -m playground            # http://127.0.0.1:8080/

    async with playground.serve() as running:               # in a test
        ann = playground.Playground(running.url).user("ann")
        await ann.send("/start")                             # the bot polls running.url
        reply = await ann.wait_reply()

It knows nothing of Plugram and works with any bot. Reference: docs/playground.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playground.client import Playground
    from playground.server import Running, create, serve

__all__ = ["Playground", "Running", "create", "serve"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the client needs no server."""
    if name == "Playground":
        from playground.client import Playground

        return Playground
    if name in __all__:
        from playground import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
