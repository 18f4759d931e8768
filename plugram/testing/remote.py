"""A bot that runs somewhere else, in front of a playground: `pytest --plugram-url`."""

from __future__ import annotations

import secrets
import time
from asyncio import sleep
from collections.abc import Mapping
from typing import Any

from playground.client import Playground
from plugram.testing.chat import Chat, Group

_QUIET = 0.7
"""Seconds without anything new after which the bot counts as at rest: nobody can look inside."""
_LOOK = 0.05


class RemoteBot:
    """It has people to talk to it, and nothing else: no clock, no context, no models. Each test
    meets it with people of its own, who have the names that they would have."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.playground = Playground(url)
        self._test = secrets.token_hex(3)

    def user(self, name: str, *, language: str = "") -> Chat:
        """Somebody new of that name; ann, boris and carmen speak their own languages."""
        return Chat(self, f"{name}_{self._test}", language)

    async def group(self, title: str, *people: Chat, **fields: Any) -> Group:
        """A new group with the bot and these people."""
        return await Group.make(self, f"{title} {self._test}", people, **fields)

    async def about(self, username: str) -> Mapping[str, Any]:
        """What a new person is called, and speaks."""
        name = username.removesuffix(f"_{self._test}")
        for user in await self.playground.call("GET", "/control/users"):
            if user["username"] == name:
                return {key: user[key] for key in ("first_name", "last_name", "language")}
        return {"first_name": name.replace("_", " ").title(), "language": "en"}

    async def settle(self, timeout: float = 10.0) -> bool:
        """Wait until the bot has taken all updates, and nothing happens for a while."""
        deadline, seen, since = time.monotonic() + timeout, -1, time.monotonic()
        while time.monotonic() < deadline:
            last = (await self.playground.call("GET", "/control/state"))["seq"]
            if last != seen or await self.under_way():
                seen, since = last, time.monotonic()
            elif time.monotonic() - since > _QUIET:
                return True
            await sleep(_LOOK)
        return False

    async def under_way(self) -> str:
        """What isn't done yet, in words, as far as can be seen from here."""
        waiting = await self.playground.pending()
        return f"{waiting} updates wait for the bot" if waiting else ""

    def commands(self) -> list[str]:
        """Unknown from here."""
        return []
