"""DOCX: all that a reader sees, and nothing that a hostile one hides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.docx import extract
from plugram import SandboxRefused
from tests.plugins.documents.samples import archive, paragraph, part, word, word_of


def read(path: Path) -> dict[str, Any]:
    return extract(str(path), {})


def text_of(path: Path) -> str:
    return "\n".join(section["text"] for section in read(path)["sections"])


def reason(path: Path) -> str:
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    return refused.value.reason


def test_headings_paragraphs_tables_header_and_footer(tmp_path: Path) -> None:
    sections = read(word(tmp_path / "a.docx"))["sections"]
    body, numbers, header, footer, properties = sections
    assert properties["text"] == "Annual report\nAnn Author"
    assert body["heading"] == "Introduction"
    assert "The first paragraph speaks of whales." in body["text"]
    assert "One word in three runs." in body["text"]
    assert numbers["heading"] == "Numbers"
    assert numbers["text"] == "Numbers\n\nName\tSum\nKrill\t42"
    assert (header["text"], header["locator"]) == ("Top secret header", {"part": "header"})
    assert (footer["text"], footer["locator"]) == ("Footer of ours", {"part": "footer"})


def test_title_author_and_words(tmp_path: Path) -> None:
    known = read(word(tmp_path / "a.docx"))["metadata"]
    assert (known["title"], known["author"]) == ("Annual report", "Ann Author")
    assert known["words"] > 15
    assert known["created"].startswith("20")


def test_what_python_docx_leaves_out(tmp_path: Path) -> None:
    box = f"<w:txbxContent>{paragraph('In a box')}</w:txbxContent>"
    inserted = '<w:p><w:ins w:id="1"><w:r><w:t>Inserted later</w:t></w:r></w:ins></w:p>'
    body = (
        f"<w:sdt><w:sdtContent>{paragraph('In a content control')}</w:sdtContent></w:sdt>"
        + inserted
        + f"<w:p><w:r><w:t>Host</w:t>{box}</w:r></w:p>"
    )
    path = word_of(tmp_path / "a.docx", body, footnotes=paragraph("A note below"))
    text = text_of(path)
    for told in ("In a content control", "Inserted later", "Host", "In a box", "A note below"):
        assert told in text


def test_deleted_text_and_second_forms_are_not_read(tmp_path: Path) -> None:
    body = (
        "<w:p><w:r><w:t>Kept</w:t></w:r>"
        "<w:del><w:r><w:delText>Deleted</w:delText></w:r></w:del>"
        "<mc:AlternateContent><mc:Choice><w:r><w:t> once</w:t></w:r></mc:Choice>"
        "<mc:Fallback><w:r><w:t> twice</w:t></w:r></mc:Fallback></mc:AlternateContent>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    )
    assert text_of(word_of(tmp_path / "a.docx", body)) == "Kept once"


def test_signs_are_characters(tmp_path: Path) -> None:
    body = (
        '<w:p><w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'
        "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/>"
        "<w:t>d</w:t><w:softHyphen/><w:t>e\u00adf ﬁn</w:t></w:r></w:p>"
    )
    assert text_of(word_of(tmp_path / "a.docx", body)) == "a\tb\nc-def fin"


def test_headings_by_base_style_and_by_outline_level(tmp_path: Path) -> None:
    styles = (
        '<w:style w:styleId="H"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="H"/></w:style>'
    )
    body = (
        paragraph("Chapter", '<w:pStyle w:val="Mine"/>')
        + paragraph("text one")
        + paragraph("Part", '<w:outlineLvl w:val="1"/>')
        + paragraph("text two")
    )
    sections = read(word_of(tmp_path / "a.docx", body, styles=styles))["sections"]
    assert [one["heading"] for one in sections] == ["Chapter", "Part"]
    assert [one["locator"] for one in sections] == [{"paragraph": 1}, {"paragraph": 3}]


def test_strict_documents_are_read_too(tmp_path: Path) -> None:
    path = word_of(tmp_path / "a.docx", paragraph("strict"))
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    import zipfile

    with zipfile.ZipFile(path) as package:
        files = {name: package.read(name) for name in package.namelist()}
    transitional = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    files["word/document.xml"] = files["word/document.xml"].replace(transitional, strict.encode())
    assert text_of(archive(path, files)) == "strict"


def test_a_document_without_text_is_empty(tmp_path: Path) -> None:
    assert reason(word_of(tmp_path / "a.docx", "<w:p/>")) == "empty"


def test_a_stump_is_corrupt(tmp_path: Path) -> None:
    path = word(tmp_path / "a.docx")
    path.write_bytes(path.read_bytes()[:4000])
    assert reason(path) == "corrupt"


def test_text_before_the_damage_is_kept(tmp_path: Path) -> None:
    path = word_of(tmp_path / "a.docx", paragraph("Before") + "<w:p><w:r><w:t>half")
    found = read(path)
    assert found["sections"][0]["text"] == "Before"
    assert found["warnings"] == ["damaged"]


def test_an_archive_without_a_document_is_corrupt(tmp_path: Path) -> None:
    assert reason(archive(tmp_path / "a.docx", {"[Content_Types].xml": "<Types/>"})) == "corrupt"


def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.docx",
        {"[Content_Types].xml": "<Types/>", "word/document.xml": b"\0" * (300 << 20)},
    )
    assert path.stat().st_size < 1 << 20
    assert reason(path) == "unpacked"


def test_a_bomb_of_many_small_entries_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.docx", {f"word/{number}": "" for number in range(10_001)})
    assert reason(path) == "unpacked"


def test_an_entry_that_lies_about_its_size_gives_no_more(tmp_path: Path) -> None:
    honest = word_of(tmp_path / "a.docx", paragraph("x" * 100_000)).read_bytes()
    size = len(part("document", f"<w:body>{paragraph('x' * 100_000)}</w:body>"))
    liar = honest.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path = tmp_path / "liar.docx"
    path.write_bytes(liar)
    assert reason(path) in {"corrupt", "empty"}


_LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
_OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("declaration", [_LAUGHS, _OUTSIDE])
def test_document_types_are_refused(tmp_path: Path, declaration: str) -> None:
    document = part("document", f"<w:body>{paragraph('&c;')}</w:body>")
    path = word_of(tmp_path / "a.docx", "")
    import zipfile

    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {name: package.read(name) for name in package.namelist()}
    files["word/document.xml"] = declaration + document
    assert reason(archive(path, files)) == "corrupt"


def test_bottomless_nesting_is_refused(tmp_path: Path) -> None:
    body = "<w:sdt>" * 5_000 + paragraph("deep") + "</w:sdt>" * 5_000
    assert reason(word_of(tmp_path / "a.docx", body)) == "corrupt"


def test_links_do_not_lead_out_of_the_package(tmp_path: Path) -> None:
    path = word_of(tmp_path / "a.docx", paragraph("inside"), footnotes=paragraph("note"))
    import zipfile

    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {name: package.read(name) for name in package.namelist()}
    name = "word/_rels/document.xml.rels"
    files[name] = bytes(files[name]).replace(b"footnotes.xml", b"../../../../etc/passwd")  # type: ignore[arg-type]
    assert text_of(archive(path, files)) == "inside"
