"""Texts into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import Embedder, HealthCheck, Provide, hookimpl

if TYPE_CHECKING:
    from plugram import Context


@hookimpl
def services(ctx: Context) -> Sequence[Provide]:
    from plugins.embeddings.service import build

    name, embedder = build(ctx)
    return [Provide(Embedder, embedder, name=name)]


@hookimpl
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    from plugins.embeddings.service import health

    return [HealthCheck("model", lambda: health(ctx))]


@hookimpl
async def on_shutdown(ctx: Context) -> None:
    from plugins.embeddings.service import close

    await close(ctx)
