"""A filter of system calls: what no reader of a file needs is refused (Linux on x86-64 and ARM64).

It is a list of what is refused, not of what is allowed: libraries differ too much for the latter,
and memory, files and time have walls of their own. It keeps a child from the network, from other
processes, from the kernel's administration and from what Landlock doesn't hold: modes, owners,
attributes and times of files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import cache
from itertools import product

from core.cage import kernel

# Name: (number on x86-64, number on ARM64), from the kernel's asm/unistd.h.
_Numbers = dict[str, tuple[int | None, int | None]]
_NETWORK: _Numbers = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "io_uring_setup": (425, 425),  # makes sockets and opens files past this filter
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_OTHERS: _Numbers = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semctl": (66, 191),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
_KERNEL: _Numbers = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "acct": (163, 89),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "personality": (135, 92),
}
_ATTRIBUTES: _Numbers = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
_GROUPS: _Numbers = {
    # What a child starts stays in its process group, and ends with it.
    "setsid": (112, 157),
    "setpgid": (109, 154),
}
_SIGNALS: _Numbers = {
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
_PROCESSES: _Numbers = {
    "fork": (57, None),
    "vfork": (58, None),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execve": (59, 221),
    "execveat": (322, 281),
}
_KILL: _Numbers = {"kill": (62, 129), "tgkill": (234, 131)}
_PRLIMIT, _CLONE, _CLONE3 = (302, 261), (56, 220), (435, 435)
_FIRST_UNKNOWN = 451
"""System calls from this number on are newer than this list: to a child they don't exist."""
_NEW_NAMESPACES = 0x7E020000

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the tables above, and AUDIT_ARCH_… of linux/audit.h."""
_ALLOW, _DENY, _ABSENT = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16
"""Offsets in struct seccomp_data; of the first argument its lower half."""
_INSTRUCTION = struct.Struct("HBBI")
_MODE_FILTER = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def available() -> bool:
    return kernel.LINUX and kernel.MACHINE in _MACHINES


def install_for_all() -> None:
    """What neither the sandbox's parent nor its children need: a filter costs its length when it
    is installed, and is inherited for nothing. Raises OSError."""
    _install(_filter(_NETWORK | _OTHERS | _KERNEL, newer=_ABSENT))
    for programs, signals in product((False, True), repeat=2):
        _child_filter(programs, signals)  # made once, for the children


def install(*, programs: bool, signals: bool) -> None:
    """The rest, for a child and all that it starts. Raises OSError.

    `programs`: it may start some. `signals`: it may send them to what it started, for something
    else (Landlock) keeps them from others.
    """
    column, _ = _MACHINES[kernel.MACHINE]
    own = [] if signals else [_only(pair[column], os.getpid()) for pair in _KILL.values()]
    _install(_child_filter(programs, signals), *own)


def _install(code: bytes, *more: bytes) -> None:
    code = b"".join((code, *more, _do(_RETURN, _ALLOW)))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    kernel.call("prctl", kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)


@cache
def _child_filter(programs: bool, signals: bool) -> bytes:
    column, _ = _MACHINES[kernel.MACHINE]
    refused = _GROUPS | _ATTRIBUTES
    refused |= ({} if signals else _SIGNALS) | ({} if programs else _PROCESSES)
    code = _filter(refused) + _only(_PRLIMIT[column], 0)
    if programs:
        # The flags of clone3 lie in memory, where a filter can't look: libc falls back to clone.
        code += _never(_CLONE3[column], _ABSENT) + _without(_CLONE[column], _NEW_NAMESPACES)
    return code


def _filter(refused: _Numbers, newer: int = _ALLOW) -> bytes:
    """Whatever calls in the way of another machine (32 bits) is refused."""
    column, machine = _MACHINES[kernel.MACHINE]
    code = [
        _do(_LOAD, _ARCH),
        _do(_EQUAL, machine, 1, 0),
        _do(_RETURN, _DENY),
        _do(_LOAD, _NUMBER),
        _do(_AT_LEAST, _FIRST_UNKNOWN, 0, 1),
        _do(_RETURN, newer),
        *(_never(pair[column]) for pair in refused.values()),
    ]
    return b"".join(code)


def _do(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """An instruction; jumps count what they skip."""
    return _INSTRUCTION.pack(code, if_true, if_false, operand)


def _never(number: int | None, answer: int = _DENY) -> bytes:
    if number is None:
        return b""
    return _do(_EQUAL, number, 0, 1) + _do(_RETURN, answer)


def _only(number: int | None, argument: int) -> bytes:
    """Allowed with this first argument alone."""
    return _by_argument(number, _do(_EQUAL, argument, 1, 0))


def _without(number: int | None, flags: int) -> bytes:
    """Allowed if the first argument has none of these flags."""
    return _by_argument(number, _do(_ANY_BIT, flags, 0, 1))


def _by_argument(number: int | None, test: bytes) -> bytes:
    """`test` skips nothing to refuse, and one instruction to allow."""
    if number is None:
        return b""
    verdict = _do(_RETURN, _DENY) + _do(_RETURN, _ALLOW)
    return _do(_EQUAL, number, 0, 4) + _do(_LOAD, _ARGUMENT) + test + verdict
