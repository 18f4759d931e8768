"""One page a child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.ocr import service
from plugins.ocr.page import extract
from plugins.ocr.settings import Settings
from plugram import SandboxRefused
from tests.plugins.ocr.samples import page, scan

WORDS = ("Exit only", "Push twice", "Mind the gap")


def read(path: Path, resume: dict[str, Any], **settings: Any) -> dict[str, Any]:
    made = service.processor(Settings(**settings))
    return extract(str(path), {"options": dict(made.options), "resume": resume})


@pytest.fixture
def signs(tmp_path: Path) -> Path:
    return scan(tmp_path / "signs.pdf", [page(text) for text in WORDS])


def test_the_pages_that_are_asked_for_one_after_the_other(signs: Path) -> None:
    resume = {"processor": "ocr", "source": "pdf", "pages": "1 3", "total": 2, "words": 10}
    first = read(signs, resume)
    assert first["sections"] == [{"text": WORDS[0], "locator": {"page": 1}}]
    assert first["metadata"]["words"] == 12
    assert first["resume"] == resume | {"done": 1, "words": 12}
    second = read(signs, first["resume"])
    assert second["sections"] == [{"text": WORDS[2], "locator": {"page": 3}}]
    assert second["metadata"]["words"] == 15
    assert second["resume"] is None
    assert second["warnings"] == []


def test_too_many_pages_are_told(signs: Path) -> None:
    found = read(signs, {"source": "pdf", "pages": "2 3", "total": 2}, max_pages=1)
    assert found["sections"][0]["locator"] == {"page": 2}
    assert found["resume"] is None
    assert found["warnings"] == ["pages-left"]


def test_a_picture_has_no_pages_but_a_fax_has(tmp_path: Path) -> None:
    photo, fax = tmp_path / "photo.png", tmp_path / "fax.tif"
    page(WORDS[0]).save(photo)
    page(WORDS[0]).save(fax, save_all=True, append_images=[page(WORDS[1])])
    assert read(photo, {"source": "picture", "total": 1})["sections"] == [
        {"text": WORDS[0], "locator": {}}
    ]
    second = read(fax, {"source": "picture", "done": 1, "total": 2})
    assert second["sections"] == [{"text": WORDS[1], "locator": {"page": 2}}]


def test_a_page_that_is_not_there_is_refused(signs: Path) -> None:
    with pytest.raises(SandboxRefused, match="page 9"):
        read(signs, {"source": "pdf", "pages": "9", "total": 1})
