"""Health checks: the core's and every plugin's, for /readyz and `plugram doctor`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from core.errors import DatabaseAway
from core.host.plugin import Health, HealthCheck

if TYPE_CHECKING:
    from core.config import Settings
    from core.db.database import Database

NO_DISK = 100 * 2**20
"""Free bytes below which nothing can be relied on any more."""

CHECK_TIMEOUT = 5.0
"""Seconds that one check may take before it counts as failed."""
EXAMINATION = 30.0
"""The same for a thorough one."""
QUICK = 1.0
"""The same where something is wrong already: whoever asks wants to know soon."""
CORE = "core."


@dataclass(frozen=True, slots=True)
class Checked:
    """A check's answer with its full name (`core.database`, `storage.folder`)."""

    name: str
    health: Health

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, **asdict(self.health)}


class HealthChecks:
    """Runs all checks side by side; none can hang or break the others."""

    def __init__(self) -> None:
        self._checks: dict[str, HealthCheck] = {}

    def add(self, owner: str, checks: Sequence[HealthCheck]) -> None:
        for check in checks:
            self._checks[f"{owner}.{check.name}"] = check

    async def run(self, *, timeout: float = CHECK_TIMEOUT) -> list[Checked]:
        """`timeout`: seconds for each. The core's own come first: while one of them fails, others
        may hang on the same thing, and get less."""
        names = list(self._checks)  # a start adds more meanwhile
        first = await self._all([one for one in names if one.startswith(CORE)], timeout)
        limit = timeout if all(one.health.ok for one in first) else min(QUICK, timeout)
        done = {one.name: one for one in first}
        others = await self._all([one for one in names if one not in done], limit)
        done |= {one.name: one for one in others}
        return [done[name] for name in names]

    async def _all(self, names: Sequence[str], limit: float) -> list[Checked]:
        return list(await asyncio.gather(*(self._one(name, limit) for name in names)))

    async def _one(self, name: str, limit: float) -> Checked:
        try:
            async with asyncio.timeout(limit):
                return Checked(name, await self._checks[name].check())
        except TimeoutError:
            return Checked(name, Health(False, f"no answer within {limit:g} s"))
        except Exception as error:  # noqa: BLE001 - a broken check is a failed check
            return Checked(name, Health(False, f"{type(error).__name__}: {error}"))


def thorough(checks: Sequence[HealthCheck]) -> list[HealthCheck]:
    """The same, each as thorough as it can be."""
    return [HealthCheck(one.name, one.examine or one.check) for one in checks]


def examinations(checks: Sequence[HealthCheck]) -> list[HealthCheck]:
    """Those that need no database."""
    return [HealthCheck(one.name, one.examine) for one in checks if one.examine]


def at_start(checks: Sequence[HealthCheck]) -> list[HealthCheck]:
    """What a bot or a worker must have before it starts."""
    return [HealthCheck(one.name, one.at_start) for one in checks if one.at_start]


def ready(results: Sequence[Checked]) -> bool:
    """Ready while every check passes or is merely degraded."""
    return all(result.health.ok or result.health.degraded for result in results)


def core_checks(db: Database, redis: Any, settings: Settings) -> list[HealthCheck]:
    """The core's own: the database answers, Redis answers, the disk has room."""

    async def database() -> Health:
        try:
            answers = await db.probe(QUICK)
        except DatabaseAway as error:
            return Health(False, error.message, error.hint)
        if answers:
            return Health(True, db.where)
        hint = "raise [database] pool_size, or find what holds the connections"
        return Health(False, f"{db.where}: all connections are at work", hint, degraded=True)

    async def redis_answers() -> Health:
        try:
            await redis.ping()
        except (OSError, RedisError) as error:
            return Health(
                False,
                f"away: {error}",
                "check redis.url and that the server runs; meanwhile the database carries on",
                degraded=True,
            )
        return Health(True, "answers")

    async def disk() -> Health:
        free = shutil.disk_usage(settings.data_dir).free
        detail = f"{free / 2**30:.1f} GiB free"
        return Health(free > NO_DISK, detail, "" if free > NO_DISK else "make room on the disk")

    checks = [HealthCheck("database", database), HealthCheck("disk", disk)]
    if redis is not None:
        from redis.exceptions import RedisError

        checks.append(HealthCheck("redis", redis_answers))
    return checks
