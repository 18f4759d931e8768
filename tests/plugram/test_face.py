from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import plugram

SOURCE = Path(plugram.__file__)


def type_checkers_names() -> dict[str, str]:
    """Name → module that has it or, for modules, that it is; of the imports that only type checkers
    see."""
    tree = ast.parse(SOURCE.read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        name: f"{node.module}.{alias.name}" if name in plugram._MODULES else node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        for name in [alias.asname or alias.name]
    }


def test_all_names_are_those_that_type_checkers_see() -> None:
    seen = type_checkers_names()
    assert sorted(plugram.__all__) == sorted(seen)
    assert seen == plugram._HOMES | plugram._MODULES


@pytest.mark.parametrize("name", plugram.__all__)
def test_each_name_can_be_had(name: str) -> None:
    assert getattr(plugram, name) is not None
    assert name in dir(plugram)


def test_unknown_names_are_told() -> None:
    with pytest.raises(AttributeError, match=r"plugram has no 'Bot'; its names are in plugram"):
        plugram.Bot  # noqa: B018 - asking is the test


def test_importing_the_face_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import plugram;"
        "print(*sorted(name for name in set(sys.modules) - before"
        " if name.partition('.')[0] in ('core', 'plugins', 'aiogram', 'pydantic', 'tortoise')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_face_needs_no_aiogram() -> None:
    code = (
        "import sys, plugram; [getattr(plugram, name) for name in plugram.__all__];"
        "print('aiogram' in sys.modules, 'tortoise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
