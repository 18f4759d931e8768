"""Callback data: typed, short, and each plugin's own."""

from __future__ import annotations

import sys
import types
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from core.errors import PluginError
from core.telegram.callback import Callback, is_control, owner_of, plugin_of


class Sort(Enum):
    NAME = "n"
    DATE = "d"


class Page(Callback, name="page", plugin="files"):
    number: int
    sort: Sort = Sort.NAME
    tag: str | None = None


class Stop(Callback, name="stop", control=True, plugin="files"):
    pass


class Other(Callback, name="page", plugin="search"):
    number: int
    sort: Sort = Sort.NAME
    tag: str | None = None


def test_packs_and_unpacks() -> None:
    data = Page(number=3, sort=Sort.DATE, tag="x").pack()
    assert data == "files:page:3:d:x"
    assert Page.unpack(data) == Page(number=3, sort=Sort.DATE, tag="x")
    assert Page.unpack(Page(number=3).pack()) == Page(number=3)
    assert Stop.unpack(Stop().pack()) == Stop()


def test_equal_names_of_two_plugins_dont_meet() -> None:
    assert Page.unpack(Other(number=1).pack()) is None
    assert owner_of(Other(number=1).pack()) == "search"
    assert owner_of(Stop().pack()) == "files"


@pytest.mark.parametrize(
    "data", ["", "files", "files:page", "files:page:x:n:", "files:page:1", "files:page:1:z:"]
)
def test_what_isnt_ours_or_is_old_is_none(data: str) -> None:
    assert Page.unpack(data) is None
    assert Stop.unpack(data) is None


def test_control_is_seen_without_the_class() -> None:
    assert is_control(Stop().pack())
    assert not is_control(Page(number=1).pack())


def test_refuses_what_doesnt_fit() -> None:
    with pytest.raises(PluginError, match="64 bytes"):
        Page(number=1, tag="x" * 60).pack()
    with pytest.raises(PluginError, match="can hold ':'"):
        Page(number=1, tag="a:b").pack()


def test_values_of_all_kinds_come_back() -> None:
    class Kinds(Callback, name="kinds", plugin="p"):
        flag: bool
        ratio: float
        id: UUID

    value = Kinds(flag=True, ratio=0.5, id=UUID(int=7))
    assert Kinds.unpack(value.pack()) == value


async def test_filters_a_press() -> None:
    matches = Page.filter(lambda page: page.number > 1)
    assert await matches(SimpleNamespace(data="files:page:2:n:")) == {
        "callback_data": Page(number=2)
    }
    assert await matches(SimpleNamespace(data="files:page:1:n:")) is False
    assert await matches(SimpleNamespace(data=None)) is False


def test_the_plugin_is_known_from_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin.toml").write_text('id = "shop"\n')
    package = types.ModuleType("some_shop")
    package.__file__ = str(tmp_path / "__init__.py")
    views = types.ModuleType("some_shop.sub.views")
    single = types.ModuleType("one_file")
    single.__dict__["manifest"] = {"id": "dice"}
    for module in (package, views, single):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert plugin_of("some_shop.sub.views") == "shop"
    assert plugin_of("one_file") == "dice"
    with pytest.raises(PluginError, match="belongs to no plugin"):
        plugin_of("json.decoder")
