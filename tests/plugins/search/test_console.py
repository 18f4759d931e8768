"""`plugram search`, as an operator runs it."""

from __future__ import annotations

import json

import pytest
import typer

from core.app import App
from playground.client import Person
from plugins.search.service import of
from tests.plugins.search.conftest import send_file
from tests.support.host import run_command


async def run(app: App, *words: str) -> str:
    return await run_command(app.loader, "search", *words)


async def test_an_operator_asks_looks_and_starts_anew(app: App, ann: Person) -> None:
    message = await send_file(ann, "The ferry leaves at seven.", "ferry.txt")
    user = str(message["from"]["id"])

    found = json.loads(await run(app, "query", "ferries", "--user", user, "--json"))
    (hit,) = found["hits"]
    assert (hit["file"], hit["text"]) == ("ferry.txt", "The ferry leaves at seven.")
    assert hit["words"] == ["ferries"]
    assert "ferry.txt" in await run(app, "query", "ferries", "--user", user)
    assert "no searchable files" in await run(app, "query", "ferries", "--user", "1")
    assert "Nothing found" in await run(app, "query", "xqzvwk", "--user", user)
    assert "ferry.txt" in await run(app, "query", "type:text from:me on:today", "--user", user)
    assert "Nothing found" in await run(app, "query", "ferries -type:text", "--user", user)

    known = json.loads(await run(app, "status", "--json"))
    assert (known["files"], known["passages"], known["vectors"], known["ok"]) == (1, 1, 1, True)
    assert "passages" in await run(app, "status")

    plugin = app.loader.report.find("search")
    assert plugin is not None
    await of(plugin.ctx).engine.index.set_meta("fingerprint", "another/1 chunker/1")
    assert json.loads(await run(app, "status", "--json"))["ok"] is False
    assert "1 files are indexed anew" in await run(app, "reindex")
    assert json.loads(await run(app, "query", "boat", "--user", user, "--json"))["by_meaning"]


async def test_it_wants_to_know_whose_files(app: App) -> None:
    for whose in ([], ["--user", "1", "--chat", "-100"]):
        with pytest.raises(typer.BadParameter, match="--user ID or --chat ID"):
            await run(app, "query", "ferries", *whose)
    assert "no searchable files" in await run(app, "query", "ferries", "--chat", "-100123")
