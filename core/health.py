"""Health checks: the core's and every plugin's, for /readyz and `plugram doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.plugin import Health, HealthCheck

CHECK_TIMEOUT = 5.0
"""Seconds that one check may take before it counts as failed."""


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

    async def run(self) -> list[Checked]:
        return list(
            await asyncio.gather(*(self._one(name, check) for name, check in self._checks.items()))
        )

    @staticmethod
    async def _one(name: str, check: HealthCheck) -> Checked:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                return Checked(name, await check.check())
        except TimeoutError:
            return Checked(name, Health(False, f"no answer within {CHECK_TIMEOUT:g} s"))
        except Exception as error:  # a broken check is a failed check
            return Checked(name, Health(False, f"{type(error).__name__}: {error}"))


def ready(results: Sequence[Checked]) -> bool:
    """Ready while every check passes or is merely degraded."""
    return all(result.health.ok or result.health.degraded for result in results)
