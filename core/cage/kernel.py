"""The few calls to Linux that Python doesn't have, by way of libc."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache

LINUX = sys.platform.startswith("linux")
MACHINE = platform.machine()

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 1, 4, 8
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 22, 38, 47


@cache
def libc() -> ctypes.CDLL:
    """Loaded before the first fork: a child needs no memory of its own for it."""
    loaded = ctypes.CDLL(None, use_errno=True)
    loaded.syscall.restype = ctypes.c_long
    return loaded


def call(name: str, *arguments: object) -> int:
    """A function of libc that says -1 and errno. Raises OSError."""
    done: int = getattr(libc(), name)(*arguments)
    if done == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return done


def syscall(number: int, *arguments: object) -> int:
    """Raises OSError. Whole numbers are passed as C longs."""
    return call(
        "syscall",
        *(ctypes.c_long(one) if isinstance(one, int) else one for one in (number, *arguments)),
    )


def prctl(option: int, *arguments: int) -> int:
    """Raises OSError. The kernel wants the arguments that aren't used to be 0."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return call("prctl", option, *map(ctypes.c_ulong, padded))
