"""docs/playground.md tells of everything that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from playground import schema
from playground.actions import Actions
from playground.chats import Chats
from playground.control import Control
from playground.faults import KINDS
from playground.methods import METHODS
from playground.rig import Rig
from playground.server import create

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "playground.md").read_text("utf-8")


def routes() -> set[tuple[str, str]]:
    app = create()
    services = app.api.services
    doors = (
        Control(app.world, services.clicks),
        Actions(app.world, services.inline),
        Chats(app.world),
        Rig(app.world, app.api),
    )
    return {
        (verb, re.sub(r":\w+", "", route.path))
        for door in doors
        for route in door.routes()
        for verb in (route.methods or set()) - {"HEAD"}
    }


@pytest.mark.parametrize(("verb", "path"), sorted(routes()))
def test_every_endpoint_is_described(verb: str, path: str) -> None:
    short = path.replace("/control/users/{user}/messages/{message}", "…/messages/{id}")
    short = short.replace("/control/files/{file}", "/control/files/{file_id}")
    lines = [line for line in PAGE.splitlines() if f"{short}`" in line]
    assert any(verb in line for line in lines), f"{verb} {path}"


def test_every_method_that_is_played_is_named() -> None:
    prose = PAGE.replace("(s)", "").lower()
    for name in METHODS:
        known = schema.load().methods[name].name
        about_itself = re.search("my(commands|name|.*description)|menubutton|logout|close", name)
        stem = re.sub("^un", "", name.removesuffix("s"))
        assert about_itself or stem in prose, known


def test_every_fault_is_described() -> None:
    for kind in KINDS:
        assert f"| `{kind}` |" in PAGE


def test_the_version_is_right() -> None:
    assert f"version {schema.load().version})" in PAGE
