from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from core.errors import TelegramAway
from core.host import hookspecs as specs
from playground.client import Person
from plugins.admin import service
from plugram import Retry
from tests.conftest import SettingsFactory
from tests.support.host import Host, host, only
from tests.support.processes import PlaygroundProcess

ANN, ZOE = "ann", "zoe"


@pytest.fixture
async def staff(playground: PlaygroundProcess) -> dict[str, int]:
    """Ann is the owner and has written to the bot, Zoe is an admin and hasn't."""
    client = playground.client
    ann = await client.add_user("Ann", username="boss_ann", language="ru")
    zoe = await client.add_user("Zoe", username="shy_zoe")
    sent = await ann.send("/start")
    users = await client.call("GET", "/control/users")
    ids = {user["username"]: user["id"] for user in users}
    assert sent["from"]["id"] == ids["boss_ann"]
    return {ANN: ids[ann.name], ZOE: ids[zoe.name]}


@pytest.fixture
async def admin(
    playground: PlaygroundProcess,
    staff: dict[str, int],
    settings_factory: SettingsFactory,
    database_url: str,
) -> AsyncIterator[Host]:
    settings = settings_factory(
        database__url=database_url,
        bot__api_base=playground.url,
        bot__owner=staff[ANN],
        bot__admins=[staff[ZOE]],
        http__retries=0,
        **only("admin"),
    )
    async with host(settings, token=playground.token) as made:
        await made.people.get(staff[ANN], "ru", "Ann")
        yield made


async def quarantine(host: Host, cause: str = "import:x", plugin_id: str = "dice") -> None:
    await host.loader.hooks.emit(
        specs.on_plugin_quarantined, plugin_id=plugin_id, reason="ValueError: <x>", cause=cause
    )


async def test_each_of_the_staff_is_told_once_per_cause(admin: Host, staff: dict[str, int]) -> None:
    for _ in range(3):
        await quarantine(admin)
    told = await admin.queued("admin.tell")
    assert sorted(one["person"] for one in told) == sorted(staff.values())
    await quarantine(admin, cause="import:y")
    await quarantine(admin, plugin_id="cards")
    assert len(await admin.queued("admin.tell")) == 6


async def test_a_fault_that_comes_back_after_quiet_hours_is_told_again(admin: Host) -> None:
    await quarantine(admin)
    await admin.db.execute("UPDATE admin_causes SET seen_at = seen_at - 23 * 3600")
    await quarantine(admin)
    assert len(await admin.queued("admin.tell")) == 2
    await admin.db.execute("UPDATE admin_causes SET seen_at = seen_at - 25 * 3600")
    await quarantine(admin)
    assert len(await admin.queued("admin.tell")) == 4


async def test_dead_jobs_are_grouped_by_name_and_way(admin: Host) -> None:
    for job_id, error in enumerate(["ValueError: a", "ValueError: b", "KeyError: c"]):
        await admin.loader.hooks.emit(
            specs.on_job_dead, job_id=job_id, name="files.store", error=error
        )
    told = await admin.queued("admin.tell")
    assert [one["values"]["error"] for one in told[::2]] == ["ValueError: a", "KeyError: c"]


async def test_a_report_that_fails_for_good_is_not_reported(admin: Host) -> None:
    await admin.loader.hooks.emit(specs.on_job_dead, job_id=1, name="admin.tell", error="x")
    assert await admin.queued("admin.tell") == []


async def test_nobody_to_tell(settings_factory: SettingsFactory, database_url: str) -> None:
    settings = settings_factory(database__url=database_url, **only("admin"))
    async with host(settings) as made:
        await quarantine(made)
        assert await made.queued("admin.tell") == []


async def test_a_report_is_in_its_readers_language(
    admin: Host, staff: dict[str, int], playground: PlaygroundProcess
) -> None:
    await quarantine(admin)
    for args in await admin.queued("admin.tell"):
        await service.tell(admin.ctx("admin"), args["person"], args["message"], args["values"])
    ann: Person = playground.client.user("boss_ann")
    text = (await ann.messages())[-1]["text"]
    assert text.startswith("⚠️ Плагин dice отключён")
    assert "ValueError: <x>" in text
    assert await playground.client.user("shy_zoe").messages() == []


async def test_a_report_waits_while_telegram_is_away(
    admin: Host, staff: dict[str, int], playground: PlaygroundProcess
) -> None:
    playground.kill()
    with pytest.raises(TelegramAway):
        await service.tell(
            admin.ctx("admin"),
            staff[ANN],
            "admin-plugin-quarantined",
            {"plugin": "x", "reason": "y"},
        )


async def test_a_report_waits_for_staff_who_have_yet_to_write(
    admin: Host, staff: dict[str, int], playground: PlaygroundProcess
) -> None:
    tell = next(one for one in admin.plugin("admin").parts.jobs if one.name == "tell").fn
    await quarantine(admin)
    zoe = playground.client.user("shy_zoe")
    args = next(a for a in await admin.queued("admin.tell") if a["person"] == staff[ZOE])
    job = SimpleNamespace(attempt=3, is_last_attempt=False)
    with pytest.raises(Retry) as again:
        await tell(admin.ctx("admin"), job, **args)
    assert again.value.delay == 8
    await tell(admin.ctx("admin"), SimpleNamespace(attempt=10, is_last_attempt=True), **args)
    await zoe.send("/start")
    await tell(admin.ctx("admin"), job, **args)
    assert "dice" in (await zoe.messages())[-1]["text"]
