"""Vectors on SQLite: the scopes searched last, in memory.

A small scope is compared with the query one by one. A large one has an index file, made anew by a
job from time to time and mapped into memory; what came in since is compared one by one beside it.
A filter over one common index would ruin small scopes, so each scope has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.index import Statistics
    from plugram import Database

_BATCH = 2_000
"""Vectors read from the database at a time."""
_AT_ONCE = 2_000
"""So few are compared on the event loop itself; a thread's hop costs more."""
_BREADTH = 2048
"""Nodes of the index that a search keeps in view. Of the ten nearest of 30,000, 99 in 100 are then
among the first eighty (320: 94), in 2 ms; the ranker puts them in order."""
_CONNECTIVITY = 16
_BREADTH_BUILDING = 128


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index file as the database knows it."""

    file: str
    up_to: int
    vectors: int
    removed: int


class _Loaded:
    """A scope in memory."""

    def __init__(self, removed: int, source: IndexFile | None, index: Any) -> None:
        self.removed = removed
        self.source = source
        self.index = index
        self.last_seq = source.up_to if source else 0
        self.count = 0
        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, 0), np.float16)

    @property
    def memory(self) -> int:
        """Bytes, the mapped file's among them."""
        mapped = int(self.index.memory_usage) if self.index is not None else 0
        return self._vectors.nbytes + self._ids.nbytes + mapped

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Rows whose vectors have another length than the first one's are of another model."""
        size = self._vectors.shape[1] or len(rows[0]["vector"]) // 2
        fitting = [row for row in rows if len(row["vector"]) == 2 * size]
        self._grow(self.count + len(fitting), size)
        end = self.count + len(fitting)
        joined = b"".join(row["vector"] for row in fitting)
        self._ids[self.count : end] = [row["passage_id"] for row in fitting]
        self._vectors[self.count : end] = np.frombuffer(joined, "<f2").reshape(-1, size)
        self.count = end
        self.last_seq = rows[-1]["seq"]

    def _grow(self, count: int, size: int) -> None:
        """Room for `count` vectors and some more, so that files coming in don't copy it all."""
        if count <= len(self._ids) and size == self._vectors.shape[1]:
            return
        room = count + max(count // 4, 256)
        ids, vectors = self._ids, self._vectors
        self._ids = np.empty(room, np.int64)
        self._vectors = np.empty((room, size), np.float16)
        if self.count:
            self._ids[: self.count] = ids[: self.count]
            self._vectors[: self.count] = vectors[: self.count]

    def nearest(self, vector: npt.NDArray[np.float32], count: int) -> list[int]:
        """Passages by falling cosine; some may be gone by now."""
        found: list[tuple[float, int]] = []
        if self.count and self._vectors.shape[1] == vector.size:
            found += self._one_by_one(vector, count)
        if self.index is not None and self.index.ndim == vector.size:
            matches = self.index.search(vector, count)
            found += zip(matches.distances.tolist(), matches.keys.tolist(), strict=True)
        return [passage_id for _, passage_id in sorted(found)[:count]]

    def _one_by_one(self, vector: npt.NDArray[np.float32], count: int) -> list[tuple[float, int]]:
        from usearch.index import MetricKind, search

        matches = search(
            self._vectors[: self.count],
            vector.astype(np.float16),
            min(count, self.count),
            MetricKind.Cos,
            exact=True,
            threads=1,
        )
        ids = self._ids[matches.keys.astype(np.int64)]
        return list(zip(matches.distances.tolist(), ids.tolist(), strict=True))


class VectorCache:
    """The scopes searched last, at most `budget` bytes of them; one is always kept."""

    def __init__(
        self, db: Database, folder: Callable[[], Path], *, budget: int, exact_below: int
    ) -> None:
        """`folder` is for index files; it is asked for (and made) when the first is needed."""
        self._db = db
        self._folder = folder
        self._budget = budget
        self._exact_below = exact_below
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    async def nearest(
        self, scope: str, vector: npt.NDArray[np.float32], count: int, statistics: Statistics
    ) -> list[int]:
        """About the `count` passages with the highest cosine; some may be gone by now."""
        async with self._locks.setdefault(scope, asyncio.Lock()):
            loaded = await self._fresh(scope, statistics)
            # Removed vectors stay in memory for a while: ask for that many more.
            gone = statistics.removed - loaded.removed
            wanted = count + min(max(gone, 0), count)
            if loaded.count <= _AT_ONCE and loaded.index is None:
                return loaded.nearest(vector, wanted)
            return await asyncio.to_thread(loaded.nearest, vector, wanted)

    async def _fresh(self, scope: str, statistics: Statistics) -> _Loaded:
        """The scope with all vectors that are committed."""
        loaded = self._loaded.get(scope)
        source = await self.source(scope) if statistics.vectors >= self._exact_below else None
        if loaded is None or _outdated(loaded, source, statistics):
            loaded = await self._open(statistics.removed, source)
            self._loaded[scope] = loaded
        while True:
            rows = await self._db.fetch(
                "SELECT seq, passage_id, vector FROM search_vectors"
                " WHERE scope = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                scope,
                loaded.last_seq,
                _BATCH,
            )
            if rows:
                loaded.append(rows)
            if len(rows) < _BATCH:
                break
        self._loaded.move_to_end(scope)
        self._shrink()
        return loaded

    async def source(self, scope: str) -> IndexFile | None:
        """The scope's index file, if it has one."""
        row = await self._db.fetchrow(
            "SELECT file, up_to, vectors, removed FROM search_vector_files WHERE scope = $1", scope
        )
        return IndexFile(**row) if row else None

    async def _open(self, removed: int, source: IndexFile | None) -> _Loaded:
        if source is None:
            return _Loaded(removed, None, None)
        index = await asyncio.to_thread(_map, self._folder() / source.file)
        # A file that is gone is made again by the next clean-up; until then, one by one.
        return (
            _Loaded(removed, source, index) if index is not None else _Loaded(removed, None, None)
        )

    def _shrink(self) -> None:
        while (
            len(self._loaded) > 1
            and sum(one.memory for one in self._loaded.values()) > self._budget
        ):
            scope, _ = self._loaded.popitem(last=False)
            self._locks.pop(scope, None)

    @property
    def scopes(self) -> list[str]:
        """Those in memory, the last one searched last."""
        return list(self._loaded)

    def forget(self) -> None:
        """Let go of all memory."""
        self._loaded.clear()
        self._locks.clear()

    # -- index files

    async def wants_file(self, scope: str, statistics: Statistics) -> bool:
        """Whether so much came or went that the scope's index file should be made anew."""
        if statistics.vectors < self._exact_below:
            return False
        source = await self.source(scope)
        if source is None or not (self._folder() / source.file).is_file():
            return True
        removed = statistics.removed - source.removed
        added = statistics.vectors - source.vectors + removed
        return max(added, removed) > max(self._exact_below // 2, source.vectors // 4)

    async def build(
        self,
        scope: str,
        statistics: Statistics,
        progress: Callable[[int, int], Awaitable[None]],
    ) -> None:
        """Make the scope's index file anew from the last one. The old one is deleted; whoever has
        it mapped keeps it until the next search."""
        folder = self._folder()
        source = await self.source(scope)
        index = await asyncio.to_thread(_load, folder / source.file) if source else None
        if index is not None and source is not None and source.removed != statistics.removed:
            index = await self._without_removed(scope, index, source)
        done, last = (len(index), source.up_to) if index is not None and source else (0, 0)
        while rows := await self._db.fetch(
            "SELECT seq, passage_id, vector FROM search_vectors"
            " WHERE scope = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            scope,
            last,
            _BATCH,
        ):
            index = await asyncio.to_thread(_add, index, rows)
            done, last = done + len(rows), rows[-1]["seq"]
            await progress(done, statistics.vectors)
        if index is None:
            return
        name = (
            f"{hashlib.sha256(scope.encode()).hexdigest()[:16]}-{last}-{int(time.time())}.usearch"
        )
        await asyncio.to_thread(_save, index, folder / name)
        await self._db.execute(
            "INSERT INTO search_vector_files (scope, file, up_to, vectors, removed, built_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope) DO UPDATE SET"
            " file = excluded.file, up_to = excluded.up_to, vectors = excluded.vectors,"
            " removed = excluded.removed, built_at = excluded.built_at",
            scope,
            name,
            last,
            len(index),
            statistics.removed,
            time.time(),
        )
        if source is not None and source.file != name:
            await asyncio.to_thread((folder / source.file).unlink, missing_ok=True)

    async def drop_file(self, scope: str) -> None:
        """Delete the scope's index file: all its vectors are of another model now."""
        source = await self.source(scope)
        if source is not None:
            await self._db.execute("DELETE FROM search_vector_files WHERE scope = $1", scope)
            await asyncio.to_thread((self._folder() / source.file).unlink, missing_ok=True)

    async def _without_removed(self, scope: str, index: Any, source: IndexFile) -> Any:
        """Without the vectors that are gone; None if so many are that it's better made anew."""
        rows = await self._db.fetch(
            "SELECT passage_id FROM search_vectors WHERE scope = $1 AND seq <= $2",
            scope,
            source.up_to,
        )
        gone = np.setdiff1d(index.keys[: len(index)], np.array([row["passage_id"] for row in rows]))
        if gone.size * 3 > len(index):
            return None
        await asyncio.to_thread(index.remove, gone.astype(np.uint64))
        return index


def _outdated(loaded: _Loaded, source: IndexFile | None, statistics: Statistics) -> bool:
    if source is not None and (loaded.source is None or loaded.source.file != source.file):
        return True
    if source is None and loaded.source is not None:
        return True
    return statistics.removed - loaded.removed > max(256, statistics.vectors // 10)


def _map(path: Path) -> Any:
    """The index in a file, mapped; None if the file is gone or damaged."""
    from usearch.index import Index

    with contextlib.suppress(OSError, RuntimeError, ValueError):
        if path.is_file():
            return Index.restore(path, view=True, expansion_search=_BREADTH)
    return None


def _load(path: Path) -> Any:
    from usearch.index import Index

    with contextlib.suppress(OSError, RuntimeError, ValueError):
        if path.is_file():
            return Index.restore(path, view=False)
    return None


def _add(index: Any, rows: list[dict[str, Any]]) -> Any:
    from usearch.index import Index

    size = index.ndim if index is not None else len(rows[0]["vector"]) // 2
    fitting = [row for row in rows if len(row["vector"]) == 2 * size]
    if index is None:
        index = Index(
            ndim=size,
            metric="cos",
            dtype="i8",  # half the memory; the ranker's cosines are of the vectors themselves
            connectivity=_CONNECTIVITY,
            expansion_add=_BREADTH_BUILDING,
        )
    joined = np.frombuffer(b"".join(row["vector"] for row in fitting), "<f2")
    keys = np.array([row["passage_id"] for row in fitting], dtype=np.uint64)
    index.add(keys, joined.astype(np.float32).reshape(-1, size), threads=1)
    return index


def _save(index: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    index.save(part)
    part.replace(path)
