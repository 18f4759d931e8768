"""HTML: what a reader would see, without scripts, styles and navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from plugins.documents import prose
from plugins.documents.text import decode
from plugram import SandboxRefused

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\A\s*<\?xml[^>]{0,200}encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)")
_LATIN = {"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"}
"""What browsers read as Windows-1252."""
_UNSEEN = (
    "script, style, noscript, template, svg, math annotation, iframe, object, canvas, head, "
    "select, datalist, [hidden], [style*='display:none'], [style*='display: none']"
)
_NAVIGATION = "nav, [role=navigation]"
_ENOUGH = 250
"""Characters beside the navigation that make it worth dropping."""
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PARAGRAPHS = _HEADINGS | {
    "p", "div", "section", "article", "main", "header", "footer", "aside", "nav", "ul", "ol", "dl",
    "table", "blockquote", "pre", "figure", "form", "fieldset", "address", "details", "body",
}  # fmt: skip
_LINES = frozenset({"li", "tr", "dt", "dd", "caption", "figcaption", "summary", "legend", "option"})
_LITERAL = frozenset({"pre", "textarea"})
# Breaks as marks, apart from the line ends and tabs of literal text. The edges of lines that follow
# each other are one break; each <br> is one.
_EDGE, _BR, _CELL, _BLANK = "\x1c", "\x1d", "\x1e", "\x1f"
_SPACE = re.compile(r"[ \t\n\r\f]+")
_EDGES = re.compile(r"[ \x1c\x1e]*\x1c[ \x1c]*")
_BRS = re.compile(r" *\x1d *")
_CELLS = re.compile(r" *\x1e *")


def extract(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """Sections with the number of the `paragraph` they start at. `metadata`: title, author,
    description, created, words, encoding."""
    data = Path(path).read_bytes()
    text, encoding = decode(data, _declared(data))
    tree = LexborHTMLParser(text)
    metadata = _metadata(tree)
    _drop_unseen(tree)
    sections = _sections(tree)
    if not sections:
        raise SandboxRefused("there is no text in the page", reason="empty")
    words = prose.count_words(part["text"] for part in sections)
    language = (tree.root.attributes.get("lang") or "") if tree.root else ""
    return {
        "sections": sections,
        "metadata": metadata | {"words": words, "encoding": encoding},
        "language": language[:2].lower() if language[:2].isalpha() else "",
    }


def _declared(data: bytes) -> str:
    match = _XML_ENCODING.match(data[:1024]) or _CHARSET.search(data[:4096])
    name = match[1].decode("ascii").lower() if match else ""
    return "cp1252" if name in _LATIN else name


def _metadata(tree: LexborHTMLParser) -> dict[str, Any]:
    title = tree.css_first("head title")
    found = {
        "title": prose.one_line(title.text()) if title else "",
        "author": _meta(tree, "author"),
        "description": _meta(tree, "description"),
        "created": _meta(tree, "article:published_time") or _meta(tree, "date"),
    }
    return {key: value for key, value in found.items() if value}


def _meta(tree: LexborHTMLParser, name: str) -> str:
    node = tree.css_first(f'meta[name="{name}"], meta[property="{name}"]')
    return prose.one_line(node.attributes.get("content") or "") if node else ""


def _drop_unseen(tree: LexborHTMLParser) -> None:
    for node in tree.css(_UNSEEN):
        node.decompose()
    menus = tree.css(_NAVIGATION)
    if menus and tree.body:
        beside = len(tree.body.text()) - sum(len(menu.text()) for menu in menus)
        if beside >= _ENOUGH:
            for menu in menus:
                menu.decompose()


def _sections(tree: LexborHTMLParser) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    held: list[tuple[int, str]] = []
    heading = ""
    for number, (is_heading, piece) in enumerate(_pieces(tree), 1):
        if is_heading:
            found += prose.gather(held, "paragraph", heading)
            held, heading = [], prose.one_line(piece)
        held.append((number, piece))
    return found + prose.gather(held, "paragraph", heading)


def _pieces(tree: LexborHTMLParser) -> list[tuple[bool, str]]:
    """(whether it is a heading, paragraph) in the order of the page."""
    pieces: list[tuple[bool, str]] = []
    flow: list[str] = []
    for name, text in _walk(tree):
        if text == _BLANK:
            piece = _laid_out("".join(flow))
            if piece:
                pieces.append((name[1:] in _HEADINGS, piece))
            flow = []
        else:
            flow.append(text)
    return pieces


def _laid_out(flow: str) -> str:
    flow = _CELLS.sub("\t", _BRS.sub("\n", _EDGES.sub("\n", flow)))
    return prose.tidy(flow.strip("\n\t")).strip(" ")


def _walk(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    """(tag, text) in document order, without recursion: pages nest as deep as they like. A block's
    end is `/tag`."""
    node: LexborNode | None = tree.body or tree.root
    depth = literal = 0
    while node is not None:
        name = node.tag or ""
        literal += name in _LITERAL
        yield from _opening(node, name, literal=literal > 0)
        if node.child is not None:
            node, depth = node.child, depth + 1
            continue
        while node is not None:
            name = node.tag or ""
            literal -= name in _LITERAL
            yield from _closing(name)
            if depth and node.next is not None:
                node = node.next
                break
            node, depth = (node.parent, depth - 1) if depth else (None, 0)
    yield "/body", _BLANK


def _opening(node: LexborNode, name: str, *, literal: bool) -> list[tuple[str, str]]:
    if name == "-text":
        text = node.text_content or ""
        return [(name, text if literal else _SPACE.sub(" ", text))]
    if name == "img":
        alt = node.attributes.get("alt")
        return [(name, f" {alt} ")] if alt else []
    return _edge(name, name)


def _closing(name: str) -> list[tuple[str, str]]:
    if name in {"td", "th"}:
        return [(name, _CELL)]
    return [] if name == "br" else _edge(name, f"/{name}")


def _edge(name: str, told: str) -> list[tuple[str, str]]:
    if name in _PARAGRAPHS:
        return [(told, _BLANK)]
    if name == "br":
        return [(told, _BR)]
    return [(told, _EDGE)] if name in _LINES or name == "hr" else []
