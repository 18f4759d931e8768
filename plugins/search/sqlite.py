"""The index on SQLite: FTS5 for terms, blobs and an index file per large scope for vectors."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
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
from plugram import DatabaseError, in_scope

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.selection import Selection
    from plugins.search.vectors import VectorCache
    from plugram import Database, Scope


_MERGED_AT_ONCE = 200
"""Pages of the full-text index that are written in one statement: about 0.1 s."""


class SqliteIndex(Index):
    """Blobs hold float16 numbers, little-endian."""

    words_key = "rowid"
    passages_with_term = (
        "SELECT count(*) FROM search_words WHERE search_words MATCH printf('%012x', t.hash)"
    )

    def __init__(self, db: Database, vectors: VectorCache) -> None:
        super().__init__(db)
        self.vectors = vectors

    async def postings(
        self, scope: Scope, clauses: Sequence[Clause], within: Selection | None = None
    ) -> list[npt.NDArray[np.int64]]:
        if not clauses:
            return []
        # One statement for all, and one row each: a hop to the database's thread costs more than
        # most lists.
        parts = [
            f"SELECT {number} AS clause, group_concat(rowid) AS ids FROM (SELECT rowid FROM"
            f" search_words WHERE search_words MATCH ${2 * number + 1}"
            f" ORDER BY rowid DESC LIMIT ${2 * number + 2})"
            for number in range(len(clauses))
        ]
        args = [
            arg
            for clause in clauses
            for arg in (
                _expression(scope.key, clause),
                clause.limit if within is None else LOOKED_THROUGH,
            )
        ]
        rows = await self.db.fetch(" UNION ALL ".join(parts), *args)
        found = {row["clause"]: row["ids"] for row in rows}
        return [
            kept(_ids(found.get(number)), clause, within) for number, clause in enumerate(clauses)
        ]

    async def nearest(
        self,
        scope: Scope,
        vector: npt.NDArray[np.float32],
        count: int,
        statistics: Statistics,
        within: Selection | None = None,
    ) -> list[int]:
        return await self.vectors.nearest(scope.key, vector, count, statistics, within)

    @in_scope
    async def candidates(
        self,
        scope: Scope,
        passage_ids: Sequence[int],
        vectors: Sequence[npt.NDArray[np.float32] | None],
    ) -> list[Candidate]:
        if not passage_ids:
            return []
        readings = [vector for vector in vectors if vector is not None]
        rows = await self.db.fetch(
            "SELECT p.id, p.file_id, p.terms, f.name_terms, v.vector FROM search_passages p"
            " JOIN search_files f ON f.file_id = p.file_id"
            " LEFT JOIN search_vectors v ON v.passage_id = p.id AND $3"
            f" WHERE {self.among('p.id', 1)} AND p.scope = $2"
            " AND f.words = 1 AND f.hidden = 0",
            self.listed(passage_ids),
            scope.key,
            int(bool(readings)),
        )
        cosines = _cosines([row["vector"] for row in rows], readings)
        return [
            Candidate(row["id"], row["file_id"], row["terms"], row["name_terms"], cosine)
            for row, cosine in zip(rows, cosines, strict=True)
        ]

    # -- writing

    async def _insert_passages(self, file: IndexedFile, rows: Sequence[PassageRow]) -> list[int]:
        await self.db.executemany(
            "INSERT INTO search_passages"
            " (scope, file_id, ordinal, length, terms, text, heading, locator)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                (
                    file.scope,
                    file.file_id,
                    row.ordinal,
                    row.length,
                    row.packed,
                    row.text,
                    row.heading,
                    json.dumps(dict(row.locator), ensure_ascii=False),
                )
                for row in rows
            ],
        )
        found = await self.db.fetch(
            "SELECT id, ordinal FROM search_passages WHERE file_id = $1"
            " AND ordinal BETWEEN $2 AND $3",
            file.file_id,
            min(row.ordinal for row in rows),
            max(row.ordinal for row in rows),
        )
        by_ordinal = {row["ordinal"]: row["id"] for row in found}
        return [by_ordinal[row.ordinal] for row in rows]

    async def _insert_words(self, rows: Sequence[tuple[int, Sequence[int]]]) -> None:
        await self.db.executemany(
            "INSERT INTO search_words (rowid, terms) VALUES ($1, $2)",
            [(passage_id, " ".join(map(_token, hashes))) for passage_id, hashes in rows],
        )

    async def _take_words(self, passage_ids: Sequence[int]) -> Counter[int]:
        numbers = self.listed(passage_ids)
        rows = await self.db.fetch(
            f"SELECT terms FROM search_words WHERE {self.among('rowid', 1)}", numbers
        )
        await self.db.execute(f"DELETE FROM search_words WHERE {self.among('rowid', 1)}", numbers)
        return Counter(int(token, 16) for row in rows for token in row["terms"].split())

    async def _count_terms(self, rows: Sequence[tuple[int, str, str, int]]) -> None:
        await self.db.executemany(
            "INSERT INTO search_terms (hash, scope, term, passages) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (hash) DO UPDATE SET passages = passages + excluded.passages",
            rows,
        )

    async def _uncount_terms(self, rows: Sequence[tuple[int, int]]) -> None:
        await self.db.executemany(
            "UPDATE search_terms SET passages = passages - $2 WHERE hash = $1", rows
        )
        await self.db.execute(
            f"DELETE FROM search_terms WHERE passages <= 0 AND {self.among('hash', 1)}",
            self.listed(hashed for hashed, _ in rows),
        )

    async def _insert_vectors(
        self, scope: str, passage_ids: Sequence[int], vectors: npt.NDArray[np.float32]
    ) -> int:
        there = await self.db.fetch(
            "SELECT p.id FROM search_passages p LEFT JOIN search_vectors v ON v.passage_id = p.id"
            f" WHERE {self.among('p.id', 1)} AND v.passage_id IS NULL",
            self.listed(passage_ids),
        )
        wanted = {row["id"] for row in there}
        rows = [
            (passage_id, scope, vector.tobytes())
            for passage_id, vector in zip(passage_ids, vectors.astype("<f2"), strict=True)
            if passage_id in wanted
        ]
        await self.db.executemany(
            "INSERT INTO search_vectors (passage_id, scope, vector) VALUES ($1, $2, $3)", rows
        )
        return len(rows)

    async def _take_vectors(self, passage_ids: Sequence[int]) -> int:
        return await self.db.execute(
            f"DELETE FROM search_vectors WHERE {self.among('passage_id', 1)}",
            self.listed(passage_ids),
        )

    async def forget_words_at_once(self) -> None:
        """Have FTS5 take words of deleted passages out of its lists: else it only notes that they
        are gone, until `merge_words`. SQLite can since 3.42, and older ones can't read the index
        any more."""
        with contextlib.suppress(DatabaseError):
            await self.db.execute(
                "INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', 1)"
            )

    async def holds_deleted_words(self) -> bool:
        at_once = await self.db.fetchval(
            "SELECT v FROM search_words_config WHERE k = 'secure-delete'"
        )
        return not at_once and await self._has_several_lists()

    async def _has_several_lists(self) -> bool:
        """A single one has no notes of what is gone from another."""
        return int(await self.db.fetchval("SELECT count(DISTINCT segid) FROM search_words_idx")) > 1

    async def merge_words(self) -> bool:
        if not await self._has_several_lists():
            return False
        # A negative number begins to merge all lists into one, or goes on with it.
        await self.db.execute(
            "INSERT INTO search_words (search_words, rank) VALUES ('merge', $1)", -_MERGED_AT_ONCE
        )
        return True

    def among(self, column: str, number: int) -> str:
        return f"{column} IN (SELECT value FROM json_each(${number}))"

    def listed(self, numbers: Iterable[int]) -> Any:
        return json.dumps(list(numbers))

    async def numbers(self, sql: str, *args: Any) -> npt.NDArray[np.int64]:
        return _ids(await self.db.fetchval(f"SELECT group_concat(id) AS ids FROM ({sql})", *args))


def _token(hashed: int) -> str:
    return f"{hashed:012x}"


def _expression(scope: str, clause: Clause) -> str:
    """In FTS5's query language; every token is hexadecimal, so nothing needs quoting."""
    return " AND ".join(
        f"({' OR '.join(_token(term_hash(scope, term)) for term in group)})"
        for group in clause.groups
    )


def _ids(joined: str | None) -> npt.NDArray[np.int64]:
    return np.array(joined.split(","), dtype=np.int64) if joined else np.empty(0, np.int64)


def _cosines(
    blobs: Sequence[bytes | None], readings: Sequence[npt.NDArray[np.float32]]
) -> list[float | None]:
    """To each vector the highest; None where there is none, or one of another length."""
    cosines: list[float | None] = [None] * len(blobs)
    if not readings:
        return cosines
    size = readings[0].size
    there = [
        (at, blob) for at, blob in enumerate(blobs) if blob is not None and len(blob) == 2 * size
    ]
    if there:
        joined = np.frombuffer(b"".join(blob for _, blob in there), dtype="<f2")
        products = joined.astype(np.float32).reshape(len(there), size) @ np.stack(readings).T
        for (at, _), product in zip(there, products.max(axis=1).tolist(), strict=True):
            cosines[at] = product
    return cosines
