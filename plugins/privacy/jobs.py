"""What takes time: an export, an erasure, and letting go of what is old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugins.privacy import service, views
from plugram import Forbidden, Job, Priority, TelegramError, job

if TYPE_CHECKING:
    from plugins.privacy.receipts import Receipt, Subject
    from plugins.privacy.service import Privacy
    from plugram import Context, Translate

_EDIT_EVERY = 2.0
"""Seconds between two edits of a progress message."""
_MORE = 60.0
"""Seconds for which a part stays in the store after its link has ended."""


class Progress:
    """A message that edits itself; without one, nothing. What Telegram refuses costs the work
    nothing."""

    def __init__(self, ctx: Context, chat_id: int, message_id: int) -> None:
        self._ctx = ctx
        self._place = (chat_id, message_id)
        self._shown_at = 0.0

    async def show(self, text: str, *, now: bool = False) -> None:
        if not all(self._place) or (not now and time.monotonic() - self._shown_at < _EDIT_EVERY):
            return
        self._shown_at = time.monotonic()
        try:
            await self._ctx.telegram.edit(*self._place, text)
        except TelegramError as error:
            self._ctx.log.info("progress not shown", error=error.message)


@job(timeout=3600, attempts=4)
async def export(
    ctx: Context, job: Job, user_id: int, chat_id: int, message_id: int, language: str
) -> None:
    """Pack what is kept of somebody, and send it to them."""
    privacy, t = service.of(ctx), ctx.translate(language)
    message = Progress(ctx, chat_id, message_id)

    async def told(files: int, size: int) -> None:
        await job.raise_if_cancelled()
        await job.progress(files)
        await message.show(views.packing(t, files, size))

    async with privacy.desk() as folder:
        parts = await privacy.export(
            user_id, folder, limit=privacy.part_limit(), readme=views.readme(t), told=told
        )
        await message.show(views.sending(t, len(parts)), now=True)
        for number, part in enumerate(parts, 1):
            await _hand_over(ctx, privacy, t, chat_id, part, (number, len(parts)))
    await message.show(views.exported(t, len(parts)), now=True)


async def _hand_over(
    ctx: Context, privacy: Privacy, t: Translate, chat_id: int, part: Path, place: tuple[int, int]
) -> None:
    """A part as a file; as a link where it is too large for that."""
    size = await asyncio.to_thread(_size, part)
    if size <= ctx.telegram.upload_limit:
        await ctx.telegram.send_document(chat_id, part, caption=views.part(t, *place))
        return
    lent = await privacy.lend(part)
    if lent is None:
        await ctx.telegram.send(chat_id, views.too_large(t, size))
        return
    key, url = lent
    await ctx.jobs.enqueue(take_back, {"key": key}, delay=ctx.links.seconds + _MORE, user=0, chat=0)
    await ctx.telegram.send(
        chat_id,
        views.link(t, size, max(1, ctx.links.seconds // 60)),
        buttons=views.link_button(t, url),
    )


def _size(path: Path) -> int:
    return path.stat().st_size


@job(timeout=300, attempts=10)
async def take_back(ctx: Context, job: Job, key: str) -> None:
    """Remove a part whose link has ended."""
    await service.of(ctx).take_back(key)


@job(timeout=7200, attempts=20, priority=Priority.HIGH)
async def erase(ctx: Context, job: Job, receipt_id: str) -> None:
    """Erase somebody. The arguments name a receipt alone: this row stays."""
    privacy = service.of(ctx)
    receipt = await privacy.receipts.get(receipt_id)
    subject = await privacy.receipts.subject(receipt_id)
    if receipt is None or subject is None or receipt.state == "done":
        return
    t = ctx.translate(subject.language)
    message = Progress(ctx, subject.chat_id, subject.message_id)
    await message.show(views.erasing(t, receipt.counts), now=True)

    async def told(counts: Mapping[str, int]) -> None:
        await message.show(views.erasing(t, counts))

    done = await privacy.erase(receipt, subject, told)
    if done.leftovers:
        ctx.log.error("something is left after an erasure", receipt=done.id, places=done.leftovers)
    await _tell(ctx, subject, done, message)


async def _tell(ctx: Context, subject: Subject, done: Receipt, message: Progress) -> None:
    if not subject.chat_id:
        return
    t, days = ctx.translate(subject.language), service.of(ctx).settings.receipt_days
    await message.show(views.erased_short(t), now=True)
    try:
        await ctx.telegram.send(subject.chat_id, views.receipt(t, done, days))
    except Forbidden:
        ctx.log.info("receipt not sent: the chat is closed", receipt=done.id)


@job(timeout=3600, attempts=5)
async def catch_up(ctx: Context, job: Job) -> None:
    """Tell plugins of erasures that happened while they were switched off."""
    await service.of(ctx).catch_up()


@job(timeout=3600, attempts=2, priority=Priority.LOW, cron="23 * * * *")
async def forget_old(ctx: Context, job: Job) -> None:
    """Let go of what is older than it may be."""
    privacy = service.of(ctx)
    await privacy.tidy()
    found: dict[str, Any] = dict(await privacy.forget_old())
    if found:
        ctx.log.info("old rows deleted", **found)
