"""/start, /help, /settings and /cancel, made of what the enabled plugins declare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import Context, JobSpec, hookimpl

if TYPE_CHECKING:
    from aiogram import Router


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugins.menu.handlers import build

    return [build()]


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    from plugins.menu.jobs import publish

    return [publish]


@hookimpl
async def on_ready(ctx: Context) -> None:
    from plugins.menu.jobs import publish

    await ctx.jobs.enqueue(publish, key="publish")
