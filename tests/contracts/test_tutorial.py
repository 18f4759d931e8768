"""The tutorial, as somebody follows it: each block of the page is written or run, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, clean_environment

PAGE = ROOT / "docs" / "write-a-plugin.md"
BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?: (?P<file>\S+))?(?P<more> \+)?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has installed Plugram, and is elsewhere."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in {"plugram": "core", "pytest": "pytest -q -p no:cacheprovider"}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        program.chmod(0o755)
    return clean_environment() | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.timeout(180)
def test_whoever_follows_the_page_gets_where_it_leads(
    tmp_path: Path, shell: dict[str, str]
) -> None:
    here, ran = tmp_path / "newcomer", 0
    here.mkdir()
    tutorial = PAGE.read_text(encoding="utf-8").partition("\n## A larger one")[0]
    for block in BLOCK.finditer(tutorial):
        if block["file"]:
            with (here / block["file"]).open(
                "a" if block["more"] else "w", encoding="utf-8"
            ) as file:
                file.write(block["text"])
        elif block["kind"] == "sh":
            here = _run(block["text"], here, shell)
            ran += 1
    assert ran == 4
    assert here.name == "plugram-tea"


def _run(commands: str, folder: Path, env: dict[str, str]) -> Path:
    """Run a block; the folder that it ends in."""
    done = subprocess.run(
        ["sh", "-e", "-c", f"{commands}\npwd"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, commands + done.stdout + done.stderr
    return Path(done.stdout.splitlines()[-1])
