"""How much one person may send and keep, and how much may wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugram import SYSTEM, scoped

if TYPE_CHECKING:
    from plugins.files.settings import Settings
    from plugram import Context

_MEGABYTE = 1 << 20
_WAITS = "stage < 2 AND problem = ''"
"""Received or stored, and not read yet; as in the index files_telegram_files_waiting."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file isn't taken: a message of ours, and its values."""

    key: str
    values: dict[str, Any]


async def refusal(ctx: Context, settings: Settings, sender_id: int, size: int) -> Refusal | None:
    """What a limit objects to one more file of `size` bytes, or None; then a use of the rate is
    taken."""
    return (
        await _kept(ctx, settings, sender_id, size)
        or await _waiting(ctx, settings, sender_id)
        or await _rate(ctx, settings, sender_id)
    )


async def _kept(ctx: Context, settings: Settings, sender_id: int, size: int) -> Refusal | None:
    """What lies in the trash counts too: it is there; and so does what was sent to groups."""
    files, megabytes = settings.files_per_person, settings.mb_per_person
    if not files and not megabytes:
        return None
    with scoped(SYSTEM):
        row = await ctx.db.fetchrow(
            "SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM files_telegram_files"
            " WHERE sender_id = $1 AND duplicate_of IS NULL",
            sender_id,
        )
    assert row is not None  # noqa: S101 - for mypy: an aggregate gives a row
    if files and row["files"] >= files:
        return Refusal("files-refused-count", {"files": files})
    used = int(row["bytes"])
    if megabytes and used + size > megabytes * _MEGABYTE:
        return Refusal("files-refused-space", {"used": -(-used // _MEGABYTE), "limit": megabytes})
    return None


async def _waiting(ctx: Context, settings: Settings, sender_id: int) -> Refusal | None:
    own, all_ = settings.waiting_per_person, settings.waiting_files
    if own and await _count(ctx, own, "sender_id = $2", sender_id) >= own:
        return Refusal("files-refused-waiting", {"files": own})
    if all_ and await _count(ctx, all_) >= all_:
        return Refusal("files-refused-busy", {})
    return None


async def _count(ctx: Context, most: int, where: str = "TRUE", *values: int) -> int:
    """How many files wait in all scopes, counted up to `most`."""
    with scoped(SYSTEM):
        found: int = await ctx.db.fetchval(
            "SELECT count(*) AS files FROM (SELECT 1 FROM files_telegram_files"  # noqa: S608 - ours
            f" WHERE {_WAITS} AND {where} LIMIT $1) AS waiting",
            most,
            *values,
        )
    return found


async def _rate(ctx: Context, settings: Settings, sender_id: int) -> Refusal | None:
    limit = settings.files_per_minute
    wait = await ctx.cache.take(f"rate:{sender_id}", limit) if limit else 0.0
    if not wait:
        return None
    return Refusal("files-refused-rate", {"limit": limit, "seconds": max(1, round(wait))})
