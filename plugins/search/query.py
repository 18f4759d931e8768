"""The query language: `type:pdf from:@ann before:2026-01 "exact words" -not` and plain words.

It reads forgivingly. What looks like a filter and isn't one stays among the words, with a hint;
so whatever is typed can be searched. `write` puts a query into its regular form, and `parse` reads
that back as the same query: lists of results keep queries so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from plugins.search import spelling, vocabulary
from plugins.search.api import Facts as Facts
from plugins.search.api import Filters as Filters
from plugins.search.vocabulary import KEY_OF, Key

MOST_TERMS = 30
"""Filters of a query; more can't be meant."""
LONGEST_VALUE = 64
"""Characters of a sender's name, a tag."""
LONGEST_PHRASE = 200
NOBODY = 0
"""A sender that no file has: for names that nobody bears."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition, its value in the regular form: `pdf`, `2026-01`, `5mb`, `@ann`."""

    key: Key
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that wasn't understood."""

    kind: Literal["key", "typo", "value", "not", "many"]
    """`typo`: `meant` says what it should probably be."""
    text: str = ""
    """As it was typed."""
    meant: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed, understood."""

    words: str = ""
    terms: tuple[Term, ...] = ()
    hints: tuple[Hint, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """What is ranked: the words, and the phrases that must be there."""
        phrases = (one.value for one in self.terms if one.key == "phrase" and not one.negated)
        return " ".join(filter(None, (self.words, *phrases)))

    def without(self, *terms: Term) -> Query:
        return replace(self, terms=tuple(one for one in self.terms if one not in terms), hints=())

    def of(self, *keys: Key) -> tuple[Term, ...]:
        return tuple(one for one in self.terms if one.key in keys)

    def plus(self, *terms: Term) -> Query:
        """With more terms; of what there can be only one, the later one stays."""
        return replace(self, terms=_settled((*self.terms, *terms)), hints=())


_ONCE: frozenset[Key] = frozenset({"after", "before", "on", "larger", "smaller"})
_LISTS = frozenset({"type", "from", "chat", "tag", "lang"})
"""`type:pdf,docx`: a comma parts two values; in a size it is a decimal one."""
_OPPOSITE: Mapping[Key, Key] = {
    "after": "before",
    "before": "after",
    "larger": "smaller",
    "smaller": "larger",
}


def _settled(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    kept: dict[object, Term] = {}
    for term in terms:
        kept[term.key if term.key in _ONCE else term] = term
    return tuple(kept.values())


# -- reading --------------------------------------------------------------------------------------

_QUOTES = '"«»“”„‟'
_ANY_QUOTE = re.compile(f"[{_QUOTES}]")
_HIDDEN = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Marks of the writing direction: they come along with copied text and stand between the words."""
_TOKEN = re.compile(
    rf"""
    (?P<minus>[-−](?=[^\W\d]|[{_QUOTES}]))?
    (?:
        (?P<key>[^\W\d_]+)[:：](?:[{_QUOTES}](?P<quoted>[^{_QUOTES}]*)[{_QUOTES}]?|(?P<value>\S*))
      | [{_QUOTES}](?P<phrase>[^{_QUOTES}]*)[{_QUOTES}]?
      | (?P<word>\S+)
    )
    """,
    re.VERBOSE,
)
_NEARLY = 1
"""Typos in a name that is taken for a misspelt one."""
_SHORTEST_NAME = 3


def parse(text: str) -> Query:
    """What somebody typed, understood. Never raises."""
    reader = _Reader(" ".join(_visible(text).split()))
    reader.read()
    terms = _settled(tuple(reader.terms))
    hints = list(dict.fromkeys(reader.hints))
    if len(terms) > MOST_TERMS:
        terms = terms[:MOST_TERMS]
        hints.append(Hint("many"))
    return Query(" ".join(reader.words), terms, tuple(hints))


def _visible(text: str) -> str:
    text = _HIDDEN.sub("", text)
    shown = "".join(" " if unicodedata.category(char) in {"Cc", "Cs"} else char for char in text)
    return unicodedata.normalize("NFC", shown)


class _Reader:
    """Goes through a text from token to token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.terms: list[Term] = []
        self.hints: list[Hint] = []

    def read(self) -> None:
        while self.text:
            token = _TOKEN.match(self.text)
            if token is None:  # pragma: no cover - a word is anything but a blank
                break
            self.text = self.text[token.end() :].lstrip()
            if token["key"] is not None:
                self._named(token)
            elif token["phrase"] is not None:
                self._phrase(token["phrase"], negated=token["minus"] is not None)
            elif token["minus"] is not None:
                self._phrase(token["word"], negated=True)
            else:
                self.words.append(token["word"])

    def _phrase(self, text: str, *, negated: bool) -> None:
        phrase = " ".join(_unquoted(text).split())[:LONGEST_PHRASE].rstrip()
        if any(char.isalnum() for char in phrase):
            self.terms.append(Term("phrase", phrase, negated))

    def _named(self, token: re.Match[str]) -> None:
        key = KEY_OF.get(vocabulary.plain(token["key"]))
        negated = token["minus"] is not None
        if key is None:
            self._unknown(token)
            return
        value = token["value"] if token["quoted"] is None else token["quoted"]
        later = ""
        if not value and token["quoted"] is None:  # "type: pdf"
            value, _, later = self.text.partition(" ")
            if _read(key, value, sure=False) is None:
                value, later = "", self.text
        if not value.strip():
            self.words.append(token["key"])
            return
        is_list = token["quoted"] is None and key in _LISTS
        values = value.split(",") if is_list else [value]
        found = [_read(key, one) for one in values if _unquoted(one).strip()]
        if not found or None in found:
            self._unread(token, key)
            return
        if token["quoted"] is None and not token["value"]:
            self.text = later
        for terms in filter(None, found):
            self._add(terms, token.group(), negated=negated)
        if key == "type":
            self.hints += (hint for one in values if (hint := _doubtful(token["key"], one)))

    def _add(self, terms: tuple[Term, ...], typed: str, *, negated: bool) -> None:
        if not negated:
            self.terms += terms
        elif len(terms) == 1 and (opposite := _OPPOSITE.get(terms[0].key)):
            self.terms.append(replace(terms[0], key=opposite))
        elif terms[0].key in _ONCE:
            self.hints.append(Hint("not", typed))
        else:
            self.terms += (replace(term, negated=True) for term in terms)

    def _unknown(self, token: re.Match[str]) -> None:
        """No filter: words, as they stand."""
        self._as_words(token)
        name, value = vocabulary.plain(token["key"]), token["value"] or token["quoted"]
        if not value or value.startswith("//"):  # "Re: invoice", an address
            return
        near = _nearest(name, KEY_OF)
        if near:
            meant = token.group().replace(token["key"], near, 1)
            self.hints.append(Hint("typo", token.group(), meant))
        elif token["quoted"] is None:
            self.hints.append(Hint("key", token.group()))

    def _unread(self, token: re.Match[str], key: str) -> None:
        """A value that its filter can't take."""
        self._as_words(token)
        value = vocabulary.plain(token["value"] or token["quoted"] or "")
        near = _nearest(value, vocabulary.TYPE_OF) if key == "type" else ""
        if near:
            self.hints.append(Hint("typo", token.group(), f"{token['key']}:{near}"))
        else:
            self.hints.append(Hint("value", token.group()))

    def _as_words(self, token: re.Match[str]) -> None:
        """The token's text among the words. What was in quotes is read as if it weren't."""
        if token["quoted"] is None:
            self.words.append(token.group())
        else:
            self.words.append(token["key"])
            self.text = f"{token['quoted'].strip()} {self.text}".strip()


def _doubtful(key: str, value: str) -> Hint | None:
    """An ending of names that hardly anybody has, but which is nearly a type."""
    name = vocabulary.plain(_unquoted(value).strip())
    if name in vocabulary.TYPE_OF or not (near := _nearest(name, vocabulary.TYPE_OF)):
        return None
    return Hint("typo", f"{key}:{value}", f"{key}:{near}") if name not in _ENDINGS else None


_ENDINGS = frozenset(
    "doc docx odt rtf txt md csv tsv xls xlsx ods ppt pptx odp htm html xml json yaml epub fb2"
    " jpg jpeg png webp heic svg tif tiff bmp mp3 mp4 m4a ogg oga wav flac avi mov mkv webm"
    " zip tar gz tgz rar eml msg ics vcf log ini toml".split()
)
"""Those that are no typo, though they may look like one: `doc`, `xml`, `mov`."""


def _nearest(name: str, known: Mapping[str, str]) -> str:
    """The known name that a typo leads to; "" if there is none."""
    if len(name) < _SHORTEST_NAME or name in known:
        return ""
    near = spelling.variants(name)
    return next((one for one in known if len(one) >= _SHORTEST_NAME and one in near), "")


def _unquoted(text: str) -> str:
    return _ANY_QUOTE.sub(" ", text)


# -- values ---------------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_DATE_BACKWARDS = re.compile(r"(?:(\d{1,2})[-/.])?(\d{1,2})[-/.](\d{4})")
_SPAN = re.compile(r"(\d{1,4})([^\W\d_])")
_SIZE = re.compile(r"(\d{1,12}(?:[.,]\d{1,3})?)\s*([^\W\d_]{0,3})")
_RANGE = re.compile(r"(.+?)(?:\.\.|…|-|–)(.+)")
_FEW = 10_000
"""A size without a unit below this means megabytes: nobody counts so few bytes."""
_TOO_LARGE = 1 << 63
"""Bytes that no database counts, and no file has."""
_NO_TAG = re.compile(r"[^\w-]+")


def _read(key: str, value: str, *, sure: bool = True) -> tuple[Term, ...] | None:
    """The terms of a value, None if it can't be one. `sure`: it stands right behind the colon;
    a word that only follows it must be plain to see."""
    value = " ".join(_unquoted(value).split())
    match key:
        case "type":
            name = vocabulary.TYPE_OF.get(vocabulary.plain(value), "")
            return _one("type", read_type(value) if sure else name)
        case "lang":
            return _one("lang", vocabulary.languages().get(vocabulary.plain(value), ""))
        case "after" | "before" | "on":
            return _one(key, read_date(value))
        case "larger" | "smaller":
            return _one(key, read_size(value))
        case "size":
            return _read_sizes(value)
        case "tag":
            return _one("tag", _tag(value) if sure or value.startswith("#") else "")
        case "chat":  # in:2026
            return _one("chat", _chat(value)) or _one("on", read_date(value))
        case _:
            return _one("from", _sender(value) if sure or value.startswith("@") else "")


def _one(key: Key, value: str) -> tuple[Term, ...] | None:
    return (Term(key, value),) if value else None


def read_type(value: str) -> str:
    """The regular name of a type: `pdf`, `image`; any ending of file names; "" if it is neither."""
    name = vocabulary.plain(value).removeprefix(".")
    if known := vocabulary.TYPE_OF.get(name):
        return known
    return name if re.fullmatch(r"[a-z0-9]{1,8}", name) else ""


def read_date(value: str) -> str:
    """`2026`, `2026-01`, `2026-01-15`, `today`, `yesterday`, `7d` (the last seven days); "" if it
    is none of them. Days come before months, as everywhere but in the United States."""
    name = vocabulary.plain(value)
    if known := vocabulary.DATE_OF.get(name):
        return known
    if span := _SPAN.fullmatch(name):
        days = int(span[1]) * vocabulary.DAYS.get(span[2], 0)
        return f"{days}d" if 0 < days <= 36_500 else ""
    if found := _DATE.fullmatch(name):
        return _iso(*found.groups())
    if found := _DATE_BACKWARDS.fullmatch(name):
        day, month, year = found.groups()
        return _iso(year, month, day) or (_iso(year, day, month) if day else "")
    return ""


def _iso(year: str, month: str | None, day: str | None) -> str:
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return ""
    if not 1970 <= int(year) <= 2100:
        return ""
    return "-".join([year, *(f"{int(part):02}" for part in (month, day) if part)])


def read_size(value: str) -> str:
    """`5mb`, `1.5gb`; "" if it is none."""
    found = _SIZE.fullmatch(vocabulary.plain(value))
    if found is None:
        return ""
    number = float(found[1].replace(",", "."))
    unit = vocabulary.UNIT_NAMES.get(found[2], found[2]) or ("mb" if number < _FEW else "b")
    if unit not in vocabulary.UNITS or number * (1 << vocabulary.UNITS[unit]) >= _TOO_LARGE:
        return ""
    return f"{number:.3f}".rstrip("0").rstrip(".") + unit


def bytes_of(size: str) -> int:
    """Of what `read_size` gave."""
    number = size.rstrip("bgkm")
    return int(float(number) * (1 << vocabulary.UNITS[size[len(number) :]]))


def _read_sizes(value: str) -> tuple[Term, ...] | None:
    for signs, key in (((">=", ">", "≥", "+"), "larger"), (("<=", "<", "≤"), "smaller")):
        for sign in signs:
            if value.startswith(sign):
                return _one(key, read_size(value.removeprefix(sign).strip()))  # type: ignore[arg-type]
    if between := _RANGE.fullmatch(value):
        least, most = read_size(between[1].strip()), read_size(between[2].strip())
        return (Term("larger", least), Term("smaller", most)) if least and most else None
    return _one("larger", read_size(value))


def _tag(value: str) -> str:
    # As `/tag` keeps them: "Car insurance" is car_insurance.
    tag = _NO_TAG.sub("_", unicodedata.normalize("NFC", value).strip().lstrip("#").casefold())
    tag = tag.strip("_-")
    return tag if len(tag) <= LONGEST_VALUE else ""


def _sender(value: str) -> str:
    if vocabulary.plain(value) in vocabulary.ME_NAMES:
        return "me"
    return value if len(value) <= LONGEST_VALUE and any(c.isalnum() for c in value) else ""


def _chat(value: str) -> str:
    if vocabulary.plain(value) in vocabulary.HERE_NAMES:
        return "here"
    return value if re.fullmatch(r"-?[0-9]{5,18}", value) else ""


# -- writing --------------------------------------------------------------------------------------

_PLAIN_WORD = re.compile(r"[^\W\d_][^\W_]*")
_LOCAL_VALUES: Mapping[str, vocabulary.Names] = {
    "today": vocabulary.TODAY,
    "yesterday": vocabulary.YESTERDAY,
}


def write(query: Query, language: str = "en") -> str:
    """The query in its regular form: filters first, then the words."""
    return " ".join([*(write_term(term, language) for term in query.terms), *query.words.split()])


def write_term(term: Term, language: str = "en") -> str:
    """`type:pdf`, `-"in parts"`; in Russian `тип:pdf`."""
    sign = "-" if term.negated else ""
    if term.key == "phrase":
        bare = term.negated and _PLAIN_WORD.fullmatch(term.value)
        return sign + (term.value if bare else f'"{term.value}"')
    value = term.value
    if term.key == "type" and value in vocabulary.TYPES:
        value = vocabulary.written(vocabulary.TYPES[value].names, language)
    elif term.key == "from" and value == "me":
        value = vocabulary.written(vocabulary.ME, language)
    elif term.key == "chat" and value == "here":
        value = vocabulary.written(vocabulary.HERE, language)
    elif value in _LOCAL_VALUES and term.key in _ONCE:
        value = vocabulary.written(_LOCAL_VALUES[value], language)
    name = vocabulary.written(vocabulary.KEYS[term.key], language)
    return f'{sign}{name}:"{value}"' if re.search(r"[\s,]", value) else f"{sign}{name}:{value}"


# -- meaning --------------------------------------------------------------------------------------


def period(value: str, today: date) -> tuple[date, date]:
    """The first day of a date's period, and the day after its last one."""
    if value == "today":
        return today, today + timedelta(1)
    if value == "yesterday":
        return today - timedelta(1), today
    if value.endswith("d"):
        return today - timedelta(int(value[:-1]) - 1), today + timedelta(1)
    year, month, day = (int(part) for part in f"{value}-0-0".split("-")[:3])
    if not month:
        return date(year, 1, 1), date(year + 1, 1, 1)
    if not day:
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, day), date(year, month, day) + timedelta(1)


def filters(
    query: Query,
    *,
    now: datetime,
    timezone: str,
    senders: Mapping[str, tuple[int, ...]],
    chat: int,
) -> Filters:
    """What the index is asked to keep to. `senders`: the ids that the values of `from:` stand for;
    `chat`: where it is asked. Days are those of the person's time zone."""
    zone = ZoneInfo(timezone)
    start, end = _span(query, now.astimezone(zone).date())
    sizes = {term.key: bytes_of(term.value) for term in query.of("larger", "smaller")}
    wanted, unwanted = (_facts(query, senders, chat, negated=negated) for negated in (False, True))
    return Filters(
        kinds=wanted.kinds,
        types=wanted.types,
        senders=wanted.senders,
        chats=wanted.chats,
        tags=wanted.tags,
        languages=wanted.languages,
        after=_midnight(start, zone) if start else None,
        before=_midnight(end, zone) if end else None,
        size_min=sizes.get("larger"),
        size_max=sizes.get("smaller"),
        phrases=tuple(one.value for one in query.of("phrase") if not one.negated),
        excluded=tuple(one.value for one in query.of("phrase") if one.negated),
        unwanted=unwanted,
    )


def _span(query: Query, today: date) -> tuple[date | None, date | None]:
    starts, ends = [], []
    for term in query.of("after", "before", "on"):
        start, end = period(term.value, today)
        if term.key != "before":
            starts.append(start)
        if term.key != "after":
            ends.append(start if term.key == "before" else end)
    return max(starts, default=None), min(ends, default=None)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _facts(
    query: Query, senders: Mapping[str, tuple[int, ...]], chat: int, *, negated: bool
) -> Facts:
    def values(key: Key) -> Iterator[str]:
        return (one.value for one in query.of(key) if one.negated is negated)

    kinds: list[str] = []
    types: list[str] = []
    for name in values("type"):
        known = vocabulary.TYPES.get(name)
        kinds += known.kinds if known else ()
        types += known.types if known else (f".{name}",)
    people = [user for name in values("from") for user in senders.get(name, ()) or (NOBODY,)]
    return Facts(
        kinds=tuple(kinds),
        types=tuple(types),
        senders=tuple(dict.fromkeys(people)),
        chats=tuple(chat if value == "here" else int(value) for value in values("chat")),
        tags=tuple(values("tag")),
        languages=tuple(values("lang")),
    )
