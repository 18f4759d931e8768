"""One analyzer for passages, file names and queries, whatever database stores its tokens.

A text becomes a run of tokens, one a position. A token has two forms that are searched: the word
as it is written (`exact`: case, accents and ё folded) and its stem in the language of the text.
Scripts without spaces between words have character pairs as `exact` and single characters as
`stem`. What reads as one thing though it is written in parts (`INV-2024-001`, `ann@example.com`,
`12.03.2024`, `12 марта 2024`) is also searched in one piece, as an `extra` that its parts share.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from plugins.search.languages import MONTHS, STOP_WORDS, stem

ANALYZER = "1"
"""Version of what is written to the index. Another one needs `plugram search reindex`."""

LONGEST_TERM = 64
"""Characters of a term that count; more is noise (keys, base64) and would bloat the vocabulary."""

_MARKS = "".join(
    chr(code) for code in range(0x300, 0x1B00) if unicodedata.category(chr(code)).startswith("M")
)
_WORD = re.compile(rf"(?:[^\W_]|[{_MARKS}\u00ad\u200c\u200d])+")
# Han, kana, Hangul, Thai, Lao, Burmese, Khmer, and the iteration marks.
_NGRAM = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f"
)
_NGRAM_RUN = re.compile(rf"([{_NGRAM}]+)")
_JOINERS = frozenset("-_.@/:+&'\N{RIGHT SINGLE QUOTATION MARK}\\‐‑")
_APOSTROPHES = frozenset("'\N{RIGHT SINGLE QUOTATION MARK}")
_CLITICS = frozenset({"s", "t", "d", "m", "ll", "re", "ve"})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_ACCENT_LOST = re.compile("([csx])ion$")
_SIGNED = re.compile(r"(?:\+\+|#)(?!\w)")
"""`C++`, `C#`: the sign is part of the name."""
_CYRILLIC = re.compile("[\u0400-\u04ff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A position of a text; `start` and `end` are offsets in characters."""

    start: int
    end: int
    exact: str
    stem: str
    extras: tuple[str, ...] = ()
    """The whole things that this token is a part of."""


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query and the ways in which a passage may have it."""

    text: str
    """As it was typed."""
    exact: str
    stems: frozenset[str]
    extras: frozenset[str]
    stop: bool
    """Says little about what is wanted: "the", "где", "cuál"."""
    ngram: bool
    """A character pair of a script without spaces."""


def normalise(text: str) -> str:
    """The form in which texts are stored and tokenised: NFC, so that offsets stay true."""
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=16_384)
def fold(word: str) -> str:
    """Case, compatibility forms, ё and the accents of Latin letters don't matter."""
    folded = _cased(word)
    if folded.isascii():
        return folded
    return _plain(folded)


def _cased(word: str) -> str:
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", word)).casefold()
    return folded.replace("ё", "е")[:LONGEST_TERM]


def _plain(word: str) -> str:
    """Without the accents of Latin and Greek letters; й and Indic vowel signs stay."""
    kept: list[str] = []
    latin = False
    for char in unicodedata.normalize("NFD", word):
        if unicodedata.combining(char) and "\u0300" <= char <= "\u036f" and latin:
            continue
        latin = char < "\u0400"
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))


def tokenise(text: str, language: str = "") -> list[Token]:
    """The tokens of a normalised text written in `language` ("" when it isn't known)."""
    return [
        Token(piece.start, piece.end, piece.exact, piece.stem(language), tuple(piece.extras))
        for piece in _pieces(text, tails=True)
    ]


def analyse_query(text: str, languages: Sequence[str]) -> list[QueryWord]:
    """The words of a query in its order, each once.

    `languages` are those that the scope's documents and the person may use: a query is too short
    to tell its language, so each word is stemmed in all that its script allows.
    """
    words: dict[str, QueryWord] = {}
    for piece in _pieces(normalise(text), tails=False):
        known = words.get(piece.exact)
        extras = frozenset(piece.extras) | (known.extras if known else frozenset())
        words[piece.exact] = QueryWord(
            text=piece.raw,
            exact=piece.exact,
            stems=piece.stems(languages),
            extras=extras,
            stop=piece.exact in STOP_WORDS,
            ngram=piece.ngram,
        )
    return list(words.values())


def phrase_terms(text: str) -> list[str]:
    """The words of a phrase in its order, as they are written."""
    pieces = _pieces(normalise(text), tails=True)
    if len(pieces) > 1 and pieces[-1].ngram and pieces[-1].end == pieces[-2].end:
        del pieces[-1]  # in a passage more of the word may follow
    return [piece.exact for piece in pieces]


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    raw: str
    exact: str
    ngram: bool
    extras: list[str]

    def stem(self, language: str) -> str:
        if self.ngram:
            return self.exact[:1]
        return _stem(_cased(self.raw), _stemming_language(self.exact, language))

    def stems(self, languages: Sequence[str]) -> frozenset[str]:
        if self.ngram:
            return frozenset({self.exact[:1]}) if len(self.exact) == 1 else frozenset()
        if any(char.isdigit() for char in self.exact):
            return frozenset()
        cased = _cased(self.raw)
        # "informacion" typed without its accent must still meet the stem of "información".
        spellings = {cased, _ACCENT_LOST.sub("\\1i\N{LATIN SMALL LETTER O WITH ACUTE}n", cased)}
        tried = {_stemming_language(self.exact, language) for language in languages}
        found = {_stem(word, language) for word in spellings for language in tried}
        return frozenset(found - {self.exact})


def _stemming_language(word: str, language: str) -> str:
    """A word is stemmed as its script asks: Latin words in a Russian text are mostly English."""
    cyrillic = _CYRILLIC.match(word) is not None
    if cyrillic:
        return language if language in {"ru", "sr"} else "ru"
    return "en" if language in {"", "ru", "uk", "bg", "be", "sr", "zh", "ja", "ko"} else language


@lru_cache(maxsize=32_768)
def _stem(word: str, language: str) -> str:
    stemmed = stem(word, language)
    return stemmed if stemmed.isascii() else _plain(stemmed)


def _pieces(text: str, *, tails: bool) -> list[_Piece]:
    """`tails`: the last character of a run of pairs is a piece too, so that it is found alone."""
    pieces = list(_words(text, tails=tails))
    for group in _compounds(pieces, text):
        _name_compound(group, text)
    _name_dates(pieces)
    return pieces


def _words(text: str, *, tails: bool) -> Iterator[_Piece]:
    for match in _WORD.finditer(text):
        run, start = match.group(), match.start()
        if run.isascii() or not _NGRAM_RUN.search(run):
            sign = _SIGNED.match(text, match.end()) if len(run) <= 2 else None
            if exact := fold(run):
                extras = [exact + sign.group()] if sign else []
                yield _Piece(start, match.end(), run, exact, ngram=False, extras=extras)
            continue
        for part in filter(None, _NGRAM_RUN.split(run)):
            yield from _part(part, start, tails=tails)
            start += len(part)


def _part(part: str, start: int, *, tails: bool) -> Iterator[_Piece]:
    if not _NGRAM_RUN.match(part):
        if exact := fold(part):
            yield _Piece(start, start + len(part), part, exact, ngram=False, extras=[])
        return
    for i in range(len(part) - 1):
        pair = part[i : i + 2]
        yield _Piece(start + i, start + i + 2, pair, fold(pair), ngram=True, extras=[])
    if tails or len(part) == 1:
        at = start + len(part) - 1
        yield _Piece(at, at + 1, part[-1], fold(part[-1]), ngram=True, extras=[])


def _compounds(pieces: Sequence[_Piece], text: str) -> Iterator[list[_Piece]]:
    """Runs of two or more words with nothing but one joining sign between neighbours."""
    group: list[_Piece] = []
    for piece in pieces:
        if group and not _joined(group[-1], piece, text):
            if len(group) > 1:
                yield group
            group = []
        if not piece.ngram:
            group.append(piece)
    if len(group) > 1:
        yield group


def _joined(left: _Piece, right: _Piece, text: str) -> bool:
    gap = text[left.end : right.start]
    if gap == ",":
        return left.exact.isdigit() and right.exact.isdigit()
    # "exam-\nple": a word that the page's edge cut in two.
    return gap in _JOINERS or gap == "-\n"


def _name_compound(group: list[_Piece], text: str) -> None:
    joined = "".join(piece.exact for piece in group)
    if len(joined) > LONGEST_TERM:
        return
    if text[group[0].end] in _APOSTROPHES and group[-1].exact in _CLITICS:
        group[-1].extras.append(joined)
        return
    names = {joined}
    if len(parts := [piece.exact for piece in group]) == 3 and all(p.isdigit() for p in parts):
        names |= _numeric_dates(*parts)
    for piece in group:
        piece.extras.extend(sorted(names))


def _numeric_dates(first: str, second: str, third: str) -> set[str]:
    """`2024-03-12`, `12.03.2024` and both readings of `03/12/2024`, as `20240312`."""
    if len(first) == 4:
        return _date(first, second, third)
    if len(third) == 4:
        return _date(third, second, first) | _date(third, first, second)
    return set()


def _date(year: str, month: str, day: str) -> set[str]:
    if len(month) <= 2 and len(day) <= 2 and 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
        return {f"{year}{int(month):02}{int(day):02}"}
    return set()


def _name_dates(pieces: Sequence[_Piece]) -> None:
    """`12 March 2024`, `March 12, 2024`, `12 марта 2024`, `12 de marzo de 2024`."""
    for i, piece in enumerate(pieces):
        month = MONTHS.get(piece.exact)
        if month is None:
            continue
        near = [p for p in pieces[max(0, i - 2) : i + 5] if p.exact not in {"de", "del", "of"}]
        at = next(k for k, p in enumerate(near) if p is piece)
        for day, year in ((at - 1, at + 1), (at + 1, at + 2)):
            if day < 0 or year >= len(near):
                continue
            number = re.match(r"\d{1,2}(?=$|st$|nd$|rd$|th$)", near[day].exact)
            if number and re.fullmatch(r"\d{4}", near[year].exact):
                for name in _date(near[year].exact, str(month), number.group()):
                    for part in (near[day], piece, near[year]):
                        part.extras.append(name)
                break
