"""PowerPoint before 2007: the text of its slides and notes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import olefile

from plugins.documents import compound, prose
from plugram import SandboxRefused

_SLIDE, _NOTES, _MASTER, _HANDOUT = 1006, 1008, 1016, 4041
_SLIDE_LIST, _OUTLINE_PLACE, _DOCUMENT = 4080, 1011, 1000
_UNICODE, _BYTES, _STRING = 4000, 4008, 4026
_USER_EDIT, _DIRECTORY = 4085, 6002
_COMMENT = 12000
_CONTAINER = 0xF
_DEEPEST = 40
_MOST_RECORDS = 500_000
_SIGNS = str.maketrans({"\r": "\n", "\x0b": "\n"})
_IS_NOTES, _IS_SLIDES = 2, 0


def read(ole: olefile.OleFileIO[Any]) -> list[prose.SectionDict]:
    data = compound.stream(ole, "PowerPoint Document") or compound.stream(
        ole, "PP97_DUALSTORAGE", "PowerPoint Document"
    )
    if not data:
        raise SandboxRefused("it holds no presentation", reason="corrupt")
    return Deck(data).sections()


class Deck:
    """The records of a presentation. Slides are kept in the order of saving; their list in the
    document says in which they are shown."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST_RECORDS

    def sections(self) -> list[prose.SectionDict]:
        slides: list[list[str]] = []
        notes: list[list[str]] = []
        outline: list[list[str]] = []
        for kind, start, end, _ in self._records(0, len(self._data)):
            if kind == _SLIDE:
                slides.append(list(self._texts(start, end)))
            elif kind == _NOTES:
                notes.append(list(self._texts(start, end)))
            elif kind == _DOCUMENT:
                outline = self._outline(start, end) or outline
        found = []
        for number in range(1, max(len(slides), len(outline)) + 1):
            lines = [*_at(outline, number), *_at(slides, number)]
            found.append(_section(lines, slide=number))
        found += [_section(lines, part="notes") for lines in notes]
        return [section for section in found if section["text"]]

    def _outline(self, start: int, end: int) -> list[list[str]]:
        """Titles and bodies as the document itself keeps them, a list per slide."""
        found: list[list[str]] = []
        for kind, at, stop, instance in self._records(start, end):
            if kind != _SLIDE_LIST or instance != _IS_SLIDES:
                continue
            for inner, first, last, _ in self._records(at, stop):
                if inner == _OUTLINE_PLACE:
                    found.append([])
                elif found and inner in {_UNICODE, _BYTES}:
                    found[-1].append(self._decoded(inner, first, last))
        return found

    def _texts(self, start: int, end: int, depth: int = 0) -> Iterator[str]:
        for kind, at, stop, _ in self._records(start, end):
            if kind in {_UNICODE, _BYTES}:
                yield self._decoded(kind, at, stop)
            elif kind == _STRING and depth and self._is_comment:
                yield self._decoded(_UNICODE, at, stop)
            elif self._is_container(at) and depth < _DEEPEST:
                self._is_comment = kind == _COMMENT
                yield from self._texts(at, stop, depth + 1)

    _is_comment = False

    def _is_container(self, at: int) -> bool:
        return self._data[at - 8] & 0xF == _CONTAINER

    def _records(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(kind, start, end, instance) of what lies between two places."""
        while start + 8 <= end and self._left > 0:
            self._left -= 1
            head, kind, length = struct.unpack_from("<2HL", self._data, start)
            stop = min(start + 8 + length, end)
            yield kind, start + 8, stop, head >> 4
            start = stop if length else start + 8

    def _decoded(self, kind: int, start: int, end: int) -> str:
        data = self._data[start:end]
        text = data.decode("cp1252" if kind == _BYTES else "utf-16-le", "replace")
        return prose.tidy(text.translate(_SIGNS)).strip()


def _at(lists: list[list[str]], number: int) -> list[str]:
    return lists[number - 1] if number <= len(lists) else []


def _section(lines: list[str], **place: Any) -> prose.SectionDict:
    told = [line for line in dict.fromkeys(lines) if line and line != "*"]
    heading = prose.one_line(told[0])[:200] if told and "slide" in place else ""
    return prose.section("\n".join(told), heading, **place)
