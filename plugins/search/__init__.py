"""Search: own words and meaning, one ranker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import FileLibrary, HealthCheck, Provide, hookimpl

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from plugram import Context, Erased, Extraction, JobSpec, StoredFile


@hookimpl
def services(ctx: Context) -> Sequence[Provide]:
    from plugins.search.api import PassageSearch
    from plugins.search.service import of

    return [Provide(PassageSearch, of(ctx))]


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugins.search.handlers import router

    return [router()]


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    from plugins.search.jobs import (
        build_vectors,
        catch_up,
        describe,
        embed,
        index,
        merge_words,
    )

    return [index, embed, build_vectors, merge_words, describe, catch_up]


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
async def on_ready(ctx: Context) -> None:
    from plugins.search.jobs import describe
    from plugins.search.service import of

    if await of(ctx).engine.index.undescribed(1):
        await ctx.jobs.enqueue(describe, {}, key="describe")


@hookimpl
async def on_shutdown(ctx: Context) -> None:
    from plugins.search.service import of

    await of(ctx).engine.hits.write()


@hookimpl
async def on_file_processed(ctx: Context, file: StoredFile, extraction: Extraction) -> None:
    from plugins.search.jobs import index
    from plugins.search.service import of

    async with ctx.transaction(file.scope):
        await of(ctx).indexer.receive(file, extraction.sections, extraction.language)
        await ctx.jobs.enqueue(index, {"file_id": file.id}, scope=file.scope)


@hookimpl
async def on_file_changed(ctx: Context, file: StoredFile) -> None:
    from plugins.search.jobs import note

    await note(ctx, file)


@hookimpl
async def on_file_trashed(ctx: Context, file: StoredFile) -> None:
    from plugins.search.jobs import note

    await note(ctx, file, hidden=True)


@hookimpl
async def on_file_restored(ctx: Context, file: StoredFile) -> None:
    from plugins.search.jobs import note

    await note(ctx, file, hidden=False)


@hookimpl
async def on_file_deleted(ctx: Context, file: StoredFile) -> None:
    from plugins.search.jobs import forget

    await forget(ctx, file)


@hookimpl
async def erase_user_data(ctx: Context, user_id: int) -> Erased:
    from plugins.search import personal
    from plugins.search.service import of

    return await personal.erase(of(ctx), user_id)


@hookimpl
async def file_leftovers(ctx: Context, file_ids: frozenset[int], fix: bool) -> Sequence[str]:
    from plugins.search.service import of

    files = ctx.services.get(FileLibrary)
    return await of(ctx).indexer.leftovers(file_ids, fix=fix, files=files)
