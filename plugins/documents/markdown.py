"""Markdown: its words without its signs, one or more sections per heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from plugins.documents import prose
from plugins.documents.source import Limits, Source, contents
from plugins.documents.text import decode
from plugram import SandboxRefused

_LONGEST_PARSED = 1 << 20
"""Characters; longer texts are read as plain text, for the parser makes about 1 MB/s."""
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^((?i:title|author|date|description|lang))\s*:\s*(.+)$", re.MULTILINE)
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)
_parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(
    ["table", "strikethrough"]
)


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """`metadata`: words, encoding, and title, author, date, description where it has them."""
    text, encoding = decode(contents(source))
    text = prose.tidy(text)
    metadata: dict[str, Any] = {}
    offset = 0
    front = _FRONT_MATTER.match(text)
    if front:
        metadata = {key.lower(): value.strip(" \"'") for key, value in _FIELD.findall(front[1])}
        offset = text.count("\n", 0, front.end())
        text = text[front.end() :]
    found = sections(text, offset)
    if not found and not metadata:
        raise SandboxRefused("there is no text in the file", reason="empty")
    title = next((part["heading"] for part in found if part["heading"]), "")
    if title:
        metadata.setdefault("title", title)
    metadata["words"] = prose.count_words(part["text"] for part in found)
    return {"sections": found, "metadata": metadata | {"encoding": encoding}}


def sections(text: str, offset: int = 0) -> list[prose.SectionDict]:
    """Of Markdown that begins after `offset` lines."""
    if len(text) > _LONGEST_PARSED:
        return prose.gather(prose.paragraphs(text), "line")
    found: list[prose.SectionDict] = []
    held: list[tuple[int, str]] = []
    heading = ""
    for line, piece, is_heading in _pieces(_parser.parse(text)):
        if is_heading:
            found += prose.gather(held, "line", heading)
            held, heading = [], prose.one_line(piece)
        held.append((line + offset + 1, piece))
    return found + prose.gather(held, "line", heading)


def _pieces(tokens: list[Token]) -> Iterator[tuple[int, str, bool]]:
    """(line from 0, text, whether it is a heading)."""
    line = 0
    row: list[str] | None = None
    in_heading = False
    for token in tokens:
        line = token.map[0] if token.map else line
        match token.type:
            case "heading_open":
                in_heading = True
            case "heading_close":
                in_heading = False
            case "tr_open":
                row = []
            case "tr_close":
                yield line, "\t".join(row or ()), False
                row = None
            case "fence" | "code_block":
                yield line, token.content.rstrip("\n"), False
            case "html_block":
                yield line, _TAG.sub("", token.content).strip(), False
            case "inline" if row is not None:
                row.append(_plain(token))
            case "inline":
                yield line, _plain(token), in_heading


def _plain(inline: Token) -> str:
    parts = []
    for token in inline.children or ():
        match token.type:
            case "text" | "code_inline":
                parts.append(token.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(_plain(token) if token.children else token.content)
            case "html_inline" if token.content.lower().startswith("<br"):
                parts.append("\n")
    return "".join(parts)
