"""A Telegram on your own machine: the Bot API over real HTTP, and a chat page in the browser.

    python -m playground            # http://127.0.0.1:8080/

    async with playground.serve() as running:               # in a test
        ann = playground.Playground(running.url).user("ann")
        await ann.send("/start")                             # the bot polls running.url
        reply = await ann.wait_reply()

It knows nothing of Plugram and works with any bot. Reference: docs/playground.md.
"""

from __future__ import annotations

from playground.client import Playground
from playground.server import Running, create, serve

__all__ = ["Playground", "Running", "create", "serve"]
