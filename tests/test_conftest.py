"""The rules that conftest adds to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = """
import pytest

def test_that_skips():
    pytest.skip("no such program here")

@pytest.mark.skip(reason="marked")
def test_that_is_marked(): ...

@pytest.mark.xfail(strict=True)
def test_that_is_known_to_fail():
    assert False
"""


def run(folder: Path, *, ci: str) -> tuple[int, str]:
    """Exit status and output of a run of SAMPLE, and of a module that skips itself."""
    (folder / "test_sample.py").write_text(SAMPLE)
    (folder / "test_module.py").write_text("import pytest; pytest.importorskip('no_such_module')")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", "."]
    command.append("--continue-on-collection-errors")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_a_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    status, output = run(tmp_path, ci="true")
    assert status == 1
    assert "1 failed, 1 xfailed, 2 errors" in output
    assert "no such program here" in output


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    status, output = run(tmp_path, ci="")
    assert status == 0
    assert "3 skipped, 1 xfailed" in output
