"""A report is a job for each recipient: it is tried again while Telegram is away."""

from __future__ import annotations

from plugins.admin import service
from plugram import Context, Job, Priority, job


@job(attempts=10, priority=Priority.HIGH)
async def tell(ctx: Context, job: Job, person: int, message: str, values: dict[str, str]) -> None:
    await service.tell(ctx, person, message, values)
