"""Tables as text: CSV and its relatives, with any delimiter and in any encoding."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from plugins.documents import prose, tables
from plugins.documents.source import Limits, Source, contents
from plugins.documents.text import decode
from plugram import SandboxRefused

_DELIMITERS = ",;\t|"
_SAMPLE = 1 << 15
_DECLARED = re.compile(r"\Asep=(.)\r?\n")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections of some rows with the `row` they start at; the row of names stands above each.
    `metadata`: rows, words, encoding."""
    text, encoding = decode(contents(source))
    rows = [(number, row) for number, row in _rows(text) if row.strip()]
    if not rows:
        raise SandboxRefused("there is no text in the file", reason="empty")
    return {
        "sections": tables.sections(rows),
        "metadata": {
            "rows": len(rows),
            "words": prose.count_words(row for _, row in rows),
            "encoding": encoding,
        },
    }


def _rows(text: str) -> Iterator[tuple[int, str]]:
    declared = _DECLARED.match(text)
    if declared:
        text = text[declared.end() :]
    delimiter = declared[1] if declared else _delimiter(text[:_SAMPLE])
    whole = text.count('"') % 2 == 0
    csv.field_size_limit(len(text) + 1)
    lines = io.StringIO(text.replace("\0", ""), newline="")
    try:
        for number, cells in enumerate(
            csv.reader(
                lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if whole else csv.QUOTE_NONE
            ),
            1,
        ):
            yield number, tables.line(cells)
    except csv.Error:
        yield from enumerate(text.splitlines(), 1)


def _delimiter(sample: str) -> str:
    """The one that stands most evenly on the lines; quoted text has its own commas."""
    lines = [line for line in _QUOTED.sub("", sample).splitlines() if line.strip()][:100]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = Counter(line.count(delimiter) for line in lines)
        count, times = max(counts.items(), key=lambda one: (one[0] > 0, one[1]), default=(0, 0))
        score = times / len(lines) * min(count, 4) ** 0.25 if count else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best
