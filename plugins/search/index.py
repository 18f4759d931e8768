"""The index tables: what both databases have in common. The rest is in sqlite.py and postgres.py.

The index stores and looks up; it doesn't judge. Every reading takes a scope and gives nothing of
another one.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugins.search.api import FoundPassage
from plugins.search.facts import FileFacts
from plugins.search.ranker import Candidate, term_hash
from plugram import SYSTEM, Scope, in_scope, scoped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plugins.search.analyzer import Token
    from plugins.search.selection import Selection
    from plugram import Database

HEAVY = "\x02"
"""Marks the term of a passage that has it more than once, so that these are found first when more
passages have a word than can be looked at."""


LOOKED_THROUGH = 100_000
"""Passages with a word that are looked through for those that a filter keeps, the newest."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a scope holds."""

    files: int = 0
    """Those in the trash too."""
    passages: int = 0
    positions: int = 0
    vectors: int = 0
    removed: int = 0
    hidden: int = 0
    """Files in the trash."""
    version: int = 0
    """Grows with every change of what can be found."""
    born: int = 0
    """Another one when the scope was empty meanwhile."""
    languages: tuple[str, ...] = ()
    """Of its files, the most frequent first."""
    fingerprint: str | None = None
    """What made the vectors of the index, None before there were any."""

    @property
    def average_length(self) -> float:
        return self.positions / self.passages if self.passages else 0.0


@dataclass(frozen=True, slots=True)
class IndexedFile:
    file_id: int
    scope: str
    name: str
    language: str
    passages: int
    words: bool
    meaning: bool
    facts: FileFacts = field(default_factory=FileFacts)


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage ready to be written."""

    ordinal: int
    text: str
    heading: str
    locator: Mapping[str, Any]
    length: int
    packed: bytes
    terms: frozenset[str]
    """For the vocabulary."""
    heavy: frozenset[str]
    """Those that it has more than once."""


@dataclass(frozen=True, slots=True)
class Clause:
    """Passages that have at least one term of every group, the newest first."""

    groups: Sequence[Sequence[str]]
    limit: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A text that waits to be indexed."""

    file_id: int
    scope: str
    name: str
    language: str
    sections: str
    received_at: float
    facts: FileFacts = field(default_factory=FileFacts)


@dataclass(frozen=True, slots=True)
class Unembedded:
    passage_id: int
    ordinal: int
    text: str
    heading: str


@dataclass
class Totals:
    """Over all scopes, for `plugram search status`."""

    scopes: int = 0
    files: int = 0
    passages: int = 0
    vectors: int = 0
    pending: int = 0
    wordless: int = 0
    """Files that aren't complete."""
    meaningless: int = 0
    """Files that aren't found by meaning yet."""
    meta: dict[str, str] = field(default_factory=dict)


class Index(ABC):
    """Reads and writes of the index tables. Who writes opens the transaction."""

    words_key = "passage_id"
    """Column of search_words with the passage's id."""
    passages_with_term: str
    """SQL: how many passages have the term `t.hash`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    # -- reading

    def reading(self, scope: Scope) -> AbstractAsyncContextManager[None]:
        """Around the readings of a search, so that they share what can be shared."""
        return self.db.reading(scope)

    @in_scope
    async def statistics(self, scope: Scope) -> Statistics:
        rows = await self.db.fetch(
            "SELECT 'scope' AS kind, files, passages, positions, vectors, removed, hidden, version,"
            " born, '' AS value FROM search_scopes WHERE scope = $1"
            " UNION ALL SELECT 'language', files, 0, 0, 0, 0, 0, 0, 0, language"
            " FROM search_languages WHERE scope = $1 AND files > 0"
            " UNION ALL SELECT 'fingerprint', 0, 0, 0, 0, 0, 0, 0, 0, value FROM search_meta"
            " WHERE key = 'fingerprint'",
            scope.key,
        )
        numbers = next((row for row in rows if row["kind"] == "scope"), None)
        if numbers is None:
            return Statistics()
        spoken = sorted((-row["files"], row["value"]) for row in rows if row["kind"] == "language")
        made = [row["value"] for row in rows if row["kind"] == "fingerprint"]
        return Statistics(
            files=numbers["files"],
            passages=numbers["passages"],
            positions=numbers["positions"],
            vectors=numbers["vectors"],
            removed=numbers["removed"],
            hidden=numbers["hidden"],
            version=numbers["version"],
            born=numbers["born"],
            languages=tuple(language for _, language in spoken if language),
            fingerprint=made[0] if made else None,
        )

    @in_scope
    async def is_as_new_as(self, scope: Scope, known: Statistics) -> bool:
        """Whether what can be found here is what the statistics tell of, or newer."""
        row = await self.db.fetchrow(
            "SELECT version, born FROM search_scopes WHERE scope = $1", scope.key
        )
        return row is not None and row["born"] == known.born and row["version"] >= known.version

    @in_scope
    async def known(self, scope: Scope, terms: Iterable[str]) -> dict[str, int]:
        """In how many passages each term is; those in none are missing."""
        by_hash = {term_hash(scope.key, term): term for term in terms}
        if not by_hash:
            return {}
        # With the scope as a condition SQLite would rather walk through the scope's vocabulary.
        rows = await self.db.fetch(
            f"SELECT hash, scope, passages FROM search_terms WHERE {self.among('hash', 1)}",
            self.listed(by_hash),
        )
        return {by_hash[row["hash"]]: row["passages"] for row in rows if row["scope"] == scope.key}

    @in_scope
    async def beginning_with(
        self, scope: Scope, prefix: str, *, shortest: int, longest: int, limit: int
    ) -> dict[str, int]:
        """The most frequent terms with a beginning; lengths are in characters."""
        rows = await self.db.fetch(
            "SELECT term, passages FROM search_terms WHERE scope = $1 AND term >= $2 AND term < $3"
            " AND length(term) BETWEEN $4 AND $5 ORDER BY passages DESC, term LIMIT $6",
            scope.key,
            prefix,
            prefix + "\U0010ffff",
            shortest,
            longest,
            limit,
        )
        return {row["term"]: row["passages"] for row in rows}

    @abstractmethod
    async def postings(
        self, scope: Scope, clauses: Sequence[Clause], within: Selection | None = None
    ) -> list[npt.NDArray[np.int64]]:
        """The passages of each clause, the newest first; those of the selection alone."""

    @abstractmethod
    async def nearest(
        self,
        scope: Scope,
        vector: npt.NDArray[np.float32],
        count: int,
        statistics: Statistics,
        within: Selection | None = None,
    ) -> list[int]:
        """About the `count` passages with the highest cosine; those of the selection alone."""

    @abstractmethod
    async def candidates(
        self,
        scope: Scope,
        passage_ids: Sequence[int],
        vectors: Sequence[npt.NDArray[np.float32] | None],
    ) -> list[Candidate]:
        """What the ranker wants to know of passages; those of other scopes are left out. `vectors`
        are readings of one query: a passage's cosine is the highest."""

    @in_scope
    async def passages(self, scope: Scope, passage_ids: Sequence[int]) -> dict[int, FoundPassage]:
        rows = await self.db.fetch(
            "SELECT p.id, p.file_id, p.ordinal, p.text, p.heading, p.locator, f.language"
            " FROM search_passages p JOIN search_files f ON f.file_id = p.file_id"
            f" WHERE p.scope = $1 AND {self.among('p.id', 2)}",
            scope.key,
            self.listed(passage_ids),
        )
        return {row["id"]: _found(row) for row in rows}

    @in_scope
    async def first_passages(
        self, scope: Scope, file_ids: Sequence[int]
    ) -> dict[int, FoundPassage]:
        """By file, how its text begins; files without text are missing."""
        rows = await self.db.fetch(
            "SELECT p.id, p.file_id, p.ordinal, p.text, p.heading, p.locator, f.language"
            " FROM search_passages p JOIN search_files f ON f.file_id = p.file_id"
            f" WHERE p.scope = $1 AND p.ordinal = 1 AND {self.among('p.file_id', 2)}",
            scope.key,
            self.listed(file_ids),
        )
        return {row["file_id"]: _found(row) for row in rows}

    @in_scope
    async def file(self, scope: Scope, file_id: int) -> IndexedFile | None:
        row = await self.db.fetchrow(
            f"{_FILE} WHERE file_id = $1 AND {_of('scope')}", file_id, scope.key
        )
        return _file(row, await self._tags([file_id])) if row else None

    async def files_after(self, file_id: int, limit: int) -> list[IndexedFile]:
        """All scopes' files by id, for whoever goes through them all."""
        with scoped(SYSTEM):
            rows = await self.db.fetch(
                f"{_FILE} WHERE file_id > $1 ORDER BY file_id LIMIT $2", file_id, limit
            )
            tags = await self._tags([row["file_id"] for row in rows])
        return [_file(row, tags) for row in rows]

    async def _tags(self, file_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        rows = await self.db.fetch(
            f"SELECT file_id, tag FROM search_tags WHERE {self.among('file_id', 1)} ORDER BY tag",
            self.listed(file_ids),
        )
        tags: dict[int, tuple[str, ...]] = {}
        for row in rows:
            tags[row["file_id"]] = (*tags.get(row["file_id"], ()), row["tag"])
        return tags

    @in_scope
    async def files_of(self, scope: Scope, limit: int) -> list[int]:
        """Some files of a scope, those whose text waits too."""
        rows = await self.db.fetch(
            "SELECT file_id FROM search_files WHERE scope = $1"
            " UNION SELECT file_id FROM search_pending WHERE scope = $1 LIMIT $2",
            scope.key,
            limit,
        )
        return [row["file_id"] for row in rows]

    @in_scope
    async def senders(self, scope: Scope) -> list[int]:
        """Telegram user ids of who sent the scope's files."""
        rows = await self.db.fetch(
            "SELECT DISTINCT sender_id FROM search_files WHERE scope = $1", scope.key
        )
        return [row["sender_id"] for row in rows]

    async def undescribed(self, limit: int) -> list[tuple[str, int]]:
        """Scope and id of files whose facts aren't known: they were indexed before they counted."""
        with scoped(SYSTEM):
            rows = await self.db.fetch(
                f"SELECT scope, file_id FROM search_files WHERE kind = '' LIMIT {limit:d}"
            )
        return [(row["scope"], row["file_id"]) for row in rows]

    async def meaningless(self, limit: int) -> list[IndexedFile]:
        """Files of all scopes that wait for their meaning, in the order in which they came."""
        with scoped(SYSTEM):
            rows = await self.db.fetch(
                f"{_FILE} WHERE words = 1 AND meaning = 0 ORDER BY file_id LIMIT $1", limit
            )
        return [_file(row, {}) for row in rows]

    @in_scope
    async def texts(self, scope: Scope, file_id: int) -> list[FoundPassage]:
        """A file's passages in order, its name not among them."""
        rows = await self.db.fetch(
            "SELECT p.id, p.file_id, p.ordinal, p.text, p.heading, p.locator, f.language"
            " FROM search_passages p JOIN search_files f ON f.file_id = p.file_id"
            f" WHERE p.file_id = $1 AND {_of('p.scope')} AND p.ordinal > 0 ORDER BY p.ordinal",
            file_id,
            scope.key,
        )
        return [_found(row) for row in rows]

    @in_scope
    async def unembedded(self, scope: Scope, file_id: int, limit: int) -> list[Unembedded]:
        """Passages that want a vector. A file's name gets one only if there is nothing else."""
        rows = await self.db.fetch(
            "SELECT p.id, p.ordinal, p.text, p.heading FROM search_passages p"
            " JOIN search_files f ON f.file_id = p.file_id"
            f" WHERE p.file_id = $1 AND {_of('p.scope')} AND (p.ordinal > 0 OR f.passages = 0)"
            " AND NOT EXISTS (SELECT 1 FROM search_vectors v WHERE v.passage_id = p.id)"
            " ORDER BY p.ordinal LIMIT $3",
            file_id,
            scope.key,
            limit,
        )
        return [Unembedded(row["id"], row["ordinal"], row["text"], row["heading"]) for row in rows]

    async def totals(self) -> Totals:
        """Of all scopes."""
        with scoped(SYSTEM):
            return await self._totals()

    async def _totals(self) -> Totals:
        row = await self.db.fetchrow(
            "SELECT (SELECT count(*) FROM search_scopes WHERE files > 0) AS scopes,"
            " (SELECT count(*) FROM search_files) AS files,"
            " (SELECT coalesce(sum(passages), 0) FROM search_scopes) AS passages,"
            " (SELECT coalesce(sum(vectors), 0) FROM search_scopes) AS vectors,"
            " (SELECT count(*) FROM search_pending) AS pending,"
            " (SELECT count(*) FROM search_files WHERE words = 0) AS wordless,"
            " (SELECT count(*) FROM search_files WHERE meaning = 0) AS meaningless"
        )
        meta = await self.db.fetch("SELECT key, value FROM search_meta")
        numbers = {name: int(value) for name, value in (row or {}).items()}
        return Totals(**numbers, meta={one["key"]: one["value"] for one in meta})

    # -- what the index knows of itself

    async def meta(self, key: str) -> str | None:
        value = await self.db.fetchval("SELECT value FROM search_meta WHERE key = $1", key)
        return None if value is None else str(value)

    async def set_meta(self, key: str, value: str) -> None:
        await self.db.execute(
            "INSERT INTO search_meta (key, value) VALUES ($1, $2)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )

    async def drop_meta(self, key: str) -> None:
        await self.db.execute("DELETE FROM search_meta WHERE key = $1", key)

    async def claim_meta(self, key: str, value: str) -> str:
        """Set it if nobody has; what holds."""
        await self.db.execute(
            "INSERT INTO search_meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
            key,
            value,
        )
        return await self.meta(key) or value

    # -- waiting texts

    async def put_pending(self, pending: Pending) -> None:
        """In the caller's transaction."""
        await self.db.execute(
            "INSERT INTO search_pending"
            " (file_id, scope, name, language, sections, received_at, facts)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (file_id) DO UPDATE SET"
            " scope = excluded.scope, name = excluded.name, language = excluded.language,"
            " sections = excluded.sections, received_at = excluded.received_at,"
            " facts = excluded.facts",
            pending.file_id,
            pending.scope,
            pending.name,
            pending.language,
            pending.sections,
            pending.received_at,
            pending.facts.as_json(),
        )

    @in_scope
    async def pending(self, scope: Scope, file_id: int) -> Pending | None:
        row = await self.db.fetchrow(
            "SELECT file_id, scope, name, language, sections, received_at, facts"
            f" FROM search_pending WHERE file_id = $1 AND {_of('scope')}",
            file_id,
            scope.key,
        )
        return Pending(**{**row, "facts": FileFacts.from_json(row["facts"])}) if row else None

    @in_scope
    async def pending_facts(self, scope: Scope, file_id: int) -> FileFacts | None:
        """Of a text that still waits; None if it doesn't."""
        written = await self.db.fetchval(
            f"SELECT facts FROM search_pending WHERE file_id = $1 AND {_of('scope')}",
            file_id,
            scope.key,
        )
        return None if written is None else FileFacts.from_json(written)

    @in_scope
    async def describe_pending(
        self, scope: Scope, file_id: int, name: str, facts: FileFacts
    ) -> None:
        """What is known of a file has changed while its text waits; who indexes the text at this
        moment leaves it to be indexed again."""
        await self.db.execute(
            "UPDATE search_pending SET name = $3, facts = $4, received_at = $5"
            f" WHERE file_id = $1 AND {_of('scope')}",
            file_id,
            scope.key,
            name,
            facts.as_json(),
            time.time(),
        )

    @in_scope
    async def drop_pending(self, scope: Scope, file_id: int, received_at: float) -> None:
        """Unless a newer text came meanwhile."""
        await self.db.execute(
            f"DELETE FROM search_pending WHERE file_id = $1 AND {_of('scope')}"
            " AND received_at <= $3",
            file_id,
            scope.key,
            received_at,
        )

    # -- writing

    async def lock(self, scope: str) -> None:
        """Until the transaction ends nobody else writes in this scope: two files that share words
        would wait for each other's rows of the vocabulary. SQLite has one writer anyway."""
        return

    async def open_file(self, file: IndexedFile, name_packed: bytes) -> None:
        """Make the file's row, incomplete as yet. Its old one must be gone."""
        await self.db.execute(
            "INSERT INTO search_files (file_id, scope, name, name_terms, language, passages,"
            " words, meaning, indexed_at) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7)",
            file.file_id,
            file.scope,
            file.name,
            name_packed,
            file.language,
            file.passages,
            time.time(),
        )
        await self._put_facts(file, file.facts)
        await self._add_statistics(file.scope, files=1, hidden=int(file.facts.hidden))
        await self.count_language(file.scope, file.language, 1)

    async def add_passages(self, file: IndexedFile, rows: Sequence[PassageRow]) -> None:
        ids = await self._insert_passages(file, rows)
        await self._insert_words(
            [
                (passage_id, _hashes(file.scope, row))
                for passage_id, row in zip(ids, rows, strict=True)
            ]
        )
        counts = Counter(term for row in rows for term in row.terms)
        await self._count_terms(
            sorted((term_hash(file.scope, term), file.scope, term, n) for term, n in counts.items())
        )
        texts = [row for row in rows if row.ordinal]
        await self._add_statistics(
            file.scope, passages=len(texts), positions=sum(row.length for row in texts)
        )

    async def finish_file(self, file: IndexedFile, *, words: bool, meaning: bool) -> None:
        there = await self.db.execute(
            "UPDATE search_files SET words = $2, meaning = $3 WHERE file_id = $1",
            file.file_id,
            int(words),
            int(meaning),
        )
        if there:
            await self._add_statistics(file.scope)

    async def describe(self, file: IndexedFile, facts: FileFacts) -> None:
        """Other facts than the file had; whether it is in the trash is one of them."""
        await self._put_facts(file, facts)
        await self._add_statistics(file.scope, hidden=int(facts.hidden) - int(file.facts.hidden))

    async def rename(self, file: IndexedFile, row: PassageRow) -> None:
        """Another name, the file's as it is given; `row` is the passage that stands for it."""
        rows = await self.db.fetch(
            "SELECT id, ordinal, length FROM search_passages WHERE file_id = $1 AND ordinal = 0",
            file.file_id,
        )
        await self._take_passages(file.scope, rows)
        await self.add_passages(file, [row])
        await self.db.execute(
            "UPDATE search_files SET name = $2, name_terms = $3, meaning ="
            " CASE WHEN passages = 0 THEN 0 ELSE meaning END WHERE file_id = $1",
            file.file_id,
            file.name,
            row.packed,
        )

    async def _put_facts(self, file: IndexedFile, facts: FileFacts) -> None:
        await self.db.execute(
            "UPDATE search_files SET kind = $2, mime = $3, sender_id = $4, chat_id = $5, size = $6,"
            " created_at = $7, title = $8, hidden = $9 WHERE file_id = $1",
            file.file_id,
            facts.kind,
            facts.mime,
            facts.sender_id,
            facts.chat_id,
            facts.size,
            facts.created_at,
            facts.title,
            int(facts.hidden),
        )
        await self.db.execute("DELETE FROM search_tags WHERE file_id = $1", file.file_id)
        if facts.tags:
            await self.db.executemany(
                "INSERT INTO search_tags (scope, file_id, tag) VALUES ($1, $2, $3)",
                [(file.scope, file.file_id, tag) for tag in dict.fromkeys(facts.tags)],
            )

    async def remove_passages(self, file: IndexedFile, limit: int) -> int:
        """Take up to `limit` passages of a file out, the last first; how many there were. The file
        isn't found any more from the first call on."""
        await self.db.execute(
            "UPDATE search_files SET words = 0, meaning = 0 WHERE file_id = $1", file.file_id
        )
        rows = await self.db.fetch(
            "SELECT id, ordinal, length FROM search_passages WHERE file_id = $1"
            " ORDER BY ordinal DESC LIMIT $2",
            file.file_id,
            limit,
        )
        await self._take_passages(file.scope, rows)
        return len(rows)

    async def _take_passages(self, scope: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Remove passages (id, ordinal, length) with all that belongs to them."""
        if not rows:
            return
        ids = [row["id"] for row in rows]
        counts = await self._take_words(ids)
        await self._uncount_terms(sorted(counts.items()))
        vectors = await self._take_vectors(ids)
        await self.db.execute(
            f"DELETE FROM search_passages WHERE {self.among('id', 1)}", self.listed(ids)
        )
        texts = [row for row in rows if row["ordinal"]]
        await self._add_statistics(
            scope,
            passages=-len(texts),
            positions=-sum(row["length"] for row in texts),
            vectors=-vectors,
            removed=vectors,
        )

    async def close_file(self, file: IndexedFile) -> None:
        """Remove the row of a file whose passages are gone."""
        hidden = await self.db.fetchval(
            "SELECT hidden FROM search_files WHERE file_id = $1", file.file_id
        )
        if hidden is None:
            return
        await self.db.execute("DELETE FROM search_files WHERE file_id = $1", file.file_id)
        await self.db.execute("DELETE FROM search_tags WHERE file_id = $1", file.file_id)
        await self._add_statistics(file.scope, files=-1, hidden=-hidden)
        await self.db.execute(
            "UPDATE search_languages SET files = files - 1 WHERE scope = $1 AND language = $2",
            file.scope,
            file.language,
        )

    async def close_scope(self, scope: str) -> None:
        """Forget a scope without files: its numbers name a person too. Whoever removes its last
        file calls it; index files are the caller's."""
        await self.db.execute("DELETE FROM search_languages WHERE scope = $1 AND files <= 0", scope)
        await self.db.execute("DELETE FROM search_scopes WHERE scope = $1 AND files <= 0", scope)

    async def drop_scope(self, scope: str) -> None:
        """Forget all that is counted of a scope; its passages must be gone."""
        for table in ("search_terms", "search_languages", "search_scopes", "search_results"):
            await self.db.execute(f"DELETE FROM {table} WHERE scope = $1", scope)

    async def forget_results(self, scope: str, file_id: int) -> None:
        """Take a file out of the result lists that are kept; those left without hits go."""
        with scoped(Scope(scope)):
            await self._forget_results(scope, file_id)

    async def _forget_results(self, scope: str, file_id: int) -> None:
        rows = await self.db.fetch("SELECT id, results FROM search_results WHERE scope = $1", scope)
        for row in rows:
            kept = json.loads(row["results"])
            hits = [hit for hit in kept["hits"] if hit[1] != file_id]
            if len(hits) == len(kept["hits"]):
                continue
            if not hits:
                await self.db.execute("DELETE FROM search_results WHERE id = $1", row["id"])
                continue
            await self.db.execute(
                "UPDATE search_results SET results = $2 WHERE id = $1",
                row["id"],
                json.dumps({**kept, "hits": hits}, ensure_ascii=False),
            )

    # -- mending: plugins/search/sweeping.py

    async def counted_terms(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Of the vocabulary by hash: `hash`, `scope`, `passages` as noted and as `there` are."""
        return await self.db.fetch(
            f"SELECT t.hash, t.scope, t.passages, ({self.passages_with_term}) AS there"
            " FROM search_terms t WHERE t.hash > $1 ORDER BY t.hash LIMIT $2",
            after,
            limit,
        )

    async def recount_term(self, scope: str, hashed: int) -> None:
        async with self.db.transaction(Scope(scope)):
            await self.lock(scope)
            await self.db.execute(
                f"UPDATE search_terms AS t SET passages = ({self.passages_with_term})"
                " WHERE t.hash = $1",
                hashed,
            )
            await self.db.execute(
                "DELETE FROM search_terms WHERE hash = $1 AND passages <= 0", hashed
            )

    async def drop_words(self, passage_ids: Sequence[int]) -> None:
        """Of passages that aren't any more."""
        counts = await self._take_words(passage_ids)
        await self._uncount_terms(sorted(counts.items()))

    async def drop_orphans(self, passage_ids: Sequence[int]) -> None:
        """Vectors of passages that aren't any more; statistics don't know of them, caches may."""
        rows = await self.db.fetch(
            "SELECT scope, count(*) AS vectors FROM search_vectors"
            f" WHERE {self.among('passage_id', 1)} GROUP BY scope",
            self.listed(passage_ids),
        )
        await self._take_vectors(passage_ids)
        for row in rows:
            await self._add_statistics(row["scope"], removed=row["vectors"])

    async def correct(self, scope: str, **more: int) -> None:
        """Add to what is noted of a scope: files, hidden, passages, positions, vectors."""
        await self._add_statistics(scope, **more)

    async def count_language(self, scope: str, language: str, files: int) -> None:
        """So many more files of a scope are in a language."""
        await self.db.execute(
            "INSERT INTO search_languages (scope, language, files) VALUES ($1, $2, $3)"
            " ON CONFLICT (scope, language)"
            " DO UPDATE SET files = search_languages.files + excluded.files",
            scope,
            language,
            files,
        )

    async def forget_words_at_once(self) -> None:
        """Where the database can, leave nothing for `merge_words`."""
        return

    async def holds_deleted_words(self) -> bool:
        """Whether `merge_words` has something to do."""
        return False

    async def merge_words(self) -> bool:
        """Take a part of what deleted passages left in the full-text index out of it. False:
        nothing is left of them there."""
        return False

    async def add_vectors(
        self, scope: str, passage_ids: Sequence[int], vectors: npt.NDArray[np.float32]
    ) -> None:
        """Passages that are gone meanwhile, or have a vector, are passed over."""
        if added := await self._insert_vectors(scope, passage_ids, vectors):
            await self._add_statistics(scope, vectors=added)

    @in_scope
    async def drop_vectors(self, scope: Scope, file_id: int) -> None:
        """Forget the meaning of a file."""
        rows = await self.db.fetch(
            "SELECT id FROM search_passages WHERE file_id = $1 AND scope = $2", file_id, scope.key
        )
        if rows and (gone := await self._take_vectors([row["id"] for row in rows])):
            await self._add_statistics(scope.key, vectors=-gone, removed=gone)
        await self.db.execute("UPDATE search_files SET meaning = 0 WHERE file_id = $1", file_id)

    async def _add_statistics(
        self,
        scope: str,
        *,
        files: int = 0,
        passages: int = 0,
        positions: int = 0,
        vectors: int = 0,
        removed: int = 0,
        hidden: int = 0,
    ) -> None:
        """Called with every change of what can be found, since it also moves the version on."""
        await self.db.execute(
            "INSERT INTO search_scopes"
            " (scope, files, passages, positions, vectors, removed, hidden, version, born)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8) ON CONFLICT (scope) DO UPDATE SET"
            " files = search_scopes.files + excluded.files,"
            " passages = search_scopes.passages + excluded.passages,"
            " positions = search_scopes.positions + excluded.positions,"
            " vectors = search_scopes.vectors + excluded.vectors,"
            " removed = search_scopes.removed + excluded.removed,"
            " hidden = search_scopes.hidden + excluded.hidden,"
            " version = search_scopes.version + 1",
            scope,
            files,
            passages,
            positions,
            vectors,
            removed,
            hidden,
            time.time_ns(),
        )

    # -- what dialects do their own way

    @abstractmethod
    def among(self, column: str, number: int) -> str:
        """SQL: a column is one of the numbers of a parameter."""

    @abstractmethod
    def listed(self, numbers: Iterable[int]) -> Any:
        """The parameter for it."""

    @abstractmethod
    async def numbers(self, sql: str, *args: Any) -> npt.NDArray[np.int64]:
        """All of the only column, `id`, of a query. A hundred thousand rows of one number each
        would take longer to make than to find."""

    @abstractmethod
    async def _insert_passages(self, file: IndexedFile, rows: Sequence[PassageRow]) -> list[int]:
        """Their ids, in order."""

    @abstractmethod
    async def _insert_words(self, rows: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Passage id and hashes."""

    @abstractmethod
    async def _take_words(self, passage_ids: Sequence[int]) -> Counter[int]:
        """Remove them; in how many of the passages each hash was."""

    @abstractmethod
    async def _count_terms(self, rows: Sequence[tuple[int, str, str, int]]) -> None:
        """Hash, scope, term, passages; by hash."""

    @abstractmethod
    async def _uncount_terms(self, rows: Sequence[tuple[int, int]]) -> None:
        """Hash, passages; by hash."""

    @abstractmethod
    async def _insert_vectors(
        self, scope: str, passage_ids: Sequence[int], vectors: npt.NDArray[np.float32]
    ) -> int:
        """How many were added."""

    @abstractmethod
    async def _take_vectors(self, passage_ids: Sequence[int]) -> int:
        """Remove them; how many there were."""


def kept(
    found: npt.NDArray[np.int64], clause: Clause, within: Selection | None
) -> npt.NDArray[np.int64]:
    """The passages of a clause that a selection allows, as many as were asked for."""
    return found if within is None else within.keep(found)[: clause.limit]


def row(
    scope: str,
    ordinal: int,
    text: str,
    tokens: Sequence[Token],
    *,
    packed: bytes,
    titles: Iterable[str] = (),
    heading: str = "",
    locator: Mapping[str, Any] | None = None,
) -> PassageRow:
    """A passage as it is written, of its text, its tokens and the terms of the titles above it."""
    counts: Counter[str] = Counter(titles)
    for token in tokens:
        counts.update({token.exact, token.stem, *token.extras})
    # A name counts as heavy throughout: who types it wants the file.
    heavy = counts if not ordinal else (term for term, count in counts.items() if count > 1)
    return PassageRow(
        ordinal=ordinal,
        text=text,
        heading=heading,
        locator=locator or {},
        length=len(tokens),
        packed=packed,
        terms=frozenset(counts),
        heavy=frozenset(heavy),
    )


def _hashes(scope: str, row: PassageRow) -> list[int]:
    marked = (term + HEAVY for term in row.heavy)
    return sorted({term_hash(scope, term) for term in (*row.terms, *marked)})


def _of(column: str) -> str:
    """SQL: a row is of the scope that is the second argument, which may be the system's."""
    return f"({column} = $2 OR $2 = 'system')"


_FILE = (
    "SELECT file_id, scope, name, language, passages, words, meaning, kind, mime, sender_id,"
    " chat_id, size, created_at, title, hidden FROM search_files"
)


def _file(row: Mapping[str, Any], tags: Mapping[int, tuple[str, ...]]) -> IndexedFile:
    return IndexedFile(
        file_id=row["file_id"],
        scope=row["scope"],
        name=row["name"],
        language=row["language"],
        passages=row["passages"],
        words=bool(row["words"]),
        meaning=bool(row["meaning"]),
        facts=FileFacts.of_row(row, tags.get(row["file_id"], ())),
    )


def _found(row: Mapping[str, Any]) -> FoundPassage:
    return FoundPassage(
        passage_id=row["id"],
        file_id=row["file_id"],
        text=row["text"],
        heading=row["heading"],
        locator=json.loads(row["locator"]),
        language=row["language"],
        is_name=not row["ordinal"],
    )
