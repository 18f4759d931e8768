"""What people do with the files they have: rename, tag, put in the trash, take out, delete.

Each change is one transaction together with the job that tells the other plugins. That job says
what is true when it runs, and says it again if the file has changed meanwhile: listeners end with
the newest state, whatever dies when and however many workers there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from plugins.files import names, repository
from plugram import SYSTEM, BlobStore, Retry, Scope, hooks

if TYPE_CHECKING:
    from plugins.files.models import TelegramFile
    from plugram import Context

News = Literal["changed", "trash"]
"""What the others hear: other names or tags, or into the trash or out of it."""

_ENDED = frozenset({"done", "dead", "cancelled"})
_DAY = 86_400
_STOPPING = 2.0
"""Seconds that a job has to end before its file is deleted."""


class Keeper:
    """The use cases on stored files."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    # -- changed ----------------------------------------------------------------------------------

    async def rename(self, file: TelegramFile, name: str) -> None:
        """Raises UserError where nothing is left of the name, or it is too long."""
        scope, new = Scope(file.scope), names.chosen(name, file.name)
        async with self.ctx.transaction(scope):
            if await repository.alter(scope, file.id, name=new, named=True):
                await self.announce(scope, [file.id], "changed")

    async def recaption(self, file: TelegramFile, caption: str) -> None:
        """Take over an edited caption; its #words are tags instead of those of the old one."""
        scope = Scope(file.scope)
        async with self.ctx.transaction(scope):
            new = names.hashtags(caption)
            gone = set(names.hashtags(file.caption)) - set(new)
            has = set(await repository.tags(scope, file.id)) - gone
            room = max(0, names.MOST_TAGS - len(has))
            added = [tag for tag in new if tag not in has][:room]
            if await repository.alter(scope, file.id, caption=caption):
                await repository.set_tags(scope, file.id, sorted(has | set(added)))
                await self.announce(scope, [file.id], "changed")

    async def tag(
        self, scope: Scope, file_id: int, add: Iterable[str], remove: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Give and take tags, as `names.tags` reads them; all that the file has now. Raises
        UserError if they become too many."""
        async with self.ctx.transaction(scope):
            before = await repository.tags(scope, file_id)
            after = names.merged(before, add, remove)
            if after != before and await repository.alter(scope, file_id):
                await repository.set_tags(scope, file_id, after)
                await self.announce(scope, [file_id], "changed")
        return after

    # -- the trash --------------------------------------------------------------------------------

    async def trash(self, scope: Scope, file_ids: Sequence[int], by: int) -> int:
        """Hide files at once, until they are restored or purged; how many."""
        async with self.ctx.transaction(scope):
            done = await repository.trash(scope, file_ids, by)
            await self.announce(scope, done, "trash")
        return len(done)

    async def restore(self, scope: Scope, file_ids: Sequence[int]) -> int:
        """Bring files back; how many. What is being deleted for good stays away."""
        async with self.ctx.transaction(scope):
            done = await repository.restore(scope, file_ids)
            await self.announce(scope, done, "trash")
        return len(done)

    async def purge(self, scope: Scope, file_ids: Sequence[int]) -> int:
        """Delete files for good; how many. They are gone from here at once, and from everywhere
        when their job has run."""
        async with self.ctx.transaction(scope):
            doomed = await repository.doom(scope, file_ids)
            for file in doomed:
                await self._enqueue_erase(file)
        return len(doomed)

    async def erase_again(self, file: TelegramFile) -> None:
        """Go on with a deletion whose job was given up."""
        async with self.ctx.transaction(Scope(file.scope)):
            await self._enqueue_erase(file)

    async def _enqueue_erase(self, file: TelegramFile) -> None:
        await self.ctx.jobs.enqueue(
            "erase",
            {"scope": file.scope, "file_id": file.id, "sha256": file.sha256},
            key=f"erase:{file.id}",
            user=file.sender_id,
            scope=Scope(file.scope),
        )

    # -- told -------------------------------------------------------------------------------------

    async def announce(self, scope: Scope, file_ids: Sequence[int], news: News) -> None:
        """Have the others told, once the caller's transaction is committed."""
        for file_id in file_ids:
            await self.ctx.jobs.enqueue(
                "tell", {"scope": scope.key, "file_id": file_id, "news": news}, scope=scope
            )

    async def tell(self, scope: Scope, file_id: int, news: News) -> None:
        """Tell the other plugins how a file is now; in a job."""
        file = await repository.get(scope, file_id)
        while file is not None and not file.deleting:
            await self._deliver(file, news)
            told, file = file.changes, await repository.get(scope, file_id)
            if file is not None and file.changes == told:
                return

    async def _deliver(self, file: TelegramFile, news: News) -> None:
        stored = await repository.stored(file)
        if news == "changed":
            await self.ctx.hooks.deliver(hooks.on_file_changed, file=stored)
        elif file.trashed_at is not None:
            await self.ctx.hooks.deliver(hooks.on_file_trashed, file=stored)
        else:
            await self.ctx.hooks.deliver(hooks.on_file_restored, file=stored)

    # -- gone for good ----------------------------------------------------------------------------

    async def erase(self, scope: Scope, file_id: int, sha256: str) -> None:
        """Take a deleted file away everywhere; in a job. Repeating it goes on where it stopped.

        First nobody works on it any more, then everybody forgets it, then its rows go, and last
        the bytes if no other file has them.
        """
        file = await repository.get(scope, file_id)
        if file is not None and file.deleting:
            await self._stop_work(file)
            await self.ctx.hooks.deliver(hooks.on_file_deleted, file=await repository.stored(file))
            async with self.ctx.transaction(scope):
                removed = await repository.remove(file)
            if not removed:
                raise Retry(_STOPPING)
        await self.sweep_blob(sha256)

    async def _stop_work(self, file: TelegramFile) -> None:
        """A job that reads the file could hand it on after everybody has forgotten it."""
        job_id = file.job_id
        if job_id is None or await self._has_ended(job_id):
            return
        await self.ctx.jobs.cancel(job_id)
        if not await self._has_ended(job_id):
            raise Retry(_STOPPING)

    async def _has_ended(self, job_id: int) -> bool:
        job = await self.ctx.jobs.get(job_id)
        return job is None or job.state in _ENDED

    async def tidy(self, days: int) -> None:
        """Delete what has been in the trash for so many days, and what was left half deleted."""
        await self.purge(SYSTEM, await repository.trashed_ids(SYSTEM, days * _DAY))
        await self.sweep()

    async def sweep(self) -> None:
        """Remove the bytes that no file has any more, where that was cut short."""
        for sha256 in await repository.unheld_blobs():
            await self.sweep_blob(sha256)

    async def recount(self) -> None:
        """Remove the bytes of files whose rows went without us."""
        await repository.release_unheld()
        await self.sweep()

    async def sweep_blob(self, sha256: str) -> None:
        """Remove bytes that no file of any scope has."""
        blob = await repository.claim_unheld(self.ctx, sha256)
        if blob is None:
            return
        store = self.ctx.require(BlobStore)
        await store.delete(blob.key)
        if blob.thumbnail:
            await store.delete(blob.thumbnail)
        async with self.ctx.transaction(SYSTEM):
            await repository.drop_blob(blob)

    # -- held to account --------------------------------------------------------------------------

    async def leftovers(self, *, fix: bool) -> list[str]:
        """What the other plugins keep of files that aren't any more."""
        known = frozenset(await repository.all_ids())
        found = await self.ctx.hooks.emit(hooks.file_leftovers, file_ids=known, fix=fix)
        return [line for lines in found for line in lines or ()]
