"""The embedder behind an HTTP endpoint: OpenAI, or whatever speaks its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from plugins.embeddings.api import EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plugins.embeddings.settings import Settings

_KNOWN_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
_NO_KEY = "none"  # the SDK refuses an empty one, and local endpoints ask for none


class EndpointEmbedder:
    """The SDK is imported, and its client made, at the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None
        self.at_once = settings.batch_size
        self._dimension = settings.dimensions or _KNOWN_DIMENSIONS.get(settings.model, 0)
        self.last_error = ""
        """Why the last call failed, empty if it didn't."""

    @property
    def fingerprint(self) -> str:
        """Not of the address: the same model may be served from elsewhere tomorrow."""
        wanted = self._settings.dimensions or "native"
        return f"openai/{self._settings.model}/{wanted}"

    @property
    def dimension(self) -> int:
        """0 until the first answer of a model that isn't known."""
        return self._dimension

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension). Raises EmbeddingError."""
        import numpy as np

        size = self._settings.batch_size
        parts = [
            await self._request(texts[at : at + size], kind) for at in range(0, len(texts), size)
        ]
        if not parts:
            return np.empty((0, self._dimension), np.float32)
        return np.concatenate(parts)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _request(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        import openai

        options: dict[str, Any] = {}
        if self._settings.dimensions:
            options["dimensions"] = self._settings.dimensions
        prefix = self._settings.query_prefix if kind == "query" else self._settings.passage_prefix
        try:
            answer = await self._connected().embeddings.create(
                model=self._settings.model,
                # An empty text is an error for some endpoints.
                input=[prefix + (text or " ") for text in texts],
                # Not every endpoint knows the SDK's default, base64.
                encoding_format="float",
                **options,
            )
        except openai.OpenAIError as error:
            self.last_error = _said(error, self._settings.url)
            raise EmbeddingError(self.last_error, hint=_way_out(error)) from error
        self.last_error = ""
        return self._vectors(answer, len(texts))

    def _connected(self) -> Any:
        if self._client is None:
            import openai

            self._client = openai.AsyncOpenAI(
                api_key=self._settings.openai_api_key.get_secret_value() or _NO_KEY,
                base_url=self._settings.url or None,
                timeout=self._settings.timeout,
                max_retries=self._settings.retries,
            )
        return self._client

    def _vectors(self, answer: Any, count: int) -> npt.NDArray[np.float32]:
        import numpy as np

        rows = sorted(answer.data, key=lambda one: one.index)
        sizes = {len(row.embedding) for row in rows}
        if len(rows) != count or len(sizes) != 1 or 0 in sizes:
            raise EmbeddingError(
                f"The embedding endpoint answered {count} texts with {len(rows)} vectors of "
                f"{sorted(sizes)} dimensions",
                hint="check [plugins.embeddings] model",
            )
        vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        self._dimension = vectors.shape[1]
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: npt.NDArray[np.float32] = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
        return unit


def _said(error: Exception, url: str) -> str:
    """What went wrong, without the request, whose headers hold the key."""
    status = getattr(error, "status_code", None)
    where = url or "OpenAI"
    if status is None:
        return f"The embedding endpoint {where} can't be reached: {type(error).__name__}"
    return f"The embedding endpoint {where} answered {status}: {type(error).__name__}"


def _way_out(error: Exception) -> str:
    match getattr(error, "status_code", None):
        case 401 | 403:
            return "check [plugins.embeddings] openai_api_key"
        case 404:
            return "check [plugins.embeddings] url and model"
        case 429:
            return "the endpoint's rate or budget is used up; it is tried again later"
        case 400 | 422:
            return "check [plugins.embeddings] model and dimensions"
    return "check [plugins.embeddings] url; it is tried again later"
