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
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.analyzer import Token

_K1 = 1.2
_B = 0.5
_STEM_WEIGHT = 0.9
_STOP_WEIGHT = 0.15
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


@dataclass(frozen=True, slots=True)
class Candidate:
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


@dataclass(frozen=True, slots=True)
class Scored:
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
    matched: tuple[str, ...] = field(default=())
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
    names = table.score([candidate.name_terms for candidate in candidates])
    meaning = np.array([standing_out(one.cosine, background) for one in candidates])
    # The less of the query a passage has, the less its words can be trusted: one rare word of five
    # is often a coincidence, and then the meaning should decide.
    parts = np.stack(
        [
            weights.words * np.sqrt(words.coverage) * words.bm25,
            weights.meaning * meaning,
            weights.phrase * words.phrase,
            weights.name * names.coverage,
        ],
        axis=1,
    )
    score = parts.sum(axis=1)
    newest = np.array([-one.passage_id for one in candidates])
    order = np.lexsort((newest, -score.round(4)))
    typed = [group.text for group in groups]
    found = words.found.tolist()
    return [
        Scored(
            passage_id=candidates[row].passage_id,
            file_id=candidates[row].file_id,
            score=float(score[row]),
            words=float(words.bm25[row]),
            meaning=float(meaning[row]),
            cosine=candidates[row].cosine,
            coverage=float(words.coverage[row]),
            phrase=float(words.phrase[row]),
            name=float(names.coverage[row]),
            matched=tuple(compress(typed, found[row])),
            parts=tuple(parts[row].tolist()),
        )
        for row in order.tolist()
    ]


def standing_out(cosine: float | None, background: Background) -> float:
    """0 for a cosine as between unrelated texts, 1 for one that stands six deviations above."""
    if cosine is None:
        return 0.0
    return max(0.0, (cosine - background.mean) / (6 * background.deviation))


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

    def score(self, packed: Sequence[bytes]) -> _Scores:
        rows = len(packed)
        if not self._count:
            return _no_words(rows)
        texts = [np.frombuffer(blob, dtype="<u4") for blob in packed]
        lengths = np.array([int(text[0]) if text.size else 0 for text in texts])
        positions, owner = _positions(texts, lengths)
        exact = self._look_up(positions[0])
        stem = self._look_up(positions[1])
        extras = [text[1 + 2 * n :] for text, n in zip(texts, lengths, strict=True)]
        extra_owner = np.repeat(np.arange(rows), [extra.size for extra in extras])
        extra = self._look_up(np.concatenate(extras) if extras else positions[0][:0])

        group = np.where(exact.weight >= stem.weight, exact.group, stem.group)
        weight = np.maximum(exact.weight, stem.weight)
        tf = self._frequencies(rows, owner, group, weight)
        tf += self._frequencies(rows, extra_owner, extra.group, extra.weight)
        found = tf > 0
        norm = _K1 * (1 - _B + _B * lengths / self._average)
        saturated = tf * (_K1 + 1) / (tf + norm[:, None] + 1e-9)
        total = float(self._idf.sum()) or 1.0
        return _Scores(
            bm25=saturated @ self._idf / total,
            coverage=found @ self._idf / total,
            phrase=self._phrases(rows, owner, group),
            found=found,
        )

    def _look_up(self, hashes: npt.NDArray[np.uint32]) -> _Found:
        at = np.minimum(np.searchsorted(self._hashes, hashes), self._hashes.size - 1)
        hit = self._hashes[at] == hashes
        return _Found(np.where(hit, self._group[at], -1), np.where(hit, self._weight[at], 0.0))

    def _frequencies(
        self,
        rows: int,
        owner: npt.NDArray[np.int64],
        group: npt.NDArray[np.int64],
        weight: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        hit = group >= 0
        cells = owner[hit] * self._count + group[hit]
        counts = np.bincount(cells, weights=weight[hit], minlength=rows * self._count)
        return counts.astype(float).reshape(rows, self._count)

    def _phrases(
        self, rows: int, owner: npt.NDArray[np.int64], group: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Weighted share of the query's neighbouring words that are neighbours in the text."""
        if self._count < 2:
            return np.zeros(rows)
        together = np.zeros((rows, self._count), dtype=bool)
        for gap in range(1, _PHRASE_GAP + 1):
            left, right = group[:-gap], group[gap:]
            follows = (left >= 0) & (right == left + 1) & (owner[:-gap] == owner[gap:])
            together[owner[:-gap][follows], left[follows]] = True
        pair = np.minimum(self._idf[:-1], self._idf[1:])
        share: npt.NDArray[np.float64] = together[:, :-1] @ pair / (float(pair.sum()) or 1.0)
        return share


@dataclass(frozen=True, slots=True)
class _Found:
    group: npt.NDArray[np.int64]
    """-1 where it is no term of the query."""
    weight: npt.NDArray[np.float64]


def _positions(
    texts: Sequence[npt.NDArray[np.uint32]], lengths: npt.NDArray[np.int64]
) -> tuple[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]], npt.NDArray[np.int64]]:
    """All texts' exact forms and stems end to end, and whose each one is."""
    empty = np.empty(0, dtype="<u4")
    exact = [text[1 : 1 + n] for text, n in zip(texts, lengths, strict=True)]
    stems = [text[1 + n : 1 + 2 * n] for text, n in zip(texts, lengths, strict=True)]
    owner = np.repeat(np.arange(len(texts)), lengths)
    return (np.concatenate([empty, *exact]), np.concatenate([empty, *stems])), owner


def _no_words(rows: int) -> _Scores:
    nothing = np.zeros(rows)
    return _Scores(nothing, nothing, nothing, np.zeros((rows, 0), dtype=bool))
