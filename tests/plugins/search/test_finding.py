"""What is found, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from plugins.embeddings.api import EmbeddingError
from plugins.embeddings.offline import OfflineEmbedder
from plugins.search.settings import Settings
from plugram import Scope, Section
from tests.plugins.search.conftest import ANN, BORIS, Room, opened
from tests.support.servers import Postgres

TEXTS = {
    1: "The landlord may raise the rent once a year and must say so two months ahead.",
    2: "Invoice INV-2024-001 for the design of a logo, payable by 12.03.2024.",
    3: "Договоры аренды подписаны сторонами в марте и действуют до конца года.",
    4: "Las facturas de la luz se pagan antes del día cinco de cada mes.",
    5: "The washing machine shows error E18 when the water doesn't drain.",
    6: "我们喜欢吃苹果和香蕉,还有很多水果。",
    7: "Write to ann@example.com before Friday.",
}


@pytest.mark.parametrize(
    ("query", "file_id"),
    [
        ("rents", 1),
        ("landlords raising rents", 1),
        ("INV-2024-001", 2),
        ("inv2024001", 2),
        ("2024-03-12", 2),
        ("договором аренды", 3),
        ("подписание договора", 3),
        ("factura", 4),
        ("FACTURAS de LUZ", 4),
        ("e18", 5),
        ("苹果", 6),
        ("水", 6),
        ("ann@example.com", 7),
        ("washin", 5),  # not finished yet
        ("landlrod", 1),  # typos
        ("invioce", 2),
        ("догвооры", 3),
        ("ljujdjhs", 3),  # the other keyboard
        ("washing mashine", 5),
    ],
)
async def test_words_find_their_file(wordy: Room, query: str, file_id: int) -> None:
    await wordy.fill(TEXTS)
    assert (await wordy.find(query))[:1] == [file_id]


async def test_what_was_mended_is_told(wordy: Room) -> None:
    await wordy.fill(TEXTS)
    assert (await wordy.ask("landlrod")).corrected == {"landlrod": "landlord"}
    assert (await wordy.ask("landlord")).corrected == {}
    assert (await wordy.ask("landlo")).corrected == {}


@pytest.mark.parametrize(
    ("query", "corrected"),
    [
        ("fery iland", {"fery": "ferry", "iland": "island"}),
        ("hte frery to teh norhtern ilands", {"frery": "ferry", "norhtern": "northern"}),
        ("аренад договро", {"аренад": "аренд", "договро": "договор"}),
        ("зологг арендатр", {}),
        ("bracos salem", {"bracos": "barcos", "salem": "salen"}),
        ("ljujdjh fhtyls", {"ljujdjh": "договор", "fhtyls": "аренды"}),
        ("акукн шыдфтв", {"шыдфтв": "island"}),
        ("ауккн шыдфтв", {"ауккн": "ferry", "шыдфтв": "island"}),
        ("[jkjl", {"[jkjl": "холод"}),
        ("lfnf ljujdjhf", {"ljujdjhf": "договора"}),
        ("aunque lluvia manzana", {}),
    ],
)
async def test_two_typos_in_a_short_query_are_mended_if_a_passage_has_both(
    wordy: Room, query: str, corrected: dict[str, str]
) -> None:
    await wordy.fill(
        {
            1: "The ferry to the northern island leaves at seven.",
            2: "Договор аренды подписан, залог внесён.",
            3: "Los barcos salen temprano hacia las islas.",
            4: "Зимой в доме стоял холод.",
        }
    )
    found = await wordy.ask(query)
    assert corrected.items() <= found.corrected.items()
    assert bool(found.hits) is bool(corrected)


async def test_words_of_another_language_are_no_typos(wordy: Room) -> None:
    await wordy.fill({1: "The tenant parks in the yard.", 2: "A casual mention of pears."})
    assert (await wordy.ask("casas parques peras")).corrected == {}


async def test_meaning_finds_what_shares_no_word(room: Room) -> None:
    await room.fill(TEXTS)
    assert (await room.find("how often can the flat get more expensive"))[:1] == [1]
    assert (await room.find("сколько раз можно поднять квартплату"))[:1] == [1]


async def test_each_hit_says_why(room: Room) -> None:
    await room.fill(TEXTS)
    hit = (await room.ask("raise the rent")).hits[0]
    assert set(hit.explanation.matched) >= {"raise", "rent"}
    assert hit.explanation.words > 0.5
    assert hit.explanation.meaning > 0
    assert hit.explanation.phrase > 0


async def test_the_name_of_a_file_finds_it(wordy: Room) -> None:
    await wordy.add(1, "Nothing about it in the text.", name="annual_report-2024.pdf")
    await wordy.add(2, "Something else.", name="scan.pdf")
    hit = (await wordy.ask("annual report 2024")).hits[0]
    assert hit.file_id == 1
    passages = await wordy.search.passages(ANN, [hit.passage_id])
    assert passages[hit.passage_id].is_name


async def test_a_file_without_text_is_found_by_its_name(room: Room) -> None:
    await room.add(1, [], name="beach holiday in Cadiz.jpg")
    assert await room.find("cadiz") == [1]
    assert await room.find("vacaciones en la playa") == [1]


async def test_a_heading_speaks_for_all_its_passages(wordy: Room) -> None:
    section = Section("Press the button for three seconds. " * 60, heading="Dishwasher")
    await wordy.add(1, [section])
    found = await wordy.search.search(ANN, "dishwasher", per_file=False)
    assert len(found.hits) >= 3


async def test_passages_know_their_place(wordy: Room) -> None:
    await wordy.add(1, [Section("Page one.", {"page": 1}), Section("The ferry.", {"page": 2})])
    (hit,) = (await wordy.ask("ferry")).hits
    (passage,) = (await wordy.search.passages(ANN, [hit.passage_id])).values()
    assert (passage.locator, passage.text, passage.language) == ({"page": 2}, "The ferry.", "")


async def test_a_file_is_listed_once_unless_asked_otherwise(wordy: Room) -> None:
    await wordy.add(1, [Section(f"The ferry, day {n}.", {"page": n}) for n in range(1, 6)])
    assert await wordy.find("ferry") == [1]
    found = await wordy.search.search(ANN, "ferry", limit=3, per_file=False)
    assert [hit.file_id for hit in found.hits] == [1, 1, 1]


async def test_nobody_sees_anothers_files(room: Room) -> None:
    await room.add(1, "The secret is under the oak.", scope=ANN)
    await room.add(2, "The weather is fine.", scope=BORIS)
    assert await room.find("secret oak", scope=BORIS) == []
    assert await room.find("where is the secret hidden", scope=BORIS) == []
    (hit,) = (await room.ask("oak", scope=ANN)).hits
    assert await room.search.passages(BORIS, [hit.passage_id]) == {}
    assert await room.search.engine.index.candidates(BORIS, [hit.passage_id], []) == []
    assert (await room.ask("seccret", scope=BORIS)).corrected == {}


async def test_an_empty_index_says_so(room: Room) -> None:
    found = await room.ask("anything")
    assert (found.empty, found.hits) == (True, ())


@pytest.mark.parametrize("query", ["", " ", "?!…", "🙂 🙃", "\x00", "🙂" * 10_000])
async def test_nothing_to_search_for(room: Room, query: str) -> None:
    await room.fill({1: TEXTS[1]})
    assert (await room.ask(query)).wordless


async def test_nonsense_finds_nothing(room: Room) -> None:
    await room.fill(TEXTS)
    for query in ("xqzvwk", "фывапролд", "fhqwhgads"):
        assert await room.find(query) == []


async def test_a_long_query_is_cut_and_told_so(wordy: Room) -> None:
    await wordy.fill(TEXTS)
    found = await wordy.ask("landlord " + "words without end " * 600)
    assert found.cut
    assert len(found.query) <= Settings().query_length
    assert [hit.file_id for hit in found.hits] == [1]


@pytest.mark.parametrize(
    "query", ["'; DROP TABLE search_files; --", '"rent* OR (', "NEAR(rent)", "%_\\", "$1 $2"]
)
async def test_queries_are_words_and_never_syntax(wordy: Room, query: str) -> None:
    await wordy.fill({1: TEXTS[1]})
    await wordy.ask(query)
    assert await wordy.find("rent") == [1]


async def test_a_limit_is_kept(wordy: Room) -> None:
    await wordy.fill({n: f"The ferry, day {n}." for n in range(1, 8)})
    assert len(await wordy.find("ferry", limit=3)) == 3
    assert (await wordy.find("ferry"))[0] == 7  # the newest of equals


class Away(OfflineEmbedder):
    """An endpoint that doesn't answer."""

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        raise EmbeddingError("The endpoint is away")


async def test_without_its_embedder_it_goes_by_words(room: Room) -> None:
    await room.fill(TEXTS)
    cut_off = room.again(embedder=Away())
    found = await cut_off.search(ANN, "landlord")
    assert [hit.file_id for hit in found.hits] == [1]
    assert not found.by_meaning
    assert (await room.ask("landlord")).by_meaning


async def test_both_databases_find_the_same(
    tmp_path: Path, postgres: Postgres, embedder: OfflineEmbedder
) -> None:
    from benchmarks.search.quality import read_documents, read_queries

    documents = {language: read_documents(language) for language in ("en", "ru", "es")}
    queries = [query.text for language in documents for query in read_queries(language)[::6]]
    queries += ["invioce", "ferr", "INV-2024-001", "the", "14 июня", "запчасти для дирижабля"]
    url = postgres.create()
    results = []
    try:
        for where in (f"sqlite:///{tmp_path}/plugram.db", url):
            async with opened(where, tmp_path, embedder) as room:
                for at, texts in enumerate(documents.values()):
                    await room.fill(
                        dict(enumerate(list(texts.values())[:40], at * 100 + 1)),
                        scope=Scope.user(1 + at // 2),  # two languages together, one alone
                    )
                results.append([await _scored(room, query) for query in queries])
    finally:
        postgres.drop(url)
    for query, here, there in zip(queries, *results, strict=True):
        assert [file_id for file_id, _ in here] == [file_id for file_id, _ in there], query
        assert [score for _, score in here] == pytest.approx([s for _, s in there], abs=2e-3)


async def _scored(room: Room, query: str) -> list[tuple[int, float]]:
    return [
        (hit.file_id, hit.score)
        for scope in (Scope.user(1), Scope.user(2))
        for hit in (await room.ask(query, scope=scope, limit=5)).hits
    ]
