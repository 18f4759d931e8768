"""`plugram run` whose watching can be switched: SIGUSR2 stops metrics, traces and the recorder,
SIGUSR1 lets them go on. For the benchmark of what they cost."""

import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from prometheus_client import Counter, Gauge, Histogram

from core.__main__ import main
from core.host.hooks import Hooks
from core.telegram import intake
from core.telegram.recorder import Recorder


def nothing(*_: Any, **__: Any) -> None:
    """In place of what is switched off."""


def no_number() -> str:
    return "0" * 16


NO_TRACE = contextlib.nullcontext()


def no_trace(*_: Any, **__: Any) -> Any:
    return NO_TRACE


SWITCHED: list[tuple[Any, str, Any]] = [
    (Counter, "inc", nothing),
    (Gauge, "set", nothing),
    (Histogram, "observe", nothing),
    (intake, "new_trace", no_number),
    (Hooks, "trace", no_trace),
    (Hooks, "step", staticmethod(nothing)),
    (Recorder, "begin", nothing),
]
WATCHING = [vars(owner)[name] for owner, name, _ in SWITCHED]


def switch(number: int, _: object) -> None:
    for (owner, name, off), on in zip(SWITCHED, WATCHING, strict=True):
        setattr(owner, name, on if number == signal.SIGUSR1 else off)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, switch)
    signal.signal(signal.SIGUSR2, switch)
    sys.exit(main())
