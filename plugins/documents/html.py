"""HTML: what a reader would see, without scripts, styles and navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from plugins.documents import prose
from plugins.documents.source import Limits, Source, contents
from plugins.documents.text import decode
from plugram import SandboxRefused

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\A\s*<\?xml[^>]{0,200}encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)")
LATIN = {"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"}
"""What browsers read as Windows-1252."""
_UNSEEN = (
    "script, style, noscript, template, math annotation, math annotation-xml, iframe, canvas, "
    "head, datalist, svg style, svg defs, [hidden], [style*='display:none'], "
    "[style*='display: none']"
)
_BROWSERS = {
    "shift_jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-user-defined": "cp1252",
    "big5": "cp950",
    "windows-31j": "cp932",
    "iso-8859-9": "cp1254",
    "utf8": "utf-8",
}
"""What browsers read instead of what is declared: the larger set of the same country."""
_MOST_OPTIONS = 40
_MOST_FRAMES = 100
_FRAME = re.compile(r"<iframe", re.IGNORECASE)
"""Within a page that stands in another one's attribute; deeper ones aren't read."""
_NAVIGATION = "nav, [role=navigation]"
_ENOUGH = 250
"""Characters beside the navigation that make it worth dropping."""
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PARAGRAPHS = _HEADINGS | {
    "p", "div", "section", "article", "main", "header", "footer", "aside", "nav", "ul", "ol", "dl",
    "table", "blockquote", "pre", "figure", "form", "fieldset", "address", "details", "body",
}  # fmt: skip
_LINES = frozenset({"li", "tr", "dt", "dd", "caption", "figcaption", "summary", "legend", "option"})
_DESCRIBED = frozenset({"img", "input", "area", "embed"})
_LITERAL = frozenset({"pre", "textarea"})
# Breaks as marks, apart from the line ends and tabs of literal text. The edges of lines that follow
# each other are one break; each <br> is one.
_EDGE, _BR, _CELL, _BLANK = "\x1c", "\x1d", "\x1e", "\x1f"
_SPACE = re.compile(r"[ \t\n\r\f]+")
_EDGES = re.compile(r"[ \x1c\x1e]*\x1c[ \x1c]*")
_BRS = re.compile(r" *\x1d *")
_CELLS = re.compile(r" *\x1e *")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the number of the `paragraph` they start at; menus at the end, with `part`.
    `metadata`: title, author, description, created, words, encoding."""
    tree, encoding = _tree(contents(source))
    metadata = _metadata(tree)
    language = (tree.root.attributes.get("lang") or "") if tree.root else ""
    sections = _sections(tree)
    if not sections:
        raise SandboxRefused("there is no text in the page", reason="empty")
    told = [metadata.get(name, "") for name in ("title", "description", "author")]
    words = prose.count_words(part["text"] for part in sections)
    return {
        "sections": sections + prose.properties([*told, _meta(tree, "keywords")], sections),
        "metadata": metadata | {"words": words, "encoding": encoding},
        "language": language[:2].lower() if language[:2].isalpha() else "",
    }


def sections_of(data: bytes, declared: str = "") -> list[prose.SectionDict]:
    """Of a page inside another file: a chapter, a message. Its title, where it has no text."""
    if not data.strip():
        return []
    return _sections(_tree(data, declared)[0])


def fragment(text: str) -> str:
    """The text of a piece of a page."""
    found = _sections(LexborHTMLParser(f"<meta charset=utf-8>{text}"))
    return "\n\n".join(section["text"] for section in found)


def _tree(data: bytes, declared: str = "") -> tuple[LexborHTMLParser, str]:
    declared = "cp1252" if declared.lower() in LATIN else declared
    text, encoding = decode(data, declared or _declared(data))
    return LexborHTMLParser(text), encoding


def _declared(data: bytes) -> str:
    match = _XML_ENCODING.match(data[:1024]) or _CHARSET.search(data[:4096])
    name = match[1].decode("ascii").lower() if match else ""
    return "cp1252" if name in LATIN else _BROWSERS.get(name, name)


def _metadata(tree: LexborHTMLParser) -> dict[str, Any]:
    title = tree.css_first("head title")
    found = {
        "title": (prose.one_line(title.text()) if title else "") or _meta(tree, "og:title"),
        "author": _meta(tree, "author"),
        "description": _meta(tree, "description") or _meta(tree, "og:description"),
        "created": _meta(tree, "article:published_time") or _meta(tree, "date"),
    }
    return {key: value for key, value in found.items() if value}


def _meta(tree: LexborHTMLParser, name: str) -> str:
    for node in tree.css("meta[content]"):
        given = node.attributes.get("name") or node.attributes.get("property") or ""
        if given.lower() == name:
            return prose.one_line(node.attributes.get("content") or "")
    return ""


def _sections(tree: LexborHTMLParser) -> list[prose.SectionDict]:
    scripted = " ".join(node.text() for node in tree.css("noscript"))
    inner = [node.attributes.get("srcdoc") or "" for node in tree.css("iframe[srcdoc]")]
    for node in tree.css(_UNSEEN):
        node.decompose()
    for node in tree.css("select"):
        if len(node.css("option")) > _MOST_OPTIONS:
            node.decompose()
    menus = _take_menus(tree)
    found = _under_headings(_pieces(tree))
    if not found and scripted.strip():  # a page that is nothing without its program
        found = prose.gather([(1, prose.tidy(" ".join(scripted.split())))], "paragraph")
    for page in inner[:_MOST_FRAMES]:
        found += _sections(LexborHTMLParser(f"<meta charset=utf-8>{_FRAME.sub('', page)}"))
    return found + [prose.section(text, part="navigation") for text in menus]


def _take_menus(tree: LexborHTMLParser) -> list[str]:
    """What leads elsewhere stands at the end, where there is other text to read first."""
    menus = [node for node in tree.css(_NAVIGATION) if not _within(node)]
    if not menus or not tree.body:
        return []
    if len(tree.body.text()) - sum(len(menu.text()) for menu in menus) < _ENOUGH:
        return []
    texts = [_joined(_pieces_of(menu)) for menu in menus]
    for menu in menus:
        menu.decompose()
    return list(dict.fromkeys(text for text in texts if text))


def _within(node: LexborNode) -> bool:
    """In another menu, which is taken as a whole."""
    above = node.parent
    while above is not None:
        if above.tag == "nav" or above.attributes.get("role") == "navigation":
            return True
        above = above.parent
    return False


def _joined(pieces: list[tuple[bool, str]]) -> str:
    return "\n".join(piece for _, piece in pieces)


def _under_headings(pieces: list[tuple[bool, str]]) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    held: list[tuple[int, str]] = []
    heading = ""
    for number, (is_heading, piece) in enumerate(pieces, 1):
        if is_heading:
            found += prose.gather(held, "paragraph", heading)
            held, heading = [], prose.one_line(piece)
        held.append((number, piece))
    return found + prose.gather(held, "paragraph", heading)


def _pieces(tree: LexborHTMLParser) -> list[tuple[bool, str]]:
    return _pieces_of(tree.body or tree.root)


def _pieces_of(top: LexborNode | None) -> list[tuple[bool, str]]:
    """(whether it is a heading, paragraph) in the order of the page."""
    pieces: list[tuple[bool, str]] = []
    flow: list[str] = []
    for name, text in _walk(top):
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


def _walk(top: LexborNode | None) -> Iterator[tuple[str, str]]:
    """(tag, text) in document order, without recursion: pages nest as deep as they like. A block's
    end is `/tag`."""
    node = top
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
    if name in _DESCRIBED:
        return _described(node, name)
    return _edge(name, name)


def _described(node: LexborNode, name: str) -> list[tuple[str, str]]:
    """What a picture shows, what a field holds or asks for."""
    told = node.attributes
    if name == "input":
        if told.get("type") in {"hidden", "password", "checkbox", "radio", "image", "file"}:
            return []
        text = told.get("value") or told.get("placeholder")
    else:
        text = told.get("alt") or told.get("title") or told.get("aria-label")
    return [(name, f" {text} ")] if text else []


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
