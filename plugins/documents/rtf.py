"""RTF, token by token: what a reader sees of it, in whatever encodings its fonts have."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from plugins.documents import members, prose
from plugins.documents.source import Limits, Source, contents
from plugram import SandboxRefused

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|"
    rb"([^\\{}\r\n]+)|[\r\n]+"
)
_DEEPEST = 10_000
_CHARSETS = {
    0: "cp1252", 77: "mac-roman", 78: "shift_jis", 128: "cp932", 129: "cp949", 130: "johab",
    134: "gb18030", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255",
    178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437",
}  # fmt: skip
"""Windows' numbers of character sets (`\\fcharset`)."""
_PAGES = {"mac": "mac-roman", "pc": "cp437", "pca": "cp850", "ansi": "cp1252"}
_CODE_PAGES = {10000: "mac-roman", 10001: "shift_jis", 10007: "mac-cyrillic", 936: "gb18030",
    65001: "utf-8", 932: "cp932", 949: "cp949", 950: "cp950"}  # fmt: skip
_SIGNS = {
    "par": "\n", "line": "\n", "sect": "\n\n", "page": "\n\n", "column": "\n", "tab": "\t",
    "cell": "\t", "nestcell": "\t", "row": "\n", "nestrow": "\n", "softline": "\n",
    "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ", "zwj": "\u200d",
    "zwnj": "\u200c", "ltrmark": "", "rtlmark": "",
}  # fmt: skip
_SYMBOLS = {b"~": " ", b"_": "-", b"-": "", b"\n": "\n", b"\r": "\n", b"|": "", b":": ""}
_SILENT = frozenset(
    "fonttbl colortbl stylesheet info pict object objdata fldinst filetbl revtbl rsidtbl listtable "
    "listoverridetable generator themedata colorschememapping datastore latentstyles xmlnstbl "
    "shprslt sp nonshppict bkmkstart bkmkend atnid atnref atntime atnparent atndate atrfstart "
    "atrfend operator docvar template xe tc pntxta pntxtb listtext pntext falt panose fontemb "
    "passwordhash wgrffmtfilter mmathPr ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn txfieldtype "
    "userprops password pnseclvl datafield do_not_read oldcprops oldpprops oldsprops oldtprops "
    "private1 ffdeftext ffformat ffname ffentrymcr ffexitmcr ffhelptext ffstattext ffl".split()
)
_HEARD = frozenset(
    "shpinst shptxt shp annotation footnote header headerl headerr headerf footer footerl footerr "
    "footerf field fldrslt formfield result atnauthor htmltag mhtmltag pn".split()
)
"""Destinations that older programs pass over (`\\*`), and that hold text all the same."""
_TITLES = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords",
    "doccomm": "comments"}  # fmt: skip
_ASIDES = {
    "header": "header", "headerl": "header", "headerr": "header", "headerf": "header",
    "footer": "footer", "footerl": "footer", "footerr": "footer", "footerf": "footer",
    "annotation": "comments", "atnauthor": "",
}  # fmt: skip
_HTML_TAG = re.compile(rb"\\\*\\htmltag")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the `paragraph` they start at; headers, footers and comments after the text,
    with `part`. `metadata`: title, author, subject, keywords, words."""
    reader = Reader(contents(source))
    reader.read()
    text = prose.tidy(reader.text)
    pieces = ((number, piece) for number, (_, piece) in enumerate(prose.paragraphs(text), 1))
    sections = prose.gather(_split(pieces), "paragraph")
    for part, texts in reader.asides.items():
        beside = prose.tidy("\n".join(dict.fromkeys(one.strip() for one in texts))).strip()
        if beside:
            sections.append(prose.section(beside, part=part))
    for number, data in enumerate(reader.objects, 1):
        sections += members.read(limits, f"object-{number}", data)
    if not sections:
        raise SandboxRefused("there is no text in the document", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    told = list(reader.values.values())
    values = {key: text for key, text in reader.values.items() if key != "comments"}
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": values | {"words": words},
        "warnings": members.nest(limits).warnings,
    }


def _split(pieces: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """RTF has no empty lines between paragraphs: each of its lines is one."""
    yield from pieces


def text_of(data: bytes) -> str:
    """Of a message's body in RTF, which may be a page wrapped up in it."""
    reader = Reader(data)
    reader.read()
    return reader.text


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it."""

    silent: bool = False
    hidden: bool = False
    skip: int = 1
    """Characters after a `\\u` that stand for it in old programs."""
    encoding: str = ""
    aside: str = ""
    value: str = ""
    destination: str = ""


class Reader:
    def __init__(self, data: bytes) -> None:
        self.values: dict[str, str] = {}
        self.asides: dict[str, list[str]] = {}
        self.objects: list[bytes] = []
        self._data = data
        self._out: list[str] = []
        self._bytes = bytearray()
        self._state = _State()
        self._stack: list[tuple[_State, int]] = []
        self._encoding = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = self._default_font = 0
        self._to_skip = 0
        self._ignorable = False
        self._begins = False
        """Nothing has come in this group yet."""
        self._high = 0
        self._is_page = (
            _HTML_TAG.search(data, 0, 1 << 20) is not None and b"\\fromhtml" in data[:4096]
        )

    @property
    def text(self) -> str:
        self._flush()
        text = "".join(self._out)
        if self._is_page:
            from plugins.documents import html

            return html.fragment(text)
        return re.sub(r"\t+\n", "\n", re.sub(r"\n\t", "\n", text))

    def read(self) -> None:
        position = 0
        end = len(self._data)
        while position < end:
            match = _TOKEN.match(self._data, position)
            if match is None:
                position += 1
                continue
            position = match.end()
            word, number, byte, symbol, brace, text = match.groups()
            if word:
                position += self._word(word.decode("ascii"), number)
            elif byte:
                self._byte(int(byte, 16))
            elif symbol:
                self._symbol(symbol)
            elif brace:
                self._group(brace == b"{")
            elif text:
                self._plain(text)

    # -- groups ---------------------------------------------------------------------------------

    def _group(self, opens: bool) -> None:
        self._flush()
        self._to_skip = 0
        self._begins = opens
        if opens:
            if len(self._stack) >= _DEEPEST:
                raise SandboxRefused("its groups nest too deep", reason="corrupt")
            self._stack.append((self._state, len(self._out)))
            self._state = replace(self._state)
            self._ignorable = False
        elif self._stack:
            self._close()

    def _close(self) -> None:
        closed = self._state
        self._state, start = self._stack.pop()
        if closed.aside and closed.aside != self._state.aside:
            self.asides.setdefault(closed.aside, []).append("".join(self._out[start:]))
            del self._out[start:]
        elif closed.value and closed.value != self._state.value:
            text = prose.one_line("".join(self._out[start:]))
            del self._out[start:]
            if text:
                self.values.setdefault(closed.value, text)

    # -- control words --------------------------------------------------------------------------

    def _word(self, word: str, digits: bytes | None) -> int:
        """Returns how many bytes of data follow that aren't RTF."""
        number = int(digits) if digits is not None else None
        self._begins = False
        if word == "u" and number is not None:
            self._unicode(number)
            return 0
        if word != "bin" and self._to_skip and word in _SIGNS:
            self._to_skip -= 1
            return 0
        self._flush()
        if word == "bin":
            return max(0, number or 0)
        if word in _SIGNS:
            self._put(_SIGNS[word])
        elif word in _TITLES:
            self._state.silent = False
            self._state.value = _TITLES[word]
        elif word in _SILENT or (self._ignorable and word not in _HEARD):
            self._state.silent = True
            self._state.destination = word
        elif word in _HEARD or word == "footnote":
            self._destination(word)
        else:
            self._property(word, number)
        self._ignorable = False
        return 0

    def _destination(self, word: str) -> None:
        if word in {"htmltag", "mhtmltag"}:
            self._state.silent = not self._is_page or word == "mhtmltag"
            self._state.hidden = False
            return
        self._state.destination = word
        self._state.silent = False if word in {"shptxt", "fldrslt"} else self._state.silent
        if word in _ASIDES:
            self._state.silent = word == "atnauthor"
            self._state.aside = _ASIDES[word]
        elif word == "footnote":
            self._put(" ")

    def _property(self, word: str, number: int | None) -> None:
        state = self._state
        match word:
            case "ansi" | "mac" | "pc" | "pca":
                self._encoding = _PAGES[word]
            case "ansicpg" if number:
                self._encoding = _known(_CODE_PAGES.get(number, f"cp{number}"), self._encoding)
            case "deff":
                self._default_font = number or 0
            case "f":
                self._font = number or 0
                state.encoding = self._fonts.get(self._font, "")
            case "fcharset" if number in _CHARSETS and number:
                self._fonts[self._font] = _known(_CHARSETS[number], "")
            case "plain":
                state.encoding = self._fonts.get(self._default_font, "")
                state.hidden = False
            case "uc":
                state.skip = max(0, number or 0)
            case "v" | "deleted":
                state.hidden = number != 0
            case "htmlrtf" if self._is_page:
                state.hidden = number != 0

    # -- characters -----------------------------------------------------------------------------

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":  # elsewhere it means nothing, and some programs write it
            self._ignorable = self._begins
        elif symbol in {b"{", b"}", b"\\"}:
            self._plain(symbol)
        elif symbol in _SYMBOLS:
            self._flush()
            self._put(_SYMBOLS[symbol])

    def _byte(self, byte: int) -> None:
        if self._to_skip:
            self._to_skip -= 1
        else:
            self._bytes.append(byte)

    def _plain(self, text: bytes) -> None:
        if self._to_skip:
            skipped = min(self._to_skip, len(text))
            self._to_skip -= skipped
            text = text[skipped:]
        self._bytes += text

    def _unicode(self, number: int) -> None:
        self._flush()
        self._to_skip = self._state.skip
        code = number & 0xFFFF
        if 0xD800 <= code < 0xDC00:
            self._high = code
            return
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((self._high - 0xD800) << 10) + (code - 0xDC00) if self._high else 0
        if code and not 0xF000 <= code <= 0xF0FF:
            self._put(chr(code))
        elif code:  # a symbol font's own place for an ordinary character
            self._put(chr(code - 0xF000))

    def _flush(self) -> None:
        if not self._bytes:
            return
        data = bytes(self._bytes)
        self._bytes.clear()
        self._put(data.decode(self._state.encoding or self._encoding, "replace"))

    def _put(self, text: str) -> None:
        self._high = 0
        if not self._state.silent and not self._state.hidden:
            self._out.append(text)


def _known(encoding: str, otherwise: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return otherwise
