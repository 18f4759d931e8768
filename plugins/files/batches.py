"""Files that come together, as an album or fast one after the other: one message tells of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tortoise.timezone import now

from plugins.files import repository
from plugins.files.models import Batch, Stage, TelegramFile
from plugram import Scope, in_scope

if TYPE_CHECKING:
    from plugins.files.service import Incoming

TOGETHER = 10.0
"""Seconds between two files that came together."""
_ALBUM = 600.0
"""Seconds after which an album gets no more files."""


@in_scope
async def find(scope: Scope, item: Incoming, alone: int) -> Batch | None:
    """The batch that a file belongs to, a new one if need be; None: it gets a message of its own.
    `alone`: of files that come fast, so many get one. A chat is served in order, so nobody else
    looks at the same moment."""
    rows = Batch.filter(scope=scope.key, chat_id=item.chat_id, sender_id=item.sender_id)
    if item.album:
        found = rows.filter(album=item.album, last_at__gt=_ago(_ALBUM))
        return await found.order_by("-id").first() or _new(scope, item)
    found = rows.filter(album="", last_at__gt=_ago(TOGETHER))
    running = await found.order_by("-id").first()
    if running is not None:
        return running
    recent = TelegramFile.filter(scope=scope.key, chat_id=item.chat_id, sender_id=item.sender_id)
    lately = recent.filter(batch_id=None, created_at__gt=_ago(TOGETHER))
    if await lately.count() < alone:
        return None
    # Who sends one after the other, each when the last one is done, looks for its own message.
    coming = await lately.filter(stage__lt=Stage.WORDS, problem="").exists()
    return _new(scope, item) if coming else None


async def join(batch: Batch) -> None:
    """One more file has come; in the caller's transaction."""
    batch.last_at = now()
    # Of an old row this field alone: the board writes others.
    await batch.save(update_fields=["last_at"] if batch.pk else None)


def _new(scope: Scope, item: Incoming) -> Batch:
    return Batch(
        scope=scope.key,
        chat_id=item.chat_id,
        sender_id=item.sender_id,
        thread_id=item.thread_id,
        album=item.album,
        message_id=item.message_id,
    )


def _ago(seconds: float) -> object:
    return now() - timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the files of a batch are."""

    files: int
    coming: int
    """Not stored yet, or not read, or not searchable."""
    meaning: int
    """Found by words and meaning."""
    found: int
    """Found by their words, or by name and caption."""
    kept: int
    """Stored, and found by nothing."""
    duplicates: int
    failed: int
    """Not stored at all."""
    troubled: Sequence[TelegramFile]
    """Files with a problem worth telling."""


def progress(files: Sequence[TelegramFile], *, searchable: bool) -> Progress:
    """`searchable`: somebody here makes files searchable."""
    counts = dict.fromkeys(("coming", "meaning", "found", "kept", "duplicates", "failed"), 0)
    for file in files:
        counts[_place(file, searchable=searchable)] += 1
    troubled = [one for one in files if one.problem and one.problem != repository.DUPLICATE]
    return Progress(files=len(files), troubled=troubled, **counts)


def _place(file: TelegramFile, *, searchable: bool) -> str:
    if file.duplicate_of is not None:
        return "duplicates"
    if file.stage < Stage.STORED:
        return "failed" if file.problem in repository.LOST else "coming"
    if file.stage == Stage.STORED:
        return "kept" if file.problem == "unread" else "coming"
    if not file.found_by:
        return "kept"
    if file.stage == Stage.PROCESSED:
        return "coming" if searchable and file.problem != "unread" else "kept"
    return "meaning" if file.stage == Stage.MEANING and file.found_by == "text" else "found"
