"""Jobs: each is one call of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.files import service
from plugram import Job, Priority, Scope, job

if TYPE_CHECKING:
    from plugins.files.keeper import News
    from plugram import Context


# An hour in all: Telegram or the store may be away that long.
@job(timeout=900, attempts=14)
async def store(ctx: Context, job: Job, scope: str, file_id: int) -> None:
    """Fetch a file from Telegram into the blob store."""
    await service.of(ctx).store(Scope(scope), file_id)


@job(timeout=3600, attempts=8)
async def process(ctx: Context, job: Job, scope: str, file_id: int) -> None:
    """Read a stored file and hand on what it says."""
    await service.of(ctx).process(Scope(scope), file_id)


@job(timeout=300, attempts=8, cleans=True)
async def tell(ctx: Context, job: Job, scope: str, file_id: int, news: News) -> None:
    """Tell the other plugins that a file has changed, or its place in the trash."""
    await service.of(ctx).keeper.tell(Scope(scope), file_id, news)


@job(timeout=300, attempts=20, cleans=True)
async def erase(ctx: Context, job: Job, scope: str, file_id: int, sha256: str) -> None:
    """Take a deleted file away everywhere."""
    await service.of(ctx).keeper.erase(Scope(scope), file_id, sha256)


@job(timeout=300, attempts=1, priority=Priority.LOW, cron="* * * * *")
async def catch_up(ctx: Context, job: Job) -> None:
    """Edit the status messages that a crash or an outage left behind."""
    await service.of(ctx).catch_up()


@job(timeout=300, attempts=1, priority=Priority.LOW, cron="7 * * * *")
async def tidy(ctx: Context, job: Job) -> None:
    """Delete what has been in the trash for long enough, and bytes that nobody has any more."""
    await service.of(ctx).keeper.tidy(service.of(ctx).settings.trash_days)
