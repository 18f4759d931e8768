"""Cuts the telling part out of a passage and marks the words in it that were looked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from plugins.search.analyzer import tokenise


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    marked: bool = False


def snippet(text: str, language: str, terms: Collection[str], *, length: int) -> list[Piece]:
    """About `length` characters of a passage around the words that have one of the terms."""
    spans = _matches(text, language, terms)
    start, end = _window(text, [(a, b) for a, b, _ in spans], [t for _, _, t in spans], length)
    pieces: list[Piece] = [Piece("… ")] if start else []
    at = start
    for left, right in _joined(text, [(a, b) for a, b, _ in spans if a >= start and b <= end]):
        if left > at:
            pieces.append(Piece(text[at:left]))
        pieces.append(Piece(text[left:right], marked=True))
        at = right
    if at < end:
        pieces.append(Piece(text[at:end]))
    if end < len(text):
        pieces.append(Piece(" …"))
    return pieces


def marked(text: str, language: str, terms: Collection[str]) -> list[Piece]:
    """The whole text with the words marked that have one of the terms."""
    return snippet(text, language, terms, length=len(text) + 1)


def _matches(text: str, language: str, terms: Collection[str]) -> list[tuple[int, int, str]]:
    found = []
    for token in tokenise(text, language):
        for form in (token.exact, *token.extras, token.stem):
            if form in terms:
                found.append((token.start, token.end, form))
                break
    return found


def _window(
    text: str, spans: Sequence[tuple[int, int]], forms: Sequence[str], length: int
) -> tuple[int, int]:
    """The stretch with the most different words, cut between words; the first of equal ones."""
    if len(text) <= length:
        return 0, len(text)
    if not spans:
        return 0, _left_bound(text, length)
    room = length * 4 // 5  # what is left shows what goes before and after
    best, best_count = 0, 0
    for first, (left, _) in enumerate(spans):
        inside = [
            form
            for (_, right), form in zip(spans[first:], forms[first:], strict=True)
            if right - left <= room
        ]
        if len(set(inside)) > best_count:
            best, best_count = first, len(set(inside))
    left = spans[best][0]
    right = max(end for _, end in spans[best:] if end - left <= room or end == spans[best][1])
    before = (length - (right - left)) // 2
    start = max(0, min(left - before, len(text) - length))
    start = _sentence_start(text, start, left)
    return start, _left_bound(text, min(len(text), start + length), at_least=right)


def _sentence_start(text: str, start: int, latest: int) -> int:
    """Begin with a sentence if one begins near, else with a word."""
    if start == 0:
        return 0
    for mark in (". ", "! ", "? ", "\n", "。"):
        at = text.rfind(mark, max(0, start - 40), latest)
        if at >= 0:
            return at + len(mark)
    space = text.find(" ", start, latest)
    return space + 1 if space >= 0 else start


def _left_bound(text: str, end: int, at_least: int = 0) -> int:
    """The end of the last whole word before `end`."""
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", max(at_least, end - 40), end)
    return space if space > 0 else max(end, at_least)


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours with nothing but blanks between them are marked together."""
    joined: list[tuple[int, int]] = []
    for left, right in spans:
        if joined and (left <= joined[-1][1] or text[joined[-1][1] : left] == " "):
            joined[-1] = (joined[-1][0], max(right, joined[-1][1]))
        else:
            joined.append((left, right))
    return joined
