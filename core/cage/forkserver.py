"""The sandbox's parent process: preloads the processors' libraries and forks one child per file.

Started by `core.sandbox` as `python -m core.cage.forkserver <fd>`, so it holds no secret of its
owner and imports neither an event loop nor the database nor Telegram. Over the socket `fd` (the
door) come two descriptors per run: `control` (request in, verdict out, closed by the owner to
cancel) and `result` (the child's JSON). It ends when the door closes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn, cast

import orjson

from core.cage.limits import REASONS

_LENGTH = struct.Struct("!I")
VERDICT = struct.Struct("!iddQ")
"""wait status (-1: no child), CPU seconds, wall seconds, peak memory in KiB."""

_OUT_OF_MEMORY = b'{"refused":"memory"}'
_TOO_LONG = b'{"refused":"output"}'
_RESULT_FD = 3
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_TEXT_OF_ERROR = 300


def send_request(control: socket.socket, request: dict[str, Any]) -> None:
    """Owner's side: a length, then JSON."""
    body = orjson.dumps(request)
    control.sendall(_LENGTH.pack(len(body)) + body)


def _read_request(control: socket.socket) -> dict[str, Any]:
    """The owner has written all of it before it knocked, so this doesn't wait."""
    (length,) = _LENGTH.unpack(_exactly(control, _LENGTH.size))
    return cast("dict[str, Any]", orjson.loads(_exactly(control, length)))


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError("the owner left in the middle of a request")
        data += part
    return data


# -- parent ---------------------------------------------------------------------------------------


@dataclass
class _Running:
    control: socket.socket
    started: float
    deadline: float


class Parent:
    """Forks, watches deadlines and cancellations, reaps and reports."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._children: dict[int, _Running] = {}
        self._poll = select.poll()
        self._poll.register(door.fileno(), select.POLLIN)
        self._bell = _child_bell()
        self._poll.register(self._bell, select.POLLIN)
        self._loaded: set[str] = set()

    def serve(self) -> None:
        while True:
            for fd, _ in self._poll.poll(self._patience()):
                if fd == self._door.fileno():
                    if not self._answer():
                        return self._leave()
                elif fd == self._bell:
                    _drain(self._bell)
                else:
                    self._cancel(fd)
            self._stop_overdue()
            self._reap()

    def _patience(self) -> float | None:
        """Milliseconds until the next deadline."""
        if not self._children:
            return None
        first = min(child.deadline for child in self._children.values())
        return max(0.0, first - time.monotonic()) * 1000 + 1

    def _answer(self) -> bool:
        """Take one run from the door; False when the owner is gone."""
        try:
            knock, fds, _, _ = socket.recv_fds(self._door, 1, 2)
        except ConnectionError:
            return False
        if not knock:
            return False
        control, result = (socket.socket(fileno=fd) for fd in fds)
        with result:
            try:
                self._fork(control, result, _read_request(control))
            except (OSError, EOFError, orjson.JSONDecodeError) as error:
                print(f"plugram sandbox: {error}", file=sys.stderr)  # noqa: T201 - it has no log
                _report(control, -1, 0.0, 0.0, 0)
        return True

    def _fork(self, control: socket.socket, result: socket.socket, request: dict[str, Any]) -> None:
        self._preload(request)
        owner = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_child(owner, result, request)
        now = time.monotonic()
        self._children[pid] = _Running(control, now, now + request["limits"]["wall_seconds"])
        # No events asked for: poll reports a hang-up of its own accord, and that's the cancel.
        self._poll.register(control.fileno(), 0)

    def _preload(self, request: dict[str, Any]) -> None:
        """Import what the processor needs, here and once; a failure is the child's to report."""
        modules = [*request["preload"], request["target"].partition(":")[0]]
        fresh = [name for name in modules if name not in self._loaded]
        for name in fresh:
            self._loaded.add(name)
            with contextlib.suppress(Exception):
                import_module(name)
        if fresh:
            gc.collect()
            gc.freeze()  # keeps the children's collector from copying the parent's pages

    def _cancel(self, fd: int) -> None:
        for pid, child in self._children.items():
            if child.control.fileno() == fd:
                _kill(pid)
        self._poll.unregister(fd)

    def _stop_overdue(self) -> None:
        now = time.monotonic()
        for pid, child in self._children.items():
            if child.deadline <= now:
                _kill(pid)
                child.deadline = now + 1  # a process in the kernel's hands may need a second blow

    def _reap(self) -> None:
        for pid in list(self._children):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill(pid)  # what it may have started, while its id is still its own
            _, status, usage = os.wait4(pid, 0)
            child = self._children.pop(pid)
            with contextlib.suppress(KeyError):
                self._poll.unregister(child.control.fileno())
            cpu = usage.ru_utime + usage.ru_stime
            wall = time.monotonic() - child.started
            _report(child.control, status, cpu, wall, usage.ru_maxrss)

    def _leave(self) -> None:
        for pid in self._children:
            _kill(pid)


def _child_bell() -> int:
    """A pipe that rings on SIGCHLD."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 512):
            pass


def _kill(pid: int) -> None:
    """The child and all of its group (it leads one from its first instruction on)."""
    for stop in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            stop(pid, signal.SIGKILL)
            return


def _report(control: socket.socket, status: int, cpu: float, wall: float, peak: int) -> None:
    with control, contextlib.suppress(OSError):
        control.send(VERDICT.pack(status, cpu, wall, peak))


# -- child ----------------------------------------------------------------------------------------


def _become_child(parent: int, result: socket.socket, request: dict[str, Any]) -> NoReturn:
    """Never returns and never unwinds into the parent's frames."""
    try:
        _fence(parent, result.fileno(), request["limits"])
        with socket.socket(fileno=_RESULT_FD) as out:
            out.sendall(_work(request))
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nobody above may catch it: they are the parent's frames
        os._exit(70)


def _fence(parent: int, result_fd: int, limits: dict[str, Any]) -> None:
    os.setsid()
    _die_with(parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _keep_only(result_fd)
    os.chdir("/")
    # Addresses come last: what is above needs a little memory of its own.
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits["write_mb"] << 20)
    _limit(resource.RLIMIT_NOFILE, limits["open_files"])
    _limit(resource.RLIMIT_NPROC, limits["processes"])
    _limit(resource.RLIMIT_CPU, limits["cpu_seconds"], spare=1)
    _limit(resource.RLIMIT_AS, limits["memory_mb"] << 20)


def _limit(kind: int, soft: int, *, spare: int = 0) -> None:
    """Never above the hard limit that the operating system gave the bot itself."""
    _, hard = resource.getrlimit(kind)
    top = soft + spare if hard == resource.RLIM_INFINITY else min(soft + spare, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and refuses to set it
        resource.setrlimit(kind, (min(soft, top), top))


def _keep_only(result_fd: int) -> None:
    """Nothing to read from, nobody to talk to: every descriptor but the result's is closed."""
    nothing = os.open(os.devnull, os.O_RDWR)
    held = os.dup(result_fd)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.dup2(held, _RESULT_FD)
    os.closerange(_RESULT_FD + 1, max(nothing, held, *_open_fds()) + 1)


def _open_fds() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208
    return [1024]


def _die_with(parent: int) -> None:
    """A child whose parent was killed outlives nobody (Linux; elsewhere its limits end it)."""
    if not sys.platform.startswith("linux"):
        return
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died in between
        os._exit(70)


def _libc() -> ctypes.CDLL:
    global _loaded_libc
    if _loaded_libc is None:
        _loaded_libc = ctypes.CDLL(None, use_errno=True)
    return _loaded_libc


_loaded_libc: ctypes.CDLL | None = None


def _work(request: dict[str, Any]) -> bytes:
    limits = request["limits"]
    try:
        answer = {"ok": _function(request["target"])(request["path"], limits)}
    except MemoryError:
        return _OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001 - libraries raise what they like at bad files
        answer = _refusal(error)
    try:
        body = _dump(answer)
    except MemoryError:
        return _OUT_OF_MEMORY
    return body if len(body) <= limits["output_mb"] << 20 else _TOO_LONG


def _function(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _refusal(error: Exception) -> dict[str, Any]:
    """An exception with a `reason` speaks for the file; any other means that it can't be read."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return {"refused": "memory"}
    reason = getattr(error, "reason", None)
    told = str(getattr(error, "message", error))[:_TEXT_OF_ERROR]
    if isinstance(reason, str) and reason in REASONS:
        return {"refused": reason, "message": told, "limit": str(getattr(error, "limit", ""))}
    return {"refused": "corrupt", "message": f"{type(error).__name__}: {told}"}


def _dump(answer: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(answer)
    except TypeError:  # lone surrogates, which some formats let through
        return orjson.dumps(_clean(answer))


def _clean(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case dict():
            return {str(key): _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


def main() -> None:
    """Ctrl-C and a service manager's SIGTERM reach everybody: the owner decides, by the door."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        _libc()
    Parent(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
