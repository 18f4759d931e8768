"""Rows of a table as text: a row a line, its cells apart by tabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from plugins.documents import prose

_LONGEST_HEADER = 400
"""Characters of a first row that is said again where the table goes on."""
_LONGEST_CELL = 100_000


def line(cells: Iterable[str]) -> str:
    """Cells on one line; those at the end that are empty are left out."""
    return "\t".join(" ".join(cell[:_LONGEST_CELL].split()) for cell in cells).rstrip("\t")


def sections(
    rows: Iterable[tuple[int, str]], *, heading: str = "", repeat: bool = True, **place: Any
) -> list[prose.SectionDict]:
    """Sections of some rows with the `row` they start at. `rows`: (number from 1, line), none of
    them empty. The first row stands above the others' sections too: it names their columns."""
    found: list[prose.SectionDict] = []
    held: list[str] = []
    header = ""
    start = size = 0
    for number, text in rows:
        if held and size + len(text) > prose.SECTION_LENGTH:
            found.append(_section(held, heading, header if found else "", start, place))
            held, size = [], 0
        if not held:
            start = number
        if not found and len(held) == 0 and repeat and _names_columns(text):
            header = text
        held.append(text)
        size += len(text)
    if held:
        found.append(_section(held, heading, header if found else "", start, place))
    return found


def _section(
    lines: Sequence[str], heading: str, header: str, row: int, place: dict[str, Any]
) -> prose.SectionDict:
    above = [header] if header else []
    text = prose.tidy("\n".join([*above, *lines]))
    return prose.section(text, heading, **place, row=row)


def _names_columns(text: str) -> bool:
    return "\t" in text and len(text) <= _LONGEST_HEADER
