"""Commands."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from plugram import Context, Html, Person, Scope, Translate
from plugram_birthdays import service
from plugram_birthdays.dates import parse


def build() -> Router:
    router = Router(name="birthdays")
    router.message.register(birthdays, Command("birthdays"))
    router.message.register(birthday, Command("birthday"))
    return router


async def birthdays(
    message: Message, ctx: Context, t: Translate, person: Person, scope: Scope
) -> None:
    found = await service.upcoming(ctx, scope, person)
    lines = [_line(t, person, one) for one in found]
    text = Html("\n").join([t("birthdays-next"), *lines]) if lines else t("birthdays-none")
    await ctx.telegram.send(message.chat.id, text)


async def birthday(
    message: Message,
    command: CommandObject,
    ctx: Context,
    t: Translate,
    person: Person,
    scope: Scope,
) -> None:
    date, _, name = (command.args or "").partition(" ")
    day = parse(date)
    if day is None or not name.strip():
        await ctx.telegram.send(message.chat.id, t("birthdays-usage"))
        return
    name = name.strip()[:120]
    async with ctx.transaction(scope):
        await service.remember(scope, message.chat.id, person.id, name, day)
    await ctx.telegram.send(message.chat.id, t("birthdays-remembered", name=name))


def _line(t: Translate, person: Person, one: service.Upcoming) -> Html:
    noon = datetime.combine(one.on, time(12), ZoneInfo(person.timezone))
    return t(
        "birthdays-line",
        date=t.date(noon, person, "long"),
        name=one.name,
        days=one.days,
        age=one.age or 0,
    )
