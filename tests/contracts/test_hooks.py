"""The hook reference, the specs, and who uses them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.host import hook_reference
from tests.support.processes import ROOT

SPECS = {spec.__name__: spec for spec in hook_reference.hooks()}
Spec = Callable[..., Any]


def test_the_reference_has_every_hook_with_its_exact_signature() -> None:
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    assert hook_reference.markdown() in page, "run ./scripts/docs"


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_hook_is_documented_and_asks_for_its_context_first(spec: Spec) -> None:
    assert (inspect.getdoc(spec) or "").endswith(".")
    assert next(iter(inspect.signature(spec).parameters)) == "ctx"
    if not inspect.iscoroutinefunction(spec):
        assert "Returns" in (inspect.getdoc(spec) or "")
        assert list(inspect.signature(spec).parameters) == ["ctx"]


def mentioned() -> Iterator[str]:
    """Names of hooks that code of ours hands to `core.host.hooks`: `specs.x` or `hooks.x`."""
    for folder in ("core", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and _home(node.value) in {
                    "specs",
                    "hooks",
                    "hookspecs",
                }:
                    yield node.attr


def _home(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_every_hook_is_called_by_somebody() -> None:
    assert SPECS.keys() - set(mentioned()) == set()
