"""Office before 2007, Outlook's messages, Hangul's documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents import tnef
from plugins.documents.ole import extract
from plugram import SandboxRefused
from tests.plugins.documents.binaries import excel, hangul, outlook, powerpoint, winmail, word
from tests.plugins.documents.samples import compound


def read(path: Path) -> dict[str, Any]:
    return extract(str(path), {})


@pytest.mark.parametrize("wide", [True, False])
def test_word(tmp_path: Path, wide: bool) -> None:
    text = "Whales\rA \x13 HYPERLINK x \x14link\x15 here\x0bthere\rName\x07Sum\x07\x07end\r"
    found = read(word(tmp_path / "a.doc", text, footnotes="\x02A note\r", wide=wide))
    body, notes = found["sections"]
    assert body["text"] == "Whales\n\nA link here\n\nthere\n\nName\tSum\n\nend"
    assert (notes["text"], notes["locator"]) == ("A note", {"part": "footnotes"})


def test_word_in_cyrillic(tmp_path: Path) -> None:
    assert (
        read(word(tmp_path / "a.doc", "Отчёт о китах\r"))["sections"][0]["text"] == "Отчёт о китах"
    )


def test_excel(tmp_path: Path) -> None:
    cells: dict[tuple[int, int], str | float] = {(0, 0): "Имя", (0, 1): "Sum", (2, 0): "Krill"}
    found = read(excel(tmp_path / "a.xls", "Costs", cells | {(2, 1): 4.5}))
    (section,) = found["sections"]
    assert section["text"] == "Costs\n\nИмя\tSum\nKrill\t4.5"
    assert section["locator"] == {"sheet": "Costs", "row": 1}


def test_powerpoint(tmp_path: Path) -> None:
    path = powerpoint(tmp_path / "a.ppt", [["Whales", "They\rsing"], ["End"]], notes="Slowly")
    assert [(one["text"], one["locator"]) for one in read(path)["sections"]] == [
        ("Whales\nThey\nsing", {"slide": 1}),
        ("End", {"slide": 2}),
        ("Slowly", {"part": "notes"}),
    ]


def test_outlook(tmp_path: Path) -> None:
    fields = {"0037": "Report", "1000": "The whales sing.", "0C1A": "Ann", "0E04": "Bob"}
    path = outlook(tmp_path / "a.msg", fields, {"notes.txt": b"attached words " * 300})
    found = read(path)
    assert found["sections"][0]["text"].startswith("Subject: Report\nFrom: Ann\nTo: Bob")
    assert found["sections"][0]["text"].endswith("The whales sing.")
    assert {one["locator"]["member"] for one in found["sections"][1:]} == {"notes.txt"}
    assert found["sections"][2]["text"].startswith("attached words attached")
    assert (found["metadata"]["title"], found["metadata"]["attachments"]) == ("Report", 1)


def test_winmail(tmp_path: Path) -> None:
    path = winmail(tmp_path / "winmail.dat", "Report", "The whales sing.", {"a.txt": b"attached"})
    found = tnef.extract(str(path), {})
    assert [one["text"] for one in found["sections"]] == [
        "Report\n\nThe whales sing.",
        "a.txt",
        "attached",
    ]


def test_hangul(tmp_path: Path) -> None:
    found = read(hangul(tmp_path / "a.hwp", "고래가 노래한다", "Whales sing"))
    assert found["sections"][0]["text"] == "고래가 노래한다\n\nWhales sing"


@pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(2000)])
def test_stumps_are_corrupt(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.doc"
    path.write_bytes(content)
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    assert refused.value.reason == "corrupt"


def test_an_empty_document_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(compound(tmp_path / "a.xls", {"Workbook": b"?"}))
    assert refused.value.reason == "corrupt"
