"""The use cases of search: take texts in, find passages, keep result lists, start anew."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugins.search.api import Explanation, Found, FoundPassage, Hit
from plugram import Health, PlugramError, Scope

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import structlog

    from plugins.search.chunker import Passage
    from plugins.search.index import Index, IndexedFile, PassageRow, Pending, Statistics, Totals
    from plugins.search.ranker import Background, Scored, Weights
    from plugins.search.settings import Settings
    from plugram import Context, Database, Embedder, Section, StoredFile

SLICE = 200
"""Passages that are written in one transaction: about 0.1 s. A larger file takes several, and is
found when the last is through."""

_ANALYSED_AT_ONCE = 8
_EMBEDDED_AT_ONCE = 8
_POLITE = 1.0
"""Seconds that work in the background makes way for searches at most."""
_EMBED_WAIT = 3.0
"""Seconds that a search waits for the embedder before it goes by words alone."""
_NEAREST = 100
_FITS_FOR = 5.0
"""Seconds that the fingerprint of the index is taken to be what it was."""

Progress = Callable[[int, int], Awaitable[None]]


class FingerprintMismatch(PlugramError):
    """The index holds vectors of another embedder."""


@dataclass(frozen=True, slots=True)
class ResultList:
    """A search that was answered, with what its buttons need."""

    id: int
    scope: str
    person_id: int
    query: str
    hits: Sequence[Hit]
    terms: frozenset[str]
    """What to mark in the passages."""
    corrected: Mapping[str, str]
    cut: bool
    by_meaning: bool


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What the meaning leg found: nothing without an embedder."""

    vector: npt.NDArray[np.float32] | None
    background: Background
    nearest: Sequence[int]


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
    ) -> None:
        """`embedder` is asked at each use, since other plugins may provide it; `folder` is made
        when it is first asked for."""
        self.db = db
        self.settings = settings
        self._embedder = embedder
        self._folder = folder
        self._log = log
        self._index: Index | None = None
        self._background: tuple[str, Background] | None = None
        self._fits = ("", 0.0)
        self._searching = 0
        self._warned = ""

    @property
    def index(self) -> Index:
        """Made at first use: who never searches needn't load numpy."""
        if self._index is None:
            self._index = self._make_index()
        return self._index

    def _make_index(self) -> Index:
        if self.db.dialect == "postgres":
            from plugins.search.postgres import PostgresIndex

            return PostgresIndex(self.db, exact_below=self.settings.exact_below)
        from plugins.search.sqlite import SqliteIndex
        from plugins.search.vectors import VectorCache

        cache = VectorCache(
            self.db,
            self._folder,
            budget=self.settings.vector_memory_mb << 20,
            exact_below=self.settings.exact_below,
        )
        return SqliteIndex(self.db, cache)

    # -- finding

    async def search(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int = 50,
        per_file: bool = True,
    ) -> Found:
        """See `PassageSearch`. Raises DatabaseError; an embedder that is away costs only the
        meaning."""
        found, _ = await self._find(scope, query, limit, per_file)
        return found

    async def ask(
        self, scope: Scope, person_id: int, query: str
    ) -> tuple[Found, ResultList | None]:
        """Search, and keep the result list so that its buttons work; None if nothing was found."""
        limit = self.settings.result_limit
        found, terms = await self._find(scope, query, limit, per_file=True)
        if not found.hits:
            return found, None
        return found, await self._keep(scope, person_id, found, terms)

    async def passages(self, scope: Scope, passage_ids: Sequence[int]) -> dict[int, FoundPassage]:
        return await self.index.passages(scope, passage_ids) if passage_ids else {}

    async def _find(
        self, scope: Scope, query: str, limit: int, per_file: bool
    ) -> tuple[Found, frozenset[str]]:
        from plugins.search.analyzer import analyse_query, normalise

        text, cut = _cut(" ".join(normalise(query).split()), self.settings.query_length)
        if not analyse_query(text, ()):
            return Found(text, (), cut=cut, wordless=True), frozenset()
        async with self._busy():
            statistics = await self.index.statistics(scope)
            if not statistics.files:
                return Found(text, (), cut=cut, empty=True), frozenset()
            return await self._look(scope, text, cut, statistics, limit, per_file)

    async def _look(
        self,
        scope: Scope,
        text: str,
        cut: bool,
        statistics: Statistics,
        limit: int,
        per_file: bool,
    ) -> tuple[Found, frozenset[str]]:
        from plugins.search.query import best, fallback, plan, understand
        from plugins.search.ranker import Corpus, rank

        corpus = Corpus(scope.key, statistics.passages, statistics.average_length)
        legs = [asyncio.create_task(self._by_meaning(scope, text, statistics))]
        try:
            understood = await understand(text, scope, _spoken(statistics), self.index, corpus)
            if understood.corrected:
                # A misspelt word means nothing to the embedder; but it may be of another language.
                mended = _mended(text, understood.corrected)
                legs.append(asyncio.create_task(self._by_meaning(scope, mended, statistics)))
            by_words: list[int] = []
            for planner in (plan, fallback):
                planned = planner(understood.groups, corpus)
                if planned.clauses and not by_words:
                    by_words = best(planned, await self.index.postings(scope, planned.clauses))
            meanings = [await leg for leg in legs]
        finally:
            for leg in legs:
                leg.cancel()
        near = [passage_id for meaning in meanings for passage_id in meaning.nearest]
        vectors = [meaning.vector for meaning in meanings]
        candidates = await self.index.candidates(
            scope, list(dict.fromkeys([*by_words, *near])), vectors
        )
        ranked = rank(
            understood.groups, candidates, corpus, meanings[0].background, self._weights()
        )
        kept = self._worth_showing(ranked)
        hits = [_hit(scored) for scored in (_best_of_files(kept) if per_file else kept)][:limit]
        telling = [group for group in understood.groups if not group.stop] or understood.groups
        found = Found(
            query=text,
            hits=hits,
            corrected=understood.corrected,
            cut=cut,
            by_meaning=vectors[0] is not None or not statistics.vectors,
        )
        return found, frozenset(term for group in telling for term in group.terms)

    def _weights(self) -> Weights:
        from plugins.search.ranker import Weights

        return Weights(
            words=self.settings.words_weight,
            meaning=self.settings.meaning_weight,
            phrase=self.settings.phrase_weight,
            name=self.settings.name_weight,
        )

    def _worth_showing(self, ranked: Sequence[Scored]) -> list[Scored]:
        """Passages with words of the query, and those close in meaning; the bar is for the closest,
        its companions may be a good deal further away."""
        closest = max((one.meaning for one in ranked), default=0.0)
        bar = self.settings.min_similarity
        enough = max(bar / 3, closest / 5) if closest >= bar else math.inf
        return [
            one
            for one in ranked
            if one.meaning >= enough or max(one.coverage, one.name) >= self.settings.min_coverage
        ]

    async def _by_meaning(self, scope: Scope, text: str, statistics: Statistics) -> _Meaning:
        from plugins.search.ranker import Background

        nothing = _Meaning(None, Background(0.0, 1.0), [])
        embedder = self._embedder()
        if embedder is None or not statistics.vectors:
            return nothing
        try:
            await self.check_fingerprint(embedder)
            async with asyncio.timeout(_EMBED_WAIT):
                background = await self._background_of(embedder)
                vector = (await embedder.embed([text], kind="query"))[0]
        except (PlugramError, TimeoutError) as error:
            self._warn(f"searching by words alone: {error or 'the embedder takes too long'}")
            return nothing
        nearest = await self.index.nearest(scope, vector, _NEAREST, statistics)
        return _Meaning(vector, background, nearest)

    async def _background_of(self, embedder: Embedder) -> Background:
        """Kept in memory and in the database: it costs as much as a few queries."""
        from plugins.search.calibration import background
        from plugins.search.ranker import Background

        if self._background is not None and self._background[0] == embedder.fingerprint:
            return self._background[1]
        key = f"background {embedder.fingerprint}"
        kept = await self.index.meta(key)
        if kept is None:
            measured = await background(embedder)
            kept = json.dumps([measured.mean, measured.deviation])
            await self.index.set_meta(key, kept)
        self._background = (embedder.fingerprint, Background(*json.loads(kept)))
        return self._background[1]

    def _warn(self, message: str) -> None:
        """Each message once in a row: searches are many."""
        if message != self._warned:
            self._warned = message
            self._log.warning(message)

    @asynccontextmanager
    async def _busy(self) -> AsyncIterator[None]:
        self._searching += 1
        try:
            yield
        finally:
            self._searching -= 1

    async def _make_way(self) -> None:
        """Called by work in the background between its steps: people wait for their results."""
        deadline = time.monotonic() + _POLITE
        await asyncio.sleep(0)
        while self._searching and time.monotonic() < deadline:
            await asyncio.sleep(0.002)

    # -- result lists

    async def _keep(
        self, scope: Scope, person_id: int, found: Found, terms: frozenset[str]
    ) -> ResultList:
        results = {
            "hits": [
                [hit.passage_id, hit.file_id, round(hit.score, 4), list(hit.explanation.matched)]
                for hit in found.hits
            ],
            "terms": sorted(terms),
            "corrected": dict(found.corrected),
            "cut": found.cut,
            "meaning": found.by_meaning,
        }
        async with self.db.transaction(scope):
            number = await self.db.fetchval(
                "INSERT INTO search_results (scope, person_id, query, results, created_at)"
                " VALUES ($1, $2, $3, $4, $5) RETURNING id",
                scope.key,
                person_id,
                found.query,
                json.dumps(results, ensure_ascii=False),
                time.time(),
            )
        return _result_list(int(number), scope.key, person_id, found.query, results)

    async def results(self, scope: Scope, number: int) -> ResultList | None:
        """A result list of this scope, None if it is too old."""
        row = await self.db.fetchrow(
            "SELECT person_id, query, results FROM search_results WHERE id = $1 AND scope = $2",
            number,
            scope.key,
        )
        if row is None:
            return None
        results = json.loads(row["results"])
        return _result_list(number, scope.key, row["person_id"], row["query"], results)

    async def tidy(self) -> int:
        """Delete result lists that are too old; how many."""
        oldest = time.time() - self.settings.keep_results * 86_400
        return await self.db.execute("DELETE FROM search_results WHERE created_at < $1", oldest)

    # -- taking in

    async def receive(self, file: StoredFile, sections: Sequence[Section], language: str) -> None:
        """Keep a text for `index_file`, in the caller's transaction."""
        from plugins.search.index import Pending

        written = [
            {"text": one.text, "locator": dict(one.locator), "heading": one.heading}
            for one in sections
            if one.locator.get("part") != "name"  # the index has a row of its own for the name
        ]
        await self.index.put_pending(
            Pending(
                file_id=file.id,
                scope=file.scope.key,
                name=file.name,
                language=language or file.language,
                sections=_json(written),
                received_at=time.time(),
            )
        )

    async def index_file(self, file_id: int, progress: Progress) -> IndexedFile | None:
        """Cut and index the text that waits for this file, in place of the one it had; None if
        none waits. Afterwards the file is found by its words."""
        pending = await self.index.pending(file_id)
        if pending is None:
            return None
        passages = await asyncio.to_thread(_chunks, pending, self.settings)
        language = await asyncio.to_thread(_language, pending, passages)
        if len(passages) > self.settings.passages_per_file:
            self._log.warning("only a part of the file is searchable", file=file_id)
            passages = passages[: self.settings.passages_per_file]
        file = _indexed(pending, language, len(passages))
        rows = await self._analysed(file, passages, progress)
        await self._replace(file, rows, pending, progress)
        return file

    async def _analysed(
        self, file: IndexedFile, passages: Sequence[Passage], progress: Progress
    ) -> list[PassageRow]:
        rows = [_name_row(file)]
        for at in range(0, len(passages), _ANALYSED_AT_ONCE):
            await self._make_way()
            part = passages[at : at + _ANALYSED_AT_ONCE]
            rows += await asyncio.to_thread(_rows, file, at + 1, part)
            await progress(at, 2 * len(passages))
        return rows

    async def _replace(
        self,
        file: IndexedFile,
        rows: Sequence[PassageRow],
        pending: Pending,
        progress: Progress,
    ) -> None:
        """In one transaction, unless that would keep others from writing for too long."""
        scope = Scope(file.scope)
        slices = [rows[at : at + SLICE] for at in range(0, len(rows), SLICE)]
        old = await self.index.file(file.file_id)
        if old is not None and old.passages >= SLICE:
            await self._remove_slowly(old)
        for number, part in enumerate(slices):
            await self._make_way()
            async with self.db.transaction(scope):
                await self.index.lock(scope.key)
                if not number:
                    await self._remove_at_once(file.file_id)
                    await self.index.open_file(file, rows[0].packed)
                await self.index.add_passages(file, part)
                if number == len(slices) - 1:
                    await self.index.finish_file(file.file_id, words=True, meaning=False)
                    await self.index.drop_pending(file.file_id, pending.received_at)
            await progress(len(rows) + number * SLICE, 2 * len(rows))

    async def forget(self, scope: Scope, file_id: int) -> None:
        """See `PassageSearch`."""
        old = await self.index.file(file_id)
        if old is not None and old.scope == scope.key:
            await self._remove_slowly(old)
            async with self.db.transaction(scope):
                await self.index.lock(scope.key)
                await self.index.close_file(old)
        pending = await self.index.pending(file_id)
        if pending is not None and pending.scope == scope.key:
            await self.index.drop_pending(file_id, pending.received_at)

    async def _remove_slowly(self, file: IndexedFile) -> None:
        """All its passages, in several transactions; its row stays."""
        while True:
            async with self.db.transaction(Scope(file.scope)):
                await self.index.lock(file.scope)
                if await self.index.remove_passages(file, SLICE) < SLICE:
                    return

    async def _remove_at_once(self, file_id: int) -> None:
        """What is there of a file, in the current transaction."""
        old = await self.index.file(file_id)
        if old is not None:
            while await self.index.remove_passages(old, SLICE):
                pass
            await self.index.close_file(old)

    # -- meaning

    async def embed_file(self, file_id: int, progress: Progress) -> IndexedFile | None:
        """Give every passage of a file its vector, so that it is found by meaning. None if there
        is nothing to embed with, or the file is gone. Raises FingerprintMismatch and what the
        embedder raises; what was embedded before stays."""
        file = await self.index.file(file_id)
        embedder = self._embedder()
        if file is None or not file.words or embedder is None:
            return None
        await self.check_fingerprint(embedder, claim=True)
        done = 0
        while rows := await self.index.unembedded(file_id, self.settings.embed_batch):
            texts = [f"{row.heading}\n{row.text}" if row.heading else row.text for row in rows]
            vectors = await self._embedded(embedder, texts)
            scope = Scope(file.scope)
            async with self.db.transaction(scope):
                await self.index.lock(scope.key)
                await self.index.add_vectors(scope.key, [row.passage_id for row in rows], vectors)
            done += len(rows)
            await progress(done, max(file.passages, done))
        async with self.db.transaction(Scope(file.scope)):
            await self.index.finish_file(file_id, words=True, meaning=True)
        return file

    async def _embedded(self, embedder: Embedder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        import numpy as np

        parts = []
        for at in range(0, len(texts), _EMBEDDED_AT_ONCE):
            await self._make_way()
            parts.append(await embedder.embed(texts[at : at + _EMBEDDED_AT_ONCE], kind="passage"))
        joined: npt.NDArray[np.float32] = np.concatenate(parts)
        return joined

    def fingerprint(self, embedder: Embedder) -> str:
        """What vectors must have in common to be compared."""
        from plugins.search.chunker import CHUNKER

        return f"{embedder.fingerprint} chunker/{CHUNKER}"

    async def check_fingerprint(self, embedder: Embedder, *, claim: bool = False) -> None:
        """Raises FingerprintMismatch if the vectors in the index are of another embedder. With
        `claim` an index without vectors becomes this embedder's."""
        mine = self.fingerprint(embedder)
        # It changes once in the life of an index, and every search asks.
        checked, until = self._fits
        if checked == mine and time.monotonic() < until:
            return
        held = (
            await self.index.claim_meta("fingerprint", mine)
            if claim
            else await self.index.meta("fingerprint")
        )
        if held == mine:
            self._fits = (mine, time.monotonic() + _FITS_FOR)
        elif held is not None:
            raise FingerprintMismatch(
                f"The index holds vectors of {held}, and the embedder is {mine} now: "
                "files are found by their words, not by meaning",
                hint="plugram search reindex, or go back to the former embedder",
            )

    async def can_embed(self) -> bool:
        """Whether there is an embedder, and it fits the index."""
        embedder = self._embedder()
        if embedder is None:
            return False
        try:
            await self.check_fingerprint(embedder)
        except FingerprintMismatch:
            return False
        return True

    async def wants_file(self, scope: Scope) -> bool:
        """Whether the scope's index file should be made anew; only SQLite has some."""
        vectors = getattr(self.index, "vectors", None)
        if vectors is None:
            return False
        wanted: bool = await vectors.wants_file(scope.key, await self.index.statistics(scope))
        return wanted

    async def build_file(self, scope: Scope, progress: Progress) -> None:
        vectors = getattr(self.index, "vectors", None)
        if vectors is not None:
            await vectors.build(scope.key, await self.index.statistics(scope), progress)

    async def unfinished(self, limit: int = 200) -> tuple[list[int], list[int]]:
        """Files whose text waits, and files without meaning, that an outage left behind."""
        waiting = await self.db.fetch(
            "SELECT file_id FROM search_pending WHERE received_at < $1 ORDER BY file_id LIMIT $2",
            time.time() - 600,
            limit,
        )
        meaningless = await self.db.fetch(
            "SELECT file_id FROM search_files WHERE words = 1 AND meaning = 0 AND indexed_at < $1"
            " ORDER BY file_id LIMIT $2",
            time.time() - 600,
            limit,
        )
        return [row["file_id"] for row in waiting], [row["file_id"] for row in meaningless]

    # -- starting anew

    async def reindex(self, progress: Progress) -> int:
        """Cut, analyse and embed everything anew with today's rules and embedder; how many files.

        Meaning goes first everywhere, so that vectors of two embedders never meet; each file is
        found by its words until its turn, and by meaning after it.
        """
        embedder = self._embedder()
        total = (await self.index.totals()).files
        await self._forget_meaning()
        if embedder is not None:
            await self.index.set_meta("fingerprint", self.fingerprint(embedder))
        done, last = 0, 0
        while files := await self.index.files_after(last, 50):
            for file in files:
                await self._reindex_file(file)
                done, last = done + 1, file.file_id
                await progress(done, max(total, done))
        await self._note_analyzer(anew=True)
        return done

    async def _forget_meaning(self) -> None:
        last = 0
        while files := await self.index.files_after(last, 50):
            for file in files:
                async with self.db.transaction(Scope(file.scope)):
                    await self.index.lock(file.scope)
                    await self.index.drop_vectors(file.file_id)
                last = file.file_id
        vectors = getattr(self.index, "vectors", None)
        if vectors is not None:
            for row in await self.db.fetch("SELECT scope FROM search_vector_files"):
                await vectors.drop_file(row["scope"])

    async def _reindex_file(self, file: IndexedFile) -> None:
        from plugins.search.index import Pending

        if await self.index.pending(file.file_id) is None:
            written = [
                {"text": one.text, "locator": dict(one.locator), "heading": one.heading}
                for one in _rejoined(await self.index.texts(file.file_id))
            ]
            await self.index.put_pending(
                Pending(
                    file_id=file.file_id,
                    scope=file.scope,
                    name=file.name,
                    language=file.language,
                    sections=_json(written),
                    received_at=time.time(),
                )
            )
        await self.index_file(file.file_id, _silent)
        await self.embed_file(file.file_id, _silent)

    # -- how it is

    async def totals(self) -> Totals:
        return await self.index.totals()

    async def prepare(self) -> None:
        """At start: note which rules the index is written by, and say it if they changed."""
        await self._note_analyzer()
        if problem := (await self.health()).detail:
            self._log.debug("search index", state=problem)

    async def health(self) -> Health:
        from plugins.search.analyzer import ANALYZER

        written = await self.index.meta("analyzer")
        if written is not None and written != ANALYZER:
            return Health(
                ok=False,
                degraded=True,
                detail=f"the index was written by analyzer {written}, this is {ANALYZER}: "
                "some words aren't found",
                hint="plugram search reindex",
            )
        embedder = self._embedder()
        if embedder is None:
            return Health(ok=True, detail="by words alone: no embedder is switched on")
        try:
            await self.check_fingerprint(embedder)
        except FingerprintMismatch as error:
            return Health(ok=False, degraded=True, detail=error.message, hint=error.hint)
        return Health(ok=True, detail=f"{self.db.dialect}, {embedder.fingerprint}")

    async def _note_analyzer(self, *, anew: bool = False) -> None:
        from plugins.search.analyzer import ANALYZER

        if anew:
            await self.index.set_meta("analyzer", ANALYZER)
        elif (written := await self.index.claim_meta("analyzer", ANALYZER)) != ANALYZER:
            self._log.warning(
                "the index was written by other rules: plugram search reindex",
                written=written,
                current=ANALYZER,
            )


def of(ctx: Context) -> Search:
    """This plugin's own search in this process."""
    for provider in ctx.services.providers("passage_search"):
        if provider.plugin_id == ctx.plugin_id:
            search: Search = provider.offer.impl
            return search
    raise PlugramError("search isn't provided here", hint="it is made by the `services` hook")


# -- plain helpers ------------------------------------------------------------------------------


async def _silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def _cut(text: str, length: int) -> tuple[str, bool]:
    """At most `length` characters, whole words; and whether something was cut."""
    if len(text) <= length:
        return text, False
    space = text.rfind(" ", length // 2, length + 1)
    return text[: space if space > 0 else length], True


def _mended(text: str, corrected: Mapping[str, str]) -> str:
    for typed, meant in corrected.items():
        text = re.sub(rf"\b{re.escape(typed)}\b", lambda _, meant=meant: meant, text)
    return text


def _spoken(statistics: Statistics) -> list[str]:
    """The languages whose stems the index has. Those of other languages could only meet them by
    accident: "remover" (Spanish, to stir) would find "removed"."""
    return list(dict.fromkeys([*filter(None, statistics.languages[:8]), "en"]))


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
        ),
    )


def _result_list(
    number: int, scope: str, person_id: int, query: str, results: Mapping[str, Any]
) -> ResultList:
    return ResultList(
        id=number,
        scope=scope,
        person_id=person_id,
        query=query,
        hits=[
            Hit(passage_id, file_id, score, Explanation(matched=tuple(matched)))
            for passage_id, file_id, score, matched in results["hits"]
        ],
        terms=frozenset(results["terms"]),
        corrected=results["corrected"],
        cut=results["cut"],
        by_meaning=results["meaning"],
    )


def _json(sections: Sequence[Mapping[str, Any]]) -> str:
    """In ASCII: a text may hold what databases refuse, and is cleaned when it is cut."""
    return json.dumps(sections)


def _chunks(pending: Pending, settings: Settings) -> list[Passage]:
    from plugins.search.chunker import chunk
    from plugram import Section

    sections = [Section(**section) for section in json.loads(pending.sections)]
    return chunk(sections, length=settings.passage_length)


def _language(pending: Pending, passages: Sequence[Passage]) -> str:
    """Of the whole document, once: a passage alone is too short to be sure."""
    from plugins.search.languages import detect

    if pending.language:
        return pending.language
    return detect("\n".join(passage.text for passage in passages[:6]))


def _indexed(pending: Pending, language: str, passages: int) -> IndexedFile:
    from plugins.search.index import IndexedFile

    return IndexedFile(
        pending.file_id, pending.scope, pending.name, language, passages, words=False, meaning=False
    )


def _name_row(file: IndexedFile) -> PassageRow:
    from plugins.search.analyzer import normalise, tokenise
    from plugins.search.index import row
    from plugins.search.ranker import pack

    name = normalise(file.name)
    tokens = tokenise(name, file.language)
    return row(file.scope, 0, name, tokens, packed=pack(file.scope, tokens))


def _rows(file: IndexedFile, ordinal: int, passages: Sequence[Passage]) -> list[PassageRow]:
    from plugins.search.analyzer import tokenise
    from plugins.search.index import row
    from plugins.search.ranker import pack

    rows = []
    for number, passage in enumerate(passages, ordinal):
        tokens = tokenise(passage.text, file.language)
        # A chapter's title says what all its passages are about, though it stands in the first.
        above = "" if passage.heading in passage.text else passage.heading
        titles = {
            form for token in tokenise(above, file.language) for form in (token.exact, token.stem)
        }
        rows.append(
            row(
                file.scope,
                number,
                passage.text,
                tokens,
                packed=pack(file.scope, tokens, titles),
                titles=titles,
                heading=passage.heading,
                locator=passage.locator,
            )
        )
    return rows


def _rejoined(passages: Sequence[FoundPassage]) -> list[Section]:
    """Sections out of passages: neighbours with one place are one text again."""
    from plugram import Section

    sections: list[Section] = []
    for passage in passages:
        last = sections[-1] if sections else None
        if last and (last.locator, last.heading) == (passage.locator, passage.heading):
            sections[-1] = Section(f"{last.text}\n{passage.text}", last.locator, last.heading)
        else:
            sections.append(Section(passage.text, passage.locator, passage.heading))
    return sections
