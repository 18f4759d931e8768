"""Queries are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from plugins.embeddings.cached import CachedEmbedder


class Counting:
    """Counts what it is asked for."""

    fingerprint = "counting/1"
    dimension = 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], *, kind: Literal["query", "passage"]) -> Any:
        self.asked += texts
        return np.array([[len(text), 0] for text in texts], dtype=np.float32)


async def test_a_query_is_embedded_once() -> None:
    inner, events = Counting(), list[str]()
    embedder = CachedEmbedder(inner, 10, events.append)
    first = await embedder.embed(["a", "bb"], kind="query")
    again = await embedder.embed(["bb", "ccc", "a"], kind="query")
    assert first[:, 0].tolist() == [1, 2]
    assert again[:, 0].tolist() == [2, 3, 1]
    assert inner.asked == ["a", "bb", "ccc"]
    assert events == ["miss", "miss", "hit", "miss", "hit"]
    assert (embedder.fingerprint, embedder.dimension) == ("counting/1", 2)


async def test_passages_are_not_remembered() -> None:
    inner = Counting()
    embedder = CachedEmbedder(inner, 10)
    for _ in range(2):
        await embedder.embed(["a"], kind="passage")
    assert inner.asked == ["a", "a"]


async def test_the_least_recently_used_goes_first() -> None:
    inner = Counting()
    embedder = CachedEmbedder(inner, 2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await embedder.embed([text], kind="query")
    assert inner.asked == ["a", "b", "c", "b"]


async def test_a_size_of_nothing_remembers_nothing() -> None:
    inner = Counting()
    embedder = CachedEmbedder(inner, 0)
    for _ in range(2):
        await embedder.embed(["a"], kind="query")
    assert inner.asked == ["a", "a"]
