"""What jobs left running ends with the worker."""

from __future__ import annotations

import os
import subprocess
import sys

from core.jobs import orphans
from tests.support.servers import wait_until

# A process whose child has a child; a line makes it end those below it.
PROGRAM = """
import subprocess, sys
from core.jobs import orphans
child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE)
input()
orphans.end()
input()
"""


def test_all_below_are_killed() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    try:
        wait_until(lambda: len(orphans.descendants(process.pid)) == 2, what="child and grandchild")
        process.stdin.write(b"\n")
        process.stdin.flush()
        wait_until(lambda: not orphans.descendants(process.pid), what="their end")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def test_nobody_is_no_error() -> None:
    assert os.getpid() not in orphans.descendants(os.getpid())
    # Below this process are the servers of the tests.
    code = "from core.jobs import orphans; orphans.end()"
    subprocess.run([sys.executable, "-c", code], check=True)
