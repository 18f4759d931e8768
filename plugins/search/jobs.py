"""The work of search that waits for a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import plugram
from plugins.search import service
from plugins.search.engine import FingerprintMismatch
from plugram import SYSTEM, FileLibrary, Priority, Scope, job

if TYPE_CHECKING:
    from plugram import Context, Job, StoredFile

_MORE_MAY_GO = 600.0
"""Seconds until indexes are made anew without what was deleted: files go in bunches."""


@job(timeout=1800)
async def index(ctx: Context, job: Job, file_id: int) -> None:
    """Make a file's text searchable by its words, then have its meaning looked at."""
    search = service.of(ctx)
    file = await search.indexer.index_file(file_id, _progress(job))
    if file is None:  # an earlier attempt got so far, or the file is gone
        file = await search.engine.index.file(job.scope or SYSTEM, file_id)
    if file is None:
        return
    await ctx.jobs.enqueue(embed, {"file_id": file_id}, scope=Scope(file.scope))
    await ctx.hooks.emit(
        plugram.hooks.on_file_searchable,
        file_id=file_id,
        scope_key=file.scope,
        words=True,
        meaning=False,
    )


async def note(ctx: Context, file: StoredFile, *, hidden: bool | None = None) -> None:
    """What is known of a file has changed: see `Indexer.describe`."""
    async with ctx.transaction(file.scope):
        if await service.of(ctx).indexer.describe(file, hidden=hidden):
            await ctx.jobs.enqueue(index, {"file_id": file.id}, scope=file.scope)


async def forget(ctx: Context, file: StoredFile) -> None:
    """Leave nothing of a file."""
    indexer = service.of(ctx).indexer
    await indexer.forget(file.scope, file.id)
    if await indexer.wants_vector_file(file.scope, erase=True):
        await ctx.jobs.enqueue(
            build_vectors,
            {"scope_key": file.scope.key},
            key=f"vectors {file.scope.key}",
            delay=_MORE_MAY_GO,
            scope=file.scope,
        )
    if await indexer.holds_deleted_words():
        await ctx.jobs.enqueue(merge_words, {}, key="merge words", delay=_MORE_MAY_GO)


@job(timeout=3600, priority=Priority.LOW)
async def merge_words(ctx: Context, job: Job) -> None:
    """Take what deleted files left in the full-text index out of it (SQLite before 3.42)."""
    await service.of(ctx).indexer.merge_words(_progress(job))


@job(timeout=3600, priority=Priority.LOW)
async def describe(ctx: Context, job: Job) -> None:
    """Ask for the facts of files that were indexed before filters looked at them."""
    indexer, files = service.of(ctx).indexer, ctx.require(FileLibrary)
    await indexer.describe_all(files, _progress(job))


@job(timeout=3600, attempts=8)
async def embed(ctx: Context, job: Job, file_id: int) -> None:
    """Make a file searchable by its meaning, and others that wait. An embedder that is away is
    tried again, and again by `catch_up`."""
    search = service.of(ctx)
    try:
        files = await search.indexer.embed_with_others(file_id, _progress(job))
    except FingerprintMismatch as error:
        ctx.log.warning("not embedded", file=file_id, reason=str(error))
        return
    for file in files:
        await ctx.hooks.emit(
            plugram.hooks.on_file_searchable,
            file_id=file.file_id,
            scope_key=file.scope,
            words=True,
            meaning=True,
        )
    for scope in {Scope(file.scope) for file in files}:
        if await search.indexer.wants_vector_file(scope):
            await ctx.jobs.enqueue(
                build_vectors, {"scope_key": scope.key}, key=f"vectors {scope.key}", scope=scope
            )


@job(timeout=3600, priority=Priority.LOW, cleans=True)
async def build_vectors(ctx: Context, job: Job, scope_key: str) -> None:
    """Make the index file of a large scope anew (SQLite)."""
    await service.of(ctx).indexer.build_vector_file(Scope(scope_key), _progress(job))


@job(cron="*/30 * * * *", priority=Priority.LOW)
async def catch_up(ctx: Context, job: Job) -> None:
    """Finish what an outage left behind, and clear away old result lists."""
    search = service.of(ctx)
    await search.results.tidy()
    waiting, meaningless = await search.indexer.unfinished()
    for file_id in waiting:
        await ctx.jobs.enqueue(index, {"file_id": file_id}, key=f"index {file_id}")
    if await search.indexer.can_embed():
        for file_id in meaningless:
            await ctx.jobs.enqueue(embed, {"file_id": file_id}, key=f"embed {file_id}")


def _progress(job: Job) -> Callable[[int, int], Awaitable[None]]:
    async def report(done: int, total: int) -> None:
        await job.progress(done, total)
        await job.raise_if_cancelled()

    return report
