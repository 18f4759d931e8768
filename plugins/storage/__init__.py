"""Blob stores: where the bytes of files are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.storage import jobs as storage_jobs  # loaded before the hook takes the name
from plugram import BlobStore, Health, HealthCheck, Provide, StorageError, hookimpl

if TYPE_CHECKING:
    import typer

    from plugram import Context, JobSpec, Route


@hookimpl
def services(ctx: Context) -> Sequence[Provide]:
    """The folder, and the bucket before it where there is one."""
    from plugins.storage import stores

    offers = [Provide(BlobStore, stores.local(ctx), priority=50, name="local")]
    if stores.has_bucket(ctx):
        offers.append(Provide(BlobStore, stores.s3(ctx), priority=60, name="s3"))
    return offers


@hookimpl
def web_routes(ctx: Context) -> Sequence[Route]:
    from plugins.storage.web import routes

    return routes(ctx)


@hookimpl
def cli(ctx: Context) -> typer.Typer:
    from plugins.storage.console import build

    return build(ctx)


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    return [storage_jobs.tidy]


@hookimpl
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    """Of the folder and, where there is one, the bucket; who isn't used is well."""
    from plugins.storage import stores

    unused = Health(ok=True, detail="not used")

    async def folder() -> Health:
        store = stores.local(ctx)
        if stores.chosen(ctx) is not store:
            return unused
        try:
            free = await store.check()
        except StorageError as error:
            # What is stored can still be read.
            return Health(ok=False, degraded=True, detail=error.message, hint=error.hint)
        return Health(ok=True, detail=f"writable, {free >> 20} MB free")

    if not stores.has_bucket(ctx):
        return [HealthCheck("folder", folder)]
    from plugins.storage import examination

    store = stores.s3(ctx)

    async def glance() -> Health:
        return await examination.glance(store) if stores.chosen(ctx) is store else unused

    async def examine() -> Health:
        return await examination.examine(store) if stores.chosen(ctx) is store else unused

    async def before_start() -> Health:
        return await examination.before_start(store) if stores.chosen(ctx) is store else unused

    bucket = HealthCheck("bucket", glance, examine=examine, at_start=before_start)
    return [HealthCheck("folder", folder), bucket]


@hookimpl
async def on_startup(ctx: Context) -> None:
    from plugins.storage import stores

    await stores.local(ctx).tidy()
    if stores.has_bucket(ctx):
        await stores.s3(ctx).start()


@hookimpl
async def on_shutdown(ctx: Context) -> None:
    from plugins.storage import stores

    if stores.has_bucket(ctx):
        await stores.s3(ctx).stop()
