"""Processors that behave and misbehave, for the sandbox's tests; run in its children alone."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Limits = dict[str, Any]


def read(path: str, limits: Limits) -> dict[str, Any]:
    text = Path(path).read_text()
    return {
        "sections": [{"text": text, "locator": {"line": 1}, "heading": "H"}],
        "metadata": {"words": len(text.split()), "nested": {"not": "plain"}},
        "language": "en",
        "warnings": ["odd"],
    }


def inside(path: str, limits: Limits) -> dict[str, Any]:
    """What a child can see of the world around it."""
    return {
        "sections": [],
        "metadata": {
            "environment": " ".join(f"{name}={value}" for name, value in os.environ.items()),
            "modules": " ".join(sorted(sys.modules)),
            "descriptors": len(list(Path("/dev/fd").iterdir())),
            "stdin": len(sys.stdin.read()),
            "pid": os.getpid(),
            "memory_mb": limits["memory_mb"],
        },
    }


def rights(path: str, limits: Limits) -> dict[str, Any]:
    """What the kernel says of this process."""
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    wanted = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Groups")
    return {
        "sections": [],
        "metadata": {"user": os.getuid()} | {one: status[one] for one in wanted},
    }


def numbers(path: str, limits: Limits) -> dict[str, Any]:
    time.sleep(0.2)
    return {"sections": [], "metadata": {"pid": os.getpid(), "at": time.monotonic()}}


def hang(path: str, limits: Limits) -> dict[str, Any]:
    time.sleep(600)
    return {}


def spin(path: str, limits: Limits) -> dict[str, Any]:
    while True:
        pass


def grow(path: str, limits: Limits) -> dict[str, Any]:
    held = []
    while True:
        held.append("x" * (8 << 20))


def grow_in_c(path: str, limits: Limits) -> dict[str, Any]:
    """What C libraries do when they are refused memory: crash, having filled it."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while block := libc.malloc(8 << 20):
        ctypes.memset(block, 1, 8 << 20)
    ctypes.string_at(0)
    return {}


def segfault(path: str, limits: Limits) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def exit_silently(path: str, limits: Limits) -> dict[str, Any]:
    os._exit(0)


def chatter(path: str, limits: Limits) -> dict[str, Any]:
    return {"sections": [{"text": "x" * (3 << 20)}]}


def flood(path: str, limits: Limits) -> dict[str, Any]:
    """Writes to its result by itself and never stops, as a child does that a file took over."""
    with socket.socket(fileno=3) as result:
        while True:
            result.sendall(b"x" * 65536)


def write(path: str, limits: Limits) -> dict[str, Any]:
    Path(path).write_text("overwritten")
    return {"sections": []}


def open_many(path: str, limits: Limits) -> dict[str, Any]:
    held = [Path(path).open() for _ in range(1000)]  # noqa: SIM115 - that's the point
    return {"sections": [], "metadata": {"held": len(held)}}


def start_another(path: str, limits: Limits) -> dict[str, Any]:
    """Leaves a process behind (where the kernel lets it) and answers."""
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
    return {"sections": [], "metadata": {"pid": pid}}


def fail(path: str, limits: Limits) -> dict[str, Any]:
    raise ValueError("line 7 is wrong")


def refuse(path: str, limits: Limits) -> dict[str, Any]:
    from plugram import SandboxRefused

    raise SandboxRefused("it asks for a password", reason="encrypted")


def recurse(path: str, limits: Limits) -> dict[str, Any]:
    return recurse(path, limits)


def odd_text(path: str, limits: Limits) -> dict[str, Any]:
    return {"sections": [{"text": "a\0b\ud800c", "locator": {"page": 1, "list": [1]}}]}


def not_an_extraction(path: str, limits: Limits) -> Any:
    return ["nothing", "like", "it"]


def heavy_import(path: str, limits: Limits) -> dict[str, Any]:
    import decimal

    return {"sections": [], "metadata": {"preloaded": decimal.__name__ in _AT_IMPORT}}


_AT_IMPORT = frozenset(sys.modules)


def page_by_page(path: str, limits: Limits) -> dict[str, Any]:
    """A page a run, of three; the first brings a picture, and what isn't one."""
    page = limits.get("resume", {}).get("page", 1)
    left = {"page": page + 1, "done": page, "total": 3, "odd": [1]} if page < 3 else None
    thumbnail = {1: "/9j/4AAQ", 2: "not base64", 3: "AAAA"}[page]
    return {"sections": [{"text": f"page {page}"}], "resume": left, "thumbnail": thumbnail}


# -- what a file that took its child over would try ------------------------------------------------


def attempt(path: str, limits: Limits) -> dict[str, Any]:
    """What is named in the file, a line each: the names of those that succeeded."""
    done = []
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(" ")
        try:
            _ATTEMPTS[name](rest)
        except (OSError, RuntimeError, ValueError):
            continue
        done.append(line)
    return {"sections": [], "metadata": {"done": "\n".join(done)}}


def _connect(address: str) -> None:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=2):
        pass


def _inherit_a_socket(_: str) -> None:
    socket.socketpair()


def _read_file(path: str) -> None:
    Path(path).read_bytes()


def _make_file(path: str) -> None:
    Path(path).touch()


def _start_a_thread(_: str) -> None:
    import threading

    threading.Thread(target=int).start()


def _fork(_: str) -> None:
    if os.fork() == 0:
        os._exit(0)


def _trace(pid: str) -> None:
    if ctypes.CDLL(None, use_errno=True).ptrace(16, int(pid), 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def _unshare(_: str) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == -1:
        raise OSError(ctypes.get_errno(), "unshare")


def _raise_own_limit(_: str) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _limit_another(pid: str) -> None:
    import resource

    resource.prlimit(int(pid), resource.RLIMIT_NOFILE, (0, 0))


_ATTEMPTS: dict[str, Callable[[str], object]] = {
    "connect": _connect,
    "socketpair": _inherit_a_socket,
    "read": _read_file,
    "list": os.listdir,
    "touch": _make_file,
    "unlink": os.unlink,
    "mkdir": os.mkdir,
    "chmod": lambda path: Path(path).chmod(0o600),
    "utime": os.utime,
    "thread": _start_a_thread,
    "fork": _fork,
    "exec": lambda path: os.execv(path, [path]),  # noqa: S606
    "kill": lambda pid: os.kill(int(pid), 0),
    "trace": _trace,
    "unlimit": _raise_own_limit,
    "prlimit": _limit_another,
    "become": lambda user: os.setuid(int(user)),
    "unshare": _unshare,
}


def run_programs(path: str, limits: Limits) -> dict[str, Any]:
    """Each line of the file is a command; metadata: its output by number, or the error."""
    import subprocess

    told = {}
    for number, line in enumerate(Path(path).read_text().splitlines()):
        try:
            done = subprocess.run(
                line.split(), capture_output=True, text=True, check=False, input=limits["scratch"]
            )
        except OSError as error:
            told[str(number)] = type(error).__name__
        else:
            told[str(number)] = done.stdout or f"status {done.returncode}"
    return {"sections": [], "metadata": told}


def many_programs(path: str, limits: Limits) -> dict[str, Any]:
    import subprocess

    for _ in range(100):
        subprocess.Popen(["sleep", "30"])
    return {"sections": []}


def hungry_programs(path: str, limits: Limits) -> dict[str, Any]:
    """Each keeps to its own limit; together they don't."""
    import subprocess

    for _ in range(4):
        subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=100M"])
    time.sleep(30)
    return {"sections": []}


def fill_scratch(path: str, limits: Limits) -> dict[str, Any]:
    for number in range(100):
        Path(limits["scratch"], str(number)).write_bytes(bytes(8 << 20))
    time.sleep(5)
    return {"sections": []}


def first_part(path: str, limits: Limits) -> dict[str, Any]:
    """Reads a page of its own, and leaves three others to `parts`."""
    left = {"processor": "parts", "done": 0, "total": 3, "settles": "unread"}
    page = [{"text": "page 2", "locator": {"page": 2}}, {"text": "title"}]
    return {"sections": page, "resume": left, "warnings": ["unread", "old"], "metadata": {"a": 1}}


def parts(path: str, limits: Limits) -> dict[str, Any]:
    """Dies of its second one."""
    done = limits["resume"]["done"]
    if done == 1:
        os._exit(1)
    page = {"text": f"part {done}", "locator": {"page": 1 + 2 * done}}
    left = {"done": done + 1, "total": 3} if done < 2 else None
    return {"sections": [page], "resume": left, "metadata": {"words": done}, "warnings": ["odd"]}


def endless(path: str, limits: Limits) -> dict[str, Any]:
    return {"sections": [], "resume": {"done": 0, "total": 1}}
