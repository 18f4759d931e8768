"""Pages that are pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from plugins.documents import cover, scans
from plugins.documents.pdf import extract
from plugram import SandboxRefused

LETTER = "Dear Ann, the ferry to the northern islands leaves at seven in the morning."


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Text; a picture; nothing at all; a picture under a stamp; a small picture beside words."""
    data = io.BytesIO()
    Image.new("L", (60, 80), 200).save(data, "PNG")
    path = tmp_path / "mixed.pdf"
    canvas = Canvas(str(path), pagesize=(600, 800))

    def picture(x: int, y: int, width: int, height: int) -> None:
        canvas.drawImage(ImageReader(io.BytesIO(data.getvalue())), x, y, width, height)

    canvas.drawString(72, 700, LETTER)
    canvas.showPage()
    picture(0, 0, 600, 800)
    canvas.showPage()
    canvas.showPage()
    picture(0, 0, 600, 800)
    canvas.drawString(72, 20, "Scanned with a telephone")
    canvas.showPage()
    picture(10, 10, 50, 50)
    canvas.drawString(72, 700, "Chapter 2")
    canvas.showPage()
    canvas.save()
    return path


def read(path: Path) -> dict[str, Any]:
    return extract(str(path), {})


def test_pictures_are_handed_on_and_texts_are_kept(mixed: Path) -> None:
    found = read(mixed)
    pages = [one["locator"]["page"] for one in found["sections"] if "page" in one["locator"]]
    assert pages == [1, 4, 5]
    assert found["resume"] == {
        "processor": "ocr",
        "source": "pdf",
        "pages": "2 4",
        "done": 0,
        "total": 2,
        "words": found["metadata"]["words"],
        "settles": "no-text-layer",
    }
    assert found["warnings"] == ["no-text-layer"]
    assert found["metadata"]["pages_without_text"] == 2


@pytest.mark.parametrize(
    ("text", "legible"),
    [
        (LETTER, True),
        ("", True),
        ("Contents\nOne ........................ 1\nTwo ........................ 9\n", True),
        ("1,204 5,003 77.1 (12) 4,500 8,211 90.0 (3) 1,000", True),
        ("灯塔看守人每天晚上都在同一本厚厚的本子里写字。", True),
        ("\ue001\ue002\ue003\ue004 \ue005\ue006\ue007" * 6, False),
        ("\x01\x02\x03 \x04\x05" * 9, False),
        ("!\"#$%& '()*+ ,-./ :;<=>? @[]^ " * 3, False),
    ],
)
def test_a_text_layer_of_signs_is_none(text: str, legible: bool) -> None:
    assert scans.legible(text) is legible


def test_a_small_picture_of_the_first_page(mixed: Path, tmp_path: Path) -> None:
    import base64

    found = cover.extract(str(mixed), {})
    small = Image.open(io.BytesIO(base64.b64decode(found["thumbnail"])))
    assert (small.format, small.size) == ("JPEG", (240, 320))
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnot really")
    with pytest.raises(SandboxRefused):
        cover.extract(str(broken), {})
