"""OpenDocument: texts, sheets and slides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents import odf
from plugram import SandboxRefused
from tests.plugins.documents.office import flat, opendocument
from tests.plugins.documents.samples import archive


def read(path: Path) -> dict[str, Any]:
    return odf.extract(str(path), {})


def test_a_text(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:h>Whales</text:h><text:p>Two<text:s text:c='2'/>spaces,\n   <text:span>one"
        "</text:span><text:tab/>tab<office:annotation><text:p>Really?</text:p></office:annotation>"
        "</text:p><table:table><table:table-row><table:table-cell><text:p>a</text:p>"
        "</table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell>"
        "</table:table-row></table:table>"
    )
    styles = "<style:header><text:p>On every page</text:p></style:header><text:p>default</text:p>"
    meta = (
        "<dc:title>Annual report</dc:title>"
        "<meta:user-defined meta:name='Room'>7</meta:user-defined>"
    )
    found = read(opendocument(tmp_path / "a.odt", "text", body, meta=meta, styles=styles))
    sections = {one["locator"].get("part", ""): one["text"] for one in found["sections"]}
    assert sections == {
        "": "Whales\n\nTwo  spaces, one\ttab\n\na\tb",
        "header": "On every page",
        "comments": "Really?",
        "properties": "Annual report\nRoom: 7",
    }
    assert found["metadata"]["title"] == "Annual report"


def test_a_sheet_tells_its_cells_and_not_its_filling(tmp_path: Path) -> None:
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    twice = cell.format(" table:number-columns-repeated='2'", "x")
    body = (
        "<table:table table:name='Costs'><table:table-row>"
        f"{cell.format('', 'Name')}{twice}"
        "<table:table-cell table:number-columns-repeated='16000'/></table:table-row>"
        "<table:table-row table:number-rows-repeated='1000000'><table:table-cell/>"
        "</table:table-row>"
        f"<table:table-row>{cell.format('', 'last')}</table:table-row></table:table>"
    )
    (section,) = read(opendocument(tmp_path / "a.ods", "spreadsheet", body))["sections"]
    assert section["text"] == "Costs\n\nName\tx\tx\nlast"
    assert section["locator"] == {"sheet": "Costs", "row": 1}


def test_slides_and_their_notes(tmp_path: Path) -> None:
    body = (
        "<draw:page><draw:frame presentation:class='title'><text:p>Whales</text:p></draw:frame>"
        "<presentation:notes><text:p>Slowly</text:p></presentation:notes></draw:page>"
        "<draw:page><text:p>End</text:p></draw:page>"
    )
    found = read(opendocument(tmp_path / "a.odp", "presentation", body))["sections"]
    assert [(one["text"], one["locator"]) for one in found] == [
        ("Whales", {"slide": 1}),
        ("Slowly", {"slide": 1, "part": "notes"}),
        ("End", {"slide": 2}),
    ]


def test_a_document_that_is_one_xml_file(tmp_path: Path) -> None:
    path = tmp_path / "a.fodt"
    path.write_text(flat("text", "<text:p>all in one</text:p>"))
    assert odf.flat(str(path), {})["sections"][0]["text"] == "all in one"


def test_a_password_is_told(tmp_path: Path) -> None:
    manifest = "<manifest><encryption-data/></manifest>"
    path = archive(tmp_path / "a.odt", {"META-INF/manifest.xml": manifest, "content.xml": "?"})
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    assert refused.value.reason == "encrypted"
