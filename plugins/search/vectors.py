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

from plugram import SYSTEM, Scope, scoped

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.index import Statistics
    from plugins.search.selection import Selection
    from plugram import Database

_BATCH = 2_000
"""Vectors read from the database at a time."""
_AT_ONCE = 2_000
"""So few are compared on the event loop itself; a thread's hop costs more."""
_BREADTH = 2048
"""Nodes of the index that a search keeps in view. Of the ten nearest of 30,000, 99 in 100 are then
among the first eighty (320: 94), in 2 ms; the ranker puts them in order."""
_COMPARED = 8_000
"""Filtered vectors of an index file that are compared one by one rather than walked to."""
_WALKED = 4_096
"""Vectors of an index file that a filtered search asks for at most, before it compares all that
are wanted."""
_CONNECTIVITY = 16
_BREADTH_BUILDING = 128
_BUILDING = 900.0
"""Seconds in which a file may be there before the database knows of it."""


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index file as the database knows it."""

    file: str
    up_to: int
    vectors: int
    removed: int


class _Loaded:
    """A scope in memory."""

    def __init__(self, statistics: Statistics, source: IndexFile | None, index: Any) -> None:
        self.removed = statistics.removed
        self.born = statistics.born
        self.version = -1
        """Of the scope, when the newest vectors were read."""
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

    def nearest(
        self, vector: npt.NDArray[np.float32], count: int, within: Selection | None
    ) -> list[int]:
        """Passages by falling cosine; some may be gone by now."""
        found: list[tuple[float, int]] = []
        if self.count and self._vectors.shape[1] == vector.size:
            found += self._one_by_one(vector, count, within)
        if self.index is not None and self.index.ndim == vector.size:
            found += self._in_file(vector, count, within)
        return [passage_id for _, passage_id in sorted(found)[:count]]

    def _one_by_one(
        self, vector: npt.NDArray[np.float32], count: int, within: Selection | None
    ) -> list[tuple[float, int]]:
        ids, vectors = self._ids[: self.count], self._vectors[: self.count]
        if within is not None:
            allowed = within.allows(ids)
            ids, vectors = ids[allowed], vectors[allowed]
        return _closest(ids, vectors, vector.astype(np.float16), count)

    def _in_file(
        self, vector: npt.NDArray[np.float32], count: int, within: Selection | None
    ) -> list[tuple[float, int]]:
        if within is None:
            return self._walk(vector, count)
        # The index knows no filters: where few are wanted they are compared one by one, else it is
        # asked for so many more that enough are left.
        total = len(self.index)
        wanted = total if within.others else within.ids.size
        if wanted > _COMPARED:
            spare = within.ids.size if within.others else 0
            asked = min(int(1.5 * count * total / wanted) + spare, _WALKED, total)
            found = self._walk(vector, asked)
            allowed = within.allows(np.array([key for _, key in found], np.int64)).tolist()
            kept = [one for one, allows in zip(found, allowed, strict=True) if allows]
            if len(kept) >= count:
                return kept[:count]
        # Also when what is wanted lies far from the query.
        if within.others:
            return self._compare(vector, count, within.keep(self._keys()))
        there = self.index.contains(within.ids.astype(np.uint64))
        return self._compare(vector, count, within.ids[there])

    def _keys(self) -> npt.NDArray[np.int64]:
        keys: npt.NDArray[np.int64] = np.asarray(self.index.keys[: len(self.index)], np.int64)
        return keys

    def _walk(self, vector: npt.NDArray[np.float32], count: int) -> list[tuple[float, int]]:
        matches = self.index.search(vector, count)
        return list(zip(matches.distances.tolist(), matches.keys.tolist(), strict=True))

    def _compare(
        self, vector: npt.NDArray[np.float32], count: int, keys: npt.NDArray[np.int64]
    ) -> list[tuple[float, int]]:
        if not keys.size:
            return []
        vectors = np.stack(self.index.get(keys.astype(np.uint64), np.float16))
        return _closest(keys, vectors, vector.astype(np.float16), count)


def _closest(
    ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float16],
    vector: npt.NDArray[np.float16],
    count: int,
) -> list[tuple[float, int]]:
    """All are compared; distances and ids, the closest first."""
    from usearch.index import MetricKind, search

    if not ids.size:
        return []
    matches = search(vectors, vector, min(count, ids.size), MetricKind.Cos, exact=True, threads=1)
    found = ids[matches.keys.astype(np.int64)]
    return list(zip(matches.distances.tolist(), found.tolist(), strict=True))


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
        self,
        scope: str,
        vector: npt.NDArray[np.float32],
        count: int,
        statistics: Statistics,
        within: Selection | None = None,
    ) -> list[int]:
        """About the `count` passages with the highest cosine; some may be gone by now."""
        async with self._locks.setdefault(scope, asyncio.Lock()):
            with scoped(Scope(scope)):
                loaded = await self._fresh(scope, statistics)
            # Removed vectors stay in memory for a while: ask for that many more.
            gone = statistics.removed - loaded.removed
            wanted = count + min(max(gone, 0), count)
            if loaded.count <= _AT_ONCE and loaded.index is None:
                return loaded.nearest(vector, wanted, within)
            return await asyncio.to_thread(loaded.nearest, vector, wanted, within)

    async def _fresh(self, scope: str, statistics: Statistics) -> _Loaded:
        """The scope with all vectors that were committed when the statistics were read."""
        loaded = self._loaded.get(scope)
        if loaded is not None and (loaded.born, loaded.version) == (
            statistics.born,
            statistics.version,
        ):
            self._loaded.move_to_end(scope)
            return loaded
        source = await self.source(scope) if statistics.vectors >= self._exact_below else None
        if loaded is None or _outdated(loaded, source, statistics):
            loaded = await self._open(statistics, source)
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
        loaded.version = statistics.version
        self._loaded.move_to_end(scope)
        self._shrink()
        return loaded

    async def source(self, scope: str) -> IndexFile | None:
        """The scope's index file, if it has one."""
        with scoped(Scope(scope)):
            row = await self._db.fetchrow(
                "SELECT file, up_to, vectors, removed FROM search_vector_files WHERE scope = $1",
                scope,
            )
        return IndexFile(**row) if row else None

    async def with_files(self) -> list[str]:
        """The scopes that have an index file."""
        with scoped(SYSTEM):
            rows = await self._db.fetch("SELECT scope FROM search_vector_files")
        return [row["scope"] for row in rows]

    async def _open(self, statistics: Statistics, source: IndexFile | None) -> _Loaded:
        index = None
        if source is not None:
            index = await asyncio.to_thread(_map, self._folder() / source.file)
        # A file that is gone is made again by the next clean-up; until then, one by one.
        return _Loaded(statistics, source if index is not None else None, index)

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

    def forget(self, scope: str = "") -> None:
        """Let go of a scope's memory, or of all."""
        for one in [scope] if scope else self.scopes:
            self._loaded.pop(one, None)
            self._locks.pop(one, None)

    async def strangers(self) -> dict[str, int]:
        """By scope, how many vectors of its index file belong to no passage any more."""
        found = {}
        for scope in await self.with_files():
            source = await self.source(scope)
            index = await asyncio.to_thread(_map, self._folder() / source.file) if source else None
            if index is None:
                continue
            with scoped(Scope(scope)):
                there = await self._db.fetch(
                    "SELECT passage_id FROM search_vectors WHERE scope = $1", scope
                )
            keys = np.asarray(index.keys[: len(index)], np.int64)
            gone = np.setdiff1d(keys, np.array([one["passage_id"] for one in there], np.int64))
            if gone.size:
                found[scope] = int(gone.size)
        return found

    async def unknown_files(self, *, remove: bool) -> list[str]:
        """Index files that an interrupted build or clean-up left, by name."""
        known = {
            row["file"] for row in await self._db.fetch("SELECT file FROM search_vector_files")
        }
        return await asyncio.to_thread(_unknown, self._folder(), known, remove)

    # -- index files

    async def wants_file(self, scope: str, statistics: Statistics, *, erase: bool = False) -> bool:
        """Whether so much came or went that the scope's index file should be made anew; with
        `erase`, also if anything went: a file holds what it was made of."""
        source = await self.source(scope)
        if source is not None and erase and source.removed != statistics.removed:
            return True
        if statistics.vectors < self._exact_below:
            return False
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
        """Make the scope's index file anew: from the last one, unless vectors of it are gone,
        since what is removed from an index stays in its file. The old one is deleted; whoever has
        it mapped keeps it until the next search."""
        with scoped(Scope(scope)):
            await self._build(scope, statistics, progress)

    async def _build(
        self,
        scope: str,
        statistics: Statistics,
        progress: Callable[[int, int], Awaitable[None]],
    ) -> None:
        folder = self._folder()
        source = await self.source(scope)
        index = None
        if statistics.vectors < self._exact_below:
            await self.drop_file(scope)
            return
        if source is not None and source.removed == statistics.removed:
            index = await asyncio.to_thread(_load, folder / source.file)
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
        await self._touch(scope)
        if source is not None and source.file != name:
            await asyncio.to_thread((folder / source.file).unlink, missing_ok=True)

    async def drop_file(self, scope: str) -> None:
        """Delete the scope's index file: its vectors are of another model now, or gone."""
        source = await self.source(scope)
        if source is not None:
            with scoped(Scope(scope)):
                await self._db.execute("DELETE FROM search_vector_files WHERE scope = $1", scope)
                await self._touch(scope)
            await asyncio.to_thread((self._folder() / source.file).unlink, missing_ok=True)

    async def _touch(self, scope: str) -> None:
        """Have all processes look for the scope's file again."""
        await self._db.execute(
            "UPDATE search_scopes SET version = version + 1 WHERE scope = $1", scope
        )


def _outdated(loaded: _Loaded, source: IndexFile | None, statistics: Statistics) -> bool:
    if loaded.born != statistics.born:
        return True
    if source is not None and (loaded.source is None or loaded.source.file != source.file):
        return True
    if source is None and loaded.source is not None:
        return True
    return statistics.removed - loaded.removed > max(256, statistics.vectors // 10)


def _unknown(folder: Path, known: set[str], remove: bool) -> list[str]:
    old = time.time() - _BUILDING
    found = []
    for path in sorted([*folder.glob("*.usearch"), *folder.glob("*.part")]):
        if path.name not in known and path.stat().st_mtime < old:
            found.append(path.name)
            if remove:
                path.unlink(missing_ok=True)
    return found


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
