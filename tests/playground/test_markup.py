"""The parse modes, with Telegram's error texts."""

from __future__ import annotations

from typing import Any

import pytest

from playground import markup
from playground.errors import ApiError


def found(text: str, mode: str) -> tuple[str, list[tuple[Any, ...]]]:
    """Text and entities as (type, offset, length, extra…)."""
    plain, entities = markup.parse(text, mode)
    places = ("type", "offset", "length")
    return plain, [
        (*(e[key] for key in places), *(v for k, v in e.items() if k not in places))
        for e in entities
    ]


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("<b>x</b><strong>y</strong>", "xy", [("bold", 0, 1), ("bold", 1, 1)]),
        ("<i>a</i> <em>b</em>", "a b", [("italic", 0, 1), ("italic", 2, 1)]),
        ("<u>a</u><ins>b</ins>", "ab", [("underline", 0, 1), ("underline", 1, 1)]),
        ("<s>a</s><del>b</del><strike>c</strike>", "abc",
         [("strikethrough", 0, 1), ("strikethrough", 1, 1), ("strikethrough", 2, 1)]),
        ("<tg-spoiler>a</tg-spoiler><span class='tg-spoiler'>b</span>", "ab",
         [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ("<b>a<i>😀</i></b>c", "a😀c", [("italic", 1, 2), ("bold", 0, 3)]),
        ("<a href=\"https://x.org/?a=1&amp;b=2\">l</a>", "l",
         [("text_link", 0, 1, "https://x.org/?a=1&b=2")]),
        ("<a href='tg://user?id=5'>l</a>", "l", [("text_mention", 0, 1, {"id": 5})]),
        ("<a>x.org</a>", "x.org", [("text_link", 0, 5, "http://x.org/")]),
        ("<a href='nowhere'>l</a>", "l", []),
        ("<a href='javascript:x()'>l</a>", "l", []),
        ("<code>a</code>", "a", [("code", 0, 1)]),
        ("<code class='language-py'>a</code>", "a", [("code", 0, 1)]),
        ("<pre>a</pre>", "a", [("pre", 0, 1)]),
        ("<pre><code class=\"language-py\">a</code></pre>", "a", [("pre", 0, 1, "py")]),
        ("<code class='language-py'><pre>a</pre></code>", "a", [("pre", 0, 1, "py")]),
        ("<blockquote>a</blockquote>", "a", [("blockquote", 0, 1)]),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
        ("<tg-emoji emoji-id='12'>🙂</tg-emoji>", "🙂", [("custom_emoji", 0, 2, "12")]),
        ("<tg-time unix='1700000000' format='r'>then</tg-time>", "then",
         [("date_time", 0, 4, 1700000000, "r")]),
        ("<b></b>x", "x", []),
        ("<b>x</>", "x", [("bold", 0, 1)]),
        ("<B\n>x</b  >", "x", [("bold", 0, 1)]),
        ("1 &lt; 2 &amp;&gt;&quot;&#39;&#x1F600; &nbsp; & &#0;", "1 < 2 &>\"'😀 &nbsp; & &#0;", []),
    ],
)  # fmt: skip
def test_html(text: str, plain: str, entities: list[tuple[Any, ...]]) -> None:
    assert found(text, "HTML") == (plain, entities)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<b>x", "Can't find end tag corresponding to start tag \"b\""),
        ("я <b", "Unclosed start tag at byte offset 3"),
        ("<b x", 'Unclosed start tag "b" at byte offset 0'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<br>", 'Unsupported start tag "br" at byte offset 0'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a =x>", 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<a href=/x>l</a>", "Unexpected end of name token at byte offset 8"),
        ("<a href='x>l</a>", 'Unclosed start tag "a" at byte offset 0'),
        ("<tg-emoji emoji-id='x'>a</tg-emoji>", "Invalid custom emoji identifier specified"),
    ],
)  # fmt: skip
def test_html_errors(text: str, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        markup.parse(text, "html")
    assert caught.value.description == f"Bad Request: can't parse entities: {problem}"


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("*b* _i_ __u__ ~s~ ||h|| `c`", "b i u s h c",
         [("bold", 0, 1), ("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1),
          ("spoiler", 8, 1), ("code", 10, 1)]),
        ("*b _i_*", "b i", [("bold", 0, 3), ("italic", 2, 1)]),
        (r"1\.5 \* \\ \_", r"1.5 * \ _", []),
        ("```py\nx=1\n```", "x=1\n", [("pre", 0, 4, "py")]),
        ("```\nx```", "x", [("pre", 0, 1)]),
        ("`a*b_c`", "a*b_c", [("code", 0, 5)]),
        (r"[l](https://x.org/a\)b)", "l", [("text_link", 0, 1, "https://x.org/a)b")]),
        ("[l](tg://user?id=5)", "l", [("text_mention", 0, 1, {"id": 5})]),
        (r"[x\.org]", "x.org", [("text_link", 0, 5, "http://x.org/")]),
        ("![🙂](tg://emoji?id=12)", "🙂", [("custom_emoji", 0, 2, "12")]),
        ("![x](tg://time?unix=5&format=r)", "x", [("date_time", 0, 1, 5, "r")]),
        (">a\n>b\nc", "a\nb\nc", [("blockquote", 0, 4)]),
        (">a\n>b", "a\nb", [("blockquote", 0, 3)]),
        (">a||\nc", "a\nc", [("expandable_blockquote", 0, 2)]),
        (">a||", "a", [("expandable_blockquote", 0, 1)]),
        ("**x", "x", []),
    ],
)  # fmt: skip
def test_markdown_v2(text: str, plain: str, entities: list[tuple[Any, ...]]) -> None:
    assert found(text, "MarkdownV2") == (plain, entities)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a.b", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a!", "Character '!' is reserved and must be escaped with the preceding '\\'"),
        ("x >y", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("|x|", "Character '|' is reserved and must be escaped with the preceding '\\'"),
        ("я *b", "Can't find end of Bold entity at byte offset 3"),
        ("__u", "Can't find end of Underline entity at byte offset 0"),
        ("```py\nx", "Can't find end of PreCode entity at byte offset 0"),
        (">*a\nb", "Can't find end of Bold entity at byte offset 1"),
        ("[x](y", "Can't find end of a URL at byte offset 4"),
        ("![x]y", "The entity must contain a tg://emoji or tg://time URL"),
        ("![x](y)", "Invalid tg://emoji or tg://time URL specified"),
    ],
)  # fmt: skip
def test_markdown_v2_errors(text: str, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        markup.parse(text, "MarkdownV2")
    assert caught.value.description == f"Bad Request: can't parse entities: {problem}"


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("*b* _i_ `c` [l](x.org)", "b i c l",
         [("bold", 0, 1), ("italic", 2, 1), ("code", 4, 1), ("text_link", 6, 1, "http://x.org/")]),
        ("```py\nx=1```", "x=1", [("pre", 0, 3, "py")]),
        (r"\*x\_y a.b!", "*x_y a.b!", []),
        ("[x.org] **", "x.org ", [("text_link", 0, 5, "http://x.org/")]),
    ],
)  # fmt: skip
def test_old_markdown(text: str, plain: str, entities: list[tuple[Any, ...]]) -> None:
    assert found(text, "Markdown") == (plain, entities)


def test_old_markdown_errors() -> None:
    with pytest.raises(ApiError, match="Can't find end of the entity starting at byte offset 3"):
        markup.parse("я _x", "markdown")


def test_unknown_mode() -> None:
    with pytest.raises(ApiError, match="Bad Request: unsupported parse_mode"):
        markup.parse("x", "BBCode")
