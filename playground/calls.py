"""The log of Bot API calls, for tests and for the curious."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

_KEPT = 50_000
_LONG = 2_000


@dataclass(slots=True)
class Logged:
    """A call and its answer."""

    seq: int
    at: float
    """Unix time in seconds at which it began."""
    ms: float
    bot: str
    method: str
    params: dict[str, Any]
    status: int
    error: str
    """The description of an error, or the fault."""
    result: Any
    """Of a call that went well; getUpdates: how many there were."""

    def as_json(self) -> dict[str, Any]:
        """As the control API shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


class CallLog:
    """The latest calls, and how many there were of each method."""

    def __init__(self) -> None:
        self._calls: deque[Logged] = deque(maxlen=_KEPT)
        self._numbers = count(1)
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def add(
        self,
        *,
        at: float,
        ms: float,
        bot: str,
        method: str,
        params: dict[str, Any],
        status: int,
        error: str,
        result: Any,
    ) -> None:
        """Note a call. Idle polls are counted and not kept."""
        self.counts[method] += 1
        if error:
            self.errors[method] += 1
        if method == "getUpdates" and result == 0:
            return
        self._calls.append(
            Logged(next(self._numbers), at, ms, bot, method, params, status, error, result)
        )

    def since(self, after: int, method: str, limit: int) -> list[Logged]:
        """Calls with a number above `after`, oldest first; of one method when it is given."""
        found: list[Logged] = []
        for call in reversed(self._calls):
            if call.seq <= after:
                break
            if not method or call.method.lower() == method.lower():
                found.append(call)
        return found[::-1][:limit]

    def latest(self, limit: int) -> list[Logged]:
        """The last calls, oldest first."""
        return list(islice(reversed(self._calls), limit))[::-1]

    def kept(self) -> Iterable[Logged]:
        """All that are kept, oldest first."""
        return self._calls

    def clear(self) -> None:
        """Forget everything."""
        self._calls.clear()
        self.counts.clear()
        self.errors.clear()


def loggable(value: Any) -> Any:
    """A parameter as the log keeps it: uploads by their name and size, texts not endless."""
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:_LONG]}… ({len(value)} characters)"
    if hasattr(value, "stream"):
        return {"file": value.name, "size": value.size}
    return value
