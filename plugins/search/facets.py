"""What results can be narrowed to: options with the number of files that each would leave."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from plugins.search import vocabulary
from plugins.search.query import Query, Term, bytes_of, period, write_term
from plugins.search.vocabulary import Key
from plugram import StoredFile

Facet = Literal["type", "date", "from", "chat", "tag", "lang", "size"]
FACETS: tuple[Facet, ...] = get_args(Facet)
T = TypeVar("T")

MOST = 12
"""Options of a facet: what fits on a phone's screen."""

_KEYS: Mapping[Facet, tuple[Key, ...]] = {
    "date": ("on", "after", "before"),
    "size": ("larger", "smaller"),
    "type": ("type",),
    "from": ("from",),
    "chat": ("chat",),
    "tag": ("tag",),
    "lang": ("lang",),
}
_SPECIAL = ("pdf", "word", "sheet", "slides", "mail", "book", "archive", "text")
"""Types that say more of a file than its kind does."""
_SIZES = (
    (Term("smaller", "100kb"),),
    (Term("larger", "100kb"), Term("smaller", "1mb")),
    (Term("larger", "1mb"), Term("smaller", "10mb")),
    (Term("larger", "10mb"),),
)
_MONTHS = 4
"""The newest months that are offered beside the years."""


@dataclass(frozen=True, slots=True)
class Option:
    """What a press on it turns on or off."""

    terms: tuple[Term, ...]
    files: int
    on: bool

    @property
    def digest(self) -> str:
        return digest(*self.terms)


def digest(*terms: Term) -> str:
    """A short name for the data of buttons: a tag may be longer than these."""
    text = " ".join(write_term(term) for term in terms)
    return blake2b(text.encode(), digest_size=5).hexdigest()


def facet_of(term: Term) -> Facet | None:
    """None: words and phrases belong to no facet."""
    return next((facet for facet in FACETS if term.key in _KEYS[facet]), None)


def without(query: Query, facet: Facet) -> Query:
    """The query as its options are counted: as if the facet weren't used. A file has many tags, so
    these are counted among the files that have the chosen ones."""
    return query if facet == "tag" else query.without(*_wanted(query, facet))


def toggled(query: Query, facet: Facet, option: Option) -> Query:
    if option.on:
        return query.without(*option.terms)
    if facet in ("date", "size"):
        query = query.without(*_wanted(query, facet))
    return query.plus(*option.terms)


def options(
    facet: Facet,
    files: Sequence[StoredFile],
    query: Query,
    *,
    me: int,
    now: datetime,
    timezone: str,
) -> list[Option]:
    """Of the files that the query `without` the facet finds. What is on is among them in any
    case."""
    if facet == "date":
        return _dates(files, query, now, ZoneInfo(timezone))
    if facet == "size":
        return [
            option
            for terms in _SIZES
            if (option := _option(query, terms, (one.size for one in files), _fits)).files
            or option.on
        ]
    counts = Counter(value for file in files for value in _values(facet, file, me))
    for term in _wanted(query, facet):
        counts.setdefault(term.value, 0)
    terms = [Term(_KEYS[facet][0], value) for value in counts]
    on = set(query.terms)
    found = [Option((term,), counts[term.value], term in on) for term in terms]
    found.sort(key=lambda option: (not option.on, -option.files, option.terms[0].value))
    return found[:MOST]


def _wanted(query: Query, facet: Facet) -> tuple[Term, ...]:
    return tuple(term for term in query.of(*_KEYS[facet]) if not term.negated)


def _values(facet: Facet, file: StoredFile, me: int) -> Iterable[str]:
    match facet:
        case "type":
            return _types(file)
        case "from":
            return ("me" if file.sender_id == me else str(file.sender_id),)
        case "chat":
            return (str(file.chat_id),)
        case "tag":
            return file.tags
        case _:
            return (file.language,) if file.language else ()


def _types(file: StoredFile) -> Iterable[str]:
    """What it is called first, and its kind: a PDF is a document too."""
    special = [name for name in _SPECIAL if _is(file, vocabulary.TYPES[name].types)]
    kinds = [name for name, one in vocabulary.TYPES.items() if file.kind in one.kinds]
    return dict.fromkeys([*special, *kinds])


def _is(file: StoredFile, types: Iterable[str]) -> bool:
    name = file.name.lower()
    return any(
        name.endswith(one) if one.startswith(".") else fnmatch.fnmatchcase(file.mime, one)
        for one in types
    )


def _dates(
    files: Sequence[StoredFile], query: Query, now: datetime, zone: ZoneInfo
) -> list[Option]:
    today = now.astimezone(zone).date()
    days = [file.created_at.astimezone(zone).date() for file in files]
    months = sorted({f"{day:%Y-%m}" for day in days}, reverse=True)[:_MONTHS]
    years = sorted({f"{day:%Y}" for day in days}, reverse=True)
    values = ["today", "7d", "30d", *(months if len(months) > 1 else ()), *years]
    chosen = [term.value for term in query.of("on")]
    options = [
        _option(query, (Term("on", value),), days, lambda term, day: _within(term, day, today))
        for value in dict.fromkeys([*chosen, *values])
    ]
    kept: list[Option] = []
    for option in options:
        # "The last 30 days" adds nothing to "the last 7 days" if all files are of these.
        wider = kept and not kept[-1].on and _is_span(option) and option.files == kept[-1].files
        if option.on or (option.files and not wider):
            kept.append(option)
    return kept[:MOST]


def _is_span(option: Option) -> bool:
    return option.terms[0].value.endswith("d")


def _within(term: Term, day: date, today: date) -> bool:
    first, behind = period(term.value, today)
    return first <= day < behind


def _fits(term: Term, size: int) -> bool:
    bound = bytes_of(term.value)
    return size >= bound if term.key == "larger" else size <= bound


def _option(
    query: Query, terms: tuple[Term, ...], values: Iterable[T], holds: Callable[[Term, T], bool]
) -> Option:
    files = sum(all(holds(term, value) for term in terms) for value in values)
    return Option(terms, files, set(terms) <= set(query.terms))
