"""Texts and buttons of the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from plugins.access import service
from plugram import Button, Callback, Context, Html, Person, Translate

PAGE = 8
"""Guests on a page; two buttons a row stay readable on a phone."""
MOST_USES = 100


class Leaf(Callback, name="leaf"):
    page: int


class Revoke(Callback, name="revoke"):
    id: int
    page: int


@dataclass(frozen=True, slots=True)
class View:
    text: Html
    rows: Sequence[Sequence[Button]] = field(default_factory=list)


def uses_of(args: str | None) -> int | None:
    """How many people a code is for: `/invite 5`; None if that is no sensible number."""
    if not args:
        return 1
    number = int(args) if args.strip().isdecimal() else 0
    return number if 1 <= number <= MOST_USES else None


async def guests(ctx: Context, t: Translate, person: Person, page: int = 0) -> View:
    """Who was let in, with a button each to send them away."""
    door = service.of(ctx)
    found = await door.grants(page * PAGE, PAGE + 1)
    if not found and page:
        return await guests(ctx, t, person, page - 1)
    listed = len(door.settings.users) + len(door.settings.groups)
    parts = [
        t("access-open" if door.settings.open else "access-closed"),
        *([t("access-listed", number=listed)] if listed else []),
        t("access-guests") if found else t("access-no-guests"),
    ]
    lines = [
        t(
            "access-guest",
            name=one.name,
            id=str(one.id),
            since=t.date(datetime.fromtimestamp(one.granted_at, UTC), person),
        )
        for one in found[:PAGE]
    ]
    text = Html("\n\n").join(parts)
    if lines:
        text = Html("\n").join([text, *lines])
    return View(text, [*_revokes(t, found[:PAGE], page), *_pages(t, page, more=len(found) > PAGE)])


def _revokes(t: Translate, found: Sequence[service.Grant], page: int) -> list[list[Button]]:
    buttons = [
        Button(t.plain("access-button-revoke", name=one.name[:20]), Revoke(id=one.id, page=page))
        for one in found
    ]
    return [buttons[at : at + 2] for at in range(0, len(buttons), 2)]


def _pages(t: Translate, page: int, *, more: bool) -> list[list[Button]]:
    turns = [(page - 1, "access-button-newer", page > 0), (page + 1, "access-button-older", more)]
    row = [Button(t.plain(label), Leaf(page=at)) for at, label, there in turns if there]
    return [row] if row else []
