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
from typing import Any, NoReturn

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES: dict[str, dict[int, int | None]] = {
    "os.remove": {0: 1},
    "os.rename": {0: 2, 1: 3},
    "os.rmdir": {0: 1},
    "os.mkdir": {0: 2},
    "os.truncate": {0: None},
    "os.chmod": {0: 2},
    "os.chown": {0: 3},
    "os.link": {0: 2, 1: 3},  # what it leads to could be written by the link
    "os.symlink": {1: 2},
    "os.utime": {0: 3},
}
"""Events of the file system → which of their arguments are paths that change, each with the one
that may be the open folder in which the path begins."""
_REMOVALS = ("os.remove", "os.rmdir")
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
        for at, folder in paths.items():
            if not isinstance(args[at], int):
                begins = args[folder] if folder is not None and folder < len(args) else None
                _write(_in(begins, args[at]), only_existing=event in _REMOVALS)
    elif event in _CONNECTIONS:
        _refuse(f"connect to {_address(event, args)}", errno.ENETUNREACH)
    elif event in _PROGRAMS:
        _refuse(f"start {_program(args)}", errno.EACCES)


def _in(folder: Any, path: Any) -> str:
    """A path that may begin in a folder that is open, as a number."""
    name = os.fsdecode(path)
    if not isinstance(folder, int) or folder < 0 or name.startswith(os.sep):
        return name
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)  # noqa: PTH115, PTH118
    except OSError:
        _refuse(f"change {name} in an open folder", errno.EROFS)


def _write(path: Any, *, only_existing: bool = False) -> None:
    real = os.path.realpath(os.fsdecode(path))
    inside = real == _folder or real.startswith(f"{_folder}{os.sep}")
    if inside or real in (os.devnull, "/dev/tty"):
        return
    if only_existing and not os.path.lexists(real):
        return  # that it isn't there is what the caller hears
    _refuse(f"write {real}", errno.EROFS)


def _refuse(what: str, code: int) -> NoReturn:
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
