"""Asking Telegram for updates. What was received is acknowledged by asking for what comes after it,
and that is asked only once it is in the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import Conflict, DatabaseError, RetryAfter, TelegramAway, TelegramError
from core.log import get_logger
from core.metrics import counter
from core.retry import Backoff

if TYPE_CHECKING:
    from core.telegram.wire import Wire

BATCH = 100
"""Updates that Telegram gives at a time, at most."""
_GRACE = 10.0
"""Seconds beyond the long poll until a request for updates counts as lost."""

_GATHER = 0.01
"""Seconds between two requests, at least, unless more updates wait than came: a busy bot then gets
several at once, which costs it much less than one by one."""

_TRUCE = 600.0
"""Seconds after the removal of a webhook during which another one is left where it is: somebody
else wants it, and to fight over it would help nobody."""

log = get_logger("poller")


Store = Callable[[Sequence[dict[str, Any]]], Awaitable[None]]
"""Commits a batch of updates; raises DatabaseError if it can't."""


class PollSettings(Protocol):
    @property
    def poll_timeout(self) -> int: ...


class Poller:
    """The one that asks. `run` until it is cancelled."""

    def __init__(self, wire: Wire, settings: PollSettings) -> None:
        self.does = "polls"
        self.everywhere = False
        self.answered_at = time.monotonic()
        """When Telegram last answered, by the monotonic clock."""
        self.trouble = ""
        """Why nothing is received, in words; empty while all is well."""
        self.cut_off_since = 0.0
        """Since when Telegram can't be reached from here, by the monotonic clock; 0 if it can."""
        self._wire = wire
        self._settings = settings
        self._store: Store = _unopened
        self._allowed: list[str] = []
        self._offset: int | None = None
        self._backoff = Backoff(base=1.0, longest=30.0)
        self._failures = 0
        self._received = counter("updates_received", "Updates that Telegram delivered")
        self._webhook_removed = float("-inf")
        """When we last removed one, by the monotonic clock."""

    def open(self, store: Store, allowed_updates: Sequence[str]) -> None:
        """Before `run`."""
        self._store = store
        self._allowed = list(allowed_updates)

    def close(self) -> None:
        """Whoever runs it cancels it."""

    async def run(self) -> None:
        """Ask, store, ask for the next."""
        while True:
            try:
                updates = await self._ask()
            except TelegramError as error:
                await self._trouble(error)
                continue
            self.answered_at = time.monotonic()
            if updates:
                self._received.inc(len(updates))
                await self._keep(updates)
            self._well()
            if len(updates) < BATCH:
                await asyncio.sleep(self.answered_at + _GATHER - time.monotonic())

    async def _ask(self) -> list[dict[str, Any]]:
        seconds = self._settings.poll_timeout
        params = {
            "offset": self._offset,
            "limit": BATCH,
            # After trouble a quick answer shows at once that it is over.
            "timeout": seconds if not self._failures else 0,
            "allowed_updates": self._allowed,
        }
        answer = await self._wire.call("getUpdates", params, timeout=seconds + _GRACE, retries=0)
        return list(answer)

    async def _keep(self, updates: list[dict[str, Any]]) -> None:
        """Into the database, however long that takes; only then may they be acknowledged."""
        failures = 0
        while True:
            try:
                await self._store(updates)
            except DatabaseError as error:
                failures += 1
                self.trouble = f"updates can't be stored: {error.message}"
                pause = self._backoff.pause(failures)
                log.error("updates not stored", error=str(error), seconds=round(pause, 1))
                await asyncio.sleep(pause)
            else:
                self._offset = int(updates[-1]["update_id"]) + 1
                return

    async def _trouble(self, error: TelegramError) -> None:
        self._failures += 1
        self.trouble = error.message
        pause = self._backoff.pause(self._failures)
        if isinstance(error, RetryAfter):
            pause = max(pause, error.seconds)
        if isinstance(error, TelegramAway):
            self.cut_off_since = self.cut_off_since or time.monotonic()
        log.warning("no updates", error=str(error), seconds=round(pause, 1))
        if isinstance(error, Conflict) and "webhook" in error.message:
            await self._remove_webhook()
        await asyncio.sleep(pause)

    async def _remove_webhook(self) -> None:
        """A webhook of an earlier deployment: the settings say that we poll. What it didn't bring
        stays with Telegram, and is what we are given next."""
        if time.monotonic() - self._webhook_removed < _TRUCE:
            return
        self._webhook_removed = time.monotonic()
        try:
            await self._wire.call("deleteWebhook", {"drop_pending_updates": False})
            log.warning("a webhook was set; removed, since [intake] mode is polling")
        except TelegramError as error:
            log.warning("webhook not removed", error=str(error))

    def _well(self) -> None:
        if self._failures:
            log.info("updates come in again")
        self._failures = 0
        self.trouble = ""
        self.cut_off_since = 0.0


async def _unopened(_: Sequence[dict[str, Any]]) -> None:
    raise RuntimeError("`open` comes before `run`")
