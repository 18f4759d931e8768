"""XML of any kind: feeds, pictures' words, books (FB2), exports; its text, an element a line."""

from __future__ import annotations

import codecs
import io
import re
from typing import Any, BinaryIO

from plugins.documents import prose
from plugins.documents.html import fragment
from plugins.documents.package import BROKEN_XML, DAMAGED, TOO_LONG, Deadline, Handler, Late, parse
from plugins.documents.source import Limits, Source, contents, opened
from plugins.documents.text import decode
from plugram import SandboxRefused

_MOST_TEXT = 20 << 20
_UNTOLD = frozenset({"style", "script", "binary", "binData", "settings", "styles", "fonts"})
_INLINE = frozenset(
    "a b i em strong u s sub sup span tspan code emphasis style strikethrough ref link xref italic "
    "bold sc underline monospace citetitle ulink literal phrase quote hi foreign abbr acronym "
    "inline named-content ext-link t r tab br br-line".split()
)
"""Elements within a sentence."""
_TITLES = frozenset({"title", "head", "article-title", "subtitle"})
_TOLD = (
    "title",
    "text",
    "_note",
    "label",
    "alt",
    "caption",
    "desc",
    "description",
    "UnicodeString",
)
"""Attributes that hold words of their own."""
_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,60}encoding\s*=\s*(["'])([\w.:-]+)\1""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HAS_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the number of the `paragraph` they start at, under the titles they have.
    `metadata`: title, author, words."""
    found = Elements()
    warnings: list[str] = []
    try:
        with opened(source) as stream:
            parse(_in_utf8(stream), found, Deadline(limits))
    except Late:
        warnings = [TOO_LONG]
    except BROKEN_XML:
        if not found.pieces:
            return _as_text(source)
        warnings = [DAMAGED]
    if not found.pieces and found.values:
        found.pieces = [(False, value) for value in found.values]
    sections = _sections(found.pieces)
    if not sections:
        raise SandboxRefused("there is no text in the file", reason="empty")
    metadata: dict[str, Any] = {"words": prose.count_words(one["text"] for one in sections)}
    if found.title:
        metadata["title"] = found.title
    return {"sections": sections, "metadata": metadata, "warnings": warnings}


def _in_utf8(stream: BinaryIO) -> BinaryIO:
    """What is in an East Asian encoding: the parser knows those alone that have a byte a letter. A
    mark at the beginning says more than a declaration."""
    head = stream.read(200)
    declared = _ENCODING.match(head)
    stream.seek(0)
    if head.startswith(_WIDE):
        text, _ = decode(stream.read())
        return io.BytesIO(_DECLARATION.sub("", text.lstrip("\ufeff")).encode())
    if declared is None or declared[2].lower().startswith(
        (b"utf", b"iso-8859", b"windows", b"us-")
    ):
        return stream
    text, _ = decode(stream.read(), declared[2].decode("ascii"))
    return io.BytesIO(text.partition("?>")[2].encode())


def _as_text(source: Source) -> dict[str, Any]:
    """Not well-formed: what stands between its tags."""
    text, encoding = decode(contents(source))
    text = prose.tidy(_HAS_TAGS.sub(" ", text))
    if not text:
        raise SandboxRefused("there is no text in the file", reason="empty")
    return {
        "sections": prose.gather(prose.paragraphs(text), "line"),
        "metadata": {"words": prose.count_words([text]), "encoding": encoding},
        "warnings": [DAMAGED],
    }


def _sections(pieces: list[tuple[bool, str]]) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    held: list[tuple[int, str]] = []
    heading = ""
    for number, (is_title, piece) in enumerate(pieces, 1):
        if is_title:
            found += prose.gather(held, "paragraph", heading)
            held, heading = [], prose.one_line(piece)
        held.append((number, piece))
    return found + prose.gather(held, "paragraph", heading)


class Elements(Handler):
    """(whether it is a title, text) of the elements that aren't part of a sentence."""

    def __init__(self) -> None:
        self.pieces: list[tuple[bool, str]] = []
        self.values: list[str] = []
        """Attributes, for documents that have no other text."""
        self.title = ""
        self._held: list[str] = []
        self._titles = 0
        self._depth = 0
        self._skip = 0
        self._size = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skip or name in _UNTOLD:
            self._skip += 1
            return
        self._depth += 1
        if name not in _INLINE:
            self._flush()
        elif name in {"tab", "br"}:
            self._held.append(" ")
        self._titles += name in _TITLES
        for key in _TOLD:
            if key in attributes and attributes[key].strip():
                self._held.append(f"{attributes[key]}\n")
        if len(self.values) < 100_000:
            self.values += [value for value in attributes.values() if " " in value.strip()]

    def text(self, text: str) -> None:
        if not self._skip and self._size < _MOST_TEXT:
            self._held.append(text)
            self._size += len(text)

    def end(self, name: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        self._depth -= 1
        if name not in _INLINE or not self._depth:
            self._flush()
        self._titles -= name in _TITLES

    def _flush(self) -> None:
        text = "".join(self._held)
        self._held = []
        if not text.strip():
            return
        if "<" in text and _HAS_TAGS.search(text):  # a page within a feed
            text = fragment(text)
        text = prose.tidy("\n".join(" ".join(line.split()) for line in text.splitlines()))
        text = text.strip()
        if text:
            self.title = self.title or (prose.one_line(text) if self._titles else "")
            self.pieces.append((self._titles > 0, text))
