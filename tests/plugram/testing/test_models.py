from __future__ import annotations

import pytest

from plugram import Embedder
from plugram.testing import Bot, Embeddings, Models

pytestmark = pytest.mark.plugram(plugins=["embeddings"])


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_texts_are_as_near_as_they_share_words() -> None:
    model = Embeddings()
    try:
        ferry, ship, tea = (model.vector(text) for text in ("the ferry", "the ship", "green tea"))
        assert likeness(ferry, tea) < likeness(ferry, ship) < 0.9
        model.alike("ship", "ferry")
        assert likeness(model.vector("the ferry"), model.vector("the ship")) > 0.999
    finally:
        model.close()


async def test_the_bot_uses_them(bot: Bot, models: Models) -> None:
    embedder = bot.ctx("embeddings").require(Embedder)
    [first] = await embedder.embed(["the ferry"], kind="query")
    assert likeness(list(first), models.embeddings.vector("the ferry")) > 0.99
    assert models.embeddings.requests[-1]["input"] == ["the ferry"]


async def test_they_fail_when_they_are_told(bot: Bot, models: Models) -> None:
    embedder = bot.ctx("embeddings").require(Embedder)
    models.embeddings.fail(500, times=5)
    with bot.failing(), pytest.raises(Exception, match="500"):
        await embedder.embed(["x"], kind="query")
