"""Mends what was typed: what a word without a match might have been meant to be.

It looks words up in the scope's own vocabulary, by key and by beginning, so it needs no index of
its own and gives the same on every database.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

SHORTEST = 4
"""Characters of a word that may hold a typo; in shorter ones nearly anything is one letter away."""
FAR_FROM = 7
"""Characters from which on two typos are forgiven."""
PREFIX = 3
"""Characters that must be right when two are wrong."""
MOST = 3
"""Guesses for a word."""
ONE_TYPO = 0.5
TWO_TYPOS = 0.4
"""What a guess counts for, where the word itself counts for 1. A word that isn't among the
documents may as well be right, and of another language than they are."""

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_ENGLISH_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_RUSSIAN_KEYS = "ейцукенгшщзхъфывапролджэячсмитьбю"
_OTHER_LAYOUT = str.maketrans(_ENGLISH_KEYS + _RUSSIAN_KEYS[1:], _RUSSIAN_KEYS + _ENGLISH_KEYS[1:])

Known = Callable[[Iterable[str]], Awaitable[Mapping[str, int]]]
"""In how many passages each of some terms is."""
Beginning = Callable[[str, int, int], Awaitable[Mapping[str, int]]]
"""The same of terms with a beginning and lengths within bounds."""


async def guess(word: str, known: Known, beginning: Beginning) -> dict[str, float]:
    """Terms that `word` may have been meant to be, with what they count for (below 1), best first.

    `word` is folded. First one wrong, missing, extra or swapped letter, then two in a long word.
    """
    if len(word) < SHORTEST or any(char.isdigit() for char in word):
        return {}
    if near := await known(variants(word)):
        return dict.fromkeys(_frequent(near), ONE_TYPO)
    if len(word) < FAR_FROM:
        return {}
    there = await beginning(word[:PREFIX], len(word) - 2, len(word) + 2)
    close = {term: count for term, count in there.items() if within_two(word, term)}
    return dict.fromkeys(_frequent(close), TWO_TYPOS)


def other_layout(word: str) -> str:
    """What the same keys write on the other keyboard of a Russian writer: «привет» for `ghbdtn`."""
    return word.translate(_OTHER_LAYOUT)


def variants(word: str) -> set[str]:
    """All words that one typo leads to: a letter left out, added, replaced, or two swapped."""
    letters = _alphabet(word)
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    found = {left + right[1:] for left, right in splits if right}
    found |= {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    found |= {left + letter + right[1:] for left, right in splits if right for letter in letters}
    found |= {left + letter + right for left, right in splits for letter in letters}
    found.discard(word)
    return found


def _alphabet(word: str) -> str:
    if "a" <= word[0] <= "z":
        return _LATIN
    return _CYRILLIC if "а" <= word[0] <= "я" else ""


def _frequent(terms: Mapping[str, int]) -> list[str]:
    return sorted(terms, key=lambda term: (-terms[term], term))[:MOST]


def within_two(left: str, right: str) -> bool:
    """Whether two typos at most lead from one word to the other (restricted Damerau distance)."""
    if abs(len(left) - len(right)) > 2:
        return False
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > 2:
            return False
        before, previous = previous, current
    return previous[-1] <= 2
