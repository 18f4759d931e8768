"""Finding: from a query to ranked passages."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.search.api import Explanation, Found, Hit, Word
from plugram import DatabaseError, PlugramError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plugins.search.engine import Engine
    from plugins.search.index import Statistics
    from plugins.search.planning import Query
    from plugins.search.query import Filters
    from plugins.search.ranker import Background, Corpus, Scored, Weights
    from plugins.search.selection import Selection
    from plugram import Embedder, Scope

_EMBED_WAIT = 3.0
"""Seconds that a search waits for the embedder before it goes by words alone."""
_NEAREST = 80
"""Passages that the meaning leg hands to the ranker."""
_MOST_LANGUAGES = 8


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a text means: nothing without an embedder."""

    vector: npt.NDArray[np.float32] | None
    background: Background


@dataclass(frozen=True, slots=True)
class _Leg:
    """Looks for what is close in meaning to one reading of the query."""

    meaning: asyncio.Task[_Meaning]
    nearest: asyncio.Task[Sequence[int]]

    def cancel(self) -> None:
        self.nearest.cancel()
        self.meaning.cancel()


class Finder:
    """Asks both legs at once, ranks what they bring, and shows what is worth it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._background: tuple[str, Background] | None = None
        self._warned = ""

    async def find(
        self,
        scope: Scope,
        query: str,
        limit: int,
        *,
        per_file: bool,
        filters: Filters | None = None,
    ) -> Found:
        """Without a word in the query: the newest files that the filters keep. Raises
        DatabaseError; an embedder that is away costs only the meaning."""
        from plugins.search.analyzer import analyse_query, normalise

        text, cut = _cut(" ".join(normalise(query).split()), self._engine.settings.query_length)
        wordless = not analyse_query(text, ())
        if wordless and not filters:
            return Found(text, (), cut=cut, wordless=True)
        with self._engine.searching():
            statistics = await self._engine.index.statistics(scope)
            if statistics.files <= statistics.hidden:
                return Found(text, (), cut=cut, empty=True)
            if wordless and filters:
                newest = await self._engine.selector.newest(scope, filters, limit)
                return Found(text, [Hit(passage, file, 0.0) for file, passage in newest], cut=cut)
            return await self._remembered(
                scope, text, statistics, filters, shown=(limit, per_file), cut=cut
            )

    async def _remembered(
        self,
        scope: Scope,
        text: str,
        statistics: Statistics,
        filters: Filters | None,
        *,
        shown: tuple[int, bool],
        cut: bool,
    ) -> Found:
        """What was found a moment ago, if nothing has changed since."""
        engine = self._engine
        if engine.results is None:
            return await self._ranked(scope, text, statistics, filters, shown=shown, cut=cut)
        embedder = engine.embedder()
        fingerprint = embedder.fingerprint if embedder is not None else ""
        key = engine.results.key(scope, statistics, text, filters, fingerprint, (*shown, cut))
        found = await engine.results.get(key)
        if found is None:
            found = await self._ranked(scope, text, statistics, filters, shown=shown, cut=cut)
            # While the embedder is away the next try may find more.
            if found.by_meaning or embedder is None:
                await engine.results.put(key, found)
            engine.hits.note_embedder(embedder)
        engine.hits.write_soon()
        return found

    async def _ranked(
        self,
        scope: Scope,
        text: str,
        statistics: Statistics,
        filters: Filters | None,
        *,
        shown: tuple[int, bool],
        cut: bool,
    ) -> Found:
        limit, per_file = shown
        understood, ranked, by_meaning = await self._nearby(scope, text, statistics, filters)
        kept = self._worth_showing(ranked)
        return Found(
            query=text,
            hits=[_hit(one) for one in (_best_of_files(kept) if per_file else kept)[:limit]],
            corrected=understood.corrected,
            cut=cut,
            words=[Word(group.text, group.terms, group.stop) for group in understood.groups],
            by_meaning=by_meaning or not statistics.vectors,
        )

    async def _nearby(
        self, scope: Scope, text: str, statistics: Statistics, filters: Filters | None
    ) -> tuple[Query, list[Scored], bool]:
        """As `_look`: on the replica, if there is one and it knows the scope as it is now."""
        db = self._engine.db
        if db.has_replica:
            try:
                with db.on_replica():
                    if await self._engine.index.is_as_new_as(scope, statistics):
                        within = await self._within(scope, filters, statistics)
                        return await self._look(scope, text, statistics, within)
            except DatabaseError as error:
                db.rest_replica(error)
        within = await self._within(scope, filters, statistics)
        return await self._look(scope, text, statistics, within)

    async def _within(
        self, scope: Scope, filters: Filters | None, statistics: Statistics
    ) -> Selection | None:
        from plugins.search.query import Filters

        return await self._engine.selector.select(scope, filters or Filters(), statistics)

    async def _look(
        self, scope: Scope, text: str, statistics: Statistics, within: Selection | None
    ) -> tuple[Query, list[Scored], bool]:
        """The query as it was understood, all candidates ranked, and whether meaning counted."""
        from plugins.search.planning import understand
        from plugins.search.ranker import Corpus, rank

        index = self._engine.index
        corpus = Corpus(scope.key, statistics.passages, statistics.average_length)
        legs = [self._start_meaning(scope, text, statistics, within)]
        try:
            async with index.reading(scope):
                understood = await understand(text, scope, _written(statistics), index, corpus)
                if understood.corrected:
                    # A misspelt word means nothing to the embedder; but it may be of another
                    # language, so both readings count.
                    mended = _mended(text, understood.corrected)
                    legs.append(self._start_meaning(scope, mended, statistics, within))
                by_words = await self._by_words(scope, understood, corpus, within)
                meanings = [await leg.meaning for leg in legs]
                vectors = [meaning.vector for meaning in meanings]
                # Those of the words are loaded while the nearest are still looked for.
                candidates = await index.candidates(scope, by_words, vectors)
                near = {passage_id for leg in legs for passage_id in await leg.nearest}
                others = sorted(near.difference(by_words))
                candidates += await index.candidates(scope, others, vectors)
        finally:
            for leg in legs:
                leg.cancel()
        background = meanings[0].background
        ranked = rank(understood.groups, candidates, corpus, background, self._weights())
        return understood, ranked, vectors[0] is not None

    async def _by_words(
        self, scope: Scope, query: Query, corpus: Corpus, within: Selection | None
    ) -> list[int]:
        from plugins.search.planning import best, fallback, plan

        for planner in (plan, fallback):
            planned = planner(query.groups, corpus)
            if planned.clauses:
                found = await self._engine.index.postings(scope, planned.clauses, within)
                if ids := best(planned, found):
                    return ids
        return []

    def _start_meaning(
        self, scope: Scope, text: str, statistics: Statistics, within: Selection | None
    ) -> _Leg:
        meaning = asyncio.create_task(self._meaning(text, statistics))
        return _Leg(meaning, asyncio.create_task(self._nearest(scope, meaning, statistics, within)))

    async def _meaning(self, text: str, statistics: Statistics) -> _Meaning:
        from plugins.search.ranker import Background

        nothing = _Meaning(None, Background(0.0, 1.0))
        embedder = self._engine.embedder()
        if embedder is None or not statistics.vectors:
            return nothing
        try:
            self._engine.compare(statistics.fingerprint, self._engine.fingerprint(embedder))
            async with asyncio.timeout(_EMBED_WAIT):
                background = await self._background_of(embedder)
                vector = (await embedder.embed([text], kind="query"))[0]
        except PlugramError as error:
            self._warn(f"searching by words alone: {error}")
            return nothing
        except TimeoutError:
            self._warn(f"searching by words alone: the embedder takes over {_EMBED_WAIT:g} s")
            return nothing
        return _Meaning(vector, background)

    async def _nearest(
        self,
        scope: Scope,
        meaning: asyncio.Task[_Meaning],
        statistics: Statistics,
        within: Selection | None,
    ) -> Sequence[int]:
        vector = (await meaning).vector
        if vector is None:
            return []
        return await self._engine.index.nearest(scope, vector, _NEAREST, statistics, within)

    async def _background_of(self, embedder: Embedder) -> Background:
        """Kept in memory and in the database: it costs as much as a few queries."""
        from plugins.search.calibration import background
        from plugins.search.ranker import Background

        if self._background is not None and self._background[0] == embedder.fingerprint:
            return self._background[1]
        key = f"background {embedder.fingerprint}"
        kept = await self._engine.index.meta(key)
        if kept is None:
            measured = await background(embedder)
            kept = json.dumps([measured.mean, measured.deviation])
            await self._engine.index.set_meta(key, kept)
        self._background = (embedder.fingerprint, Background(*json.loads(kept)))
        return self._background[1]

    def _weights(self) -> Weights:
        from plugins.search.ranker import Weights

        settings = self._engine.settings
        return Weights(
            words=settings.words_weight,
            meaning=settings.meaning_weight,
            phrase=settings.phrase_weight,
            name=settings.name_weight,
        )

    def _worth_showing(self, ranked: Sequence[Scored]) -> list[Scored]:
        """Passages with words of the query, and those close in meaning; the bar is for the closest,
        its companions may be a good deal further away."""
        settings = self._engine.settings
        closest = max((one.meaning for one in ranked), default=0.0)
        bar = settings.min_similarity
        enough = max(bar / 3, closest / 5) if closest >= bar else math.inf
        return [
            one
            for one in ranked
            if one.meaning >= enough or max(one.coverage, one.name) >= settings.min_coverage
        ]

    def _warn(self, message: str) -> None:
        """Each message once in a row: searches are many."""
        if message != self._warned:
            self._warned = message
            self._engine.log.warning(message)


def _cut(text: str, length: int) -> tuple[str, bool]:
    """At most `length` characters, whole words; and whether something was cut."""
    if len(text) <= length:
        return text, False
    space = text.rfind(" ", length // 2, length + 1)
    return text[: space if space > 0 else length], True


def _mended(text: str, corrected: Mapping[str, str]) -> str:
    if text in corrected:  # the whole of it, typed on the other keyboard
        return corrected[text]
    words = "|".join(map(re.escape, corrected))
    return re.sub(rf"\b({words})\b", lambda found: corrected[found.group()], text)


def _written(statistics: Statistics) -> list[str]:
    """The languages whose stems the index has. Those of other languages could only meet them by
    accident: "remover" (Spanish, to stir) would find "removed"."""
    return list(dict.fromkeys([*filter(None, statistics.languages[:_MOST_LANGUAGES]), "en"]))


def _best_of_files(ranked: Sequence[Scored]) -> list[Scored]:
    best: dict[int, Scored] = {}
    for one in ranked:
        best.setdefault(one.file_id, one)
    return list(best.values())


def _hit(scored: Scored) -> Hit:
    return Hit(
        passage_id=scored.passage_id,
        file_id=scored.file_id,
        score=scored.score,
        explanation=Explanation(
            matched=scored.matched,
            words=scored.words,
            meaning=scored.meaning,
            phrase=scored.phrase,
            name=scored.name,
            parts=scored.parts,
        ),
    )
