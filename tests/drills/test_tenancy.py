"""Many people at once on one database: nobody sees, changes or is sent a row of somebody else, also
where whoever wrote the code forgot the scope.

`PLUGRAM_DRILL=full`: 50 people and 2,000 operations each, instead of 8 and 60.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.app import App, build
from core.db import migrate
from core.db.scope import SYSTEM, Scope, scoped
from core.errors import DatabaseError, ScopeError
from plugins.files import catalogue, repository
from plugins.files.library import Library
from plugins.files.models import METADATA, Stage, Tag, TelegramFile, UserStatistics
from plugins.search.indexing import silent
from plugins.search.query import parse
from plugins.search.service import Search
from plugins.search.service import of as search_of
from plugram import Section
from tests.conftest import SettingsFactory
from tests.drills import harness
from tests.support.host import only

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(3600)]

PEOPLE, OPERATIONS = harness.form((50, 2_000), (8, 60))
WORDS = "ferry timetable invoice recipe harbour lantern quartz meadow".split()


@dataclass
class Person:
    """Somebody, and what only they may see."""

    id: int
    canary: str
    files: list[int] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        return Scope.user(self.id)


class Town:
    def __init__(self, app: App, history: harness.History, dice: random.Random) -> None:
        self.app = app
        self.db = app.db
        self.history = history
        self.dice = dice
        (files,) = (plugin for plugin in app.plugins if plugin.id == "files")
        (search,) = (plugin for plugin in app.plugins if plugin.id == "search")
        self.library = Library(files.ctx)
        self.ctx = files.ctx
        self.search: Search = search_of(search.ctx)
        self.people = [Person(1000 + n, f"canary{n:03d}x{n * n}") for n in range(PEOPLE)]
        self.foreign: list[str] = []
        self.refused = 0
        self.answers = 0

    # -- checks

    def seen(self, who: Person, what: str, answer: Any) -> None:
        """Look through an answer for what belongs to somebody else."""
        self.answers += 1
        text = repr(answer)
        for other in self.people:
            if other is not who and other.canary in text:
                self.foreign.append(f"{what} for {who.id}: {other.canary}")
                self.history.note("fault", other.canary, answer=what, reader=who.id)

    def only_own(self, who: Person, what: str, ids: Any) -> None:
        strange = set(ids) - set(who.files)
        if strange:
            self.foreign.append(f"{what} for {who.id}: files {sorted(strange)}")

    # -- operations

    def somebodys(self, attribute: str) -> int:
        """A number out of a link or a button: anybody's."""
        numbers = [one for person in self.people for one in getattr(person, attribute)]
        return self.dice.choice(numbers) if numbers else 1

    async def operate(self, who: Person) -> None:
        kind = self.dice.choice(OPERATIONS_BY_NAME)
        await getattr(self, kind)(who)

    async def upload(self, who: Person) -> None:
        name = f"{self.dice.choice(WORDS)} {who.canary}.txt"
        async with self.db.transaction(who.scope):
            file = await TelegramFile.create(
                scope=who.scope.key,
                kind="documents",
                sent_as="document",
                name=name,
                caption=who.canary,
                size=10,
                sha256=f"{self.dice.getrandbits(256):064x}",
                file_id=who.canary,
                file_unique_id=who.canary,
                chat_id=who.id,
                message_id=self.dice.randrange(1, 1 << 30),
                sender_id=who.id,
                stage=Stage.MEANING,
            )
            await repository.set_tags(who.scope, file.id, [who.canary[:32]])
            await repository.describe(file, {"title": who.canary})
        who.files.append(file.id)
        stored = await repository.stored(file)
        words = " ".join(self.dice.choices(WORDS, k=12))
        async with self.db.transaction(who.scope):
            await self.search.indexer.receive(stored, [Section(f"{words} {who.canary}")], "en")
        await self.search.indexer.index_file(file.id, silent)

    async def look(self, who: Person) -> None:
        query = self.dice.choice([*WORDS, self.dice.choice(self.people).canary])
        found = await self.search.search(who.scope, query)
        self.only_own(who, "search", [hit.file_id for hit in found.hits])
        passages = await self.search.passages(who.scope, [hit.passage_id for hit in found.hits])
        self.seen(who, "passages", passages)
        kept = await self.search.results.keep(who.scope, who.id, parse(query), found)
        who.lists.append(kept.id)

    async def press_a_button(self, who: Person) -> None:
        """Of a result list that may be somebody else's."""
        kept = await self.search.results.get(who.scope, self.somebodys("lists"))
        if kept is not None:
            self.only_own(who, "result list", [hit.file_id for hit in kept.hits])
            page = await self.search.results.page(kept, 1, self.library)
            self.seen(who, "page", page.results)  # the query, which it has too, is their own words
        await self.search.results.recent(who.scope, who.id, 5)

    async def browse(self, who: Person) -> None:
        listing = await catalogue.listing(who.scope, catalogue.Shelf(), 10)
        self.only_own(who, "listing", [file.id for file in listing.files])
        self.seen(who, "listing", [file.name for file in listing.files])
        self.seen(who, "tags", await catalogue.tags_in_use(self.ctx, who.scope))

    async def open_any(self, who: Person) -> None:
        """By the number of a file in a link that was passed on."""
        number = self.somebodys("files")
        for what, answer in (
            ("details", await catalogue.details(who.scope, number)),
            ("library", await self.library.get(who.scope, number)),
            ("file", await repository.get(who.scope, number)),
            ("tags", await repository.tags(who.scope, number)),
            ("index", await self.search.engine.index.file(who.scope, number)),
            ("texts", await self.search.engine.index.texts(who.scope, number)),
        ):
            self.seen(who, what, answer)
            if number not in who.files and answer:
                self.foreign.append(f"{what} for {who.id}: file {number}")

    async def change_any(self, who: Person) -> None:
        number = self.somebodys("files")
        async with self.db.transaction(who.scope):
            changed = await repository.alter(who.scope, number, title=who.canary)
            trashed = await repository.trash(who.scope, [number], who.id)
            await repository.restore(who.scope, trashed)
        if number not in who.files and (changed or trashed):
            self.foreign.append(f"{who.id} changed file {number}")

    async def forget_the_scope(self, who: Person) -> None:
        """Code that asks for all rows: nothing is answered, on PostgreSQL whatever is said."""
        table = self.dice.choice(
            ["files_telegram_files", "files_tags", "search_passages", "search_results"]
        )
        for work in (
            lambda: self.db.fetch(f"SELECT * FROM {table}"),
            lambda: TelegramFile.all(),
            lambda: Tag.all(),
            lambda: UserStatistics.all(),
            lambda: METADATA["documents"].all(),
        ):
            try:
                answer = await work()
            except ScopeError:
                self.refused += 1
            else:
                self.seen(who, "a forgotten scope", answer)
                self.foreign.append(f"{table} answered without a scope")
        if self.db.dialect == "postgres":
            with scoped(who.scope):  # the condition is forgotten, the scope isn't
                rows = await self.db.fetch(f"SELECT * FROM {table}")
                if strange := {row["scope"] for row in rows} - {who.scope.key}:
                    self.foreign.append(f"{table} for {who.id} without a condition: {strange}")
            async with self.db.transaction():  # even SQL that hides what it reads
                assert await self.db.fetch("SELECT * FROM peek()") == []

    async def write_into_another(self, who: Person) -> None:
        other = self.dice.choice(self.people)
        if other is who or self.db.dialect == "sqlite":
            return
        with pytest.raises(DatabaseError):
            async with self.db.transaction(who.scope):
                await Tag.create(scope=other.scope.key, file_id=1, name=who.canary[:32])
        self.refused += 1


OPERATIONS_BY_NAME = [
    *("upload", "look", "press_a_button", "browse", "open_any", "change_any"),
    *("forget_the_scope", "write_into_another"),
]


@pytest.fixture
async def app(settings_factory: SettingsFactory, database_url: str) -> AsyncIterator[App]:
    settings = settings_factory(
        database__url=database_url,
        **only("files", "storage", "search"),
    )
    made = build(settings, "session")
    async with made.session():
        yield made


async def test_nobody_meets_anothers_rows(app: App, tmp_path: Any) -> None:
    seed = harness.seed(17)
    town = Town(app, harness.History(tmp_path, seed=seed), random.Random(seed))
    if app.db.dialect == "postgres":
        async with app.db.transaction(SYSTEM, login=True):
            await app.db.execute(
                "CREATE FUNCTION peek() RETURNS SETOF text LANGUAGE sql"
                " AS 'SELECT name FROM files_telegram_files'"
            )

    async def live(who: Person) -> None:
        await town.upload(who)
        for _ in range(OPERATIONS):
            await town.operate(who)

    await asyncio.gather(*map(live, town.people))
    assert town.foreign == []
    assert town.answers > PEOPLE * OPERATIONS / 4
    assert town.refused > PEOPLE
    with scoped(SYSTEM):
        every = await TelegramFile.all().count()
        assert every == sum(len(who.files) for who in town.people)
        strays = [
            file.id
            for file in await TelegramFile.all()
            if file.title not in {"", next(p for p in town.people if p.id == file.sender_id).canary}
        ]
        assert strays == []
    assert await migrate.plan(app.db) == []
