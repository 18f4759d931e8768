"""The watchdog: a thread that sees when a plugin holds the event loop, and says which one.

Code that blocks can't be interrupted from inside the loop, so nothing here stops it. The thread
looks at where the loop's thread is, names the plugin in the log while it lasts, and opens its
breaker as soon as the loop turns again.

Only what the plugin did counts: not the time in which the machine gave the loop no processor, nor
in which the whole process was stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from core.log import get_logger

if TYPE_CHECKING:
    from core.host.hooks import Hooks
    from core.host.plugin import Plugin

log = get_logger("watchdog")

LOOKS = 5
"""Looks within the limit: so many samples say where the time went."""
_IMPORTING = "<frozen importlib"
"""Files of frames that import: what is imported for the first time is slow once."""


@dataclass(frozen=True)
class Place:
    """Where the loop's thread was. `plugin`: the innermost that was at work, or empty."""

    plugin: str
    line: str
    importing: bool = False


@dataclass
class _Hold:
    """A time in which the loop didn't turn."""

    seconds: float = 0.0
    places: list[Place] = field(default_factory=list)
    told: bool = False

    @property
    def culprit(self) -> Place | None:
        """Whoever was at work in most samples, at the line where it was most often."""
        (plugin, number), *_ = Counter(place.plugin for place in self.places).most_common(1)
        if not plugin or number * 2 < len(self.places):
            return None
        own = Counter(place for place in self.places if place.plugin == plugin)
        return own.most_common(1)[0][0]


class Watchdog:
    """Watches the loop that it is started in."""

    def __init__(self, hooks: Hooks, plugins: Callable[[], Sequence[Plugin]], limit: float) -> None:
        """`limit`: seconds that a plugin may hold the loop until it is paused."""
        self._hooks = hooks
        self._plugins = plugins
        self._limit = limit
        self._over = threading.Event()
        self._turned = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        loop, clock = asyncio.get_running_loop(), _Clock()
        watched = threading.get_ident()
        self._thread = threading.Thread(
            target=self._watch, args=(loop, watched, clock), name="watchdog", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    # -- in the thread

    def _watch(self, loop: asyncio.AbstractEventLoop, watched: int, clock: _Clock) -> None:
        pause = self._limit / LOOKS
        while True:
            clock.start()
            if self._over.wait(pause):
                return
            place, hold = self._place(watched), _Hold()
            if (late := clock.lap(pause) - 2 * pause) > 0:  # no thread could run but the loop's
                self._add(hold, place, late, loop)
            self._turned.clear()
            try:
                loop.call_soon_threadsafe(self._turned.set)
            except RuntimeError:  # the loop is gone
                return
            while not self._turned.wait(pause) and not self._over.is_set():
                self._add(hold, self._place(watched), clock.lap(pause), loop)

    def _add(
        self, hold: _Hold, place: Place, seconds: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        hold.places.append(place)
        hold.seconds += seconds
        if hold.seconds >= self._limit and not hold.told:
            self._tell(hold, loop)

    def _place(self, watched: int) -> Place:
        frame = innermost = sys._current_frames().get(watched)  # noqa: SLF001 - the only way
        roots = {str(plugin.root): plugin.id for plugin in self._plugins()}
        importing = False
        while frame is not None:
            file = frame.f_code.co_filename
            importing = importing or file.startswith(_IMPORTING)
            for root, plugin in roots.items():
                if file == root or file.startswith(f"{root}/"):
                    return Place(plugin, _line(frame), importing)
            frame = frame.f_back
        return Place("", _line(innermost) if innermost is not None else "?")

    def _tell(self, hold: _Hold, loop: asyncio.AbstractEventLoop) -> None:
        hold.told = True
        place, seconds = hold.culprit, round(hold.seconds, 1)
        if place is None:
            at = Counter(one.line for one in hold.places).most_common(1)[0][0]
            log.error("the event loop stands still", seconds=seconds, at=at)
            return
        log.error(
            "a plugin holds the event loop", plugin=place.plugin, at=place.line, seconds=seconds
        )
        if not place.importing:
            breaker = self._hooks.breaker(place.plugin)
            why = f"holding the event loop for {self._limit:g} s and more at {place.line}"
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(breaker.trip, why, f"held:{place.line}")


def _line(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.name}:{frame.f_lineno} in {frame.f_code.co_name}"


class _Clock:
    """Seconds in which the thread that made it held something up by its own doing."""

    def __init__(self) -> None:
        thread = threading.get_ident()
        self._processor = getattr(time, "pthread_getcpuclockid", lambda _: None)(thread)
        self._delays = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self.start()

    def start(self) -> None:
        self._now = self._read()

    def lap(self, expected: float) -> float:
        """Since the last one. `expected`: how long the caller meant to wait for it."""
        before, self._now = self._now, self._read()
        passed, worked, waited = (now - then for now, then in zip(self._now, before, strict=True))
        own = passed - waited
        if passed > 2 * expected:
            # We weren't called in time: the thread worked and let nobody else, or all stood still.
            own = min(own, expected + worked)
        return max(own, 0.0)

    def _read(self) -> tuple[float, float, float]:
        """The time, the processor's time of the thread, and what it waited for a processor."""
        worked = time.clock_gettime(self._processor) if self._processor is not None else 0.0
        waited = 0.0
        with contextlib.suppress(OSError, IndexError):  # Linux alone tells it
            waited = int(self._delays.read_text().split()[1]) / 1e9
        return time.monotonic(), worked, waited
