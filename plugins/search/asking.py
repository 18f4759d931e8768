"""A search as a person makes it in a chat: asked, narrowed by buttons, looked at more closely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugins.search import facets, query, senders
from plugins.search.results import without_missing

if TYPE_CHECKING:
    from plugins.search.api import Found
    from plugins.search.engine import Engine
    from plugins.search.facets import Facet, Option
    from plugins.search.finding import Finder
    from plugins.search.query import Filters, Query, Term
    from plugins.search.results import Closer, Page, Recent, ResultList, Results
    from plugins.search.senders import Meet
    from plugram import FileLibrary, Person, Scope, StoredFile

_MOST_INSTEAD = 3
"""Filters that are offered to be dropped when nothing was found."""
_MOST_TRIED = 8
_MOST_RECENT = 5


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where, and who helps to answer."""

    person: Person
    scope: Scope
    chat_id: int
    files: FileLibrary
    meet: Meet


@dataclass(frozen=True, slots=True)
class Instead:
    """What would be found without some of the filters."""

    dropped: tuple[Term, ...]
    files: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a search."""

    query: Query
    found: Found
    page: Page | None
    """None if nothing was found."""
    list: ResultList | None
    """For the buttons; None if there is nothing that they could do."""
    instead: Sequence[Instead] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """What to call the senders that the query names by their ids."""
    strangers: Sequence[str] = ()
    """Senders of the query by whom there is no file."""
    reading: bool = False
    """Nothing can be found yet: the files are still being read."""


@dataclass(frozen=True, slots=True)
class Menu:
    """The options of a facet."""

    list: ResultList
    facet: Facet
    options: Sequence[Option]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Panel:
    """What a list can be narrowed by."""

    list: ResultList
    facets: Sequence[Facet]
    names: Mapping[str, str]


class Asking:
    """The use cases behind the command and its buttons."""

    def __init__(self, engine: Engine, finder: Finder, results: Results) -> None:
        self._engine = engine
        self._finder = finder
        self._results = results

    # -- answers

    async def ask(self, asker: Asker, asked: Query) -> Answer:
        """Search, and keep the result list so that its buttons work."""
        found = await self.find(asker, asked)
        kept = None
        if found.hits or asked.terms or asked.hints:
            kept = await self._results.keep(asker.scope, asker.person.id, asked, found)
        return await self._answer(asker, asked, found, kept)

    async def change(self, asker: Asker, old: ResultList, asked: Query) -> Answer:
        """Narrow or widen a list in its place."""
        found = await self.find(asker, asked)
        kept = await self._results.replace(old, asked, found)
        return await self._answer(asker, asked, found, kept)

    async def get(self, scope: Scope, number: int) -> ResultList | None:
        """A list that was kept; None if it is too old."""
        return await self._results.get(scope, number)

    async def turn(self, asker: Asker, kept: ResultList, number: int) -> Page:
        """Another page of a list."""
        page = await self._results.page(kept, number, asker.files)
        return replace(page, names=await self._names(asker, kept.query))

    async def look(self, asker: Asker, kept: ResultList, file_id: int) -> Closer | None:
        """A result of a list more closely; None if its file is gone."""
        return await self._results.closer(kept, file_id, asker.files)

    def page_of(self, number: int) -> int:
        """The page that a result is on."""
        return self._results.page_of(number)

    async def _answer(
        self, asker: Asker, asked: Query, found: Found, kept: ResultList | None
    ) -> Answer:
        names = await self._names(asker, asked)
        if kept is not None and found.hits:
            page = await self._results.page(kept, 1, asker.files)
            return Answer(asked, found, replace(page, names=names), kept, names=names)
        reading = found.empty and bool(await asker.files.count(asker.scope))
        instead = [] if found.empty else await self._instead(asker, asked)
        known = await self._senders(asker, asked)
        strangers = [value for value, ids in known.items() if not ids]
        return Answer(asked, found, None, kept, instead, names, strangers, reading)

    async def _instead(self, asker: Asker, asked: Query) -> list[Instead]:
        """Which filters are to blame: those without which there is something, else all."""
        tried: list[Instead] = []
        for term in asked.terms[:_MOST_TRIED]:
            rest = asked.without(term)
            if rest.text or rest.terms:
                tried.append(Instead((term,), len((await self.find(asker, rest)).hits)))
        if not any(one.files for one in tried) and len(asked.terms) > 1 and asked.words:
            bare = asked.without(*asked.terms)
            tried.append(Instead(asked.terms, len((await self.find(asker, bare)).hits)))
        helping = [one for one in tried if one.files]
        return sorted(helping, key=lambda one: -one.files)[:_MOST_INSTEAD]

    # -- finding

    async def find(self, asker: Asker, asked: Query, limit: int = 0) -> Found:
        """What a query finds of the files that are still there; 0: as many as the setting says."""
        found = await self._finder.find(
            asker.scope,
            asked.text,
            limit or self._engine.settings.result_limit,
            per_file=True,
            filters=await self._filters(asker, asked),
        )
        there = await asker.files.get_many(asker.scope, [hit.file_id for hit in found.hits])
        return without_missing(found, there)

    async def _filters(self, asker: Asker, asked: Query) -> Filters:
        return query.filters(
            asked,
            now=datetime.now(UTC),
            timezone=asker.person.timezone,
            senders=await self._senders(asker, asked),
            chat=asker.chat_id,
        )

    async def _senders(self, asker: Asker, asked: Query) -> dict[str, tuple[int, ...]]:
        if not asked.of("from"):
            return {}
        known = await self._engine.index.senders(asker.scope)
        return await senders.resolve(asked, asker.person.id, known, asker.meet)

    async def _names(self, asker: Asker, asked: Query) -> dict[str, str]:
        if not asked.of("from"):
            return {}
        known = await self._engine.index.senders(asker.scope)
        return await senders.names(asked, {asker.person.id, *known}, asker.meet)

    # -- narrowing

    async def panel(self, asker: Asker, kept: ResultList) -> Panel:
        """What the list can be narrowed by: where there is a choice, or one was made."""
        files = await self._files(asker, kept.query, kept)
        used = {facets.facet_of(term) for term in kept.query.terms}
        offered = [
            facet
            for facet in facets.FACETS
            if facet in used
            or any(one.files < len(files) for one in self._options(asker, facet, files, kept.query))
        ]
        return Panel(kept, offered, await self._names(asker, kept.query))

    async def menu(self, asker: Asker, kept: ResultList, facet: Facet) -> Menu:
        """A facet's options, counted among all results."""
        base = facets.without(kept.query, facet)
        files = await self._files(asker, base, kept)
        found = self._options(asker, facet, files, kept.query)
        terms = tuple(term for option in found for term in option.terms)
        shown = kept.query.plus(*terms) if facet == "from" else kept.query
        return Menu(kept, facet, found, await self._names(asker, shown))

    async def _files(self, asker: Asker, asked: Query, kept: ResultList) -> Sequence[StoredFile]:
        same = asked == kept.query
        hits = kept.hits if same else (await self.find(asker, asked)).hits
        there = await asker.files.get_many(asker.scope, [hit.file_id for hit in hits])
        return list(there.values())

    def _options(
        self, asker: Asker, facet: Facet, files: Sequence[StoredFile], asked: Query
    ) -> list[Option]:
        return facets.options(
            facet,
            files,
            asked,
            me=asker.person.id,
            now=datetime.now(UTC),
            timezone=asker.person.timezone,
        )

    # -- what was searched before

    async def recent(self, asker: Asker) -> list[Recent]:
        return await self._results.recent(asker.scope, asker.person.id, _MOST_RECENT)

    async def forget(self, asker: Asker) -> int:
        """Forget somebody's searches here; how many there were."""
        return await self._results.forget(asker.scope, asker.person.id)
