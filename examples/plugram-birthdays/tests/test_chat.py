"""What people see, tried with the real bot: `plugram.testing` brings it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from plugram_birthdays.service import LAST_SEARCH, reminders_health

from plugram.testing import Bot, Chat, Clock

CARD = b"BEGIN:VCARD\r\nFN:Ann Marmalade\r\nTEL:+34600\r\nBDAY:1990-03-02\r\nEND:VCARD\r\n"


async def test_a_birthday_is_remembered_and_listed(chat: Chat, clock: Clock) -> None:
    await clock.move_to("2026-03-01 08:00")
    await chat.send("/birthdays")
    assert "No birthday is near" in (await chat.reply()).text
    await chat.send("/birthday 2.3.1990 Bob & Co")
    assert (await chat.reply()).text == "I will remember the birthday of Bob & Co."
    await chat.send("/birthdays")
    assert "March 2, 2026 — Bob & Co turns 36, tomorrow" in (await chat.reply()).text


async def test_what_is_no_date_is_explained(chat: Chat) -> None:
    await chat.send("/birthday never Bob")
    assert "Write the day and the name: /birthday 14.03.1990 Ann" in (await chat.reply()).text


async def test_the_day_comes(bot: Bot, chat: Chat, clock: Clock) -> None:
    await clock.move_to("2026-03-01 08:00")
    await chat.send("/birthday 2.3.1990 Bob")
    await chat.reply()
    await clock.advance(hours=24)
    assert [message.text for message in await chat.replies()][1:] == []  # it is 8 o'clock
    await clock.advance(hours=2)
    assert (await chat.reply()).text == "🎂 Today is the birthday of Bob: 36!"
    await clock.advance(timedelta(hours=12))
    assert len(await bot.jobs("birthdays.remind")) == 1  # nobody is reminded twice


async def test_it_is_morning_where_the_person_is(bot: Bot, chat: Chat, clock: Clock) -> None:
    """9 in the morning of 2 March comes to Tokyo nine hours before it comes to London."""
    await clock.move_to("2026-03-01 20:00")
    boris = bot.user("boris")
    for person, zone in ((chat, "Asia/Tokyo"), (boris, "Europe/London")):
        message = await person.send("/birthday 2.3. Bob")
        await person.reply()
        await bot.ctx().people.set_timezone(message.raw["from"]["id"], zone)
    await clock.advance(hours=5)  # 1 in London, 10 in Tokyo
    assert "Today" in (await chat.reply()).text
    assert len(await boris.replies()) == 1
    await clock.advance(hours=9)
    assert "Сегодня" in (await boris.reply()).text


@pytest.mark.plugram(plugins=["birthdays", "files"])
async def test_cards_are_read(chat: Chat, clock: Clock) -> None:
    await clock.move_to("2026-03-01 08:00")
    await chat.upload(CARD, name="contacts.vcf", mime="text/vcard")
    await chat.replies()  # the file is read in the background
    await chat.send("/birthdays")
    assert "Ann Marmalade turns 36" in (await chat.reply()).text


async def test_health_tells_when_nobody_looks_any_more(bot: Bot) -> None:
    ctx = bot.ctx()
    assert (await reminders_health(ctx)).ok
    await ctx.cache.set(LAST_SEARCH, 1.0)
    health = await reminders_health(ctx)
    assert not health.ok
    assert health.hint == "is a worker running?"


async def test_it_introduces_itself(chat: Chat) -> None:
    await chat.send("/start")
    greeting = (await chat.reply()).text
    assert "Send me contact cards" in greeting
    assert "/birthdays — The next birthdays" in greeting
