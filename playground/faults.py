"""Faults on demand: the next calls of a method answer 429 or 500, hang, or break off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Literal, get_args

from playground.errors import ControlError

Kind = Literal["429", "error", "hang", "delay", "reset", "reset_after"]
"""429: refused with `retry_after`. error: refused with `code` and `description`. hang: no answer
for `seconds`, then reset. delay: played after `seconds`. reset: the connection breaks, nothing is
done. reset_after: done, and then the connection breaks, so that the bot can't know."""

KINDS: tuple[str, ...] = get_args(Kind)


@dataclass
class Fault:
    """What happens to the next `times` calls that fit."""

    kind: Kind
    method: str = "*"
    """Lower case; `*` fits all but getUpdates, "download" is the fetching of a file."""
    times: int = 1
    skip: int = 0
    """Calls that pass before the first fault."""
    chat_id: int = 0
    """Only calls about this chat; 0 fits all."""
    retry_after: int = 1
    code: int = 500
    description: str = "Internal Server Error"
    seconds: float = 30.0
    id: int = 0
    used: int = 0

    def fits(self, method: str, params: dict[str, Any]) -> bool:
        """Whether it is meant for this call."""
        if self.method != method and (self.method != "*" or method == "getupdates"):
            return False
        return not self.chat_id or str(params.get("chat_id")) == str(self.chat_id)


class Faults:
    """The faults that are waiting, in the order they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers = count(1)

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Ask for a fault; raises ControlError for one that can't be."""
        if wanted.get("kind") not in KINDS:
            raise ControlError(f"kind must be one of {', '.join(KINDS)}")
        try:
            fault = Fault(**wanted)
        except TypeError as error:
            raise ControlError(f"no such fault: {error}") from None
        fault.method = fault.method.lower()
        fault.id = next(self._numbers)
        self._faults.append(fault)
        return fault

    def next(self, method: str, params: dict[str, Any]) -> Fault | None:
        """The fault for a call, used up by it."""
        for fault in self._faults:
            if not fault.fits(method, params):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.used += 1
            if fault.used >= fault.times:
                self._faults.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        """Forget them all."""
        self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Those that are left."""
        return [asdict(fault) for fault in self._faults]
