"""What /files shows: lists, cards of files, and the questions before something is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from plugins.files import catalogue, names, views
from plugins.files.catalogue import Details, Listing, Shelf
from plugram import Button, Callback, Extraction, Html, Person, Translate, escape

if TYPE_CHECKING:
    from plugins.files.models import TelegramFile

Rows = Sequence[Sequence[Button]]

_PREVIEW = 600
"""Characters of a file's text on its card; beside a picture, which leaves less room, fewer."""
_PREVIEW_BESIDE_PICTURE = 200
_CAPTION = 200
_BUTTON = 40
_TAGS_OFFERED = 12
_SHOWN_FACTS = (
    *("title", "author", "performer", "written_at"),
    *("camera", "taken_at", "emoji", "set_name"),
)
"""Columns of metadata tables that are shown as they are; each has a message `files-fact-…`."""
_MOMENTS = frozenset({"written_at", "taken_at"})


class Open(Callback, name="list"):
    """Show a list; `at` is a `Shelf`."""

    at: str


class Choose(Callback, name="choose"):
    """Show what a list can be narrowed to: `kind` or `tag`."""

    what: str
    at: str


class Card(Callback, name="card"):
    """Show a file's card; `at`: the list to go back to."""

    file: int
    at: str


class Do(Callback, name="do"):
    """Do something with a file: send, show, rename, tags, type, delete, trash, undo, restore,
    erase, erased."""

    what: str
    file: int
    at: str


class Fresh(Callback, name="link"):
    """Put a fresh link to a file into the message."""

    file: int


class Toggle(Callback, name="tag"):
    """Give a file a tag, or take it; `tag` is its mark."""

    file: int
    tag: str
    at: str


class Empty(Callback, name="empty"):
    """Empty the trash; not `sure`: ask first."""

    sure: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Text and buttons of a message; a photo's caption if there is a picture."""

    text: str
    rows: Rows = field(default_factory=list)
    picture: str = ""
    """The key of a thumbnail, or Telegram's id of a photo."""
    anywhere: bool = False
    """It may stand under a picture: a question about what is shown, and its answer."""


# -- lists ----------------------------------------------------------------------------------------


def listing(t: Translate, found: Listing, days: int) -> Page:
    """One page of files, or why there are none. `days` that the trash keeps them."""
    if found.shelf.trash:
        return _trash(t, found, days)
    lines = [t("files-list", files=found.total), _chosen(t, found)]
    if found.coming:
        lines.append(t("files-list-coming", files=found.coming))
    if not found.found:
        lines.append(t("files-list-nothing") if found.total else t("files-list-empty"))
    rows = [*_file_buttons(found), *_turning(found)]
    if found.total:
        rows.append(_filters(t, found))
    if found.trashed:
        to_trash = Open(at=Shelf(trash=True).pack())
        rows.append([Button(t.plain("files-button-trash", files=found.trashed), to_trash)])
    return Page(_lines(lines), rows)


def _trash(t: Translate, found: Listing, days: int) -> Page:
    back = [Button(t.plain("files-button-to-files"), Open(at=Shelf().pack()))]
    if not found.found:
        return Page(t("files-trash-empty"), [back])
    rows = [
        *_file_buttons(found),
        *_turning(found),
        [Button(t.plain("files-button-empty-trash"), Empty(sure=False))],
        back,
    ]
    return Page(
        _lines([t("files-trash", files=found.found), t("files-trash-days", days=days)]), rows
    )


def _chosen(t: Translate, found: Listing) -> str:
    """What the list is narrowed to, and how many that are."""
    chosen = []
    if found.shelf.kind:
        chosen.append(t(f"files-kind-{found.shelf.kind}"))
    if found.tag:
        chosen.append(Html(escape(f"#{found.tag}")))
    if not chosen:
        return ""
    return t("files-list-chosen", chosen=Html(" · ").join(chosen), files=found.found)


def _file_buttons(found: Listing) -> list[list[Button]]:
    at = found.shelf.pack()
    return [[Button(_label(file), Card(file=file.id, at=at))] for file in found.files]


def _label(file: TelegramFile) -> str:
    """The end of a name says what it is, so it is cut in the middle."""
    name = file.name
    if len(name) > _BUTTON:
        name = f"{name[: _BUTTON - 14]}…{name[-12:]}"
    return f"{views.icon(file.kind)} {name}"


def _turning(found: Listing) -> list[list[Button]]:
    if found.pages == 1:
        return []
    shelf, row = found.shelf, []
    if shelf.page > 1:
        row.append(Button("‹", Open(at=shelf.at(shelf.page - 1).pack())))
    row.append(Button(f"{shelf.page} / {found.pages}", Open(at=shelf.pack())))
    if shelf.page < found.pages:
        row.append(Button("›", Open(at=shelf.at(shelf.page + 1).pack())))
    return [row]


def _filters(t: Translate, found: Listing) -> list[Button]:
    at, shelf = found.shelf.pack(), found.shelf
    kind = t.plain(f"files-kind-{shelf.kind}") if shelf.kind else t.plain("files-kind-all")
    tag = f"#{found.tag}" if found.tag else t.plain("files-tag-any")
    return [
        Button(f"{kind} ▾", Choose(what="kind", at=at)),
        Button(f"{tag} ▾", Choose(what="tag", at=at)),
    ]


def choose_kind(t: Translate, found: Listing) -> Page:
    """Which kinds there are, to narrow a list to one."""
    shelf = found.shelf

    def button(kind: str, text: str) -> list[Button]:
        chosen = Shelf(kind, shelf.tag)
        return [Button(_ticked(text, kind == shelf.kind), Open(at=chosen.pack()))]

    rows = [button("", f"{t.plain('files-kind-all')} · {t.number(found.total)}")]
    for kind, files in found.kinds.items():
        text = f"{views.icon(kind)} {t.plain(f'files-kind-{kind}')} · {t.number(files)}"
        rows.append(button(kind, text))
    return Page(t("files-choose-kind"), [*rows, _back_to(t, shelf)])


def choose_tag(t: Translate, found: Listing, tags: Mapping[str, int]) -> Page:
    """The tags in use, the most used first."""
    shelf = found.shelf
    if not tags:
        return Page(t("files-no-tags"), [_back_to(t, shelf)])

    def button(tag: str, text: str) -> Button:
        mark = catalogue.mark(tag) if tag else ""
        return Button(_ticked(text, mark == shelf.tag), Open(at=Shelf(shelf.kind, mark).pack()))

    shown = sorted(list(tags)[:60])
    pairs = [button(tag, f"#{tag} · {t.number(tags[tag])}") for tag in shown]
    rows = [pairs[at : at + 2] for at in range(0, len(pairs), 2)]
    every = [button("", t.plain("files-tag-any"))]
    return Page(t("files-choose-tag"), [every, *rows, _back_to(t, shelf)])


def _ticked(text: str, on: bool) -> str:
    return f"✓ {text}" if on else text


def _back_to(t: Translate, shelf: Shelf) -> list[Button]:
    return [Button(t.plain("files-button-back"), Open(at=shelf.pack()))]


# -- a file ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card needs beside the file."""

    status: str
    """How it can be found, or why not, as its status message says it."""
    content: Extraction | None
    """What was read of it, where that is kept."""
    sender: str
    """Who sent it, in a group."""
    links: bool = False
    """Whether there are links to files here."""


def card(t: Translate, person: Person, found: Details, facts: CardFacts, at: str) -> Page:
    """All about a file, and what can be done with it."""
    file = found.file
    lines = [views.title(file.name, file.kind), facts.status, _measures(t, found, facts.content)]
    sent = t.datetime(file.created_at, person)
    lines.append(
        t("files-card-from", date=sent, name=facts.sender) if facts.sender else escape(sent)
    )
    lines += _described(t, person, found)
    if found.tags:
        lines.append("🏷 " + escape(" ".join(f"#{tag}" for tag in found.tags)))
    if file.caption.strip():
        lines.append("💬 " + escape(_cut(file.caption, _CAPTION)))
    picture = file.file_id if file.sent_as == "photo" else found.thumbnail
    lines.append(_preview(facts.content, _PREVIEW_BESIDE_PICTURE if picture else _PREVIEW))
    buttons = _in_trash(t, file, at) if file.trashed_at else _in_use(t, file, at, links=facts.links)
    return Page(_lines(lines), [*buttons, _back_to(t, Shelf.unpack(at))], picture)


def _measures(t: Translate, found: Details, content: Extraction | None) -> str:
    """`2.3 MB · PDF · 12 pages · English`."""
    file, facts = found.file, found.facts
    parts = [views.size(t, file.size)]
    if extension := names.extension(file.name):
        parts.append(escape(extension.upper()))
    if (width := _of(facts, "width")) and (height := _of(facts, "height")):
        parts.append(f"{width} × {height}")
    if duration := _of(facts, "duration"):
        parts.append(views.duration(int(duration)))
    if pages := _of(facts, "pages"):
        parts.append(t("files-pages", pages=pages))
    if words := _of(facts, "words"):
        parts.append(t("files-words", words=words))
    if language := file.language or (content.language if content else ""):
        parts.append(escape(views.language(language, t.language)))
    return " · ".join(parts)


def _described(t: Translate, person: Person, found: Details) -> list[str]:
    """What the file says of itself, and the camera of a picture."""
    lines = []
    for name in _SHOWN_FACTS:
        value = _of(found.facts, name)
        if value and not (name == "title" and value == found.file.name):
            shown = _moment(t, person, value) if name in _MOMENTS else str(value)
            lines.append(str(t(f"files-fact-{name}", value=shown)))
    latitude, longitude = _of(found.facts, "latitude"), _of(found.facts, "longitude")
    own = found.file.chat_id == person.id  # a private chat; in a group everybody would read it
    if own and latitude is not None and longitude is not None:
        lines.append(str(t("files-fact-place", value=f"{latitude:.4f}, {longitude:.4f}")))
    return lines


def _moment(t: Translate, person: Person, written: str) -> str:
    """A date as a person reads it; as it is written, if it isn't ISO 8601. What names no time zone
    was the clock on somebody's wall, and stays so."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return written
    if len(written) <= len("2026-11-22"):
        return t.date(moment.replace(tzinfo=ZoneInfo(person.timezone)), person)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(person.timezone))
    return t.datetime(moment, person)


def _of(facts: object, name: str) -> Any:
    return getattr(facts, name, None)


def _preview(content: Extraction | None, length: int) -> str:
    """How its text begins."""
    text = ""
    for section in content.sections if content else ():
        text = f"{text}\n{section.text}".strip()
        if len(text) >= length:
            break
    return f"<blockquote expandable>{escape(_cut(text, length))}</blockquote>" if text else ""


def _cut(text: str, length: int) -> str:
    text = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _in_use(t: Translate, file: TelegramFile, at: str, *, links: bool) -> list[list[Button]]:
    return [
        [_do(t, "send", file, at), _way_back(t, file, at)],
        *([[_do(t, "link", file, at)]] if links else []),
        [_do(t, "rename", file, at), _do(t, "tags", file, at), _do(t, "delete", file, at)],
    ]


def link(t: Translate, file: TelegramFile, url: str | None, minutes: int) -> Page:
    """A link, to be pressed soon. None: there are none any more."""
    if url is None:
        return Page(_lines([views.title(file.name, file.kind), t("files-no-links")]))
    told = _lines([views.title(file.name, file.kind), t("files-link", minutes=minutes)])
    fresh = Button(t.plain("files-button-fresh"), Fresh(file=file.id))
    return Page(told, [[Button(t.plain("files-button-open"), url=url)], [fresh]])


def _in_trash(t: Translate, file: TelegramFile, at: str) -> list[list[Button]]:
    return [[_do(t, "restore", file, at), _do(t, "erase", file, at)]]


def _do(t: Translate, what: str, file: TelegramFile, at: str) -> Button:
    return Button(t.plain(f"files-button-{what}"), Do(what=what, file=file.id, at=at))


def _way_back(t: Translate, file: TelegramFile, at: str) -> Button:
    """Supergroups have links to their messages; elsewhere the bot replies to it."""
    chat = str(file.chat_id)
    if chat.startswith("-100"):
        link = f"https://t.me/c/{chat.removeprefix('-100')}/{file.message_id}"
        return Button(t.plain("files-button-show"), url=link)
    return _do(t, "show", file, at)


# -- tags -----------------------------------------------------------------------------------------


def tags(
    t: Translate, file: TelegramFile, has: Sequence[str], in_use: Sequence[str], at: str
) -> Page:
    """A file's tags to take off, those of other files to give it, and where to type one."""
    offered = [tag for tag in in_use if tag not in has][:_TAGS_OFFERED]
    shown = [f"✕ {tag}" for tag in has] + [f"＋ {tag}" for tag in offered]
    buttons = [
        Button(text, Toggle(file=file.id, tag=catalogue.mark(tag), at=at))
        for text, tag in zip(shown, [*has, *offered], strict=True)
    ]
    rows = [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
    rows.append([_do(t, "type", file, at)])
    rows.append([Button(t.plain("files-button-done"), Card(file=file.id, at=at))])
    text = _lines([views.title(file.name, file.kind), t("files-tags-of")])
    return Page(text, rows, anywhere=True)


# -- questions ------------------------------------------------------------------------------------


def ask_delete(t: Translate, file: TelegramFile, days: int, at: str) -> Page:
    yes = Button(t.plain("files-button-trash-it"), Do(what="trash", file=file.id, at=at))
    no = Button(t.plain("files-button-keep"), Card(file=file.id, at=at))
    return Page(t("files-ask-delete", name=file.name, days=days), [[yes, no]], anywhere=True)


def trashed(t: Translate, file: TelegramFile, days: int, at: str) -> Page:
    undo = Button(t.plain("files-button-undo"), Do(what="undo", file=file.id, at=at))
    text = t("files-trashed", name=file.name, days=days)
    return Page(text, [[undo], _back_to(t, Shelf.unpack(at))], anywhere=True)


def ask_erase(t: Translate, file: TelegramFile, at: str) -> Page:
    yes = Button(t.plain("files-button-erase-it"), Do(what="erased", file=file.id, at=at))
    no = Button(t.plain("files-button-keep"), Card(file=file.id, at=at))
    return Page(t("files-ask-erase", name=file.name), [[yes, no]], anywhere=True)


def erased(t: Translate, file: TelegramFile, at: str) -> Page:
    text = t("files-erased", name=file.name)
    return Page(text, [_back_to(t, Shelf.unpack(at))], anywhere=True)


def ask_empty(t: Translate, files: int) -> Page:
    yes = Button(t.plain("files-button-erase-it"), Empty(sure=True))
    no = Button(t.plain("files-button-keep"), Open(at=Shelf(trash=True).pack()))
    return Page(t("files-ask-empty", files=files), [[yes, no]])


def emptied(t: Translate, files: int) -> Page:
    back = [Button(t.plain("files-button-to-files"), Open(at=Shelf().pack()))]
    return Page(t("files-emptied", files=files), [back])


def gone(t: Translate, at: str) -> Page:
    """Instead of a card whose file was deleted meanwhile."""
    return Page(t("files-gone"), [_back_to(t, Shelf.unpack(at))])


def _lines(parts: Sequence[str]) -> Html:
    return Html("\n").join(Html(part) for part in parts if part)
