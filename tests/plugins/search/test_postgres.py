"""What PostgreSQL alone does: which way to the nearest vectors, and the extension it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from core.errors import MigrationError
from plugins.search.index import Statistics
from plugins.search.postgres import PostgresIndex
from tests.plugins.search.conftest import ANN, BORIS, Room, opened
from tests.plugins.search.test_vectors import add, exact
from tests.support.servers import Postgres


def vectors(count: int, seed: int = 1) -> npt.NDArray[np.float32]:
    """In clusters, of a dimension that has an index."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(count // 20, 1), 256))
    made = centres[rng.integers(0, len(centres), count)] + 0.5 * rng.normal(size=(count, 256))
    unit: npt.NDArray[np.float32] = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


@pytest.fixture
async def room(postgres_url: str, tmp_path: Path) -> AsyncIterator[Room]:
    async with opened(postgres_url, tmp_path, None) as made:
        yield made


@pytest.mark.parametrize("walks", [False, True])
async def test_both_ways_find_the_nearest(
    room: Room, monkeypatch: pytest.MonkeyPatch, walks: bool
) -> None:
    made = vectors(800)
    ids = await add(room, made)
    await add(room, vectors(800, seed=4), scope=BORIS, first=2)
    index = room.search.engine.index
    assert isinstance(index, PostgresIndex)

    async def decide(vectors: int, count: int) -> bool:
        return walks

    monkeypatch.setattr(index, "_walks", decide)
    found = wanted = 0
    known = await index.statistics(ANN)
    for vector in vectors(20, seed=3):
        nearest = await index.nearest(ANN, vector, 80, known)
        assert set(nearest) <= set(ids)  # nothing of the other scope
        true = set(exact(ids, made, vector))
        found += len(true & set(nearest))
        wanted += len(true)
    assert found / wanted > (0.97 if walks else 0.999)


@pytest.mark.parametrize(
    ("mine", "everybodys", "walks"),
    [
        (1_000, 1_000, False),  # small
        (20_000, 20_000, True),  # alone in the index
        (20_000, 1_000_000, False),  # one of fifty
        (100_000, 1_000_000, True),
    ],
)
async def test_the_shorter_way_is_taken(
    room: Room, mine: int, everybodys: int, walks: bool
) -> None:
    index = room.search.engine.index
    assert isinstance(index, PostgresIndex)
    index._all = (everybodys, float("inf"))
    assert await index._walks(mine, 80) is walks
    assert Statistics(vectors=mine).vectors == mine


async def test_the_way_is_chosen_by_what_the_database_estimates(room: Room) -> None:
    index = room.search.engine.index
    assert isinstance(index, PostgresIndex)
    assert await index._walks(20_000, 80) is True


async def test_a_server_without_pgvector_is_told_what_to_do(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.create()
    try:
        postgres.sql("DROP EXTENSION vector", database=url.rpartition("/")[2])
        with pytest.raises(MigrationError, match="CREATE EXTENSION vector"):
            async with opened(url, tmp_path, None):
                pass
    finally:
        postgres.drop(url)
