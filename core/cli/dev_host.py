"""The warm parent of `plugram dev`: holds the imported libraries, forks a bot for each restart.

It imports third-party packages alone (aiogram through `core.aio`), so that a forked bot starts
with the code of core and plugins as it is on disk now. It has one thread: a fork would take no
other one along. Commands come as lines of JSON on standard input, events go out on a pipe; at the
end of input the bot is stopped and the host ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

OURS = frozenset({"core", "plugins", "plugram", "settings", "playground"})

# Their import starts threads (linear algebra), or they mean something to this process alone.
_NOT_HERE = ("numpy", "usearch", "numkong", "onnxruntime", "PIL", "scipy", "pypdfium2")

GRACE = 1.0
"""Seconds for a bot to stop; then it is asked a second time, which means at once."""
LAST_GRACE = 0.5
"""Seconds after that until it is killed. Nothing is lost: what it had is taken up again."""

Spec = dict[str, Any]


class Host:
    """One bot at a time."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._child = 0
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Until standard input ends."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _note)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._commands)
        self._selector.register(wake_read, selectors.EVENT_READ, lambda: self._reaped(wake_read))
        self.tell(event="warm", cpu=time.process_time())
        while self._selector.get_map():
            for key, _ in self._selector.select():
                if key.data() is False:
                    self.stop()
                    return

    def tell(self, **event: Any) -> None:
        with suppress(BrokenPipeError):
            os.write(self._events, json.dumps(event).encode() + b"\n")

    def _commands(self) -> bool:
        """Whether there is more to come."""
        lines = os.read(sys.stdin.fileno(), 1 << 20)
        for line in lines.splitlines():
            command = json.loads(line)
            if command["do"] == "start":
                self.stop()
                self.start(command["spec"])
            elif command["do"] == "stop":
                self.stop()
            elif command["do"] == "warm":
                warm(command["modules"])
        return bool(lines)

    def start(self, spec: Spec) -> None:
        self._child = os.fork()
        if self._child == 0:
            self._selector.close()
            _become_bot(spec, self._events)
        self.tell(event="started", pid=self._child)

    def stop(self) -> None:
        """Ends the bot: asked, asked again, killed."""
        for request, patience in (
            (signal.SIGTERM, GRACE),
            (signal.SIGTERM, LAST_GRACE),
            (signal.SIGKILL, 10.0),
        ):
            if not self._child:
                return
            with suppress(ProcessLookupError):
                os.kill(self._child, request)
            self._wait(patience)

    def _wait(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while self._child and time.monotonic() < deadline:
            self._reap()
            if self._child:
                time.sleep(0.005)

    def _reaped(self, wake: int) -> bool:
        os.read(wake, 4096)
        self._reap()
        return True

    def _reap(self) -> None:
        if not self._child:
            return
        with suppress(ChildProcessError):
            pid, status = os.waitpid(self._child, os.WNOHANG)
            if pid == 0:
                return
            self.tell(event="exited", code=os.waitstatus_to_exitcode(status))
        self._child = 0


def _note(_: int, __: FrameType | None) -> None:
    """The wake-up descriptor carries the signal; without a handler it would be ignored."""


def warm(modules: Iterable[str]) -> None:
    """Imports libraries that a bot turned out to need. What can't be imported is left to it."""
    for name in modules:
        if name.partition(".")[0] not in (*OURS, *_NOT_HERE):
            with suppress(Exception):
                importlib.import_module(name)


# -- in the child -------------------------------------------------------------------------------


def _become_bot(spec: Spec, events: int) -> NoReturn:
    """Runs the bot in this fork, with code of ours as it is on disk."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent()
        # Not closed: the event loop would get descriptor 0 for something of its own.
        os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
        for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
            del sys.modules[name]
        importlib.invalidate_caches()
        code = importlib.import_module("core.cli.dev_bot").main(spec, events)
    except BaseException:  # noqa: BLE001 - a fork must never return into the host's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_with_parent() -> None:
    """Linux: SIGKILL for this process when the one that started it dies. Elsewhere nothing."""
    if sys.platform == "linux":
        import ctypes

        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    events = int(sys.argv[1])
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from core import aio

    aio.load()
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page it looks at
    Host(events).serve()


if __name__ == "__main__":
    main()
