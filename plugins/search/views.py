"""What a search looks like in a chat: result lists and their buttons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from plugins.search.api import Found, FoundPassage, Hit
from plugins.search.service import ResultList
from plugins.search.snippets import Piece, marked, snippet
from plugram import Button, Callback, Html, Person, StoredFile, Translate, escape

Rows = Sequence[Sequence[Button]]

SNIPPET = 280
"""Characters of a passage that a result shows; five of them and their frame fit into a message."""
_DOTS = 5


class Turn(Callback, name="page"):
    """Show another page of a result list; pages count from 1."""

    results: int
    page: int


class Send(Callback, name="send"):
    """Send a file itself."""

    file: int


class Show(Callback, name="show"):
    """Lead back to the message that brought a file."""

    file: int


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    rows: Rows = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """A hit with what is shown of it."""

    hit: Hit
    passage: FoundPassage
    file: StoredFile


def pages(results: ResultList, page_size: int) -> int:
    return max(1, math.ceil(len(results.hits) / page_size))


def answer(
    t: Translate,
    person: Person,
    results: ResultList,
    shown: Sequence[Result],
    *,
    page: int,
    page_size: int,
) -> Page:
    """One page of a result list. `shown` are those of its hits that are still there."""
    first = (page - 1) * page_size + 1
    best = results.hits[0].score
    parts = [
        _heading(t, results),
        *(
            _result(t, person, results, one, number, best)
            for number, one in enumerate(shown, start=first)
        ),
    ]
    rows = [_buttons(t, one, number) for number, one in enumerate(shown, start=first)]
    if turning := _turning(results.id, page, pages(results, page_size)):
        rows.append(turning)
    return Page(Html("\n\n").join(parts), rows)


def nothing(t: Translate, found: Found) -> Page:
    """Why there is no result, and what to do."""
    if found.wordless:
        return Page(t("search-wordless"))
    if found.empty:
        return Page(t("search-empty"))
    tips = [t("search-none", query=_shortened(found.query)), t("search-none-tips")]
    return Page(Html("\n\n").join(tips))


def _heading(t: Translate, results: ResultList) -> Html:
    lines = [t("search-found", files=len(results.hits), query=_shortened(results.query))]
    if results.corrected:
        words = ", ".join(f"{typed} → {meant}" for typed, meant in results.corrected.items())
        lines.append(t("search-corrected", words=words))
    if results.cut:
        lines.append(t("search-cut"))
    if not results.by_meaning:
        lines.append(t("search-words-only"))
    return Html("\n").join(lines)


def _result(
    t: Translate, person: Person, results: ResultList, one: Result, number: int, best: float
) -> Html:
    name = _html(marked(one.file.name, one.passage.language, results.terms))
    facts = [_dots(one.hit.score, best), t.date(one.file.created_at, person)]
    if place := _place(t, one.passage):
        facts.insert(1, place)
    lines = [Html(f"<b>{number}.</b> {name}"), Html(escape(" · ".join(facts)))]
    if not one.passage.is_name:
        pieces = snippet(
            " ".join(one.passage.text.split()), one.passage.language, results.terms, length=SNIPPET
        )
        lines.append(Html(f"<blockquote>{_html(pieces)}</blockquote>"))
    return Html("\n").join(lines)


def _html(pieces: Sequence[Piece]) -> str:
    return "".join(
        f"<b><u>{escape(piece.text)}</u></b>" if piece.marked else escape(piece.text)
        for piece in pieces
    )


def _dots(score: float, best: float) -> str:
    """How good a result is beside the best one."""
    filled = max(1, round(_DOTS * score / best)) if best > 0 else 1
    return "●" * min(filled, _DOTS) + "○" * (_DOTS - min(filled, _DOTS))


def _place(t: Translate, passage: FoundPassage) -> str:
    page = passage.locator.get("page")
    return t.plain("search-place-page", page=str(page)) if page else ""


def _buttons(t: Translate, one: Result, number: int) -> list[Button]:
    return [
        Button(t.plain("search-button-send", number=str(number)), Send(file=one.file.id)),
        _way_back(t, one.file, number),
    ]


def _way_back(t: Translate, file: StoredFile, number: int) -> Button:
    """Supergroups and channels have links to their messages; elsewhere the bot replies to it."""
    text = t.plain("search-button-show", number=str(number))
    chat = str(file.chat_id)
    if chat.startswith("-100"):
        return Button(text, url=f"https://t.me/c/{chat.removeprefix('-100')}/{file.message_id}")
    return Button(text, Show(file=file.id))


def _turning(number: int, page: int, last: int) -> list[Button]:
    if last == 1:
        return []
    row = []
    if page > 1:
        row.append(Button("‹", Turn(results=number, page=page - 1)))
    row.append(Button(f"{page} / {last}", Turn(results=number, page=page)))
    if page < last:
        row.append(Button("›", Turn(results=number, page=page + 1)))
    return row


def _shortened(query: str, length: int = 60) -> str:
    return query if len(query) <= length else f"{query[: length - 1].rstrip()}…"
