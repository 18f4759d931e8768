"""The walls around a child, as far as this kernel builds them. Each is put up for itself, so a
kernel that lacks one still has the others; `plugram doctor` says which stand."""

from __future__ import annotations

import os
import re
import shutil
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from core.cage import kernel, landlock, seccomp
from core.cage.landlock import DEVICE, READ, RUN, SCRATCH, Rule

_NEW_USER, _NEW_IPC, _NEW_NET = 0x10000000, 0x08000000, 0x40000000
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
_FACTS = (
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types", "/etc/alternatives"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/overcommit_memory"),
    *("/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/zero"),
)
"""What libraries look at, and nobody's secret."""
_READ_CAPABILITY = 2  # CAP_DAC_READ_SEARCH
_CAPABILITY_VERSION = 0x20080522
_FIRST_USER, _NOBODY = 2_000_000_000, 65534
_AMBIENT_RAISE = 2


def raise_for_all() -> None:
    """In the sandbox's parent, before it has threads: what its children inherit for nothing."""
    if not kernel.LINUX:
        return
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    _leave_the_network()
    if seccomp.available():
        with suppress(OSError):
            seccomp.install_for_all()
    _may_read()  # found out once, for the children


def _leave_the_network() -> None:
    """Into namespaces of our own, with no network interface and no shared memory of others."""
    uid, gid = os.geteuid(), os.getegid()
    with suppress(OSError):
        if uid == 0:
            kernel.call("unshare", _NEW_NET | _NEW_IPC)
            return
        kernel.call("unshare", _NEW_USER | _NEW_NET | _NEW_IPC)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        _keep_capabilities(0)


def raise_for_one(path: str, *, programs: Sequence[str], scratch: str = "") -> None:
    """In a child, before it looks at its file; what it needs beside the file is imported."""
    if not kernel.LINUX:
        return
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    with suppress(OSError):
        _drop_rights()
    if landlock.version():
        with suppress(OSError):
            _confine(path, programs, scratch)
    if seccomp.available():
        with suppress(OSError):
            seccomp.install(programs=bool(programs), signals=landlock.confines_signals())


# -- files --------------------------------------------------------------------------------------

_libraries: dict[str, Rule] = {}


def survey() -> None:
    """In the parent, after it has imported something: find out where libraries lie."""
    if landlock.version():
        for path in _library_paths():
            if path not in _libraries and (rule := landlock.rule(path, READ)):
                _libraries[path] = rule
        if os.devnull not in _libraries and (rule := landlock.rule(os.devnull, DEVICE)):
            _libraries[os.devnull] = rule


def _library_paths() -> Iterator[str]:
    """The system's, Python's, and of other folders only the packages that were imported: beside
    them may lie settings and data."""
    folders = {*_SYSTEM, sys.prefix, sys.base_prefix, *_elsewhere()}
    real = {os.path.join(os.path.realpath(one), "") for one in folders}  # noqa: PTH118
    yield from (one for one in real if not any(one != two and one.startswith(two) for two in real))
    yield from _FACTS
    roots = (*real, *(os.path.join(one, "") for one in folders))  # noqa: PTH118 - as they are told
    for name, module in list(sys.modules.items()):
        if "." not in name:
            places = getattr(module, "__path__", None) or [getattr(module, "__file__", None)]
            yield from (place for place in places if place and not place.startswith(roots))


def _elsewhere() -> list[str]:
    """Where site-packages lie beside Python's own folder, and libraries beside the system's."""
    found = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return found + [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]


def counted_apart() -> bool:
    """Whether this child's user is its own, so that the kernel counts its processes alone."""
    return os.geteuid() >= _FIRST_USER


def _confine(path: str, programs: Sequence[str], scratch: str) -> None:
    own = [landlock.rule(path, READ), landlock.rule("/proc/self", READ)]
    if scratch:
        own.append(landlock.rule(scratch, SCRATCH))
    for program in programs:
        own += executable(program)
    landlock.confine([*_libraries.values(), *own])


@cache
def executable(name: str) -> tuple[Rule | None, ...]:
    """A program, and what the kernel starts to run it: its loader, or its interpreter."""
    found = shutil.which(name)
    if found is None:
        return ()
    path = os.path.realpath(found)
    return (landlock.rule(path, RUN), *(landlock.rule(one, RUN) for one in _started_by(path)))


def _started_by(path: str) -> list[str]:
    """From the first line of a script, or PT_INTERP of an ELF file."""
    with Path(path).open("rb") as stream:
        head = stream.read(1 << 12)
    if head.startswith(b"#!"):
        script = os.fsdecode(head[2:].split(b"\n")[0]).split()
        return [os.path.realpath(shutil.which(one) or one) for one in script[:2]]
    interpreter = re.search(rb"/[\w./+-]*/ld-[\w.+-]+\.so\.\d+", head)
    return [os.path.realpath(os.fsdecode(interpreter[0]))] if interpreter else []


# -- rights -------------------------------------------------------------------------------------


def _drop_rights() -> None:
    """As root: a user that nobody is, who may read what root may and nothing more. Without the
    capability for that (a container): root, whose only right is that files are its own."""
    if os.geteuid() != 0:
        return
    reads = _may_read()
    if reads:
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        for user in (_FIRST_USER + os.getpid(), _NOBODY):
            with suppress(OSError):
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
                break
    _keep_capabilities(1 << _READ_CAPABILITY if reads else 0)
    if reads:  # for the programs that it starts
        kernel.prctl(kernel.PR_CAP_AMBIENT, _AMBIENT_RAISE, _READ_CAPABILITY)


@cache
def _may_read() -> bool:
    """Whether we hold CAP_DAC_READ_SEARCH."""
    status = Path("/proc/self/status").read_text()
    held = re.search(r"^CapPrm:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(held and int(held[1], 16) >> _READ_CAPABILITY & 1)


def _keep_capabilities(kept: int) -> None:
    """Effective, permitted and inheritable ones, below the 32nd."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    kernel.call("capset", header, struct.pack("=6I", kept, kept, kept, 0, 0, 0))
