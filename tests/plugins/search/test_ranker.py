"""What makes a passage better than another."""

from __future__ import annotations

import pytest

from plugins.search.analyzer import analyse_query, normalise, tokenise
from plugins.search.ranker import (
    Background,
    Candidate,
    Corpus,
    Group,
    Scored,
    Weights,
    pack,
    rank,
    standing_out,
    term_hash,
)

CORPUS = Corpus("u:7", passages=100, average_length=8)
BACKGROUND = Background(mean=0.0, deviation=0.1)


def groups(query: str, df: int = 3, **rare: int) -> list[Group]:
    return [
        Group(
            word.text,
            {word.exact: 1.0, **dict.fromkeys(word.stems, 0.9)},
            rare.get(word.exact, df),
            word.stop,
        )
        for word in analyse_query(query, ("en",))
    ]


def candidate(number: int, text: str, *, name: str = "", cosine: float | None = None) -> Candidate:
    def packed(written: str) -> bytes:
        return pack("u:7", tokenise(normalise(written), "en"))

    return Candidate(number, number, packed(text), packed(name), cosine)


def ranked(query: str, *candidates: Candidate, **rare: int) -> list[Scored]:
    return rank(groups(query, **rare), candidates, CORPUS, BACKGROUND, Weights())


def order(query: str, *candidates: Candidate, **rare: int) -> list[int]:
    return [one.passage_id for one in ranked(query, *candidates, **rare)]


def test_more_of_the_query_is_better() -> None:
    some = candidate(1, "the harbour is closed today for everybody")
    most = candidate(2, "the harbour and the ferry are closed today")
    assert order("ferry harbour closed", some, most) == [2, 1]


def test_a_rare_word_is_worth_more_than_a_frequent_one() -> None:
    frequent = candidate(1, "a report of the year")
    rare = candidate(2, "a glacier of the year")
    assert order("report glacier", frequent, rare, report=60, glacier=1) == [2, 1]


def test_the_word_itself_beats_its_inflection() -> None:
    inflected = candidate(1, "ferries run late tonight")
    itself = candidate(2, "ferry runs late tonight")
    assert order("ferry", inflected, itself) == [2, 1]


def test_often_is_better_than_once_and_short_than_long() -> None:
    once = candidate(1, "the ferry left in time this morning")
    often = candidate(2, "the ferry is the ferry this morning")
    wordy = candidate(3, "the ferry left in time this morning " + "and so on and so forth " * 5)
    assert order("ferry", once, often, wordy) == [2, 1, 3]


def test_side_by_side_is_better_than_apart() -> None:
    apart = candidate(1, "the agreement about this old boat mentions a lease")
    beside = candidate(2, "this old boat has a lease agreement that mentions it")
    assert order("lease agreement", apart, beside) == [2, 1]
    assert [one.phrase for one in ranked("lease agreement", apart, beside)] == [1.0, 0.0]


def test_the_name_of_a_file_counts() -> None:
    plain = candidate(1, "what the ferry costs in summer", name="scan.txt")
    named = candidate(2, "what the ferry costs in summer", name="ferry-prices.txt")
    assert order("ferry prices", plain, named) == [2, 1]


def test_meaning_decides_where_words_say_nothing() -> None:
    far = candidate(1, "nothing shared here", cosine=0.1)
    near = candidate(2, "nothing shared either", cosine=0.6)
    assert order("boat schedule", far, near) == [2, 1]


def test_one_word_of_many_does_not_outvote_the_meaning() -> None:
    coincidence = candidate(1, "the tenant parks his bicycle", cosine=0.05)
    meant = candidate(2, "a vehicle was left in a loading zone", cosine=0.55)
    assert order("parking ticket complaint office bicycle", coincidence, meant) == [2, 1]


def test_all_words_outvote_a_vague_meaning() -> None:
    vague = candidate(1, "boats and ships in general", cosine=0.45)
    exact = candidate(2, "the invoice of the shipyard number nine", cosine=0.2)
    assert order("shipyard invoice nine", vague, exact) == [2, 1]


def test_a_passage_without_a_vector_has_its_words() -> None:
    (scored,) = ranked("ferry", candidate(1, "the ferry", cosine=None))
    assert scored.words > 0
    assert scored.meaning == 0


def test_unknown_words_count_below_the_line() -> None:
    known = rank(groups("ferry"), [candidate(1, "the ferry")], CORPUS, BACKGROUND, Weights())
    unknown = [*groups("ferry"), Group("xyzzy", {"xyzzy": 1.0}, 0)]
    partly = rank(unknown, [candidate(1, "the ferry")], CORPUS, BACKGROUND, Weights())
    assert partly[0].words < 0.6 * known[0].words
    assert partly[0].coverage < 0.6
    assert known[0].coverage == pytest.approx(1)


def test_it_is_said_why() -> None:
    (scored,) = ranked("Ferry timetable", candidate(1, "ferries leave at seven"))
    assert scored.matched == ("Ferry",)


def test_equal_passages_come_newest_first() -> None:
    assert order("ferry", *(candidate(n, "the ferry") for n in (3, 9, 5))) == [9, 5, 3]


def test_nothing_to_rank() -> None:
    assert ranked("ferry") == []
    (scored,) = rank([], [candidate(1, "x", cosine=0.5)], CORPUS, BACKGROUND, Weights())
    assert scored.words == 0


def test_cosines_count_from_what_unrelated_texts_have() -> None:
    high = Background(mean=0.7, deviation=0.02)
    told = standing_out([0.7, 0.82, 0.1, None], [20] * 4, high).tolist()
    assert told == pytest.approx([0, 1, 0, 0])


def test_the_shorter_a_text_the_closer_it_must_be() -> None:
    high = Background(mean=0.7, deviation=0.02)
    told = standing_out([0.82] * 5, [1, 2, 4, 6, 80], high).tolist()
    assert told == pytest.approx([0, 0.388, 0.776, 1, 1], abs=0.01)


def test_hashes_belong_to_their_scope() -> None:
    assert term_hash("u:7", "ferry") != term_hash("u:8", "ferry")
    assert 0 <= term_hash("u:7", "ferry") < 2**48
