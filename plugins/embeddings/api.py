"""What other rooms may know of embeddings, beside the role `Embedder`."""

from __future__ import annotations

from plugram import PlugramError


class EmbeddingError(PlugramError):
    """The texts couldn't be turned into vectors. Trying again later may help."""
