"""What search remembers of its own work, and how often that helped."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from plugins.search.api import Explanation, Found, Hit, Word

if TYPE_CHECKING:
    from plugins.search.index import Statistics
    from plugins.search.query import Filters
    from plugins.search.settings import Settings
    from plugram import Cache, Database, Scope

_RESULTS_FOR = 600.0
"""Seconds that results are kept; they are for those who page, come back, and ask again."""
_COUNTED_FOR = 30.0
"""Seconds for which counts stay in memory before they are added to the database's."""


@runtime_checkable
class Remembering(Protocol):
    """An embedder that remembers queries, and says how often it could."""

    hits: int
    misses: int


class Hits:
    """How often caches had what was asked for (`results_hit`, `results_miss`, …). Counted in
    memory and added to the database's numbers from time to time: of all processes together, since
    the one that is asked for them is another one."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counts: Counter[str] = Counter()
        self._embedder: Counter[str] = Counter()
        self._written_at = time.monotonic()
        self._writing: asyncio.Task[None] | None = None

    def note(self, cache: str, *, hit: bool) -> None:
        self._counts[f"{cache}_{'hit' if hit else 'miss'}"] += 1

    def note_embedder(self, embedder: object) -> None:
        """What an embedder counted since the last time."""
        if isinstance(embedder, Remembering):
            now = Counter(embeddings_hit=embedder.hits, embeddings_miss=embedder.misses)
            self._counts += now - self._embedder
            self._embedder = now

    def write_soon(self) -> None:
        """Nobody waits for it, and it comes seldom."""
        late = time.monotonic() - self._written_at > _COUNTED_FOR
        if late and self._counts and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self.write(), name="search-hits")

    async def write(self) -> None:
        counts, self._counts = self._counts, Counter()
        self._written_at = time.monotonic()
        if counts:
            await self._db.executemany(
                "INSERT INTO search_counters (name, value) VALUES ($1, $2)"
                " ON CONFLICT (name) DO UPDATE SET value = search_counters.value + excluded.value",
                sorted(counts.items()),
            )

    async def read(self) -> dict[str, int]:
        rows = await self._db.fetch("SELECT name, value FROM search_counters")
        return dict(Counter({row["name"]: row["value"] for row in rows}) + self._counts)


def rates(counts: Mapping[str, int]) -> dict[str, str]:
    """By cache, as people read it: `62 % of 1041`."""
    asked = {
        name: counts.get(f"{name}_hit", 0) + counts.get(f"{name}_miss", 0)
        for name in ("results", "embeddings", "statistics")
    }
    return {
        name: f"{counts.get(f'{name}_hit', 0) / total:.0%} of {total}"
        for name, total in asked.items()
        if total
    }


class ResultCache:
    """What was found lately, by all that it depends on: the scope's version is a part of the key,
    so what is old is never asked for again."""

    def __init__(self, cache: Cache, settings: Settings, hits: Hits) -> None:
        self._cache = cache
        self._settings = settings.model_dump_json()
        self._hits = hits

    def key(
        self,
        scope: Scope,
        statistics: Statistics,
        text: str,
        filters: Filters | None,
        fingerprint: str,
        shown: tuple[object, ...],
    ) -> str:
        """`shown`: what else makes a difference. What was typed isn't in the key itself."""
        made_by = (statistics.fingerprint, fingerprint, self._settings)
        state = (statistics.born, statistics.version, made_by)
        digest = blake2b(repr((state, text, filters, shown)).encode(), digest_size=16)
        return f"{_of(scope)}{digest.hexdigest()}"

    async def get(self, key: str) -> Found | None:
        kept = await self._cache.get(key)
        self._hits.note("results", hit=kept is not None)
        return None if kept is None else _found(kept)

    async def put(self, key: str, found: Found) -> None:
        await self._cache.set(key, asdict(found), ttl=_RESULTS_FOR)

    async def forget(self, scope: Scope) -> None:
        await self._cache.clear_prefix(_of(scope))


def _of(scope: Scope) -> str:
    return f"results:{scope.key}:"


def _found(kept: Mapping[str, Any]) -> Found:
    hits = [
        Hit(
            **{
                **hit,
                "explanation": Explanation(
                    **{name: _tuple(value) for name, value in hit["explanation"].items()}
                ),
            }
        )
        for hit in kept["hits"]
    ]
    return Found(**{**kept, "hits": hits, "words": [Word(**word) for word in kept["words"]]})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
