"""The index on PostgreSQL: arrays under GIN for terms, pgvector for meaning."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from plugins.search.index import (
    LOOKED_THROUGH,
    Clause,
    Index,
    IndexedFile,
    PassageRow,
    Statistics,
    kept,
)
from plugins.search.ranker import Candidate, term_hash

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.selection import Selection
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
    "SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL hnsw.ef_search = 200;"
    " SET LOCAL hnsw.iterative_scan = relaxed_order"
)
"""For one transaction. Statistics on hashes mislead the planner: a list of them must never be
looked for row by row. A scope is a filter, so the vectors' index is walked on until enough of it
is found."""


class PostgresIndex(Index):
    """Vectors are `halfvec`s of unit length, so the inner product is the cosine."""

    passages_with_term = "SELECT count(*) FROM search_words w WHERE w.terms @> ARRAY[t.hash]"

    def __init__(self, db: Database, *, exact_below: int) -> None:
        super().__init__(db)
        self._exact_below = min(exact_below, _EXACT)
        self._all = (0.0, 0.0)

    @asynccontextmanager
    async def reading(self, scope: Scope) -> AsyncIterator[None]:
        """One transaction, which row-level security needs to know the scope, and our planner."""
        async with self.db.transaction(scope, setup=_TUNED):
            yield

    async def postings(
        self, scope: Scope, clauses: Sequence[Clause], within: Selection | None = None
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
            args.append(clause.limit if within is None else LOOKED_THROUGH)
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
        return [
            kept(np.array(found.get(number, []), dtype=np.int64), clause, within)
            for number, clause in enumerate(clauses)
        ]

    async def nearest(
        self,
        scope: Scope,
        vector: npt.NDArray[np.float32],
        count: int,
        statistics: Statistics,
        within: Selection | None = None,
    ) -> list[int]:
        there = statistics.vectors
        if within is not None and not within.others:
            there = min(there, within.ids.size)
        async with self.reading(scope):
            walks = vector.size in _INDEXED and await self._walks(there, count)
            found = await self._closest(scope, vector, count, within, walks=walks)
            if walks and within is not None and len(found) < min(count, there):
                # What is wanted lies far from the query, and the walk gave up on the way.
                found = await self._closest(scope, vector, count, within, walks=False)
        return found

    async def _closest(
        self,
        scope: Scope,
        vector: npt.NDArray[np.float32],
        count: int,
        within: Selection | None,
        *,
        walks: bool,
    ) -> list[int]:
        size = vector.size
        # Only a cast to the indexed type can use the index.
        embedding = f"embedding::halfvec({size})" if walks else "embedding"
        args: list[Any] = [scope.key, vector.tolist(), count]
        condition = ""
        if within is not None:
            args.append(within.ids.tolist())
            chosen = "<> ALL($4::bigint[])" if within.others else "= ANY($4::bigint[])"
            condition = f" AND passage_id {chosen}"
            # With the list itself the planner hashes it; with a parameter it would be gone through
            # for every row.
            await self.db.fetch("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
        if walks:  # row-level security makes the planner expect few rows, and sort them instead
            await self.db.fetch("SELECT set_config('enable_sort', 'off', true)")
        rows = await self.db.fetch(
            f"SELECT passage_id FROM search_vectors WHERE scope = $1 AND dimension = {size:d}"
            f"{condition} ORDER BY {embedding} <#> $2::real[]::halfvec({size:d}) LIMIT $3",
            *args,
        )
        if walks:
            await self.db.fetch("SELECT set_config('enable_sort', 'on', true)")
        return [row["passage_id"] for row in rows]

    async def _walks(self, vectors: int, count: int) -> bool:
        """Whether walking the index beats comparing the vectors that are wanted one by one. The
        index holds all scopes', and the others are walked past."""
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
        if not passage_ids:
            return []
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
                # OFFSET keeps it a look-up for each passage: without statistics of young tables the
                # planner would rather go through all files.
                " FROM search_passages p CROSS JOIN LATERAL (SELECT name_terms FROM search_files"
                " WHERE file_id = p.file_id AND words = 1 AND hidden = 0 OFFSET 0) f"
                " LEFT JOIN search_vectors v ON v.passage_id = p.id"
                f" WHERE {self.among('p.id', 1)} AND p.scope = $2",
                self.listed(passage_ids),
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
            f"DELETE FROM search_words WHERE {self.among('passage_id', 1)} RETURNING terms",
            self.listed(passage_ids),
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
                f"DELETE FROM search_terms WHERE passages <= 0 AND {self.among('hash', 1)}",
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
            f"DELETE FROM search_vectors WHERE {self.among('passage_id', 1)}",
            self.listed(passage_ids),
        )

    def among(self, column: str, number: int) -> str:
        return f"{column} = ANY(${number}::bigint[])"

    def listed(self, numbers: Iterable[int]) -> Any:
        return list(numbers)

    async def numbers(self, sql: str, *args: Any) -> npt.NDArray[np.int64]:
        # As text: asyncpg makes a Python number of each element of an array.
        joined = await self.db.fetchval(
            f"SELECT string_agg(id::text, ',') AS ids FROM ({sql}) AS found", *args
        )
        return np.array(joined.split(","), dtype=np.int64) if joined else np.empty(0, np.int64)


def _literal(vector: npt.NDArray[np.float32]) -> str:
    return "[" + ",".join(map(str, vector.tolist())) + "]"
