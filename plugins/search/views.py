"""What a search looks like in a chat: result lists, results, filters, and their buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plugins.search import facets, wording
from plugins.search.asking import Answer, Menu, Panel
from plugins.search.facets import Facet, Option
from plugins.search.query import Hint, Query, Term, parse, write
from plugins.search.results import Closer, Match, Page, Recent, Result, ResultList
from plugins.search.snippets import Piece
from plugins.search.wording import shortened
from plugram import Button, Callback, Html, Person, StoredFile, Translate, escape

Rows = Sequence[Sequence[Button]]

EXAMPLES = 4
"""Queries that the help shows: `search-example-1` and so on."""
_SPELT_OUT = 3
"""Results of a page whose buttons are told in words."""
_WIDE = 5
"""Buttons of a sign and a number in a row."""
_DOTS = 5
_GOOD = 1.0
"""Score of a passage of average length that has every word of the query once; `ranker`."""
_OUTER = ("member", "message")
_PLACES = ("page", "slide", "sheet", "chapter", "time", "cell", "line")
_WITHIN = ("row",)
"""Where a passage stands: in a file inside the file, at a place of it, at a place of that."""
_CLOSE, _NEAR = 0.8, 0.4
"""From where on a meaning is called very close, close; `Explanation.meaning`."""
_REMOVABLE = 4
"""Filters that a list has buttons for; the others are among its filters."""
_LABEL = 30
"""Characters of a filter on a button."""
_MATCHES = 8
"""Words of a query whose match is told."""


class Turn(Callback, name="page"):
    """Show another page of a result list; pages count from 1."""

    results: int
    page: int


class Send(Callback, name="send"):
    """Send a file itself."""

    file: int


class Link(Callback, name="link"):
    """Give a link to a file."""

    file: int


class Show(Callback, name="show"):
    """Lead back to the message that brought a file."""

    file: int


class Look(Callback, name="look"):
    """Show a result more closely. By its file: numbers change when files are deleted."""

    results: int
    file: int


class Narrow(Callback, name="filter"):
    """Show what a list can be narrowed by, or the options of a facet."""

    results: int
    facet: str = ""


class Pick(Callback, name="pick"):
    """Turn an option of a facet on or off."""

    results: int
    facet: str
    option: str
    """`facets.digest`."""


class Drop(Callback, name="drop"):
    """Take a term away."""

    results: int
    term: str
    """`facets.digest`; empty: all of them."""


class Mend(Callback, name="mend"):
    """Search for what a hint says was probably meant."""

    results: int
    hint: int
    """Its place among the hints of the query."""


class Again(Callback, name="again"):
    """Make an earlier search again."""

    results: int


class Forget(Callback, name="forget"):
    """Forget what somebody searched for here."""

    person: int


class Help(Callback, name="help"):
    """Explain the query language."""


class Try(Callback, name="try"):
    """Search for an example of the help; they count from 1."""

    example: int


@dataclass(frozen=True, slots=True)
class Content:
    """Text and buttons of a message."""

    text: str
    rows: Rows = field(default_factory=list)


# -- answers --------------------------------------------------------------------------------------


def answer(t: Translate, person: Person, page: Page) -> Content:
    """One page of a result list."""
    parts = [_heading(t, person, page), *(_result(t, person, page, one) for one in page.results)]
    if not page.results:
        parts.append(t("search-page-gone"))
    if len(page.results) > _SPELT_OUT:
        parts.append(t("search-legend"))
    rows = _acting(t, page)
    turning = _turning(page) if page.pages > 1 else []
    filtering = _filtering(t, page.list)
    removing = _removing(t, person, page)
    if removing or not turning:
        rows += [turning] * bool(turning) + removing + [filtering]
    else:
        rows.append([*turning, *filtering])
    rows += _mending(page.list)
    return Content(Html("\n\n").join(parts), rows)


def _acting(t: Translate, page: Page) -> list[list[Button]]:
    """What can be done with each result. Buttons of many are signs alone, a row of each kind, or
    they would fill a phone's screen."""
    results = page.results
    if not results:
        return []
    closer = [_closer(page.list, one) for one in results]
    if len(results) <= _SPELT_OUT:
        return [*(_buttons(t, one.file, str(one.number)) for one in results), closer]
    files = [Button(f"📎 {one.number}", Send(file=one.file.id)) for one in results]
    ways = [_leading(f"↩ {one.number}", one.file) for one in results]
    return [*_in_rows(files), *_in_rows(ways), *_in_rows(closer)]


def _in_rows(buttons: Sequence[Button]) -> list[list[Button]]:
    """Numbers of two digits still fit on a phone."""
    return [list(buttons[at : at + _WIDE]) for at in range(0, len(buttons), _WIDE)]


def nothing(t: Translate, person: Person, told: Answer) -> Content:
    """Why there is no result, and what to do."""
    found = told.found
    if found.wordless:
        return Content(t("search-wordless"), [[_help(t)]])
    if found.empty:
        return Content(t("search-reading") if told.reading else t("search-empty"))
    shown = told.query.words or wording.labels(t, person, told.query.terms, told.names)
    if not told.query.words and len(told.query.terms) == len(_phrases(told.query)):
        shown = " ".join(_phrases(told.query))  # the sentence has quotation marks of its own
    parts = [t("search-none", query=shortened(shown))]
    if told.query.terms and told.query.words:
        parts.append(_understood(t, person, told.query.terms, told.names))
    parts += [t("search-stranger", name=name) for name in told.strangers]
    parts += _hints(t, told.query)
    parts.append(t("search-none-filters") if told.instead else t("search-none-tips"))
    if not found.by_meaning:
        parts.append(t("search-words-only"))
    rows: list[list[Button]] = []
    if told.list is not None:
        rows = [[_instead(t, person, told, told.list, place)] for place in range(len(told.instead))]
        rows += _mending(told.list)
    return Content(Html("\n\n").join(parts), rows)


def _instead(t: Translate, person: Person, told: Answer, kept: ResultList, place: int) -> Button:
    one = told.instead[place]
    alone = len(one.dropped) == 1
    said = wording.labels(t, person, one.dropped, told.names) if alone else ""
    key = "search-button-instead" if alone else "search-button-instead-all"
    text = t.plain(key, filter=shortened(said, _LABEL), files=one.files)
    return Button(text, Drop(results=kept.id, term=facets.digest(*one.dropped) if alone else ""))


def _heading(t: Translate, person: Person, page: Page) -> Html:
    results = page.list
    phrases = [] if results.query.words else _phrases(results.query)
    searched = results.query.words or " ".join(
        t.plain("search-phrase", text=phrase) for phrase in phrases
    )
    files = len(results.hits)
    if searched:
        lines = [t("search-found", files=files, query=shortened(searched))]
    else:
        lines = [t("search-listed", files=files)]
    others = [term for term in results.query.terms if not (phrases and _is_phrase(term))]
    if others:
        lines.append(_understood(t, person, others, page.names))
    if page.full:
        lines.append(t("search-full"))
    if results.corrected:
        words = ", ".join(f"{typed} → {meant}" for typed, meant in results.corrected.items())
        lines.append(t("search-corrected", words=words))
    if results.cut:
        lines.append(t("search-cut"))
    if not results.by_meaning:
        lines.append(t("search-words-only"))
    return Html("\n").join([*lines, *_hints(t, results.query)])


def _is_phrase(term: Term) -> bool:
    return term.key == "phrase" and not term.negated


def _phrases(query: Query) -> list[str]:
    """What stands for the words where there are none."""
    return [term.value for term in query.terms if _is_phrase(term)]


def _understood(
    t: Translate, person: Person, terms: Sequence[Term], names: Mapping[str, str]
) -> Html:
    return t("search-understood", filters=wording.labels(t, person, terms, names))


def _hints(t: Translate, query: Query) -> list[Html]:
    return [wording.hint(t, one) for one in query.hints]


def _result(t: Translate, person: Person, page: Page, result: Result) -> Html:
    best = page.list.hits[0].score
    facts = [_dots(result.score, best) if best else "", _place(t, result)]
    lines = [
        Html(f"<b>{result.number}.</b> {_html(result.name)}"),
        _facts([*facts, t.date(result.file.created_at, person)]),
    ]
    if result.text:
        lines.append(Html(f"<blockquote>{_html(result.text)}</blockquote>"))
    return Html("\n").join(lines)


def _facts(facts: Sequence[str]) -> Html:
    return Html(escape(" · ".join(filter(None, facts))))


def _html(pieces: Sequence[Piece]) -> str:
    return "".join(
        f"<b><u>{escape(piece.text)}</u></b>" if piece.marked else escape(piece.text)
        for piece in pieces
    )


def _dots(score: float, best: float) -> str:
    """How good a result is beside the best one. That isn't good for being the best: where nothing
    fits, no result has all dots."""
    filled = max(1, round(_DOTS * score / max(best, _GOOD)))
    return "●" * min(filled, _DOTS) + "○" * (_DOTS - min(filled, _DOTS))


def _place(t: Translate, result: Result) -> str:
    if result.locator.get("part") == "caption":
        return t.plain("search-place-caption")
    told = []
    for level in (_OUTER, _PLACES, _WITHIN):
        place = next((one for one in level if result.locator.get(one) is not None), None)
        if place is not None:
            value = str(result.locator[place])
            told.append(t.plain(f"search-place-{place}", value=shortened(value)))
    return ", ".join(told)


def _buttons(t: Translate, file: StoredFile, number: str = "") -> list[Button]:
    send = t.plain("search-button-send", number=number) if number else t.plain("search-button-file")
    return [Button(send, Send(file=file.id)), _way_back(t, file, number)]


def _way_back(t: Translate, file: StoredFile, number: str) -> Button:
    key = "search-button-show" if number else "search-button-message"
    return _leading(t.plain(key, number=number), file)


def _leading(text: str, file: StoredFile) -> Button:
    """Supergroups and channels have links to their messages; elsewhere the bot replies to it."""
    chat = str(file.chat_id)
    if chat.startswith("-100"):
        return Button(text, url=f"https://t.me/c/{chat.removeprefix('-100')}/{file.message_id}")
    return Button(text, Show(file=file.id))


def _closer(results: ResultList, result: Result) -> Button:
    return Button(f"💡 {result.number}", Look(results=results.id, file=result.file.id))


def _turning(page: Page) -> list[Button]:
    number, row = page.list.id, []
    if page.number > 1:
        row.append(Button("‹", Turn(results=number, page=page.number - 1)))
    row.append(Button(f"{page.number} / {page.pages}", Turn(results=number, page=page.number)))
    if page.number < page.pages:
        row.append(Button("›", Turn(results=number, page=page.number + 1)))
    return row


def _removing(t: Translate, person: Person, page: Page) -> list[list[Button]]:
    """The first filters of a list, each a button that takes it away."""
    terms = page.list.query.terms[:_REMOVABLE]
    return _in_twos([_remove(t, person, page.list, term, page.names) for term in terms])


def _remove(
    t: Translate, person: Person, kept: ResultList, term: Term, names: Mapping[str, str]
) -> Button:
    text = shortened(wording.label(t, person, term, names), _LABEL)
    return Button(f"✕ {text}", Drop(results=kept.id, term=facets.digest(term)))


def _filtering(t: Translate, kept: ResultList) -> list[Button]:
    row = [Button(t.plain("search-button-filter"), Narrow(results=kept.id))]
    if len(kept.query.terms) > 1:
        row.append(Button(t.plain("search-button-clear"), Drop(results=kept.id, term="")))
    return row


def _mending(kept: ResultList) -> list[list[Button]]:
    """What was probably meant, to be searched for instead. The hints are those of the query as it
    is kept."""
    return [
        [Button(f"↪ {shortened(hint.meant, _LABEL)}", Mend(results=kept.id, hint=place))]
        for place, hint in enumerate(parse(write(kept.query)).hints)
        if hint.kind == "typo"
    ]


def mended(query: Query, hint: Hint) -> Query:
    """The query as the hint says it was meant."""
    typed = write(query).replace(hint.text, hint.meant, 1)
    return parse(typed)


# -- a result more closely ------------------------------------------------------------------------


def closer(
    t: Translate, person: Person, page: Page, told: Closer, *, links: bool = False
) -> Content:
    """A result alone: where it stands, more of its passage, and why it was found. `page` is the
    one that leads back to; `links`: whether there are links to files."""
    result, file = told.result, told.result.file
    facts = [
        _place(t, result),
        t.datetime(file.created_at, person),
        wording.size(t, f"{file.size}b"),
        wording.language_name(t, result.language) if result.language else "",
        " ".join(f"#{tag}" for tag in file.tags),
    ]
    parts = [Html(f"<b>{result.number}.</b> {_html(result.name)}\n") + _facts(facts)]
    if result.text:
        parts.append(Html(f"<blockquote>{_html(result.text)}</blockquote>"))
    parts.append(Html("\n").join([t("search-why"), *_why(t, person, page, told)]))
    back = Turn(results=page.list.id, page=page.number)
    rows = [
        _buttons(t, file),
        *([[Button(t.plain("search-button-link"), Link(file=file.id))]] if links else []),
        [Button(t.plain("search-button-back"), back)],
    ]
    return Content(Html("\n\n").join(parts), rows)


def _why(t: Translate, person: Person, page: Page, told: Closer) -> list[Html]:
    why, lines = told.why, []
    total = sum(why.parts) or 1.0
    words, meaning, phrase, name = (
        f"{100 * part / total:.0f}" for part in (*why.parts, 0.0, 0.0, 0.0, 0.0)[:4]
    )
    if told.matches:
        said = ", ".join(_matched(t, match) for match in told.matches[:_MATCHES])
        lines.append(t("search-why-words", share=words, words=said))
    elif why.parts:
        lines.append(t("search-why-no-words"))
    if why.meaning > 0:
        degree = "close" if why.meaning >= _CLOSE else "near" if why.meaning >= _NEAR else "far"
        figure = t.number(round(min(why.meaning, 1.0), 2))
        lines.append(t(f"search-why-meaning-{degree}", share=meaning, figure=figure))
    if why.phrase > 0:
        lines.append(t("search-why-phrase", share=phrase))
    if why.name > 0:
        lines.append(t("search-why-name", share=name))
    if page.list.query.terms:
        filters = wording.labels(t, person, page.list.query.terms, page.names)
        lines.append(t("search-why-filters", filters=filters))
    return lines


def _matched(t: Translate, match: Match) -> str:
    if match.how == "exact":
        return t.plain("search-match-exact", word=match.found)
    return t.plain(f"search-match-{match.how}", typed=match.typed, found=match.found)


# -- narrowing ------------------------------------------------------------------------------------


def panel(t: Translate, person: Person, told: Panel) -> Rows:
    """What a list can be narrowed by."""
    kept = told.list
    rows = _in_twos([_remove(t, person, kept, term, told.names) for term in kept.query.terms])
    rows += _in_twos(
        [
            Button(f"{t.plain(f'search-facet-{facet}')} ▾", Narrow(results=kept.id, facet=facet))
            for facet in told.facets
        ]
    )
    last = [Button(t.plain("search-button-back"), Turn(results=kept.id, page=1))]
    if kept.query.terms:
        last.append(Button(t.plain("search-button-clear"), Drop(results=kept.id, term="")))
    return [*rows, last]


def menu(t: Translate, person: Person, told: Menu) -> Rows:
    """The options of a facet with their counts."""
    options = [
        Button(
            _option(t, person, one, told.names),
            Pick(results=told.list.id, facet=told.facet, option=one.digest),
        )
        for one in told.options
    ]
    back = Button(t.plain("search-button-back"), Narrow(results=told.list.id))
    return [*_in_twos(options), [back]]


def facet_named(name: str) -> Facet | None:
    return next((facet for facet in facets.FACETS if facet == name), None)


def _option(t: Translate, person: Person, option: Option, names: Mapping[str, str]) -> str:
    said = shortened(wording.labels(t, person, option.terms, names), _LABEL)
    return f"{'✓ ' if option.on else ''}{said} · {option.files}"


def _in_twos(buttons: Sequence[Button]) -> list[list[Button]]:
    return [list(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]


# -- /search alone --------------------------------------------------------------------------------


def usage(t: Translate, person: Person, recent: Sequence[Recent]) -> Content:
    """How to search, and what was searched before."""
    rows = [
        [Button(f"🕘 {shortened(write(one.query, t.language), 40)}", Again(results=one.id))]
        for one in recent
    ]
    text = t("search-usage")
    if recent:
        text = Html("\n\n").join([text, t("search-recent")])
        rows.append([Button(t.plain("search-button-forget"), Forget(person=person.id))])
    return Content(text, [*rows, [_help(t)]])


def forgotten(t: Translate) -> Content:
    return Content(t("search-forgotten"), [[_help(t)]])


def help_page(t: Translate) -> Content:
    """The query language, with examples to be tried."""
    rows = [
        [Button(f"🔎 {example(t, number)}", Try(example=number))]
        for number in range(1, EXAMPLES + 1)
    ]
    return Content(t("search-help"), rows)


def example(t: Translate, number: int) -> str:
    return t.plain(f"search-example-{min(max(number, 1), EXAMPLES)}")


def _help(t: Translate) -> Button:
    return Button(t.plain("search-button-help"), Help())
