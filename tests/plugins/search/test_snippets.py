"""The telling part of a passage, with its words marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.search.snippets import Piece, marked, snippet

LONG = "Nothing of interest is said here at all. " * 20


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def marks(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces if piece.marked]


def test_words_are_marked_in_all_their_forms() -> None:
    pieces = marked("Договоры аренды подписаны.", "ru", {"договор", "аренд"})
    assert marks(pieces) == ["Договоры аренды"]
    assert text_of(pieces) == "Договоры аренды подписаны."


def test_the_window_is_where_the_words_are() -> None:
    text = f"{LONG}The ferry to the islands leaves at seven. {LONG}"
    pieces = snippet(text, "en", {"ferri", "island"}, length=120)
    assert marks(pieces) == ["ferry", "islands"]
    shown = text_of(pieces)
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 150


def test_without_words_the_beginning_is_shown() -> None:
    shown = text_of(snippet(LONG, "en", set(), length=100))
    assert shown.startswith("Nothing of interest")
    assert shown.endswith(" …")


def test_pairs_of_characters_are_marked_together() -> None:
    assert marks(marked("我喜欢吃苹果派", "zh", {"苹果", "果派"})) == ["苹果派"]


def test_identifiers_are_marked_whole_by_their_parts() -> None:
    assert marks(marked("See INV-2024-001.", "en", {"inv2024001"})) == ["INV", "2024", "001"]


@given(
    st.text(max_size=500),
    st.sets(st.text(min_size=1, max_size=5), max_size=5),
    st.integers(20, 300),
)
def test_a_snippet_is_a_part_of_the_text(text: str, terms: set[str], length: int) -> None:
    shown = text_of(snippet(text, "en", terms, length=length))
    assert shown.removeprefix("… ").removesuffix(" …") in text
    assert len(shown) <= max(length, 100) + 100
