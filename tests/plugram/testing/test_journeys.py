from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playground.transcript import read
from plugram.testing import Bot
from plugram.testing.journeys import live
from tests.support.processes import ROOT, clean_environment

PROBE = Path(__file__).with_name("probe.py")

WRITTEN = """\
# A page of the tests.
starts: 2026-03-02 10:00
people:
  zoe: {language: es}
groups:
  Family: [ann, zoe]
steps:
  - ann: /menu
  - bot: Menu
    buttons: [[Change, Say]]
  - ann: {click: Say}
  - toast: Said
  - ann: {click: Change}
  - edited: Changed
  # Somebody else.
  - zoe: /later
  - wait: 9h
  - bot: Nine hours <any> (19:00)
  - ann: {send: /echo 12:45, reply to: Changed}
  - bot: <time>
  - zoe: {send: /menu@playground_bot, in: Family}
  - bot: Menu
    buttons: [[Change, Say]]
  - ann: {click: Say, in: Family}
  - toast: Said
"""


async def lived(bot: Bot, text: str, path: Path) -> tuple[str, str]:
    transcript, trouble = await live(bot, read(text), {"text": str.encode}, path)
    return transcript.text(), trouble


async def test_a_conversation_goes_as_it_is_written(bot: Bot, tmp_path: Path) -> None:
    assert await lived(bot, WRITTEN, tmp_path / "page.yaml") == (WRITTEN, "")


async def test_what_differs_is_told_and_the_rest_stays_as_written(bot: Bot, tmp_path: Path) -> None:
    other = WRITTEN.replace("toast: Said", "toast: Sung").replace("  - edited: Changed\n", "")
    text, trouble = await lived(bot, other, tmp_path / "page.yaml")
    assert text.splitlines() == WRITTEN.splitlines()
    assert not trouble


async def test_files_are_made_or_lie_beside(bot: Bot, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "a.txt").write_text("hello")
    text = (
        "steps:\n  - ann: {upload: a.txt}\n"
        "  - ann: {upload: {name: b.txt, text: hello}, caption: b}\n"
        "  - ann: {upload: c.txt}\n"
    )
    _, trouble = await lived(bot, text, tmp_path / "page.yaml")
    assert trouble == "c.txt lies neither beside page.yaml nor in its folder"


@pytest.mark.timeout(180)
def test_pytest_runs_shows_and_accepts_them(tmp_path: Path) -> None:
    folder = tmp_path / "journeys"
    folder.mkdir()
    page = folder / "menu.yaml"
    text = f"plugins: [{PROBE}]\nsteps:\n  - ann: /menu\n  - bot: Men\n  - ann: {{click: Say}}\n"
    page.write_text(text)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            [*command, "-o", "asyncio_default_fixture_loop_scope=function"],
            cwd=tmp_path,
            env=clean_environment() | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    wrong = folder / "wrong.yaml"
    wrong.write_text("steps: 3\n")
    failed = run("--continue-on-collection-errors")
    assert "wrong.yaml: it has no `steps`" in failed.stdout
    wrong.unlink()
    assert failed.returncode == 1
    assert "-  - bot: Men\n+  - bot: Menu\n+    buttons: [[Change, Say]]\n" in failed.stdout
    assert "pytest --plugram-accept" in failed.stdout
    assert page.read_text() == text
    assert run("--plugram-accept").returncode == 0
    assert (
        page.read_text()
        == text.replace("Men\n", "Menu\n    buttons: [[Change, Say]]\n") + "  - toast: Said\n"
    )


@pytest.mark.parametrize("name", ["hello.py", "deploy.yaml", "journeys/deploy.yaml"])
def test_other_files_are_left_alone(tmp_path: Path, name: str) -> None:
    from plugram.testing.plugin import pytest_collect_file

    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("jobs:\n  steps: []\n")
    parent: pytest.Collector = None  # type: ignore[assignment]  # never looked at
    assert pytest_collect_file(path, parent) is None


def test_a_project_that_asks_for_nothing_pays_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\ndef test():\n"
        "    assert not {'core', 'aiogram', 'pydantic', 'playground'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
