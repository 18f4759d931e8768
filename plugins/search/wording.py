"""Filters in the words of the reader: "PDF · from Ann · before January 2026"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from plugins.search import vocabulary
from plugins.search.query import Term, bytes_of, parse, period, write

if TYPE_CHECKING:
    from plugins.search.query import Hint
    from plugram import Html, Person, Translate

LONGEST = 400
"""Characters of all filters together: a message has 4096."""
_MONTHS = {"es": "MMMM 'de' y"}
"""In other languages: "MMMM y"."""
_MONTHS_ALONE = {"es": "MMMM 'de' y", "ru": "LLLL y"}
_EXAMPLES = {
    "type": "type:pdf",
    "lang": "lang:es",
    "size": "size:>5mb",
    "larger": "larger:5mb",
    "smaller": "smaller:1mb",
    "chat": "chat:here",
    "from": "from:@ann",
    "tag": "tag:tax",
    "on": "on:yesterday",
    "after": "after:2026-01",
}
_DATE = "before:2026-01"


def label(t: Translate, person: Person, term: Term, names: Mapping[str, str]) -> str:
    """What a term asks for, as plain text."""
    if term.key == "phrase":
        return t.plain("search-without" if term.negated else "search-phrase", text=term.value)
    said = _label(t, person, term, names)
    return t.plain("search-not", filter=said) if term.negated else said


def labels(t: Translate, person: Person, terms: Sequence[Term], names: Mapping[str, str]) -> str:
    return shortened(" · ".join(label(t, person, term, names) for term in terms), LONGEST)


def shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _label(t: Translate, person: Person, term: Term, names: Mapping[str, str]) -> str:
    value = term.value
    match term.key:
        case "type":
            return type_name(t, value)
        case "from":
            if value == "me":
                return t.plain("search-from-me")
            return t.plain("search-from", name=names.get(value, value))
        case "chat":
            return t.plain("search-here") if value == "here" else t.plain("search-chat", id=value)
        case "tag":
            return f"#{value}"
        case "lang":
            return t.plain("search-language", language=language_name(t, value))
        case "larger" | "smaller":
            return t.plain(f"search-{term.key}", size=size(t, value))
        case _:
            return _date(t, person, term)


def type_name(t: Translate, value: str) -> str:
    if value in vocabulary.TYPES:
        return t.plain(f"search-type-{value}")
    return t.plain("search-type-ending", ending=value)


def language_name(t: Translate, code: str) -> str:
    from babel import Locale

    name: str = Locale(t.language).languages.get(code, code)
    return name


def size(t: Translate, value: str) -> str:
    """Of `5mb`, or of a number of bytes in the largest unit that fits."""
    count, unit = bytes_of(value), "b"
    for name, power in vocabulary.UNITS.items():
        if count >= 1 << power:
            unit = name
    number = round(count / (1 << vocabulary.UNITS[unit]), 1)
    return t.plain(f"search-size-{unit}", number=t.number(number))


def _date(t: Translate, person: Person, term: Term) -> str:
    today = datetime.now(ZoneInfo(person.timezone)).date()
    first, _ = period(term.value, today)
    if term.value.endswith("d") and term.key != "before":
        return t.plain("search-last-days", days=int(term.value[:-1]))
    if term.key == "on":
        if term.value in ("today", "yesterday"):
            return t.plain(f"search-{term.value}")
        return _day(t, first, term.value, _MONTHS_ALONE)
    shown = term.value if term.value[0].isdigit() and not term.value.endswith("d") else f"{first}"
    if len(shown) == 4:
        return t.plain(f"search-{term.key}-year", year=shown)
    key = f"search-{term.key}-day" if len(shown) > 7 else f"search-{term.key}"
    return t.plain(key, date=_day(t, first, shown, _MONTHS))


def _day(t: Translate, first: date, value: str, months: Mapping[str, str]) -> str:
    """A year, a month or a day, by how much of it was said."""
    from babel.dates import format_date

    if len(value) == 4:
        return value
    pattern = months.get(t.language, "MMMM y") if len(value) == 7 else "long"
    return format_date(first, pattern, locale=t.language)


def hint(t: Translate, told: Hint) -> Html:
    """What wasn't understood, and the way out."""
    match told.kind:
        case "typo":
            return t("search-hint-typo", text=told.text, meant=told.meant)
        case "key":
            return t("search-hint-key", text=told.text)
        case "value":
            key = vocabulary.KEY_OF.get(vocabulary.plain(told.text.lstrip("-−").split(":")[0]), "")
            example = write(parse(_EXAMPLES.get(key, _DATE)), t.language)
            return t("search-hint-value", text=told.text, example=example)
        case "not":
            return t("search-hint-not", text=told.text)
        case _:
            return t("search-hint-many")
