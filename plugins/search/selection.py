"""Which passages a search may find at all: what filters keep, without what lies in the trash.

Filters are looked up before anything is ranked, so what they leave out takes nobody's place. The
answer is a list of passages, small enough to be kept for the next page or the next button.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plugins.search.analyzer import phrase_terms
from plugins.search.index import Clause
from plugins.search.query import Facts, Filters
from plugins.search.ranker import positions_of, term_hash

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.index import Index, Statistics
    from plugram import Scope

_KEPT = 16
"""Selections in memory: 8 bytes a passage each."""
_HOLDERS = 50_000
"""Passages with a phrase's or an excluded word that are looked at, the newest."""
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Passages that may be found; with `others`, all but these."""

    ids: npt.NDArray[np.int64]
    """In ascending order."""
    others: bool = False

    def allows(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """For each of some passages, whether it may be found."""
        if not self.ids.size:
            return np.full(ids.size, self.others)
        at = np.minimum(np.searchsorted(self.ids, ids), self.ids.size - 1)
        listed: npt.NDArray[np.bool_] = self.ids[at] == ids
        return ~listed if self.others else listed

    def keep(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those that may be found, in the same order."""
        return ids[self.allows(ids)]

    @property
    def nothing(self) -> bool:
        return not self.others and not self.ids.size


class Selector:
    """Looks filters up, and remembers the last answers until their scope changes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: OrderedDict[tuple[str, Filters], tuple[tuple[int, int], Selection | None]] = (
            OrderedDict()
        )

    async def select(
        self, scope: Scope, filters: Filters, statistics: Statistics
    ) -> Selection | None:
        """None: everything may be found."""
        if not filters and not statistics.hidden:
            return None
        state = (statistics.born, statistics.version)
        known = self._known.get((scope.key, filters))
        if known is None or known[0] != state:
            async with self._index.reading(scope):
                known = (state, await self._look_up(scope, filters))
            self._known[scope.key, filters] = known
        self._known.move_to_end((scope.key, filters))
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known[1]

    async def newest(self, scope: Scope, filters: Filters, limit: int) -> list[tuple[int, int]]:
        """Files that the filters keep, the newest first, each as (file, the passage that stands
        for its name)."""
        async with self._index.reading(scope):
            where = await self._where(scope, filters)
            rows = await self._index.db.fetch(
                "SELECT f.file_id, p.id FROM search_files f"
                " JOIN search_passages p ON p.file_id = f.file_id AND p.ordinal = 0"
                f" WHERE {where.sql} ORDER BY f.created_at DESC, f.file_id DESC"
                f" LIMIT {limit:d}",
                *where.args,
            )
        return [(row["file_id"], row["id"]) for row in rows]

    def forget(self, scope: Scope) -> None:
        for key in [key for key in self._known if key[0] == scope.key]:
            del self._known[key]

    async def _look_up(self, scope: Scope, filters: Filters) -> Selection:
        if not filters:
            trash = await self._index.numbers(
                "SELECT p.id FROM search_files f JOIN search_passages p ON p.file_id = f.file_id"
                " WHERE f.scope = $1 AND f.hidden = 1",
                scope.key,
            )
            return Selection(np.sort(trash), others=True)
        where = await self._where(scope, filters)
        shown = ""
        if filters.phrases:
            held = [await self._holders(scope, phrase) for phrase in filters.phrases]
            shown = f" AND {where.among('p.id', np.unique(np.concatenate(held)))}"
        ids = await self._index.numbers(
            "SELECT p.id FROM search_files f JOIN search_passages p ON p.file_id = f.file_id"
            f" WHERE {where.sql}{shown}",
            *where.args,
        )
        return Selection(np.sort(ids))

    async def _where(self, scope: Scope, filters: Filters) -> _Where:
        where = _Where(self._index, scope)
        for condition in _properties(filters, where):
            where.add(condition)
        for condition in _properties(filters.unwanted, where):
            where.add(f"NOT ({condition})")
        if filters.after is not None:
            where.add(f"f.created_at >= {where.arg(filters.after.timestamp())}")
        if filters.before is not None:
            where.add(f"f.created_at < {where.arg(filters.before.timestamp())}")
        if filters.size_min is not None:
            where.add(f"f.size >= {where.arg(filters.size_min)}")
        if filters.size_max is not None:
            where.add(f"f.size <= {where.arg(filters.size_max)}")
        for phrase in filters.phrases:
            where.add(where.among("f.file_id", await self._files_with(scope, phrase)))
        for text in filters.excluded:
            files = await self._files_with(scope, text)
            if files.size:
                where.add(f"NOT ({where.among('f.file_id', files)})")
        return where

    async def _files_with(self, scope: Scope, text: str) -> npt.NDArray[np.int64]:
        holders = await self._holders(scope, text)
        return await self._index.numbers(
            "SELECT DISTINCT file_id AS id FROM search_passages"
            f" WHERE {self._index.among('id', 1)}",
            self._index.listed(holders.tolist()),
        )

    async def _holders(self, scope: Scope, text: str) -> npt.NDArray[np.int64]:
        """Passages in which the words of a text stand side by side."""
        terms = phrase_terms(text)
        if not terms:
            return np.empty(0, np.int64)
        clause = Clause([[term] for term in dict.fromkeys(terms)], _HOLDERS)
        (found,) = await self._index.postings(scope, [clause])
        if len(terms) == 1:
            return found
        wanted = np.array([term_hash(scope.key, term) & 0xFFFFFFFF for term in terms], np.uint32)
        kept: list[int] = []
        for at in range(0, found.size, _AT_ONCE):
            rows = await self._index.db.fetch(
                f"SELECT id, terms FROM search_passages WHERE {self._index.among('id', 1)}",
                self._index.listed(found[at : at + _AT_ONCE].tolist()),
            )
            kept += [row["id"] for row in rows if positions_of(wanted, row["terms"]).size]
        return np.array(kept, dtype=np.int64)


class _Where:
    """Conditions on search_files as `f`, and their arguments."""

    def __init__(self, index: Index, scope: Scope) -> None:
        self._index = index
        self._conditions = ["f.scope = $1", "f.words = 1", "f.hidden = 0"]
        self.args: list[Any] = [scope.key]

    @property
    def sql(self) -> str:
        return " AND ".join(self._conditions)

    def add(self, condition: str) -> None:
        self._conditions.append(condition)

    def arg(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def any_of(self, column: str, values: Sequence[Any]) -> str:
        return f"{column} IN ({', '.join(map(self.arg, values))})"

    def among(self, column: str, ids: npt.NDArray[np.int64]) -> str:
        self.args.append(self._index.listed(ids.tolist()))
        return self._index.among(column, len(self.args))


def _properties(facts: Facts, where: _Where) -> list[str]:
    """What all hold of a file that is wanted, or none of one that isn't."""
    found = []
    sorts = [where.any_of("f.kind", facts.kinds)] if facts.kinds else []
    sorts += [_of_type(glob, where) for glob in facts.types]
    if sorts:
        found.append(f"({' OR '.join(sorts)})")
    columns: list[tuple[str, Sequence[Any]]] = [
        ("f.sender_id", facts.senders),
        ("f.chat_id", facts.chats),
        ("f.language", facts.languages),
    ]
    found += [where.any_of(column, values) for column, values in columns if values]
    found += [_tagged(tag, where) for tag in facts.tags]
    return found


def _of_type(glob: str, where: _Where) -> str:
    """A glob of mime types, or an ending of names with its dot."""
    escaped = glob.lower()
    for sign in "\\%_":
        escaped = escaped.replace(sign, f"\\{sign}")
    if glob.startswith("."):
        return f"lower(f.name) LIKE {where.arg(f'%{escaped}')} ESCAPE '\\'"
    return f"f.mime LIKE {where.arg(escaped.replace('*', '%'))} ESCAPE '\\'"


def _tagged(tag: str, where: _Where) -> str:
    return (
        "EXISTS (SELECT 1 FROM search_tags g"
        f" WHERE g.file_id = f.file_id AND g.tag = {where.arg(tag)})"
    )
