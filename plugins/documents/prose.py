"""Makes extracted text fit to be searched and read: used by the processors, inside the sandbox."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

SECTION_LENGTH = 2_000
"""Characters that a section without a page of its own aims at; it ends where a paragraph ends."""

_LOOKED_AT = 20
"""Sections in which a title or an author is looked for."""

# Compatibility forms that only say how a letter was set: ligatures, Arabic shapes, Kangxi radicals
# standing for characters, mathematical letters. NFKC as a whole would turn x² into x2.
_SHAPES = re.compile("[\ufb00-\ufb4f\ufb50-\ufdff\ufe70-\ufefc\u2e80-\u2fdf\U0001d400-\U0001d7ff]")
# Soft hyphens, zero-width spaces, joiners between words, byte-order marks, interlinear marks; and
# direction marks, which would only stand between a word and its search. ZWJ and ZWNJ are letters.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u2060\ufeff\ufff9-\ufffb\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_SOFT_BREAK = re.compile("\u00ad[ \t]*\n[ \t]*")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_LINE_END = re.compile("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
_ODD_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_SPACES = re.compile(" {2,}")
_EDGES = re.compile(r"[ \t]+\n|\n[ \t]+(?=\n)")
_GAP = re.compile(r"\n{3,}")
_WORD = re.compile(r"\w+")
_COMPOUND = re.compile(r"\w+(?:-\w+)*")
# What is left of a hyphen at a line's end: pdfium's own mark, or the hyphen and the line's end.
_BROKEN = re.compile("(\\w+)(?:[\ufffe\x02]\\s*|[-\u2010\u00ad][ \t]*\n[ \t]*)(\\w+)")
_SHORTEST_HALF = 3


class SectionDict(TypedDict):
    text: str
    locator: dict[str, Any]
    heading: str


def section(text: str, heading: str = "", **locator: Any) -> SectionDict:
    return {"text": text, "locator": locator, "heading": heading}


def tidy(text: str) -> str:
    """Line ends as `\\n`, at most one empty line, ordinary spaces, letters in their plain form
    (NFC, ligatures opened), nothing invisible. Indentation and tables keep their spaces."""
    text = _LINE_END.sub("\n", text)
    text = _SOFT_BREAK.sub("", text)
    text = _INVISIBLE.sub("", text)
    text = _CONTROL.sub("", text)
    text = _ODD_SPACE.sub(" ", text)
    text = _SHAPES.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = unicodedata.normalize("NFC", text)
    text = _EDGES.sub("\n", text)
    return _GAP.sub("\n\n", text).strip("\n").rstrip()


def one_line(text: str) -> str:
    """For titles and names: tidy, on one line."""
    return " ".join(tidy(text).split())


def squeeze(text: str) -> str:
    """Runs of spaces become one; for text whose layout says nothing."""
    return _SPACES.sub(" ", text)


def count_words(texts: Iterable[str]) -> int:
    return sum(sum(1 for _ in _WORD.finditer(text)) for text in texts)


def join_broken_words(texts: list[str]) -> list[str]:
    """Undo hyphenation at line ends, judging by the words of the whole document.

    `im-|portant` is one word; `open-|domain` keeps its hyphen if the document writes it so
    elsewhere, or knows both halves but not the whole.
    """
    known: Counter[str] = Counter()
    for text in texts:
        known.update(match[0].lower() for match in _COMPOUND.finditer(_BROKEN.sub(" ", text)))
        known.update(match[0].lower() for match in _WORD.finditer(_BROKEN.sub(" ", text)))
    return [_BROKEN.sub(lambda match: _mended(match[1], match[2], known), text) for text in texts]


def _mended(left: str, right: str, known: Counter[str]) -> str:
    whole, compound = left + right, f"{left}-{right}"
    if not right[0].islower() or not left[-1].isalpha():
        return compound
    seen_whole, seen_compound = known[whole.lower()], known[compound.lower()]
    if seen_whole != seen_compound:
        return whole if seen_whole > seen_compound else compound
    halves = min(len(left), len(right)) >= _SHORTEST_HALF
    if halves and known[left.lower()] and known[right.lower()]:
        return compound
    return whole


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, paragraph) for each run of lines between empty ones."""
    held: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            if not held:
                start = number
            held.append(line)
        elif held:
            yield start, "\n".join(held)
            held = []
    if held:
        yield start, "\n".join(held)


def gather(pieces: Iterable[tuple[int, str]], place: str, heading: str = "") -> list[SectionDict]:
    """Sections of about SECTION_LENGTH characters out of (place number, paragraph)."""
    found: list[SectionDict] = []
    held: list[str] = []
    start = size = 0
    for number, piece in (small for big in pieces for small in _cut(*big, place)):
        if held and size + len(piece) > SECTION_LENGTH:
            found.append(section("\n\n".join(held), heading, **{place: start}))
            held, size = [], 0
        if not held:
            start = number
        held.append(piece)
        size += len(piece)
    if held:
        found.append(section("\n\n".join(held), heading, **{place: start}))
    return found


MADE_UP = frozenset(
    {
        "untitled",
        "anonymous",
        "(anonymous)",
        "unspecified",
        "(unspecified)",
        "unknown",
        "python-docx",
    }
    | {"generated by python-docx", "powerpoint presentation"}
)
"""What programs write where nobody said anything, in lower case."""


def is_said(value: str) -> bool:
    """Whether somebody, rather than a program, wrote a property."""
    return value.strip().lower() not in MADE_UP


def properties(told: Iterable[str], sections: list[SectionDict]) -> list[SectionDict]:
    """What a document says of itself (title, author, keywords…), as far as its text doesn't say it:
    a section to find it by. None for a document without text."""
    head = "\n".join(section["text"] for section in sections[:_LOOKED_AT])
    lines = dict.fromkeys(one_line(line) for line in told)
    text = "\n".join(line for line in lines if line and is_said(line) and line not in head)
    return [section(text, part="properties")] if sections and text else []


def _cut(number: int, piece: str, place: str) -> Iterator[tuple[int, str]]:
    """A paragraph that is longer than a few sections is cut at a line's end, else at a space."""
    while len(piece) > 4 * SECTION_LENGTH:
        end = _break_before(piece, SECTION_LENGTH)
        yield number, piece[:end].rstrip()
        if place == "line":
            number += piece.count("\n", 0, end)
        piece = piece[end:].lstrip(" \t\n")
    if piece:
        yield number, piece


def _break_before(text: str, limit: int) -> int:
    for mark in ("\n", ". ", " "):
        at = text.rfind(mark, limit // 2, limit)
        if at > 0:
            return at + len(mark)
    return limit
