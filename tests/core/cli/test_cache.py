"""`plugram cache`, on a server that others use too."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis.asyncio import Redis

from core.cache import Cache
from core.cli.main import run
from core.errors import PlugramError
from tests.support.servers import free_port


async def filled(url: str) -> None:
    client = Redis.from_url(url)
    await client.set("another:program", 1)
    for plugin, keys in {"search": ("results:7:a", "results:7:b"), "files": ("list",)}.items():
        for key in keys:
            await Cache(client, "plugram").namespaced(plugin).set(key, 1)
    await client.aclose()


async def strangers(url: str) -> list[bytes]:
    client = Redis.from_url(url)
    keys: list[bytes] = await client.keys("*")
    await client.aclose()
    return sorted(keys)


@pytest.fixture
def redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PLUGRAM_REDIS__URL", redis_url)
    return redis_url


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip()


def test_values_are_counted_and_cleared_by_prefix(
    redis: str, capsys: pytest.CaptureFixture[str]
) -> None:

    asyncio.run(filled(redis))
    assert run(["cache", "stats", "--json"]) == 0
    assert json.loads(told(capsys)) == {"entries": {"files": 1, "search": 2}, "shared": True}
    assert run(["cache", "clear", "search:results"]) == 0
    assert told(capsys) == "2 values forgotten."
    assert run(["cache", "stats"]) == 0
    assert "files" in told(capsys)
    assert run(["cache", "clear"]) == 0
    assert told(capsys) == "1 value forgotten."
    assert run(["cache", "stats"]) == 0
    assert told(capsys) == "The cache is empty."
    assert asyncio.run(strangers(redis)) == [b"another:program"]


def test_without_redis_each_process_has_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PLUGRAM_REDIS__URL", raising=False)
    assert run(["cache", "clear"]) == 0
    assert "its own memory" in told(capsys)
    assert run(["cache", "stats", "--json"]) == 0
    assert json.loads(told(capsys)) == {"entries": {}, "shared": False}


def test_a_server_that_is_away_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLUGRAM_REDIS__URL", f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(PlugramError, match="Redis is away"):
        run(["cache", "stats"])
