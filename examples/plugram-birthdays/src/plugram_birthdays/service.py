"""What the plugin does: remember, list, and find whom to remind."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from plugram import SYSTEM, Context, Health, Person, Scope, StoredFile
from plugram_birthdays.dates import Day, parse
from plugram_birthdays.models import Birthday
from plugram_birthdays.settings import Settings

LAST_SEARCH = "last_search"
_OVERDUE = 3 * 3600
"""Seconds without a search, which runs every hour, until the health check says so."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A birthday that comes soon."""

    name: str
    on: date
    days: int
    """From today; 0 is today."""
    age: int | None


async def remember_all(ctx: Context, file: StoredFile, lines: Sequence[str]) -> None:
    """Remember a file's birthdays (`1990-03-14 Ann`). Doing it twice changes nothing."""
    async with ctx.transaction(file.scope):
        for line in lines:
            born, _, name = line.partition(" ")
            day = parse(born)
            if day is not None and name:
                await remember(file.scope, file.chat_id, file.sender_id, name, day)
    ctx.metrics.count("birthdays", len(lines))


async def remember(scope: Scope, chat_id: int, person_id: int, name: str, day: Day) -> None:
    await Birthday.update_or_create(
        {
            "chat_id": chat_id,
            "person_id": person_id,
            "month": day.month,
            "day": day.day,
            "year": day.year,
        },
        scope=scope.key,
        name=name,
    )


async def upcoming(ctx: Context, scope: Scope, person: Person) -> list[Upcoming]:
    """The birthdays of the next days on the person's calendar, the soonest first."""
    today = _today(person.timezone)
    async with ctx.transaction(scope):
        rows = await Birthday.filter(scope=scope.key)
    found = []
    for row in rows:
        day = _day(row)
        on = day.next(today)
        if on - today <= timedelta(days=ctx.config(Settings).days_ahead):
            found.append(Upcoming(row.name, on, (on - today).days, day.age(on)))
    return sorted(found, key=lambda one: (one.days, one.name))


async def find_due(ctx: Context, enqueue: Callable[[int, str], Awaitable[None]]) -> int:
    """Queue a reminder for each birthday whose day has come where its chat's person lives; how
    many. A birthday's mark and its reminder are written together, so nobody is reminded twice."""
    due = 0
    now = datetime.now(UTC)
    async with ctx.transaction(SYSTEM):
        for row in await Birthday.filter(_around(now)):
            here = now.astimezone(ZoneInfo((await ctx.people.get(row.person_id)).timezone))
            is_today = _day(row).in_year(here.year) == here.date()
            if not is_today or here.hour < ctx.config(Settings).hour:
                continue
            marked = await Birthday.filter(id=row.id, reminded_year__lt=here.year).update(
                reminded_year=here.year
            )
            if marked:
                await enqueue(row.id, row.scope)
                due += 1
    await ctx.cache.set(LAST_SEARCH, time.time())
    return due


async def remind(ctx: Context, scope: Scope, birthday_id: int) -> None:
    """Tell the chat whose birthday it is."""
    async with ctx.transaction(scope):
        row = await Birthday.get_or_none(id=birthday_id, scope=scope.key)
    if row is None:
        return
    person = await ctx.people.get(row.person_id)
    age = _day(row).age(_today(person.timezone)) or 0
    text = ctx.translate(person.language)("birthdays-reminder", name=row.name, age=age)
    await ctx.telegram.send(row.chat_id, text)


async def reminders_health(ctx: Context) -> Health:
    last = await ctx.cache.get(LAST_SEARCH)
    if last is not None and time.time() - last > _OVERDUE:
        return Health(
            ok=False,
            degraded=True,
            detail="nobody looked for birthdays for hours",
            hint="is a worker running?",
        )
    return Health(ok=True)


def _around(now: datetime) -> Any:
    """Rows of yesterday, today and tomorrow: it is never any other day anywhere."""
    from tortoise.expressions import Q

    days = [now.date() + timedelta(days=shift) for shift in (-1, 0, 1)]
    rows = Q(*(Q(month=one.month, day=one.day) for one in days), join_type="OR")
    # Celebrated on the 28th where there is no 29th.
    return rows | Q(month=2, day=29) if any(one.month in (2, 3) for one in days) else rows


def _day(row: Birthday) -> Day:
    return Day(row.month, row.day, row.year)


def _today(timezone: str) -> date:
    return datetime.now(ZoneInfo(timezone)).date()
