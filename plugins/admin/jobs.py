"""A report is a job for each recipient: it is tried again while Telegram is away, and while the
recipient hasn't written to the bot yet, as an owner who starts it for the first time."""

from __future__ import annotations

from plugins.admin import service
from plugram import Context, Job, Priority, Retry, job

_LONGEST_PAUSE = 600.0
"""Seconds; ten attempts are about 17 minutes."""


@job(attempts=10, priority=Priority.HIGH)
async def tell(ctx: Context, job: Job, person: int, message: str, values: dict[str, str]) -> None:
    if await service.tell(ctx, person, message, values):
        return
    if job.is_last_attempt:
        ctx.log.warning("report not delivered", person=person, hint="write to the bot first")
        return
    raise Retry(delay=min(2.0**job.attempt, _LONGEST_PAUSE))
