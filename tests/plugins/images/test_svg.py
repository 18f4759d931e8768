"""SVG is text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.images.svg import extract
from plugram import SandboxRefused

DRAWING = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="120px" height="80">
  <title>A map</title>
  <style>text { fill: red }</style><script>alert("boo")</script>
  <g><text x="1">Ferry <tspan>to the</tspan> islands</text><path d="M0 0"/></g>
  <desc>Drawn by Ann</desc>
</svg>"""


def read(tmp_path: Path, content: str) -> dict[str, Any]:
    path = tmp_path / "a.svg"
    path.write_text(content)
    return extract(str(path), {})


def test_its_texts_titles_and_descriptions(tmp_path: Path) -> None:
    found = read(tmp_path, DRAWING)
    assert found["sections"] == [
        {"text": "A map\nFerry to the islands\nDrawn by Ann", "locator": {}}
    ]
    assert found["metadata"] == {"width": 120, "height": 80, "format": "SVG", "words": 9}


def test_a_drawing_without_text(tmp_path: Path) -> None:
    assert read(tmp_path, "<svg><path d='M0 0'/></svg>")["sections"] == []


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><text>&b;</text></svg>',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg><text>&x;</text></svg>',
        "<svg><text>never closed",
        "",
    ],
)
def test_traps_and_broken_ones_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(tmp_path, content)
    assert refused.value.reason == "corrupt"
