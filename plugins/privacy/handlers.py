"""/mydata and its buttons."""

from __future__ import annotations

import time

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from plugins.privacy import service, views
from plugins.privacy.jobs import erase as erase_job
from plugins.privacy.jobs import export as export_job
from plugins.privacy.receipts import Subject
from plugins.privacy.views import Ask, Erase, Have, Keep, Page
from plugram import Context, Person, Translate


def build() -> Router:
    router = Router(name="privacy")
    router.message.register(mydata, Command("mydata"), F.chat.type == "private")
    router.callback_query.register(have, Have.filter())
    router.callback_query.register(ask, Ask.filter())
    router.callback_query.register(erase, Erase.filter())
    router.callback_query.register(keep, Keep.filter())
    return router


async def mydata(message: Message, ctx: Context, t: Translate, person: Person) -> None:
    page = await _overview(ctx, t, person)
    await ctx.telegram.send(message.chat.id, page.text, buttons=page.rows)


async def _overview(ctx: Context, t: Translate, person: Person) -> Page:
    kept = await service.of(ctx).kept(person.id)
    return views.overview(t, person, kept, ctx.plugins())


async def have(
    query: CallbackQuery, callback_data: Have, ctx: Context, t: Translate, person: Person
) -> None:
    if query.message is None or await _is_others(query, callback_data.who, ctx, t):
        return
    chat_id, message_id = query.message.chat.id, query.message.message_id
    await ctx.telegram.answer_callback(query.id)
    await ctx.telegram.edit(chat_id, message_id, views.packing(t, 0, 0))
    await ctx.jobs.enqueue(
        export_job,
        {
            "user_id": person.id,
            "chat_id": chat_id,
            "message_id": message_id,
            "language": person.language,
        },
        key=f"export:{person.id}",
    )


async def ask(
    query: CallbackQuery, callback_data: Ask, ctx: Context, t: Translate, person: Person
) -> None:
    if await _is_others(query, callback_data.who, ctx, t):
        return
    privacy = service.of(ctx)
    until = int(time.time()) + privacy.settings.confirm_seconds
    kept = await privacy.kept(person.id)
    await _show(query, ctx, views.question(t, person, kept, until))


async def erase(
    query: CallbackQuery, callback_data: Erase, ctx: Context, t: Translate, person: Person
) -> None:
    if query.message is None or await _is_others(query, callback_data.who, ctx, t):
        return
    latest = int(time.time()) + service.of(ctx).settings.confirm_seconds
    if not time.time() < callback_data.until <= latest:
        await ctx.telegram.answer_callback(query.id, t.plain("privacy-too-late"), alert=True)
        await _show(query, ctx, await _overview(ctx, t, person), answer=False)
        return
    chat_id, message_id = query.message.chat.id, query.message.message_id
    await _show(query, ctx, Page(views.erasing(t, {})))
    subject = Subject(person.id, chat_id, message_id, person.language)
    async with ctx.db.transaction():
        receipt_id = await service.of(ctx).receipts.open(subject)
        # No user, no chat: the job's row outlives whose it is.
        await ctx.jobs.enqueue(erase_job, {"receipt_id": receipt_id}, user=0, chat=0)


async def keep(
    query: CallbackQuery, callback_data: Keep, ctx: Context, t: Translate, person: Person
) -> None:
    if not await _is_others(query, callback_data.who, ctx, t):
        await _show(query, ctx, await _overview(ctx, t, person))


async def _is_others(query: CallbackQuery, who: int, ctx: Context, t: Translate) -> bool:
    """A button is for whom it was made."""
    if query.from_user.id == who:
        return False
    await ctx.telegram.answer_callback(query.id, t.plain("privacy-not-yours"))
    return True


async def _show(query: CallbackQuery, ctx: Context, page: Page, *, answer: bool = True) -> None:
    if query.message is not None:
        place = query.message
        await ctx.telegram.edit(place.chat.id, place.message_id, page.text, page.rows)
    if answer:
        await ctx.telegram.answer_callback(query.id)
