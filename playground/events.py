"""What happens, for those who watch: the chat page and the tests.

Each chat keeps its latest events; every event has a number, so that a watcher who was away asks
for what came after the last one it saw.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

ChatKey = tuple[int, int]
"""Bot and chat; groups belong to no bot and have 0."""
Event = dict[str, Any]
"""`seq`, `type`, and what belongs to the type; see docs/playground.md."""

_KEPT = 1000
"""Events of a chat that a late watcher can still read."""


@dataclass(eq=False)
class Watcher:
    """Somebody who follows a chat, and hears of the others of the same bot that they changed."""

    key: ChatKey
    bot_id: int = 0
    """With whose other chats they are concerned; groups are everybody's."""
    events: list[Event] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Other chats of the bot in which something happened."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def take(self) -> tuple[list[Event], set[int]]:
        """What came since the last time."""
        events, touched = self.events, self.touched
        self.events, self.touched = [], set()
        self.wake.clear()
        return events, touched


class Events:
    """The event log, and who waits for it."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._logs: dict[ChatKey, deque[Event]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._watchers: set[Watcher] = set()
        self.last = 0
        """Number of the latest event."""

    def publish(self, key: ChatKey, kind: str, **data: Any) -> None:
        """Tell the watchers of a chat."""
        self.last = next(self._numbers)
        event = {"seq": self.last, "type": kind, **data}
        self._logs[key].append(event)
        for watcher in self._watchers:
            if watcher.key == key:
                watcher.events.append(event)
            elif key[0] in {0, watcher.bot_id}:
                watcher.touched.add(key[1])
            else:
                continue
            watcher.wake.set()

    def announce(self, bot_id: int, kind: str, **data: Any) -> None:
        """Tell everybody who follows a chat of the bot; not kept."""
        for watcher in self._watchers:
            if watcher.bot_id == bot_id:
                watcher.events.append({"type": kind, **data})
                watcher.wake.set()

    def since(self, key: ChatKey, after: int) -> list[Event]:
        """The events of a chat after a number, oldest first."""
        found = []
        for event in reversed(self._logs.get(key, ())):
            if event["seq"] <= after:
                break
            found.append(event)
        return found[::-1]

    async def wait(self, key: ChatKey, after: int, timeout: float) -> list[Event]:
        """The events of a chat after a number; waits up to `timeout` seconds for the first."""
        if found := self.since(key, after):
            return found
        with self.watch(key) as watcher, contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watcher.wake.wait(), timeout)
        return self.since(key, after)

    @contextlib.contextmanager
    def watch(self, key: ChatKey, bot_id: int = 0) -> Iterator[Watcher]:
        """Follow a chat for as long as the context lasts."""
        watcher = Watcher(key, bot_id or key[0])
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """Send everybody home; streams end."""
        for watcher in self._watchers:
            watcher.closed = True
            watcher.wake.set()
