"""What finding and indexing share in one process: the index, the embedder, and manners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from plugins.search.caches import Hits, ResultCache
from plugram import PlugramError

if TYPE_CHECKING:
    from pathlib import Path

    import structlog

    from plugins.search.index import Index, Totals
    from plugins.search.selection import Selector
    from plugins.search.settings import Settings
    from plugins.search.vectors import VectorCache
    from plugram import Cache, Database, Embedder

_TOTALS_FOR = 30.0
"""Seconds that the numbers over all scopes are kept."""
_POLITE = 1.0
"""Seconds that work in the background makes way for searches at most."""


class FingerprintMismatch(PlugramError):
    """The index holds vectors of another embedder."""


class Engine:
    """Nothing is loaded or opened before it is needed: who never searches needn't load numpy."""

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
        """`embedder` is asked at each use, since other plugins may provide it; `folder` is made
        when it is first asked for; without a `cache` nothing that was found is remembered."""
        self.db = db
        self.settings = settings
        self.log = log
        self.embedder = embedder
        self.cache = cache
        self.hits = Hits(db)
        self.results = ResultCache(cache, settings, self.hits) if cache is not None else None
        self._folder = folder
        self._index: Index | None = None
        self._vectors: VectorCache | None = None
        self._selector: Selector | None = None
        self._searching = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def index(self) -> Index:
        if self._index is None:
            self._index = self._make_index()
        return self._index

    @property
    def vectors(self) -> VectorCache | None:
        """Vectors in memory and index files: SQLite's; PostgreSQL keeps them itself."""
        if self._index is None:
            self._index = self._make_index()
        return self._vectors

    @property
    def selector(self) -> Selector:
        if self._selector is None:
            from plugins.search.selection import Selector

            self._selector = Selector(self.index)
        return self._selector

    def _make_index(self) -> Index:
        if self.db.dialect == "postgres":
            from plugins.search.postgres import PostgresIndex

            return PostgresIndex(self.db, exact_below=self.settings.exact_below)
        from plugins.search.sqlite import SqliteIndex
        from plugins.search.vectors import VectorCache

        self._vectors = VectorCache(
            self.db,
            self._folder,
            budget=self.settings.vector_memory_mb << 20,
            exact_below=self.settings.exact_below,
        )
        return SqliteIndex(self.db, self._vectors)

    async def totals(self) -> Totals:
        """Over all scopes; counting takes a while, so they are up to half a minute old."""
        from plugins.search.index import Totals

        kept = await self.cache.get("totals") if self.cache is not None else None
        self.hits.note("statistics", hit=kept is not None)
        if kept is not None:
            return Totals(**kept)
        totals = await self.index.totals()
        if self.cache is not None:
            await self.cache.set("totals", asdict(totals), ttl=_TOTALS_FOR)
        return totals

    async def forget_totals(self) -> None:
        if self.cache is not None:
            await self.cache.delete("totals")

    # -- the fingerprint

    @staticmethod
    def fingerprint(embedder: Embedder) -> str:
        """What vectors must have in common to be compared."""
        from plugins.search.chunker import CHUNKER

        return f"{embedder.fingerprint} chunker/{CHUNKER}"

    async def check_fingerprint(self, embedder: Embedder, *, claim: bool = False) -> None:
        """Raises FingerprintMismatch if the vectors in the index are of another embedder. With
        `claim` an index without vectors becomes this embedder's."""
        mine = self.fingerprint(embedder)
        held = (
            await self.index.claim_meta("fingerprint", mine)
            if claim
            else await self.index.meta("fingerprint")
        )
        self.compare(held, mine)

    @staticmethod
    def compare(held: str | None, mine: str) -> None:
        """Raises FingerprintMismatch if vectors of the two can't be compared."""
        if held is not None and held != mine:
            raise FingerprintMismatch(
                f"The index holds vectors of {held}, and the embedder is {mine} now: "
                "files are found by their words, not by meaning",
                hint="plugram search reindex, or go back to the former embedder",
            )

    # -- manners

    @contextmanager
    def searching(self) -> Iterator[None]:
        """While it lasts, somebody waits for results."""
        self._searching += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._searching -= 1
            if not self._searching:
                self._quiet.set()

    async def make_way(self) -> None:
        """Called by work in the background between its steps: people wait for their results."""
        await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLITE):
                await self._quiet.wait()
