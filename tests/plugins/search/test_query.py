"""The query language: what is typed, how it is understood, and how it is written again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.search import vocabulary
from plugins.search.query import (
    MOST_TERMS,
    NOBODY,
    Facts,
    Filters,
    Hint,
    Query,
    Term,
    bytes_of,
    filters,
    parse,
    period,
    read_date,
    read_size,
    write,
    write_term,
)

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def written(text: str) -> tuple[str, str]:
    """The filters of a query in their regular form, and its words."""
    query = parse(text)
    return " ".join(write_term(term) for term in query.terms), query.words


def resolved(text: str, timezone: str = "UTC", **senders: tuple[int, ...]) -> Filters:
    return filters(parse(text), now=NOW, timezone=timezone, senders=senders, chat=-100)


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "terms", "words"),
    [
        ("ferry to the islands", "", "ferry to the islands"),
        (
            'type:pdf from:@ann tag:Tax ferry before:2026-01 "exact words" -not',
            'type:pdf from:@ann tag:tax before:2026-01 "exact words" -not',
            "ferry",
        ),
        ("-type:photo -from:@bob -tag:old", "-type:image -from:@bob -tag:old", ""),
        (
            "тип:документ от:@аня до:15.01.2026 метка:налоги язык:русский размер:>1,5мб договор",
            "type:document from:@аня before:2026-01-15 tag:налоги lang:ru larger:1.5mb",
            "договор",
        ),
        (
            "tipo:imagen de:@ana después:ayer idioma:español tamaño:<100kb barco",
            "type:image from:@ana after:yesterday lang:es smaller:100kb",
            "barco",
        ),
        ("despues:hoy tamano:>1gb", "after:today larger:1gb", ""),
        ("TYPE:PDF Kind:Word", "type:pdf type:word", ""),
        ("type:pdf,docx", "type:pdf type:docx", ""),
        ("type:.py", "type:py", ""),
        ("size:1mb..5mb", "larger:1mb smaller:5mb", ""),
        ("larger:5 smaller:5000000", "larger:5mb smaller:5000000b", ""),
        ("before:2026 before:2025", "before:2025", ""),
        ("-after:2026", "before:2026", ""),
        ("in:2026-02", "on:2026-02", ""),
        ("on:week", "on:7d", ""),
        ("за:неделю", "on:7d", ""),
        ("from:me", "from:me", ""),
        ("от:меня", "from:me", ""),
        ('from:"Ann Lee"', 'from:"Ann Lee"', ""),
        ("тип：фото", "type:image", ""),
    ],
)
def test_filters_are_told_from_words(typed: str, terms: str, words: str) -> None:
    assert written(typed) == (terms, words)
    assert parse(typed).hints == ()


@pytest.mark.parametrize("typed", ['"a b"', "«a b»", "“a b”", "„a b“", "»a b«", '"a b', '"a  b "'])
def test_quotes_of_all_kinds_and_unfinished_ones(typed: str) -> None:
    assert parse(typed).terms == (Term("phrase", "a b"),)
    assert parse(f"-{typed}").terms == (Term("phrase", "a b", negated=True),)
    assert parse(typed).text == "a b"
    assert parse(f"-{typed}").text == ""


@pytest.mark.parametrize(
    "typed",
    [
        "well-known",
        "- dash",
        "-5 degrees",
        '5" nails',
        "12:30",
        "Re: invoice",
        "https://example.com/a",
        "--help",
        "!!!",
        "🔥🔥",
        "C++ <b>x</b> &amp;",
    ],
)
def test_what_only_looks_like_a_filter_is_words(typed: str) -> None:
    assert parse(typed) == Query(typed)
    assert parse(typed).hints == ()


def test_a_value_may_follow_after_a_blank_where_it_is_plain_to_see() -> None:
    assert written("type: pdf ferry") == ("type:pdf", "ferry")
    assert written("от: @аня") == ("from:@аня", "")
    assert written("from: the sea") == ("", "from the sea")
    assert written("type:") == ("", "type")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("tpye:pdf ferry", Hint("typo", "tpye:pdf", "type:pdf")),
        ("form:@ann", Hint("typo", "form:@ann", "from:@ann")),
        ("рамзер:5мб", Hint("typo", "рамзер:5мб", "размер:5мб")),
        ("type:pfd", Hint("typo", "type:pfd", "type:pdf")),
        ("тип:фотоо", Hint("typo", "тип:фотоо", "тип:фото")),
        ("colour:red", Hint("key", "colour:red")),
        ("before:soon", Hint("value", "before:soon")),
        ("lang:klingon", Hint("value", "lang:klingon")),
        ("-on:2026", Hint("not", "-on:2026")),
    ],
)
def test_what_is_not_understood_gets_a_hint(typed: str, hint: Hint) -> None:
    query = parse(typed)
    assert query.hints == (hint,)
    if hint.kind != "not" and hint.text != "type:pfd":
        assert hint.text in query.words


def test_a_hundred_filters_are_too_many() -> None:
    query = parse(" ".join(f"tag:t{number}" for number in range(100)))
    assert len(query.terms) == MOST_TERMS
    assert query.hints == (Hint("many"),)


def test_marks_of_direction_and_controls_are_no_part_of_it() -> None:
    assert written("\u200ftype:pdf\u200e\u202e שלום\x00 мир\u202c") == ("type:pdf", "שלום мир")


def test_a_name_is_suggested_for_whatever_is_near() -> None:
    assert parse("type:doc").hints == ()
    assert parse("type:xyz").hints == ()
    assert parse("id:5").hints == (Hint("key", "id:5"),)


_SIGNS = '" « ” - − , # .. : ： \u200f'.split()
_VALUES = "İ é pdf фото @ann me here 2026 today 7d 5mb >5mb ru x:".split()
_ATOMS = st.one_of(
    st.sampled_from([f"{name}:" for name in vocabulary.KEY_OF]),
    st.sampled_from([*_SIGNS, *_VALUES]),
    st.just(" "),
    st.text(max_size=3),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_ATOMS, max_size=12).map("".join), st.sampled_from(vocabulary.LANGUAGES))
def test_whatever_is_typed_is_understood_and_written_so_that_it_reads_the_same(
    typed: str, language: str
) -> None:
    query = parse(typed)
    assert parse(write(query, language)) == query
    assert len(query.terms) <= MOST_TERMS
    filters(query, now=NOW, timezone="Europe/Madrid", senders={}, chat=1)


# -- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("2026", "2026"),
        ("2026-1", "2026-01"),
        ("2026/01/05", "2026-01-05"),
        ("15.01.2026", "2026-01-15"),
        ("1.2026", "2026-01"),
        ("03/12/2024", "2024-12-03"),
        ("12/31/2024", "2024-12-31"),
        ("Вчера", "yesterday"),
        ("hoy", "today"),
        ("2w", "14d"),
        ("3м", "90d"),
        ("2026-13", ""),
        ("2026-02-30", ""),
        ("1066", ""),
        ("0d", ""),
        ("soon", ""),
    ],
)
def test_dates(typed: str, value: str) -> None:
    assert read_date(typed) == value


@pytest.mark.parametrize(
    ("value", "first", "behind"),
    [
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("2025-12", date(2025, 12, 1), date(2026, 1, 1)),
        ("2026-02-28", date(2026, 2, 28), date(2026, 3, 1)),
        ("today", date(2026, 3, 1), date(2026, 3, 2)),
        ("yesterday", date(2026, 2, 28), date(2026, 3, 1)),
        ("7d", date(2026, 2, 23), date(2026, 3, 2)),
    ],
)
def test_periods(value: str, first: date, behind: date) -> None:
    assert period(value, date(2026, 3, 1)) == (first, behind)


@pytest.mark.parametrize(
    ("typed", "count"),
    [("5mb", 5 << 20), ("1,5 МБ", 3 << 19), ("100kb", 100 << 10), ("2 GiB", 2 << 30), ("7b", 7)],
)
def test_sizes(typed: str, count: int) -> None:
    assert bytes_of(read_size(typed)) == count


# -- meaning --------------------------------------------------------------------------------------


def test_days_are_those_of_the_person() -> None:
    assert resolved("on:today").after == datetime(2026, 3, 1, tzinfo=UTC)
    madrid = resolved("on:today", "Europe/Madrid")  # where it is the second already
    assert madrid.after == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert madrid.before == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_dates_narrow_each_other() -> None:
    found = resolved("after:2025-06 before:2026 on:2025")
    assert (found.after, found.before) == (
        datetime(2025, 6, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_everything_reaches_the_index() -> None:
    found = resolved(
        'type:image type:pdf type:py from:ann chat:here tag:a tag:b lang:ru -lang:en "x y" -z'
        " larger:1kb smaller:2kb",
        ann=(5, 6),
    )
    assert found == Filters(
        kinds=("images",),
        types=("application/pdf", ".py"),
        senders=(5, 6),
        chats=(-100,),
        tags=("a", "b"),
        languages=("ru",),
        size_min=1024,
        size_max=2048,
        phrases=("x y",),
        excluded=("z",),
        unwanted=Facts(languages=("en",)),
    )


def test_a_sender_whom_nobody_knows_sent_nothing() -> None:
    assert resolved("from:zoe").senders == (NOBODY,)


def test_no_filters_are_false() -> None:
    assert not resolved("just words")
    assert resolved("-draft")


def test_it_is_written_in_the_language_of_the_reader() -> None:
    query = parse('type:image from:me on:today -type:py "a b" words')
    assert write(query, "ru") == 'тип:фото от:я дата:сегодня -тип:py "a b" words'
    assert write(query, "es") == 'tipo:imagen de:mí fecha:hoy -tipo:py "a b" words'
    assert write(query, "fr") == write(query, "en")


def test_a_size_that_no_file_has_is_a_hint() -> None:
    assert read_size("99999999999gb") == ""
    assert parse("size:>99999999999gb whales").hints


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ('"car insurance"', "car_insurance"),
        ("Straße", "strasse"),
        ("#Tax", "tax"),
        ("a_b-c", "a_b-c"),
    ],
)
def test_tags_are_found_as_they_are_kept(typed: str, tag: str) -> None:
    assert [term.value for term in parse(f"tag:{typed}").of("tag")] == [tag]
