from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from core.db import database, migrate
from core.db.database import Database
from core.errors import DatabaseReadOnly, PlugramError
from core.i18n import I18n
from core.people import REMEMBERED, People
from tests.conftest import SettingsFactory
from tests.core.kit import Clock

ANN, BOB = 11, 22


@dataclass
class Bot:
    owner: int | None = ANN
    admins: tuple[int, ...] = (BOB, ANN)


@pytest.fixture
async def db(database_url: str, settings_factory: SettingsFactory) -> AsyncIterator[Database]:
    made = database.build(settings_factory(database__url=database_url), [])
    async with made:
        await migrate.apply(made)
        yield made


class Counted:
    """A database that counts its statements."""

    def __init__(self, inner: Database) -> None:
        self.inner = inner
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name not in {"execute", "fetchrow", "fetchval"}:
            return found

        def run(sql: str, *args: Any) -> Any:
            self.statements.append(sql.split()[0])
            return found(sql, *args)

        return run


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
def counted(db: Database) -> Counted:
    return Counted(db)


@pytest.fixture
def people(counted: Counted, clock: Clock) -> People:
    return People(cast("Database", counted), Bot(), I18n("es"), clock=clock)


def fresh(db: Database, clock: Clock) -> People:
    """As another process sees them."""
    return People(db, Bot(), I18n("es"), clock=clock)


# -- who somebody is ------------------------------------------------------------------------------


async def test_somebody_new_is_known_afterwards(people: People, db: Database, clock: Clock) -> None:
    person = await people.get(ANN, "ru", "Анна", "anna")
    assert (person.id, person.name, person.username) == (ANN, "Анна", "anna")
    assert (person.language, person.timezone, person.role) == ("ru", "UTC", "owner")
    assert not person.language_chosen
    assert not person.timezone_chosen
    assert await fresh(db, clock).get(ANN) == person


async def test_somebody_never_met_has_the_deployments_language(people: People) -> None:
    person = await people.get(99)
    assert (person.name, person.language, person.role) == ("", "es", "user")
    assert not person.is_admin


async def test_a_language_that_the_bot_lacks_becomes_the_deployments(people: People) -> None:
    assert (await people.get(ANN, "pt-br", "Ann")).language == "es"


def test_roles_come_from_the_settings(people: People) -> None:
    assert [people.role(one) for one in (ANN, BOB, 33)] == ["owner", "admin", "user"]
    assert people.staff() == [ANN, BOB]


def test_without_owner_the_admins_are_the_staff(db: Database) -> None:
    assert People(db, Bot(owner=None), I18n()).staff() == [BOB, ANN]


# -- the hot path ---------------------------------------------------------------------------------


async def test_known_and_unchanged_costs_no_statement(
    people: People, counted: Counted, clock: Clock
) -> None:
    await people.get(ANN, "ru", "Ann", "ann")
    counted.statements.clear()
    for _ in range(20):
        clock.now += 2
        await people.get(ANN, "ru", "Ann", "ann")
    await people.get(ANN)
    assert counted.statements == []


async def test_rows_are_read_again_after_a_minute_and_seen_once_an_hour(
    people: People, counted: Counted, clock: Clock, db: Database
) -> None:
    await people.get(ANN, "ru", "Ann")
    counted.statements.clear()
    clock.now += 61
    await people.get(ANN, "ru", "Ann")
    assert counted.statements == ["SELECT"]
    clock.now += 3600
    await people.get(ANN, "ru", "Ann")
    assert counted.statements == ["SELECT", "SELECT", "INSERT"]
    row = await db.fetchrow("SELECT met_at, seen_at FROM people WHERE id = $1", ANN)
    assert row == {"met_at": 1_000_000.0, "seen_at": clock.now}


async def test_what_telegram_changed_is_written(people: People, db: Database, clock: Clock) -> None:
    await people.get(ANN, "ru", "Ann", "ann")
    changed = await people.get(ANN, "en", "Anna", "")
    assert (changed.name, changed.username, changed.language) == ("Anna", "", "en")
    assert await fresh(db, clock).get(ANN) == changed


async def test_a_job_that_knows_an_id_alone_changes_nothing(
    people: People, counted: Counted
) -> None:
    person = await people.get(ANN, "ru", "Ann", "ann")
    counted.statements.clear()
    assert await people.get(ANN) == person
    assert counted.statements == []


async def test_only_so_many_are_remembered(
    people: People, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert REMEMBERED == 10_000
    monkeypatch.setattr("core.people.REMEMBERED", 2)
    for user in (1, 2, 3):
        await people.get(user)
    counted.statements.clear()
    await people.get(3)
    await people.get(2)
    assert counted.statements == []
    await people.get(1)
    assert counted.statements == ["SELECT"]


# -- choices --------------------------------------------------------------------------------------


async def test_a_chosen_language_stays_whatever_telegram_says(
    people: People, db: Database, clock: Clock
) -> None:
    await people.get(ANN, "ru", "Ann")
    person = await people.set_language(ANN, "en")
    assert person.language == "en"
    assert person.language_chosen
    assert person.name == "Ann"
    assert (await people.get(ANN, "ru", "Ann")).language == "en"
    assert (await fresh(db, clock).get(ANN)).language == "en"
    assert (await people.set_language(ANN, "")).language == "ru"


async def test_a_language_that_nobody_speaks_is_refused(people: People) -> None:
    with pytest.raises(PlugramError, match="doesn't speak 'xx'"):
        await people.set_language(ANN, "xx")


async def test_a_time_zone_is_kept_for_somebody_never_met_too(
    people: People, db: Database, clock: Clock
) -> None:
    person = await people.set_timezone(99, "Europe/Madrid")
    assert person.timezone == "Europe/Madrid"
    assert person.timezone_chosen
    assert (await fresh(db, clock).get(99, "es", "Zoe")).timezone == "Europe/Madrid"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_time_zones_that_are_none(name: str) -> None:
    from core.people import is_timezone

    assert not is_timezone(name)


async def test_a_wrong_time_zone_is_refused(people: People) -> None:
    with pytest.raises(PlugramError, match="'Mars/Olympus' is no time zone"):
        await people.set_timezone(ANN, "Mars/Olympus")


async def test_blocked_until_they_write_again(people: People) -> None:
    await people.get(ANN, "en", "Ann")
    await people.set_blocked(ANN)
    assert (await people.get(ANN)).blocked
    assert not (await people.get(ANN, "en", "Ann")).blocked
    assert not (await people.get(ANN)).blocked


async def test_preferences_are_per_person_and_plugin(people: People) -> None:
    assert await people.preference(ANN, "files", "order", "new") == "new"
    await people.set_preference(ANN, "files", "order", "old")
    await people.set_preference(ANN, "files", "order", "name")
    await people.set_preference(BOB, "files", "order", "size")
    assert await people.preference(ANN, "files", "order", "new") == "name"
    assert await people.preference(ANN, "notes", "order", "new") == "new"


async def rolled_back(db: Database, work: Awaitable[Any]) -> None:
    async with db.transaction():
        await work
        raise RuntimeError("no")


# -- transactions ---------------------------------------------------------------------------------


async def test_a_choice_that_is_rolled_back_is_forgotten(people: People, db: Database) -> None:
    await people.get(ANN, "ru", "Ann")
    with pytest.raises(RuntimeError):
        await rolled_back(db, people.set_language(ANN, "en"))
    assert (await people.get(ANN)).language == "ru"


async def test_meeting_somebody_in_a_transaction_that_fails(
    people: People, db: Database, clock: Clock
) -> None:
    with pytest.raises(RuntimeError):
        await rolled_back(db, people.get(ANN, "ru", "Ann"))
    assert (await fresh(db, clock).get(ANN)).name == ""
    await people.get(ANN, "ru", "Ann")
    assert (await fresh(db, clock).get(ANN)).name == "Ann"


async def test_meeting_somebody_is_not_the_handlers_first_write(
    people: People, db: Database
) -> None:
    completed: list[str] = []

    async def complete() -> None:
        completed.append("update")

    with db.before_commit(complete) as joining:
        await people.get(ANN, "ru", "Ann")
        assert completed == []
        await people.set_language(ANN, "en")
    assert joining.done


async def test_a_database_that_cannot_be_written_costs_no_answer(
    people: People, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(sql: str, *args: Any) -> int:
        raise DatabaseReadOnly("the disk is write-protected")

    monkeypatch.setattr(counted.inner, "execute", refuse)
    assert (await people.get(ANN, "ru", "Ann")).language == "ru"
    monkeypatch.undo()
    await people.get(ANN, "ru", "Ann")
    assert counted.statements[-1] == "INSERT"
