"""What a search looks like in a chat: result lists and their buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from plugins.search.api import Found
from plugins.search.results import Page, Result
from plugins.search.snippets import Piece
from plugram import Button, Callback, Html, Person, StoredFile, Translate, escape

Rows = Sequence[Sequence[Button]]

_DOTS = 5
_PLACES = ("page", "slide", "sheet", "line")


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
class Content:
    """Text and buttons of a message."""

    text: str
    rows: Rows = field(default_factory=list)


def answer(t: Translate, person: Person, page: Page) -> Content:
    """One page of a result list."""
    parts = [_heading(t, page), *(_result(t, person, page, one) for one in page.results)]
    if not page.results:
        parts.append(t("search-page-gone"))
    rows = [_buttons(t, one) for one in page.results]
    if page.pages > 1:
        rows.append(_turning(page))
    return Content(Html("\n\n").join(parts), rows)


def nothing(t: Translate, found: Found, *, reading: bool = False) -> Content:
    """Why there is no result, and what to do. `reading`: there are files that wait for indexing."""
    if found.wordless:
        return Content(t("search-wordless"))
    if found.empty:
        return Content(t("search-reading") if reading else t("search-empty"))
    tips = [t("search-none", query=_shortened(found.query)), t("search-none-tips")]
    if not found.by_meaning:
        tips.append(t("search-words-only"))
    return Content(Html("\n\n").join(tips))


def _heading(t: Translate, page: Page) -> Html:
    results = page.list
    lines = [t("search-found", files=len(results.hits), query=_shortened(results.query))]
    if results.corrected:
        words = ", ".join(f"{typed} → {meant}" for typed, meant in results.corrected.items())
        lines.append(t("search-corrected", words=words))
    if results.cut:
        lines.append(t("search-cut"))
    if not results.by_meaning:
        lines.append(t("search-words-only"))
    return Html("\n").join(lines)


def _result(t: Translate, person: Person, page: Page, result: Result) -> Html:
    facts = [
        _dots(result.score, page.list.hits[0].score),
        _place(t, result),
        t.date(result.file.created_at, person),
    ]
    lines = [
        Html(f"<b>{result.number}.</b> {_html(result.name)}"),
        Html(escape(" · ".join(filter(None, facts)))),
    ]
    if result.text:
        lines.append(Html(f"<blockquote>{_html(result.text)}</blockquote>"))
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


def _place(t: Translate, result: Result) -> str:
    if result.locator.get("part") == "caption":
        return t.plain("search-place-caption")
    for place in _PLACES:
        if (value := result.locator.get(place)) is not None:
            return t.plain(f"search-place-{place}", value=str(value))
    return ""


def _buttons(t: Translate, result: Result) -> list[Button]:
    send = t.plain("search-button-send", number=str(result.number))
    return [Button(send, Send(file=result.file.id)), _way_back(t, result.file, result.number)]


def _way_back(t: Translate, file: StoredFile, number: int) -> Button:
    """Supergroups and channels have links to their messages; elsewhere the bot replies to it."""
    text = t.plain("search-button-show", number=str(number))
    chat = str(file.chat_id)
    if chat.startswith("-100"):
        return Button(text, url=f"https://t.me/c/{chat.removeprefix('-100')}/{file.message_id}")
    return Button(text, Show(file=file.id))


def _turning(page: Page) -> list[Button]:
    number, row = page.list.id, []
    if page.number > 1:
        row.append(Button("‹", Turn(results=number, page=page.number - 1)))
    row.append(Button(f"{page.number} / {page.pages}", Turn(results=number, page=page.number)))
    if page.number < page.pages:
        row.append(Button("›", Turn(results=number, page=page.number + 1)))
    return row


def _shortened(query: str, length: int = 60) -> str:
    return query if len(query) <= length else f"{query[: length - 1].rstrip()}…"
