"""A person's files, when they want all of them: to have, to bring along, or to be gone."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugins.files import names, repository
from plugins.files.models import Batch, Stage, TelegramFile, UserStatistics
from plugram import SYSTEM, BlobStore, Erased, ExportedFile, Retry, Scope, in_scope, scoped

if TYPE_CHECKING:
    from plugins.files.service import Files
    from plugram import UserArchive

_AT_ONCE = 50
_SLICE = 4.0
"""Seconds after which a call says that there is more."""
_TABLE = "files_telegram_files"
_KEPT = ("name", "named", "caption", "kind", "sent_as", "title", "language", "file_unique_id")
"""Columns that come back as they were."""
_PLACE = frozenset({"file_id", "scope"})


# -- to have ------------------------------------------------------------------------------------


async def exported(files: Files, user_id: int) -> AsyncIterator[ExportedFile]:
    """Their files with bytes, the trash too; those that they sent to groups among them."""
    store = files.ctx.require(BlobStore)
    last = 0
    while rows := await repository.of_person(user_id, after=last, limit=_AT_ONCE):
        for file in rows:
            if file.stage >= Stage.STORED and file.duplicate_of is None and not file.deleting:
                yield _exported(store, file)
        last = rows[-1].id


def _exported(store: BlobStore, file: TelegramFile) -> ExportedFile:
    return ExportedFile(
        path=f"{file.kind}/{names.clean(file.name, str(file.id))}",
        size=file.size,
        sha256=file.sha256,
        open=lambda: store.open(file.blob_key),
        about={"table": _TABLE, "id": file.id},
    )


# -- to bring along -----------------------------------------------------------------------------


async def restore(files: Files, user_id: int, archive: UserArchive) -> int:
    """Files of an export, into the person's own archive; how many are there now. What they sent to
    groups belongs to those chats, and stays away."""
    rows = {int(row["id"]): row for row in archive.rows(_TABLE)}
    scope, there = Scope.user(user_id), 0
    for entry in archive.files():
        about = entry["about"]
        row = rows.get(int(about["id"])) if about.get("table") == _TABLE else None
        if row is None or row["scope"] != scope.key:
            continue
        if await repository.same_bytes(scope, str(entry["sha256"]), 0) is None:
            async with files.desk() as path:
                await _write(path, archive.open(str(entry["path"])), str(entry["sha256"]))
                await _bring_back(files, scope, row, archive, path)
        there += 1
    return there


async def _write(path: Path, chunks: AsyncIterator[bytes], sha256: str) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as out:
        async for chunk in chunks:
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != sha256:
        raise ValueError("the bytes of a file aren't those that were exported")


@in_scope
async def _bring_back(
    files: Files, scope: Scope, row: Mapping[str, Any], archive: UserArchive, path: Path
) -> None:
    begun = TelegramFile.filter(
        scope=scope.key, stage=Stage.RECEIVED, file_id="", file_unique_id=row["file_unique_id"]
    )
    file = await begun.first() or TelegramFile(scope=scope.key, stage=Stage.RECEIVED, file_id="")
    file.update_from_dict({name: row[name] for name in _KEPT})
    file.update_from_dict(
        {
            "chat_id": row["chat_id"],
            "message_id": row["message_id"],
            "sender_id": row["sender_id"],
            "size": row["size"],
            "trashed_at": _moment(row["trashed_at"]),
            "status_message_id": 0,  # nobody waits for news of it
        }
    )
    async with files.ctx.transaction(scope):
        await file.save()
        await TelegramFile.filter(id=file.id).update(created_at=_moment(row["created_at"]))
        tags = sorted(str(tag["name"]) for tag in _of_file(archive, "files_tags", row))
        await repository.set_tags(scope, file.id, tags)
        for known in _of_file(archive, f"files_{file.kind}", row):
            facts = {name: value for name, value in known.items() if name not in _PLACE}
            await repository.describe(file, facts)
    await files.adopt(file, path)


def _of_file(archive: UserArchive, table: str, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in archive.rows(table) if one["file_id"] == row["id"]]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# -- to be gone ---------------------------------------------------------------------------------


async def erase(files: Files, user_id: int) -> Erased:
    """Take away what a person sent, from their own archive and from those of groups."""
    counts: Counter[str] = Counter()
    gone: list[str] = []
    until, busy = time.monotonic() + _SLICE, False
    last = 0
    while rows := await repository.of_person(user_id, after=last, limit=_AT_ONCE):
        for file in rows:
            try:
                gone += await _erase_file(files, file, user_id)
                counts["files"] += 1
            except Retry:  # a job reads it, and was asked to stop
                busy = True
            if time.monotonic() > until:
                return Erased(counts, more=True, blobs=gone)
        last = rows[-1].id
    if not busy:
        await _erase_rest(user_id)
        await files.keeper.recount()
    return Erased(counts, more=busy, blobs=gone)


async def _erase_file(files: Files, file: TelegramFile, user_id: int) -> list[str]:
    """Keys of the bytes that nobody has any more."""
    scope = Scope(file.scope)
    heir = await repository.duplicate_of_another(file, user_id)
    if heir is not None:
        await files.hand_over(file, heir)
        return []
    blob = await repository.blob(file.sha256) if file.sha256 else None
    await repository.doom(scope, [file.id])
    await files.keeper.erase(scope, file.id, file.sha256)
    if blob is None or await repository.blob(blob.sha256) is not None:
        return []
    return [key for key in (blob.key, blob.thumbnail) if key]


async def _erase_rest(user_id: int) -> None:
    with scoped(SYSTEM):
        await UserStatistics.filter(user_id=user_id).delete()
        await UserStatistics.filter(scope=Scope.user(user_id).key).delete()
        await Batch.filter(sender_id=user_id).delete()
        await TelegramFile.filter(trashed_by=user_id).update(trashed_by=0)
