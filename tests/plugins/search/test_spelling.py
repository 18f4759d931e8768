"""What was typed wrongly is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from plugins.search.spelling import guess, other_layout, variants, within_two

VOCABULARY = {
    "refrigerator": 4,
    "guarantee": 9,
    "холодильник": 3,
    "договор": 8,
    "contrato": 2,
    "rent": 5,
    "2024": 1,
}


async def known(terms: Iterable[str]) -> Mapping[str, int]:
    return {term: VOCABULARY[term] for term in terms if term in VOCABULARY}


async def beginning(prefix: str, shortest: int, longest: int) -> Mapping[str, int]:
    return {
        term: count
        for term, count in VOCABULARY.items()
        if term.startswith(prefix) and shortest <= len(term) <= longest
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("refrigirator", "refrigerator"),  # a wrong letter
        ("refrigeratr", "refrigerator"),  # one is missing
        ("contraato", "contrato"),  # one too many
        ("contarto", "contrato"),  # two swapped
        ("refrigirater", "refrigerator"),  # two wrong ones in a long word
        ("халодильник", "холодильник"),
        ("холадильнек", "холодильник"),
    ],
)
async def test_a_typo_is_guessed(typed: str, meant: str) -> None:
    assert next(iter(await guess(typed, known, beginning))) == meant


@pytest.mark.parametrize("typed", ["ren", "2025", "zzzzzzzz", "hot", "guarapdix"])
async def test_what_may_be_anything_is_left_alone(typed: str) -> None:
    assert await guess(typed, known, beginning) == {}


def test_the_other_keyboard() -> None:
    assert other_layout("ghbdtn") == "привет"
    assert other_layout("руддщ") == "hello"


def test_distance() -> None:
    assert within_two("contract", "kontrakt")
    assert within_two("ab", "ba")
    assert not within_two("contract", "contact person")
    assert not within_two("abcdef", "uvwxyz")


def test_variants_are_one_typo_away() -> None:
    found = variants("tea")
    assert {"te", "eta", "sea", "team", "stea"} <= found
    assert "tea" not in found
    assert all(within_two("tea", variant) for variant in found)
