"""No process that a job started outlives the worker.

A job in a thread that waits for a program can't be stopped, and ends with the worker; its program
would go on, working for nobody.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from core.log import get_logger

log = get_logger("worker")


def end() -> None:
    """Kill all processes below this one. Where there is no /proc, nothing."""
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            log.warning("killed what a job left running", pid=pid)


def descendants(pid: int) -> list[int]:
    """The processes below one that run, the nearer before the farther."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, *_ = file.read_text().rpartition(")")[2].split()
            if state != "Z":
                children.setdefault(int(parent), []).append(int(file.parent.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, ()))
    return found[1:]
