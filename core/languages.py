"""The language of a text."""

from __future__ import annotations

import re
from collections import Counter

SHORTEST = 20
"""Letters below which a detected language is a guess that does more harm than none."""

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

    code: str = py3langid.classify(sample)[0]
    return code


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
