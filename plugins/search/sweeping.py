"""What search keeps of files that aren't any more: told, and taken away.

Where statistics are compared with what they count, one statement reads both: files that are
indexed meanwhile change nothing of the difference.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterable
from typing import TYPE_CHECKING, Any

from plugram import SYSTEM, Scope, scoped

if TYPE_CHECKING:
    from plugins.search.engine import Engine
    from plugins.search.indexing import Indexer
    from plugram import FileLibrary

_AT_ONCE = 200
"""Rows that are looked at, or taken away, in one statement."""
_OF_FILES = ("search_files", "search_pending", "search_tags", "search_passages")
"""Tables with a column file_id."""

_NOTED = ("files", "hidden", "passages", "positions", "vectors")
"""What search_scopes says of each scope."""

# Summed up, how much more is noted of each scope than there is.
_TOO_MANY = (
    "SELECT scope, sum(files) AS files, sum(hidden) AS hidden, sum(passages) AS passages,"
    " sum(positions) AS positions, sum(vectors) AS vectors FROM ("
    "SELECT scope, files, hidden, passages, positions, vectors FROM search_scopes"
    " UNION ALL SELECT scope, -1, -hidden, 0, 0, 0 FROM search_files"
    " UNION ALL SELECT scope, 0, 0, -1, -length, 0 FROM search_passages WHERE ordinal > 0"
    " UNION ALL SELECT scope, 0, 0, 0, 0, -1 FROM search_vectors"
    ") AS noted GROUP BY scope HAVING sum(files) <> 0 OR sum(hidden) <> 0 OR sum(passages) <> 0"
    " OR sum(positions) <> 0 OR sum(vectors) <> 0 ORDER BY scope"
)
_TOO_MANY_SPOKEN = (
    "SELECT scope, language, sum(files) AS files FROM ("
    "SELECT scope, language, files FROM search_languages"
    " UNION ALL SELECT scope, language, -1 FROM search_files"
    ") AS noted GROUP BY scope, language HAVING sum(files) <> 0 ORDER BY scope, language"
)


class Sweeper:
    """Goes through everything that search keeps, some rows at a time."""

    def __init__(
        self,
        engine: Engine,
        indexer: Indexer,
        *,
        fix: bool = False,
        files: FileLibrary | None = None,
    ) -> None:
        """With `fix` what is found is taken away; `files` knows of those that came meanwhile."""
        self._engine = engine
        self._index = engine.index
        self._db = engine.db
        self._indexer = indexer
        self._fix = fix
        self._files = files

    async def leftovers(self, file_ids: Collection[int]) -> list[str]:
        """A line for each thing that is found. `file_ids`: all files that there are."""
        there = set(file_ids)
        parts = (
            self._strangers(there),
            self._results(there),
            self._orphans(),
            self._terms(),
            self._statistics(),
            self._languages(),
            self._empty_scopes(),
            self._vector_files(),
        )
        with scoped(SYSTEM):
            found = [line for part in parts async for line in part]
            if self._fix:
                while await self._index.merge_words():
                    await self._engine.make_way()
        return found

    # -- rows of files

    async def _strangers(self, there: set[int]) -> AsyncIterator[str]:
        """Rows of files that aren't any more."""
        counted: dict[int, dict[str, int]] = {}
        for table in _OF_FILES:
            rows = await self._db.fetch(
                f"SELECT file_id, count(*) AS rows FROM {table} GROUP BY file_id"  # noqa: S608 - ours
            )
            for row in rows:
                if row["file_id"] not in there:
                    counted.setdefault(row["file_id"], {})[table] = row["rows"]
        for file_id in sorted(counted):
            scopes = await self._scopes(file_id)
            if await self._came_meanwhile(file_id, scopes):
                continue
            for table, number in counted[file_id].items():
                yield f"{table}: {number} rows of file {file_id}"
            if self._fix:
                await self._erase(file_id, scopes)

    async def _scopes(self, file_id: int) -> list[Scope]:
        parts = (f"SELECT scope FROM {table} WHERE file_id = $1" for table in _OF_FILES)  # noqa: S608 - ours
        rows = await self._db.fetch(" UNION ".join(parts), file_id)
        return [Scope(row["scope"]) for row in rows]

    async def _came_meanwhile(self, file_id: int, scopes: Iterable[Scope]) -> bool:
        if self._files is None:
            return False
        for scope in scopes:
            if await self._files.get(scope, file_id) is not None:
                return True
        return False

    async def _erase(self, file_id: int, scopes: Iterable[Scope]) -> None:
        for scope in scopes:
            await self._indexer.forget(scope, file_id)
            await self._indexer.forget_passages(scope, file_id)
        await self._db.execute("DELETE FROM search_tags WHERE file_id = $1", file_id)

    async def _results(self, there: set[int]) -> AsyncIterator[str]:
        """Result lists that are kept, and name such a file."""
        last = 0
        while rows := await self._db.fetch(
            "SELECT id, scope, results FROM search_results WHERE id > $1 ORDER BY id LIMIT $2",
            last,
            _AT_ONCE,
        ):
            last = rows[-1]["id"]
            for row in rows:
                scope = Scope(row["scope"])
                named = {hit[1] for hit in json.loads(row["results"])["hits"]} - there
                for file_id in sorted(named):
                    if await self._came_meanwhile(file_id, [scope]):
                        continue
                    yield f"search_results: list {row['id']} has file {file_id}"
                    if self._fix:
                        await self._index.forget_results(scope.key, file_id)

    # -- rows of passages

    async def _orphans(self) -> AsyncIterator[str]:
        """Words and vectors of passages that aren't any more."""
        words = await self._take("search_words", self._index.words_key, self._index.drop_words)
        if words:
            yield f"search_words: {words} rows of no passage"
        vectors = await self._take("search_vectors", "passage_id", self._index.drop_orphans)
        if vectors:
            yield f"search_vectors: {vectors} rows of no passage"

    async def _take(self, table: str, key: str, drop: Any) -> int:
        """How many rows have no passage; they are dropped if that is wanted."""
        where = f"NOT EXISTS (SELECT 1 FROM search_passages p WHERE p.id = o.{key})"  # noqa: S608 - ours
        number = await self._db.fetchval(f"SELECT count(*) FROM {table} o WHERE {where}")  # noqa: S608 - ours
        while number and self._fix:
            rows = await self._db.fetch(
                f"SELECT o.{key} AS id FROM {table} o WHERE {where} LIMIT {_AT_ONCE}"  # noqa: S608 - ours
            )
            if not rows:
                break
            async with self._db.transaction(SYSTEM):
                await drop([row["id"] for row in rows])
        return int(number)

    # -- counts

    async def _terms(self) -> AsyncIterator[str]:
        """The vocabulary of each scope against the words of its passages."""
        wrong: dict[str, int] = {}
        last = -1
        while rows := await self._index.counted_terms(last, _AT_ONCE):
            last = rows[-1]["hash"]
            await self._engine.make_way()
            for row in rows:
                if row["passages"] == row["there"]:
                    continue
                wrong[row["scope"]] = wrong.get(row["scope"], 0) + 1
                if self._fix:
                    await self._index.recount_term(row["scope"], row["hash"])
        for scope, number in sorted(wrong.items()):
            yield f"search_terms: {number} words of {scope} are counted in passages that aren't"

    async def _statistics(self) -> AsyncIterator[str]:
        for row in await self._db.fetch(_TOO_MANY):
            excess = {what: int(row[what]) for what in _NOTED if row[what]}
            told = ", ".join(f"{number:+d} {what}" for what, number in excess.items())
            yield f"search_scopes: of {row['scope']} is noted what isn't: {told}"
            if self._fix:
                less = {what: -number for what, number in excess.items()}
                await self._index.correct(row["scope"], **less)

    async def _languages(self) -> AsyncIterator[str]:
        for row in await self._db.fetch(_TOO_MANY_SPOKEN):
            scope, language, files = row["scope"], row["language"], int(row["files"])
            told = f"{files:+d} files in {language or 'no language'}"
            yield f"search_languages: of {scope} is noted what isn't: {told}"
            if self._fix:
                await self._index.count_language(scope, language, -files)

    async def _empty_scopes(self) -> AsyncIterator[str]:
        """A scope's number names a person: nothing is to be kept of one without files."""
        for table in ("search_scopes", "search_languages"):
            rows = await self._db.fetch(
                f"SELECT DISTINCT scope FROM {table} o WHERE files <= 0 AND NOT EXISTS"  # noqa: S608 - ours
                " (SELECT 1 FROM search_files f WHERE f.scope = o.scope) ORDER BY scope"
            )
            for row in rows:
                yield f"{table}: {row['scope']} has no files any more"
                if self._fix:
                    await self._index.close_scope(row["scope"])

    # -- index files

    async def _vector_files(self) -> AsyncIterator[str]:
        vectors = self._engine.vectors
        if vectors is None:
            return
        for scope, number in (await vectors.strangers()).items():
            yield f"index file of {scope}: {number} vectors of no passage, until it is made anew"
            if self._fix:
                await self._indexer.renew_vector_file(Scope(scope))
        for name in await vectors.unknown_files(remove=self._fix):
            yield f"index file {name}: nobody's"
