"""What is kept of files that aren't any more is told, and taken away; the rest stays."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plugins.search.indexing import silent
from plugins.search.ranker import term_hash
from plugram import FileLibrary, Scope, Section
from tests.plugins.search.conftest import ANN, Room, opened, stored_file
from tests.plugins.search.test_forgetting import keep_results, rows
from tests.plugins.search.test_vectors import add, vectors
from tests.support.rows import of_all

Plant = Callable[[Room], Awaitable[Any]]


async def lost_file(room: Room) -> None:
    await room.add(2, "The tram is green.", name="tram.txt")
    await of_all(
        room.db.execute(
            "INSERT INTO search_tags (scope, file_id, tag) VALUES ($1, 2, 'green')", ANN.key
        )
    )


async def lost_passages(room: Room) -> None:
    await room.add(2, [Section(f"Tram {n}.", {"page": n}) for n in range(3)])
    await of_all(room.db.execute("DELETE FROM search_files WHERE file_id = 2"))


async def lost_words(room: Room) -> None:
    await room.add(2, "The tram is green.")
    await of_all(room.db.execute("DELETE FROM search_passages WHERE file_id = 2"))


async def lost_text(room: Room) -> None:
    async with room.db.transaction(ANN):
        await room.search.indexer.receive(stored_file(2), [Section("A tram.")], "en")


async def lost_tags(room: Room) -> None:
    await of_all(
        room.db.execute(
            "INSERT INTO search_tags (scope, file_id, tag) VALUES ($1, 2, 'green')", ANN.key
        )
    )


async def lost_results(room: Room) -> None:
    await keep_results(room, 1, 2)
    await keep_results(room, 2)


async def lost_terms(room: Room) -> None:
    await of_all(
        room.db.execute(
            "INSERT INTO search_terms (hash, scope, term, passages) VALUES ($1, $2, 'tram', 2)",
            term_hash(ANN.key, "tram"),
            ANN.key,
        )
    )
    await of_all(
        room.db.execute(
            "UPDATE search_terms SET passages = passages + 3 WHERE hash = $1",
            term_hash(ANN.key, "ferry"),
        )
    )


async def wrong_statistics(room: Room) -> None:
    await of_all(
        room.db.execute(
            "UPDATE search_scopes SET files = files + 1, passages = passages - 1, hidden = 1,"
            " positions = positions + 40, vectors = vectors + 2"
        )
    )
    await of_all(room.db.execute("UPDATE search_languages SET files = files + 1"))


async def empty_scope(room: Room) -> None:
    await of_all(
        room.db.execute(
            "INSERT INTO search_scopes (scope, version, born) VALUES ('u:9', 1, 1), ('u:10', 1, 1)"
        )
    )
    await of_all(
        room.db.execute("UPDATE search_scopes SET files = 2, vectors = 7 WHERE scope = 'u:9'")
    )
    await of_all(room.db.execute("INSERT INTO search_languages VALUES ('u:9', 'en', 2)"))


PLANTED: dict[str, tuple[Plant, set[str]]] = {
    "file": (lost_file, {"search_files", "search_passages", "search_tags"}),
    "passages": (lost_passages, {"search_passages"}),
    "words": (lost_words, {"search_files", "search_words", "search_vectors"}),
    "text": (lost_text, {"search_pending"}),
    "tags": (lost_tags, {"search_tags"}),
    "results": (lost_results, {"search_results"}),
    "terms": (lost_terms, {"search_terms"}),
    "statistics": (wrong_statistics, {"search_scopes", "search_languages"}),
    "scope": (empty_scope, {"search_scopes", "search_languages"}),
}


async def content(room: Room) -> dict[str, Any]:
    """What the tables say, but for what only grows."""
    told: dict[str, Any] = {**await rows(room)}
    told["statistics"] = await of_all(
        room.db.fetch(
            "SELECT scope, files, hidden, passages, positions, vectors FROM search_scopes"
        )
    )
    told["languages"] = await of_all(
        room.db.fetch("SELECT * FROM search_languages WHERE files <> 0")
    )
    told["terms"] = await of_all(room.db.fetch("SELECT * FROM search_terms ORDER BY hash"))
    told.pop("search_languages")
    return told


def of_tables(told: Sequence[str]) -> set[str]:
    return {line.partition(":")[0] for line in told}


@pytest.mark.parametrize("what", PLANTED)
async def test_each_kind_is_told_and_taken_away(room: Room, what: str) -> None:
    plant, tables = PLANTED[what]
    await room.add(1, "The ferry leaves at seven.", name="ferry.txt")
    if what == "results":
        await keep_results(room, 1)
    before = await content(room)
    indexer = room.search.indexer
    assert await indexer.leftovers([1]) == []
    await plant(room)
    told = await indexer.leftovers([1])
    assert tables <= of_tables(told)
    assert await indexer.leftovers([1]) == told, "nothing is changed unless that is wanted"
    assert of_tables(told) == of_tables(await indexer.leftovers([1], fix=True))
    assert await indexer.leftovers([1]) == []
    after = await content(room)
    if what == "results":
        assert after.pop("search_results") == 2
        assert before.pop("search_results") == 1
        kept = await of_all(room.db.fetch("SELECT results FROM search_results"))
        assert all([hit[1] for hit in json.loads(row["results"])["hits"]] == [1] for row in kept)
    assert after == before
    assert await room.find("ferry") == [1]
    assert await room.find("tram") == []


async def test_a_file_that_came_meanwhile_stays(wordy: Room) -> None:
    """Who lists the files does it before search is asked."""
    await wordy.add(1, "The ferry.")
    await wordy.add(2, "The tram.")
    await keep_results(wordy, 1, 2)

    async def get(scope: Scope, file_id: int) -> object:
        return stored_file(2) if file_id == 2 else None

    files = cast("FileLibrary", SimpleNamespace(get=get))
    assert await wordy.search.indexer.leftovers([1], fix=True, files=files) == []
    assert await wordy.find("tram") == [2]


async def test_index_files_are_mended(sqlite_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_url, tmp_path, None, exact_below=400) as room:
        await room.add(1, "The ferry.", embed=False)
        await add(room, vectors(600), first=2)
        indexer = room.search.indexer
        await indexer.build_vector_file(ANN, silent)
        await indexer.leftovers([1, *range(2, 700)], fix=True)  # `add` gives passages no words
        await of_all(
            room.db.execute(
                "DELETE FROM search_passages WHERE id IN (SELECT id FROM search_passages"
                " WHERE file_id = 2 ORDER BY id DESC LIMIT 10)"
            )
        )
        stray = tmp_path / "0123456789abcdef-1-1.usearch"
        stray.write_bytes(b"of an interrupted build")
        fresh = tmp_path / "0123456789abcdef-2-2.part"
        fresh.write_bytes(b"being built")
        os.utime(stray, (time.time() - 3600, time.time() - 3600))
        told = await indexer.leftovers([1, 2])
        assert "search_vectors: 10 rows of no passage" in told
        assert f"index file {stray.name}: nobody's" in told
        told = await indexer.leftovers([1, 2], fix=True)
        assert "index file of u:7: 10 vectors of no passage, until it is made anew" in told
        assert await indexer.leftovers([1, 2]) == []
        (row,) = await of_all(room.db.fetch("SELECT file, vectors FROM search_vector_files"))
        assert row["vectors"] == 590
        assert not stray.exists()
        assert {path.name for path in tmp_path.glob("0*")} - {row["file"]} == {fresh.name}


async def test_no_byte_of_a_deleted_file_stays_in_the_database(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Neither text nor hashed words: pages are overwritten, and the full-text index is merged."""
    async with opened(sqlite_url, tmp_path, None) as room:
        await room.add(1, "The ferry leaves at seven.")
        secret = [Section(f"Zanzibar{n} quokka and more of it.", {"page": n}) for n in range(40)]
        await room.add(2, secret, name="wombat.txt")
        await room.add(3, "The tram is green.")
        words = [f"{term_hash(ANN.key, term):012x}" for term in ("zanzibar7", "wombat", "quokka")]
        kept = f"{term_hash(ANN.key, 'ferry'):012x}"
        traces = [b"Zanzibar", b"zanzibar", b"quokka", b"wombat", *(w.encode() for w in words)]
        path = Path(sqlite_url.removeprefix("sqlite://"))
        held = await raw(room, path)
        assert [trace in held for trace in traces[:4]] == [True] * 4
        await room.search.forget(ANN, 2)
        if await room.search.indexer.holds_deleted_words():
            await room.search.indexer.merge_words(silent)
        held = await raw(room, path)
        assert [trace for trace in traces if trace in held] == []
        assert kept.encode() in held
        # Hashes are told apart by their ends where lists share beginnings.
        left = await of_all(room.db.fetch("SELECT block FROM search_words_data"))
        assert not any(word[4:].encode() in row["block"] for row in left for word in words)
        assert await room.find("ferry") == [1]
        assert await room.find("tram") == [3]


async def raw(room: Room, path: Path) -> bytes:
    """The database's bytes, and those of its log."""
    (folded,) = await of_all(room.db.fetch("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert folded["busy"] == 0
    log = path.with_name(path.name + "-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")
