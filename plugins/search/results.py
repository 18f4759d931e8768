"""Result lists: kept, so that their buttons work after a restart, and shown page by page."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from plugins.search.api import Explanation, Found, FoundPassage, Hit, Word
from plugins.search.query import Query, parse, write
from plugram import SYSTEM, Scope, in_scope, scoped

if TYPE_CHECKING:
    from plugins.search.engine import Engine
    from plugins.search.snippets import Piece
    from plugram import FileLibrary, StoredFile

SNIPPET = 280
"""Characters of a passage that a result shows."""
LONG_SNIPPET = 1200
"""The same where a result is shown alone."""


@dataclass(frozen=True, slots=True)
class ResultList:
    """A search that was answered, with what its buttons need."""

    id: int
    scope: Scope
    person_id: int
    """Who asked."""
    query: Query
    hits: Sequence[Hit]
    words: Sequence[Word]
    corrected: Mapping[str, str]
    cut: bool
    by_meaning: bool

    @property
    def terms(self) -> frozenset[str]:
        """What to mark in the passages: little words only if there are no others."""
        telling = [word for word in self.words if not word.stop] or self.words
        return frozenset(term for word in telling for term in word.terms)


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
    language: str = ""
    """Of the file, as far as search knows it."""


@dataclass(frozen=True, slots=True)
class Match:
    """How a file has a word of the query."""

    typed: str
    found: str
    """As it stands there."""
    how: Literal["exact", "form", "beginning", "typo", "keyboard"]


@dataclass(frozen=True, slots=True)
class Closer:
    """A result more closely: with more of its passage, and why it was found."""

    result: Result
    why: Explanation
    matches: Sequence[Match]


@dataclass(frozen=True, slots=True)
class Recent:
    """A search that somebody made."""

    id: int
    """Of its last result list."""
    query: Query


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a result list."""

    list: ResultList
    number: int
    """From 1."""
    pages: int
    results: Sequence[Result]
    full: bool = False
    """As many as a list holds: there may be more."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What to call the senders that the query names by their ids."""


class Results:
    """The result lists of a deployment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._db = engine.db

    async def keep(self, scope: Scope, person_id: int, query: Query, found: Found) -> ResultList:
        kept = _kept(found)
        async with self._db.transaction(scope):
            number = await self._db.fetchval(
                "INSERT INTO search_results (scope, person_id, query, results, created_at)"
                " VALUES ($1, $2, $3, $4, $5) RETURNING id",
                scope.key,
                person_id,
                write(query),
                json.dumps(kept, ensure_ascii=False),
                time.time(),
            )
        return _read(int(number), scope, person_id, query, kept)

    async def replace(self, old: ResultList, query: Query, found: Found) -> ResultList:
        """The same list of another query: buttons have narrowed or widened it."""
        kept = _kept(found)
        async with self._db.transaction(old.scope):
            await self._db.execute(
                "UPDATE search_results SET query = $3, results = $4, created_at = $5"
                " WHERE id = $1 AND scope = $2",
                old.id,
                old.scope.key,
                write(query),
                json.dumps(kept, ensure_ascii=False),
                time.time(),
            )
        return _read(old.id, old.scope, old.person_id, query, kept)

    @in_scope
    async def get(self, scope: Scope, number: int) -> ResultList | None:
        """A list of this scope; None if it is too old."""
        row = await self._db.fetchrow(
            "SELECT person_id, query, results FROM search_results WHERE id = $1 AND scope = $2",
            number,
            scope.key,
        )
        if row is None:
            return None
        query, kept = parse(row["query"]), json.loads(row["results"])
        return _read(number, scope, row["person_id"], query, kept)

    @in_scope
    async def recent(self, scope: Scope, person_id: int, limit: int) -> list[Recent]:
        """What somebody searched for last in a scope, each query once, the newest first."""
        rows = await self._db.fetch(
            "SELECT query, max(id) AS id FROM search_results WHERE scope = $1 AND person_id = $2"
            " GROUP BY query ORDER BY max(id) DESC LIMIT $3",
            scope.key,
            person_id,
            limit,
        )
        return [Recent(row["id"], parse(row["query"])) for row in rows]

    async def forget(self, scope: Scope, person_id: int) -> int:
        """Delete somebody's searches in a scope, with the lists that they brought; how many."""
        async with self._db.transaction(scope):
            return await self._db.execute(
                "DELETE FROM search_results WHERE scope = $1 AND person_id = $2",
                scope.key,
                person_id,
            )

    async def tidy(self) -> int:
        """Delete lists that are too old; how many."""
        oldest = time.time() - self._engine.settings.keep_results * 86_400
        with scoped(SYSTEM):
            return await self._db.execute(
                "DELETE FROM search_results WHERE created_at < $1", oldest
            )

    async def page(self, found: ResultList, number: int, files: FileLibrary) -> Page:
        """A page, the nearest one if there is none with this number. What was deleted since is
        left out of it."""
        size = self._engine.settings.page_size
        pages = max(1, -(-len(found.hits) // size))
        number = min(max(number, 1), pages)
        first = (number - 1) * size
        results = await self._results(
            found, first, found.hits[first : first + size], files, SNIPPET
        )
        full = len(found.hits) >= self._engine.settings.result_limit
        return Page(found, number, pages, results, full)

    async def closer(self, found: ResultList, file_id: int, files: FileLibrary) -> Closer | None:
        """A result with more of its passage; None if its file is gone."""
        at = next((at for at, hit in enumerate(found.hits) if hit.file_id == file_id), None)
        if at is None:
            return None
        hit = found.hits[at]
        results = await self._results(found, at, [hit], files, LONG_SNIPPET)
        if not results:
            return None
        passages = await self._engine.index.passages(found.scope, [hit.passage_id])
        texts = [one.text for one in passages.values()] + [results[0].file.name]
        why = hit.explanation
        return Closer(results[0], why, _matches(found, why.matched, texts, results[0].language))

    def page_of(self, number: int) -> int:
        """The page that a result is on."""
        return (number - 1) // self._engine.settings.page_size + 1

    async def _results(
        self,
        found: ResultList,
        first: int,
        hits: Sequence[Hit],
        files: FileLibrary,
        length: int,
    ) -> list[Result]:
        there = await files.get_many(found.scope, [hit.file_id for hit in hits])
        passages = await self._passages(found.scope, hits)
        return [
            _result(at, hit, there[hit.file_id], passages.get(hit.file_id), found.terms, length)
            for at, hit in enumerate(hits, first + 1)
            if hit.file_id in there
        ]

    async def _passages(self, scope: Scope, hits: Sequence[Hit]) -> dict[int, FoundPassage]:
        """By file, what to show of it: where only the name was found, how its text begins."""
        found = await self._engine.index.passages(scope, [hit.passage_id for hit in hits])
        named = [passage.file_id for passage in found.values() if passage.is_name]
        beginnings = await self._engine.index.first_passages(scope, named) if named else {}
        return {passage.file_id: passage for passage in found.values()} | beginnings


def without_missing(found: Found, there: Mapping[int, StoredFile]) -> Found:
    """What was found of files that are still there."""
    return replace(found, hits=[hit for hit in found.hits if hit.file_id in there])


def _kept(found: Found) -> dict[str, Any]:
    return {
        "hits": [
            [hit.passage_id, hit.file_id, round(hit.score, 4), _explained(hit.explanation)]
            for hit in found.hits
        ],
        "words": [[word.text, dict(word.terms), word.stop] for word in found.words],
        "corrected": dict(found.corrected),
        "cut": found.cut,
        "by_meaning": found.by_meaning,
    }


def _explained(why: Explanation) -> list[Any]:
    figures = (why.words, why.meaning, why.phrase, why.name)
    return [
        list(why.matched),
        [round(figure, 4) for figure in figures],
        [round(part, 4) for part in why.parts],
    ]


def _explanation(
    matched: Sequence[str], figures: Sequence[float], parts: Sequence[float]
) -> Explanation:
    words, meaning, phrase, name = figures
    return Explanation(tuple(matched), words, meaning, phrase, name, tuple(parts))


def _read(
    number: int, scope: Scope, person_id: int, query: Query, kept: Mapping[str, Any]
) -> ResultList:
    return ResultList(
        id=number,
        scope=scope,
        person_id=person_id,
        query=query,
        hits=[
            Hit(passage_id, file_id, score, _explanation(*why))
            for passage_id, file_id, score, why in kept["hits"]
        ],
        words=[Word(text, terms, stop) for text, terms, stop in kept["words"]],
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
    length: int,
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
        text=snippet(_in_line(shown.text), language, terms, length=length) if shown else (),
        locator=shown.locator if shown else {},
        language=language,
    )


def _matches(
    found: ResultList, matched: Sequence[str], texts: Sequence[str], language: str
) -> list[Match]:
    from plugins.search.analyzer import normalise, tokenise

    words = {word.text: word for word in found.words}
    forms: dict[str, str] = {}
    for text in map(normalise, texts):
        for token in tokenise(text, language):
            for form in (token.exact, token.stem, *token.extras):
                forms.setdefault(form, text[token.start : token.end])
    return [
        _match(words[typed], forms, found.corrected.get(typed))
        for typed in matched
        if typed in words
    ]


def _match(word: Word, forms: Mapping[str, str], meant: str | None) -> Match:
    """By the form that counts most among those that are there."""
    from plugins.search.spelling import other_layout

    there = [term for term in word.terms if term in forms]
    if not there:  # in a heading above the passage
        return Match(word.text, word.text, "exact")
    best = max(there, key=lambda term: word.terms[term])
    if meant is not None:
        swapped = other_layout(word.text.casefold()) == meant
        return Match(word.text, forms[best], "keyboard" if swapped else "typo")
    if word.terms[best] >= 1:
        return Match(word.text, forms[best], "exact")
    unfinished = forms[best].casefold().startswith(word.text.casefold())
    return Match(word.text, forms[best], "beginning" if unfinished else "form")
