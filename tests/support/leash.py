"""Run a program that dies with its parent: `python -I -S leash.py PARENT SIGNAL USER PROGRAM …`.

PARENT is the pid that must live, SIGNAL what the kernel sends when it doesn't, USER the account
to become first (`-` for none). A program of its own, since a `preexec_fn` isn't safe beside
threads.
"""

import ctypes
import os
import sys


def main() -> None:
    parent, signal, user, *program = sys.argv[1:]
    if user != "-":
        _become(user)
    if sys.platform == "linux":
        set_parent_death_signal = (
            1  # PR_SET_PDEATHSIG; a change of user clears it, so it comes last
        )
        ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal))
    if os.getppid() != int(parent):
        sys.exit("the test run is gone")
    os.execv(program[0], program)  # noqa: S606 - the caller names the program


def _become(user: str) -> None:
    import pwd

    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


main()
