"""What PostgreSQL alone does: which way to the nearest vectors, and the extension it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from core.errors import MigrationError
from plugins.search.index import Clause, Statistics
from plugins.search.postgres import PostgresIndex
from plugram import Scope
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
    async with index.reading(ANN):
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


async def bulk(room: Room, made: npt.NDArray[np.float32], scope: Scope, first: int) -> list[int]:
    """Passages with these vectors, whose words nobody looks at."""
    numbers = list(range(first, first + len(made)))
    async with room.db.transaction(scope):
        await room.db.execute(
            "INSERT INTO search_passages OVERRIDING SYSTEM VALUE"
            " SELECT n, $1, $2, n, 1, '', '', '', '{}' FROM unnest($3::bigint[]) n",
            scope.key,
            first,
            numbers,
        )
        await room.search.engine.index.add_vectors(scope.key, numbers, made)
    return numbers


LARGE = Scope.user(100)
Crowd = dict[Scope, tuple[list[int], npt.NDArray[np.float32]]]


async def crowd(room: Room, postgres: Postgres) -> Crowd:
    """One scope of 800 passages among ten of 60, all about the same things."""
    made, at = vectors(1_400, seed=11), 0
    theirs = {}
    for number, size in enumerate([800] + [60] * 10):
        scope, mine = Scope.user(100 + number), made[at : at + size]
        theirs[scope] = (await bulk(room, mine, scope, 1_000_000 + at), mine)
        at += size
    postgres.sql("ANALYZE", database=room.db.where.split()[2])
    return theirs


async def recall(index: PostgresIndex, scope: Scope, ids: list[int], made: Any) -> float:
    known = await index.statistics(scope)
    found = wanted = 0
    for vector in vectors(8, seed=12):
        true = set(exact(ids, made, vector))
        found += len(true & set(await index.nearest(scope, vector, 80, known)))
        wanted += len(true)
    return found / wanted


async def test_many_scopes_in_one_index(
    room: Room, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await crowd(room, postgres)
    index = room.search.engine.index
    assert isinstance(index, PostgresIndex)
    for scope in list(theirs)[:5]:
        assert await recall(index, scope, *theirs[scope]) >= 0.95

    async def walk(vectors: int, count: int) -> bool:
        return True

    monkeypatch.setattr(index, "_walks", walk)
    # Of what the walk comes by much is others', and row-level security throws it away.
    assert await recall(index, LARGE, *theirs[LARGE]) >= 0.95
    # One in twenty is its own: such a scope is never walked for, and even so nothing is lost.
    small = Scope.user(105)
    assert await recall(index, small, *theirs[small]) >= 0.95
    plans = await explained(index, *theirs[LARGE], monkeypatch)
    for used in (
        "search_vectors_256",
        "search_words_terms",
        "search_passages_pkey",
        "search_files_pkey",
        "search_terms_pkey",
        "search_terms_term",
    ):
        assert used in plans, plans
    assert "InitPlan" in plans  # the scope is asked for once for a statement, not for every row


async def explained(
    index: PostgresIndex,
    ids: list[int],
    made: npt.NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The plans of what a search asks, under row-level security."""
    fetch = index.db.fetch
    plans: list[str] = []

    async def note(sql: str, *args: Any) -> Any:
        if sql.startswith("SELECT") and "search_" in sql:
            plans.extend(row["QUERY PLAN"] for row in await fetch(f"EXPLAIN {sql}", *args))
        return await fetch(sql, *args)

    monkeypatch.setattr(index.db, "fetch", note)
    known = await index.statistics(LARGE)
    async with index.reading(LARGE):
        await index.nearest(LARGE, made[0], 80, known)
        await index.postings(LARGE, [Clause([["ferry"]], 100)])
        await index.candidates(LARGE, ids[:50], [made[0]])
        await index.known(LARGE, ["ferry", "bus"])
        await index.beginning_with(LARGE, "fer", shortest=4, longest=9, limit=5)
    return "\n".join(plans)
