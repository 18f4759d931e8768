"""Names: harmless, and still the sender's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.files.names import LONGEST, as_words, clean, extension


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("Отчёт за 2024 год.docx", "Отчёт за 2024 год.docx"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\evil.dll", "evil.dll"),
        ("/absolute/path/", "path"),
        ("C:\\Users\\ann\\a.txt", "a.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\u200fשלום\u200e.pdf", "שלום.pdf"),
        ("a\x00b\nc\td.txt", "ab c d.txt"),
        ("line\u2028break.txt", "line break.txt"),
        ("  spaces   inside .txt ", "spaces inside .txt"),
        ("👨‍👩‍👧.png", "👨‍👩‍👧.png"),
        (".bashrc", ".bashrc"),
        ("..", "none"),
        ("../..", "none"),
        ("/", "none"),
        (" . ", "none"),
        ("", "none"),
        (None, "none"),
        ("\u202e\u200b", "none"),
        ("a" * 500 + ".pdf", "a" * 115 + "….pdf"),
        ("b" * 500, "b" * 119 + "…"),
        ("lone \ud800 surrogate.txt", "lone surrogate.txt"),
    ],
)
def test_what_a_name_becomes(raw: str | None, expected: str) -> None:
    assert clean(raw, "none") == expected


@given(st.text(max_size=400))
def test_every_name_is_harmless(raw: str) -> None:
    name = clean(raw, "none")
    assert 0 < len(name) <= LONGEST
    assert name not in {".", ".."}
    assert not set(name) & set("/\\\0\n\r\t\u202e\u2066\u200f")
    name.encode()
    assert clean(name, "none") == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("annual_report-2024.pdf", "annual report 2024\nannual_report-2024.pdf"),
        ("Письмо Ане.docx", "Письмо Ане\nПисьмо Ане.docx"),
        ("README", "README"),
    ],
)
def test_words_of_a_name(name: str, expected: str) -> None:
    assert as_words(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("a", ""), ("a." + "x" * 30, "")]
)
def test_extensions(name: str, expected: str) -> None:
    assert extension(name) == expected
