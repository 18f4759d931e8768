"""`plugram files`, as an operator runs it."""

from __future__ import annotations

import json

from core.app import App
from playground.client import Person
from plugins.files import repository
from plugins.files.models import Blob, TelegramFile
from plugram import SYSTEM
from tests.plugins.files.conftest import ears, sent, until
from tests.support.host import run_command
from tests.support.rows import of_all


async def run(app: App, *words: str) -> str:
    return await run_command(app.loader, "files", *words)


async def test_an_operator_deletes_and_verifies(app: App, ann: Person) -> None:
    await sent(ann, b"some words", "a.txt", caption="#tax")
    assert "Everything agrees" in await run(app, "verify", "--deep")
    assert json.loads(await run(app, "show", "1", "--json"))["tags"] == "tax"

    assert "1 of 2 files in the trash" in await run(app, "trash", "1", "2")
    assert "a.txt" in await run(app, "list", "--trash")
    assert json.loads(await run(app, "list", "--json"))[0]["state"] == "trashed"
    assert "1 of 1 files restored" in await run(app, "restore", "1")
    assert await repository.count(SYSTEM) == 1

    assert "1 of 1 files being deleted" in await run(app, "delete", "1", "--yes")
    await until(lambda: _no_file())
    ears(app).news.clear()  # which keeps what it heard
    assert json.loads(await run(app, "verify", "--json")) == []


async def _no_file() -> bool:
    return not await of_all(TelegramFile.all().exists()) and not await Blob.all().exists()
