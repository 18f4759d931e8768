"""What is read of a page, and what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from plugins.ocr import engine, scripts
from plugins.ocr.engine import Engines
from plugins.ocr.preparing import Pixels
from tests.plugins.ocr.samples import KINDS, TEXTS, likeness, page, rotated, small

pytestmark = pytest.mark.timeout(180)  # models on a busy machine

GREEK = "Ο φαροφύλακας έγραφε κάθε βράδυ στο ίδιο χοντρό τετράδιο και σημείωνε τον άνεμο. " * 2


def pixels(sheet: Image.Image) -> Pixels:
    return np.array(sheet)


def texture() -> Pixels:
    """Leaves, or gravel: everything but letters."""
    grain = np.random.default_rng(1).normal(128, 255, (600, 800)).astype(np.float32)
    return cv2.GaussianBlur(grain, (0, 0), 2).clip(0, 255).astype(np.uint8)


# -- tesseract ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", TEXTS)
def test_clean_scans_are_read(tesseract: Engines, language: str) -> None:
    """German by the models for English and Spanish, which know its letters but one."""
    found = engine.read(pixels(page(TEXTS[language])), tesseract)
    assert likeness(found.text, TEXTS[language]) > 0.97


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        ("en", "rotated 90"),
        ("ru", "rotated 180"),
        ("ru", "skewed"),
        ("es", "noisy"),
        ("ru", "small"),
        ("es", "photographed"),
    ],
)
def test_spoiled_pages_are_read(tesseract: Engines, language: str, kind: str) -> None:
    found = engine.read(pixels(KINDS[kind](page(TEXTS[language]))), tesseract)
    assert likeness(found.text, TEXTS[language]) > 0.95, found


def test_a_script_without_letters_is_refused_by_its_name(tesseract: Engines) -> None:
    assert engine.read(pixels(page(GREEK)), tesseract) == engine.Page(problem="script:greek")
    latin = Engines(scripts.by_script(["eng", "spa"]), rapidocr=False)
    assert engine.read(pixels(page(TEXTS["ru"])), latin) == engine.Page(problem="script:cyrillic")


def test_a_few_words_are_read_too(tesseract: Engines) -> None:
    assert engine.read(pixels(page("Выход здесь")), tesseract).text == "Выход здесь"


def test_rapidocr_reads_what_tesseract_has_no_letters_for(tesseract: Engines) -> None:
    both = Engines(scripts.by_script(["eng"]), rapidocr=True)
    text = TEXTS["zh"].split("\n\n")[0]
    found = engine.read(pixels(page(text)), both)
    assert likeness(found.text, text) > 0.97
    assert found.problem == ""


def test_a_picture_without_text_has_none(tesseract: Engines) -> None:
    empty = engine.Page()
    assert engine.read(np.full((500, 400), 240, np.uint8), tesseract) == empty
    assert engine.read(np.zeros((10, 400), np.uint8), tesseract) == empty
    assert engine.read(texture(), tesseract).text == ""


# -- rapidocr -----------------------------------------------------------------------------------


def test_rapidocr_reads_latin_and_chinese(rapidocr: Engines) -> None:
    for language in ("de", "zh"):
        text = TEXTS[language].split("\n\n")[0]
        found = engine.read(pixels(page(text)), rapidocr)
        assert likeness(found.text, text) > 0.97, language


def test_rapidocr_finds_which_way_is_up(rapidocr: Engines) -> None:
    text = TEXTS["en"].split("\n\n")[0]
    found = engine.read(pixels(rotated(page(text), 90)), rapidocr)
    assert likeness(found.text, text) > 0.97


def test_rapidocr_refuses_what_it_would_make_up(rapidocr: Engines) -> None:
    """Cyrillic comes back from the model as points, spaces and letters that look alike."""
    found = engine.read(pixels(small(page(TEXTS["ru"].split("\n\n")[0]))), rapidocr)
    assert found == engine.Page(problem="script:cyrillic")
    assert engine.read(pixels(page(GREEK)), rapidocr) == engine.Page(problem="script:greek")


def test_dark_screens_are_read(rapidocr: Engines) -> None:
    found = engine.read(pixels(page("Exit only")).max() - pixels(page("Exit only")), rapidocr)
    assert found.text == "Exit only"
