"""HTML: what a reader would see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.html import extract
from plugram import SandboxRefused

_LONG = "Whales are large. " * 20
_PAGE = f"""<!doctype html><html lang="en-GB"><head>
<title>On &amp; about
 whales</title><meta name="author" content="Ann"><style>p {{ color: red }}</style></head>
<body><nav>Home Contact</nav><h1>Whales</h1><p>{_LONG}</p>
<p>A wo<b>rd</b> in <i>three</i> parts,<br>a line, a&nbsp;space, sy&shy;llables.</p>
<script>alert("evil")</script><noscript>no script</noscript>
<table><tr><th>Name<th>Sum<tr><td>Krill<td>42</table>
<h2>Second</h2><ul><li>one<li>two</ul><pre>  kept
    indent</pre><img alt="a whale" src="x"><div hidden>unseen</div></body></html>"""


def read(path: Path, page: str | bytes) -> dict[str, Any]:
    path.write_bytes(page.encode() if isinstance(page, str) else page)
    return extract(str(path), {})


def text_of(path: Path, page: str | bytes) -> str:
    return "\n\n".join(one["text"] for one in read(path, page)["sections"])


def test_words_are_neither_glued_nor_torn(tmp_path: Path) -> None:
    text = text_of(tmp_path / "a.html", _PAGE)
    for told in (
        "A word in three parts,\na line, a space, syllables.",
        "Name\tSum\nKrill\t42",
        "one\ntwo",
        "kept\n    indent",
        "a whale",
    ):
        assert told in text


def test_scripts_styles_and_hidden_parts_are_not_text(tmp_path: Path) -> None:
    text = text_of(tmp_path / "a.html", _PAGE)
    for untold in ("evil", "color", "no script", "unseen"):
        assert untold not in text


def test_a_page_within_an_attribute_is_seen(tmp_path: Path) -> None:
    deeper = "&lt;iframe srcdoc='deeper'&gt;&lt;/iframe&gt;"
    page = f"<p>outside</p><iframe srcdoc='<p>inside &amp;amp; framed</p>{deeper}'></iframe>"
    assert text_of(tmp_path / "a.html", page.encode()).split("\n")[:1] == ["outside"]
    assert "inside & framed" in text_of(tmp_path / "a.html", page.encode())


def test_menus_stand_at_the_end_where_there_is_text_to_read_first(tmp_path: Path) -> None:
    *text, menu, properties = read(tmp_path / "a.html", _PAGE)["sections"]
    assert all("Contact" not in one["text"] for one in text)
    assert (menu["text"], menu["locator"]) == ("Home Contact", {"part": "navigation"})
    assert properties["locator"] == {"part": "properties"}


def test_a_page_that_is_all_menu_keeps_it(tmp_path: Path) -> None:
    assert text_of(tmp_path / "a.html", "<nav><a>Home</a> <a>Contact</a></nav>") == "Home Contact"


def test_headings_title_author_and_language(tmp_path: Path) -> None:
    found = read(tmp_path / "a.html", _PAGE)
    assert [one["heading"] for one in found["sections"][:2]] == ["Whales", "Second"]
    assert found["metadata"]["title"] == "On & about whales"
    assert found["metadata"]["author"] == "Ann"
    assert found["language"] == "en"


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ("<meta charset=windows-1251>", "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso8859-5"),
        ("", "cp1251"),
        ("", "utf-16"),
        ("<meta charset=no-such-thing>", "utf-8"),
    ],
)
def test_the_declared_encoding_is_believed(tmp_path: Path, declaration: str, encoding: str) -> None:
    page = f"{declaration}<p>Привет, мир! Это обычный текст страницы.</p>".encode(encoding)
    assert "Привет, мир!" in text_of(tmp_path / "a.html", page)


def test_no_text_is_empty(tmp_path: Path) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(tmp_path / "a.html", "<html><script>x</script></html>")
    assert refused.value.reason == "empty"
