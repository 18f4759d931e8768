"""XLSX: every sheet, as it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.xlsx import extract
from plugram import SandboxRefused
from tests.plugins.documents.office import ooxml, row, workbook
from tests.plugins.documents.samples import archive


def read(path: Path) -> dict[str, Any]:
    return extract(str(path), {})


def test_sheets_with_their_names_and_rows(tmp_path: Path) -> None:
    shared = '<c t="s"><v>0</v></c>'
    path = workbook(
        tmp_path / "a.xlsx",
        {"Costs": row("Name", "Sum") + row(shared, "<c><v>42</v></c>", number=7), "Empty": ""},
        strings=["<t>Krill</t><rPh><t>unsaid</t></rPh>"],
    )
    first, second = read(path)["sections"]
    assert first == {
        "text": "Costs\n\nName\tSum\nKrill\t42",
        "heading": "Costs",
        "locator": {"sheet": "Costs", "row": 1},
    }
    assert second["text"] == "Empty"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("<c><v>4.2999999999999998</v></c>", "4.3"),
        ('<c t="b"><v>1</v></c>', "TRUE"),
        ('<c t="str"><f>A1&amp;B1</f><v>joined</v></c>', "joined"),
        ('<c t="e"><v>#REF!</v></c>', "#REF!"),
        ('<c s="1"><v>45292</v></c>', "2024-01-01"),
        ('<c s="2"><v>0.256</v></c>', "25.6%"),
        ('<c s="3"><v>-1234567.8</v></c>', "(1,234,567.80 €)"),
        ('<c t="inlineStr"><is><r><t>one </t></r><r><t>cell</t></r></is></c>', "one cell"),
        ('<c t="str"><v>a_x000D_b</v></c>', "a b"),
    ],
)
def test_cells_as_they_are_shown(tmp_path: Path, cell: str, shown: str) -> None:
    formats = ["yyyy-mm-dd", "0.0%", "#,##0.00 &quot;€&quot;;(#,##0.00 &quot;€&quot;)"]
    path = workbook(tmp_path / "a.xlsx", {"S": row(cell)}, formats=formats)
    assert read(path)["sections"][0]["text"] == f"S\n\n{shown}"


def test_comments_and_charts_of_a_sheet(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        {"S": row("x")},
        comments="<comments><text><r><t>Check</t></r><r><t> this</t></r></text></comments>",
        drawing="<d xmlns:a='a'><a:p><a:t>In a box</a:t></a:p></d>",
        chart=(
            "<c:chartSpace xmlns:c='c' xmlns:a='a'><a:p><a:t>Catch</a:t></a:p>"
            "<c:strCache><c:pt><c:v>May</c:v></c:pt><c:pt><c:v>June</c:v></c:pt></c:strCache>"
            "</c:chartSpace>"
        ),
    )
    sections = {one["locator"].get("part"): one["text"] for one in read(path)["sections"]}
    assert sections["comments"] == "Check this"
    assert sections["drawing"] == "In a box"
    assert sections["chart"] == "Catch\nMay\tJune"


def test_a_long_sheet_says_its_columns_again(tmp_path: Path) -> None:
    rows = row("Name", "Sum") + "".join(
        row(f"Whale number {n}", "12", number=n) for n in range(2, 400)
    )
    sections = read(workbook(tmp_path / "a.xlsx", {"S": rows}))["sections"]
    assert len(sections) > 3
    assert all(one["text"].startswith("Name\tSum\n") for one in sections[1:])
    assert sections[1]["locator"]["row"] > 50


def test_without_a_workbook_it_is_corrupt(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.xlsx", ooxml("xl/other.xml", "spreadsheetml.sheet"))
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    assert refused.value.reason in {"corrupt", "empty"}
