"""The room as the host sees it."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.app import App
from core.config import Settings
from core.errors import ConfigError
from plugins.storage.local import LocalStore
from plugram import BlobStore, Health
from tests.support.host import only

Factory = Callable[..., Settings]


@pytest.fixture
async def app(settings_factory: Factory) -> AsyncIterator[App]:
    async with App(settings_factory(**only("storage")), "session").session() as opened:
        yield opened


async def checked(app: App) -> Health:
    plugin = app.loader.report.find("storage")
    assert plugin is not None
    (check,) = plugin.parts.health_checks
    return await check.check()


async def test_it_provides_the_blob_store(app: App) -> None:
    store = app.services.require(BlobStore)
    assert isinstance(store, LocalStore)
    assert store.root == app.settings.data_dir / "storage" / "blobs"


async def test_a_healthy_folder_says_how_much_is_free(app: App) -> None:
    health = await checked(app)
    assert health.ok
    assert "MB free" in health.detail


async def test_a_full_disk_degrades_and_tells_the_way_out(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 30, 1 << 30, 0))
    health = await checked(app)
    assert not health.ok
    assert health.degraded  # what is stored can still be read
    assert "min_free_mb" in health.hint


async def test_the_folder_may_be_elsewhere(settings_factory: Factory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    settings = settings_factory(plugins__storage__path=str(elsewhere), **only("storage"))
    async with App(settings, "session").session() as app:
        assert (await checked(app)).ok
    assert elsewhere.is_dir()


def test_a_relative_folder_is_refused(settings_factory: Factory) -> None:
    settings = settings_factory(plugins__storage__path="blobs", **only("storage"))
    with pytest.raises(ConfigError, match="absolute"):
        App(settings, "session")
