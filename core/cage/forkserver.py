"""The sandbox's parent process: preloads the processors' libraries and forks one child per file.

Started by `core.sandbox` as `python -m core.cage.forkserver <fd>`, so it holds no secret of its
owner and imports neither an event loop nor the database nor Telegram. Over the socket `fd` (the
door) come two descriptors per run: `control` (request in, verdict out, closed by the owner to
cancel) and `result` (the child's JSON). It ends when the door closes.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Container
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, cast

import orjson

from core.cage import kernel, walls
from core.cage.limits import REASONS

_LENGTH = struct.Struct("!I")
VERDICT = struct.Struct("!iddQ8s")
"""wait status (-1: no child), CPU seconds, wall seconds, peak memory in KiB, why we stopped it."""

_OUT_OF_MEMORY = b'{"refused":"memory"}'
_TOO_LONG = b'{"refused":"output"}'
_NO_FILE = b'{"refused":"unsafe","message":"not a regular file, but a link or a device"}'
_DOOR = "plugram"
"""The door for plugins: processors import it late, and a child finds no new package."""
_RESULT_FD = 3
_SCRATCH = "plugram-sandbox-"
_TEXT_OF_ERROR = 300
_WATCH_EVERY = 0.1
"""Seconds between looks at what the programs of a child use together."""


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
    limits: dict[str, Any]
    scratch: str
    """Its own folder; empty for a child that may start no programs, and so writes nothing."""
    stopped: str = ""
    """Why we stopped it."""


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
        self._scratch = Scratch()

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
            self._watch()
            self._reap()

    def _patience(self) -> float | None:
        """Milliseconds until the next deadline."""
        if not self._children:
            return None
        first = min(child.deadline for child in self._children.values())
        patience = max(0.0, first - time.monotonic())
        if any(child.scratch for child in self._children.values()):
            patience = min(patience, _WATCH_EVERY)
        return patience * 1000 + 1

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
                _report(control, -1, 0.0, 0.0, 0, "")
        return True

    def _fork(self, control: socket.socket, result: socket.socket, request: dict[str, Any]) -> None:
        self._preload(request)
        limits, scratch = request["limits"], ""
        if request["programs"]:
            scratch = limits["scratch"] = self._scratch.folder()
        owner = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_child(owner, result, request)
        now = time.monotonic()
        end = now + limits["wall_seconds"]
        self._children[pid] = _Running(control, now, end, limits, scratch)
        # No events asked for: poll reports a hang-up of its own accord, and that's the cancel.
        self._poll.register(control.fileno(), 0)

    def _preload(self, request: dict[str, Any]) -> None:
        """Import what the processor needs, here and once; a failure is the child's to report."""
        modules = [_DOOR, *request["preload"], request["target"].partition(":")[0]]
        fresh = [name for name in modules if name not in self._loaded]
        for name in fresh:
            self._loaded.add(name)
            with contextlib.suppress(Exception):
                import_module(name)
        for name in request["programs"]:
            walls.executable(name)
        if fresh:
            walls.survey()
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
                child.stopped = child.stopped or "wall"
                child.deadline = now + 1  # a process in the kernel's hands may need a second blow

    def _watch(self) -> None:
        """What a child and its programs use together; alone, each is held by the kernel."""
        watched = {pid: child for pid, child in self._children.items() if child.scratch}
        if not watched:
            return
        for pid, (number, memory) in _groups(watched).items():
            child = watched[pid]
            if memory > child.limits["memory_mb"] << 20:
                child.stopped = "memory"
            elif number > child.limits["processes"] + 1:
                child.stopped = "unsafe"
            elif _size(child.scratch) > child.limits["write_mb"] << 20:
                child.stopped = "output"
            else:
                continue
            _kill(pid)

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
            _report(child.control, status, cpu, wall, usage.ru_maxrss, child.stopped)
            if child.scratch:
                shutil.rmtree(child.scratch, ignore_errors=True)

    def _leave(self) -> None:
        for pid in self._children:
            _kill(pid)
        self._scratch.remove()


class Scratch:
    """Folders that children may write to. Those of parents that were killed go at the first use."""

    def __init__(self) -> None:
        self._folder = ""

    def folder(self) -> str:
        """A new one, open to whoever knows its name: the child may be another user."""
        if not self._folder:
            self._sweep()
            self._folder = tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-")
            os.chmod(self._folder, 0o711)  # noqa: PTH101, S103 - nobody else lists it
        folder = tempfile.mkdtemp(dir=self._folder)
        if os.geteuid() == 0:
            os.chmod(folder, 0o777)  # noqa: PTH101, S103
        return folder

    def remove(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _sweep(self) -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
            pid = folder.name.removeprefix(_SCRATCH).partition("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _groups(leaders: Container[int]) -> dict[int, tuple[int, int]]:
    """Leader of a process group → (processes in it, bytes of memory that they hold together)."""
    found: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = entry.read_text().rpartition(")")[2].split()
            leader, resident = int(fields[2]), int(fields[21])
            if leader in leaders:
                number, memory = found.get(leader, (0, 0))
                found[leader] = number + 1, memory + resident * resource.getpagesize()
    return found


def _size(folder: str) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118
    return total


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


def _report(
    control: socket.socket, status: int, cpu: float, wall: float, peak: int, stopped: str
) -> None:
    with control, contextlib.suppress(OSError):
        control.send(VERDICT.pack(status, cpu, wall, peak, stopped.encode()))


# -- child ----------------------------------------------------------------------------------------


def _become_child(parent: int, result: socket.socket, request: dict[str, Any]) -> NoReturn:
    """Never returns and never unwinds into the parent's frames."""
    try:
        _fence(parent, result.fileno(), request)
        with socket.socket(fileno=_RESULT_FD) as out:
            out.sendall(_work(request))
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nobody above may catch it: they are the parent's frames
        os._exit(70)


def _fence(parent: int, result_fd: int, request: dict[str, Any]) -> None:
    limits = request["limits"]
    scratch = limits.get("scratch", "")
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(scratch or "/")
    if scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
    walls.raise_for_one(request["path"], programs=request["programs"], scratch=scratch)
    _die_with(parent)
    _keep_only(result_fd)
    # Addresses come last: what is above needs a little memory of its own.
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits["write_mb"] << 20)
    _limit(resource.RLIMIT_NOFILE, limits["open_files"])
    if walls.counted_apart() or not limits["processes"]:
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
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(70)


def _work(request: dict[str, Any]) -> bytes:
    limits = request["limits"]
    try:
        if not stat.S_ISREG(os.lstat(request["path"]).st_mode):
            return _NO_FILE
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
    walls.raise_for_all()
    Parent(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
