"""Databases, indexes and embedders of the benchmarks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from core import config
from core.db.database import Database, PluginTables, build
from core.db.scope import Scope
from core.host.roles import Embedder, Section, StoredFile
from core.log import get_logger
from plugins.search.service import Search
from plugins.search.settings import Settings
from tests.support.servers import Postgres


class ProductionPostgres(Postgres):
    """With the memory and the housekeeping of a small production server; forgets at the end."""

    OPTIONS = (
        *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_connections=50"),
        *("-c", "shared_buffers=256MB", "-c", "maintenance_work_mem=256MB"),
        *("-c", "max_wal_size=4GB"),
    )


@contextmanager
def database_url(dialect: str) -> Iterator[str]:
    """A fresh database of a kind, gone afterwards."""
    if dialect == "sqlite":
        with TemporaryDirectory(prefix="plugram-bench-") as folder:
            yield f"sqlite:///{folder}/plugram.db"
        return
    server = ProductionPostgres()
    try:
        server.start()
        yield server.create()
    finally:
        server.remove()


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Database]:
    settings = config.load(
        env={"PLUGRAM_DATA_DIR": str(folder), "PLUGRAM_DATABASE__URL": url}, root=folder
    )
    async with build(settings, [PluginTables("search", None, "plugins.search.migrations")]) as db:
        await db.migrate()
        yield db


def search_on(
    db: Database, folder: Path, embedder: Embedder, settings: Settings | None = None
) -> Search:
    return Search(
        db,
        settings or Settings(),
        embedder=lambda: embedder,
        folder=lambda: folder,
        log=get_logger("benchmark"),
    )


async def take_in(
    search: Search,
    scope: Scope,
    file_id: int,
    sections: Sequence[Section],
    *,
    language: str = "",
    name: str = "",
    embed: bool = True,
) -> None:
    """A file's whole way into the index, as the jobs go it."""
    file = StoredFile(
        id=file_id,
        scope=scope,
        kind="documents",
        name=name or f"{file_id}.txt",
        mime="text/plain",
        size=sum(len(section.text) for section in sections),
        sha256="0" * 64,
        blob_key="",
        chat_id=1,
        message_id=file_id,
        sender_id=1,
        telegram_file_id="",
        created_at=datetime.now(UTC),
    )
    async with search.engine.db.transaction(scope):
        await search.indexer.receive(file, sections, language)
    await search.indexer.index_file(file_id, silent)
    if embed:
        await search.indexer.embed_file(file_id, silent)


async def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


Progress = Callable[[int], None]
