"""The index on PostgreSQL: arrays under GIN for terms, pgvector for meaning."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from plugins.search.index import Clause, Index, IndexedFile, PassageRow, Statistics
from plugins.search.ranker import Candidate, term_hash

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugram import Database, Scope

_INDEXED = frozenset({256, 384, 512, 768, 1024, 1536, 3072})
"""Dimensions that the migration made indexes for."""

_EXACT = 5_000
"""A scope with fewer vectors is always compared one by one: the index could hardly be faster."""
_COMPARING = 0.00055
"""Milliseconds to compare a vector one by one (measured, 512 dimensions)."""
_WALKING = 3.0, 0.01
"""Milliseconds to walk the index, and for each vector that it comes by."""
_COUNT_FOR = 60.0
"""Seconds that the estimated number of all vectors is taken to be what it was."""

_TUNED = (
    "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    " set_config('hnsw.ef_search', '200', true),"
    " set_config('hnsw.iterative_scan', 'relaxed_order', true)"
)
"""For one transaction. Statistics on hashes mislead the planner: a list of them must never be
looked for row by row. A scope is a filter, so the vectors' index is walked on until enough of it
is found."""


class PostgresIndex(Index):
    """Vectors are `halfvec`s of unit length, so the inner product is the cosine."""

    def __init__(self, db: Database, *, exact_below: int) -> None:
        super().__init__(db)
        self._exact_below = min(exact_below, _EXACT)
        self._all = (0.0, 0.0)

    @asynccontextmanager
    async def reading(self, scope: Scope) -> AsyncIterator[None]:
        """One transaction, which row-level security needs to know the scope, and our planner."""
        outermost = self.db.current is None
        async with self.db.transaction(scope):
            if outermost:
                await self.db.fetch(_TUNED)
            yield

    async def postings(
        self, scope: Scope, clauses: Sequence[Clause]
    ) -> list[npt.NDArray[np.int64]]:
        if not clauses:
            return []
        parts: list[str] = []
        args: list[Any] = []
        for number, clause in enumerate(clauses):
            conditions = []
            for group in clause.groups:
                args.append([term_hash(scope.key, term) for term in group])
                conditions.append(f"terms && ${len(args)}::bigint[]")
            args.append(clause.limit)
            # Materialised, or the planner might walk the primary key backwards to spare the sort.
            parts.append(
                f"SELECT {number} AS clause, array_agg(passage_id) AS ids FROM"
                " (WITH hits AS MATERIALIZED (SELECT passage_id FROM search_words"
                f" WHERE {' AND '.join(conditions)})"
                f" SELECT passage_id FROM hits ORDER BY passage_id DESC LIMIT ${len(args)}) newest"
            )
        async with self.reading(scope):
            rows = await self.db.fetch(" UNION ALL ".join(parts), *args)
        found = {row["clause"]: row["ids"] or [] for row in rows}
        return [np.array(found.get(n, []), dtype=np.int64) for n in range(len(clauses))]

    async def nearest(
        self, scope: Scope, vector: npt.NDArray[np.float32], count: int, statistics: Statistics
    ) -> list[int]:
        size = vector.size
        async with self.reading(scope):
            # Only a cast to the indexed type can use the index.
            indexed = size in _INDEXED and await self._walks(statistics.vectors, count)
            embedding = f"embedding::halfvec({size})" if indexed else "embedding"
            rows = await self.db.fetch(
                f"SELECT passage_id FROM search_vectors WHERE scope = $1 AND dimension = {size:d}"
                f" ORDER BY {embedding} <#> $2::real[]::halfvec({size:d}) LIMIT $3",
                scope.key,
                vector.tolist(),
                count,
            )
        return [row["passage_id"] for row in rows]

    async def _walks(self, vectors: int, count: int) -> bool:
        """Whether walking the index beats comparing all the scope's vectors. The index holds all
        scopes', and those of the others are walked past."""
        if vectors < self._exact_below:
            return False
        counted, until = self._all
        if time.monotonic() > until:
            counted = await self.db.fetchval(
                "SELECT reltuples::float8 FROM pg_class WHERE oid = 'search_vectors'::regclass"
            )
            self._all = (counted, time.monotonic() + _COUNT_FOR)
        start, each = _WALKING
        walked = count * max(counted / vectors, 1.0)
        return start + each * walked < _COMPARING * vectors

    async def candidates(
        self,
        scope: Scope,
        passage_ids: Sequence[int],
        vectors: Sequence[npt.NDArray[np.float32] | None],
    ) -> list[Candidate]:
        readings = [vector for vector in vectors if vector is not None]
        cosine = "NULL::float8"
        if readings:
            size = readings[0].size
            products = ", ".join(
                f"-(v.embedding <#> ${number}::real[]::halfvec({size:d}))"
                for number in range(3, 3 + len(readings))
            )
            cosine = f"CASE WHEN v.dimension = {size:d} THEN greatest({products}) END"
        async with self.reading(scope):
            rows = await self.db.fetch(
                f"SELECT p.id, p.file_id, p.terms, f.name_terms, {cosine} AS cosine"
                " FROM search_passages p JOIN search_files f ON f.file_id = p.file_id"
                " LEFT JOIN search_vectors v ON v.passage_id = p.id"
                f" WHERE p.id {self._among(1)} AND p.scope = $2 AND f.words = 1",
                self._numbers(passage_ids),
                scope.key,
                *(vector.tolist() for vector in readings),
            )
        return [
            Candidate(row["id"], row["file_id"], row["terms"], row["name_terms"], row["cosine"])
            for row in rows
        ]

    # -- writing

    async def lock(self, scope: str) -> None:
        await self.db.fetch(
            "SELECT pg_advisory_xact_lock(hashtextextended('plugram search ' || $1, 0))", scope
        )

    async def _insert_passages(self, file: IndexedFile, rows: Sequence[PassageRow]) -> list[int]:
        found = await self.db.fetch(
            "INSERT INTO search_passages"
            " (scope, file_id, ordinal, length, terms, text, heading, locator)"
            " SELECT $1, $2, * FROM"
            " unnest($3::int[], $4::int[], $5::bytea[], $6::text[], $7::text[], $8::text[])"
            " RETURNING id, ordinal",
            file.scope,
            file.file_id,
            [row.ordinal for row in rows],
            [row.length for row in rows],
            [row.packed for row in rows],
            [row.text for row in rows],
            [row.heading for row in rows],
            [json.dumps(dict(row.locator), ensure_ascii=False) for row in rows],
        )
        by_ordinal = {row["ordinal"]: row["id"] for row in found}
        return [by_ordinal[row.ordinal] for row in rows]

    async def _insert_words(self, rows: Sequence[tuple[int, Sequence[int]]]) -> None:
        await self.db.executemany(
            "INSERT INTO search_words (passage_id, terms) VALUES ($1, $2)",
            [(passage_id, list(hashes)) for passage_id, hashes in rows],
        )

    async def _take_words(self, passage_ids: Sequence[int]) -> Counter[int]:
        rows = await self.db.fetch(
            f"DELETE FROM search_words WHERE passage_id {self._among(1)} RETURNING terms",
            self._numbers(passage_ids),
        )
        return Counter(hashed for row in rows for hashed in row["terms"])

    async def _count_terms(self, rows: Sequence[tuple[int, str, str, int]]) -> None:
        if rows:
            hashes, scopes, terms, passages = zip(*rows, strict=True)
            await self.db.execute(
                "INSERT INTO search_terms (hash, scope, term, passages) SELECT * FROM"
                " unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])"
                " ON CONFLICT (hash) DO UPDATE"
                " SET passages = search_terms.passages + excluded.passages",
                list(hashes),
                list(scopes),
                list(terms),
                list(passages),
            )

    async def _uncount_terms(self, rows: Sequence[tuple[int, int]]) -> None:
        if rows:
            hashes, passages = zip(*rows, strict=True)
            await self.db.execute(
                "UPDATE search_terms SET passages = search_terms.passages - gone.passages"
                " FROM unnest($1::bigint[], $2::bigint[]) AS gone (hash, passages)"
                " WHERE search_terms.hash = gone.hash",
                list(hashes),
                list(passages),
            )
            await self.db.execute(
                f"DELETE FROM search_terms WHERE passages <= 0 AND hash {self._among(1)}",
                list(hashes),
            )

    async def _insert_vectors(
        self, scope: str, passage_ids: Sequence[int], vectors: npt.NDArray[np.float32]
    ) -> int:
        rows = await self.db.fetch(
            "INSERT INTO search_vectors (passage_id, scope, dimension, embedding)"
            " SELECT new.id, $1, $2, new.embedding::halfvec FROM"
            " unnest($3::bigint[], $4::text[]) AS new (id, embedding)"
            " JOIN search_passages p ON p.id = new.id"
            " ON CONFLICT (passage_id) DO NOTHING RETURNING passage_id",
            scope,
            int(vectors.shape[1]),
            list(passage_ids),
            [_literal(vector) for vector in vectors],
        )
        return len(rows)

    async def _take_vectors(self, passage_ids: Sequence[int]) -> int:
        return await self.db.execute(
            f"DELETE FROM search_vectors WHERE passage_id {self._among(1)}",
            self._numbers(passage_ids),
        )

    def _among(self, number: int) -> str:
        return f"= ANY(${number}::bigint[])"

    def _numbers(self, numbers: Iterable[int]) -> Any:
        return list(numbers)


def _literal(vector: npt.NDArray[np.float32]) -> str:
    return "[" + ",".join(map(str, vector.tolist())) + "]"
