"""Dialogs: kept in the database, read from Redis, each plugin's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import StorageKey
from redis.asyncio import Redis

from core.db.database import Database
from core.errors import PluginError
from core.telegram.states import Position, States
from tests.core.work import opened
from tests.support.servers import Valkey


class Form(StatesGroup):
    name = State()
    age = State()


def key(plugin: str = "a", chat: int = 7, user: int = 7) -> StorageKey:
    return StorageKey(5, chat, user, destiny=plugin)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


@pytest.fixture(params=["database", "redis"])
async def states(db: Database, request: pytest.FixtureRequest) -> AsyncIterator[States]:
    redis = None
    if request.param == "redis":
        redis = Redis.from_url(request.getfixturevalue("redis_url"))
    found = States(db, redis)
    yield found
    await found.close()
    if redis is not None:
        await redis.aclose()


async def test_a_dialog_that_does_not_go_on_is_over(db: Database, states: States) -> None:
    left, going = FSMContext(states, key("a")), FSMContext(states, key("b"))
    await left.set_state(Form.name)
    await left.update_data(name="Ann")
    await going.set_state(Form.age)
    await going.update_data(age=5)
    assert await left.get_state() == "Form:name"
    await db.execute("UPDATE core_dialog_states SET changed_at = changed_at - 3599.9")
    await going.update_data(age=6)  # also drops the copy in Redis
    assert await left.get_state() == "Form:name"
    await asyncio.sleep(0.15)
    assert await left.get_state() is None
    assert await left.get_data() == {}
    assert await states.positions(key()) == {"b": Position("Form:age", {"age": 6})}
    await left.set_state(Form.age)
    assert await left.get_data() == {}, "nothing of the dialog before"
    await left.update_data(age=7)
    assert await left.get_state() == "Form:age"


async def test_state_and_data_come_back(states: States) -> None:
    context = FSMContext(states, key())
    assert await context.get_state() is None
    assert await context.get_data() == {}
    await context.set_state(Form.name)
    await context.update_data(name="Ann", tags=[1, {"x": None}])
    await context.update_data(age=5)
    assert await context.get_state() == "Form:name"
    assert await context.get_data() == {"name": "Ann", "tags": [1, {"x": None}], "age": 5}
    assert await context.get_value("age") == 5
    assert await context.get_value("none", "default") == "default"
    await context.set_state(Form.age)
    assert await context.get_state() == "Form:age"


async def test_clearing_leaves_nothing(states: States, db: Database) -> None:
    context = FSMContext(states, key())
    await context.set_state(Form.name)
    await context.update_data(x=1)
    await context.clear()
    assert await context.get_state() is None
    assert await context.get_data() == {}
    assert await db.fetchval("SELECT count(*) FROM core_dialog_states") == 0


async def test_data_without_state_stays(states: States) -> None:
    context = FSMContext(states, key())
    await context.set_data({"x": 1})
    await context.set_state(Form.name)
    await context.set_state(None)
    assert await context.get_data() == {"x": 1}


async def test_each_plugin_chat_and_person_has_its_own(states: States) -> None:
    await states.set_state(key("a"), Form.name)
    await states.set_state(key("b"), Form.age)
    await states.set_state(key("a", chat=-5), Form.age)
    assert await states.get_state(key("a")) == "Form:name"
    assert await states.get_state(key("b")) == "Form:age"
    assert await states.get_state(key("a", user=8)) is None
    assert await states.positions(key()) == {
        "a": Position("Form:name", {}),
        "b": Position("Form:age", {}),
    }


async def test_survives_a_restart(states: States, db: Database) -> None:
    await states.set_state(key(), Form.name)
    await states.set_data(key(), {"x": 1})
    again = States(db)
    assert await again.get_state(key()) == "Form:name"
    assert await again.get_data(key()) == {"x": 1}


async def test_belongs_to_the_transaction(states: States, db: Database) -> None:
    await states.set_state(key(), Form.name)

    async def fail() -> None:
        async with db.transaction():
            await states.set_state(key(), Form.age)
            assert await states.get_state(key()) == "Form:age"
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await fail()
    assert await states.get_state(key()) == "Form:name"


async def test_remembers_within_a_lease_only(states: States, db: Database) -> None:
    assert await states.positions(key(), lease=1) == {}
    await db.execute(
        "INSERT INTO core_dialog_states"
        f" VALUES (5, 7, 7, 0, '', 'a', 'Form:name', '{{}}', {db.clock})"
    )
    assert await states.positions(key(), lease=1) == {}, "remembered"
    if states._redis is not None:
        await states._redis.flushall()
    assert set(await states.positions(key(), lease=2)) == {"a"}, "another lease: read again"
    await states.set_state(key("b"), Form.age)
    assert set(await states.positions(key(), lease=2)) == {"a", "b"}, "own writes are seen"


async def test_only_json_is_remembered(states: States) -> None:
    with pytest.raises(PluginError, match="plugin a: a dialog can't remember"):
        await states.set_data(key(), {"x": object()})


async def test_redis_answers_the_reads(db: Database, redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    states = States(db, redis)
    await states.set_state(key(), Form.name)
    await states.close()
    assert await states.get_state(key()) == "Form:name"
    await db.execute("DELETE FROM core_dialog_states")
    assert await states.get_state(key()) == "Form:name"
    await states.close()
    await redis.aclose()


async def test_configuring_redis_later_finds_what_was_there(db: Database, redis_url: str) -> None:
    await States(db).set_state(key(), Form.name)
    redis = Redis.from_url(redis_url)
    states = States(db, redis)
    assert await states.get_state(key()) == "Form:name"
    await states.close()
    await redis.aclose()


async def test_while_redis_is_away_the_database_answers(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.telegram.states._REDIS_PAUSE", 0.2)
    server = Valkey()
    server.start()
    redis = Redis.from_url(server.url, socket_connect_timeout=0.5)
    states = States(db, redis)
    try:
        await states.set_state(key(), Form.name)
        assert await states.get_state(key()) == "Form:name"
        server.stop()
        assert await states.get_state(key()) == "Form:name"
        await states.set_state(key(), Form.age)
        assert await states.get_state(key()) == "Form:age"
        server.start()
        await asyncio.sleep(0.4)
        for _ in range(20):
            assert await states.get_state(key()) == "Form:age"
            await asyncio.sleep(0.02)
        assert await redis.keys("*"), "Redis is in use again"
    finally:
        await states.close()
        await redis.aclose()
        server.stop()
