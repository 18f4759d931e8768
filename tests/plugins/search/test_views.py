"""What a search looks like in a chat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.i18n import I18n
from plugins.search import views
from plugins.search.api import Found, Hit
from plugins.search.results import Page, Result, ResultList
from plugins.search.snippets import Piece
from plugram import Person, Translate
from tests.plugins.search.conftest import ANN, stored_file

ROOM = Path(views.__file__).parent
LARGEST = 2**63 - 1


def translate(language: str = "en") -> Translate:
    i18n = I18n()
    assert i18n.add("search", ROOM / "locales") == []
    return i18n.bound(language, "search")


def person(timezone: str = "UTC") -> Person:
    return Person(7, "Ann", "ann", "en", timezone, "user")


def results(hits: int = 1, **fields: Any) -> ResultList:
    known: dict[str, Any] = {
        "id": 5,
        "scope": ANN,
        "query": "ferry",
        "hits": [Hit(n, n, 1.0 / n) for n in range(1, hits + 1)],
        "terms": frozenset(),
        "corrected": {},
        "cut": False,
        "by_meaning": True,
    }
    return ResultList(**(known | fields))


def result(number: int = 1, **fields: Any) -> Result:
    known: dict[str, Any] = {
        "number": number,
        "file": stored_file(number, name="a<b>.txt"),
        "score": 1.0,
        "name": [Piece("a<b>.txt")],
        "text": [Piece("The "), Piece("ferry", marked=True), Piece(" & the islands")],
        "locator": {},
    }
    return Result(**(known | fields))


def page(shown: Result | None = None, **fields: Any) -> Page:
    known: dict[str, Any] = {"list": results(), "number": 1, "pages": 1}
    return Page(**(known | {"results": [shown or result()]} | fields))


def buttons(content: views.Content) -> list[list[str]]:
    return [[button.text for button in row] for row in content.rows]


def test_a_result_has_name_place_date_and_marked_passage() -> None:
    content = views.answer(translate(), person(), page(result(locator={"page": 3})))
    assert "<b>1.</b> a&lt;b&gt;.txt" in content.text
    assert "●●●●● · p. 3 · Mar 1, 2026" in content.text
    assert "The <b><u>ferry</u></b> &amp; the islands" in content.text
    assert buttons(content) == [["1. 📎 Send file", "1. ↩ Show message"]]


def test_dates_are_the_persons_own() -> None:
    assert "Mar 2, 2026" in views.answer(translate(), person("Europe/Madrid"), page()).text


@pytest.mark.parametrize(
    ("locator", "told"),
    [
        ({"page": 3}, "p. 3"),
        ({"slide": 2}, "slide 2"),
        ({"sheet": "Costs"}, "sheet Costs"),
        ({"line": 40}, "line 40"),
        ({"part": "caption"}, "caption"),
    ],
)
def test_places(locator: dict[str, Any], told: str) -> None:
    assert (
        f" · {told} · " in views.answer(translate(), person(), page(result(locator=locator))).text
    )


def test_pages_turn() -> None:
    def turning(number: int) -> list[str]:
        shown = page(list=results(11), number=number, pages=3)
        return buttons(views.answer(translate(), person(), shown))[-1]

    assert turning(1) == ["1 / 3", "›"]
    assert turning(2) == ["‹", "2 / 3", "›"]
    assert turning(3) == ["‹", "3 / 3"]


def test_a_message_of_a_supergroup_has_a_link() -> None:
    file = replace(stored_file(1), chat_id=-1001234567890, message_id=42)
    (row,) = views.answer(translate(), person(), page(result(file=file))).rows
    assert row[1].url == "https://t.me/c/1234567890/42"
    (row,) = views.answer(translate(), person(), page()).rows
    assert row[1].url is None


def test_what_happened_to_the_query_is_told() -> None:
    kept = results(corrected={"fery": "ferry"}, cut=True, by_meaning=False)
    text = views.answer(translate(), person(), page(list=kept)).text
    assert "fery → ferry" in text
    assert "searched for the beginning" in text
    assert "by words alone" in text


def test_a_page_whose_files_are_gone() -> None:
    content = views.answer(translate(), person(), page(results=[]))
    assert "aren't here any more" in content.text


@pytest.mark.parametrize(
    ("found", "reading", "told"),
    [
        (Found("", (), wordless=True), False, "at least one word"),
        (Found("x", (), empty=True), False, "nothing to search yet"),
        (Found("x", (), empty=True), True, "still reading"),
        (Found("<x>", ()), False, "found nothing for “&lt;x&gt;”"),
        (Found("x", (), by_meaning=False), False, "by words alone"),
    ],
)
def test_no_result_is_explained(found: Found, reading: bool, told: str) -> None:
    content = views.nothing(translate(), found, reading=reading)
    assert told in content.text
    assert not content.rows


@pytest.mark.parametrize(
    ("language", "numbers"),
    [
        ("en", {1: "1 file", 2: "2 files"}),
        ("ru", {1: "1 файл", 2: "2 файла", 5: "5 файлов", 21: "21 файл"}),
        ("es", {1: "1 archivo", 2: "2 archivos"}),
    ],
)
def test_files_are_counted_as_the_language_does(language: str, numbers: dict[int, str]) -> None:
    for count, told in numbers.items():
        heading = views.answer(translate(language), person(), page(list=results(count))).text
        assert heading.splitlines()[0].endswith(told)


def test_buttons_carry_any_id() -> None:
    for data in (
        views.Turn(results=LARGEST, page=9999),
        views.Send(file=LARGEST),
        views.Show(file=LARGEST),
    ):
        assert len(data.pack().encode()) <= 64


def test_a_page_fits_into_a_message() -> None:
    long = [Piece("ж" * 300), Piece("ш" * 40, marked=True)]
    name = [Piece("и" * 120)]
    shown = page(
        list=results(5, query="щ" * 400),
        results=[result(n, text=long, name=name) for n in range(1, 6)],
    )
    assert len(views.answer(translate("ru"), person(), shown).text) < 4096
