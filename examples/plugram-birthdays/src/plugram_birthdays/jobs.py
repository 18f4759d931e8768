"""Jobs: thin, they call the service."""

from __future__ import annotations

from plugram import Context, Job, Scope, job
from plugram_birthdays import service


@job(cron="5 * * * *")
async def find_due(ctx: Context, job: Job) -> None:
    """Every hour, for it becomes morning somewhere."""

    async def enqueue(birthday_id: int, scope: str) -> None:
        await ctx.jobs.enqueue(remind, {"birthday_id": birthday_id, "scope": scope})

    await service.find_due(ctx, enqueue)


@job(attempts=8)
async def remind(ctx: Context, job: Job, birthday_id: int, scope: str) -> None:
    await service.remind(ctx, Scope(scope), birthday_id)
