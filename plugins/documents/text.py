"""Plain text and source code, in whatever encoding it came."""

from __future__ import annotations

import codecs
import re
from typing import Any

import charset_normalizer

from plugins.documents import prose
from plugins.documents.source import Limits, Source, contents
from plugram import SandboxRefused

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PEEK, _SAMPLE = 1 << 12, 1 << 16
_SLIPS = 0.001
"""Share of bytes that may be broken in what is still taken for UTF-8."""
_CYRILLIC = ("cp1251", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic")
_CYRILLIC_WORD = re.compile("[А-ЯЁа-яёҐґЄєІіЇїЎў]{2,}")
# A word in Russian, Ukrainian or Bulgarian is lower case, or has its capitals at the start, or all.
_PLAUSIBLE = re.compile("[А-ЯЁҐЄІЇЎ]?[а-яёґєіїў]+|[А-ЯЁҐЄІЇЎ]+")
_FREQUENT = frozenset("оеаинтсрвл")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections of some paragraphs with the `line` they start at. `metadata`: words, encoding."""
    text, encoding = decode(contents(source))
    text = prose.tidy(text)
    if not text:
        raise SandboxRefused("there is no text in the file", reason="empty")
    sections = prose.gather(prose.paragraphs(text), "line")
    return {
        "sections": sections,
        "metadata": {"words": prose.count_words([text]), "encoding": encoding},
    }


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """(text, name of the encoding): by its mark, as declared, as UTF-8, else by the look of it."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    if b"\0" in data[:_PEEK] and (wide := _wide(data)):
        return data.decode(wide, "replace"), wide
    for encoding in filter(None, (declared, "utf-8")):
        try:
            return data.decode(encoding), encoding
        except (UnicodeDecodeError, LookupError):
            continue
    encoding = _guess(data)
    return data.decode(encoding, "replace"), encoding


def _guess(data: bytes) -> str:
    if _nearly_utf8(data):
        return "utf-8"
    sample = data[:_SAMPLE]
    cyrillic = _cyrillic(sample)
    if cyrillic:
        return cyrillic
    matches = charset_normalizer.from_bytes(sample)
    best = matches.best()
    if best is None or any(_as_good(match, best) for match in matches):
        return "cp1252"
    return best.encoding


def _as_good(match: charset_normalizer.CharsetMatch, best: charset_normalizer.CharsetMatch) -> bool:
    """The encoding of western Windows wins a draw: single letters decide little."""
    return "cp1252" in match.could_be_from_charset and match.chaos <= best.chaos + 0.02


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: every other byte of Latin text is zero, of Cyrillic is 4."""
    sample = data[:_PEEK]
    if len(sample) < 4 or len(data) % 2:
        return ""
    for encoding, high in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        common = max(high.count(0), high.count(4))
        if common > 0.7 * len(high) and sample.count(0) + sample.count(4) < 0.8 * len(sample):
            return encoding
    return ""


def _nearly_utf8(data: bytes) -> bool:
    """A few broken bytes in text that is UTF-8 otherwise (a cut, a careless paste)."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    several = len(data) - len(text)  # bytes of whole sequences beyond one per character
    return several > 0 and broken <= max(2, _SLIPS * len(data)) and several > 4 * broken


def _cyrillic(sample: bytes) -> str:
    """The Cyrillic encoding in which the words look like words; empty if none does."""
    scores = {encoding: _likeness(sample.decode(encoding, "replace")) for encoding in _CYRILLIC}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] > 0.6 else ""


def _likeness(text: str) -> float:
    """0–1: how much of what isn't ASCII stands in plausible words of frequent letters."""
    foreign = sum(1 for char in text if char > "\x7f")
    if not foreign:
        return 0
    words = [match[0] for match in _CYRILLIC_WORD.finditer(text)]
    plausible = [word.lower() for word in words if _PLAUSIBLE.fullmatch(word)]
    letters = sum(map(len, plausible))
    frequent = sum(char in _FREQUENT for word in plausible for char in word)
    if not any(word.islower() or word.istitle() for word in words):
        return 0  # capitals alone: Hebrew looks like that in KOI8
    return letters / foreign * min(1.0, frequent / letters * 1.8 if letters else 0)
