"""Blob stores: where the bytes of files are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import BlobStore, Health, HealthCheck, Provide, StorageError, hookimpl

if TYPE_CHECKING:
    from plugins.storage.service import LocalStore
    from plugram import Context, Route


def _store(ctx: Context) -> LocalStore:
    from plugins.storage.service import LocalStore
    from plugins.storage.settings import Settings

    settings = ctx.config(Settings)
    folder = settings.path or ctx.data_dir / "blobs"
    return LocalStore(
        folder, min_free=settings.min_free_mb << 20, links=ctx.links, cdn=settings.cdn_base
    )


@hookimpl
def services(ctx: Context) -> Sequence[Provide]:
    return [Provide(BlobStore, ctx.once(_store), priority=50, name="local")]


@hookimpl
def web_routes(ctx: Context) -> Sequence[Route]:
    from plugins.storage.web import routes

    return routes(ctx, ctx.once(_store))


@hookimpl
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    async def check() -> Health:
        try:
            free = await ctx.once(_store).check()
        except StorageError as error:
            # What is stored can still be read.
            return Health(ok=False, degraded=True, detail=error.message, hint=error.hint)
        return Health(ok=True, detail=f"writable, {free >> 20} MB free")

    return [HealthCheck("folder", check)]


@hookimpl
async def on_startup(ctx: Context) -> None:
    await ctx.once(_store).tidy()
