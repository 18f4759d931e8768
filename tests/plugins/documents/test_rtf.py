"""RTF: what a reader sees, in any encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.documents.rtf import extract, text_of
from plugram import SandboxRefused

_FONTS = rb"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 Mincho;}}"


def read(path: Path, body: bytes) -> dict[str, Any]:
    path.write_bytes(rb"{\rtf1\ansi\ansicpg1252\deff0" + _FONTS + body + b"}")
    return extract(str(path), {})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"One\par Two\line Three", "One\nTwo\nThree"),
        (rb"caf\'e9 \emdash  \{braces\}", "café — {braces}"),
        (rb"\u1055?\u1088?\'3f", "Пр?"),
        (rb"{\uc2\u1055\'cf\'cf x}", "П x"),
        (rb"\u-10179?\u-8704?", "\U0001f600"),
        (rb"half \u-10179?, other \u-8704?half", "half , other half"),
        (rb"\f1 \'cf\'f0\'e8\'e2\'e5\'f2\f0  caf\'e9", "Привет café"),
        (rb"\f2 \'93\'fa\'96\'7b", "日本"),
        (rb"{\*\generator Word}{\pict\wmetafile8 0100090000}seen", "seen"),
        (rb"{\i0\b0\*\cs7\cf0 A style within}{\*\cs7 unknown}", "A style within"),
        (rb"{\v hidden}{\deleted gone}shown", "shown"),
        (rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt a link}}", "a link"),
        (rb"a\cell b\cell\row c\cell d\cell\row", "a\tb\nc\td"),
        (rb"pic{\pict\bin4 }}}}}{\i s}", "pics"),
        (rb"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt in a box}}}", "in a box"),
        (b"bro\r\nken li\nnes", "broken lines"),
        (rb"no\~break soft\-hyphen non\_breaking", "no break softhyphen non-breaking"),
    ],
)
def test_words(tmp_path: Path, body: bytes, text: str) -> None:
    assert read(tmp_path / "a.rtf", body)["sections"][0]["text"] == text


def test_title_header_and_comment_stand_apart(tmp_path: Path) -> None:
    body = rb"{\info{\title Annual report}}{\header On top}Body{\*\annotation Really?}"
    found = read(tmp_path / "a.rtf", body)
    sections = {one["locator"].get("part", ""): one["text"] for one in found["sections"]}
    assert sections == {
        "": "Body",
        "header": "On top",
        "comments": "Really?",
        "properties": "Annual report",
    }
    assert found["metadata"]["title"] == "Annual report"


def test_a_page_wrapped_up_in_rtf() -> None:
    page = (
        rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}Hello{\*\htmltag72 <br>}\htmlrtf \par \htmlrtf0 "
        rb"you{\*\htmltag72 </p>}}"
    )
    assert text_of(page) == "Hello\nyou"


def test_bottomless_groups_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(tmp_path / "a.rtf", b"{" * 100_000 + b"deep")
    assert refused.value.reason == "corrupt"
