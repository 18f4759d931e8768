"""The language of a text."""

from __future__ import annotations

import re
from collections import Counter

SHORTEST = 20
"""Letters below which a detected language is a guess that does more harm than none."""

_SHORT = 300
"""Letters below which rare languages are mere guesses: a name or two makes Frisian of English."""
_WIDESPREAD = frozenset(
    "ar be bg bn ca cs da de el en es et fa fi fr he hi hr hu hy id it ja ka kk ko lt lv mk ms nl "
    "no pl pt ro ru sk sl sq sr sv ta th tr uk ur uz vi zh".split()
)
_SAMPLE = 2_000
_LETTER = re.compile(r"[^\W\d_]")


def detect_language(text: str) -> str:
    """ISO 639-1 code of the language of a text, "" if it can't be told.

    The script alone decides where it can; the detector's 75 MB are loaded only for the rest.
    """
    sample = text[:_SAMPLE]
    letters = "".join(_LETTER.findall(sample))
    if len(letters) < SHORTEST:
        return ""
    script, share = Counter(map(_script, letters)).most_common(1)[0]
    if share > 0.6 * len(letters):
        if script == "cyrillic" and not _NOT_RUSSIAN.search(letters):
            return "ru"
        if script in {"ko", "th"}:
            return script
        if script == "han":
            return "ja" if _KANA.search(letters) else "zh"
    import py3langid

    ranked: list[str] = [code for code, _ in py3langid.rank(sample)]
    if len(letters) < _SHORT:
        return next((code for code in ranked if code in _WIDESPREAD), "")
    return ranked[0]


_KANA = re.compile("[\u3040-\u30ff]")
_NOT_RUSSIAN = re.compile("[іїєґўјљњћђџѓќәғқңөұүһ]", re.IGNORECASE)


def _script(char: str) -> str:
    code = ord(char)
    if code < 0x0250:
        return "latin"
    if 0x0400 <= code < 0x0530:
        return "cyrillic"
    if 0x3040 <= code < 0x3100 or 0x3400 <= code < 0xA000:
        return "han"
    if 0xAC00 <= code < 0xD7B0:
        return "ko"
    if 0x0E00 <= code < 0x0E80:
        return "th"
    return "other"
