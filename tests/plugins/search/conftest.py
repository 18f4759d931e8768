"""An index on each database, with the real offline embedder, and files to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core import config
from core.app import App
from core.db.database import Database, PluginTables, build
from core.db.tables import declared
from core.host.discovery import read_manifest
from core.log import get_logger
from playground.client import Person
from plugins.embeddings.offline import OfflineEmbedder
from plugins.search import indexing
from plugins.search.api import Found
from plugins.search.indexing import silent
from plugins.search.service import Search
from plugins.search.settings import Settings
from plugram import Embedder, Scope, Section, StoredFile
from tests.support.host import only
from tests.support.processes import ROOT, PlaygroundProcess

TABLES = PluginTables(
    "search",
    None,
    "plugins.search.migrations",
    declared("search", read_manifest(ROOT / "plugins" / "search").tables),
)
PATIENCE = 30
"""Seconds until the model is loaded and a file's meaning known."""

ANN = Scope.user(7)
BORIS = Scope.user(8)


def stored_file(
    file_id: int, scope: Scope = ANN, name: str = "scan.txt", *, chat_id: int = 7
) -> StoredFile:
    return StoredFile(
        id=file_id,
        scope=scope,
        kind="documents",
        name=name,
        mime="text/plain",
        size=1,
        sha256="0" * 64,
        blob_key="",
        chat_id=chat_id,
        message_id=100 + file_id,
        sender_id=7,
        telegram_file_id="",
        created_at=datetime(2026, 3, 1, 23, 30, tzinfo=UTC),
    )


class Room:
    """A search, and short ways to fill it and ask it."""

    def __init__(self, search: Search, db: Database, folder: Path) -> None:
        self.search = search
        self.db = db
        self.folder = folder

    async def add(
        self,
        file_id: int,
        text: str | Sequence[Section],
        *,
        scope: Scope = ANN,
        name: str = "scan.txt",
        language: str = "",
        embed: bool = True,
    ) -> None:
        sections = [Section(text)] if isinstance(text, str) else text
        async with self.db.transaction(scope):
            await self.search.indexer.receive(stored_file(file_id, scope, name), sections, language)
        await self.search.indexer.index_file(file_id, silent)
        if embed:
            await self.search.indexer.embed_file(file_id, silent)

    async def receive_in_slices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """File 1, of 35 passages about ferries, waits to be indexed in four transactions."""
        monkeypatch.setattr(indexing, "SLICE", 10)
        pages = [Section(f"The ferry, day {n}.", {"page": n}) for n in range(1, 36)]
        async with self.db.transaction(ANN):
            await self.search.indexer.receive(stored_file(1), pages, "en")

    async def fill(self, texts: Mapping[int, str], *, scope: Scope = ANN) -> None:
        for file_id, text in texts.items():
            await self.add(file_id, text, scope=scope)

    async def find(self, query: str, *, scope: Scope = ANN, limit: int = 50) -> list[int]:
        """Files, best first."""
        return [hit.file_id for hit in (await self.ask(query, scope=scope, limit=limit)).hits]

    async def ask(self, query: str, *, scope: Scope = ANN, limit: int = 50) -> Found:
        return await self.search.search(scope, query, limit=limit)

    def again(
        self, *, embedder: Embedder | None = None, settings: Settings | None = None
    ) -> Search:
        """Another process on the same database."""
        return searching(self.db, self.folder, embedder, settings or Settings())


def searching(db: Database, folder: Path, embedder: Embedder | None, settings: Settings) -> Search:
    return Search(
        db,
        settings,
        embedder=lambda: embedder,
        folder=lambda: folder,
        log=get_logger("search"),
    )


@asynccontextmanager
async def opened(
    url: str, folder: Path, embedder: Embedder | None, *, replica: str = "", **settings: object
) -> AsyncIterator[Room]:
    env = {"PLUGRAM_DATA_DIR": str(folder), "PLUGRAM_DATABASE__URL": url}
    known = config.load(env={**env, "PLUGRAM_DATABASE__REPLICA_URL": replica}, root=folder)
    async with build(known, [TABLES]) as db:
        await db.migrate()
        yield Room(searching(db, folder, embedder, Settings.model_validate(settings)), db, folder)


@pytest.fixture(scope="session")
def embedder() -> OfflineEmbedder:
    """The real model, loaded once."""
    return OfflineEmbedder()


@pytest.fixture
async def room(database_url: str, tmp_path: Path, embedder: OfflineEmbedder) -> AsyncIterator[Room]:
    async with opened(database_url, tmp_path, embedder) as made:
        yield made


@pytest.fixture
async def wordy(database_url: str, tmp_path: Path) -> AsyncIterator[Room]:
    """Without an embedder: found is what the words say."""
    async with opened(database_url, tmp_path, None) as made:
        yield made


@pytest.fixture
async def app(
    settings_factory: Callable[..., config.Settings],
    playground: PlaygroundProcess,
    database_url: str,
) -> AsyncIterator[App]:
    """A whole bot in this process, in front of the playground."""
    settings = settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        database__url=database_url,
        web__enabled=False,
        plugins__files__edit_pause=0.05,
        outgoing__per_chat_per_second=30,
        **only("files", "storage", "documents", "search", "embeddings", "menu"),
    )
    async with App(settings, "all").serving() as serving:
        yield serving


@pytest.fixture
def ann(playground: PlaygroundProcess) -> Person:
    return playground.client.user("ann")


async def send_file(person: Person, text: str, name: str = "note.txt") -> dict[str, Any]:
    message = await person.upload(text.encode(), name=name)
    status = await person.wait_reply(contains=name)
    await person.wait_text(status, "meaning", timeout=PATIENCE)
    return message


async def asked(person: Person, text: str) -> dict[str, Any]:
    await person.send(text)
    return await person.wait_reply(timeout=PATIENCE)
