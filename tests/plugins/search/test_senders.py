"""Who is meant by `from:`."""

from __future__ import annotations

import pytest

from plugins.search.query import parse
from plugins.search.senders import called, names, resolve
from plugram import Person

PEOPLE = {
    5: Person(5, "Ann Lee", "annlee", "en", "UTC", "user"),
    6: Person(6, "Аня Ли", "", "ru", "UTC", "user"),
    7: Person(7, "Ann Smith", "Smith", "en", "UTC", "user"),
    8: Person(8, "", "", "en", "UTC", "user"),
}


async def meet(user_id: int) -> Person:
    return PEOPLE[user_id]


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("from:@AnnLee", (5,)),
        ("from:annlee", (5,)),
        ("from:ann", (5, 7)),
        ('from:"ann lee"', (5,)),
        ("от:аня", (6,)),
        ("from:smith", (7,)),
        ("from:@ann", ()),
        ("from:8", (8,)),
        ("from:9", ()),
        ("from:me", (1,)),
    ],
)
async def test_names_and_ids(typed: str, ids: tuple[int, ...]) -> None:
    query = parse(typed)
    assert await resolve(query, 1, PEOPLE, meet) == {query.terms[0].value: ids}


async def test_nobody_is_looked_up_for_oneself() -> None:
    async def refuse(user_id: int) -> Person:
        raise AssertionError(user_id)

    assert await resolve(parse("from:me"), 1, PEOPLE, refuse) == {"me": (1,)}


async def test_ids_are_shown_as_names() -> None:
    query = parse(f"from:5 from:@annlee -from:8 from:7 from:{9**25}")
    # 7 has sent nothing here, and the last is nobody's number.
    assert await names(query, {5, 8}, meet) == {"5": "Ann Lee", "8": "8"}
    assert called(Person(9, "", "zoe", "en", "UTC", "user")) == "@zoe"
