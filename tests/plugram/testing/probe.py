"""A plugin for the tests of the kit: it does a bit of everything, and some of it badly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import plugram
from plugram import Button, Context, Job

if TYPE_CHECKING:
    from aiogram import Router
    from aiogram.fsm.context import FSMContext
    from aiogram.types import CallbackQuery, Message

manifest = {
    "id": "probe",
    "version": "1.0",
    "summary": "Is tried",
    "api": ">=1,<2",
    "commands": {
        "echo": "Say it again",
        "menu": "Buttons",
        "later": "Answer in nine hours",
        "keep": "Remember for a minute",
        "ask": "Ask for a name",
        "kept": "Tell whether it is remembered",
        "break": "Fail",
        "breakjob": "Fail in the background",
        "slow": "Answer from the background",
    },
}


class Settings(plugram.PluginSettings):
    mark: str = ""


class Pick(plugram.Callback, name="pick"):
    what: str


@plugram.job
async def answer(ctx: Context, job: Job, chat: int, text: str) -> None:
    await ctx.telegram.send(chat, f"{text} ({datetime.now(UTC):%H:%M})")


@plugram.job
async def stumble(ctx: Context, job: Job) -> None:
    raise LookupError("nothing is where it should be")


@plugram.job(cron="0 9 * * *")
async def morning(ctx: Context, job: Job) -> None:
    days = await ctx.cache.get("days", 0)
    await ctx.cache.set("days", days + 1)


@plugram.hookimpl
def jobs(ctx: Context) -> Sequence[plugram.JobSpec]:
    return [answer, stumble, morning]


async def echo(message: Message, command: Any, ctx: Context) -> None:
    await ctx.telegram.send(message.chat.id, ctx.settings.mark + (command.args or "?"))


async def menu(message: Message, ctx: Context) -> None:
    rows = [[Button("Change", Pick(what="change")), Button("Say", Pick(what="say"))]]
    await ctx.telegram.send(message.chat.id, "Menu", buttons=rows)


async def picked(query: CallbackQuery, callback_data: Pick, ctx: Context) -> None:
    if callback_data.what == "say":
        await ctx.telegram.answer_callback(query.id, "Said")
        return
    assert query.message is not None
    await ctx.telegram.answer_callback(query.id)
    await ctx.telegram.edit(query.message.chat.id, query.message.message_id, "Changed")


async def later(message: Message, ctx: Context) -> None:
    args = {"chat": message.chat.id, "text": "Nine hours are over"}
    await ctx.jobs.enqueue(answer, args, delay=9 * 3600)


async def slow(message: Message, ctx: Context) -> None:
    await ctx.jobs.enqueue(answer, {"chat": message.chat.id, "text": "At last"})


async def keep(message: Message, ctx: Context) -> None:
    await ctx.cache.set("kept", 1, ttl=60)


async def kept(message: Message, ctx: Context) -> None:
    await ctx.telegram.send(message.chat.id, str(await ctx.cache.get("kept", 0)))


async def ask(message: Message, ctx: Context, state: FSMContext) -> None:
    await state.set_state("asked")
    await ctx.telegram.send(message.chat.id, "Who are you?")


async def answered(message: Message, ctx: Context, state: FSMContext) -> None:
    await state.clear()
    await ctx.telegram.send(message.chat.id, f"Hello, {message.text}")


async def break_(message: Message) -> None:
    raise ZeroDivisionError("by the probe")


async def break_job(message: Message, ctx: Context) -> None:
    await ctx.jobs.enqueue(stumble, {})


@plugram.hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from aiogram import Router, filters

    router = Router()
    handlers: dict[str, Any] = {
        "echo": echo,
        "menu": menu,
        "later": later,
        "slow": slow,
        "keep": keep,
        "kept": kept,
        "ask": ask,
        "break": break_,
        "breakjob": break_job,
    }
    for name, handler in handlers.items():
        router.message.register(handler, filters.Command(name))
    router.message.register(answered, filters.StateFilter("asked"))
    router.callback_query.register(picked, Pick.filter())
    return [router]
