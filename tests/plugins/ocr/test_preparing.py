"""Pages made fit to be read."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.ocr import preparing
from tests.plugins.ocr.samples import TEXTS, page, photographed, skewed, small

SHEET = page(TEXTS["en"].split("\n\n")[0])


@pytest.mark.parametrize("degrees", [-7.0, -1.5, 0.0, 3.0, 10.0])
def test_skew_is_measured_to_a_fifth_of_a_degree(degrees: float) -> None:
    found = preparing.skew(np.array(skewed(SHEET, degrees)))
    assert found == pytest.approx(-degrees, abs=0.2)


def test_a_page_on_its_side_is_seen() -> None:
    upright = np.array(SHEET)
    assert not preparing.lines_run_down(upright)
    assert preparing.lines_run_down(np.rot90(upright))


def test_the_sheet_is_cut_out_of_a_photograph() -> None:
    shot = np.array(photographed(page(TEXTS["en"])))
    sheet = preparing.flat(shot)
    assert sheet.size < shot.size
    corners = [sheet[5, 5], sheet[5, -5], sheet[-5, 5], sheet[-5, -5]]
    assert min(map(int, corners)) > 60  # the table is darker


def test_a_scan_is_no_photograph() -> None:
    scan = np.array(SHEET)
    assert preparing.flat(scan) is scan


def test_shadows_are_divided_out() -> None:
    lit = preparing.lightened(np.array(photographed(page(TEXTS["en"])))[300:900, 500:1700])
    paper = np.percentile(lit, 75)
    assert paper > 240
    assert np.percentile(lit, 2) < 90


def test_light_letters_turn_dark() -> None:
    dark = 255 - np.array(SHEET)
    assert np.median(preparing.lightened(dark)) > 200


def test_small_print_is_enlarged_and_large_print_is_not() -> None:
    print_ = np.array(small(page(TEXTS["en"])))
    assert preparing.letter_height(print_) < 16
    assert preparing.letter_height(preparing.enlarged(print_)) > 18
    assert preparing.enlarged(np.array(SHEET)).shape == np.array(SHEET).shape


def test_nothing_happens_to_an_empty_page() -> None:
    empty = np.full((300, 200), 250, np.uint8)
    assert (preparing.prepared(empty) == empty).all()
