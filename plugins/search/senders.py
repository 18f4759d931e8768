"""Who is meant by `from:@ann`, `from:"Ann Lee"`, `from:me`; and what to call a sender."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

from plugins.search.query import Query
from plugins.search.vocabulary import plain
from plugram import Person

Meet = Callable[[int], Awaitable[Person]]
"""`ctx.people.get`."""


async def resolve(
    query: Query, me: int, senders: Iterable[int], meet: Meet
) -> dict[str, tuple[int, ...]]:
    """The ids of the senders that each `from:` of a query means, by its value; nobody's is empty.
    Several may bear a name, and all of them are meant."""
    values = {term.value for term in query.of("from")}
    if not values - {"me"}:
        return {"me": (me,)}
    people = await asyncio.gather(*map(meet, senders))
    return {
        value: (me,)
        if value == "me"
        else tuple(person.id for person in people if _is_called(person, value))
        for value in values
    }


def _is_called(person: Person, value: str) -> bool:
    if value == str(person.id):
        return True
    wanted = plain(value.removeprefix("@"))
    if plain(person.username) == wanted:
        return True
    name = plain(person.name)
    return not value.startswith("@") and (wanted == name or wanted in name.split())


async def names(query: Query, known: Collection[int], meet: Meet) -> dict[str, str]:
    """What to call the senders that a query names by their ids, as buttons do. Of those who aren't
    `known` where the query is asked no name is told."""
    given = {term.value for term in query.of("from") if _is_number(term.value)}
    return {value: called(await meet(int(value))) for value in given if int(value) in known}


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def called(person: Person) -> str:
    return person.name or (f"@{person.username}" if person.username else str(person.id))
