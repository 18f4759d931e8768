"""Jobs of the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugram import Priority, job

if TYPE_CHECKING:
    from plugram import Context, Job


@job(timeout=600, attempts=2, priority=Priority.LOW, cron="23 3 * * *")
async def tidy(ctx: Context, job: Job) -> None:
    """Remove what was begun and never ended: a process died in the middle of it."""
    from plugins.storage import stores

    await stores.local(ctx).tidy()
    if stores.has_bucket(ctx):
        gone = await stores.s3(ctx).tidy()
        if gone:
            ctx.log.info("unfinished uploads removed", number=len(gone))
