"""`plugram files verify`: do tables, bytes and what other plugins keep agree?

Every part looks at some rows at a time, so that an archive of millions needs no more memory than
a small one, and says each fault in a sentence. With `fix` it is mended where that loses nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugins.files import repository
from plugins.files.models import METADATA, Blob, CachedExtraction, TelegramFile
from plugram import (
    SYSTEM,
    BlobArchived,
    BlobMissing,
    BlobStore,
    Scope,
    StorageError,
    StoredBlob,
    scoped,
)

if TYPE_CHECKING:
    from plugins.files.keeper import Keeper
    from plugram import Context

_AT_ONCE = 500
_WAITED_FOR = 8
"""Blobs that are asked for at a time: a store far away is waited for, not worked for."""
_YOUNG = 900.0
"""Seconds in which bytes may be in the store before their row says so."""
_STUCK = 3600.0
"""Seconds after which a deletion isn't under way any more."""

Told = Callable[[str, int], Awaitable[None]]
"""Progress: what is looked at, and how many so far."""

# What the tables say that a blob's count is: files whose bytes they are.
_HOLDERS = (
    "SELECT COUNT(*) FROM files_telegram_files file WHERE file.sha256 = files_blobs.sha256"
    " AND file.stage > 0 AND file.duplicate_of IS NULL"
)
_NO_FILE = "NOT EXISTS (SELECT 1 FROM files_telegram_files file WHERE file.id = {}.file_id)"
_COUNTED = (
    "SELECT scope, sender_id AS user_id, kind, COUNT(*) AS files, SUM(size) AS bytes"
    " FROM files_telegram_files WHERE stage > 0 AND duplicate_of IS NULL"
    " GROUP BY scope, sender_id, kind"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    check: str
    """`bytes`, `counts`, `thumbnails`, `rows`, `deletions`, `others`."""
    text: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Verifier:
    """Looks through everything that belongs to files."""

    ctx: Context
    keeper: Keeper
    fix: bool = False
    """Mend what can be mended without losing anything."""
    deep: bool = False
    """Read all bytes and compare their checksums, but of those that lie in an archive."""
    _archived: set[str] = field(default_factory=set, init=False)

    async def run(self, told: Told) -> AsyncIterator[Finding]:
        """All findings, as they are found."""
        for part in (
            self._deletions,
            self._blobs,
            self._counts,
            self._stored,
            self._orphans,
            self._statistics,
            self._others,
        ):
            with scoped(SYSTEM):
                async for finding in part(told):
                    yield finding

    async def stored_bytes(self, told: Told) -> AsyncIterator[str]:
        """The part that is about the store alone, for `plugram storage verify`."""
        for part in (self._blobs, self._stored):
            async for finding in part(told):
                yield finding.text

    # -- deletions ----------------------------------------------------------------------------

    async def _deletions(self, told: Told) -> AsyncIterator[Finding]:
        """Files that were to be deleted long ago, and bytes that nobody has any more."""
        await told("deletions", 0)
        before = time.time() - _STUCK
        for file in await TelegramFile.filter(deleting=True):
            if file.updated_at.timestamp() < before:
                if self.fix:
                    await self.keeper.erase_again(file)
                yield Finding("deletions", f"file {file.id} is half deleted", self.fix)
        for blob in await self._unheld():
            if self.fix:
                await self.keeper.sweep_blob(blob.sha256)
            left = self.fix and not await Blob.filter(sha256=blob.sha256).exists()
            yield Finding("deletions", f"nobody has the bytes {blob.key} any more", left)

    async def _unheld(self) -> list[Blob]:
        rows = await self.ctx.db.fetch(
            f"SELECT sha256 FROM files_blobs WHERE refcount <= 0 AND ({_HOLDERS}) = 0"  # noqa: S608 - ours
            f" AND wanted_until < {self.ctx.db.clock}"
        )
        return await Blob.filter(sha256__in=[row["sha256"] for row in rows])

    # -- bytes ----------------------------------------------------------------------------------

    async def _blobs(self, told: Told) -> AsyncIterator[Finding]:
        """Rows whose bytes or thumbnail aren't there, or are others."""
        if self.deep:
            self._archived.update([blob.key async for blob in self._store.walk() if blob.archived])
        last, seen = "", 0
        while rows := await Blob.filter(sha256__gt=last).order_by("sha256").limit(_AT_ONCE):
            for start in range(0, len(rows), _WAITED_FOR):
                some = rows[start : start + _WAITED_FOR]
                for findings in await asyncio.gather(*map(self._of_blob, some)):
                    for finding in findings:
                        yield finding
                seen += len(some)
                await told("bytes", seen)
            last = rows[-1].sha256

    async def _of_blob(self, blob: Blob) -> list[Finding]:
        found = []
        if blob.refcount > 0 and (fault := await self._fault(blob)):
            noted = await self._note_lost(blob, fault)
            found.append(Finding("bytes", f"{blob.key} {fault}", noted))
        if blob.thumbnail and not await self._store.exists(blob.thumbnail):
            if self.fix:
                await Blob.filter(sha256=blob.sha256).update(thumbnail="")
            found.append(Finding("thumbnails", f"{blob.thumbnail} isn't there", self.fix))
        return found

    @property
    def _store(self) -> BlobStore:
        return self.ctx.require(BlobStore)

    async def _fault(self, blob: Blob) -> str:
        if not self.deep or blob.key in self._archived:  # reading it would ask it back
            return "" if await self._store.exists(blob.key) else "isn't there"
        size = 0
        try:
            async for chunk in self._store.open(blob.key):
                size += len(chunk)
        except BlobMissing:
            return "isn't there"
        except BlobArchived:
            return ""
        except StorageError as error:
            return f"can't be read: {error.message}"
        return "" if size == blob.size else f"has {size} bytes instead of {blob.size}"

    async def _note_lost(self, blob: Blob, fault: str) -> bool:
        """Lost bytes can't be brought back; whoever sends them again is listened to."""
        if not self.fix or fault != "isn't there":
            return False
        for file in await TelegramFile.filter(sha256=blob.sha256, deleting=False):
            await repository.change(Scope(file.scope), file.id, problem="lost-bytes")
        return False

    async def _stored(self, told: Told) -> AsyncIterator[Finding]:
        """Bytes in the store that no row knows."""
        batch: list[StoredBlob] = []
        seen = 0
        async for blob in self._store.walk():
            batch.append(blob)
            if len(batch) == _AT_ONCE:
                async for finding in self._unknown(batch):
                    yield finding
                batch = []
            seen += 1
            await told("store", seen)
        async for finding in self._unknown(batch):
            yield finding

    async def _unknown(self, batch: list[StoredBlob]) -> AsyncIterator[Finding]:
        rows = await Blob.filter(sha256__in=[_sha256(blob.key) for blob in batch])
        known = {row.key: row.size for row in rows}
        pictures = {row.thumbnail for row in rows}
        old = time.time() - _YOUNG
        for blob in batch:
            if blob.key in known:
                if blob.size != known[blob.key]:
                    told = f"{blob.key} has {blob.size} bytes instead of {known[blob.key]}"
                    yield Finding("bytes", told)
            elif blob.key not in pictures and blob.changed_at < old:
                if self.fix:
                    await self._store.delete(blob.key)
                yield Finding("bytes", f"{blob.key} is nobody's", self.fix)

    # -- counts ---------------------------------------------------------------------------------

    async def _counts(self, told: Told) -> AsyncIterator[Finding]:
        """Reference counts, and files whose bytes have no row at all."""
        await told("counts", 0)
        wrong = await self.ctx.db.fetch(
            f"SELECT sha256, key, refcount, ({_HOLDERS}) AS holders FROM files_blobs"  # noqa: S608 - ours
            f" WHERE refcount >= 0 AND refcount <> ({_HOLDERS})"
        )
        for row in wrong:
            if self.fix:
                await self.ctx.db.execute(
                    f"UPDATE files_blobs SET refcount = ({_HOLDERS})"  # noqa: S608 - ours
                    " WHERE sha256 = $1 AND refcount >= 0",
                    row["sha256"],
                )
            told_of = (
                f"{row['key']} is counted {row['refcount']} times, {row['holders']} files have it"
            )
            yield Finding("counts", told_of, self.fix)
        for row in await self.ctx.db.fetch(
            "SELECT file.id AS id FROM files_telegram_files file WHERE file.stage > 0"
            " AND file.duplicate_of IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM files_blobs WHERE files_blobs.sha256 = file.sha256)"
        ):
            yield Finding("counts", f"the bytes of file {row['id']} have no row")

    async def _statistics(self, told: Told) -> AsyncIterator[Finding]:
        """What people are said to have stored."""
        await told("statistics", 0)
        counted = {_whose(row): (row["files"], row["bytes"]) for row in await self._fetch(_COUNTED)}
        noted = await self._fetch(
            "SELECT scope, user_id, kind, files, bytes FROM files_user_statistics"
        )
        for row in noted:
            files, size = counted.pop(_whose(row), (0, 0))
            if (row["files"], row["bytes"]) != (files, int(size)):
                yield await self._wrong_statistics(_whose(row), files, int(size))
        for whose, (files, size) in counted.items():
            yield await self._wrong_statistics(whose, files, int(size))

    async def _fetch(self, sql: str) -> list[Any]:
        return list(await self.ctx.db.fetch(sql))

    async def _wrong_statistics(
        self, whose: tuple[str, int, str], files: int, size: int
    ) -> Finding:
        scope, user, kind = whose
        if self.fix:
            await repository.set_statistics(self.ctx, scope, user, kind, files, size)
        told_of = (
            f"statistics of user {user} in {scope} about {kind}: {files} files, {size} bytes it is"
        )
        return Finding("counts", told_of, self.fix)

    # -- rows -----------------------------------------------------------------------------------

    async def _orphans(self, told: Told) -> AsyncIterator[Finding]:
        """Rows about files and bytes that aren't any more."""
        await told("rows", 0)
        of_files = [model.Meta.table for model in METADATA.values()]  # type: ignore[attr-defined]
        for table in [*of_files, "files_tags"]:
            async for finding in self._rows_without(table, _NO_FILE.format(table)):
                yield finding
        where = (
            "NOT EXISTS (SELECT 1 FROM files_blobs blob"
            " WHERE blob.sha256 = files_extractions.sha256)"
        )
        async for finding in self._rows_without(CachedExtraction.Meta.table, where):
            yield finding
        where = (
            "duplicate_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM files_telegram_files file"
            " WHERE file.id = files_telegram_files.duplicate_of)"
        )
        async for finding in self._rows_without("files_telegram_files", where):
            yield finding
        where = (
            "NOT EXISTS (SELECT 1 FROM files_telegram_files file"
            " WHERE file.batch_id = files_batches.id)"
        )
        async for finding in self._rows_without("files_batches", where):
            yield finding

    async def _rows_without(self, table: str, where: str) -> AsyncIterator[Finding]:
        found = int(await self.ctx.db.fetchval(f"SELECT COUNT(*) FROM {table} WHERE {where}"))  # noqa: S608 - ours
        if found:
            if self.fix:
                await self.ctx.db.execute(f"DELETE FROM {table} WHERE {where}")  # noqa: S608 - ours
            yield Finding("rows", f"{table}: {found} rows of what isn't any more", self.fix)

    # -- other plugins --------------------------------------------------------------------------

    async def _others(self, told: Told) -> AsyncIterator[Finding]:
        await told("other plugins", 0)
        found = await self.keeper.leftovers(fix=self.fix)
        left = set(await self.keeper.leftovers(fix=False)) if found and self.fix else set(found)
        for line in found:
            yield Finding("others", line, line not in left)


def _sha256(key: str) -> str:
    """`documents/ab/<sha256>`, `thumbnails/ab/<sha256>.jpg`."""
    return key.rpartition("/")[2].partition(".")[0]


def _whose(row: Any) -> tuple[str, int, str]:
    return row["scope"], row["user_id"], row["kind"]
