"""Texts: escaped, measured as Telegram measures, split where they are too long."""

from __future__ import annotations

import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PlugramError
from core.telegram.text import (
    Button,
    buttons,
    entity_text,
    escape,
    index_at,
    plain,
    shorten,
    split_html,
    split_text,
    utf16_len,
    utf16_offset,
)


class _Checker(html.parser.HTMLParser):
    """Raises AssertionError for tags that don't close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def is_balanced(markup: str) -> bool:
    checker = _Checker()
    checker.feed(markup)
    return not checker.open


def test_escapes_what_html_reads() -> None:
    assert escape('<a href="x">&') == "&lt;a href=&quot;x&quot;&gt;&amp;"
    assert escape(5) == "5"


def test_plain_is_what_a_reader_sees() -> None:
    assert plain('<b>1 &lt; 2</b> <a href="https://x.y/?a=1&amp;b">link</a>') == "1 < 2 link"
    assert plain("a < b and c > d") == "a < b and c > d"


def test_measures_in_utf16_units() -> None:
    assert utf16_len("añ") == 2
    assert utf16_len("😀") == 2
    assert utf16_len("👨‍👩‍👧") == 8
    assert utf16_offset("😀b", 1) == 2


@given(st.text())
def test_length_is_that_of_the_encoding(text: str) -> None:
    try:
        encoded = text.encode("utf-16-le")
    except UnicodeEncodeError:  # half a pair isn't text
        return
    assert utf16_len(text) == len(encoded) // 2


def test_finds_the_text_of_an_entity() -> None:
    text = "😀 bold 😀"
    assert entity_text(text, 3, 4) == "bold"
    assert index_at(text, 0) == 0
    assert index_at(text, 1) == 1
    assert index_at("abc", 9) == 3


def test_shortens_with_an_ellipsis() -> None:
    assert shorten("hello", 5) == "hello"
    assert shorten("hello world", 6) == "hello…"
    assert utf16_len(shorten("😀" * 10, 5)) <= 5


def test_a_short_text_stays_one() -> None:
    assert split_text("hello") == ["hello"]
    assert split_html("<b>hello</b>") == ["<b>hello</b>"]
    assert split_text("  \n ") == []
    assert split_html("  ") == []


def test_exactly_the_limit_stays_one() -> None:
    assert split_text("a" * 4096) == ["a" * 4096]
    assert len(split_html("<b>" + "a" * 4096 + "</b>")) == 1
    assert len(split_text("a" * 4097)) == 2


def test_cuts_at_a_paragraph_before_a_line_before_a_word() -> None:
    paragraphs = "a" * 60 + "\n\n" + "b c " * 10
    assert split_text(paragraphs, 80) == ["a" * 60, ("b c " * 10).strip()]
    lines = "a" * 60 + "\n" + "b c " * 10
    assert split_text(lines, 80)[0] == "a" * 60
    words = "word " * 30
    assert all(part.endswith("word") for part in split_text(words, 80))


def test_never_cuts_an_emoji_in_two() -> None:
    family = "👨‍👩‍👧"
    for part in split_text(family * 20, 30):
        assert part.count(family) * len(family) == len(part)
    assert all(part == "👍🏽" * (len(part) // 2) for part in split_text("👍🏽" * 20, 10))
    assert "".join(split_text("é" * 30, 7)) == "é" * 30


def test_tags_are_closed_and_opened_again() -> None:
    parts = split_html('<b>one <a href="https://x.y/?a=1&amp;b=2">two three</a></b> four', 8)
    assert parts[0] == '<b>one <a href="https://x.y/?a=1&amp;b=2">two</a></b>'
    assert parts[1] == '<b><a href="https://x.y/?a=1&amp;b=2">three</a></b>'
    assert parts[2] == "four"


def test_tags_dont_count_and_entities_count_once() -> None:
    markup = "".join(f"<b>{index}</b>&lt;" for index in range(10))
    assert split_html(markup, 20) == [markup]
    assert plain("".join(split_html(markup, 7))) == plain(markup)


def test_code_keeps_its_language() -> None:
    code = '<pre><code class="language-python">' + "x = 1\n" * 20 + "</code></pre>"
    parts = split_html(code, 40)
    assert len(parts) > 2
    assert all(part.startswith('<pre><code class="language-python">x') for part in parts)
    assert all(part.endswith("</code></pre>") for part in parts)


_pieces = st.sampled_from(
    ["word ", "😀", "a&amp;b", "\n", "\n\n", "ещё ", "<b>", "</b>", "<i>", "</i>", ". ", "&lt;"]
)


@given(st.lists(_pieces, max_size=120), st.integers(min_value=6, max_value=40))
def test_parts_fit_and_lose_nothing(pieces: list[str], limit: int) -> None:
    markup = ""
    open_tags: list[str] = []
    for piece in pieces:
        if piece.startswith("</"):
            if not open_tags or open_tags[-1] != piece[2:-1]:
                continue
            open_tags.pop()
        elif piece.startswith("<"):
            open_tags.append(piece[1:-1])
        markup += piece
    markup += "".join(f"</{tag}>" for tag in reversed(open_tags))
    parts = split_html(markup, limit)
    assert all(1 <= utf16_len(plain(part)) <= limit for part in parts)
    assert all(is_balanced(part) for part in parts)
    assert "".join(plain("".join(parts)).split()) == "".join(plain(markup).split())


def test_buttons_become_a_keyboard() -> None:
    keyboard = buttons([[Button("A", data="x:1"), Button("B", url="https://x.y")], []])
    assert keyboard == {
        "inline_keyboard": [
            [
                {"text": "A", "callback_data": "x:1"},
                {"text": "B", "url": "https://x.y"},
            ]
        ]
    }
    assert Button("C", copy="c").as_dict() == {"text": "C", "copy_text": {"text": "c"}}


def test_a_button_does_exactly_one_thing() -> None:
    with pytest.raises(PlugramError, match="exactly one thing"):
        Button("A").as_dict()
    with pytest.raises(PlugramError, match="exactly one thing"):
        Button("A", data="x", url="https://x.y").as_dict()


def test_callback_data_fits_in_64_bytes() -> None:
    assert Button("A", data="я" * 32).as_dict()["callback_data"] == "я" * 32
    with pytest.raises(PlugramError, match="66 bytes"):
        Button("A", data="я" * 33).as_dict()
