"""Search: own words and meaning, one ranker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import Embedder, HealthCheck, Provide, hookimpl

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from plugram import Context, Extraction, JobSpec, StoredFile


@hookimpl
def services(ctx: Context) -> Sequence[Provide]:
    from plugins.search.api import PassageSearch
    from plugins.search.service import Search
    from plugins.search.settings import Settings

    search = Search(
        ctx.db,
        ctx.config(Settings),
        embedder=lambda: ctx.services.get(Embedder),
        folder=ctx.folder,
        log=ctx.log,
    )
    return [Provide(PassageSearch, search)]


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugins.search.handlers import router

    return [router()]


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    from plugins.search.jobs import build_vectors, catch_up, embed, index

    return [index, embed, build_vectors, catch_up]


@hookimpl
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    from plugins.search.service import of

    return [HealthCheck("index", lambda: of(ctx).health())]


@hookimpl
def cli(ctx: Context) -> typer.Typer:
    from plugins.search.console import build

    return build(ctx)


@hookimpl
async def on_startup(ctx: Context) -> None:
    from plugins.search.service import of

    await of(ctx).prepare()


@hookimpl
async def on_file_processed(ctx: Context, file: StoredFile, extraction: Extraction) -> None:
    from plugins.search.jobs import index
    from plugins.search.service import of

    async with ctx.transaction(file.scope):
        await of(ctx).indexer.receive(file, extraction.sections, extraction.language)
        await ctx.jobs.enqueue(index, {"file_id": file.id}, scope=file.scope)
