"""PPTX: what is on the slides and below them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.pptx import extract
from plugram import SandboxRefused
from tests.plugins.documents.office import shape, slides


def read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = extract(str(path), {})["sections"]
    return found


def test_slides_under_their_titles(tmp_path: Path) -> None:
    first = shape("Whales", role="title") + shape("They are large.", "They sing.")
    path = slides(tmp_path / "a.pptx", [first, shape("7", role="sldNum") + shape("End")])
    assert [(one["heading"], one["locator"], one["text"]) for one in read(path)] == [
        ("Whales", {"slide": 1}, "Whales\nThey are large.\nThey sing."),
        ("", {"slide": 2}, "End"),
    ]


def test_tables_alternative_texts_notes_comments_and_charts(tmp_path: Path) -> None:
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    table = f"<a:tbl><a:tr>{cell.format('Name')}{cell.format('Sum')}</a:tr></a:tbl>"
    picture = (
        '<p:pic><p:nvPicPr><p:cNvPr id="1" name="P" descr="A blue whale"/></p:nvPicPr></p:pic>'
    )
    path = slides(
        tmp_path / "a.pptx",
        [table + picture],
        notesSlide=shape("Speak slowly"),
        comments="<p:cm><p:text>Too long?</p:text></p:cm>",
        chart=(
            "<c:chart><a:p><a:t>Catch</a:t></a:p><c:numCache><c:pt><c:v>2003</c:v></c:pt></c:numCache>"
            "</c:chart>"
        ),
    )
    sections = {one["locator"].get("part", ""): one["text"] for one in read(path)}
    assert sections == {
        "": "Name\tSum\nA blue whale\nCatch\n2003",
        "notes": "Speak slowly",
        "comments": "Too long?",
    }


def test_what_layouts_show_is_told_once(tmp_path: Path) -> None:
    layout = shape("Click to edit the title", role="title") + shape("Whale Watch Ltd, confidential")
    path = slides(tmp_path / "a.pptx", [shape("One"), shape("Two")], slideLayout=layout)
    assert [(one["locator"], one["text"]) for one in read(path)] == [
        ({"slide": 1}, "One"),
        ({"slide": 2}, "Two"),
        ({"part": "master"}, "Whale Watch Ltd, confidential"),
    ]


def test_a_show_without_slides_is_empty(tmp_path: Path) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(slides(tmp_path / "a.pptx", []))
    assert refused.value.reason == "empty"
