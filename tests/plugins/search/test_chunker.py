"""Passages keep their places and their size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.search.chunker import chunk, clean
from plugram import Section

SENTENCE = "The ferry leaves at seven and comes back in the evening. "


def test_a_short_text_is_one_passage() -> None:
    (passage,) = chunk([Section("Just this.", {"page": 2}, "Title")])
    assert (passage.text, passage.locator, passage.heading) == (
        "Just this.",
        {"page": 2},
        "Title",
    )


def test_long_texts_are_cut_between_sentences() -> None:
    passages = chunk([Section(SENTENCE * 60)])
    assert len(passages) > 3
    assert all(400 <= len(passage.text) <= 900 for passage in passages[:-1])
    assert all(passage.text.endswith("evening.") for passage in passages)
    joined = " ".join(passage.text for passage in passages)
    assert joined == (SENTENCE * 60).strip()


def test_a_passage_never_crosses_a_page() -> None:
    sections = [Section("Short.", {"page": number}) for number in (1, 2, 3)]
    assert [passage.locator["page"] for passage in chunk(sections)] == [1, 2, 3]


def test_small_sections_of_one_place_are_joined() -> None:
    sections = [Section(f"Paragraph {n} says a thing.", {"paragraph": n}) for n in range(60)]
    passages = chunk(sections)
    assert 3 <= len(passages) <= 5
    assert passages[0].locator == {"paragraph": 0}


def test_a_new_heading_opens_a_passage() -> None:
    sections = [Section(SENTENCE * 5, heading="One"), Section(SENTENCE * 5, heading="Two")]
    assert [passage.heading for passage in chunk(sections)] == ["One", "Two"]


def test_the_rest_of_a_page_joins_what_goes_before() -> None:
    (passage,) = chunk([Section(SENTENCE * 11 + "\n\nThe end.", {"page": 1})])
    assert passage.text.endswith("The end.")


def test_chinese_counts_double() -> None:
    passages = chunk([Section("渡轮早上七点出发,晚上回来。" * 100)])
    assert all(200 <= len(passage.text) <= 450 for passage in passages[:-1])


def test_what_has_no_sentences_is_cut_all_the_same() -> None:
    for text in ("x" * 5000, "слово " * 1000, "字" * 3000):
        passages = chunk([Section(text)])
        assert all(len(passage.text) <= 900 for passage in passages)
        assert "".join("".join(p.text.split()) for p in passages) == "".join(text.split())


def test_what_databases_refuse_is_cleaned_away() -> None:
    assert clean("a\x00b\ud800c\u00a0 d\r\ne") == "a bc d\ne"


def test_nothing_gives_nothing() -> None:
    assert chunk([]) == []
    assert chunk([Section(" \n\t "), Section("")]) == []


@given(st.lists(st.text(max_size=2000), max_size=5))
def test_no_text_is_lost_or_doubled(texts: list[str]) -> None:
    passages = chunk([Section(text, {"page": n}) for n, text in enumerate(texts)])
    assert all(passage.text.strip() for passage in passages)
    before = "".join("".join(clean(text).split()) for text in texts)
    after = "".join("".join(passage.text.split()) for passage in passages)
    assert after == before
