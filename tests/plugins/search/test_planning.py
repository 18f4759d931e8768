"""From words to clauses."""

from __future__ import annotations

import numpy as np

from plugins.search.index import HEAVY
from plugins.search.planning import CANDIDATES, best, fallback, plan
from plugins.search.ranker import Corpus, Group

CORPUS = Corpus("u:7", passages=100_000, average_length=90)


def group(text: str, df: int, *, stop: bool = False) -> Group:
    return Group(text, {text: 1.0}, df, stop)


def clauses(*groups: Group) -> list[list[list[str]]]:
    return [[list(part) for part in one.groups] for one in plan(groups, CORPUS).clauses]


def test_rare_words_are_looked_up_one_by_one() -> None:
    assert clauses(group("ferry", 40), group("harbour", 100)) == [[["ferry"]], [["harbour"]]]


def test_little_words_are_not_looked_up_beside_others() -> None:
    assert clauses(group("the", 90_000, stop=True), group("ferry", 40)) == [[["ferry"]]]


def test_little_words_alone_are() -> None:
    looked_up = clauses(group("to", 90, stop=True), group("be", 80, stop=True))
    assert looked_up == [[["be"]], [["to"]]]


def test_a_frequent_word_is_also_looked_up_where_it_stands_often() -> None:
    assert clauses(group("ferry", CANDIDATES + 1)) == [[["ferry"]], [["ferry" + HEAVY]]]


def test_words_that_are_everywhere_are_looked_up_together() -> None:
    one, two = group("ferry", 30_000), group("harbour", 40_000)
    assert clauses(one, two) == [[["ferry"], ["harbour"]]]
    assert [list(clause.groups) for clause in fallback([one, two], CORPUS).clauses] == [
        [["ferry"]],
        [["ferry" + HEAVY]],
    ]


def test_unknown_words_are_not_looked_up() -> None:
    assert clauses(group("xyzzy", 0)) == []
    assert fallback([group("xyzzy", 0)], CORPUS).clauses == ()


def test_the_first_stage_prefers_what_has_more_and_rarer_words() -> None:
    groups = [group("ferry", 2), group("harbour", 100)]
    postings = [np.array([5, 3]), np.array([9, 7, 5])]
    assert best(plan(groups, CORPUS), postings) == [5, 3, 9, 7]
    assert best(plan(groups, CORPUS), postings, 2) == [5, 3]
    assert best(plan(groups, CORPUS), [np.array([], int), np.array([], int)]) == []
