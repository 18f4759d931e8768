"""What the scripts say to a machine that lacks something."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from playground.client import Playground
from tests.support.processes import ROOT, clean_environment
from tests.support.servers import free_port, spawn, stop, wait_until

INSTALL = ROOT / "scripts" / "install"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs that is all of PATH: nothing but what the shell needs."""
    for name in ("sh", "dirname"):
        program = shutil.which(name)
        assert program
        (tmp_path / name).symlink_to(program)
    return tmp_path


def install(machine: Path) -> tuple[int, str]:
    """Exit status and what is said on standard error."""
    command = ["sh", str(INSTALL)]
    done = subprocess.run(
        command, env={"PATH": str(machine)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def put(machine: Path, name: str, script: str) -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def test_without_python_it_names_python_and_uv(machine: Path) -> None:
    status, said = install(machine)
    assert status == 1
    assert "Python 3.11 or newer, or uv" in said


def test_an_old_python_is_named_with_its_version(machine: Path) -> None:
    put(machine, "python3", "echo 3.9")
    status, said = install(machine)
    assert status == 1
    assert "python3 is 3.9" in said


def test_a_python_without_venv_names_the_package_to_install(machine: Path) -> None:
    put(machine, "python3", 'case "$2" in *version_info*) echo 3.12 ;; *) exit 1 ;; esac')
    status, said = install(machine)
    assert status == 1
    assert "python3-venv" in said


def test_uv_without_python_is_asked_for_one(machine: Path) -> None:
    put(machine, "uv", 'echo "uv $*" >&2')
    status, said = install(machine)
    assert status == 0
    assert "run -q --no-project --python >=3.11 scripts/install.py" in said


async def test_dev_gives_a_bot_to_talk_to_without_token_or_server(tmp_path: Path) -> None:
    port = free_port()
    environment = clean_environment() | {
        "PLUGRAM_ROOT": str(tmp_path),
        "PLUGRAM_DATA_DIR": str(tmp_path / "data"),
        "PLUGRAM_WEB__PORT": str(free_port()),
    }
    said = tmp_path / "said"
    with said.open("wb") as log:
        command = (ROOT / "scripts" / "dev", "--port", str(port))
        dev = spawn(*command, log=log, env=environment, cwd=tmp_path)
    try:
        address = f"Playground: http://127.0.0.1:{port}/"
        wait_until(lambda: address in said.read_text(), what="scripts/dev", timeout=30)
        ann = Playground(f"http://127.0.0.1:{port}").user("ann")
        await ann.send("/start")
        assert (await ann.wait_reply())["text"]
        assert stop(dev, signal.SIGTERM, patience=20) == 0, said.read_text()
    finally:
        stop(dev)
