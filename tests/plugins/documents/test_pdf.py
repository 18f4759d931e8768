"""PDF: every word once, whole, with its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.pdf import extract
from plugram import SandboxRefused
from tests.plugins.documents.samples import pdf


def read(path: Path) -> dict[str, Any]:
    return extract(str(path), {})


def text_of(path: Path) -> str:
    return "\n".join(section["text"] for section in read(path)["sections"])


def test_a_section_per_page_with_its_number(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", [["Page one speaks."], ["Page two answers.", "And ends."]])
    sections = read(path)["sections"]
    assert [(one["locator"], one["text"]) for one in sections] == [
        ({"page": 1}, "Page one speaks."),
        ({"page": 2}, "Page two answers.\nAnd ends."),
    ]


def test_title_author_pages_words_and_date(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", [["Four words are here"]], title="On  Whales", author="Ann")
    known = read(path)["metadata"]
    assert (known["title"], known["author"]) == ("On Whales", "Ann")
    assert (known["pages"], known["words"]) == (1, 4)
    assert known["created"][:2] == "20"


def test_bookmarks_are_headings_of_the_pages_they_cover(tmp_path: Path) -> None:
    pages = [["Cover"], ["Beginning"], ["More of it"], ["End"]]
    path = pdf(tmp_path / "a.pdf", pages, bookmarks={1: "Chapter 1", 3: "Chapter 2"})
    headings = [one["heading"] for one in read(path)["sections"]]
    assert headings == ["", "Chapter 1", "Chapter 1", "Chapter 2"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["This is im-", "portant for all."], "This is important for all."),
        (["An open-", "domain question; open-domain it is."], "An open-domain question"),
        (["We use a dual-", "encoder. A dual system, one encoder."], "a dual-encoder"),
        (["From 2010-", "2015 it grew."], "2010-2015"),
        (["By Lucene-", "BM25 we mean."], "Lucene-BM25"),
        (["The Black-", "Scholes model."], "Black-Scholes"),
    ],
)
def test_words_broken_at_a_line_end_are_mended(
    tmp_path: Path, lines: list[str], expected: str
) -> None:
    assert expected in text_of(pdf(tmp_path / "a.pdf", [lines]))


def test_a_page_without_text_is_told(tmp_path: Path) -> None:
    found = read(pdf(tmp_path / "a.pdf", [["Text here"], []]))
    assert found["warnings"] == ["no-text-layer"]
    assert found["metadata"]["pages_without_text"] == 1
    assert [one["locator"]["page"] for one in found["sections"]] == [1]


def test_a_scan_has_no_sections_and_says_why(tmp_path: Path) -> None:
    found = read(pdf(tmp_path / "a.pdf", [[], []]))
    assert found["sections"] == []
    assert found["warnings"] == ["no-text-layer"]


def test_a_password_is_told_apart_from_damage(tmp_path: Path) -> None:
    locked = pdf(tmp_path / "a.pdf", [["hidden"]], password="secret")
    with pytest.raises(SandboxRefused) as refused:
        read(locked)
    assert refused.value.reason == "encrypted"


def test_a_stump_is_corrupt_or_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = pdf(tmp_path / "a.pdf", [["All of it"]]).read_bytes()
    stump = tmp_path / "stump.pdf"
    stump.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(SandboxRefused) as refused:
        read(stump)
    assert refused.value.reason == "corrupt"


def test_text_that_calls_itself_pdf_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_text("%PDF-1.7\nnot really\n" * 50)
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    assert refused.value.reason == "corrupt"


def test_what_is_typed_into_a_form_is_text(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path))
    canvas.drawString(72, 780, "Your name:")
    canvas.acroForm.textfield(name="name", value="Moby Dick", x=150, y=770)
    canvas.save()
    assert "Moby Dick" in text_of(path)
