"""Files beyond Telegram's 20 MB, through a Bot API server of one's own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.app import App
from core.config import Settings
from playground.client import Person, text_of
from plugram import FileLibrary, Scope
from tests.plugins.files.conftest import row
from tests.support.processes import PlaygroundProcess

LARGE = 30 << 20


@pytest.fixture
async def app(settings: Settings, playground: PlaygroundProcess) -> AsyncIterator[App]:
    await playground.client.local(True)
    sections = settings.plugins.sections
    large = {**sections, "files": {**sections["files"], "max_mb": 2000}}
    plugins = settings.plugins.model_copy(update={"sections": large})
    async with App(settings.model_copy(update={"plugins": plugins}), "all").serving() as serving:
        yield serving


@pytest.mark.timeout(120)
async def test_a_large_file_comes_and_goes(
    app: App, ann: Person, tmp_path: Path, playground: PlaygroundProcess
) -> None:
    path = tmp_path / "survey.bin"
    path.write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
    await ann.upload(path)
    told = await ann.wait_reply()
    await ann.wait_text(told, "survey.bin", timeout=60)
    await ann.wait_text(told, "name", timeout=60)  # nothing can be read in it: found by its name
    file = await row(app)
    assert (file.size, file.sha256) == (LARGE, hashlib.sha256(path.read_bytes()).hexdigest())
    await app.services.require(FileLibrary).send(Scope(file.scope), file.id, file.chat_id)
    back = await ann.wait_reply(where=lambda message: "document" in message)
    assert back["document"]["file_size"] == LARGE
    assert "large" not in text_of(told)
