"""The room of files: what people send is kept, read, and found again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from plugins.files import jobs as files_jobs  # loaded before the hook takes the name
from plugram import FileLibrary, Provide, Scope, hookimpl

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from plugram import Context, Erased, ExportedFile, JobSpec, UserArchive


@hookimpl
def services(ctx: Context) -> Sequence[Provide]:
    from plugins.files.library import Library

    return [Provide(FileLibrary, Library(ctx))]


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    return [
        files_jobs.store,
        files_jobs.process,
        files_jobs.tell,
        files_jobs.erase,
        files_jobs.catch_up,
        files_jobs.tidy,
    ]


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugins.files import browsing, handlers
    from plugins.files.settings import Settings

    groups = ctx.config(Settings).groups
    return [handlers.build(groups=groups), browsing.build(groups=groups)]


@hookimpl
def cli(ctx: Context) -> typer.Typer:
    from plugins.files.console import build

    return build(ctx)


@hookimpl
async def on_startup(ctx: Context) -> None:
    from plugins.files import service

    await service.of(ctx).tidy()


@hookimpl
async def on_file_searchable(
    ctx: Context, file_id: int, scope_key: str, words: bool, meaning: bool
) -> None:
    from plugins.files import service

    if words or meaning:
        await service.of(ctx).mark_searchable(Scope(scope_key), file_id, meaning=meaning)


@hookimpl
async def blob_faults(
    ctx: Context, told: Callable[[str, int], Awaitable[None]]
) -> AsyncIterator[str]:
    from plugins.files import service
    from plugins.files.verify import Verifier

    return Verifier(ctx, service.of(ctx).keeper).stored_bytes(told)


@hookimpl
async def export_user_data(ctx: Context, user_id: int) -> AsyncIterator[ExportedFile]:
    from plugins.files import personal, service

    return personal.exported(service.of(ctx), user_id)


@hookimpl
async def import_user_data(ctx: Context, user_id: int, archive: UserArchive) -> int:
    from plugins.files import personal, service

    return await personal.restore(service.of(ctx), user_id, archive)


@hookimpl
async def erase_user_data(ctx: Context, user_id: int) -> Erased:
    from plugins.files import personal, service

    return await personal.erase(service.of(ctx), user_id)


@hookimpl
async def on_job_dead(ctx: Context, job_id: int, name: str, error: str) -> None:
    from plugins.files import service

    await service.of(ctx).mark_dead(job_id, name)


@hookimpl
async def on_shutdown(ctx: Context) -> None:
    from plugins.files import service

    await service.of(ctx).board.stop()
