"""Health checks: side by side, and none can take the others down."""

from __future__ import annotations

import asyncio

import pytest

from core import health
from core.health import HealthChecks, ready
from core.host.plugin import Health, HealthCheck


async def _fine() -> Health:
    return Health(True, "42 GB free")


async def _degraded() -> Health:
    return Health(False, "slow", hint="look at the disk", degraded=True)


async def _broken() -> Health:
    raise ConnectionError("refused")


async def _hangs() -> Health:
    await asyncio.sleep(60)
    return Health(True)


async def _run(**checks: object) -> dict[str, Health]:
    table = HealthChecks()
    table.add("storage", [HealthCheck(name, check) for name, check in checks.items()])  # type: ignore[arg-type]  # checks by keyword
    return {result.name: result.health for result in await table.run()}


async def test_names_carry_their_owner() -> None:
    assert await _run(folder=_fine) == {"storage.folder": Health(True, "42 GB free")}


async def test_a_raising_check_fails_alone() -> None:
    results = await _run(a=_broken, b=_fine)
    assert results["storage.a"] == Health(False, "ConnectionError: refused")
    assert results["storage.b"].ok


async def test_a_hanging_check_fails_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.05)
    results = await _run(a=_hangs, b=_fine)
    assert "no answer" in results["storage.a"].detail
    assert results["storage.b"].ok


@pytest.mark.parametrize(
    ("check", "expected"), [(_fine, True), (_degraded, True), (_broken, False)]
)
async def test_degraded_is_still_ready(check: object, expected: bool) -> None:
    table = HealthChecks()
    table.add("x", [HealthCheck("y", check)])  # type: ignore[arg-type]  # from parametrize
    assert ready(await table.run()) is expected


async def test_a_check_that_is_added_meanwhile_waits_for_the_next_time() -> None:
    checks = HealthChecks()

    async def adding() -> Health:
        checks.add("late", [HealthCheck("one", fine)])
        return Health(True)

    async def fine() -> Health:
        return Health(True)

    checks.add("core", [HealthCheck("adding", adding)])
    assert [one.name for one in await checks.run()] == ["core.adding"]
    assert [one.name for one in await checks.run()] == ["core.adding", "late.one"]
