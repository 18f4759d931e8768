"""People's data: to have, to bring along, to be gone, and not to grow old here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.privacy import jobs as privacy_jobs  # loaded before the hook takes the name
from plugram import hookimpl

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from plugram import Context, JobSpec


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    return [
        privacy_jobs.export,
        privacy_jobs.take_back,
        privacy_jobs.erase,
        privacy_jobs.catch_up,
        privacy_jobs.forget_old,
    ]


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugins.privacy.handlers import build

    return [build()]


@hookimpl
def cli(ctx: Context) -> typer.Typer:
    from plugins.privacy.console import build

    return build(ctx)


@hookimpl
async def on_ready(ctx: Context) -> None:
    from plugins.privacy import service

    if await service.of(ctx).receipts.behind():
        await ctx.jobs.enqueue(privacy_jobs.catch_up, {}, key="catch-up")
