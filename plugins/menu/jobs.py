"""The command menu is set by a job: it is tried again while Telegram is away."""

from __future__ import annotations

from plugins.menu import service
from plugram import Context, Job, job


@job(timeout=120, attempts=10)
async def publish(ctx: Context, job: Job, chat: int | None = None) -> None:
    await service.publish(ctx, chat)
