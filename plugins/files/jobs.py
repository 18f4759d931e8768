"""Jobs: each is one call of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.files import service
from plugram import Job, Priority, Scope, job

if TYPE_CHECKING:
    from plugram import Context


@job(timeout=900, attempts=6)
async def store(ctx: Context, job: Job, scope: str, file_id: int) -> None:
    """Fetch a file from Telegram into the blob store."""
    await service.of(ctx).store(Scope(scope), file_id)


@job(timeout=300, attempts=4)
async def process(ctx: Context, job: Job, scope: str, file_id: int) -> None:
    """Read a stored file and hand on what it says."""
    await service.of(ctx).process(Scope(scope), file_id)


@job(timeout=300, attempts=1, priority=Priority.LOW, cron="* * * * *")
async def catch_up(ctx: Context, job: Job) -> None:
    """Edit the status messages that a crash or an outage left behind."""
    await service.of(ctx).catch_up()
