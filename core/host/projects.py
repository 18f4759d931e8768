"""Plugins that are being written: a source tree, used as if it were installed.

A project is a folder with a `pyproject.toml` whose entry points name plugins. `adopt` lets this
process find and import them from there, so that tests and `plugram plugins check` work on a fresh
checkout too.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import DistributionFinder
from os import PathLike
from pathlib import Path
from typing import Any

from core.host.discovery import GROUP


@dataclass(frozen=True, slots=True)
class Project:
    """What a `pyproject.toml` says of its plugins."""

    root: Path
    name: str
    version: str
    plugins: Mapping[str, str]
    """Plugin id → the module that it is."""
    readme: str
    """Text of the README that it publishes."""

    @property
    def sources(self) -> list[Path]:
        """The folders in which its modules lie: `src` or its root."""
        tops = {module.partition(".")[0] for module in self.plugins.values()}
        return [
            folder
            for folder in (self.root / "src", self.root)
            if any((folder / top).is_dir() or (folder / f"{top}.py").is_file() for top in tops)
        ]


def project_at(root: Path) -> Project | None:
    """The project in a folder; None if it has no plugins, or no file that can be read."""
    try:
        said = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    about = said.get("project", {})
    plugins = about.get("entry-points", {}).get(GROUP, {})
    if not isinstance(plugins, dict) or not plugins:
        return None
    return Project(
        root,
        str(about.get("name", root.name)),
        str(about.get("version", "0")),
        {str(name): str(module) for name, module in plugins.items()},
        _readme(root, about.get("readme")),
    )


def adopt(project: Project) -> None:
    """Make its plugins importable, and found as installed ones are, for this process. What pip
    installed goes first, so that nothing is there twice."""
    installed = {entry.name for entry in metadata.entry_points(group=GROUP)}
    if installed.isdisjoint(project.plugins):
        sys.path[:0] = [str(folder) for folder in project.sources if str(folder) not in sys.path]
        sys.meta_path.append(_Finder(_Checkout(project)))


def _readme(root: Path, said: Any) -> str:
    name = said.get("file") if isinstance(said, dict) else said
    path = root / str(name or "README.md")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


class _Checkout(metadata.Distribution):
    """A project as `importlib.metadata` sees what is installed."""

    def __init__(self, project: Project) -> None:
        self._files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {project.version}\n"
            f"\n{project.readme}",
            "entry_points.txt": "\n".join(
                [f"[{GROUP}]", *(f"{name} = {module}" for name, module in project.plugins.items())]
            ),
        }
        self._root = project.root

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: str | PathLike[str]) -> Path:
        return self._root / path


class _Finder(DistributionFinder):
    """Finds one checkout; imports nothing."""

    def __init__(self, checkout: _Checkout) -> None:
        self._checkout = checkout

    def find_spec(self, *_: Any, **__: Any) -> None:
        return None

    def find_distributions(
        self,
        context: DistributionFinder.Context = DistributionFinder.Context(),  # noqa: B008 - its own signature
    ) -> Iterable[metadata.Distribution]:
        wanted = (context.name or self._checkout.name).lower().replace("_", "-")
        return [self._checkout] if wanted == self._checkout.name.lower().replace("_", "-") else []
