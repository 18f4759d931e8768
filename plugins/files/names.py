"""File names as people sent them, made harmless, still theirs."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
"""Characters, the extension included."""
_LONGEST_EXTENSION = 16
_SEPARATORS = re.compile(r"[/\\]")
# Control and line characters; marks that turn the reading direction or can't be seen, which make
# `exe.fdp` out of `pdf.exe`. ZWJ and ZWNJ stay: they belong to emoji and to Persian words.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_BLANKS = re.compile(r"\s+")
_WORD_JOINTS = re.compile(r"[_\-.+]+")


def clean(raw: str | None, fallback: str) -> str:
    """The last part of a path, without what can't be seen, at most LONGEST characters; `fallback`
    where nothing is left."""
    name = unicodedata.normalize("NFC", raw or "")
    name = _BLANKS.sub(" ", _UNSEEN.sub("", _BLANKS.sub(" ", name)))
    parts = [part.strip() for part in _SEPARATORS.split(name)]
    name = next((part for part in reversed(parts) if part.strip(" .")), "")
    return _short(name) or fallback


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > _LONGEST_EXTENSION:
        return name[: LONGEST - 1].rstrip() + "…"
    return f"{stem[: LONGEST - len(extension) - 2].rstrip()}….{extension}"


def extension(name: str) -> str:
    """Lower case, without the dot; empty if there is none."""
    _, dot, found = name.rpartition(".")
    return found.lower() if dot and len(found) <= _LONGEST_EXTENSION else ""


def as_words(name: str) -> str:
    """A name for the search: `annual_report-2024.pdf` as its words, then itself."""
    stem = name.rpartition(".")[0] or name
    words = _WORD_JOINTS.sub(" ", stem).strip()
    return name if words == name else f"{words}\n{name}"
