"""The status messages: one per file, edited in order, never back, and not too often.

A file's row says what its message should show (`revision`) and what it shows (`shown`). Whoever
edits takes the row for a while (`status_until`, the database's clock), so that two processes never
edit one message at a time, and reads the row only then: however late an edit comes, it shows the
newest state. Changes that come faster than a chat may be edited are shown together.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from plugins.files.models import TelegramFile
from plugram import BadRequest, Forbidden, TelegramError

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


class StatusBoard:
    """Edits the status messages of this process's files, chat by chat."""

    def __init__(self, ctx: Context, text: Text, pause: float) -> None:
        """`text` says what a file's message should read now; `pause`: seconds between edits."""
        self._ctx = ctx
        self._text = text
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
        pause = self._pause if chat_id > 0 else self._pause * _GROUP_FACTOR
        failures = 0
        try:
            await asyncio.sleep(min(_SETTLE, pause))
            while waiting and failures < _PATIENCE:
                file_id = next(iter(waiting))
                del waiting[file_id]
                file = await self._take(file_id)
                if file is None:
                    continue
                shown = await self._show(file)
                failures = 0 if shown else failures + 1
                waiting[file_id] = None  # it may have changed meanwhile
                await asyncio.sleep(pause * (1 + failures))
        except Exception as error:  # noqa: BLE001 - the next catch_up tries again
            self._ctx.log.warning("status not shown", chat=chat_id, error=str(error))
        finally:
            del self._tasks[chat_id], self._waiting[chat_id]

    async def _show(self, file: TelegramFile) -> bool:
        """Bring one message up to date; False if Telegram can't be had for it now."""
        try:
            await self._edit(file)
        except (TelegramError, TimeoutError) as error:
            self._ctx.log.warning("status not shown", file=file.id, error=str(error))
            return False
        return True

    async def _take(self, file_id: int) -> TelegramFile | None:
        """The row, if its message is behind and nobody is editing it."""
        clock = self._ctx.db.clock
        taken = await self._ctx.db.execute(
            f"UPDATE files_telegram_files SET status_until = {clock} + $2"  # noqa: S608 - ours
            f" WHERE id = $1 AND revision > shown AND status_until < {clock}",
            file_id,
            LEASE,
        )
        return await TelegramFile.get_or_none(id=file_id) if taken else None

    async def _edit(self, file: TelegramFile) -> None:
        try:
            async with asyncio.timeout(LEASE - 10):
                message_id = await self._say(file, await self._text(file))
        except (BadRequest, Forbidden) as error:  # it was deleted, or we were shut out
            self._ctx.log.info("status message gone", file=file.id, error=str(error))
            message_id = GONE
        except (TelegramError, TimeoutError):
            await self._leave(file)
            raise
        await self._leave(file, shown=file.revision, status_message_id=message_id)

    async def _say(self, file: TelegramFile, text: str) -> int:
        """Edit the message, or send it if it couldn't be sent before; its id."""
        telegram = self._ctx.telegram
        if file.status_message_id is None:
            sent = await telegram.send(file.chat_id, text, reply_to=file.message_id)
            return int(sent["message_id"])
        if file.status_message_id != GONE:
            await telegram.edit(file.chat_id, file.status_message_id, text)
        return int(file.status_message_id)

    async def _leave(self, file: TelegramFile, **values: int) -> None:
        await TelegramFile.filter(id=file.id).update(status_until=0, **values)
