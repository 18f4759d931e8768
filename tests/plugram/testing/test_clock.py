from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from plugram.testing import Bot, Chat, Clock


@pytest.fixture
def plugram_database(database_url: str) -> str:
    return database_url


async def test_time_passes_and_what_is_due_on_the_way_happens_at_its_time(
    bot: Bot, chat: Chat, clock: Clock
) -> None:
    await clock.move_to("2026-03-02 10:00")
    assert clock.now.date().isoformat() == "2026-03-02"
    await chat.send("/later")
    await clock.advance(hours=8)
    assert await chat.replies() == []
    await clock.advance(timedelta(days=3))
    assert (await chat.reply()).text == "Nine hours are over (19:00)"
    assert await bot.ctx().cache.get("days") == 3  # each morning once
    assert (clock.now - datetime(2026, 3, 5, 18, tzinfo=UTC)).total_seconds() < 60
    await chat.send("/echo still there")  # no lease was lost on the way
    assert (await chat.reply()).text == "still there"


async def test_what_is_cached_expires(chat: Chat, clock: Clock) -> None:
    await chat.send("/keep")
    await clock.advance(seconds=50)
    await chat.send("/kept")
    assert (await chat.reply()).text == "1"
    await clock.advance(seconds=20)
    await chat.send("/kept")
    assert (await chat.reply()).text == "0"


async def test_a_question_is_forgotten(chat: Chat, clock: Clock) -> None:
    await chat.send("/ask")
    assert (await chat.reply()).text == "Who are you?"
    await clock.advance(minutes=50)
    await chat.send("Ann")
    assert (await chat.reply()).text == "Hello, Ann"
    await chat.send("/ask")
    assert (await chat.reply()).text == "Who are you?"
    await clock.advance(minutes=70)
    await chat.send("Boris")
    assert "Hello" not in (await chat.reply()).text


async def test_time_goes_back_by_a_jump_alone(clock: Clock) -> None:
    with pytest.raises(ValueError, match="move_to"):
        await clock.advance(hours=-1)
    await clock.move_to(datetime(2001, 1, 1, tzinfo=UTC))
    assert clock.now.year == 2001
    await clock.move_to("2031-01-01")
    assert clock.now.year == 2031


def test_the_next_test_has_the_real_time() -> None:
    assert abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 1
    assert 2024 < datetime.now(UTC).year < 2031 or time.time() > 1.9e9
