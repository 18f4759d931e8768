"""OpenAI and whatever speaks its protocol, through the real SDK, over loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from plugins.embeddings.api import EmbeddingError
from plugins.embeddings.endpoint import EndpointEmbedder
from plugins.embeddings.settings import Settings
from tests.plugins.embeddings.server import Endpoint, running, vector
from tests.support.servers import free_port

KEY = "sk-very-secret"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running(Endpoint()) as started:
        yield started


def settings(url: str, **fields: object) -> Settings:
    known = {"url": url, "openai_api_key": KEY, "model": "some-model", "retries": 0, "timeout": 5}
    return Settings.model_validate(known | fields)


@pytest.fixture
async def embedder(endpoint: Endpoint) -> AsyncIterator[EndpointEmbedder]:
    made = EndpointEmbedder(settings(endpoint.url))
    yield made
    await made.close()


async def test_vectors_come_in_order_and_of_unit_length(
    embedder: EndpointEmbedder, endpoint: Endpoint
) -> None:
    vectors = await embedder.embed(["one", "two", "three"], kind="passage")
    assert vectors.dtype == np.float32
    for text, found in zip(("one", "two", "three"), vectors, strict=True):
        raw = np.array(vector(text, 8))
        assert found == pytest.approx(raw / np.linalg.norm(raw), abs=1e-5)
    assert endpoint.paths == ["/v1/embeddings"]
    assert endpoint.keys == [f"Bearer {KEY}"]
    assert endpoint.requests[0]["model"] == "some-model"
    assert endpoint.requests[0]["encoding_format"] == "float"
    assert "dimensions" not in endpoint.requests[0]


async def test_many_texts_go_in_batches(endpoint: Endpoint) -> None:
    embedder = EndpointEmbedder(settings(endpoint.url, batch_size=2))
    assert (await embedder.embed(list("abcde"), kind="passage")).shape == (5, 8)
    assert [request["input"] for request in endpoint.requests] == [["a", "b"], ["c", "d"], ["e"]]
    await embedder.close()


async def test_the_dimension_is_asked_for_or_learnt(endpoint: Endpoint) -> None:
    asked = EndpointEmbedder(settings(endpoint.url, dimensions=16))
    assert (asked.dimension, asked.fingerprint) == (16, "openai/some-model/16")
    assert (await asked.embed(["x"], kind="query")).shape == (1, 16)
    learnt = EndpointEmbedder(settings(endpoint.url))
    assert (learnt.dimension, learnt.fingerprint) == (0, "openai/some-model/native")
    await learnt.embed(["x"], kind="query")
    assert learnt.dimension == 8
    known = EndpointEmbedder(settings(endpoint.url, model="text-embedding-3-large"))
    assert known.dimension == 3072
    await asked.close()
    await learnt.close()


async def test_models_that_want_prefixes_get_them(endpoint: Endpoint) -> None:
    embedder = EndpointEmbedder(
        settings(endpoint.url, query_prefix="query: ", passage_prefix="passage: ")
    )
    await embedder.embed(["ferry"], kind="query")
    await embedder.embed(["ferry"], kind="passage")
    assert [request["input"] for request in endpoint.requests] == [
        ["query: ferry"],
        ["passage: ferry"],
    ]
    await embedder.close()


async def test_a_local_endpoint_needs_no_key(endpoint: Endpoint) -> None:
    embedder = EndpointEmbedder(settings(endpoint.url, openai_api_key=""))
    assert (await embedder.embed(["x"], kind="query")).shape == (1, 8)
    await embedder.close()


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "openai_api_key"),
        (404, "url and model"),
        (429, "rate or budget"),
        (400, "model and dimensions"),
        (500, "tried again later"),
    ],
)
async def test_a_refusal_says_what_to_do_and_no_secret(
    embedder: EndpointEmbedder, endpoint: Endpoint, status: int, hint: str
) -> None:
    endpoint.failures = [status]
    with pytest.raises(EmbeddingError) as caught:
        await embedder.embed(["x"], kind="query")
    assert str(status) in caught.value.message
    assert hint in caught.value.hint
    assert KEY not in str(caught.value)
    assert KEY not in embedder.last_error
    await embedder.embed(["x"], kind="query")
    assert embedder.last_error == ""


async def test_a_passing_fault_is_tried_again(endpoint: Endpoint) -> None:
    endpoint.failures = [503]
    embedder = EndpointEmbedder(settings(endpoint.url, retries=1))
    assert (await embedder.embed(["x"], kind="query")).shape == (1, 8)
    assert len(endpoint.requests) == 2
    await embedder.close()


async def test_nobody_answers() -> None:
    embedder = EndpointEmbedder(settings(f"http://127.0.0.1:{free_port()}/v1"))
    with pytest.raises(EmbeddingError, match="can't be reached"):
        await embedder.embed(["x"], kind="query")
    await embedder.close()


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"object": "embedding", "index": 0, "embedding": []}],
        [
            {"object": "embedding", "index": 0, "embedding": [1.0]},
            {"object": "embedding", "index": 1, "embedding": [1.0, 2.0]},
        ],
    ],
)
async def test_an_answer_that_fits_no_question_is_refused(
    embedder: EndpointEmbedder, endpoint: Endpoint, data: list[object]
) -> None:
    endpoint.answer = {"object": "list", "data": data, "model": "x", "usage": {}}
    with pytest.raises(EmbeddingError):
        await embedder.embed(["x", "y"], kind="query")


async def test_no_texts_no_request(embedder: EndpointEmbedder, endpoint: Endpoint) -> None:
    assert len(await embedder.embed([], kind="passage")) == 0
    assert endpoint.requests == []
