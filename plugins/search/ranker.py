"""One ranker for all databases: it scores, fuses and explains the candidates they return.

A passage comes with its packed terms and its cosine to the query, so that every candidate has
every feature, whichever leg found it:

- `words`: BM25 with the scope's own statistics, divided by what a passage of average length would
  get that has every word of the query once. Words that no document knows count below the line:
  a query in another language than the documents scores low on purpose, and meaning takes over.
- `meaning`: how far the cosine stands out from the cosines of unrelated texts.
- `phrase`: how much of the query stands side by side in the passage in the same order.
- `name`: how much of the query is in the file's name.

The fused score is a weighted sum of these absolute scales, never of ranks: rank fusion lets a leg
that found nothing outvote one that found everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.analyzer import Token

_K1 = 1.2
_B = 0.5
_STEM_WEIGHT = 0.9
_STOP_WEIGHT = 0.15
_STEM, _EXTRA = 1, 2
"""Parts of a packed text, after the exact forms."""
_PHRASE_GAP = 3
"""Positions that may lie from one word of the query to the next."""


@lru_cache(maxsize=32_768)
def term_hash(scope: str, term: str) -> int:
    """What the index stores for a term: a number of 48 bits. The scope is a part of it, so one
    scope's lists never hold another's passages, and counts in them are the scope's own."""
    return int.from_bytes(blake2b(f"{scope}\0{term}".encode(), digest_size=6).digest(), "little")


def pack(scope: str, tokens: Sequence[Token], titles: Iterable[str] = ()) -> bytes:
    """A passage's terms by position for `rank`: the count, the low 32 bits of the hashes of the
    exact forms, of the stems, then of the extras and of the terms of the titles above it;
    little-endian."""
    extras = [term_hash(scope, extra) for token in tokens for extra in token.extras]
    extras += [term_hash(scope, title) for title in titles]
    return np.array(
        [
            len(tokens),
            *(term_hash(scope, token.exact) & 0xFFFFFFFF for token in tokens),
            *(term_hash(scope, token.stem) & 0xFFFFFFFF for token in tokens),
            *(extra & 0xFFFFFFFF for extra in extras),
        ],
        dtype="<u4",
    ).tobytes()


def positions_of(phrase: npt.NDArray[np.uint32], packed: bytes) -> npt.NDArray[np.int64]:
    """Where exact forms (low 32 bits of their hashes) stand one after the other in a text."""
    numbers = np.frombuffer(packed, dtype="<u4")
    exact = numbers[1 : 1 + int(numbers[0])]
    at = np.flatnonzero(exact[: max(exact.size - phrase.size + 1, 0)] == phrase[0])
    for distance, wanted in enumerate(phrase[1:], 1):
        at = at[exact[at + distance] == wanted]
    return at


@dataclass(frozen=True, slots=True)
class Group:
    """A word of the query with everything that counts as having it."""

    text: str
    """As it was typed."""
    terms: Mapping[str, float]
    """Term → how well it stands for the word: 1 for the word itself, less for stems, guesses."""
    df: int
    """Passages of the scope that have it in some form."""
    stop: bool = False

    def idf(self, passages: int) -> float:
        df = min(self.df, passages)
        rarity = math.log(1 + (passages - df + 0.5) / (df + 0.5))
        return rarity * (_STOP_WEIGHT if self.stop else 1.0)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The statistics of a scope."""

    scope: str
    passages: int
    average_length: float
    """Positions a passage has on average."""


_SHORT_LIFT = 0.56
"""How fast the lift of short texts falls with their tokens: none is left from six on."""


class Candidate(NamedTuple):
    """A tuple, as there are hundreds of them in a search."""

    passage_id: int
    file_id: int
    terms: bytes
    """As `pack` made them."""
    name_terms: bytes
    """The same of the file's name."""
    cosine: float | None
    """Similarity to the query, None where the passage has no vector (yet)."""


@dataclass(frozen=True, slots=True)
class Background:
    """Cosines between texts that have nothing to do with each other, per embedder."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Weights:
    """Frozen on the development split of the judged collection, `benchmarks/search`."""

    words: float = 1.0
    meaning: float = 0.55
    phrase: float = 0.15
    name: float = 0.3


class Scored(NamedTuple):
    """A candidate with its score and what it is made of."""

    passage_id: int
    file_id: int
    score: float
    words: float
    meaning: float
    cosine: float | None
    coverage: float
    """Share of the query's weight that the passage has, 0–1."""
    phrase: float
    name: float
    matched: tuple[str, ...] = ()
    """The words of the query that it has, as typed."""
    parts: tuple[float, ...] = ()
    """What words, meaning, phrase and name add to the score."""


def rank(
    groups: Sequence[Group],
    candidates: Sequence[Candidate],
    corpus: Corpus,
    background: Background,
    weights: Weights,
) -> list[Scored]:
    """The candidates, best first; equal ones by passage, newest first."""
    if not candidates:
        return []
    table = _Table(groups, corpus)
    words = table.score([candidate.terms for candidate in candidates])
    names = _names(table, candidates)
    lengths = [int.from_bytes(candidate.terms[:4], "little") for candidate in candidates]
    meaning = standing_out([candidate.cosine for candidate in candidates], lengths, background)
    # The less of the query a passage has, the less its words can be trusted: one rare word of five
    # is often a coincidence, and then the meaning should decide.
    parts = np.stack(
        [
            weights.words * np.sqrt(words.coverage) * words.bm25,
            weights.meaning * meaning,
            weights.phrase * words.phrase,
            weights.name * names,
        ],
        axis=1,
    )
    score = parts.sum(axis=1)
    newest = np.array([-one.passage_id for one in candidates])
    order = np.lexsort((newest, -score.round(4)))
    typed = [group.text for group in groups]
    columns = (score, words.bm25, meaning, words.coverage, words.phrase, names, parts, words.found)
    return [
        Scored(
            passage_id=candidate.passage_id,
            file_id=candidate.file_id,
            score=fused,
            words=bm25,
            meaning=distance,
            cosine=candidate.cosine,
            coverage=coverage,
            phrase=phrase,
            name=name,
            matched=tuple(compress(typed, found)),
            parts=tuple(shares),
        )
        for candidate, fused, bm25, distance, coverage, phrase, name, shares, found in zip(
            [candidates[row] for row in order.tolist()],
            *(column[order].tolist() for column in columns),
            strict=True,
        )
    ]


def _names(table: _Table, candidates: Sequence[Candidate]) -> npt.NDArray[np.float64]:
    """To each candidate, how much of the query is in its file's name; each name is read once."""
    names = {one.file_id: one.name_terms for one in candidates}
    rows = {file_id: row for row, file_id in enumerate(names)}
    coverage = table.score(list(names.values())).coverage
    return coverage[[rows[one.file_id] for one in candidates]]


def standing_out(
    cosines: Sequence[float | None], lengths: Sequence[int], background: Background
) -> npt.NDArray[np.float64]:
    """0 for a cosine as between unrelated texts, 1 for one that stands six deviations above.

    A text of a few tokens, a file's name, is near to any short query: of unrelated ones nine in ten
    stay below 1.0 with one token, 0.8 with two, 0.5 with four and 0.1 with eight (the offline
    embedder, twelve queries in three languages). What stands out is counted from a bit below that.
    """
    known = np.array([background.mean if cosine is None else cosine for cosine in cosines])
    lift = np.maximum(0.0, 1.0 - _SHORT_LIFT * np.log(np.maximum(lengths, 1)))
    return np.maximum(0.0, (known - background.mean) / (6 * background.deviation) - lift)


@dataclass(frozen=True, slots=True)
class _Scores:
    bm25: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]
    phrase: npt.NDArray[np.float64]
    found: npt.NDArray[np.bool_]
    """Shape (texts, groups)."""


class _Table:
    """A query's terms, ready to be looked up in many packed texts at once."""

    def __init__(self, groups: Sequence[Group], corpus: Corpus) -> None:
        self._count = len(groups)
        self._average = max(corpus.average_length, 1.0)
        self._idf = np.array([group.idf(corpus.passages) for group in groups])
        entries = sorted(
            (term_hash(corpus.scope, term) & 0xFFFFFFFF, number, weight)
            for number, group in enumerate(groups)
            for term, weight in group.terms.items()
        )
        # A term of two groups (two inflections of one word) is rare and goes to the first.
        self._hashes = np.array([hashed for hashed, _, _ in entries], dtype=np.uint32)
        self._group = np.array([number for _, number, _ in entries], dtype=np.int64)
        self._weight = np.array([weight for _, _, weight in entries])
        self._likely = np.zeros(1 << 16, dtype=bool)
        self._likely[self._hashes & 0xFFFF] = True

    def score(self, packed: Sequence[bytes]) -> _Scores:
        rows = len(packed)
        if not self._count or not rows:
            return _no_words(rows, self._count)
        hits, lengths = self._look_up(packed)
        tf = self._frequencies(rows, hits)
        found = tf > 0
        norm = _K1 * (1 - _B + _B * lengths / self._average)
        saturated = tf * (_K1 + 1) / (tf + norm[:, None] + 1e-9)
        total = float(self._idf.sum()) or 1.0
        return _Scores(
            bm25=saturated @ self._idf / total,
            coverage=found @ self._idf / total,
            phrase=self._phrases(rows, hits),
            found=found,
        )

    def _look_up(self, packed: Sequence[bytes]) -> tuple[_Hits, npt.NDArray[np.int64]]:
        """Where the texts have terms of the query, and how many positions each text has."""
        sizes = np.array([len(blob) // 4 for blob in packed])
        starts = np.cumsum(sizes) - sizes
        numbers = np.frombuffer(b"".join(packed), dtype="<u4")
        lengths = np.where(sizes > 0, numbers[np.minimum(starts, numbers.size - 1)], 0)
        lengths = lengths.astype(np.int64)
        # Hardly one number in fifty is a term of the query: the low half of it tells most of them.
        at = np.flatnonzero(self._likely[numbers.view("<u2")[::2]])
        term = np.minimum(np.searchsorted(self._hashes, numbers[at]), self._hashes.size - 1)
        owner = np.searchsorted(starts, at, side="right") - 1
        # The first number of a text is no hash but the count.
        sure = (self._hashes[term] == numbers[at]) & (at > starts[owner])
        at, term, owner = at[sure], term[sure], owner[sure]
        count, place = lengths[owner], at - starts[owner] - 1
        form = np.minimum(place // np.maximum(count, 1), _EXTRA)
        form[count == 0] = _EXTRA
        # An exact form and a stem of one position lie under one number; extras have none.
        position = starts[owner] + place - np.where(form == _STEM, count, 0)
        group, weight = self._group[term], self._weight[term]
        # Of both, the one that stands better for its word; the exact form if they are equal.
        order = np.lexsort((form, -weight, position))
        order = order[form[order] != _EXTRA]
        best = np.concatenate([[True], np.diff(position[order]) != 0])[: order.size]
        placed = order[best]
        loose = np.flatnonzero(form == _EXTRA)
        return (
            _Hits(
                owner=owner[placed],
                position=position[placed],
                group=group[placed],
                weight=weight[placed],
                extra_owner=owner[loose],
                extra_group=group[loose],
                extra_weight=weight[loose],
            ),
            lengths,
        )

    def _frequencies(self, rows: int, hits: _Hits) -> npt.NDArray[np.float64]:
        owner = np.concatenate([hits.owner, hits.extra_owner])
        group = np.concatenate([hits.group, hits.extra_group])
        weight = np.concatenate([hits.weight, hits.extra_weight])
        counts = np.bincount(owner * self._count + group, weight, minlength=rows * self._count)
        return counts.astype(float).reshape(rows, self._count)

    def _phrases(self, rows: int, hits: _Hits) -> npt.NDArray[np.float64]:
        """Weighted share of the query's neighbouring words that are neighbours in the text."""
        if self._count < 2:
            return np.zeros(rows)
        together = np.zeros((rows, self._count), dtype=bool)
        for step in range(1, _PHRASE_GAP + 1):  # hits, not positions: those between have none
            left, right = hits.group[:-step], hits.group[step:]
            near = hits.position[step:] - hits.position[:-step] <= _PHRASE_GAP
            follows = near & (right == left + 1) & (hits.owner[:-step] == hits.owner[step:])
            together[hits.owner[:-step][follows], left[follows]] = True
        pair = np.minimum(self._idf[:-1], self._idf[1:])
        share: npt.NDArray[np.float64] = together[:, :-1] @ pair / (float(pair.sum()) or 1.0)
        return share


@dataclass(frozen=True, slots=True)
class _Hits:
    """Terms of the query in texts, by rising position over all texts; extras have no position."""

    owner: npt.NDArray[np.int64]
    """Number of the text."""
    position: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    extra_owner: npt.NDArray[np.int64]
    extra_group: npt.NDArray[np.int64]
    extra_weight: npt.NDArray[np.float64]


def _no_words(rows: int, groups: int) -> _Scores:
    nothing = np.zeros(rows)
    return _Scores(nothing, nothing, nothing, np.zeros((rows, groups), dtype=bool))
