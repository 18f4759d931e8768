"""Taking files in and out, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugins.embeddings.offline import OfflineEmbedder
from plugins.search.engine import FingerprintMismatch
from plugins.search.indexing import silent
from plugins.search.settings import Settings
from plugram import Section
from tests.plugins.search.conftest import ANN, BORIS, Room, opened, stored_file
from tests.support.rows import of_all

TABLES = "passages words terms vectors files pending".split()


async def counted(room: Room) -> dict[str, int]:
    return {
        table: await of_all(room.db.fetchval(f"SELECT count(*) FROM search_{table}"))
        for table in TABLES
    }


async def statistics(room: Room) -> tuple[int, int, int, int]:
    """Files, passages, positions, vectors."""
    known = await room.search.engine.index.statistics(ANN)
    return known.files, known.passages, known.positions, known.vectors


async def test_an_index_counts_what_it_holds(room: Room) -> None:
    await room.add(
        1, [Section("The ferry leaves.", {"page": 1}), Section("At seven.", {"page": 2})]
    )
    known = await room.search.engine.index.statistics(ANN)
    assert (known.files, known.passages, known.positions, known.vectors) == (1, 2, 5, 2)
    assert known.average_length == 2.5
    file = await room.search.engine.index.file(ANN, 1)
    assert file is not None
    assert (file.words, file.meaning, file.passages) == (True, True, 2)
    assert (await counted(room))["pending"] == 0


async def test_indexing_twice_is_indexing_once(room: Room) -> None:
    await room.add(1, "The ferry leaves at seven.")
    before = await counted(room), await statistics(room)
    await room.add(1, "The ferry leaves at seven.")
    assert (await counted(room), await statistics(room)) == before
    assert await room.find("ferry") == [1]


async def test_a_new_text_replaces_the_old_one(wordy: Room) -> None:
    await wordy.add(1, "The ferry leaves at seven.")
    await wordy.add(1, "The bus waits at the corner.")
    assert await wordy.find("ferry") == []
    assert await wordy.find("bus") == [1]
    assert await wordy.search.engine.index.known(ANN, ["ferry", "bus"]) == {"bus": 1}


async def test_a_job_that_runs_twice_finds_nothing_to_do(room: Room) -> None:
    await room.add(1, "The ferry leaves at seven.")
    assert await room.search.indexer.index_file(1, silent) is None
    assert await room.search.indexer.embed_file(99, silent) is None


async def test_a_forgotten_file_leaves_nothing(room: Room) -> None:
    await room.add(1, "The ferry leaves at seven.", name="ferry.txt")
    await room.search.forget(ANN, 1)
    assert await counted(room) == dict.fromkeys(TABLES, 0)
    assert await statistics(room) == (0, 0, 0, 0)
    assert (await room.ask("ferry")).empty
    await room.search.forget(ANN, 1)


async def test_a_file_is_forgotten_by_its_scope_alone(room: Room) -> None:
    await room.add(1, "The ferry leaves at seven.")
    await room.search.forget(BORIS, 1)
    assert await room.find("ferry") == [1]


async def test_what_waits_is_forgotten_too(room: Room) -> None:
    async with room.db.transaction(ANN):
        await room.search.indexer.receive(stored_file(1), [Section("The ferry.")], "")
    await room.search.forget(ANN, 1)
    assert await room.search.indexer.index_file(1, silent) is None
    assert (await room.ask("ferry")).empty


async def test_a_large_file_comes_in_slices_and_appears_at_once(
    wordy: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wordy.receive_in_slices(monkeypatch)
    found: list[list[int]] = []

    async def look(done: int, total: int) -> None:
        assert done <= total
        found.append(await wordy.find("ferry"))

    await wordy.search.indexer.index_file(1, look)
    assert found[-2] == []  # three slices of four are there
    assert await wordy.find("ferry") == [1]
    assert (await statistics(wordy))[:2] == (1, 35)
    await wordy.add(1, [Section(f"The ferry, day {n}.", {"page": n}) for n in range(1, 4)])
    assert (await statistics(wordy))[:2] == (1, 3)
    await wordy.search.forget(ANN, 1)
    assert await counted(wordy) == dict.fromkeys(TABLES, 0)


async def test_an_interrupted_file_is_begun_anew(
    wordy: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wordy.receive_in_slices(monkeypatch)
    calls = 0

    async def die(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise ConnectionError("the process dies")

    with pytest.raises(ConnectionError):
        await wordy.search.indexer.index_file(1, die)
    assert await wordy.find("ferry") == []
    await wordy.search.indexer.index_file(1, silent)
    assert await wordy.find("ferry") == [1]
    assert (await statistics(wordy))[:2] == (1, 35)


async def test_files_of_one_scope_come_in_side_by_side(room: Room) -> None:
    texts = [f"The ferry number {n} leaves the harbour at seven." for n in range(8)]
    await asyncio.gather(*(room.add(n, text) for n, text in enumerate(texts, 1)))
    assert await room.search.engine.index.known(ANN, ["ferry"]) == {"ferry": 8}
    assert len(await room.find("ferry")) == 8


async def test_a_file_holds_as_many_passages_as_it_may(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path, None, passages_per_file=3) as room:
        await room.add(1, [Section(f"Day {n}.", {"page": n}) for n in range(1, 10)])
        assert (await statistics(room))[1] == 3


async def test_hostile_texts_are_stored(wordy: Room) -> None:
    await wordy.add(
        1, "ferry \x00 \ud800 \uffff \x1b[31m 🙂 \u202e" + "a\u0301" * 50, name="x\x00y"
    )
    assert await wordy.find("ferry") == [1]


class Renamed(OfflineEmbedder):
    """The same vectors under another name, as a newer model would have."""

    fingerprint = "another/1"


async def test_vectors_of_two_embedders_never_meet(room: Room) -> None:
    await room.add(1, "The landlord may raise the rent once a year.")
    other = room.again(embedder=Renamed())
    found = await other.search(ANN, "landlord")
    assert [hit.file_id for hit in found.hits] == [1]
    assert not found.by_meaning
    assert not (await other.search(ANN, "квартплата растёт")).hits
    health = await other.health()
    assert (health.ok, health.degraded) == (False, True)
    assert "plugram search reindex" in health.hint
    async with room.db.transaction(ANN):
        await other.indexer.receive(stored_file(2), [Section("A new file.")], "")
    await other.indexer.index_file(2, silent)
    with pytest.raises(FingerprintMismatch, match="reindex"):
        await other.indexer.embed_file(2, silent)
    assert not await other.indexer.can_embed()


async def test_reindexing_takes_the_new_embedder(room: Room) -> None:
    await room.add(1, "The landlord may raise the rent once a year.", name="lease.txt")
    await room.add(2, [Section(f"Day {n} at sea.", {"page": n}) for n in range(1, 4)])
    other = room.again(embedder=Renamed())
    seen: list[tuple[int, int]] = []

    async def report(done: int, total: int) -> None:
        seen.append((done, total))

    before = await statistics(room)
    assert await other.indexer.reindex(report) == 2
    assert seen == [(1, 2), (2, 2)]
    assert (await other.health()).ok
    assert [h.file_id for h in (await other.search(ANN, "можно ли поднять квартплату")).hits][
        :1
    ] == [1]
    assert await statistics(room) == before
    texts = await room.search.engine.index.texts(ANN, 2)
    assert [passage.locator for passage in texts] == [{"page": n} for n in (1, 2, 3)]
    assert not (await room.search.health()).ok  # the former one is the stranger now


async def test_reindexing_cuts_by_todays_length(wordy: Room) -> None:
    await wordy.add(1, "The ferry leaves at seven and comes back in the evening. " * 40)
    before = len(await wordy.search.engine.index.texts(ANN, 1))
    other = wordy.again(settings=Settings(passage_length=300))
    await other.indexer.reindex(silent)
    assert len(await wordy.search.engine.index.texts(ANN, 1)) > before


async def test_an_index_written_by_other_rules_is_told(room: Room) -> None:
    await room.search.prepare()
    assert (await room.search.health()).ok
    await room.search.engine.index.set_meta("analyzer", "0")
    health = await room.search.health()
    assert (health.ok, health.degraded) == (False, True)
    assert "analyzer 0" in health.detail


async def test_what_an_outage_left_behind_is_known(room: Room) -> None:
    await room.add(1, "The ferry.", embed=False)
    async with room.db.transaction(ANN):
        await room.search.indexer.receive(stored_file(2), [Section("The bus.")], "")
    assert await room.search.indexer.unfinished() == ([], [])
    await of_all(room.db.execute("UPDATE search_files SET indexed_at = 0"))
    await of_all(room.db.execute("UPDATE search_pending SET received_at = 0"))
    assert await room.search.indexer.unfinished() == ([2], [1])


class Blind(OfflineEmbedder):
    """Has vectors of another length than those that are there."""

    async def embed(self, texts: Any, *, kind: Any) -> Any:
        return np.ones((len(texts), 300), np.float32) / np.sqrt(np.float32(300))


async def test_a_dimension_without_an_index_works(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path, Blind()) as room:
        await room.add(1, "The ferry.")
        await room.add(2, "The bus.")
        assert await room.find("ferry") == [1]


async def test_work_in_the_background_makes_way(room: Room) -> None:
    engine = room.search.engine
    went: list[str] = []

    async def work() -> None:
        await engine.make_way()
        went.append("work")

    with engine.searching():
        task = asyncio.create_task(work())
        await asyncio.sleep(0.05)
        went.append("searched")
    await task
    assert went == ["searched", "work"]
