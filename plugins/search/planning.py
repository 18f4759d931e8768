"""From what somebody typed to what the index is asked: groups of terms, and clauses of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from plugins.search import spelling
from plugins.search.analyzer import QueryWord, analyse_query
from plugins.search.index import HEAVY, Clause
from plugins.search.ranker import Corpus, Group

if TYPE_CHECKING:
    import numpy.typing as npt

    from plugins.search.index import Index
    from plugram import Scope

MOST_WORDS = 24
"""Words of a query that are looked up, the rarest; the others of a long one add nothing."""
CANDIDATES = 150
"""Passages that the words leg hands to the ranker."""

_STEM = 0.9
_COMPLETED = 0.7
_COMPLETIONS = 8
_SHORTEST_BEGINNING = 3
_MOST_DOUBTED = 5
"""Words without a match, of a query that has hardly any other, that are tried as typos."""
_PER_CLAUSE = 3_000
_BUDGET = 6_000
"""Passages that the words searched alone may have together: finding them is what costs."""
_HEAVY_SHARE = 0.35
"""What having a word more than once adds to having it, as the ranker's saturation does."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it is searched."""

    text: str
    groups: Sequence[Group]
    corrected: Mapping[str, str] = field(default_factory=dict)


async def understand(
    text: str, scope: Scope, languages: Sequence[str], index: Index, corpus: Corpus
) -> Query:
    """Look the words of a query up in the scope's vocabulary; mend and complete those it lacks."""
    words = analyse_query(text, languages)
    counts = await index.known(scope, {term for word in words for term in _forms(word)})
    groups = [_group(word, counts) for word in words]
    corrected: dict[str, str] = {}
    if words and not text[-1:].isspace():
        groups[-1] = await _completed(groups[-1], words[-1], scope, index)
    for at, (group, meant) in (await _all_mended(groups, words, scope, languages, index)).items():
        groups[at], corrected[words[at].text] = group, meant
    if not any(group.df for group in groups):
        swapped = await _on_other_keyboard(text, scope, languages, index, corpus)
        if swapped is not None:
            return swapped
    return Query(text, _rarest(_merged(groups), corpus), corrected)


async def _all_mended(
    groups: Sequence[Group],
    words: Sequence[QueryWord],
    scope: Scope,
    languages: Sequence[str],
    index: Index,
) -> dict[int, tuple[Group, str]]:
    """By their places, the words that are taken for typos, and what they were meant to be."""
    unknown = [at for at, word in enumerate(words) if not groups[at].df and not word.ngram]
    at_home = _seems_at_home(groups)
    if not at_home and len(unknown) > _MOST_DOUBTED:
        return {}
    found = {at: await _mended(groups[at], words[at], scope, languages, index) for at in unknown}
    mended = {at: guess for at, guess in found.items() if guess[1]}
    telling = {
        at for at in unknown if not words[at].stop and len(words[at].exact) >= spelling.SHORTEST
    }
    if at_home or (
        mended.keys() >= telling
        and await _belong_together([mended[at][0] for at in sorted(telling)], scope, index)
    ):
        return mended
    # A word on the other keyboard is no accident.
    return {at: one for at, one in mended.items() if one[1] == _swapped(words[at])}


def _swapped(word: QueryWord) -> str:
    return spelling.other_layout(word.exact) if len(word.exact) >= _SHORTEST_BEGINNING else ""


async def _belong_together(guesses: Sequence[Group], scope: Scope, index: Index) -> bool:
    """Whether some passage has them all. In a query of another language single words look like
    typos of ours by accident, but hardly like those of one passage."""
    if len(guesses) < 2:
        return False
    (found,) = await index.postings(scope, [Clause([list(one.terms) for one in guesses], 1)])
    return len(found) > 0


async def _on_other_keyboard(
    text: str, scope: Scope, languages: Sequence[str], index: Index, corpus: Corpus
) -> Query | None:
    """The query as the other keyboard writes it, if the documents have its words. Some letters of
    one keyboard are signs on the other, so words alone don't tell."""
    swapped = spelling.other_layout(text.casefold())
    words = analyse_query(swapped, languages)
    forms = {term for word in words for term in _forms(word)}
    counts = await index.known(scope, forms) if words else {}
    groups = [_group(word, counts) for word in words]
    telling = [group for group in groups if not group.stop]
    if not telling or not all(group.df for group in telling):
        return None
    return Query(swapped, _rarest(_merged(groups), corpus), {text: swapped})


def _seems_at_home(groups: Sequence[Group]) -> bool:
    """Whether words without a match may be typos: if most have none, the query is in another
    language than the documents, and what looks like a typo of their words is its own."""
    telling = [group for group in groups if not group.stop]
    unknown = sum(not group.df for group in telling)
    return len(telling) == 1 or 2 * unknown <= len(telling)


def _forms(word: QueryWord) -> dict[str, float]:
    forms = dict.fromkeys(word.stems, _STEM)
    forms |= dict.fromkeys(word.extras, 1.0)
    forms[word.exact] = 1.0
    return forms


def _group(word: QueryWord, counts: Mapping[str, int]) -> Group:
    known = {term: weight for term, weight in _forms(word).items() if term in counts}
    df = max((counts[term] for term in known), default=0)
    return Group(word.text, known or {word.exact: 1.0}, df, word.stop)


async def _completed(group: Group, word: QueryWord, scope: Scope, index: Index) -> Group:
    """The last word may not be finished yet."""
    if group.df or word.ngram or len(word.exact) < _SHORTEST_BEGINNING:
        return group
    found = await index.beginning_with(
        scope,
        word.exact,
        shortest=len(word.exact) + 1,
        longest=len(word.exact) + 12,
        limit=_COMPLETIONS,
    )
    if not found:
        return group
    return Group(word.text, dict.fromkeys(found, _COMPLETED), max(found.values()), word.stop)


async def _mended(
    group: Group, word: QueryWord, scope: Scope, languages: Sequence[str], index: Index
) -> tuple[Group, str]:
    """A word that no document has may hold a typo, or be typed on the other keyboard. What it was
    meant to be, "" if nobody can tell."""
    swapped = _swapped(word)
    forms = _forms_of([swapped], _COMPLETED, languages) if swapped else {}
    if counts := await index.known(scope, forms):
        return _of_forms(word, forms, counts), swapped
    guesses: Mapping[str, float] = {}
    for form in (word.exact, *sorted(word.stems)):  # "ilands" is no typo away from "island"
        guesses = guesses or await spelling.guess(
            form,
            lambda terms: index.known(scope, terms),
            lambda start, shortest, longest: index.beginning_with(
                scope, start, shortest=shortest, longest=longest, limit=500
            ),
        )
    if not guesses:
        return group, ""
    forms = {}
    for guess, weight in guesses.items():
        forms |= _forms_of([guess], weight, languages)
    return _of_forms(word, forms, await index.known(scope, forms)), next(iter(guesses))


def _of_forms(word: QueryWord, forms: Mapping[str, float], counts: Mapping[str, int]) -> Group:
    known = {term: weight for term, weight in forms.items() if term in counts}
    return Group(word.text, known, max(counts.values()), word.stop)


def _forms_of(guesses: Iterable[str], weight: float, languages: Sequence[str]) -> dict[str, float]:
    """The guesses and their stems: the documents may inflect them otherwise."""
    forms = dict.fromkeys(guesses, weight)
    for guess in list(forms):
        for relative in analyse_query(guess, languages):
            for term in relative.stems:
                forms.setdefault(term, weight * _STEM)
    return forms


def _merged(groups: Iterable[Group]) -> list[Group]:
    """Two inflections of a word are one word."""
    merged: list[Group] = []
    for group in groups:
        twin = next(
            (at for at, other in enumerate(merged) if group.terms.keys() & other.terms.keys()), None
        )
        if twin is None:
            merged.append(group)
            continue
        other = merged[twin]
        terms = {
            term: max(group.terms.get(term, 0.0), other.terms.get(term, 0.0))
            for term in (*other.terms, *group.terms)
        }
        both = other.stop and group.stop
        merged[twin] = Group(other.text, terms, max(group.df, other.df), both)
    return merged


def _rarest(groups: Sequence[Group], corpus: Corpus) -> list[Group]:
    if len(groups) <= MOST_WORDS:
        return list(groups)
    kept = sorted(groups, key=lambda group: -group.idf(corpus.passages))[:MOST_WORDS]
    return [group for group in groups if group in kept]


# -- the first stage: which passages are worth ranking -----------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """Clauses for the index and what a passage gets for being in each."""

    clauses: Sequence[Clause] = ()
    weights: Sequence[float] = ()
    conjunctions: Sequence[bool] = ()
    """A conjunction's weight stands instead of those of its groups, it isn't added to them."""


def plan(groups: Sequence[Group], corpus: Corpus) -> Plan:
    """Look for the rarest words; what is everywhere only together with others.

    A word that more passages have than the ranker looks at is also searched where it stands more
    than once.
    """
    telling = _telling(groups, corpus)
    steps: list[tuple[Clause, float, bool]] = []
    room = _BUDGET
    rare = []
    for group in telling:
        room -= group.df
        if room < 0:
            break
        rare.append(group)
    for group in rare:
        steps += _single(group, corpus)
    common = [group for group in telling if group not in rare]
    if not rare or (common and sum(group.df for group in rare) < CANDIDATES):
        # The rarest of the common ones with each other, and with what is left of the query.
        for left, right in combinations(telling[:4], 2):
            steps.append(_together([left, right], corpus))
        steps += [
            _together(telling[:count], corpus) for count in range(3, min(len(telling), 5) + 1)
        ]
    return _plan(steps)


def fallback(groups: Sequence[Group], corpus: Corpus) -> Plan:
    """When no passage has two of the common words: the newest with the rarest one."""
    return _plan(
        [step for group in _telling(groups, corpus)[:1] for step in _single(group, corpus)]
    )


def _telling(groups: Sequence[Group], corpus: Corpus) -> list[Group]:
    """Words that documents have, the rarest first; little words only if there are no others."""
    known = [group for group in groups if group.df]
    telling = [group for group in known if not group.stop] or known
    return sorted(telling, key=lambda group: -group.idf(corpus.passages))


def _single(group: Group, corpus: Corpus) -> list[tuple[Clause, float, bool]]:
    idf = group.idf(corpus.passages)
    found = [(Clause([list(group.terms)], _PER_CLAUSE), idf, False)]
    if group.df > CANDIDATES:
        heavy = [term + HEAVY for term in group.terms]
        found.append((Clause([heavy], _PER_CLAUSE // 4), idf * _HEAVY_SHARE, False))
    return found


def _together(groups: Sequence[Group], corpus: Corpus) -> tuple[Clause, float, bool]:
    weight = sum(group.idf(corpus.passages) for group in groups)
    return Clause([list(group.terms) for group in groups], _PER_CLAUSE // 3), weight, True


def _plan(steps: Sequence[tuple[Clause, float, bool]]) -> Plan:
    if not steps:
        return Plan()
    clauses, weights, conjunctions = zip(*steps, strict=True)
    return Plan(clauses, weights, conjunctions)


def best(
    plan: Plan, postings: Sequence[npt.NDArray[np.int64]], count: int = CANDIDATES
) -> list[int]:
    """The passages that promise most, equal ones newest first."""
    if not postings or not any(len(ids) for ids in postings):
        return []
    ids, at = np.unique(np.concatenate(postings), return_inverse=True)
    scores = np.zeros(len(ids))
    together = np.zeros(len(ids))
    start = 0
    for found, weight, conjunction in zip(postings, plan.weights, plan.conjunctions, strict=True):
        rows = at[start : start + len(found)]
        start += len(found)
        if conjunction:
            together[rows] = np.maximum(together[rows], weight)
        else:
            scores[rows] += weight
    scores = np.maximum(scores, together)
    order = np.lexsort((-ids, -scores))[:count]
    best_ids: list[int] = ids[order].tolist()
    return best_ids
