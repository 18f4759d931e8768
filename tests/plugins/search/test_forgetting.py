"""Deleted files leave nothing: no row, no vector, no entry of an index file, no saved result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from plugins.embeddings.offline import OfflineEmbedder
from plugins.search.indexing import silent
from plugram import Section
from tests.plugins.search.conftest import ANN, BORIS, Room, opened, stored_file
from tests.plugins.search.test_vectors import add, cache_of, vectors
from tests.support.rows import of_all

KEPT = {"search_meta", "search_counters"}
"""Tables that say nothing of files."""


async def rows(room: Room) -> dict[str, int]:
    """Of every table of search, as the database itself lists them."""
    if room.db.dialect == "sqlite":
        # Those of the full-text index hold its own bookkeeping; the virtual table is looked at.
        sql = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'search_%'"
            " AND name NOT LIKE 'search_words_%'"
        )
    else:
        sql = "SELECT tablename AS name FROM pg_tables WHERE tablename LIKE 'search_%'"
    tables = {row["name"] for row in await room.db.fetch(sql)} - KEPT
    assert len(tables) >= 10
    return {name: await of_all(room.db.fetchval(f"SELECT count(*) FROM {name}")) for name in tables}


async def keep_results(room: Room, *file_ids: int) -> None:
    hits = [[100 + file_id, file_id, 1.0, []] for file_id in file_ids]
    await of_all(
        room.db.execute(
            "INSERT INTO search_results (scope, person_id, query, results, created_at)"
            " VALUES ($1, 7, 'ferry', $2, $3)",
            ANN.key,
            json.dumps({"hits": hits, "terms": []}),
            datetime.now(UTC).timestamp(),
        )
    )


async def test_nothing_is_left_of_the_last_file(room: Room) -> None:
    await room.add(1, "The ferry leaves at seven.", name="ferry.txt")
    await room.search.indexer.describe(stored_file(1, name="boat.txt"), hidden=True)
    async with room.db.transaction(ANN):
        await room.search.indexer.receive(stored_file(1), [Section("Again.")], "")
    await keep_results(room, 1)
    assert (await room.search.indexer.leftovers([1])) == []
    await room.search.forget(ANN, 1)
    assert {name: count for name, count in (await rows(room)).items() if count} == {}
    assert await room.search.indexer.leftovers([]) == []


async def test_others_stay_as_they_are(room: Room) -> None:
    await room.add(2, "The ferry is late.", name="late.txt")
    await room.add(3, "The ferry of Boris.", scope=BORIS)
    before = await rows(room)
    await room.add(1, "The ferry leaves at seven.")
    await keep_results(room, 1, 2)
    await room.search.forget(ANN, 1)
    after = await rows(room)
    assert after.pop("search_results") == 1
    before.pop("search_results")
    assert after == before
    kept = await of_all(room.db.fetchval("SELECT results FROM search_results"))
    assert '"hits": [[102, 2, 1.0, []]]' in kept
    assert await room.find("ferry") == [2]


async def test_a_file_that_is_deleted_while_it_is_indexed_is_gone(
    wordy: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wordy.receive_in_slices(monkeypatch)
    calls = 0

    async def forget(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 11:  # two slices are written
            await wordy.search.forget(ANN, 1)

    assert await wordy.search.indexer.index_file(1, forget) is None
    assert calls >= 11
    assert {name: count for name, count in (await rows(wordy)).items() if count} == {}


async def test_an_index_file_is_made_anew_without_what_was_deleted(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_url, tmp_path, None, exact_below=400) as room:
        await add(room, vectors(600))
        gone = vectors(10, seed=5)
        ids = await add(room, gone, first=2)
        indexer = room.search.indexer
        await indexer.build_vector_file(ANN, silent)
        assert not await indexer.wants_vector_file(ANN, erase=True)
        await room.search.forget(ANN, 2)
        # `add` makes passages without words of their own, so those are told too.
        told = [line for line in await indexer.leftovers([1]) if "index file" in line]
        assert told == ["index file of u:7: 10 vectors of no passage, until it is made anew"]
        assert await indexer.wants_vector_file(ANN, erase=True)
        await indexer.build_vector_file(ANN, silent)
        assert not [line for line in await indexer.leftovers([1]) if "index file" in line]
        (path,) = tmp_path.glob("*.usearch")
        known = await room.search.engine.index.statistics(ANN)
        assert not set(ids) & set(await cache_of(room).nearest(ANN.key, gone[0], 80, known))
        await room.search.forget(ANN, 1)
        assert not path.exists()
        assert not list(tmp_path.glob("*.usearch"))


class Counting(OfflineEmbedder):
    at_once = 64

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        if kind == "passage":
            self.asked.append(len(texts))
        return await super().embed(texts, kind=kind)


async def test_small_files_are_embedded_together(room: Room) -> None:
    for n in range(1, 6):
        await room.add(n, f"The ferry number {n}.", embed=False, scope=ANN if n % 2 else BORIS)
    counting = Counting()
    search = room.again(embedder=counting)
    done = await search.indexer.embed_with_others(3, silent)
    assert sorted(file.file_id for file in done) == [1, 2, 3, 4, 5]
    assert counting.asked == [5]
    # Its own job comes later, and finds nothing to do but to tell it.
    assert [file.file_id for file in await search.indexer.embed_with_others(1, silent)] == [1]
    assert counting.asked == [5]
    assert (await room.search.engine.index.statistics(BORIS)).vectors == 2
    assert await room.find("when does the boat depart") != []
    await counting.close()


async def test_a_large_file_is_embedded_alone(room: Room) -> None:
    await room.add(1, [Section(f"Day {n}.", {"page": n}) for n in range(40)], embed=False)
    await room.add(2, "The ferry.", embed=False)
    done = await room.search.indexer.embed_with_others(1, silent)
    assert [file.file_id for file in done] == [1]
    assert [file.file_id for file in await room.search.indexer.embed_with_others(2, silent)] == [2]
