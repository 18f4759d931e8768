"""A memory of the last queries in front of an embedder: people page and repeat."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plugram import Embedder


class CachedEmbedder:
    """Remembers `size` queries, the least recently used one goes first; passages pass through."""

    def __init__(
        self, embedder: Embedder, size: int, count: Callable[[str], None] = lambda event: None
    ) -> None:
        """`count` is told `hit` or `miss` for each query."""
        self.embedder = embedder
        self._size = size
        self._count = count
        self._known: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()
        self.at_once: int = getattr(embedder, "at_once", 8)
        self.hits = 0
        self.misses = 0

    @property
    def fingerprint(self) -> str:
        return self.embedder.fingerprint

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension). Raises EmbeddingError."""
        if kind != "query" or not self._size or not texts:
            return await self.embedder.embed(texts, kind=kind)
        import numpy as np

        missing = list(dict.fromkeys(text for text in texts if text not in self._known))
        found = {text: self._known[text] for text in texts if text in self._known}
        if missing:
            fresh = await self.embedder.embed(missing, kind=kind)
            found |= zip(missing, fresh, strict=True)
        for text in texts:
            self.misses += text in missing
            self.hits += text not in missing
            self._count("miss" if text in missing else "hit")
            self._remember(text, found[text])
        return np.stack([found[text] for text in texts])

    def _remember(self, text: str, vector: npt.NDArray[np.float32]) -> None:
        self._known[text] = vector
        self._known.move_to_end(text)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
