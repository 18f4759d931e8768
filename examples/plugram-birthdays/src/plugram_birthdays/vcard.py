"""A file processor for contact cards (vCard 2.1 to 4.0).

It runs in the sandbox's own process, so it imports nothing but what it needs.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plugram import SandboxRefused
from plugram_birthdays.dates import parse

MOST = 5_000
"""Cards that are read of one file."""

_SHOWN = ("FN", "ORG", "TITLE", "TEL", "EMAIL", "ADR", "NOTE", "BDAY")
_ESCAPED = re.compile(r"\\([\\,;:nN])")


def read(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """A section for each card; `metadata["birthdays"]`: a line `1990-03-14 Ann` for each that has
    one (metadata are plain values: texts, numbers, booleans)."""
    cards = list(_cards(_text(Path(path))))[:MOST]
    if not cards:
        raise SandboxRefused("no contact card in the file", reason="corrupt")
    sections = [
        {"text": _shown(card), "locator": {"contact": number}, "heading": _name(card)}
        for number, card in enumerate(cards, 1)
    ]
    birthdays = [
        f"{card['BDAY'][0]} {' '.join(_name(card).split())[:120]}"
        for card in cards
        if _name(card) and "BDAY" in card and parse(card["BDAY"][0])
    ]
    return {"sections": sections, "metadata": {"birthdays": "\n".join(birthdays)}}


Card = dict[str, list[str]]


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _cards(text: str) -> Iterator[Card]:
    card: Card | None = None
    for name, value in _lines(text):
        if (name, value.upper()) == ("BEGIN", "VCARD"):
            card = {}
        elif name == "END" and card is not None:
            yield card
            card = None
        elif card is not None and value:
            card.setdefault(name, []).append(value)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Names and values."""
    for line in _unfolded(text):
        left, colon, value = line.partition(":")
        if colon:
            name, *parameters = left.upper().split(";")
            if any("QUOTED-PRINTABLE" in parameter for parameter in parameters):
                value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
            yield name.rpartition(".")[2], _plain(value)


def _unfolded(text: str) -> Iterator[str]:
    """A long line goes on in the next one, behind a blank; one in quoted-printable behind an equals
    sign at its end."""
    whole = ""
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        whole += line
        if whole.endswith("=") and "QUOTED-PRINTABLE" in whole.partition(":")[0].upper():
            whole = whole[:-1]
        else:
            yield whole
            whole = ""


def _plain(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _name(card: Card) -> str:
    if "FN" in card:
        return card["FN"][0]
    family, _, given = card.get("N", [""])[0].partition(";")
    return f"{given.partition(';')[0]} {family}".strip()


def _shown(card: Card) -> str:
    values = [value for name in _SHOWN for value in card.get(name, ())]
    lines = [", ".join(part for part in value.split(";") if part) for value in values]
    return "\n".join(lines if "FN" in card else [_name(card), *lines])
