"""What a plugin lacks to be published, by reading its files: README, documented settings, complete
languages. Nothing is imported, and files that can't be read are told of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from core.host.discovery import Candidate
from core.host.i18n_check import Room, check
from core.host.ordering import undeclared
from core.host.plugin import Manifest

_NO_README = (
    "it has no README.md that says what it does (beside plugin.toml, or named by pyproject.toml; a"
    " single file has its docstring)"
)


def shortcomings(candidate: Candidate) -> list[str]:
    """A sentence for each, with the way out."""
    if candidate.manifest is None:
        return []
    try:
        readme = _readme(candidate)
        return [
            *([] if readme else [_NO_README]),
            *_settings(candidate, readme),
            *_tables(candidate, candidate.manifest),
            *_locales(candidate),
        ]
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        return [f"its files can't be read: {error}"]


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
        return ast.get_docstring(ast.parse(root.read_text(encoding="utf-8"), root.name)) or ""
    return ""


def _settings(candidate: Candidate, readme: str) -> Iterator[str]:
    for name, documented in _fields(candidate.root):
        if not documented:
            yield f'setting {name} has no description (Field(…, description="…"))'
        if readme and name not in readme:
            yield f"setting {name} isn't in the README (a line in its [plugins.{candidate.id}])"


def _tables(candidate: Candidate, manifest: Manifest) -> Iterator[str]:
    for table in undeclared(candidate.root, manifest):
        yield (
            f"table {table} isn't declared, so that nothing guards, exports or erases its rows"
            f' (plugin.toml: [tables.{table}] scope = "scope", or nobody = "why")'
        )


def _fields(root: Path) -> Iterator[tuple[str, bool]]:
    """The fields of `Settings`, and whether they have a `description`."""
    home = root / "settings.py" if (root / "settings.py").is_file() else root
    source = home / "__init__.py" if home.is_dir() else home
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), source.name)):
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
