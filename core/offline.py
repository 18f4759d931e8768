"""A process that changes nothing outside of itself: no connection, no program, no file written.

For replays, which run plugins' code for real. Python tells of each connect, open and unlink by an
audit event (PEP 578) before it happens; here they are refused as a machine without network and
with a read-only disk refuses them, so that plugins take it as they take that. What a library does
in machine code of its own isn't told of: the core's HTTP client is such a one, and a replay has
another wire in its place.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (0, 1),  # what it leads to could be written by the link
    "os.symlink": (1,),
    "os.utime": (0,),
}
"""Events of the file system → which of their arguments are paths that change."""
_CONNECTIONS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.startfile")

_folder: str | None = None
"""The one folder that may be written while a process is offline; None while it isn't."""
_refused: list[str] = []
_installed = False


@contextmanager
def offline(folder: Path) -> Iterator[list[str]]:
    """While the block runs, all threads of this process are without network and programs, and can
    write files in `folder` alone, where temporary ones go. The list has what was refused."""
    global _folder, _installed
    if not _installed:  # a hook stays for good; without a folder it does nothing
        sys.addaudithook(_hook)
        _installed = True
    _refused.clear()
    before, bytecode = tempfile.tempdir, sys.dont_write_bytecode
    tempfile.tempdir, sys.dont_write_bytecode = str(folder), True
    _folder = os.path.realpath(folder)
    try:
        yield _refused
    finally:
        _folder = None
        tempfile.tempdir, sys.dont_write_bytecode = before, bytecode


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _folder is None:
        return
    if event == "open":
        path, _, flags = args
        if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int):
            _write(path)
    elif (paths := _CHANGES.get(event)) is not None:
        for at in paths:
            if not isinstance(args[at], int):
                _write(args[at], only_existing=event in ("os.remove", "os.rmdir"))
    elif event in _CONNECTIONS:
        _refuse(f"connect to {_address(event, args)}", errno.ENETUNREACH)
    elif event in _PROGRAMS:
        _refuse(f"start {_program(args)}", errno.EACCES)


def _write(path: Any, *, only_existing: bool = False) -> None:
    real = os.path.realpath(os.fsdecode(path))
    inside = real == _folder or real.startswith(f"{_folder}{os.sep}")
    if inside or real in (os.devnull, "/dev/tty"):
        return
    if only_existing and not os.path.lexists(real):
        return  # that it isn't there is what the caller hears
    _refuse(f"write {real}", errno.EROFS)


def _refuse(what: str, code: int) -> None:
    if what not in _refused:
        _refused.append(what)
    raise OSError(code, f"offline: this would {what}")


def _address(event: str, args: tuple[Any, ...]) -> str:
    where = args[0] if event == "socket.getaddrinfo" else args[1] if len(args) > 1 else ""
    if isinstance(where, tuple):
        return ":".join(str(part) for part in where[:2])
    return os.fsdecode(where) if isinstance(where, bytes) else str(where)


def _program(args: tuple[Any, ...]) -> str:
    return str(args[0]) if args else "a program"
