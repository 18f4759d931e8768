"""The status messages: one per file or per batch, edited in order, never back, not too often.

A file's row says what its message should show (`revision`) and what it shows (`shown`). Whoever
edits takes the row for a while (`status_until`, the database's clock), so that two processes never
edit one message at a time, and reads the row only then: however late an edit comes, it shows the
newest state. Changes that come faster than a chat may be edited are shown together.

Files that came together have one message; it is behind as long as one of them is.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.files.models import Batch, TelegramFile
from plugram import SYSTEM, BadRequest, Forbidden, TelegramError, scoped

if TYPE_CHECKING:
    from plugram import Context

LEASE = 40.0
"""Seconds that an editor has its row for; an edit is given up before."""
_SETTLE = 0.2
"""Seconds between a change and its edit: small files are done by then, and one edit tells all."""
_GROUP_FACTOR = 3
_FAREWELL = 2.0
"""Seconds that a stopping process still edits."""
_PATIENCE = 5
"""Failures in a row after which a chat's messages are left to the next `catch_up`."""
GONE = 0
"""Id of a status message that was deleted, or can't be sent at all."""

Text = Callable[[TelegramFile], Awaitable[str]]
BatchText = Callable[[Batch, Sequence[TelegramFile]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A message that is ours to edit."""

    place: TelegramFile | Batch
    files: Sequence[TelegramFile]
    """Whose state it shows."""


class StatusBoard:
    """Edits the status messages of this process's files, chat by chat."""

    def __init__(self, ctx: Context, text: Text, batch_text: BatchText, pause: float) -> None:
        """`text` says what a file's message should read now, `batch_text` that of several;
        `pause`: seconds between edits."""
        self._ctx = ctx
        self._text = text
        self._batch_text = batch_text
        self._pause = pause
        self._waiting: dict[int, dict[int, None]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def touch(self, chat_id: int, file_id: int) -> None:
        """A file's state has changed; its message follows once that is committed."""
        self._ctx.db.on_commit(lambda: self._queue(chat_id, file_id))

    async def settle(self) -> None:
        """Until every change is shown, or given up."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def stop(self) -> None:
        """Show what can be shown in a moment (a process that ran a single job ends with it), and
        leave the rest to the next `catch_up`."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_FAREWELL)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _queue(self, chat_id: int, file_id: int) -> None:
        self._waiting.setdefault(chat_id, {})[file_id] = None
        if chat_id not in self._tasks:
            # An empty context: the edit is no part of the update or the job that led to it.
            self._tasks[chat_id] = asyncio.get_running_loop().create_task(
                self._serve(chat_id), context=contextvars.Context()
            )

    async def _serve(self, chat_id: int) -> None:
        """Edit one message of a chat after the other, the one that has waited longest first."""
        waiting = self._waiting[chat_id]
        with scoped(SYSTEM):
            await self._edit_all(chat_id, waiting)

    async def _edit_all(self, chat_id: int, waiting: dict[int, None]) -> None:
        pause = self._pause if chat_id > 0 else self._pause * _GROUP_FACTOR
        failures = 0
        try:
            await asyncio.sleep(min(_SETTLE, pause))
            while waiting and failures < _PATIENCE:
                file_id = next(iter(waiting))
                del waiting[file_id]
                taken = await self._take(file_id)
                if taken is None:
                    continue
                for shown_too in taken.files:
                    waiting.pop(shown_too.id, None)
                shown = await self._show(taken)
                failures = 0 if shown else failures + 1
                waiting[file_id] = None  # it may have changed meanwhile
                await asyncio.sleep(pause * (1 + failures))
        except Exception as error:  # noqa: BLE001 - the next catch_up tries again
            self._ctx.log.warning("status not shown", chat=chat_id, error=str(error))
        finally:
            del self._tasks[chat_id], self._waiting[chat_id]

    async def _show(self, taken: _Taken) -> bool:
        """Bring one message up to date; False if Telegram can't be had for it now."""
        try:
            await self._edit(taken)
        except (TelegramError, TimeoutError) as error:
            self._ctx.log.warning("status not shown", file=taken.files[0].id, error=str(error))
            return False
        return True

    async def _take(self, file_id: int) -> _Taken | None:
        """The message of a file, if it is behind and nobody is editing it."""
        file = await TelegramFile.get_or_none(id=file_id)
        if file is None:
            return None
        if file.batch_id is not None:
            return await self._take_batch(file.batch_id)
        if not await self._lease("files_telegram_files", file_id, f"id = {file_id}"):
            return None
        fresh = await TelegramFile.get_or_none(id=file_id)
        return _Taken(fresh, [fresh]) if fresh else None

    async def _take_batch(self, batch_id: int) -> _Taken | None:
        if not await self._lease("files_batches", batch_id, f"batch_id = {batch_id}"):
            return None
        batch = await Batch.get_or_none(id=batch_id)
        files = await TelegramFile.filter(batch_id=batch_id).order_by("id")
        return _Taken(batch, files) if batch and files else None

    async def _lease(self, table: str, row_id: int, files: str) -> bool:
        """Take the row of a message for a while, if one of its files has changed since."""
        clock = self._ctx.db.clock
        taken = await self._ctx.db.execute(
            f"UPDATE {table} SET status_until = {clock} + $2"  # noqa: S608 - ours
            f" WHERE id = $1 AND status_until < {clock} AND EXISTS"
            f" (SELECT 1 FROM files_telegram_files WHERE {files} AND revision > shown)",
            row_id,
            LEASE,
        )
        return taken > 0

    async def _edit(self, taken: _Taken) -> None:
        place = taken.place
        try:
            async with asyncio.timeout(LEASE - 10):
                message_id = await self._say(place, await self._read(taken))
        except (BadRequest, Forbidden) as error:  # it was deleted, or we were shut out
            self._ctx.log.info("status message gone", chat=place.chat_id, error=str(error))
            message_id = GONE
        except (TelegramError, TimeoutError):
            await self._leave(place)
            raise
        await self._leave(place, status_message_id=message_id)
        await self._ctx.db.executemany(
            "UPDATE files_telegram_files SET shown = $2 WHERE id = $1",
            [(file.id, file.revision) for file in taken.files if file.shown < file.revision],
        )

    async def _read(self, taken: _Taken) -> str:
        if isinstance(taken.place, Batch):
            return await self._batch_text(taken.place, taken.files)
        return await self._text(taken.place)

    async def _say(self, place: TelegramFile | Batch, text: str) -> int:
        """Edit the message, or send it if it couldn't be sent before; its id."""
        telegram = self._ctx.telegram
        if place.status_message_id is None:
            sent = await telegram.send(
                place.chat_id,
                text,
                reply_to=place.message_id,
                thread_id=place.thread_id if isinstance(place, Batch) else None,
            )
            return int(sent["message_id"])
        if place.status_message_id != GONE:
            await telegram.edit(place.chat_id, place.status_message_id, text)
        return int(place.status_message_id)

    async def _leave(self, place: TelegramFile | Batch, **values: int) -> None:
        await type(place).filter(id=place.id).update(status_until=0, **values)
