"""What a plugin lacks to be published, by reading its files: README, documented settings, complete
languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from core.host.discovery import Candidate
from core.host.i18n_check import Room, check


def shortcomings(candidate: Candidate) -> list[str]:
    """A sentence for each."""
    if candidate.manifest is None:
        return []
    readme = _readme(candidate)
    return [
        *([] if readme else ["it has no README.md that says what it does"]),
        *_settings(candidate, readme),
        *_locales(candidate),
    ]


def _readme(candidate: Candidate) -> str:
    """The text beside the code, of the installed distribution, or a single file's docstring."""
    root = candidate.root
    for name in ("README.md", "README.rst"):
        if root.is_dir() and (root / name).is_file():
            return (root / name).read_text(encoding="utf-8")
    if candidate.distribution:
        about = metadata.metadata(candidate.distribution).json
        return str(about.get("description", ""))
    if root.is_file():
        return ast.get_docstring(ast.parse(root.read_text(encoding="utf-8"))) or ""
    return ""


def _settings(candidate: Candidate, readme: str) -> Iterator[str]:
    for name, documented in _fields(candidate.root):
        if not documented:
            yield f"setting {name} has no description"
        if readme and name not in readme:
            yield f"setting {name} isn't in the README"


def _fields(root: Path) -> Iterator[tuple[str, bool]]:
    """The fields of `Settings`, and whether they have a `description`."""
    home = root / "settings.py" if (root / "settings.py").is_file() else root
    source = home / "__init__.py" if home.is_dir() else home
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == "Settings":
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id, _is_described(line)


def _is_described(field: ast.AnnAssign) -> bool:
    """`description=` of a Field, as the value or inside of Annotated."""
    return any(
        isinstance(node, ast.keyword) and node.arg == "description" for node in ast.walk(field)
    )


def _locales(candidate: Candidate) -> list[str]:
    folder = candidate.root / "locales"
    if not folder.is_dir():
        return []
    return check([Room(candidate.id, candidate.root, folder)])
