"""Texts and buttons of /mydata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugram import Button, Callback, Html, Person, Translate

if TYPE_CHECKING:
    from plugins.privacy.receipts import Receipt
    from plugins.privacy.service import Kept
    from plugram import Plugin

_MEGABYTE = 1 << 20


class Have(Callback, name="have"):
    """Export."""

    who: int


class Ask(Callback, name="ask"):
    """Say what an erasure would take away."""

    who: int


class Erase(Callback, name="erase"):
    """Erase; works for one person, until a moment (seconds since 1970)."""

    who: int
    until: int


class Keep(Callback, name="keep"):
    """Back, with nothing done."""

    who: int


@dataclass(frozen=True, slots=True)
class Page:
    text: Html
    rows: Sequence[Sequence[Button]] = field(default_factory=list)


def overview(t: Translate, person: Person, kept: Kept, plugins: Sequence[Plugin]) -> Page:
    """What is kept of somebody: how much, and what plugins say of themselves."""
    parts = [t("privacy-title"), t("privacy-counts", files=kept.files, rows=kept.rows)]
    about = [
        t("privacy-of-plugin", plugin=name, number=number)
        for name, number in _by_plugin(kept, plugins)
    ]
    text = Html("\n\n").join([*parts, Html("\n").join(about), t("privacy-offer")])
    rows = [
        [Button(t.plain("privacy-button-export"), Have(who=person.id))],
        [Button(t.plain("privacy-button-erase"), Ask(who=person.id))],
    ]
    return Page(text, rows)


def _by_plugin(kept: Kept, plugins: Sequence[Plugin]) -> list[tuple[str, int]]:
    """What a plugin calls itself to people, and how many rows it has."""
    known = {plugin.id for plugin in plugins}
    found: dict[str, int] = {}
    for table, number in kept.tables.items():
        name = table.plugin_id if table.plugin_id in known else "core"
        found[name] = found.get(name, 0) + number
    return sorted(found.items())


def question(t: Translate, person: Person, kept: Kept, until: int) -> Page:
    text = Html("\n\n").join(
        [
            t("privacy-erase-title"),
            t("privacy-erase-what", files=kept.files, rows=kept.rows),
            t("privacy-erase-groups"),
            t("privacy-erase-stays"),
            t("privacy-erase-sure"),
        ]
    )
    rows = [
        [Button(t.plain("privacy-button-sure"), Erase(who=person.id, until=until))],
        [Button(t.plain("privacy-button-keep"), Keep(who=person.id))],
    ]
    return Page(text, rows)


def packing(t: Translate, files: int, size: int) -> Html:
    return t("privacy-packing", files=files, size=_megabytes(size))


def sending(t: Translate, parts: int) -> Html:
    return t("privacy-sending", parts=parts)


def exported(t: Translate, parts: int) -> Html:
    return t("privacy-exported", parts=parts)


def part(t: Translate, number: int, of: int) -> Html:
    return t("privacy-whole") if of == 1 else t("privacy-part", number=number, of=of)


def link(t: Translate, size: int, minutes: int) -> Html:
    return t("privacy-link", size=_megabytes(size), minutes=minutes)


def link_button(t: Translate, url: str) -> Sequence[Sequence[Button]]:
    return [[Button(t.plain("privacy-button-download"), url=url)]]


def too_large(t: Translate, size: int) -> Html:
    return t("privacy-too-large", size=_megabytes(size))


def readme(t: Translate) -> str:
    return t.plain("privacy-readme") + "\n"


def erasing(t: Translate, counts: Mapping[str, int]) -> Html:
    gone = sum(number for name, number in counts.items() if name != "records")
    return t("privacy-erasing", number=gone)


def erased_short(t: Translate) -> Html:
    return t("privacy-erased-short")


def receipt(t: Translate, done: Receipt, days: int) -> Html:
    """What went, when, and what is left, without a word of the person. Beside the receipt their
    number is kept for `days`."""
    moment = datetime.fromtimestamp(done.finished_at or done.requested_at, UTC)
    parts = [
        t("privacy-erased"),
        t(
            "privacy-receipt",
            id=done.id,
            time=f"{moment:%Y-%m-%d %H:%M} UTC",
            files=done.counts.get("files", 0),
            rows=done.counts.get("records", 0),
        ),
    ]
    if done.behind:
        parts.append(t("privacy-receipt-behind", plugins=", ".join(done.behind)))
    if done.leftovers:
        parts.append(t("privacy-receipt-left", number=len(done.leftovers)))
    else:
        parts.append(t("privacy-receipt-clean"))
    parts.append(t("privacy-receipt-stays", days=days))
    return Html("\n\n").join(parts)


def _megabytes(size: int) -> float:
    return round(size / _MEGABYTE, 1)
