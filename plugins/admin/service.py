"""Whom to tell what, once per cause."""

from __future__ import annotations

from plugins.admin.settings import Settings
from plugram import BadRequest, Context, Forbidden, Lane

HOUR = 3600.0
_LONGEST = 500
"""Characters of a reason or an error in a message; the log has all of it."""


async def plugin_quarantined(ctx: Context, plugin_id: str, reason: str, cause: str) -> None:
    await _report(
        ctx,
        f"plugin:{plugin_id}:{cause}",
        "admin-plugin-quarantined",
        {"plugin": plugin_id, "reason": reason[:_LONGEST]},
    )


async def job_dead(ctx: Context, job_id: int, name: str, error: str) -> None:
    """Jobs of one name that fail in one way are one cause."""
    if name.startswith(f"{ctx.plugin_id}."):  # the report itself: telling that would go on for ever
        ctx.log.error("report failed", job=job_id, error=error)
        return
    way = error.partition(":")[0]
    await _report(
        ctx,
        f"job:{name}:{way}",
        "admin-job-dead",
        {"name": name, "job": str(job_id), "error": error[:_LONGEST]},
    )


async def _report(ctx: Context, cause: str, message: str, values: dict[str, str]) -> None:
    staff = ctx.people.staff()
    if not staff:
        ctx.log.warning("nobody to tell", cause=cause, hint="set [bot] owner")
        return
    async with ctx.db.transaction():
        if await _is_news(ctx, cause):
            many = [{"person": one, "message": message, "values": values} for one in staff]
            await ctx.jobs.enqueue_many("tell", many)


async def _is_news(ctx: Context, cause: str) -> bool:
    """Note that it happened; whether staff hear of it now. Of processes that see the same at once
    the row makes one the first."""
    quiet = ctx.config(Settings).quiet_hours * HOUR
    row = await ctx.db.fetchrow(
        "INSERT INTO admin_causes (cause, times, seen_at)"  # noqa: S608 - the clock is SQL
        f" VALUES ($1, 1, {ctx.db.clock})"
        " ON CONFLICT (cause) DO UPDATE SET times = CASE"
        " WHEN admin_causes.seen_at < excluded.seen_at - $2 THEN 1 ELSE admin_causes.times + 1 END,"
        " seen_at = excluded.seen_at"
        " RETURNING times",
        cause[:_LONGEST],
        quiet,
    )
    return row is not None and row["times"] == 1


async def tell(ctx: Context, person_id: int, message: str, values: dict[str, str]) -> bool:
    """Send a report in its reader's language. False: they never wrote to the bot, or blocked it.
    Raises TelegramError while Telegram is away."""
    person = await ctx.people.get(person_id)
    text = ctx.translate(person.language)(message, **values)
    try:
        await ctx.telegram.send(person_id, text, lane=Lane.NOTIFICATION)
    except (BadRequest, Forbidden) as error:
        ctx.log.info("report can't be delivered", person=person_id, error=str(error))
        return False
    return True
