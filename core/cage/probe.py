"""Looks from inside a child which walls stand: tries what a hostile file would, and reports."""

from __future__ import annotations

import errno
import os
import resource
import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

PROMISES = {
    "memory": "limit its memory (RLIMIT_AS)",
    "network": "keep it from the network (seccomp, or a network namespace)",
    "reading": "keep it from reading other files (Landlock)",
    "writing": "keep it from writing files (Landlock)",
    "programs": "keep it from starting programs (seccomp)",
    "signals": "keep it from other processes (seccomp)",
}
"""What each wall holds, and what holds it."""


def look(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """`metadata`: wall → whether it stands."""
    metadata = {
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY,
        "network": not _reaches_out(),
        "reading": not _reads(Path(os.sep, "etc", "passwd")),
        "writing": not _writes(Path(os.sep, "tmp")),
        "programs": not _starts(),
        "signals": not _signals(os.getppid()),
    }
    return {"sections": [], "metadata": metadata}


def _reaches_out() -> bool:
    """Nothing is sent: connecting a datagram socket only asks for a way there."""
    with suppress(OSError), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.connect(("127.0.0.1", 9))
        return True
    return False


def _reads(path: Path) -> bool:
    with suppress(OSError), path.open("rb"):
        return True
    return False


def _writes(folder: Path) -> bool:
    """A file without a name: it leaves nothing behind."""
    with suppress(OSError, AttributeError):
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))
        return True
    return False


def _starts() -> bool:
    """A program that isn't there: is it looked for?"""
    try:
        os.execv(os.path.join(os.sep, "no", "such", "program"), ["program"])  # noqa: PTH118, S606
    except OSError as error:
        return error.errno != errno.EPERM


def _signals(pid: int) -> bool:
    with suppress(OSError):
        os.kill(pid, 0)
        return True
    return False
