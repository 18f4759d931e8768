"""`plugram plugins new` and `plugins check`, as an author uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, clean_environment


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A program of this environment, in a folder that knows nothing of the checkout."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=clean_environment() | {"PYTHONPATH": str(ROOT), "PLUGRAM_ROOT": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )


def plugram(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run("core", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new project, plugram-to-do."""
    folder = tmp_path_factory.mktemp("author")
    done = plugram("plugins", "new", "to-do", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "pip install -e plugram-to-do" in done.stdout
    assert "pytest plugram-to-do" in done.stdout
    return folder


@pytest.mark.timeout(180)
def test_its_own_tests_pass_at_once(fresh: Path) -> None:
    done = run("pytest", "-q", "-p", "no:cacheprovider", "plugram-to-do", cwd=fresh)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_nothing_is_left_to_do_before_publishing_it(fresh: Path) -> None:
    done = plugram("plugins", "check", "--strict", "./plugram-to-do", cwd=fresh)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ works: 1 command, 1 setting" in done.stdout
    assert "✓ ready to be published" in done.stdout


def test_it_reads_well_to_the_linter(fresh: Path) -> None:
    for arguments in (["check"], ["format", "--check"]):
        done = run("ruff", *arguments, "--no-cache", ".", cwd=fresh / "plugram-to-do")
        assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten(fresh: Path) -> None:
    again = plugram("plugins", "new", "to_do", cwd=fresh)
    assert again.returncode == 1
    assert "plugram-to-do is there already, and is left as it is" in again.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("files", "files is a built-in plugin"),
        ("2do", "2 to 32 of a-z, 0-9 and _"),
        ("../x", "a plugin can't be called"),
        ("plugins", "a plugin can't be called"),
    ],
)
def test_names_that_can_t_be(name: str, why: str, tmp_path: Path) -> None:
    done = plugram("plugins", "new", name, cwd=tmp_path)
    assert done.returncode == 1
    assert why in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(180)
def test_a_single_file(tmp_path: Path) -> None:
    assert plugram("plugins", "new", "hi", "--one-file", cwd=tmp_path).returncode == 0
    assert len((tmp_path / "hi.py").read_text().splitlines()) <= 25
    done = run("pytest", "-q", "-p", "no:cacheprovider", "test_hi.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert plugram("plugins", "check", "hi.py", "--strict", cwd=tmp_path).returncode == 0


def test_what_is_missing_is_named_with_the_way_out(fresh: Path, tmp_path: Path) -> None:
    project = tmp_path / "plugram-to-do"
    shutil.copytree(fresh / "plugram-to-do", project)
    package = project / "src" / "plugram_to_do"
    spanish = package / "locales" / "es.ftl"
    lines = spanish.read_text().splitlines(keepends=True)
    spanish.write_text("".join(line for line in lines if not line.startswith("to_do-again")))
    settings = package / "settings.py"
    settings.write_text(settings.read_text() + "    polite: bool = True\n")
    loose = plugram("plugins", "check", str(project), cwd=tmp_path)
    assert loose.returncode == 0
    for told in (
        "es.ftl: to_do-again is missing",
        'setting polite has no description (Field(…, description="…"))',
        "setting polite isn't in the README (a line in its [plugins.to_do])",
    ):
        assert told in loose.stdout
    assert plugram("plugins", "check", str(project), "--strict", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("handlers.py", "import nothing_like_it\n", "nothing_like_it"),
        ("settings.py", "def (\n", "SyntaxError"),
        ("plugin.toml", "id = 3\n", "version is missing"),
        ("__init__.py", "raise SystemExit('gone')\n", "SystemExit"),
    ],
)
def test_a_broken_plugin_is_told_of(
    fresh: Path, tmp_path: Path, file: str, text: str, why: str
) -> None:
    project = tmp_path / "plugram-to-do"
    shutil.copytree(fresh / "plugram-to-do", project)
    (project / "src" / "plugram_to_do" / file).write_text(text)
    done = plugram("plugins", "check", str(project), "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    [found] = json.loads(done.stdout).values()
    assert why in " ".join(found["faults"])
    assert "Traceback" not in done.stderr


def test_where_no_plugin_is(tmp_path: Path) -> None:
    done = plugram("plugins", "check", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "no plugin in" in done.stderr
