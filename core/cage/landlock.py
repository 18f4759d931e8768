"""Landlock: which files a process may still open (Linux from 5.13 on). Versions of the interface
("ABI") add to it; what the kernel doesn't know yet is left out."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from core.cage import kernel

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
"""The same on every machine."""
_ASK_VERSION = 1
_PATH_BENEATH = 1

# LANDLOCK_ACCESS_FS_… of linux/landlock.h.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE = 1 << 14
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_BITS_BY_ABI = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many of them a version knows."""
_FIRST_WITH_NETWORK, _FIRST_WITH_SCOPES = 4, 6
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
DEVICE = _READ_FILE | _WRITE_FILE
SCRATCH = READ | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scope", ctypes.c_uint64),
    )


class Rule(ctypes.Structure):
    """A path and what is allowed there. It holds a descriptor of the path."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


@cache
def version() -> int:
    """Of the interface; 0 if the kernel has none, or it is switched off."""
    if not kernel.LINUX:
        return 0
    with suppress(OSError):
        return kernel.syscall(_CREATE, None, 0, _ASK_VERSION)
    return 0


def confines_signals() -> bool:
    """Signals reach only what the confined process started itself."""
    return version() >= _FIRST_WITH_SCOPES


def rule(path: str, rights: int) -> Rule | None:
    """`rights` for a file, or for a folder with all in it; None if there is no such path. Made in
    the sandbox's parent once, a rule costs its children a system call each."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights &= _ON_FILES
    return Rule(rights & _known(), place)


def confine(rules: Iterable[Rule | None]) -> None:
    """From here on this process and all that it starts may do with files only what the rules
    allow, and nothing over TCP. Raises OSError. Needs PR_SET_NO_NEW_PRIVS."""
    abi = version()
    wanted = _Ruleset(_known(), _BIND_AND_CONNECT_TCP, _ABSTRACT_SOCKETS_AND_SIGNALS)
    size = 8 + 8 * (abi >= _FIRST_WITH_NETWORK) + 8 * (abi >= _FIRST_WITH_SCOPES)
    ruleset = kernel.syscall(_CREATE, ctypes.byref(wanted), size, 0)
    try:
        for one in rules:
            if one is not None:
                kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(one), 0)
        kernel.syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


@cache
def _known() -> int:
    """The rights that this kernel knows; it refuses to hear of others."""
    abi = version()
    return (1 << max(bits for first, bits in _BITS_BY_ABI.items() if first <= abi)) - 1
