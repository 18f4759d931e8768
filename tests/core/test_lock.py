"""One owner per data folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import LockedError
from core.lock import DataLock, claim_folder

HOLD = """
import sys
from pathlib import Path
from core.lock import DataLock, claim_folder
lock = DataLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        with pytest.raises(LockedError) as caught:
            DataLock(tmp_path).acquire()
        assert f"process {other.pid}" in str(caught.value)
        assert str(tmp_path) in str(caught.value)
        assert "PLUGRAM_DATA_DIR" in caught.value.hint
        other.kill()


def test_a_killed_owner_locks_nobody_out(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        other.kill()
        other.wait()
        with DataLock(tmp_path):
            pass


def test_the_lock_comes_back_when_it_is_released(tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"
    lock = DataLock(folder)
    lock.acquire()
    lock.acquire()  # once more is no error
    with pytest.raises(LockedError):
        DataLock(folder).acquire()
    lock.release()
    lock.release()
    with DataLock(folder):
        pass


def test_children_do_not_inherit_it(tmp_path: Path) -> None:
    lock = DataLock(tmp_path)
    lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock.release()
    with DataLock(tmp_path):
        pass
    child.communicate(b"\n")


def test_a_data_folder_is_one_deployments(tmp_path: Path) -> None:
    claim_folder(tmp_path, "plugram")
    claim_folder(tmp_path, "plugram")
    with pytest.raises(LockedError, match="belongs to the deployment plugram") as refused:
        claim_folder(tmp_path, "staging")
    assert "PLUGRAM_DATA_DIR" in refused.value.hint
