"""A bot's queue of updates, with the rules of getUpdates."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import orjson

from playground.errors import ApiError
from playground.model import Bot, Update
from playground.store import Store

NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Types that a bot gets only when it asks for them."""
LONGEST_POLL = 50
"""Seconds."""
_REMEMBERED = 2000
_AWAY_AFTER = 3.0
"""Seconds without a poll after which a bot counts as away."""

CONFLICT = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


class Conflict(ApiError):
    """Somebody else began to poll, or a webhook is set."""

    def __init__(self, reason: str = CONFLICT) -> None:
        super().__init__(409, f"Conflict: {reason}")


class UpdateQueue:
    """Updates that the bot has yet to confirm, oldest first."""

    def __init__(self, bot: Bot, store: Store, on_presence: Callable[[bool], None]) -> None:
        self._bot = bot
        self._store = store
        self._updates: deque[Update] = deque()
        self.recent: deque[Update] = deque(maxlen=_REMEMBERED)
        """The latest ones, confirmed or not: for those who look at what the bot was told."""
        self._poll: asyncio.Future[None] | None = None
        """Resolved when something came, broken when another poll began."""
        self._polls = 0
        self._on_presence = on_presence
        self._away: asyncio.TimerHandle | None = None
        self.present = False
        """Whether the bot polls, or did so a moment ago."""
        self.on_update: Callable[[Update], None] | None = None
        """Hears of each update while a webhook is set."""

    def __len__(self) -> int:
        return len(self._updates)

    def restore(self, update: Update) -> None:
        """Put a saved update back."""
        self._updates.append(update)

    def wanted(self, kind: str) -> bool:
        """Whether the bot gets updates of this type."""
        allowed = self._bot.allowed_updates
        return kind in allowed if allowed else kind not in NOT_BY_DEFAULT

    def push(self, kind: str, content: Any, lane: int = 0) -> int:
        """Queue an update; its id, or 0 when the bot doesn't want this type."""
        if not self.wanted(kind):
            return 0
        number = self._bot.next_update
        self.push_raw({"update_id": number, kind: content}, lane)
        return number

    def push_raw(self, update: dict[str, Any], lane: int = 0) -> int:
        """Queue anything as an update, whatever the bot asked for; its id."""
        number = int(update.get("update_id") or self._bot.next_update)
        # orjson's result keeps its working space of some 4 KB: a copy has the right size
        body = bytes(memoryview(orjson.dumps({"update_id": number, **update})))
        self._bot.next_update = max(self._bot.next_update, number + 1)
        added = Update(number, body, lane)
        self._updates.append(added)
        self.recent.append(added)
        self._store.save("update", self._key(number), {"body": body.decode(), "lane": lane})
        self._store.save("bot", str(self._bot.id), self._bot)
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        if self.on_update is not None:
            self.on_update(added)
        return number

    def holds(self, update: Update) -> bool:
        """Whether an update that was here still is: it wasn't dropped."""
        return bool(self._updates) and self._updates[0].id <= update.id

    def set_present(self, present: bool) -> None:
        """A bot with a webhook is there for as long as this is set."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        if self.present != present:
            self.present = present
            self._on_presence(present)

    def done(self, update: Update) -> None:
        """A webhook took it."""
        with contextlib.suppress(ValueError):  # it was dropped meanwhile
            self._updates.remove(update)
            self._store.drop("update", self._key(update.id))

    async def poll(self, offset: int, limit: int, timeout: float) -> list[Update]:
        """What getUpdates answers. Raises Conflict when another poll begins meanwhile, or when a
        webhook is set."""
        if self._bot.webhook:
            raise Conflict(WEBHOOK_ACTIVE)
        self._confirm(offset)
        if not self._updates and timeout > 0:
            await self._wait(timeout)
        else:
            self._seen()
        return self.peek(limit)

    def interrupt(self) -> None:
        """End a poll because a webhook was set."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(Conflict("terminated by setWebhook request"))

    def clear(self) -> None:
        """Forget everything that waits."""
        while self._updates:
            self._forget()

    def peek(self, count: int) -> list[Update]:
        """The oldest ones, still unconfirmed."""
        return list(islice(self._updates, count))

    def _confirm(self, offset: int) -> None:
        """Everything below a positive offset is done; a negative one keeps only the last few.

        An offset from the future confirms nothing, as with Telegram, where it means that the
        numbering began anew.
        """
        if offset < 0:
            while len(self._updates) > -offset:
                self._forget()
        elif offset <= self._bot.next_update:
            while self._updates and self._updates[0].id < offset:
                self._forget()

    def _forget(self) -> None:
        self._store.drop("update", self._key(self._updates.popleft().id))

    async def _wait(self, timeout: float) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(Conflict())
        poll = self._poll = asyncio.get_running_loop().create_future()
        self._seen()
        self._polls += 1
        try:
            await asyncio.wait_for(poll, timeout)
        except TimeoutError:
            pass
        finally:
            self._polls -= 1
            if self._poll is poll:
                self._poll = None
            self._seen()

    def _seen(self) -> None:
        """The bot is there; unless it polls again it is away in a moment."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        if not self._polls:
            self._away = asyncio.get_running_loop().call_later(_AWAY_AFTER, self._gone)
        if not self.present:
            self.present = True
            self._on_presence(True)

    def _gone(self) -> None:
        self._away = None
        if not self._polls:
            self.present = False
            self._on_presence(False)

    def _key(self, number: int) -> str:
        return f"{self._bot.id} {number:012d}"
