"""A database belongs to one deployment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.config import Settings
from core.db import database as db
from core.db import deployment, migrate
from core.errors import DatabaseError

Factory = Callable[..., Settings]


async def started(settings: Settings) -> None:
    """As a process starts: connect, migrate."""
    async with db.build(settings) as database:
        await migrate.apply(database)


async def test_another_deployment_is_refused_before_it_changes_anything(
    settings_factory: Factory, database_url: str
) -> None:
    await started(settings_factory(database__url=database_url))
    staging = settings_factory(database__url=database_url, deployment__name="staging")
    with pytest.raises(DatabaseError, match="belongs to the deployment plugram, and this one"):
        await db.build(staging).connect()
    await started(settings_factory(database__url=database_url))


async def test_a_database_from_before_is_claimed_at_the_next_start(
    settings_factory: Factory, database_url: str
) -> None:
    settings = settings_factory(database__url=database_url)
    await started(settings)
    async with db.build(settings) as database:
        await database.execute("DROP TABLE core_deployment")
        assert await deployment.owner(database) == ""
        assert await migrate.apply(database) == []
        assert await deployment.owner(database) == "plugram"


async def test_looking_claims_nothing(settings_factory: Factory, database_url: str) -> None:
    async with db.build(settings_factory(database__url=database_url)) as database:
        await migrate.status(database)
        assert await deployment.owner(database) == ""


async def test_an_adopted_database_is_the_new_owners_alone(
    settings_factory: Factory, database_url: str
) -> None:
    production = settings_factory(database__url=database_url)
    await started(production)
    async with db.build(production) as database:
        await deployment.adopt(database, "staging")
    await started(settings_factory(database__url=database_url, deployment__name="staging"))
    with pytest.raises(DatabaseError, match="plugram db adopt") as refused:
        await db.build(production).connect()
    assert "staging" in str(refused.value)
