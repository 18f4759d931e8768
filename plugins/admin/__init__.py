"""Reports to owner and admins: plugins that were set aside, jobs that failed for good."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.admin import jobs as admin_jobs
from plugins.admin import service
from plugram import Context, JobSpec, hookimpl


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    return [admin_jobs.tell]


@hookimpl
async def on_plugin_quarantined(ctx: Context, plugin_id: str, reason: str, cause: str) -> None:
    await service.plugin_quarantined(ctx, plugin_id, reason, cause)


@hookimpl
async def on_job_dead(ctx: Context, job_id: int, name: str, error: str) -> None:
    await service.job_dead(ctx, job_id, name, error)
