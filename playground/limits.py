"""Telegram's limits on sending, for tests of bots that send a lot; off unless asked for.

A call above a limit is refused with 429 and bans its chat, or the whole bot for the overall limit,
until `retry_after` is over. A call during a ban is refused as well.
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


@dataclass(frozen=True)
class Rates:
    """What is allowed; 0 is no limit."""

    per_second: int = 0
    per_chat_per_second: int = 0
    retry_after: int = 3


class Limits:
    """Counts what was sent in the last second, overall and per chat."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.rates = Rates()
        self.refused = 0
        self.during_ban = 0
        """Calls that came although the bot had been told to wait."""
        self._sent: dict[str, deque[float]] = defaultdict(deque)
        self._banned: dict[str, float] = {}

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

    def check(self, method: str, params: dict[str, Any]) -> None:
        """Count a call; raises ApiError 429."""
        rates = self.rates
        if not (rates.per_second or rates.per_chat_per_second):
            return
        if not method.startswith(_LIMITED) or method.lower() in _FREE:
            return
        now = self._clock()
        budgets = [("", rates.per_second), (str(params.get("chat_id")), rates.per_chat_per_second)]
        for place, _ in budgets:
            if self._banned.get(place, 0) > now:
                self.during_ban += 1
                self._refuse(self._banned[place] - now)
        for place, allowed in budgets:
            if allowed and self._recent(place, now) >= allowed:
                self._banned[place] = now + rates.retry_after
                self._refuse(rates.retry_after)
        for place, allowed in budgets:
            if allowed:
                self._sent[place].append(now)

    def _recent(self, place: str, now: float) -> int:
        sent = self._sent[place]
        while sent and sent[0] <= now - 1:
            sent.popleft()
        return len(sent)

    def _refuse(self, seconds: float) -> None:
        self.refused += 1
        raise too_many_requests(max(1, math.ceil(seconds)))
