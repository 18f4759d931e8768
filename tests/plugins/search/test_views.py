"""What a search looks like in a chat."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.i18n import I18n
from plugins.search import facets, views, vocabulary, wording
from plugins.search.api import Explanation, Found, Hit
from plugins.search.asking import Answer, Instead, Menu, Panel
from plugins.search.facets import Option
from plugins.search.query import Query, Term, parse
from plugins.search.results import Closer, Match, Page, Recent, Result, ResultList
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


def results(hits: int = 1, *, score: float = 1.0, **fields: Any) -> ResultList:
    known: dict[str, Any] = {
        "id": 5,
        "scope": ANN,
        "person_id": 7,
        "query": parse("ferry"),
        "hits": [Hit(n, n, score / n) for n in range(1, hits + 1)],
        "words": (),
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
    assert buttons(content) == [
        ["1. 📎 Send file", "1. ↩ Message"],
        ["💡 1"],
        ["Filter ▾"],
    ]


def test_dates_are_the_persons_own() -> None:
    assert "Mar 2, 2026" in views.answer(translate(), person("Europe/Madrid"), page()).text


@pytest.mark.parametrize(
    ("locator", "told"),
    [
        ({"page": 3}, "p. 3"),
        ({"slide": 2}, "slide 2"),
        ({"sheet": "Costs"}, "sheet Costs"),
        ({"line": 40}, "line 40"),
        ({"sheet": "Costs", "row": 12}, "sheet Costs, row 12"),
        ({"chapter": 3}, "chapter 3"),
        ({"time": "0:01:14"}, "at 0:01:14"),
        ({"member": "a.zip/report.pdf", "page": 2}, "in a.zip/report.pdf, p. 2"),
        ({"message": 4, "paragraph": 2}, "message 4"),
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

    assert turning(1) == ["1 / 3", "›", "Filter ▾"]
    assert turning(2) == ["‹", "2 / 3", "›", "Filter ▾"]
    assert turning(3) == ["‹", "3 / 3", "Filter ▾"]


def test_buttons_of_many_results_fit_on_a_phone() -> None:
    many = [result(number=number) for number in range(6, 11)]
    shown = views.answer(translate(), person(), page(results=many, number=2, pages=3))
    assert buttons(shown) == [
        [f"{sign} {number}" for number in range(6, 11)] for sign in ("📎", "↩", "💡")
    ] + [["‹", "2 / 3", "›", "Filter ▾"]]
    assert "<i>📎 send the file · ↩ show its message · 💡 why it was found</i>" in shown.text
    few = views.answer(translate(), person(), page(results=many[:3]))
    assert buttons(few)[0] == ["6. 📎 Send file", "6. ↩ Message"]
    assert "📎 send" not in few.text
    ten = views.answer(translate(), person(), page(results=many * 2))
    assert max(len(row) for row in buttons(ten)) == 5


def test_a_message_of_a_supergroup_has_a_link() -> None:
    file = replace(stored_file(1), chat_id=-1001234567890, message_id=42)
    row, *_ = views.answer(translate(), person(), page(result(file=file))).rows
    assert row[1].url == "https://t.me/c/1234567890/42"
    row, *_ = views.answer(translate(), person(), page()).rows
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
    ("score", "best", "dots"),
    [(2.0, 2.0, "●●●●●"), (1.0, 2.0, "●●○○○"), (0.4, 0.4, "●●○○○"), (0.01, 2.0, "●○○○○")],
)
def test_the_best_result_isnt_good_for_being_the_best(score: float, best: float, dots: str) -> None:
    shown = page(list=results(score=best), results=[result(score=score)])
    assert f"{dots} · " in views.answer(translate(), person(), shown).text


def unanswered(found: Found, query: str = "<x>", **fields: Any) -> Answer:
    return Answer(parse(query), found, None, fields.pop("list", None), **fields)


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
    content = views.nothing(translate(), person(), unanswered(found, reading=reading))
    assert told in content.text


@pytest.mark.parametrize(
    ("query", "language", "told"),
    [
        ('"northern islands"', "en", "found nothing for “northern islands”"),
        ("size:>1mb type:pdf", "en", "found nothing for “1 MB or more · PDF”"),
        ("размер:>1мб", "ru", "По запросу «от 1 МБ»"),
    ],
)
def test_filters_that_find_nothing_are_told_in_words(query: str, language: str, told: str) -> None:
    text = views.nothing(translate(language), person(), unanswered(Found("", ()), query)).text
    assert told in text
    assert "Only" not in text


def test_a_phrase_alone_is_told_once_in_the_quotation_marks_of_the_language() -> None:
    kept = results(query=parse('"северные острова" тип:pdf'))
    lines = views.answer(translate("ru"), person(), page(list=kept)).text.splitlines()
    assert lines[0] == "🔎 <b>«северные острова»</b>: 1 файл"
    assert lines[1] == "<i>Только: PDF</i>"


def test_the_filter_that_left_nothing_is_offered_to_be_dropped() -> None:
    query = parse("ferry type:pdf tag:tax")
    pdf, tax = query.terms
    kept = results(0, query=query)
    told = unanswered(
        Found("ferry", ()),
        "ferry type:pdf tag:tax",
        list=kept,
        instead=[Instead((tax,), 5), Instead((pdf, tax), 21)],
    )
    content = views.nothing(translate("ru"), person(), told)
    assert "Только: PDF · #tax" in content.text
    assert buttons(content) == [["Без «#tax»: 5 файлов"], ["Без фильтров: 21 файл"]]
    assert [row[0].data for row in content.rows] == [
        views.Drop(results=5, term=facets.digest(tax)),
        views.Drop(results=5, term=""),
    ]


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
        views.Look(results=LARGEST, file=LARGEST),
        views.Narrow(results=LARGEST, facet="type"),
        views.Pick(results=LARGEST, facet="type", option=facets.digest(Term("tag", "ж" * 64))),
        views.Drop(results=LARGEST, term=facets.digest(Term("phrase", "ж" * 200))),
        views.Mend(results=LARGEST, hint=30),
        views.Forget(person=LARGEST),
    ):
        assert len(data.pack().encode()) <= 64


def test_a_page_fits_into_a_message() -> None:
    many = parse("щ" * 400 + " ".join(f" tag:{'ы' * 60}{n}" for n in range(30)))
    long = [Piece("ж" * 300), Piece("ш" * 40, marked=True)]
    name = [Piece("и" * 120)]
    shown = page(
        list=results(5, query=many),
        results=[result(n, text=long, name=name) for n in range(1, 6)],
    )
    assert len(views.answer(translate("ru"), person(), shown).text) < 4096


# -- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            "PDF · not: Pictures · from @ann · from me · #tax · in Russian · 5 MB or more"
            " · “exact words” · without “draft”",
        ),
        (
            "ru",
            "PDF · кроме: Картинки · от @ann · от меня · #tax · язык: русский · от 5 МБ"
            " · «exact words» · без «draft»",
        ),
        (
            "es",
            "PDF · salvo: Imágenes · de @ann · de mí · #tax · en ruso · 5 MB o más"
            " · «exact words» · sin «draft»",
        ),
    ],
)
def test_it_is_told_how_filters_were_understood(language: str, told: str) -> None:
    query = parse(
        'type:pdf -type:photo from:@ann from:me tag:tax lang:ru size:>5mb "exact words" -draft x'
    )
    shown = page(list=results(query=query))
    assert f"{told}</i>" in views.answer(translate(language), person(), shown).text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("before:2026", ("before 2026", "до 2026 года", "antes de 2026")),
        ("after:2026", ("since 2026", "с 2026 года", "desde 2026")),
        ("before:2026-01", ("before January 2026", "до января 2026", "antes de enero de 2026")),
        ("on:2026-01", ("January 2026", "январь 2026", "enero de 2026")),
        ("on:2026", ("2026", "2026", "2026")),
        (
            "after:2026-01-15",
            ("since January 15, 2026", "с 15 января 2026\u202fг.", "desde el 15 de enero de 2026"),
        ),
        ("on:today", ("today", "сегодня", "hoy")),
        ("on:yesterday", ("yesterday", "вчера", "ayer")),
        ("on:7d", ("the last 7 days", "последние 7 дней", "los últimos 7 días")),
        ("after:2d", ("the last 2 days", "последние 2 дня", "los últimos 2 días")),
    ],
)
def test_dates_read_naturally(typed: str, told: tuple[str, str, str]) -> None:
    for language, said in zip(vocabulary.LANGUAGES, told, strict=True):
        (term,) = parse(typed).terms
        assert wording.label(translate(language), person(), term, {}) == said


def test_every_filter_is_a_button_that_removes_it() -> None:
    query = parse("ferry type:pdf from:5 tag:tax")
    shown = page(list=results(query=query), names={"5": "Ann Lee"})
    assert buttons(views.answer(translate(), person(), shown))[-3:] == [
        ["✕ PDF", "✕ from Ann Lee"],
        ["✕ #tax"],
        ["Filter ▾", "✕ Clear filters"],
    ]


def test_filters_alone_list_files() -> None:
    shown = page(list=results(2, score=0.0, query=parse("type:pdf")))
    text = views.answer(translate(), person(), shown).text
    assert text.startswith("🔎 2 files, the newest first\n<i>Only: PDF</i>")
    assert "●" not in text


def test_a_panel_has_what_can_be_chosen() -> None:
    kept = results(query=parse("ferry type:pdf"))
    rows = views.panel(translate(), person(), Panel(kept, ["type", "date", "tag"], {}))
    assert [[button.text for button in row] for row in rows] == [
        ["✕ PDF"],
        ["Kind ▾", "Date ▾"],
        ["Tag ▾"],
        ["‹ Back", "✕ Clear filters"],
    ]


def test_options_have_counts_and_ticks() -> None:
    options = [
        Option((Term("type", "pdf"),), 12, on=True),
        Option((Term("type", "py"),), 3, on=False),
        Option((Term("larger", "1mb"), Term("smaller", "10mb")), 2, on=False),
    ]
    rows = views.menu(translate(), person(), Menu(results(), "type", options, {}))
    assert [[button.text for button in row] for row in rows] == [
        ["✓ PDF · 12", ".py · 3"],
        ["1 MB or more · 10 MB or less · 2"],
        ["‹ Back"],
    ]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("tpye:pdf x", "Did you mean <code>type:pdf</code>?"),
        ("colour:red x", "I know no filter “colour:red”"),
        ("lang:klingon x", "<code>lang:es</code>"),
        ("until:<b>soon</b> x", "“until:&lt;b&gt;soon&lt;/b&gt;”"),
        ("-on:2026 x", "can't be excluded"),
        (" ".join(f"tag:t{n}" for n in range(50)), "too many filters"),
    ],
)
def test_what_was_not_understood_is_told(typed: str, told: str) -> None:
    shown = page(list=results(query=parse(typed)))
    assert told in views.answer(translate(), person(), shown).text


def test_a_typo_in_a_filter_can_be_mended_by_a_button() -> None:
    query = parse("tpye:pdf ferry")
    content = views.answer(translate(), person(), page(list=results(query=query)))
    assert content.rows[-1][0].text == "↪ type:pdf"
    assert views.mended(query, query.hints[0]) == parse("type:pdf ferry")


# -- a result more closely ------------------------------------------------------------------------


def closer(**fields: Any) -> Closer:
    known: dict[str, Any] = {
        "result": result(3, language="ru"),
        "why": Explanation(("fery",), 0.8, 0.5, 1.0, 0.4, (0.6, 0.3, 0.05, 0.05)),
        "matches": [
            Match("ferry", "Ferry", "exact"),
            Match("islands", "island", "form"),
            Match("fery", "ferry", "typo"),
            Match("ghbdtn", "привет", "keyboard"),
            Match("har", "harbour", "beginning"),
        ],
    }
    return Closer(**(known | fields))


def test_why_a_result_was_found() -> None:
    shown = page(list=results(query=parse("fery type:pdf")), number=2)
    content = views.closer(translate(), person("Europe/Madrid"), shown, closer())
    assert "Mar 2, 2026" in content.text
    assert "1 B · Russian" in content.text
    why = content.text.split("Why this result</b>\n")[1].splitlines()
    assert why == [
        "Words (60 %): Ferry, “islands” as “island”, “fery”, a typo for “ferry”, “ghbdtn”, typed on"
        " the other keyboard for “привет”, “har” as the beginning of “harbour”",
        "Meaning (30 %): close to your query (0.5 of 1)",
        "Word order (5 %): words stand side by side as in your query",
        "File name (5 %): it has words of your query",
        "Filters: PDF",
    ]
    assert buttons(content) == [["📎 Send file", "↩ Show message"], ["‹ Back"]]
    assert content.rows[1][0].data == views.Turn(results=5, page=2)


def test_a_result_without_a_word_of_the_query_was_found_by_meaning() -> None:
    told = closer(why=Explanation((), 0, 0.9, 0, 0, (0.0, 0.5, 0.0, 0.0)), matches=[])
    text = views.closer(translate(), person(), page(), told).text
    assert "found by its meaning" in text
    assert "Meaning (100 %): very close to your query (0.9 of 1)" in text


def test_a_listed_file_was_found_by_its_filters() -> None:
    shown = page(list=results(query=parse("type:pdf")))
    told = closer(why=Explanation(), matches=[])
    text = views.closer(translate(), person(), shown, told).text
    assert text.endswith("<b>Why this result</b>\nFilters: PDF")


@pytest.mark.parametrize("language", vocabulary.LANGUAGES)
def test_the_longest_card_fits_into_a_message(language: str) -> None:
    told = closer(
        result=result(text=[Piece("ж" * 1200)], name=[Piece("и" * 120)]),
        matches=[Match("щ" * 60, "ш" * 60, "typo")] * 24,
    )
    shown = page(list=results(query=parse(" ".join(f"tag:{'ы' * 60}{n}" for n in range(30)))))
    assert len(views.closer(translate(language), person(), shown, told).text) < 4096


# -- /search alone --------------------------------------------------------------------------------


def test_earlier_searches_are_offered_again() -> None:
    recent = [Recent(9, parse("ferry type:photo")), Recent(8, Query("щ" * 400))]
    content = views.usage(translate("ru"), person(), recent)
    assert content.rows[0][0].text == "🕘 тип:фото ferry"
    assert len(content.rows[1][0].text) < 45
    assert [row[0].text for row in content.rows[2:]] == ["🗑 Забыть это", "Как искать"]
    assert buttons(views.usage(translate(), person(), [])) == [["How to search"]]


@pytest.mark.parametrize("language", vocabulary.LANGUAGES)
def test_the_help_is_true(language: str) -> None:
    """Every filter that the help shows is understood, and its examples are too."""
    t = translate(language)
    text = views.help_page(t).text
    shown = [html.unescape(one) for one in re.findall("<code>(.*?)</code>", text)]
    examples = [views.example(t, number) for number in range(1, views.EXAMPLES + 1)]
    for typed in [*shown, *examples]:
        query = parse(typed)
        assert query.terms, typed
        assert query.hints == (), typed
        assert query.words in ("", "contract", "договор", "contrato")
    assert len(text) < 2000


def test_a_result_has_a_link_where_there_are_links() -> None:
    for links in (False, True):
        content = views.closer(translate(), person(), page(), closer(), links=links)
        pressed = [button.data for row in content.rows for button in row]
        assert any(isinstance(data, views.Link) for data in pressed) is links
