"""The three parse modes: HTML, MarkdownV2 and the old Markdown, to text and entities.

Entities come as the parser met them; `playground.entities` puts them into Telegram's final form.
Error texts are those of Telegram, with byte offsets into the UTF-8 text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playground import utf16
from playground.errors import ApiError, bad_request

Entity = dict[str, Any]
Parsed = tuple[str, list[Entity]]

_TAGS = {
    "b": "bold", "strong": "bold",
    "i": "italic", "em": "italic",
    "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
    "tg-spoiler": "spoiler", "span": "spoiler",
    "a": "text_link", "pre": "pre", "code": "code", "blockquote": "blockquote",
    "tg-emoji": "custom_emoji", "tg-time": "date_time",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_TD_NAMES = {
    "bold": "Bold", "italic": "Italic", "underline": "Underline",
    "strikethrough": "Strikethrough", "spoiler": "Spoiler", "code": "Code", "pre": "Pre",
    "text_link": "TextUrl", "custom_emoji": "CustomEmoji", "blockquote": "BlockQuote",
}  # fmt: skip
"""Telegram's own names of entity types, as its errors spell them."""
_RESERVED_V2 = set("_*[]()~`>#+-=|{}.!\n")


def parse(text: str, mode: str) -> Parsed:
    """Text and entities; raises ApiError with Telegram's text for what can't be parsed."""
    parser = _MODES.get(mode.lower())
    if parser is None:
        raise bad_request("unsupported parse_mode")
    return parser(text)


def _fail(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")


class _Output:
    """The text so far and the entities found in it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.parts: list[str] = []
        self.offset = 0
        """Of the end of the text so far, in UTF-16 units."""
        self.entities: list[Entity] = []

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.offset += utf16.length(text)

    def text(self) -> str:
        return "".join(self.parts)

    def bytes_before(self, position: int) -> int:
        return len(self.source[:position].encode("utf-8", "surrogatepass"))

    def entity(self, kind: str, start: int, **extra: Any) -> None:
        if self.offset > start:
            entity = {"type": kind, "offset": start, "length": self.offset - start}
            self.entities.append(entity | extra)

    def link(self, start: int, url: str) -> None:
        """A link to a page, a mention of a user, or nothing when the address is no address."""
        user = re.fullmatch(r"tg:(?://)?user\?id=(\d+)", url)
        if user:
            self.entity("text_mention", start, user={"id": int(user[1])})
        elif checked := checked_link(url):
            self.entity("text_link", start, url=checked)


@dataclass
class _Open:
    """An entity that has begun and not yet ended."""

    kind: str
    position: int
    """In the source."""
    start: int
    """In the result, in UTF-16 units."""
    part: int
    """How many parts the result had."""
    argument: str = ""
    tag: str = ""


def parse_html(source: str) -> Parsed:
    """Tags b, i, u, s, a, code, pre, blockquote, span, tg-spoiler, tg-emoji and their synonyms."""
    out = _Output(source)
    stack: list[_Open] = []
    position = 0
    while position < len(source):
        char = source[position]
        if char == "<" and source[position + 1 : position + 2] == "/":
            position = _html_end(out, stack, position)
        elif char == "<":
            position = _html_start(out, stack, position)
        elif char == "&":
            decoded, position = _html_character(source, position)
            out.add(decoded)
        else:
            stop = _next_of(source, "<&", position)
            out.add(source[position:stop])
            position = stop
    if stack:
        raise _fail(f'Can\'t find end tag corresponding to start tag "{stack[-1].tag}"')
    for entity in out.entities:
        if entity["type"] == "code":
            entity.pop("language", None)  # only a block of code keeps its language
    return out.text(), out.entities


def _next_of(source: str, chars: str, position: int) -> int:
    found = re.compile(f"[{re.escape(chars)}]").search(source, position)
    return found.start() if found else len(source)


def _html_character(source: str, position: int) -> tuple[str, int]:
    """A character reference at `&`, or the `&` itself when it is none."""
    numeric = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}));?").match(source, position)
    if numeric:
        code = int(numeric[1], 16) if numeric[1] else int(numeric[2])
        if 0 < code < 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code), numeric.end()
    named = re.compile(r"&([a-zA-Z]+);?").match(source, position)
    if named and named[1] in _NAMED:
        return _NAMED[named[1]], named.end()
    return "&", position + 1


def _html_text(source: str) -> str:
    parts, position = [], 0
    while position < len(source):
        if source[position] == "&":
            decoded, position = _html_character(source, position)
            parts.append(decoded)
        else:
            stop = _next_of(source, "&", position)
            parts.append(source[position:stop])
            position = stop
    return "".join(parts)


def _html_start(out: _Output, stack: list[_Open], begin: int) -> int:
    source, at = out.source, out.bytes_before(begin)
    name_end = re.compile(r"[^\s>]*").match(source, begin + 1)
    assert name_end is not None, "the pattern matches nothing too"  # noqa: S101 - narrows the type
    tag, position = name_end[0].lower(), name_end.end()
    if position >= len(source):
        raise _fail(f"Unclosed start tag at byte offset {at}")
    if tag not in _TAGS:
        raise _fail(f'Unsupported start tag "{tag}" at byte offset {at}')
    attributes, position = _html_attributes(out, tag, position, at)
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise _fail(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    argument = _html_argument(tag, attributes)
    stack.append(_Open(_TAGS[tag], begin, out.offset, len(out.parts), argument, tag))
    return position + 1


def _html_attributes(out: _Output, tag: str, position: int, at: int) -> tuple[dict[str, str], int]:
    """The attributes of a start tag, and where its `>` is."""
    source = out.source
    unclosed = _fail(f'Unclosed start tag "{tag}" at byte offset {at}')
    attributes: dict[str, str] = {}
    attribute = re.compile(r"""\s*([^\s=>/"']+)\s*(=\s*)?""")
    value = re.compile(r"""'([^']*)'|"([^"]*)"|([a-zA-Z0-9.-]*)(?=[\s>])""")
    while True:
        position += len(source[position:]) - len(source[position:].lstrip())
        if position >= len(source):
            raise unclosed
        if source[position] == ">":
            return attributes, position
        found = attribute.match(source, position)
        if found is None:
            raise _fail(f'Empty attribute name in the tag "{tag}" at byte offset {at}')
        position = found.end()
        attributes[found[1]] = ""
        if found[2] is None:
            continue
        given = value.match(source, position)
        if given is None:
            if source[position : position + 1] in {"'", '"', ""}:
                raise unclosed
            raise _fail(f"Unexpected end of name token at byte offset {out.bytes_before(position)}")
        quoted = given[1] if given[1] is not None else given[2]
        attributes[found[1]] = _html_text(quoted) if quoted is not None else given[3].lower()
        position = given.end()


def _html_argument(tag: str, attributes: dict[str, str]) -> str:
    if tag == "a":
        return attributes.get("href", "")
    if tag == "code":
        language = attributes.get("class", "")
        return language.removeprefix("language-") if language.startswith("language-") else ""
    if tag == "blockquote":
        return "expandable" if "expandable" in attributes else ""
    if tag == "tg-time":
        return f"{attributes.get('unix', '0')} {attributes.get('format', '')}"
    return attributes.get("emoji-id", "")


def _html_end(out: _Output, stack: list[_Open], begin: int) -> int:
    source, at = out.source, out.bytes_before(begin)
    if not stack:
        raise _fail(f"Unexpected end tag at byte offset {at}")
    found = re.compile(r"</([^\s>]*)\s*").match(source, begin)
    assert found is not None, "the caller saw `</`"  # noqa: S101 - narrows the type
    if source[found.end() : found.end() + 1] != ">":
        raise _fail(f"Unclosed end tag at byte offset {at}")
    tag, opened = found[1].lower(), stack.pop()
    if tag and tag != opened.tag:
        raise _fail(
            f'Unmatched end tag at byte offset {at}, expected "</{opened.tag}>", found "</{tag}>"'
        )
    if out.offset > opened.start:
        _html_close(out, opened)
    return found.end() + 1


def _html_close(out: _Output, opened: _Open) -> None:
    argument = opened.argument
    if opened.tag == "a":
        out.link(opened.start, argument or "".join(out.parts[opened.part :]))
    elif opened.tag == "blockquote":
        out.entity("expandable_blockquote" if argument else "blockquote", opened.start)
    elif opened.tag in {"pre", "code"}:
        _html_code(out, opened)
    elif opened.tag == "tg-emoji":
        if not argument.isdigit() or int(argument) == 0:
            raise _fail("Invalid custom emoji identifier specified")
        out.entity("custom_emoji", opened.start, custom_emoji_id=argument)
    elif opened.tag == "tg-time":
        unix, _, form = argument.partition(" ")
        if unix.isdigit() and int(unix):
            extra = {"date_time_format": form} if form else {}
            out.entity("date_time", opened.start, unix_time=int(unix), **extra)
    else:
        out.entity(opened.kind, opened.start)


def _html_code(out: _Output, opened: _Open) -> None:
    """`<pre><code class="language-x">` (in either order) is one entity with a language."""
    last = out.entities[-1] if out.entities else {}
    same = (last.get("offset"), last.get("length")) == (opened.start, out.offset - opened.start)
    if opened.tag == "pre" and same and last.get("type") == "code" and last.get("language"):
        last["type"] = "pre"
    elif opened.tag == "code" and same and last.get("type") == "pre" and opened.argument:
        last["language"] = opened.argument
    else:
        extra = {"language": opened.argument} if opened.tag == "code" and opened.argument else {}
        out.entity(opened.tag, opened.start, **extra)


def parse_markdown(source: str) -> Parsed:
    """The old Markdown: `*bold*`, `_italic_`, code, pre and links; nothing nests."""
    out = _Output(source)
    position = 0
    while position < len(source):
        char = source[position]
        if char == "\\" and source[position + 1 : position + 2] in {"_", "*", "`", "["}:
            out.add(source[position + 1])
            position += 2
        elif char in "_*`[":
            position = _markdown_entity(out, position)
        else:
            stop = _next_of(source, "\\_*`[", position + 1)
            out.add(source[position:stop])
            position = stop
    return out.text(), out.entities


def _markdown_entity(out: _Output, begin: int) -> int:
    source, char = out.source, out.source[begin]
    is_pre = source.startswith("```", begin)
    position, language = begin + 1, ""
    if is_pre:
        language, position = _fence(source, begin + 3)
    closing = "```" if is_pre else "]" if char == "[" else char
    end = source.find(closing, position)
    if end < 0:
        at = out.bytes_before(begin)
        raise _fail(f"Can't find end of the entity starting at byte offset {at}")
    start = out.offset
    out.add(source[position:end])
    after = end + len(closing)
    if char == "[":
        return _markdown_link(out, start, source[position:end], after)
    kind = {"_": "italic", "*": "bold", "`": "pre" if is_pre else "code"}[char]
    out.entity(kind, start, **({"language": language} if language else {}))
    return after


def _markdown_link(out: _Output, start: int, label: str, after: int) -> int:
    source = out.source
    if source[after : after + 1] != "(":
        out.link(start, label)
        return after
    end = source.find(")", after)
    end = len(source) if end < 0 else end
    out.link(start, source[after + 1 : end])
    return end + 1


def _fence(source: str, position: int) -> tuple[str, int]:
    """The language after ``` and where the code begins: one line break is skipped."""
    named = re.compile(r"[^\s`]*").match(source, position)
    assert named is not None, "the pattern matches nothing too"  # noqa: S101 - narrows the type
    language = ""
    if named[0] and named.end() < len(source) and source[named.end()] != "`":
        language, position = named[0], named.end()
    line_break = re.compile(r"\r\n|\n\r|\n|\r").match(source, position)
    return language, line_break.end() if line_break else position


def parse_markdown_v2(source: str) -> Parsed:
    """MarkdownV2: nesting, spoilers, underline, quotes; all reserved characters are escaped."""
    return _MarkdownV2(source).parse()


class _MarkdownV2:
    """One pass over the text with a stack of open entities."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.out = _Output(source)
        self.stack: list[_Open] = []
        self.position = 0
        self.in_quote = False
        self.line_start = True
        """Whether a `>` here begins a quote."""

    def parse(self) -> Parsed:
        while self.position < len(self.source):
            self._step()
        if self.in_quote:
            self._end_last_quote()
        if self.stack:
            raise self._no_end(self.stack[-1])
        self.out.entities.sort(key=lambda e: (e["offset"], -e["length"]))
        return self.out.text(), self.out.entities

    def _step(self) -> None:
        char = self.source[self.position]
        following = self.source[self.position + 1 : self.position + 2]
        if char == "\\" and following and 0 < ord(following) <= 126:
            self.out.add(following)
            self.line_start = following == "\n" or (following == "\r" and self.line_start)
            self.position += 2
        elif char not in self._reserved():
            self.out.add(char)
            self.line_start = self.line_start and char == "\r"
            self.position += 1
        elif self._ends_here(char):
            self._end()
        else:
            self._begin(char)

    def _reserved(self) -> set[str]:
        in_code = bool(self.stack) and self.stack[-1].kind in {"code", "pre"}
        return {"`"} if in_code else _RESERVED_V2

    def _at(self, text: str) -> bool:
        return self.source.startswith(text, self.position)

    def _ends_here(self, char: str) -> bool:
        if not self.stack:
            return False
        if self.in_quote and char == "\n" and not self._at("\n>"):
            return True
        kind = self.stack[-1].kind
        if kind == "italic":
            return char == "_" and not self._at("__")
        closing = {
            "bold": "*", "code": "`", "pre": "```", "text_link": "]", "underline": "__",
            "strikethrough": "~", "spoiler": "||", "custom_emoji": "]",
        }.get(kind)  # fmt: skip
        return closing is not None and self._at(closing)

    def _begin(self, char: str) -> None:
        if char == "\n":
            self.out.add("\n")
            self.line_start = True
            self.position += 1
            return
        if char == ">" and self.line_start:
            if not self.in_quote:
                self._open("blockquote", 1)
                self.in_quote = True
            else:
                self.position += 1
            return
        if self._at("```"):
            opened = self._open("pre", 3)
            opened.argument, self.position = _fence(self.source, self.position)
            return
        for marker, kind in (
            ("__", "underline"), ("_", "italic"), ("*", "bold"), ("~", "strikethrough"),
            ("||", "spoiler"), ("[", "text_link"), ("`", "code"), ("![", "custom_emoji"),
        ):  # fmt: skip
            if self._at(marker):
                self._open(kind, len(marker))
                return
        raise _fail(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")

    def _open(self, kind: str, width: int) -> _Open:
        opened = _Open(kind, self.position, self.out.offset, len(self.out.parts))
        self.stack.append(opened)
        self.position += width
        return opened

    def _end(self) -> None:
        opened = self.stack.pop()
        if self.in_quote and self.source[self.position] == "\n":
            self._end_quote(opened)
            return
        if opened.kind == "text_link":
            self._end_link(opened)
        elif opened.kind == "custom_emoji":
            self._end_emoji(opened)
        else:
            extra = {"language": opened.argument} if opened.argument else {}
            self.out.entity(opened.kind, opened.start, **extra)
            width = {"underline": 2, "spoiler": 2, "pre": 3}.get(opened.kind, 1)
            self.position += width

    def _end_quote(self, opened: _Open) -> None:
        kind = "blockquote"
        if opened.kind == "spoiler" and self._just_opened(opened):
            kind, opened = "expandable_blockquote", self.stack.pop()
        if opened.kind != "blockquote":
            raise self._no_end(opened)
        self.out.add("\n")
        self.out.entity(kind, opened.start)
        self.in_quote = False
        self.line_start = True
        self.position += 1

    def _end_last_quote(self) -> None:
        opened = self.stack.pop()
        kind = "blockquote"
        if opened.kind == "spoiler" and self._just_opened(opened) and self.stack:
            kind, opened = "expandable_blockquote", self.stack.pop()
        if opened.kind != "blockquote":
            raise self._no_end(opened)
        self.out.entity(kind, opened.start)

    def _just_opened(self, opened: _Open) -> bool:
        """`||` at the end of a quote marks it expandable."""
        between = self.source[opened.position + 2 : self.position]
        return between in {"", "\r"}

    def _end_link(self, opened: _Open) -> None:
        label = "".join(self.out.parts[opened.part :])
        self.position += 1
        self.out.link(opened.start, self._address() if self._at("(") else label)

    def _end_emoji(self, opened: _Open) -> None:
        self.position += 1
        if not self._at("("):
            raise _fail("The entity must contain a tg://emoji or tg://time URL")
        address = self._address()
        emoji = re.fullmatch(r"tg://emoji\?id=(\d+)", address)
        moment = re.fullmatch(r"tg://time\?unix=(\d+)(?:&format=(\w*))?", address)
        if emoji:
            self.out.entity("custom_emoji", opened.start, custom_emoji_id=emoji[1])
        elif moment:
            extra = {"date_time_format": moment[2]} if moment[2] else {}
            self.out.entity("date_time", opened.start, unix_time=int(moment[1]), **extra)
        else:
            raise _fail("Invalid tg://emoji or tg://time URL specified")

    def _address(self) -> str:
        """The address in parentheses at the position, which moves behind them."""
        found = re.compile(r"\(((?:\\[\x01-\x7e]|[^)])*)\)").match(self.source, self.position)
        if found is None:
            at = self.out.bytes_before(self.position + 1)
            raise _fail(f"Can't find end of a URL at byte offset {at}")
        self.position = found.end()
        return re.sub(r"\\([\x01-\x7e])", r"\1", found[1])

    def _no_end(self, opened: _Open) -> ApiError:
        name = "PreCode" if opened.kind == "pre" and opened.argument else _TD_NAMES[opened.kind]
        at = self.out.bytes_before(opened.position)
        return _fail(f"Can't find end of {name} entity at byte offset {at}")


def checked_link(url: str) -> str:
    """The address as Telegram keeps it, `` when it is no address."""
    url = url.strip()
    if re.match(r"(tg|ton|tonsite):", url, re.IGNORECASE):
        return url
    if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", url):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or ("." not in host and ":" not in host):
        return ""
    if any(char.isspace() for char in host):
        return ""
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}{query}{fragment}"


_MODES: dict[str, Callable[[str], Parsed]] = {
    "html": parse_html,
    "markdown": parse_markdown,
    "markdownv2": parse_markdown_v2,
}
