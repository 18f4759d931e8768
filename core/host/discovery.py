"""Finding plugins without importing one: built-in rooms, installed packages, files and folders.

A candidate that can't be used says why; it never keeps the others from being found.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import ValidationError

from core.errors import ManifestError
from core.host.plugin import API_VERSION, Manifest

GROUP = "plugram.plugins"
"""Entry-point group of installed plugins: `<plugin id> = "<package>"`."""
CHECKOUT = Path(__file__).parents[2]
BUILT_IN = CHECKOUT / "plugins"
MANIFEST = "plugin.toml"
PATH_PREFIX = "plugram_path_"
"""Modules from `[plugins] paths` are imported under this name and their id, so that `json.py` there
hides nobody's `json`."""

Origin = Literal["built-in", "installed", "path"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found; nothing of it is imported yet."""

    id: str
    origin: Origin
    root: Path
    """Its folder, or its single file."""
    module: str
    """The name that it is imported by."""
    manifest: Manifest | None = None
    error: str = ""
    """Why it can't be used; empty when it can."""
    distribution: str = ""
    """The installed distribution that brought it."""
    version: str = field(default="", compare=False)

    @property
    def source(self) -> str:
        """Where it came from, for people."""
        if self.origin == "built-in":
            return "built-in"
        return f"{self.distribution} {self.version}" if self.distribution else str(self.root)


def discover(paths: Iterable[Path], *, built_in: Path = BUILT_IN) -> list[Candidate]:
    """All candidates: built-in ones, then installed ones, then those of `[plugins] paths`."""
    return [*_built_in(built_in), *_installed(), *(one for path in paths for one in _at(path))]


# -- the three places -----------------------------------------------------------------------------


def _built_in(folder: Path) -> Iterator[Candidate]:
    package = folder.name
    for room in sorted(folder.iterdir()):
        if (room / MANIFEST).is_file():
            yield _candidate(room.name, "built-in", room, f"{package}.{room.name}")


def _installed() -> Iterator[Candidate]:
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
        root = _locate(entry.module)
        if root is None or entry.attr:
            yield Candidate(
                entry.name,
                "installed",
                root or Path(),
                entry.module,
                error=f"its entry point says {entry.value!r}, which is no module that can be found",
                distribution=name,
                version=version,
            )
        else:
            yield _candidate(entry.name, "installed", root, entry.module, name, version)


def _at(path: Path) -> Iterator[Candidate]:
    if not path.exists():
        yield _outside(path, error=f"[plugins] paths names {path}, which isn't there")
    elif path.is_file() or _is_plugin(path):
        yield _outside(path)
    else:
        for child in sorted(path.iterdir()):
            if child.name[0] not in "._" and _is_plugin(child):
                yield _outside(child)


def _is_plugin(path: Path) -> bool:
    """Whether a file or folder has a manifest, be it a broken one. A file without one is somebody's
    helper module."""
    if path.is_dir():
        return (path / MANIFEST).is_file() or _is_plugin(path / "__init__.py")
    if path.suffix != ".py" or not path.is_file():
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(r"^manifest\b", text, re.MULTILINE) is not None


def _outside(path: Path, error: str = "") -> Candidate:
    name = re.sub(r"\W", "_", path.stem.lower())
    if error:
        return Candidate(name, "path", path, PATH_PREFIX + name, error=error)
    return _candidate("", "path", path, PATH_PREFIX)


def _candidate(
    name: str,
    origin: Origin,
    root: Path,
    module: str,
    distribution: str = "",
    version: str = "",
) -> Candidate:
    """Read the manifest. `name`: the id that the place promises; empty where it promises none."""
    known_as = name or re.sub(r"\W", "_", root.stem.lower())
    try:
        manifest = read_manifest(root)
        if name and manifest.id != name:
            what = "folder" if origin == "built-in" else "entry point"
            raise ManifestError(f"its {what} says {name}, its manifest says {manifest.id}")
    except ManifestError as error:
        return Candidate(
            known_as,
            origin,
            root,
            module + known_as if module == PATH_PREFIX else module,
            error=str(error),
            distribution=distribution,
            version=version,
        )
    return Candidate(
        manifest.id,
        origin,
        root,
        module + manifest.id if module == PATH_PREFIX else module,
        manifest,
        distribution=distribution,
        version=version,
    )


def _locate(module: str) -> Path | None:
    """The folder or file of a module, found without importing it or a parent of it."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations is None:
        return Path(spec.origin) if spec.origin and not rest else None
    for location in spec.submodule_search_locations:
        place = Path(location, *rest)
        if place.is_dir():
            return place
        if rest and place.with_suffix(".py").is_file():
            return place.with_suffix(".py")
    return None


# -- the manifest ---------------------------------------------------------------------------------


def read_manifest(root: Path) -> Manifest:
    """The manifest of a plugin's folder or file, by reading alone. Raises ManifestError."""
    toml = root / MANIFEST
    if root.is_dir() and toml.is_file():
        where, said = str(toml), _from_toml(toml)
    else:
        source = root / "__init__.py" if root.is_dir() else root
        where, said = str(source), _from_literal(source)
    try:
        manifest = Manifest.model_validate(said)
    except ValidationError as error:
        raise ManifestError(f"{where}: {_sentences(error)}") from None
    _check_range(manifest, where)
    return manifest


def _from_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from None


def _from_literal(path: Path) -> Mapping[str, Any]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise ManifestError(f"{path}:{error.lineno}: {error.msg}") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ManifestError(f"{path}: {error}") from None
    for node in tree.body:
        value = _assigned(node, "manifest")
        if value is not None:
            return _literal(value, path)
    raise ManifestError(
        f"{path}: no manifest", hint=f"write `manifest = {{…}}` at its top, or a {MANIFEST}"
    )


def _assigned(node: ast.stmt, name: str) -> ast.expr | None:
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = (node.target,)
    if any(isinstance(target, ast.Name) and target.id == name for target in targets):
        return getattr(node, "value", None)
    return None


def _literal(value: ast.expr, path: Path) -> Mapping[str, Any]:
    try:
        said = ast.literal_eval(value)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ManifestError(
            f"{path}:{value.lineno}: the manifest must be a literal dict: it is read, not run"
        )
    return said


def _sentences(error: ValidationError) -> str:
    return "; ".join(_sentence(one["loc"], one["type"], one["msg"]) for one in error.errors())


def _sentence(place: Sequence[str | int], kind: str, message: str) -> str:
    name = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), Manifest.model_fields, n=1)
        return f"unknown key {name}" + (f" (did you mean {near[0]}?)" if near else "")
    if kind == "missing":
        return f"{name} is missing"
    return f"{name}: {message[:1].lower()}{message[1:]}"


def _check_range(manifest: Manifest, where: str) -> None:
    try:
        SpecifierSet(manifest.api)
    except InvalidSpecifier:
        raise ManifestError(
            f"{where}: api: {manifest.api!r} is no range of versions", hint='for example ">=1,<2"'
        ) from None


def speaks(manifest: Manifest) -> bool:
    """Whether this host's plugin API lies in the plugin's range."""
    return SpecifierSet(manifest.api).contains(API_VERSION, prereleases=True)


# -- extras ---------------------------------------------------------------------------------------


def missing_extras(candidate: Candidate) -> str:
    """The pip command that installs what the plugin's extras lack, or an empty string. Raises
    ManifestError if its distribution knows no such extra."""
    manifest = candidate.manifest
    if manifest is None or not manifest.extras:
        return ""
    name = candidate.distribution or "plugram"
    known = _extras(name)
    unknown = [extra for extra in manifest.extras if extra not in known]
    if unknown:
        raise ManifestError(f"extras: {name} has no extra {', '.join(unknown)}")
    lacking = [
        extra for extra in manifest.extras if not all(_is_there(one) for one in known[extra])
    ]
    return f"pip install '{name}[{','.join(lacking)}]'" if lacking else ""


@cache
def _extras(name: str) -> dict[str, list[Requirement]]:
    """Extra → what it requires, for the checkout (from its pyproject.toml) or a distribution."""
    project = CHECKOUT / "pyproject.toml"
    if name == "plugram" and project.is_file():
        said = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        optional: dict[str, list[str]] = said.get("optional-dependencies", {})
        return {extra: [Requirement(line) for line in lines] for extra, lines in optional.items()}
    about = metadata.metadata(name)
    extras: dict[str, list[Requirement]] = {
        extra: [] for extra in about.get_all("Provides-Extra") or ()
    }
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        for extra, wanted in extras.items():
            marker = requirement.marker
            if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
                wanted.append(requirement)
    return extras


def _is_there(requirement: Requirement) -> bool:
    marker = requirement.marker
    if marker and "extra" not in str(marker) and not marker.evaluate():
        return True
    try:
        version = metadata.version(requirement.name)
    except (metadata.PackageNotFoundError, InvalidRequirement):
        return False
    return requirement.specifier.contains(version, prereleases=True)
