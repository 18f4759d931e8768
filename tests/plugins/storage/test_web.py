"""Links to blobs over real HTTP."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import time_machine

from core.app import App
from core.config import Settings
from plugram import BlobStore
from tests.support.host import only
from tests.support.processes import PlaygroundProcess
from tests.support.servers import free_port

CONTENT = b"<script>alert(1)</script>" * 1000
KEY = f"documents/{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
async def app(
    settings_factory: Callable[..., Settings], playground: PlaygroundProcess, tmp_path: Path
) -> AsyncIterator[App]:
    port = free_port()
    settings = settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        web__port=port,
        web__public_url=f"http://127.0.0.1:{port}",
        **only("storage"),
    )
    (tmp_path / "page").write_bytes(CONTENT)
    async with App(settings, "all").serving() as serving:
        await serving.services.require(BlobStore).put(KEY, tmp_path / "page")
        yield serving


async def link(app: App, name: str = "Отчёт.html") -> str:
    made = await app.services.require(BlobStore).link(KEY, name=name, mime="text/html")
    assert made is not None
    return made


async def test_a_link_downloads_the_file_and_never_shows_it(app: App) -> None:
    async with aiohttp.ClientSession() as client, client.get(await link(app)) as answer:
        assert await answer.read() == CONTENT
        said = answer.headers
    assert said["content-disposition"].startswith("attachment;")
    assert "%D0%9E%D1%82%D1%87%D1%91%D1%82.html" in said["content-disposition"]
    assert said["x-content-type-options"] == "nosniff"
    assert "sandbox" in said["content-security-policy"]
    assert said["cache-control"] == "private, no-store"


async def test_a_part_can_be_asked_for(app: App) -> None:
    headers = {"Range": "bytes=8-13"}
    async with (
        aiohttp.ClientSession() as client,
        client.get(await link(app), headers=headers) as answer,
    ):
        assert (answer.status, await answer.read()) == (206, CONTENT[8:14])


@pytest.mark.parametrize(
    ("language", "said"), [("ru,en;q=0.8", "устарела"), ("es-MX", "caducado"), ("fi", "too old")]
)
async def test_an_old_link_says_so_in_the_readers_language(
    app: App, language: str, said: str
) -> None:
    with time_machine.travel(time.time() - 700):
        old = await link(app)
    headers = {"Accept-Language": language}
    async with aiohttp.ClientSession() as client, client.get(old, headers=headers) as answer:
        assert answer.status == 410
        assert said in await answer.text()


async def test_a_forged_link_and_a_lost_blob_give_nothing(app: App) -> None:
    good = await link(app)
    await app.services.require(BlobStore).delete(KEY)
    async with aiohttp.ClientSession() as client:
        for url in (good, good[:-3] + "AAA", good.rpartition(".")[0]):
            async with client.get(url) as answer:
                assert answer.status == 404
                assert "no file" in await answer.text()
