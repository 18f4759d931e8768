"""What every drill is made of: a seed, a history, a checker, and deadlines for this machine.

    dice = harness.dice(7)                       # seeded: PLUGRAM_DRILL_SEED plays another game
    history = harness.History(tmp_path, seed=7)  # a line per thing that happened
    history.note("sent", 1); history.note("acknowledged", 1)
    history.note("effect", 1); history.note("ended", 1, state="done")
    history.check()                              # nothing lost, no phantom, nothing left undone

Counts are exact. Deadlines are guards against hanging: `harness.within(20)` is 20 s on a quiet
machine of two cores, and as much longer as this one is slower at the moment.
"""

from __future__ import annotations

import json
import logging
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

FULL = os.environ.get("PLUGRAM_DRILL") == "full"

log = logging.getLogger("drill")
log.setLevel(logging.INFO)

FRUITLESS = frozenset({"cancelled", "dead", "refused", "set aside"})
"""Ends that needn't have had an effect."""

_QUIET = 0.2
"""Seconds that `_YARDSTICK` takes on a quiet machine: a start of Python and a loop in it."""
_YARDSTICK = "import asyncio\nfor _ in range(1_000_000): pass"
_REMEMBERED, _FRESH = 120.0, 15.0
_seen: list[tuple[float, float]] = []


def form(full: T, short: T) -> T:
    """Of a drill's two forms, the one that is asked for: `KILLS = form(10, 3)`."""
    return full if FULL else short


# -- chance -------------------------------------------------------------------------------------


def seed(default: int) -> int:
    return int(os.environ.get("PLUGRAM_DRILL_SEED", default))


def dice(default: int) -> random.Random:
    """The drill's own, so that it can be played again."""
    return random.Random(seed(default))


# -- time ---------------------------------------------------------------------------------------


def factor() -> float:
    """How much slower this machine is than a quiet one, measured now or a moment ago; at least 1.
    It is the worst of the last two minutes: a deadline began to run a while ago."""
    now = time.monotonic()
    if not _seen or _seen[-1][0] < now - _FRESH:
        _seen.append((now, max(1.0, statistics.median(_once() for _ in range(3)) / _QUIET)))
    _seen[:] = [one for one in _seen if one[0] > now - _REMEMBERED]
    return max(found for _, found in _seen)


def within(seconds: float) -> float:
    """So many seconds of a quiet machine, in seconds of this one."""
    return seconds * factor()


def _once() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", _YARDSTICK], check=True)
    return time.perf_counter() - began


# -- history ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """A line of the history. `at`: seconds since 1970; `id`: of the input it is about, if any."""

    at: float
    what: str
    id: Any
    facts: dict[str, Any]


class History:
    """What happened, one line of JSON each, in a file that outlives whoever is killed. Several
    processes may write to it: a line is appended in one piece."""

    def __init__(self, folder: Path, *, seed: int = 0) -> None:
        self.path = folder / "history.jsonl"
        self.note("drill", seed=seed, form="full" if FULL else "short")

    def note(self, what: str, subject: Any = None, **facts: Any) -> None:
        """`sent`, `acknowledged`, `effect` and `ended` (with `state`) are what `check` reads; the
        others (`kill`, `fault`, …) are for people."""
        self.all(what, [subject], **facts)
        if subject is None:
            log.info("%s %s", what, facts or "")

    def all(self, what: str, ids: Iterable[Any], **facts: Any) -> None:
        """The same of many inputs at once."""
        at = time.time()
        lines = (
            json.dumps({"at": at, "what": what, "id": one, **facts}, default=str) + "\n"
            for one in ids
        )
        with self.path.open("a") as file:
            file.write("".join(lines))

    def read(self, *what: str) -> list[Event]:
        events = []
        for line in self.path.read_text().splitlines():
            facts = json.loads(line)
            event = Event(facts.pop("at"), facts.pop("what"), facts.pop("id"), facts)
            if not what or event.what in what:
                events.append(event)
        return events

    def ids(self, what: str) -> list[Any]:
        return [event.id for event in self.read(what)]

    def faults(self) -> list[Event]:
        return self.read("kill", "fault")

    def violations(self, *, once: bool = True, fruitless: Collection[str] = FRUITLESS) -> list[str]:
        """What is wrong with it: an input that was acknowledged and neither had its effect nor
        ended in one of the states `fruitless`; an effect of nothing that was sent; with `once`, an
        effect that happened twice; an input that reached no end, or two."""
        sent, acknowledged = set(self.ids("sent")), set(self.ids("acknowledged"))
        effects = Counter(self.ids("effect"))
        ends: dict[Any, set[str]] = {}
        for event in self.read("ended"):
            ends.setdefault(event.id, set()).add(event.facts.get("state", "done"))
        excused = {one for one, states in ends.items() if states & set(fruitless)}
        found = {
            "acknowledged and lost": acknowledged - set(effects) - excused,
            "phantoms": (set(effects) | set(ends) | acknowledged) - sent,
            "effects that happened twice": {
                one for one, number in effects.items() if once and number > 1
            },
            "without an end": sent - set(ends),
            "with more than one end": {one for one, states in ends.items() if len(states) > 1},
        }
        return [
            f"{len(ids)} {what}: {sorted(ids, key=str)[:20]}" for what, ids in found.items() if ids
        ]

    def check(
        self, *, faults: int = 0, once: bool = True, fruitless: Collection[str] = FRUITLESS
    ) -> None:
        """No violation, and at least so many faults: a drill without any proves nothing."""
        wrong = self.violations(once=once, fruitless=fruitless)
        if not self.ids("sent"):
            wrong.append("nothing was sent")
        if len(self.faults()) < faults:
            wrong.append(f"only {len(self.faults())} faults of {faults} happened")
        beginning = self.read("drill")[0].facts
        assert not wrong, f"seed {beginning['seed']}, {self.path}: {'; '.join(wrong)}"
