"""Telegram counts text in UTF-16 code units: an emoji, being outside of the BMP, is two."""

from __future__ import annotations

from itertools import accumulate


def length(text: str) -> int:
    """Code units of the text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def offsets(text: str) -> list[int]:
    """The offset in code units of each character, and of the end."""
    if text.isascii():
        return list(range(len(text) + 1))
    return [0, *accumulate(2 if char > "\uffff" else 1 for char in text)]


def cut(text: str, start: int, size: int) -> str:
    """The part of the text at an offset and of a length in code units."""
    if text.isascii():
        return text[start : start + size]
    units = text.encode("utf-16-le", "surrogatepass")
    return units[start * 2 : (start + size) * 2].decode("utf-16-le", "replace")
