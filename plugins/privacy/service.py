"""What a person may ask of us: what is kept, all of it to have, all of it to be gone."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugins.privacy.archive import Reader, Writer
from plugins.privacy.receipts import Receipt, Receipts, Subject
from plugins.privacy.settings import Settings
from plugram import BlobStore, PlugramError, hooks

if TYPE_CHECKING:
    from plugram import Context, Table

Told = Callable[[int, int], Awaitable[None]]
"""Progress of an export: files that are packed, and their bytes."""
Steps = Callable[[Mapping[str, int]], Awaitable[None]]
"""Progress of an erasure: what is gone so far."""

_PASSES = 4
"""Rounds after which what is still found is told instead: somebody writes all the time."""
_BETWEEN = 2.5
"""Seconds between two of them; there are two at least, since what processes have gathered in memory
comes to the tables meanwhile."""
_AGAIN = 0.5
"""Seconds between two calls of those who have more to do."""
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of somebody."""

    tables: Mapping[Table, int]
    """Rows of theirs."""

    @property
    def files(self) -> int:
        return sum(n for table, n in self.tables.items() if table.name == "files_telegram_files")

    @property
    def rows(self) -> int:
        return sum(self.tables.values())

    @property
    def plugins(self) -> list[str]:
        return list(dict.fromkeys(table.plugin_id for table in self.tables))


class Privacy:
    """The use cases. One per process: `of(ctx)`."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.settings = ctx.config(Settings)
        self.receipts = Receipts(ctx)

    async def kept(self, user_id: int) -> Kept:
        return Kept(await self.ctx.records.counts(user_id))

    # -- to have ------------------------------------------------------------------------------

    async def export(
        self, user_id: int, folder: Path, *, limit: int, readme: str, told: Told
    ) -> list[Path]:
        """Write all that is kept of somebody into ZIP files of `folder`; their paths."""
        facts = {"export": secrets.token_hex(8), "user": user_id, "made_at": int(time.time())}
        name = f"mydata-{time.strftime('%Y-%m-%d', time.gmtime())}"
        writer = Writer(folder, name, facts, limit, readme)
        for table in await self.ctx.records.counts(user_id):
            if table.export:
                await writer.add_table(table.name, self.ctx.records.rows(table, user_id))
        packed = size = 0
        for files in await self.ctx.hooks.deliver(hooks.export_user_data, user_id=user_id):
            if files is None:  # for mypy: no answer isn't among them
                continue
            async for file in files:
                await writer.add_file(file.path, file.size, file.open(), file.about)
                packed, size = packed + 1, size + file.size
                await told(packed, size)
        await writer.close(last=True)
        return writer.parts

    def part_limit(self) -> int:
        """Bytes of a part that Telegram takes."""
        most = self.ctx.telegram.upload_limit
        return min(self.settings.part_mb << 20, most) if self.settings.part_mb else most

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Path]:
        """A folder for what is being written; gone afterwards."""
        work = self.ctx.folder() / "work"
        await asyncio.to_thread(work.mkdir, exist_ok=True)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=work))
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def tidy(self) -> None:
        """Remove what a process left that died over an export a day ago."""
        await asyncio.to_thread(_remove_old, self.ctx.folder() / "work")

    async def lend(self, path: Path) -> tuple[str, str] | None:
        """Put a part that is too large for Telegram into the blob store for some minutes: its key,
        and a link. None where there are no links."""
        store = self.ctx.services.get(BlobStore)
        if store is None or not self.ctx.links:
            return None
        key = f"exports/{secrets.token_hex(16)}.zip"
        await store.put(key, path)
        url = await store.link(key, name=path.name, mime="application/zip")
        if url is None:
            await store.delete(key)
            return None
        return key, url

    async def take_back(self, key: str) -> None:
        """The opposite of `lend`."""
        store = self.ctx.services.get(BlobStore)
        if store is not None:
            await store.delete(key)

    # -- to bring along -----------------------------------------------------------------------

    async def restore(self, archive: Reader) -> Counter[str]:
        """Bring back what somebody exported; how many of what. Raises PlugramError if a part is
        damaged."""
        damaged = await asyncio.to_thread(archive.damaged)
        if damaged:
            raise PlugramError(
                f"the export is damaged: {', '.join(damaged[:3])}", hint="have it sent again"
            )
        found: Counter[str] = Counter()
        for table in await self.ctx.db.present_tables():
            if table.restored:
                found[table.name] += await self.ctx.records.restore(table, archive.rows(table.name))
        self.ctx.people.forget(archive.user_id)
        for number in await self.ctx.hooks.deliver(
            hooks.import_user_data, user_id=archive.user_id, archive=archive
        ):
            found["files"] += number or 0
        return +found

    # -- to be gone ---------------------------------------------------------------------------

    async def erase(self, receipt: Receipt, subject: Subject, told: Steps) -> Receipt:
        """Erase somebody, look for leftovers, and note it in the receipt; in a job. Repeating it
        goes on where it stopped."""
        user_id, counts = subject.user_id, Counter(receipt.counts)
        counts["records"] = counts["records"] or (await self.kept(user_id)).rows
        leftovers: list[str] = []
        behind = receipt.behind
        for number in range(_PASSES):
            blobs = await self._by_plugins(user_id, counts, told)
            loaded = {plugin.id for plugin in self.ctx.plugins()}
            behind = await self._switched_off(user_id, loaded, behind)
            counts += await self.ctx.records.erase(user_id, loaded, receipt.requested_at)
            counts["copies"] += await self.ctx.records.erase_copies(user_id)
            await self.receipts.note(receipt.id, +counts, behind)
            await told(+counts)
            await self.ctx.records.scrub()
            leftovers = await self.leftovers(user_id, blobs=blobs)
            if number and not leftovers:
                break
            await asyncio.sleep(_BETWEEN)
        return await self.receipts.finish(receipt.id, subject, +counts, leftovers, behind)

    async def _by_plugins(self, user_id: int, counts: Counter[str], told: Steps) -> list[str]:
        """Have plugins erase what is no row; keys of bytes that must be gone then."""
        blobs: list[str] = []
        while True:
            heard = await self.ctx.hooks.deliver(hooks.erase_user_data, user_id=user_id)
            answers = [erased for erased in heard if erased is not None]
            for erased in answers:
                counts.update(erased.counts)
                blobs += erased.blobs
            await told(+counts)
            if not any(erased.more for erased in answers):
                return blobs
            await asyncio.sleep(_AGAIN)

    async def _switched_off(
        self, user_id: int, loaded: set[str], behind: Sequence[str]
    ) -> tuple[str, ...]:
        """Plugins that aren't here and whose rows go without them: they hear of it once they are,
        for what else they keep."""
        found = [
            table.plugin_id
            for table in await self.ctx.records.counts(user_id)
            if table.erase == "plugin" and table.plugin_id not in loaded
        ]
        return tuple(dict.fromkeys([*behind, *found]))

    async def catch_up(self) -> int:
        """Tell plugins that are switched on again of erasures that they missed; how many. Their
        hook is called for nobody: they look for what belongs to no row any more."""
        loaded = {plugin.id for plugin in self.ctx.plugins()}
        done = 0
        for receipt in await self.receipts.behind():
            if loaded & set(receipt.behind):
                await self._by_plugins(0, Counter(), _silent)
                left = [one for one in receipt.behind if one not in loaded]
                await self.receipts.note(receipt.id, Counter(receipt.counts), left)
                done += 1
        return done

    async def leftovers(
        self,
        user_id: int,
        words: Sequence[str] = (),
        blobs: Sequence[str] = (),
        *,
        deep: bool = False,
    ) -> list[str]:
        """Where something of theirs is found, a line each. `blobs`: keys that must be gone."""
        found = await self.ctx.records.leftovers(user_id, words, deep=deep)
        store = self.ctx.services.get(BlobStore)
        if store is not None:
            found += [f"blob store: {key}" for key in blobs if await store.exists(key)]
        return found

    # -- old things ---------------------------------------------------------------------------

    async def forget_old(self) -> dict[str, int]:
        """Delete rows that are older than they may be; by table, how many."""
        found = await self.ctx.records.expire(self.settings.keep)
        await self.receipts.forget_subjects(self.settings.receipt_days * _DAY)
        return found


async def _silent(counts: Mapping[str, int]) -> None:
    """Progress that nobody watches."""


def of(ctx: Context) -> Privacy:
    return ctx.once(Privacy)


def _remove_old(work: Path) -> None:
    old = time.time() - _DAY
    if work.is_dir():
        for folder in work.iterdir():
            if folder.stat().st_mtime < old:
                shutil.rmtree(folder, ignore_errors=True)
