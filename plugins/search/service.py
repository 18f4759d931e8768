"""The use cases of search, for handlers, jobs, commands and other rooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from plugins.search.asking import Asking
from plugins.search.engine import Engine, FingerprintMismatch
from plugins.search.finding import Finder
from plugins.search.indexing import Indexer
from plugins.search.results import Results
from plugram import Health

if TYPE_CHECKING:
    from pathlib import Path

    import structlog

    from plugins.search.api import Found, FoundPassage
    from plugins.search.index import Totals
    from plugins.search.query import Filters
    from plugins.search.settings import Settings
    from plugram import Cache, Context, Database, Embedder, Scope


class Search:
    """Search in one process. Implements the role `PassageSearch`."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        *,
        embedder: Callable[[], Embedder | None],
        folder: Callable[[], Path],
        log: structlog.stdlib.BoundLogger,
        cache: Cache | None = None,
    ) -> None:
        """As `Engine`."""
        self.engine = Engine(db, settings, embedder=embedder, folder=folder, log=log, cache=cache)
        self.indexer = Indexer(self.engine)
        self.results = Results(self.engine)
        self._finder = Finder(self.engine)
        self.asking = Asking(self.engine, self._finder, self.results)

    # -- the role

    async def search(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int = 50,
        per_file: bool = True,
        filters: Filters | None = None,
    ) -> Found:
        """See `PassageSearch`. Raises DatabaseError; an embedder that is away costs only the
        meaning."""
        return await self._finder.find(scope, query, limit, per_file=per_file, filters=filters)

    async def passages(self, scope: Scope, passage_ids: Sequence[int]) -> dict[int, FoundPassage]:
        return await self.engine.index.passages(scope, passage_ids) if passage_ids else {}

    async def forget(self, scope: Scope, file_id: int) -> None:
        """See `PassageSearch`."""
        await self.indexer.forget(scope, file_id)

    # -- how it is

    async def totals(self) -> Totals:
        return await self.engine.totals()

    async def prepare(self) -> None:
        """At start: note which rules the index is written by, and say it if they changed."""
        await self.indexer.note_analyzer()
        await self.engine.index.forget_words_at_once()
        health = await self.health()
        if not health.ok:
            self.engine.log.warning(health.detail, hint=health.hint)

    async def health(self) -> Health:
        from plugins.search.analyzer import ANALYZER

        written = await self.engine.index.meta("analyzer")
        if written is not None and written != ANALYZER:
            return Health(
                ok=False,
                degraded=True,
                detail=f"the index was written by analyzer {written}, this is {ANALYZER}: "
                "some words aren't found",
                hint="plugram search reindex",
            )
        embedder = self.engine.embedder()
        if embedder is None:
            return Health(ok=True, detail="by words alone: no embedder is switched on")
        try:
            await self.engine.check_fingerprint(embedder)
        except FingerprintMismatch as error:
            return Health(ok=False, degraded=True, detail=error.message, hint=error.hint)
        return Health(ok=True, detail=f"{self.engine.db.dialect}, {embedder.fingerprint}")


def of(ctx: Context) -> Search:
    """This plugin's own search in this process."""
    return ctx.once(_search)


def _search(ctx: Context) -> Search:
    from plugins.search.settings import Settings
    from plugram import Embedder

    return Search(
        ctx.db,
        ctx.config(Settings),
        embedder=lambda: ctx.services.get(Embedder),
        folder=ctx.folder,
        log=ctx.log,
        cache=ctx.cache,
    )
