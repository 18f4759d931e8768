"""Vectors of SQLite: memory, index files, and agreement with comparing one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from plugins.search.indexing import silent
from plugins.search.vectors import VectorCache
from plugram import Scope
from tests.plugins.search.conftest import ANN, BORIS, Room, opened
from tests.support.rows import of_all

SIZE = 64


def vectors(count: int, seed: int = 1) -> npt.NDArray[np.float32]:
    """In clusters, as texts are: recall on random ones says nothing."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(count // 20, 1), SIZE))
    made = centres[rng.integers(0, len(centres), count)] + 0.5 * rng.normal(size=(count, SIZE))
    unit: npt.NDArray[np.float32] = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


@pytest.fixture
async def room(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Room]:
    async with opened(sqlite_url, tmp_path, None, exact_below=400) as made:
        yield made


async def add(
    room: Room, made: npt.NDArray[np.float32], *, scope: Scope = ANN, first: int = 1
) -> list[int]:
    """Passages of one file with these vectors; their ids."""
    file_id = first
    pages = "\n\n".join(f"Passage {n}." for n in range(len(made)))
    await room.add(file_id, pages, scope=scope)
    await of_all(room.db.execute("DELETE FROM search_passages WHERE file_id = $1", file_id))
    await of_all(
        room.db.executemany(
            "INSERT INTO search_passages"
            " (scope, file_id, ordinal, length, terms, text, heading, locator)"
            " VALUES ($1, $2, $3, 1, $4, '', '', '{}')",
            [(scope.key, file_id, n, b"") for n in range(1, len(made) + 1)],
        )
    )
    rows = await of_all(
        room.db.fetch("SELECT id FROM search_passages WHERE file_id = $1 ORDER BY ordinal", file_id)
    )
    ids = [row["id"] for row in rows]
    async with room.db.transaction(scope):
        await room.search.engine.index.add_vectors(scope.key, ids, made)
    return ids


async def nearest(
    room: Room, cache: VectorCache, vector: npt.NDArray[np.float32], count: int = 10
) -> list[int]:
    known = await room.search.engine.index.statistics(ANN)
    return await cache.nearest(ANN.key, vector, count, known)


def exact(
    ids: list[int], made: npt.NDArray[np.float32], vector: npt.NDArray[np.float32]
) -> list[int]:
    return [ids[at] for at in np.argsort(-(made @ vector))[:10]]


def cache_of(room: Room) -> VectorCache:
    cache = room.search.engine.vectors
    assert cache is not None
    return cache


async def test_a_small_scope_is_compared_one_by_one(room: Room) -> None:
    made = vectors(300)
    ids = await add(room, made)
    for vector in vectors(5, seed=2):
        assert await nearest(room, cache_of(room), vector) == exact(ids, made, vector)


async def test_what_comes_in_is_found_at_once(room: Room) -> None:
    made = vectors(50)
    await add(room, made)
    cache = cache_of(room)
    await nearest(room, cache, made[0])
    late = vectors(3, seed=5)
    ids = await add(room, late, first=2)
    assert (await nearest(room, cache, late[1]))[0] == ids[1]


async def test_a_large_scope_has_an_index_file(room: Room, tmp_path: Path) -> None:
    made = vectors(1500)
    ids = await add(room, made)
    assert await room.search.indexer.wants_vector_file(ANN)
    reported: list[tuple[int, int]] = []

    async def report(done: int, total: int) -> None:
        reported.append((done, total))

    await room.search.indexer.build_vector_file(ANN, report)
    assert reported[-1] == (1500, 1500)
    assert len(list(tmp_path.glob("*.usearch"))) == 1
    assert not await room.search.indexer.wants_vector_file(ANN)
    found = wanted = 0
    for vector in vectors(40, seed=3):
        # The ranker sees a hundred of them, with their true cosines.
        true = set(exact(ids, made, vector))
        found += len(true & set(await nearest(room, cache_of(room), vector, 100)))
        wanted += len(true)
    assert found / wanted > 0.99


async def test_beside_the_file_new_ones_are_found_and_old_ones_go(
    room: Room, tmp_path: Path
) -> None:
    ids = await add(room, vectors(600))
    await room.search.indexer.build_vector_file(ANN, silent)
    late = vectors(410, seed=9)
    late_ids = await add(room, late, first=2)
    assert (await nearest(room, cache_of(room), late[7]))[0] == late_ids[7]
    assert await room.search.indexer.wants_vector_file(ANN)  # half of exact_below came since
    await room.search.forget(ANN, 1)
    await room.search.indexer.build_vector_file(ANN, silent)
    assert len(list(tmp_path.glob("*.usearch"))) == 1
    found = await nearest(room, cache_of(room), late[7])
    assert found[0] == late_ids[7]
    assert not set(found) & set(ids)


async def test_a_lost_file_is_made_again(room: Room, tmp_path: Path) -> None:
    made = vectors(600)
    ids = await add(room, made)
    await room.search.indexer.build_vector_file(ANN, silent)
    (path,) = tmp_path.glob("*.usearch")
    path.unlink()
    assert await nearest(room, cache_of(room), made[0]) == exact(ids, made, made[0])
    assert await room.search.indexer.wants_vector_file(ANN)
    await room.search.indexer.build_vector_file(ANN, silent)
    assert list(tmp_path.glob("*.usearch"))


async def test_a_damaged_file_costs_nothing(room: Room, tmp_path: Path) -> None:
    made = vectors(600)
    ids = await add(room, made)
    await room.search.indexer.build_vector_file(ANN, silent)
    (path,) = tmp_path.glob("*.usearch")
    path.write_bytes(b"not an index")
    assert (await nearest(room, cache_of(room), made[0]))[0] == ids[0]


async def test_another_process_sees_the_new_file(room: Room) -> None:
    made = vectors(600)
    ids = await add(room, made)
    other = VectorCache(room.db, lambda: room.folder, budget=1 << 30, exact_below=400)
    await nearest(room, other, made[0])
    await room.search.indexer.build_vector_file(ANN, silent)
    assert (await nearest(room, other, made[5]))[0] == ids[5]


async def test_memory_is_bounded(room: Room) -> None:
    await add(room, vectors(300))
    await add(room, vectors(300, seed=2), scope=BORIS, first=2)
    cache = VectorCache(room.db, lambda: room.folder, budget=1, exact_below=400)
    for scope in (ANN, BORIS, ANN):
        known = await room.search.engine.index.statistics(scope)
        await cache.nearest(scope.key, vectors(1)[0], 5, known)
        assert cache.scopes == [scope.key]
    cache.forget()
    assert cache.scopes == []


async def test_vectors_of_another_length_are_passed_over(room: Room) -> None:
    await add(room, vectors(20))
    assert await nearest(room, cache_of(room), np.ones(32, np.float32)) == []
