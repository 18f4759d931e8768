"""What a text is searched by."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.search.analyzer import (
    LONGEST_TERM,
    analyse_query,
    fold,
    normalise,
    phrase_terms,
    tokenise,
)


def terms(text: str, language: str = "en") -> set[str]:
    return {
        form
        for token in tokenise(normalise(text), language)
        for form in (token.exact, token.stem, *token.extras)
    }


def asked(query: str, *languages: str) -> set[str]:
    return {
        form
        for word in analyse_query(query, languages or ("en",))
        for form in (word.exact, *word.stems, *word.extras)
    }


def meet(query: str, text: str, language: str) -> bool:
    """Every word of the query is in the text in some form."""
    there = terms(text, language)
    return all(
        {word.exact, *word.stems, *word.extras} & there
        for word in analyse_query(query, (language,))
    )


@pytest.mark.parametrize(
    ("query", "text", "language"),
    [
        ("договорами", "Договоры аренды подписаны", "ru"),
        ("подписанные договора", "Договоры аренды подписали", "ru"),
        ("ёлка", "Под елкой", "ru"),
        ("елки", "ёлками", "ru"),
        ("facturas", "La factura de la luz", "es"),
        ("informacion", "Informaciones útiles", "es"),
        ("camion", "Los camiones", "es"),
        ("ESPANA", "Viaje a España", "es"),
        ("running", "She runs every day", "en"),
        ("RESUME cafe", "A résumé and a CAFÉ", "en"),
        ("STRASSE", "Lange Straße", "de"),
        ("ﬁne", "fine", "en"),
    ],
)
def test_inflections_and_spellings_meet(query: str, text: str, language: str) -> None:
    assert meet(query, text, language)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("INV-2024-001", "Invoice INV-2024-001 of May"),
        ("INV2024001", "Invoice INV-2024-001 of May"),
        ("inv-2024-001", "Invoice INV2024001"),
        ("ann@example.com", "Write to Ann@Example.com."),
        ("example.com", "Write to ann@example.com."),
        ("12.03.2024", "Signed on 2024-03-12"),
        ("2024-03-12", "Signed on 12.03.2024"),
        ("March 12, 2024", "Signed on 12.03.2024"),
        ("12 марта 2024", "Signed on 2024-03-12"),
        ("12 de marzo de 2024", "Signed on 12/03/2024"),
        ("C++", "A course in C++ and C#"),
        ("C#", "A course in C++ and C#"),
        ("wifi", "The wi-fi is down"),
        ("wi-fi", "The wifi is down"),
        ("1234.56", "The sum is 1,234.56"),
        ("dont", "I don't know"),
        ("annual report 2024", "annual_report-2024.pdf"),
        ("example", "cut in two: exam-\nple"),
        ("softhyphen", "soft\u00adhyphen"),
    ],
)
def test_what_reads_as_one_thing_is_found_as_one(query: str, text: str) -> None:
    there = terms(text)
    for word in analyse_query(query, ("en",)):
        stop_word = word.stop
        assert stop_word or {word.exact, *word.stems, *word.extras} & there, word


def test_a_sign_is_a_part_of_a_short_name_only() -> None:
    assert "c++" in terms("C++")
    assert "c#" in terms("C# sharp")
    assert "c#" not in terms("C #1")


def test_scripts_without_spaces_are_cut_into_pairs() -> None:
    assert terms("我喜欢吃苹果", "zh") >= {"苹果", "喜欢", "果", "苹"}
    assert asked("苹果") == {"苹果"}
    assert asked("果") == {"果"}
    assert terms("2024年のメモ", "ja") >= {"2024", "のメ"}


def test_words_of_another_script_are_stemmed_as_that_script_asks() -> None:
    assert "contain" in terms("Запустите docker containers", "ru")
    assert "контейнер" in terms("Run the контейнеры", "en")


def test_й_is_a_letter_of_its_own() -> None:
    assert fold("Й") == "й"
    assert fold(unicodedata.normalize("NFD", "йод")) == "йод"


def test_offsets_lead_to_the_words() -> None:
    text = normalise("Über die Brücke, 2024!")
    assert [text[token.start : token.end] for token in tokenise(text, "de")] == [
        *("Über", "die", "Brücke", "2024")
    ]


def test_little_words_are_known_as_such() -> None:
    words = {word.text: word.stop for word in analyse_query("Где лежит the contract", ("ru",))}
    assert words == {"Где": True, "лежит": False, "the": True, "contract": False}


def test_a_word_counts_once() -> None:
    assert [word.exact for word in analyse_query("tea Tea TEA time", ("en",))] == ["tea", "time"]


@pytest.mark.parametrize("query", ["", "   ", "?!…", "🙂🙃", "—", "\u200b"])
def test_nothing_to_search_for(query: str) -> None:
    assert analyse_query(query, ("en", "ru", "es")) == []


def test_endless_words_are_cut() -> None:
    (token,) = tokenise("x" * 10_000)
    assert len(token.exact) == LONGEST_TERM


@given(st.text(max_size=300))
def test_any_text_can_be_tokenised(text: str) -> None:
    text = normalise(text)
    end = 0
    for token in tokenise(text, "en"):
        assert token.exact
        assert 0 <= token.start < token.end <= len(text)
        assert token.start >= end - 1  # pairs overlap by one character
        end = token.end


@given(st.text(max_size=60), st.sampled_from(["en", "ru", "es", "zh", "de", ""]))
def test_a_text_is_found_by_itself(text: str, language: str) -> None:
    there = terms(text, language)
    for word in analyse_query(text, (language or "en",)):
        assert {word.exact, *word.stems, *word.extras} & there


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("검색 엔진 최적화", "검색 엔진"),
        ("검색 엔진 최적화", "엔진 최적"),
        ("東京、大阪と京都", "東京、大阪"),
        ("株式会社ABCの本社", "株式会社ABC"),
        ("เรือ ออก", "เรือ ออก"),
        ("the old ferry", "old ferry"),
    ],
)
def test_a_phrase_is_a_part_of_the_passage(text: str, phrase: str) -> None:
    words, wanted = [token.exact for token in tokenise(text, "en")], phrase_terms(phrase)
    assert any(words[at : at + len(wanted)] == wanted for at in range(len(words)))
