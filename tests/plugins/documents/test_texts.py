"""Texts with a form of their own: tables, data, markup, cards, subtitles, notebooks, books."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.documents import cards, csv, data, markup, mobi, parts
from plugram import SandboxRefused
from tests.plugins.documents import binaries
from tests.plugins.documents.samples import archive

Read = Callable[..., dict[str, Any]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def _read(extract: Callable[..., dict[str, Any]], content: str | bytes) -> dict[str, Any]:
        path = tmp_path / "content"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return extract(str(path), {})

    return _read


def text_of(found: dict[str, Any]) -> str:
    return "\n\n".join(one["text"] for one in found["sections"])


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("Name,Sum\nKrill,42\n", "Name\tSum\nKrill\t42"),
        ("Name;Sum\n1,5;2,5\n3,5;4,5", "Name\tSum\n1,5\t2,5\n3,5\t4,5"),
        ("a\tb\nc\td", "a\tb\nc\td"),
        ("a|b\nc|d", "a\tb\nc\td"),
        ('a,"two\nlines, and ""so"""\nc,d', 'a\ttwo lines, and "so"\nc\td'),
        ("sep=;\na;b", "a\tb"),
        ('a,5" pipe\nb,c', 'a\t5" pipe\nb\tc'),
        ("single\ncolumn", "single\ncolumn"),
    ],
)
def test_tables(read: Read, content: str, rows: str) -> None:
    assert text_of(read(csv.extract, content)) == rows


def test_a_table_in_japanese(read: Read) -> None:
    assert "佐藤太郎\t30\t東京" in text_of(
        read(csv.extract, "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪".encode("cp932"))
    )


def test_json_is_names_and_values(read: Read) -> None:
    told = {"name": "Кит", "sizes": [1, 2.5, True], "of": {"kind": "blue\nwhale"}, "none": None}
    text = text_of(read(data.extract, json.dumps(told)))
    assert text == "name: Кит\nsizes: 1, 2.5, true\nof:\n  kind: blue\nwhale\nnone:"


def test_json_a_line_and_what_only_looks_like_it(read: Read) -> None:
    assert text_of(read(data.extract, '{"a": 1}\n{"a": 2}\n')) == "a: 1\n\na: 2"
    assert text_of(read(data.extract, "{not json")) == "{not json"
    bottomless = read(data.extract, "[" * 200_000)["sections"]
    assert sum(len(one["text"]) for one in bottomless) == 200_000


def test_a_notebook(read: Read) -> None:
    book = {
        "cells": [
            {"cell_type": "markdown", "source": ["# Whales\n", "*They* sing"]},
            {
                "cell_type": "code",
                "source": "print(42)",
                "outputs": [{"text": ["42\n"]}, {"data": {"text/plain": "Out", "image/png": "x"}}],
            },
        ]
    }
    found = read(data.notebook, json.dumps(book))
    assert [(one["locator"]["cell"], one["heading"], one["text"]) for one in found["sections"]] == [
        (1, "Whales", "Whales\n\nThey sing"),
        (2, "Whales", "print(42)"),
        (3, "Whales", "42"),
        (4, "Whales", "Out"),
    ]
    assert found["metadata"]["title"] == "Whales"


def test_a_feed_with_a_page_in_it(read: Read) -> None:
    feed = (
        "<?xml version='1.0'?><rss><channel><title>News</title><item><title>Whales</title>"
        "<description><![CDATA[<p>They <b>sing</b></p>]]></description><x>a&nbsp;b</x></item>"
        "</channel></rss>"
    )
    found = read(markup.extract, feed)
    assert text_of(found) == "News\n\nWhales\n\nThey sing\n\na b"
    assert found["metadata"]["title"] == "News"


def test_a_book_and_a_picture_in_xml(read: Read) -> None:
    book = (
        "<FictionBook><body><section><title><p>One</p></title><p>They <emphasis>sing</emphasis>."
        "</p></section></body><binary>aGVsbG8=</binary></FictionBook>"
    )
    found = read(markup.extract, book)
    assert found["sections"][0] == {
        "text": "One\n\nThey sing.",
        "heading": "One",
        "locator": {"paragraph": 1},
    }
    picture = "<svg><style>a{}</style><text>A <tspan>label</tspan></text><desc>whale</desc></svg>"
    assert text_of(read(markup.extract, picture)) == "A label\n\nwhale"


@pytest.mark.parametrize("encoding", ["shift_jis", "gb18030", "windows-1251", "utf-16"])
def test_xml_in_other_encodings(read: Read, encoding: str) -> None:
    said = "くじら" if encoding == "shift_jis" else "Привет"
    page = f"<?xml version='1.0' encoding='{encoding}'?><a>{said}</a>".encode(encoding)
    assert text_of(read(markup.extract, page)) == said


@pytest.mark.parametrize("order", ["le", "be"])
def test_the_mark_of_xml_says_more_than_its_declaration(read: Read, order: str) -> None:
    page = "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n<a><b>Tea &amp; Привет</b></a>"
    found = read(markup.extract, page.encode(f"utf-16-{order}"))
    assert (text_of(found), found["warnings"]) == ("Tea & Привет", [])


def test_attributes_tell_where_there_is_no_text(read: Read) -> None:
    assert text_of(read(markup.extract, '<opml><outline text="A feed"/></opml>')) == "A feed"
    assert text_of(read(markup.extract, '<a><b c="two words" d="1"/></a>')) == "two words"


def test_broken_xml_is_read_as_far_as_it_goes(read: Read) -> None:
    found = read(markup.extract, "<a><b>first</b><c>second</d>")
    assert "first" in text_of(found)
    assert found["warnings"] == ["damaged"]


@pytest.mark.parametrize(
    "declared",
    ['<!ENTITY a "ha"><!ENTITY b "&a;&a;">', '<!ENTITY x SYSTEM "file:///etc/passwd">'],
)
def test_entities_are_refused(read: Read, declared: str) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(markup.extract, f"<!DOCTYPE d [{declared}]><d>&b;&x;</d>")
    assert refused.value.reason == "corrupt"


def test_cards_and_events(read: Read) -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=90;=D0=91\r\n"
        "FN:Ann\\, Author\r\nTEL:+1 555\r\nNOTE:fol\r\n ded\r\nEND:VCARD\r\n"
    )
    (section,) = read(cards.extract, card)["sections"]
    assert section["text"] == "А Б\nAnn, Author\n+1 555\nfolded"
    assert section["heading"] == "Ann, Author"
    event = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260302T100000Z\nSUMMARY:Whales\nEND:VEVENT\n"
    assert text_of(read(cards.extract, event)) == "2026-03-02 10:00\nWhales"


@pytest.mark.parametrize(
    "content",
    [
        "1\n00:00:03,500 --> 00:00:05,000\n<i>They</i> sing\nat night\n\n"
        "2\n00:00:06,000 --> 00:00:07,000\nAnd sleep\n",
        "WEBVTT\n\n00:03.500 --> 00:05.000 align:start\nThey sing\nat night\n\n"
        "00:06.000 --> 00:07.000\nAnd sleep\n",
    ],
)
def test_subtitles(read: Read, content: str) -> None:
    (section,) = read(cards.subtitles, content)["sections"]
    assert section["text"] == "They sing at night\nAnd sleep"
    assert section["locator"] == {"time": "0:00:03"}


def test_a_kindle_book(tmp_path: Path) -> None:
    path = binaries.mobi(tmp_path / "a.mobi", "<h1>One</h1><p>Они поют.</p>", "On whales")
    found = mobi.extract(str(path), {})
    assert found["sections"][0]["text"] == "One\n\nОни поют."
    assert found["metadata"]["title"] == "On whales"


def test_drawings_and_pages_of_other_programs(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.vsdx",
        {
            "visio/pages/page10.xml": "<Page><Text>Second</Text></Page>",
            "visio/pages/page2.xml": "<Page><Text>First <cp/>box</Text></Page>",
        },
    )
    found = parts.extract(str(path), {})["sections"]
    assert [(one["text"], one["locator"]) for one in found] == [
        ("First\nbox", {"page": 1}),
        ("Second", {"page": 2}),
    ]
