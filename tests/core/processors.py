"""Processors that behave and misbehave, for the sandbox's tests; run in its children alone."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
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
