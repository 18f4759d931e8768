"""Links to files, as somebody gets them in the chat and opens them in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from core.app import App
from core.config import Settings
from playground.client import Person, text_of
from plugins.files.keeper import Keeper
from plugram import Scope
from tests.plugins.files.conftest import files_of, row
from tests.support.rows import of_all
from tests.support.servers import free_port


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    port = free_port()
    public = {"enabled": True, "port": port, "public_url": f"http://127.0.0.1:{port}"}
    web = settings.web.model_copy(update=public)
    async with App(settings.model_copy(update={"web": web}), "all").serving() as serving:
        yield serving


def urls(message: dict[str, Any]) -> list[str]:
    rows = message["reply_markup"]["inline_keyboard"]
    return [button["url"] for row in rows for button in row if "url" in button]


async def test_a_link_is_given_and_made_anew(app: App, ann: Person) -> None:
    await ann.upload(b"the lease of the house", name="lease.txt")
    await ann.wait_text(await ann.wait_reply(), "Searchable")
    await ann.send("/files")
    listed = await ann.wait_reply()
    await ann.click(listed, "📄 lease.txt", wait=10)
    card = await ann.wait_text(listed, "the lease of the house")
    await ann.click(card, "🔗 Link", wait=10)
    given = await ann.wait_reply()
    assert "10 minutes" in text_of(given)
    (url,) = urls(given)
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert await answer.read() == b"the lease of the house"
        assert 'filename="lease.txt"' in answer.headers["content-disposition"]
    rows = await of_all(app.db.fetch("SELECT * FROM files_telegram_files"))
    assert url not in str(rows)

    await ann.click(given, "🔄 Fresh link", wait=10)
    file = await row(app)
    keeper: Keeper = files_of(app).keeper
    await keeper.trash(Scope(file.scope), [file.id], by=file.sender_id)
    answer_ = await ann.click(given, "🔄 Fresh link", wait=10)
    assert answer_ is not None
    assert "text" in answer_  # an alert: the file is gone
