"""Result lists: kept, so that their buttons work after a restart, and shown page by page."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from plugins.search.api import Explanation, Found, FoundPassage, Hit
from plugram import Scope

if TYPE_CHECKING:
    from plugins.search.engine import Engine
    from plugins.search.snippets import Piece
    from plugram import FileLibrary, StoredFile

SNIPPET = 280
"""Characters of a passage that a result shows."""


@dataclass(frozen=True, slots=True)
class ResultList:
    """A search that was answered, with what its buttons need."""

    id: int
    scope: Scope
    query: str
    hits: Sequence[Hit]
    terms: frozenset[str]
    """What to mark in the passages."""
    corrected: Mapping[str, str]
    cut: bool
    by_meaning: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A hit as people see it."""

    number: int
    """From 1, over all pages."""
    file: StoredFile
    score: float
    name: Sequence[Piece]
    text: Sequence[Piece]
    """Empty where the file has no text."""
    locator: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a result list."""

    list: ResultList
    number: int
    """From 1."""
    pages: int
    results: Sequence[Result]


class Results:
    """The result lists of a deployment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._db = engine.db

    async def keep(
        self, scope: Scope, person_id: int, found: Found, terms: frozenset[str]
    ) -> ResultList:
        kept = {
            "hits": [
                [hit.passage_id, hit.file_id, round(hit.score, 4), list(hit.explanation.matched)]
                for hit in found.hits
            ],
            "terms": sorted(terms),
            "corrected": dict(found.corrected),
            "cut": found.cut,
            "by_meaning": found.by_meaning,
        }
        async with self._db.transaction(scope):
            number = await self._db.fetchval(
                "INSERT INTO search_results (scope, person_id, query, results, created_at)"
                " VALUES ($1, $2, $3, $4, $5) RETURNING id",
                scope.key,
                person_id,
                found.query,
                json.dumps(kept, ensure_ascii=False),
                time.time(),
            )
        return _read(int(number), scope, found.query, kept)

    async def get(self, scope: Scope, number: int) -> ResultList | None:
        """A list of this scope; None if it is too old."""
        row = await self._db.fetchrow(
            "SELECT query, results FROM search_results WHERE id = $1 AND scope = $2",
            number,
            scope.key,
        )
        return _read(number, scope, row["query"], json.loads(row["results"])) if row else None

    async def tidy(self) -> int:
        """Delete lists that are too old; how many."""
        oldest = time.time() - self._engine.settings.keep_results * 86_400
        return await self._db.execute("DELETE FROM search_results WHERE created_at < $1", oldest)

    async def page(self, found: ResultList, number: int, files: FileLibrary) -> Page:
        """A page, the nearest one if there is none with this number. What was deleted since is
        left out of it."""
        size = self._engine.settings.page_size
        pages = max(1, -(-len(found.hits) // size))
        number = min(max(number, 1), pages)
        first = (number - 1) * size
        hits = found.hits[first : first + size]
        there = await files.get_many(found.scope, [hit.file_id for hit in hits])
        passages = await self._passages(found.scope, hits)
        results = [
            _result(at, hit, there[hit.file_id], passages.get(hit.file_id), found.terms)
            for at, hit in enumerate(hits, first + 1)
            if hit.file_id in there
        ]
        return Page(found, number, pages, results)

    async def _passages(self, scope: Scope, hits: Sequence[Hit]) -> dict[int, FoundPassage]:
        """By file, what to show of it: where only the name was found, how its text begins."""
        found = await self._engine.index.passages(scope, [hit.passage_id for hit in hits])
        named = [passage.file_id for passage in found.values() if passage.is_name]
        beginnings = await self._engine.index.first_passages(scope, named) if named else {}
        return {passage.file_id: passage for passage in found.values()} | beginnings


def without_missing(found: Found, there: Mapping[int, StoredFile]) -> Found:
    """What was found of files that are still there."""
    return replace(found, hits=[hit for hit in found.hits if hit.file_id in there])


def _read(number: int, scope: Scope, query: str, kept: Mapping[str, Any]) -> ResultList:
    return ResultList(
        id=number,
        scope=scope,
        query=query,
        hits=[
            Hit(passage_id, file_id, score, Explanation(matched=tuple(matched)))
            for passage_id, file_id, score, matched in kept["hits"]
        ],
        terms=frozenset(kept["terms"]),
        corrected=kept["corrected"],
        cut=kept["cut"],
        by_meaning=kept["by_meaning"],
    )


def _in_line(text: str) -> str:
    return " ".join(text.split())


def _result(
    number: int,
    hit: Hit,
    file: StoredFile,
    passage: FoundPassage | None,
    terms: frozenset[str],
) -> Result:
    from plugins.search.analyzer import normalise
    from plugins.search.snippets import marked, snippet

    shown = passage if passage and not passage.is_name else None
    language = passage.language if passage else ""
    return Result(
        number=number,
        file=file,
        score=hit.score,
        name=marked(normalise(file.name), language, terms),
        text=snippet(_in_line(shown.text), language, terms, length=SNIPPET) if shown else (),
        locator=shown.locator if shown else {},
    )
