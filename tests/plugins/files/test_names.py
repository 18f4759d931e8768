"""Names: harmless, and still the sender's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.files import names
from plugins.files.names import LONGEST, as_words, clean, extension
from plugram import UserError


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


# -- names and tags that people type --------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "old", "expected"),
    [
        ("invoice", "scan.pdf", "invoice.pdf"),
        ("invoice.docx", "scan.pdf", "invoice.docx"),
        ("invoice", "README", "invoice"),
        ("../../etc/passwd", "a.txt", "etc-passwd.txt"),
        ("Invoice 3/4", "scan.pdf", "Invoice 3-4.pdf"),
        ("Договор 12 / 2026.pdf", "scan.pdf", "Договор 12-2026.pdf"),
        ("exe\u202efdp\x07", "a.txt", "exefdp.txt"),
        ("two\nlines", "a.txt", "two lines.txt"),
    ],
)
def test_a_typed_name_is_made_harmless(typed: str, old: str, expected: str) -> None:
    assert names.chosen(typed, old) == expected


@pytest.mark.parametrize("typed", ["", " ", "...", "\u202e\u200b", "/", "x" * (LONGEST + 1)])
def test_what_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(UserError):
        names.chosen(typed, "a.txt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tax car", ["tax", "car"]),
        ("#Tax, car insurance", ["tax", "car_insurance"]),
        ("Налоги;ЁЖ", ["налоги", "ёж"]),
        ("tax tax #TAX", ["tax"]),
        ("a\u202eb", ["ab"]),
        ("-2026-", ["2026"]),
    ],
)
def test_typed_tags(text: str, expected: list[str]) -> None:
    assert names.tags(text) == expected


@pytest.mark.parametrize("text", ["", "!? ,", "\u200b", "x" * (names.LONGEST_TAG + 1)])
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        names.tags(text)


def test_tags_given_and_taken() -> None:
    assert names.given_and_taken("tax, -car insurance") == (["tax"], ["car_insurance"])
    assert names.given_and_taken("-tax") == ([], ["tax"])


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("For the #board, see #Q1_2026!", ["board", "q1_2026"]),
        ("a#b https://x.org/#top &#39; # ##", []),
        (f"#{'x' * 33} #ok", ["ok"]),
        ("", []),
    ],
)
def test_hashtags_of_a_caption(caption: str, expected: list[str]) -> None:
    assert names.hashtags(caption) == expected


@given(st.text())
def test_any_caption_gives_tags_that_can_be_kept(caption: str) -> None:
    found = names.hashtags(caption)
    assert len(found) <= names.MOST_TAGS
    assert all(names.tags(tag) == [tag] for tag in found)
