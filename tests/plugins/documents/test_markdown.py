"""Markdown: its words without its signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plugins.documents.markdown import extract

_PAGE = """---
title: "On whales"
author: Ann
---
Before any heading.

# Whales *and* krill

Some **bold**, a [link](https://example.org/page) and `code` on
two lines, foo_bar_baz.

| Name  | Sum |
|-------|-----|
| Krill | 42  |

```python
print("hello")
```

## Second

- item one
  - nested item
1. first

<div>HTML <b>inside</b><!-- hidden --></div>

![a whale](whale.png)
"""


def read(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    return extract(str(path), {})


def test_words_without_signs(tmp_path: Path) -> None:
    text = "\n\n".join(one["text"] for one in read(tmp_path / "a.md", _PAGE)["sections"])
    for told in (
        "Some bold, a link and code on\ntwo lines, foo_bar_baz.",
        "Krill\t42",
        'print("hello")',
        "nested item",
        "HTML inside",
        "a whale",
    ):
        assert told in text
    for sign in ("**", "](", "```", "|", "<b>", "hidden", "---"):
        assert sign not in text


def test_headings_and_lines(tmp_path: Path) -> None:
    sections = read(tmp_path / "a.md", _PAGE)["sections"]
    assert [(one["heading"], one["locator"]["line"]) for one in sections] == [
        ("", 5),
        ("Whales and krill", 7),
        ("Second", 20),
    ]


def test_front_matter_and_first_heading_tell_the_title(tmp_path: Path) -> None:
    known = read(tmp_path / "a.md", _PAGE)["metadata"]
    assert (known["title"], known["author"]) == ("On whales", "Ann")
    assert read(tmp_path / "b.md", "# Only\n\ntext")["metadata"]["title"] == "Only"


def test_a_long_page_is_read_in_time(tmp_path: Path) -> None:
    sections = read(tmp_path / "a.md", "# Title\n\nsome text here\n\n" * 60_000)["sections"]
    assert len(sections) > 100
