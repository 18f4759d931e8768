"""Counting in UTF-16 code units."""

from __future__ import annotations

from playground import utf16


def test_an_emoji_is_two() -> None:
    assert utf16.length("abc") == 3
    assert utf16.length("äб") == 2
    assert utf16.length("a😀b") == 4


def test_offsets_of_characters() -> None:
    assert utf16.offsets("abc") == [0, 1, 2, 3]
    assert utf16.offsets("a😀b") == [0, 1, 3, 4]


def test_cutting() -> None:
    assert utf16.cut("abcdef", 2, 3) == "cde"
    assert utf16.cut("a😀bc", 3, 1) == "b"
