"""The shape of the house: what lies where, what the pages promise, what must not be in a file."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"core", "playground", "plugins", "plugram", "settings"}
TOP = PACKAGES | {
    *(".ci", ".dockerignore", ".gitignore", "benchmarks", "docs", "examples", "scripts", "tests"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"),
    *("Dockerfile", "docker-compose.yml", "pyproject.toml", "settings.toml"),
    *("requirements.lock", "requirements-deploy.lock"),
}


@cache
def tracked() -> list[Path]:
    """The files that git knows, or every file where there is no git."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(git, capture_output=True, text=True, check=False)
    if listed.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    names = listed.stdout.split("\0")[:-1]
    return [path for name in names if (path := ROOT / name).is_file()]


def sources(*folders: str) -> Iterator[Path]:
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if path.suffix == ".py" and parts[0] in folders:
            yield path


def rooms() -> list[Path]:
    """The folders of the built-in plugins."""
    plugins = ROOT / "plugins"
    return sorted(
        {plugins / path.relative_to(plugins).parts[0] for path in sources("plugins")}
        - {plugins / "__init__.py"}
    )


def pyproject() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


# -- the tree -----------------------------------------------------------------------------------


def test_the_top_level_holds_what_the_plan_names() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert top - TOP == set(), "a newcomer at the top: add it to docs/architecture.md and to TOP"
    assert PACKAGES - top == set()


def test_a_room_has_a_manifest_and_a_readme() -> None:
    missing = [
        f"{room.name}/{name}"
        for room in rooms()
        if room.is_dir()
        for name in ("__init__.py", "README.md", "plugin.toml")
        if not (room / name).is_file()
    ]
    assert missing == []


def test_every_folder_of_tests_is_a_package() -> None:
    """Without `__init__.py`, `tests/core` would hide the real `core`."""
    folders = {path.parent for path in sources("tests") if path.name.startswith("test_")}
    assert [
        str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()
    ] == []


def test_scripts_are_short_verbs() -> None:
    for script in tracked():
        if script.parent != ROOT / "scripts" or script.suffix:
            continue
        lines = script.read_text().splitlines()
        assert os.access(script, os.X_OK), f"{script.name} is not executable"
        assert lines[0].startswith("#!"), script.name
        assert lines[1].startswith("# "), f"{script.name} doesn't say what it does"
        assert len(lines) <= 35, f"{script.name} is a program by now: move it to Python"


def test_the_licence_is_mit() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert "license" in pyproject()["project"]  # type: ignore[operator]


# -- imports that import-linter can't hold --------------------------------------------------------


def imports_of(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_an_api_is_a_leaf() -> None:
    for path in sources("plugins"):
        if path.name == "api.py":
            ours = {name for name in imports_of(path) if name.partition(".")[0] in PACKAGES}
            assert {name for name in ours if not name.startswith("plugram.")} == set(), path


def test_a_room_requires_what_it_imports() -> None:
    for room in rooms():
        if not (room / "plugin.toml").is_file():
            continue
        manifest = tomllib.loads((room / "plugin.toml").read_text())
        declared = set(manifest.get("requires", {}).get("plugins", ()))
        declared |= set(manifest.get("after", ()))
        used = {
            other.split(".")[1]
            for path in room.rglob("*.py")
            for other in imports_of(path)
            if other.startswith("plugins.") and other.split(".")[1] != room.name
        }
        assert used <= declared, f"plugins/{room.name}/plugin.toml requires less than it imports"


@pytest.mark.parametrize(
    "module",
    ["core.cli.main", "core.jobs.runner", "core.jobs.ledger", "core.telegram.wire", "plugram"],
)
def test_what_a_worker_and_the_cli_import_is_free_of_aiogram(module: str) -> None:
    code = f"import sys, {module}; sys.exit('aiogram' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# -- pages --------------------------------------------------------------------------------------


def pages() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_files_named_by_the_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    tree = re.search(r"```\n(plugram/.*?)```", text, re.DOTALL)
    assert tree
    named = [line.split()[0] for line in tree[1].splitlines()]
    named += [name for name in re.findall(r"`([\w./-]+)`", text) if "/" in name.rstrip("/")]
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_architecture_places_every_file_of_core() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    ours = [path.name for path in sources("core")]
    assert [name for name in ours if f"`{name}`" not in text and name != "__init__.py"] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    docs = [page.relative_to(ROOT / "docs") for page in pages() if page.parts[-2] == "docs"]
    assert [
        str(page) for page in docs if page.name != "index.md" and f"({page})" not in index
    ] == []


# -- what must not be in a file -------------------------------------------------------------------

REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org")
MACHINE = re.compile(r"(?<![\w.$}])/(?:home|Users|work|root|mnt)/\w+")


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_file_names_a_package_registry() -> None:
    found = [f"{path}: {host}" for path, text in texts() for host in REGISTRIES if host in text]
    assert found == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [f"{path}: {match[0]}" for path, text in texts() for match in MACHINE.finditer(text)]
    assert found == []


# -- the locks and the wheel ----------------------------------------------------------------------


def locked(name: str) -> dict[str, str]:
    """What a lock file would install here: name → version."""
    versions: dict[str, str] = {}
    for line in (ROOT / name).read_text().splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip(" \\"))
            if not requirement.marker or requirement.marker.evaluate():
                versions[canonicalize_name(requirement.name)] = str(requirement.specifier)[2:]
    return versions


def declared(*groups: str) -> list[Requirement]:
    """The requirements of the project with these dependency groups and all extras; that of the
    test kit goes where tests run."""
    project, all_groups = pyproject()["project"], pyproject()["dependency-groups"]
    assert isinstance(project, dict)
    assert isinstance(all_groups, dict)
    lines = list(project["dependencies"])
    extras = dict(project["optional-dependencies"])
    if "dev" not in groups:
        del extras["testing"]
    lines += [line for extra in extras.values() for line in extra]
    lines += [line for group in groups for line in all_groups[group] if isinstance(line, str)]
    return [Requirement(line) for line in lines if not line.startswith("plugram[")]


def closure(wanted: list[Requirement]) -> set[str]:
    """The names of all that these need here, by the metadata of what is installed."""
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in wanted]
    while waiting:
        requirement, parent_extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": parent_extra}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                needs = metadata.requires(requirement.name) or []
                waiting += [(Requirement(line), extra) for line in needs]
    return {name for name, _ in seen}


@pytest.mark.parametrize(
    ("lock", "groups"),
    [("requirements.lock", ("build", "dev")), ("requirements-deploy.lock", ("build",))],
)
def test_the_locks_are_what_pyproject_asks_for(lock: str, groups: tuple[str, ...]) -> None:
    versions, wanted = locked(lock), declared(*groups)
    outdated = [
        str(requirement)
        for requirement in wanted
        if not requirement.marker or requirement.marker.evaluate()
        if not requirement.specifier.contains(
            versions.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
    ]
    assert outdated == [], "run ./scripts/lock"
    assert set(versions) == closure(wanted), "run ./scripts/lock"


def test_the_lock_names_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-deploy.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert " @ " not in text
        pins = re.split(r"\n(?=\S)", text.strip())
        assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_wheel_holds_the_five_packages_and_their_data(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in names} == PACKAGES
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.relative_to(ROOT).parts[0] in PACKAGES
    }
    assert ours - names == set(), "the wheel lacks files"


def test_what_the_wheel_installs_runs_away_from_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    home = tmp_path / "installed"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        archive.extractall(home)
    command = [sys.executable, "-m", "core", "plugins", "list", "--json"]
    listed = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    assert {room.name for room in rooms()} <= {plugin["id"] for plugin in json.loads(listed.stdout)}
