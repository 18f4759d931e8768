"""EPUB: chapters in the order of reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.epub import extract
from plugram import SandboxRefused
from tests.plugins.documents.samples import archive

_CONTAINER = '<container><rootfile full-path="OPS/book.opf"/></container>'
_BOOK = """<package xmlns:dc="dc"><metadata><dc:title>On whales</dc:title>
<dc:creator>Ann Author</dc:creator><dc:language>en-GB</dc:language></metadata>
<manifest><item id="b" href="second%20one.xhtml"/><item id="a" href="text/first.xhtml"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/></spine></package>"""


def book(path: Path, **more: str) -> Path:
    page = '<?xml version="1.0"?><html><body><h1>{}</h1><p>Words&nbsp;of {}.</p></body></html>'
    return archive(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _CONTAINER,
            "OPS/book.opf": _BOOK,
            "OPS/second one.xhtml": page.format("Two", "two"),
            "OPS/text/first.xhtml": page.format("One", "one"),
            **{name.replace("__", "/") + ".xml": content for name, content in more.items()},
        },
    )


def read(path: Path) -> dict[str, Any]:
    return extract(str(path), {})


def test_chapters_in_the_order_of_reading(tmp_path: Path) -> None:
    found = read(book(tmp_path / "a.epub"))
    assert [(one["locator"], one["heading"], one["text"]) for one in found["sections"][:2]] == [
        ({"chapter": 1}, "One", "One\n\nWords of one."),
        ({"chapter": 2}, "Two", "Two\n\nWords of two."),
    ]
    assert found["sections"][2]["text"] == "On whales\nAnn Author"
    assert (found["metadata"]["title"], found["language"]) == ("On whales", "en")


def test_a_locked_book_is_told(tmp_path: Path) -> None:
    locked = '<e><EncryptedData><x URI="OPS/text/first.xhtml"/></EncryptedData></e>'
    with pytest.raises(SandboxRefused) as refused:
        read(book(tmp_path / "a.epub", **{"META-INF__encryption": locked}))
    assert refused.value.reason == "encrypted"


def test_scrambled_fonts_lock_nothing(tmp_path: Path) -> None:
    font = '<e><EncryptedData Algorithm="http://www.idpf.org/2008/embedding"/></e>'
    assert read(book(tmp_path / "a.epub", **{"META-INF__encryption": font}))["sections"]
