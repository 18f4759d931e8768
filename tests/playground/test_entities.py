"""Texts as Telegram keeps them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import utf16
from playground.entities import clean, finish
from playground.errors import ApiError


def detected(text: str) -> list[tuple[str, str]]:
    plain, entities = finish(text, [])
    return [(e["type"], utf16.cut(plain, e["offset"], e["length"])) for e in entities]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start now", [("bot_command", "/start")]),
        ("say /help@my_bot", [("bot_command", "/help@my_bot")]),
        ("a/b and 1/2 </x>", []),
        ("@durov @ab x@home.com", [("mention", "@durov"), ("email", "x@home.com")]),
        ("#tag #1 #тег", [("hashtag", "#tag"), ("hashtag", "#тег")]),
        ("$USD $usd", [("cashtag", "$USD")]),
        ("see example.com.", [("url", "example.com")]),
        ("HTTPS://Example.com/a?b=c#d!", [("url", "HTTPS://Example.com/a?b=c#d")]),
        ("(https://x.org/a_(b))", [("url", "https://x.org/a_(b)")]),
        ("read me.txt and notes.md", [("url", "notes.md")]),
        ("http://localhost:80 http://10.0.0.1:80/x 1.2.3", [("url", "http://10.0.0.1:80/x")]),
        ("https://нечто.рф/путь", [("url", "https://нечто.рф/путь")]),
        ("tg://resolve?domain=x", [("url", "tg://resolve?domain=x")]),
        ("x@example.com, please", [("email", "x@example.com")]),
        ("😀 /start", [("bot_command", "/start")]),
    ],
)
def test_detection(text: str, expected: list[tuple[str, str]]) -> None:
    assert detected(text) == expected


def test_control_characters_and_blanks_go() -> None:
    assert clean("a\x00b\tc\r\nd\u202ee") == "a b c\nde"
    assert finish("  \n x y \n ", []) == ("x y", [])
    assert finish(" \n\t", []) == ("", [])


def test_entities_move_with_the_text() -> None:
    text, entities = finish("  a\rb ", [{"type": "bold", "offset": 4, "length": 2}])
    assert (text, entities) == ("ab", [{"type": "bold", "offset": 1, "length": 1}])


def test_blanks_inside_the_first_entity_stay() -> None:
    bold = {"type": "bold", "offset": 0, "length": 2}
    assert finish(" x", [bold]) == (" x", [bold])


def place(kind: str, offset: int, length: int, **extra: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **extra}


def test_styles_are_cut_where_another_begins() -> None:
    given_ = [place("bold", 0, 9), place("italic", 5, 4)]
    assert finish("bold both", given_)[1] == [
        place("bold", 0, 5),
        place("bold", 5, 4),
        place("italic", 5, 4),
    ]


def test_touching_styles_are_one() -> None:
    given_ = [place("bold", 0, 2), place("bold", 2, 2), place("italic", 0, 4)]
    assert finish("abcd", given_)[1] == [place("bold", 0, 4), place("italic", 0, 4)]


def test_nothing_lies_in_code() -> None:
    given_ = [place("bold", 0, 6), place("code", 2, 2)]
    assert finish("abcdef", given_)[1] == [
        place("bold", 0, 2),
        place("code", 2, 2),
        place("bold", 4, 2),
    ]


def test_links_in_code_and_links_are_not_found() -> None:
    code = place("code", 0, 11)
    assert finish("example.com", [code])[1] == [code]
    link = place("text_link", 0, 6, url="http://x.org/")
    assert finish("/start", [link])[1] == [link]


def test_of_overlapping_entities_the_first_stays() -> None:
    first, second = place("code", 0, 3), place("pre", 2, 3)
    assert finish("abcde", [first, second])[1] == [first]


def test_quotes_hold_others_but_are_not_crossed() -> None:
    quote, inside, across = place("blockquote", 0, 5), place("code", 1, 2), place("code", 4, 3)
    assert finish("abcdefgh", [quote, inside, across])[1] == [quote, inside]


def test_impossible_offsets_are_refused() -> None:
    with pytest.raises(ApiError, match="incorrect offset -1"):
        finish("x", [place("bold", -1, 1)])


def test_entities_behind_the_end_are_cut() -> None:
    assert finish("abc", [place("bold", 1, 50), place("code", 7, 2)])[1] == [place("bold", 1, 2)]


KINDS = ["bold", "italic", "spoiler", "code", "pre", "text_link", "blockquote"]


@given(
    st.text(alphabet="ab \n\r😀.@/#", max_size=30),
    st.lists(
        st.builds(place, st.sampled_from(KINDS), st.integers(0, 30), st.integers(0, 30)), max_size=6
    ),
)
def test_the_result_is_well_formed(text: str, entities: list[dict[str, Any]]) -> None:
    plain, kept = finish(text, entities)
    assert plain == plain.rstrip(" \n")
    assert kept == sorted(kept, key=lambda e: (e["offset"], -e["length"]))
    for entity in kept:
        assert entity["length"] > 0
        assert 0 <= entity["offset"] <= utf16.length(plain) - entity["length"]
    again = finish(plain, kept)
    assert again == (plain, kept), "what Telegram keeps it keeps"
