"""Telegram's limits on sending, for tests of bots that send a lot; off unless asked for.

A call above a limit is refused with 429 and bans its chat, or the whole bot for the overall limit,
until `retry_after` is over. A call during a ban is refused as well, and with `extend` begins the
ban anew. Each item of an album counts, and each message of several that are forwarded or copied.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from playground.errors import ControlError, too_many_requests

_LIMITED = ("send", "forward", "copy", "edit")
_FREE = {"sendchataction"}
_SECOND, _MINUTE = 1.0, 60.0


@dataclass(frozen=True)
class Rates:
    """What is allowed; 0 is no limit."""

    per_second: int = 0
    per_chat_per_second: int = 0
    per_group_per_minute: int = 0
    retry_after: int = 3
    extend: bool = False
    """Whether a call during a ban makes it last longer."""


class Limits:
    """Counts what was sent in the last second or minute, by bot, overall and per chat."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.rates = Rates()
        self.refused = 0
        self.during_ban = 0
        """Calls that came although the bot had been told to wait."""
        self._sent: dict[tuple[int, str, float], deque[float]] = defaultdict(deque)
        self._banned: dict[tuple[int, str], float] = {}

    def set(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Change the rates and start counting anew; raises ControlError."""
        try:
            self.rates = Rates(**wanted)
        except TypeError as error:
            raise ControlError(f"no such limit: {error}") from None
        self._sent.clear()
        self._banned.clear()
        self.refused = self.during_ban = 0
        return self.state()

    def state(self) -> dict[str, Any]:
        """The rates, and how often they were broken."""
        return asdict(self.rates) | {"refused": self.refused, "during_ban": self.during_ban}

    def check(self, bot_id: int, method: str, params: dict[str, Any]) -> None:
        """Count a call; raises ApiError 429."""
        if not method.startswith(_LIMITED) or method.lower() in _FREE:
            return
        now, place = self._clock(), str(params.get("chat_id", ""))
        budgets = [b for b in self._budgets(place) if b[1]]
        for name in ("", place):
            self._refuse_during_ban(bot_id, name, now)
        weight = _weight(params)
        for name, allowed, seconds in budgets:
            sent = self._recent((bot_id, name, seconds), now)
            if sent and sent + weight > allowed:
                self._banned[bot_id, name] = now + self.rates.retry_after
                self._refuse(self.rates.retry_after)
        for name, _, seconds in budgets:
            self._sent[bot_id, name, seconds].extend([now] * weight)

    def _budgets(self, place: str) -> list[tuple[str, int, float]]:
        """Whose limit, how many, in how many seconds."""
        rates = self.rates
        budgets = [("", rates.per_second, _SECOND), (place, rates.per_chat_per_second, _SECOND)]
        if place.startswith(("-", "@")):
            budgets.append((place, rates.per_group_per_minute, _MINUTE))
        return budgets

    def _refuse_during_ban(self, bot_id: int, place: str, now: float) -> None:
        until = self._banned.get((bot_id, place), 0)
        if until <= now:
            return
        self.during_ban += 1
        if self.rates.extend:
            until = self._banned[bot_id, place] = now + self.rates.retry_after
        self._refuse(until - now)

    def _recent(self, budget: tuple[int, str, float], now: float) -> int:
        sent = self._sent[budget]
        while sent and sent[0] <= now - budget[2]:
            sent.popleft()
        return len(sent)

    def _refuse(self, seconds: float) -> None:
        self.refused += 1
        raise too_many_requests(max(1, math.ceil(seconds)))


def _weight(params: dict[str, Any]) -> int:
    """How many messages a call sends."""
    many = params.get("message_ids") or params.get("media")
    return len(many) if isinstance(many, list) and many else 1
