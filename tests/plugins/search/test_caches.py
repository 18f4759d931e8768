"""What search remembers, for how long, and how it is counted."""

from __future__ import annotations

import pytest

from core.cache import Cache
from core.log import get_logger
from plugins.embeddings.cached import CachedEmbedder
from plugins.embeddings.offline import OfflineEmbedder
from plugins.search.caches import Hits, rates
from plugins.search.query import Filters
from plugins.search.service import Search
from plugins.search.settings import Settings
from tests.plugins.search.conftest import ANN, BORIS, Room, stored_file


@pytest.fixture
def cache() -> Cache:
    return Cache().namespaced("search")


@pytest.fixture
async def search(room: Room, cache: Cache, embedder: OfflineEmbedder) -> Search:
    await embedder.embed(["the model is loaded"], kind="query")
    remembering = CachedEmbedder(embedder, 10)
    return Search(
        room.db,
        Settings(),
        embedder=lambda: remembering,
        folder=lambda: room.folder,
        log=get_logger("search"),
        cache=cache,
    )


async def counted(search: Search) -> dict[str, int]:
    await search.engine.hits.write()
    return await search.engine.hits.read()


async def test_a_search_is_remembered_as_it_was(room: Room, search: Search) -> None:
    await room.fill({1: "The ferry leaves at seven.", 2: "The bus is late."})
    await search.search(ANN, "warming up")  # the first search of a process waits for the model
    first = await search.search(ANN, "ferry sevn")
    assert await search.search(ANN, "ferry  sevn") == first
    assert first.hits
    assert first.corrected
    known = await counted(search)
    assert known["results_hit"] == 1
    assert known["embeddings_miss"] >= 2  # both readings, and the calibration at first


async def test_every_difference_counts(room: Room, search: Search, cache: Cache) -> None:
    await room.add(1, "The ferry leaves at seven.")
    await room.add(2, "The ferry of Boris.", scope=BORIS)
    await search.search(ANN, "ferry")
    await search.search(BORIS, "ferry")
    await search.search(ANN, "ferry", limit=3)
    await search.search(ANN, "ferry", per_file=False)
    await search.search(ANN, "ferry", filters=Filters(languages=("en",)))
    assert (await counted(search))["results_miss"] == 5
    assert len(await cache.entries()) == 1
    assert await cache.clear_prefix("results:u:8:") == 1


async def test_whatever_changes_in_a_scope_is_seen_at_once(room: Room, search: Search) -> None:
    await room.add(1, "The ferry leaves at seven.")

    async def found() -> list[int]:
        return sorted(hit.file_id for hit in (await search.search(ANN, "ferry")).hits)

    assert await found() == [1]
    await room.add(2, "Another ferry.", embed=False)
    assert await found() == [1, 2]
    await room.search.indexer.describe(stored_file(1), hidden=True)
    assert await found() == [2]
    await room.search.indexer.describe(stored_file(1), hidden=False)
    assert await found() == [1, 2]
    await search.forget(ANN, 1)
    assert await found() == [2]
    assert "results_hit" not in await counted(search)


async def test_a_deleted_file_is_in_no_cache(room: Room, search: Search, cache: Cache) -> None:
    await room.add(1, "The ferry leaves at seven.")
    await search.search(ANN, "ferry")
    await search.forget(ANN, 1)
    assert await cache.entries("results") == {}
    await room.add(1, "The bus.")  # the scope begins anew
    assert not any(hit.explanation.words for hit in (await search.search(ANN, "ferry")).hits)


async def test_numbers_are_kept_for_half_a_minute(room: Room, search: Search) -> None:
    await room.add(1, "The ferry leaves at seven.")
    assert (await search.totals()).files == 1
    await room.add(2, "The bus.")
    assert (await search.totals()).files == 1
    await search.engine.forget_totals()
    assert (await search.totals()).files == 2


async def test_counts_of_all_processes_are_added_up(room: Room) -> None:
    for outcome in (True, True, False):
        hits = Hits(room.db)
        hits.note("results", hit=outcome)
        await hits.write()
        await hits.write()
    known = await Hits(room.db).read()
    assert known == {"results_hit": 2, "results_miss": 1}
    assert rates(known) == {"results": "67% of 3"}
