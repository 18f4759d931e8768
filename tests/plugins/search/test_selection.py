"""Filters and the trash: what may be found at all, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugins.search.index import Statistics
from plugins.search.indexing import silent
from plugins.search.query import Facts, Filters
from plugins.search.selection import Selection
from plugram import Section, StoredFile
from tests.plugins.search.conftest import ANN, BORIS, Room, opened, stored_file
from tests.plugins.search.test_vectors import add, vectors
from tests.support.rows import of_all


async def put(room: Room, file: StoredFile, text: str = "The ferry leaves at seven.") -> None:
    async with room.db.transaction(file.scope):
        await room.search.indexer.receive(file, [Section(text)], "en")
    await room.search.indexer.index_file(file.id, silent)


def made(file_id: int, **changes: Any) -> StoredFile:
    return replace(stored_file(file_id), **changes)


FILES = (
    made(1, name="ferry.pdf", mime="application/pdf", tags=("sea", "tax"), size=50_000),
    made(2, name="notes.py", mime="text/x-python", sender_id=8, chat_id=-100),
    made(3, name="a.jpg", kind="images", mime="image/jpeg", size=3_000_000, tags=("sea",)),
    made(4, name="old.txt", created_at=datetime(2024, 5, 6, tzinfo=UTC), language="ru"),
)


async def found(room: Room, filters: Filters) -> set[int]:
    """The files that filters keep, by both ways to ask for them."""
    index = room.search.engine.index
    statistics = await index.statistics(ANN)
    within = await room.search.engine.selector.select(ANN, filters, statistics)
    newest = await room.search.engine.selector.newest(ANN, filters, 10)
    files = {file_id for file_id, _ in newest}
    if within is not None and not within.others:
        rows = await index.passages(ANN, within.ids.tolist())
        assert {passage.file_id for passage in rows.values()} == files
    return files


@pytest.mark.parametrize(
    ("filters", "files"),
    [
        (Filters(kinds=("images",)), {3}),
        (Filters(types=("application/pdf",)), {1}),
        (Filters(types=("text/*",)), {2, 4}),
        (Filters(types=(".py", "image/*")), {2, 3}),
        (Filters(kinds=("images",), types=("application/pdf",)), {1, 3}),
        (Filters(senders=(8,)), {2}),
        (Filters(chats=(7,)), {1, 3, 4}),
        (Filters(tags=("sea",)), {1, 3}),
        (Filters(tags=("sea", "tax")), {1}),
        (Filters(languages=("en",)), {1, 2, 3, 4}),
        (Filters(languages=("ja", "zh")), set()),
        (Filters(after=datetime(2026, 1, 1, tzinfo=UTC)), {1, 2, 3}),
        (Filters(before=datetime(2026, 1, 1, tzinfo=UTC)), {4}),
        (Filters(size_min=50_000, size_max=2_000_000), {1}),
        (Filters(unwanted=Facts(tags=("tax",))), {2, 3, 4}),
        (Filters(unwanted=Facts(kinds=("images",), senders=(8,))), {1, 4}),
        (Filters(types=("%",)), set()),
        (Filters(types=("._y",)), set()),
    ],
)
async def test_files_are_kept_by_what_they_are(
    wordy_files: Room, filters: Filters, files: set[int]
) -> None:
    assert await found(wordy_files, filters) == files


@pytest.fixture
async def wordy_files(wordy: Room) -> Room:
    for file in FILES:
        await put(wordy, file)
    await put(wordy, made(9, scope=BORIS))
    return wordy


async def test_phrases_stand_just_so_and_exclusions_nowhere(wordy: Room) -> None:
    await put(wordy, made(1, name="a.txt"), "The green ferry leaves. The bus is late.")
    await put(wordy, made(2, name="b.txt"), "A ferry is green. The bus leaves.")
    await put(wordy, made(3, name="green ferry.txt"), "Nothing about it.")
    await put(wordy, made(4, name="d.txt"), "Invoice INV-2024-001, paid.")
    assert await found(wordy, Filters(phrases=("green ferry",))) == {1, 3}
    assert await found(wordy, Filters(phrases=("Green  FERRY", "bus is"))) == {1}
    assert await found(wordy, Filters(phrases=("ferry green",))) == set()
    assert await found(wordy, Filters(phrases=("inv-2024-001",))) == {4}
    assert await found(wordy, Filters(excluded=("bus",))) == {3, 4}
    assert await found(wordy, Filters(excluded=("green ferry",))) == {2, 4}
    assert await found(wordy, Filters(excluded=("buses", "…"))) == {1, 2, 3, 4}
    assert await found(wordy, Filters(phrases=("!",))) == set()


async def test_a_filter_is_applied_before_the_ranking(room: Room) -> None:
    """A hundred better passages take nobody's place."""
    for n in range(1, 41):
        await room.add(n, f"ferry ferry ferry number {n}", embed=False)
    await put(room, made(50, kind="images"), "a boat, perhaps a ferry, far away on the sea")
    await room.search.indexer.embed_file(50, silent)
    hits = await room.search.search(ANN, "ferry", filters=Filters(kinds=("images",)))
    assert [hit.file_id for hit in hits.hits] == [50]
    hits = await room.search.search(ANN, "un barco en el mar", filters=Filters(kinds=("images",)))
    assert [hit.file_id for hit in hits.hits] == [50]


async def test_the_trash_hides_at_once_and_gives_back(room: Room) -> None:
    await room.fill({1: "The ferry leaves at seven.", 2: "The ferry is late."})
    indexer = room.search.indexer
    assert not await indexer.describe(stored_file(1), hidden=True)
    assert await room.find("ferry") == [2]
    assert await room.find("when does the boat depart") in ([], [2])
    await indexer.describe(stored_file(2), hidden=True)
    assert (await room.ask("ferry")).empty
    assert not await indexer.describe(stored_file(1), hidden=False)
    assert await room.find("ferry") == [1]
    assert await room.find("when does the boat depart") == [1]
    file = await room.search.engine.index.file(ANN, 1)
    assert file is not None
    assert file.meaning


async def test_what_waits_can_be_hidden_and_renamed(wordy: Room) -> None:
    async with wordy.db.transaction(ANN):
        await wordy.search.indexer.receive(stored_file(1), [Section("The ferry.")], "")
    assert await wordy.search.indexer.describe(stored_file(1, name="boat.txt"), hidden=True)
    await wordy.search.indexer.index_file(1, silent)
    assert (await wordy.ask("ferry")).empty
    await wordy.search.indexer.describe(stored_file(1, name="boat.txt"), hidden=False)
    assert await wordy.find("boat") == [1]


async def test_a_renamed_file_is_found_by_its_new_name(room: Room) -> None:
    await room.add(1, "The ferry leaves.", name="scan.txt")
    await room.add(2, [], name="photo.jpg")
    indexer = room.search.indexer
    assert not await indexer.describe(made(1, name="Timetable.txt", title="Harbour"))
    assert await indexer.describe(made(2, name="Lighthouse.jpg"))  # its meaning was its name's
    assert await room.find("timetable") == [1]
    assert await room.find("harbour") == [1]
    assert (await room.find("lighthouse"))[0] == 2
    assert await room.search.engine.index.known(ANN, ["scan", "photo"]) == {}
    await indexer.embed_file(2, silent)
    assert (await room.search.engine.index.statistics(ANN)).vectors == 2


async def test_files_of_an_older_index_are_described(wordy_files: Room) -> None:
    await of_all(wordy_files.db.execute("UPDATE search_files SET kind = '', created_at = 0"))
    await of_all(wordy_files.db.execute("DELETE FROM search_tags"))

    class Library:
        async def get_many(self, scope: Any, ids: Any) -> dict[int, StoredFile]:
            return {f.id: f for f in FILES if f.id in ids and f.id != 4 and f.scope == scope}

    files: Any = Library()
    assert await wordy_files.search.indexer.describe_all(files, silent) == 3
    assert await found(wordy_files, Filters(tags=("sea",))) == {1, 3}
    assert await found(wordy_files, Filters()) == {1, 2, 3}  # the fourth lies in the trash


def test_selections_allow_what_they_list_or_the_others() -> None:
    ids = np.array([5, 1, 9, 3])
    chosen = np.array([1, 3, 4])
    assert Selection(chosen).keep(ids).tolist() == [1, 3]
    assert Selection(chosen, others=True).keep(ids).tolist() == [5, 9]
    nothing = np.empty(0, np.int64)
    assert Selection(nothing).keep(ids).tolist() == []
    assert Selection(nothing, others=True).keep(ids).tolist() == ids.tolist()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("others", [False, True])
async def test_a_filter_costs_an_index_file_no_recall(
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    others: bool,
) -> None:
    monkeypatch.setattr("plugins.search.vectors._COMPARED", 100)
    async with opened(sqlite_url, tmp_path, None, exact_below=400) as room:
        many = vectors(1500)
        ids = np.array(await add(room, many))
        await room.search.indexer.build_vector_file(ANN, silent)
        cache = room.search.engine.vectors
        assert cache is not None
        known: Statistics = await room.search.engine.index.statistics(ANN)
        # Those furthest from the query: a walk towards it meets none of them.
        for vector in vectors(5, seed=4):
            allowed = np.sort(ids[np.argsort(many @ vector)[: int(share * len(ids))]])
            listed = np.setdiff1d(ids, allowed) if others else allowed
            # The ranker sees eighty of them, with their true cosines.
            got = await cache.nearest(ANN.key, vector, 40, known, Selection(listed, others=others))
            rows = np.isin(ids, allowed)
            true = ids[rows][np.argsort(-(many[rows] @ vector))[:10]]
            assert len(set(got) & set(true.tolist())) >= 9
