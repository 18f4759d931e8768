"""What built-in plugins say of themselves, compared with what they do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.host.discovery import Candidate, discover
from core.host.ordering import manifest_of
from core.host.plugin import Manifest
from core.host.publishing import shortcomings
from core.host.roles import __name__ as roles_module
from core.host.services import role_name
from tests.support.processes import ROOT

ROOMS = [one for one in discover([]) if one.origin == "built-in"]
each_room = pytest.mark.parametrize("room", ROOMS, ids=[room.id for room in ROOMS])


def trees(room: Candidate) -> tuple[ast.Module, ...]:
    return _parsed(room.root)


@cache
def _parsed(root: Path) -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.py")))


def imports(room: Candidate) -> Iterator[str]:
    for tree in trees(room):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)


def apis(room: Candidate) -> set[str]:
    """Ids of the other plugins whose `api` is imported."""
    others = {one.id for one in ROOMS} - {room.id}
    return {
        parts[1]
        for name in imports(room)
        if (parts := name.split("."))[0] == "plugins" and len(parts) > 2 and parts[1] in others
    }


def calls(room: Candidate, name: str) -> Iterator[str]:
    """Role names that are the first argument of calls to a function or method of this name."""
    import core.host.roles

    for tree in trees(room):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _called(node.func) == name:
                argument = node.args[0]
                role = getattr(core.host.roles, getattr(argument, "id", ""), None)
                if isinstance(role, type) and role.__module__ == roles_module:
                    yield role_name(role)


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@each_room
def test_plugins_whose_api_is_imported_are_required(room: Candidate) -> None:
    said = manifest_of(room)
    assert apis(room) <= {*said.requires.plugins, *said.after}
    assert {*said.requires.plugins} <= apis(room) | _talked_to(room)


def _talked_to(room: Candidate) -> set[str]:
    """Plugins that are needed without an import: those whose hooks or jobs drive this one."""
    text = "".join(path.read_text(encoding="utf-8") for path in room.root.rglob("*.py"))
    return {one.id for one in ROOMS if f"on_{one.id.rstrip('s')}_" in text}


@each_room
def test_roles_that_are_required_are_declared_and_the_reverse(room: Candidate) -> None:
    said = manifest_of(room)
    needed = set(calls(room, "require"))
    assert needed <= {*said.requires.roles, *said.provides}
    assert {*said.requires.roles} <= needed


@each_room
def test_roles_that_are_provided_are_declared(room: Candidate) -> None:
    assert set(calls(room, "Provide")) <= {*manifest_of(room).provides}


@each_room
def test_built_in_plugins_could_be_published(room: Candidate) -> None:
    assert shortcomings(room) == []


@each_room
def test_manifests_say_what_they_keep_and_what_is_left_when_things_fail(room: Candidate) -> None:
    assert manifest_of(room).data
    assert manifest_of(room).degradation


@each_room
def test_built_in_plugins_import_the_door_and_no_more_of_the_host(room: Candidate) -> None:
    hosts = {"core", "settings", "playground"}
    assert hosts.isdisjoint(name.partition(".")[0] for name in imports(room))
    foreign = {
        name
        for name in imports(room)
        if name.startswith("plugins.")
        and name.split(".")[1] != room.id
        and name.split(".")[2:3] != ["api"]
        and len(name.split(".")) > 2
    }
    assert foreign == set()


def test_every_manifest_key_is_explained() -> None:
    page = (ROOT / "docs" / "write-a-plugin.md").read_text(encoding="utf-8")
    assert [key for key in Manifest.model_fields if f"`{key}`" not in page] == []
