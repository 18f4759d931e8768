"""What results can be narrowed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from plugins.search.facets import FACETS, MOST, Facet, digest, facet_of, options, toggled, without
from plugins.search.query import Term, parse, write
from plugram import StoredFile
from tests.plugins.search.conftest import stored_file

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def file(number: int, **fields: Any) -> StoredFile:
    return replace(stored_file(number), **fields)


FILES = [
    file(1, mime="application/pdf", tags=("tax", "2025"), language="en", size=5 << 20),
    file(2, mime="application/pdf", tags=("tax",), language="ru", size=50),
    file(3, name="run.py", mime="text/x-python", sender_id=8, size=200 << 10),
    file(4, kind="images", mime="image/png", created_at=datetime(2025, 5, 5, tzinfo=UTC), size=50),
]


def offered(
    facet: Facet, files: Sequence[StoredFile] = FILES, query: str = "ferry", timezone: str = "UTC"
) -> dict[str, int]:
    found = options(facet, files, parse(query), me=7, now=NOW, timezone=timezone)
    return {
        ("✓" if one.on else "") + " ".join(f"{t.key}:{t.value}" for t in one.terms): one.files
        for one in found
    }


@pytest.mark.parametrize(
    ("facet", "told"),
    [
        ("type", {"type:document": 3, "type:pdf": 2, "type:image": 1}),
        ("from", {"from:me": 3, "from:8": 1}),
        ("chat", {"chat:7": 4}),
        ("tag", {"tag:tax": 2, "tag:2025": 1}),
        ("lang", {"lang:en": 1, "lang:ru": 1}),
        (
            "size",
            {"smaller:100kb": 2, "larger:100kb smaller:1mb": 1, "larger:1mb smaller:10mb": 1},
        ),
        ("date", {"on:today": 3, "on:2026-03": 3, "on:2025-05": 1, "on:2026": 3, "on:2025": 1}),
    ],
)
def test_options_are_counted(facet: Facet, told: dict[str, int]) -> None:
    assert offered(facet) == told


def test_what_is_on_is_ticked_and_first() -> None:
    assert offered("type", query="type:word type:pdf") == {
        "✓type:pdf": 2,
        "✓type:word": 0,
        "type:document": 3,
        "type:image": 1,
    }
    assert next(iter(offered("date", query="on:2025"))) == "✓on:2025"


def test_days_are_those_of_the_person() -> None:
    assert offered("date", FILES[:1], timezone="Europe/Madrid") == {"on:today": 1, "on:2026": 1}
    assert offered("date", FILES[:1], timezone="UTC") == {"on:today": 1, "on:2026": 1}
    early = [file(1, created_at=datetime(2026, 3, 1, 22, 30, tzinfo=UTC))]
    assert "on:today" in offered("date", early)
    assert "on:7d" in offered("date", early, timezone="Europe/Madrid")


def test_a_facet_fits_on_a_screen() -> None:
    many = [file(number, tags=(f"t{number}",)) for number in range(50)]
    assert len(offered("tag", many)) == MOST


@pytest.mark.parametrize(
    ("facet", "before", "after"),
    [
        ("type", "ferry type:pdf", "type:pdf type:image ferry"),
        ("date", "ferry after:2025 before:2026", "on:2025 ferry"),
        ("size", "ferry smaller:1mb", "smaller:100kb ferry"),
        ("tag", "ferry tag:2025", "tag:2025 tag:tax ferry"),
    ],
)
def test_toggling_turns_on_and_off(facet: Facet, before: str, after: str) -> None:
    query = parse(before)
    wanted = {"type": "image", "date": "2025", "size": "100kb", "tag": "tax"}[facet]
    found = options(facet, FILES, query, me=7, now=NOW, timezone="UTC")
    option = next(one for one in found if one.terms[0].value == wanted and len(one.terms) == 1)
    on = toggled(query, facet, option)
    assert write(on) == after
    found = options(facet, FILES, on, me=7, now=NOW, timezone="UTC")
    option = next(one for one in found if one.digest == option.digest)
    assert option.on
    assert option.terms[0] not in toggled(on, facet, option).terms


def test_options_are_counted_as_if_their_facet_were_not_used() -> None:
    query = parse("ferry type:pdf -type:image tag:tax on:2026")
    assert write(without(query, "type")) == "-type:image tag:tax on:2026 ferry"
    assert write(without(query, "date")) == "type:pdf -type:image tag:tax ferry"
    assert without(query, "tag") == query


def test_every_term_but_words_belongs_to_a_facet() -> None:
    terms = parse(
        'type:pdf from:me chat:here tag:a lang:ru size:>1mb size:<2mb after:2025 "x"'
    ).terms
    assert [facet_of(term) for term in terms] == [
        "type",
        "from",
        "chat",
        "tag",
        "lang",
        "size",
        "size",
        "date",
        None,
    ]
    assert {facet_of(term) for term in terms} == {*FACETS, None}


def test_digests_tell_terms_apart() -> None:
    terms = [Term("tag", "a"), Term("tag", "a", negated=True), Term("tag", "b"), Term("lang", "a")]
    assert len({digest(term) for term in terms}) == 4
