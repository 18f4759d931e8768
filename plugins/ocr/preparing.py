"""Makes a page fit to be read: even light, straight lines, letters that are large enough.

Pages are grey, 8 bits a pixel, dark letters on light paper unless it says otherwise.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

cv2.setNumThreads(1)  # one file, one core; and no thread may be there when the sandbox forks

_LETTER = 22.0
"""Pixels that tesseract likes a small letter to be high (10 points at 300 dpi)."""
_TOO_SMALL, _MOST_ENLARGED = 16.0, 4.0
_FEWEST_LETTERS = 20
_MOST_PIXELS = 24_000_000
"""Pages aren't enlarged beyond this; an A4 page at 300 dpi has 8.7 million."""
_STEEPEST = 12.0
"""Degrees of skew that are looked for."""
_GLANCE = 800
"""Pixels of the longer side of the copies that skew and paper are looked for in."""
_SHADES = (1.0, 0.75, 0.55)
"""Of the grey between paper and table: a sheet that lies half in the shadow is darker there."""
_EVEN = 12.0
"""Spread of the paper's grey (0–255) up to which the light is taken for even."""


def prepared(page: Pixels) -> Pixels:
    """All of it: the sheet cut out of a photograph, lit evenly, cleaned, straightened, enlarged."""
    page = lightened(flat(page))
    page = cleaned(page)
    page = straightened(page)
    return enlarged(page)


# -- photographs --------------------------------------------------------------------------------


def flat(page: Pixels) -> Pixels:
    """The sheet that fills most of a photograph, seen from above; the page itself if none does."""
    corners = _sheet(page)
    if corners is None:
        return page
    top_left, top_right, bottom_right, bottom_left = corners
    width = max(math.dist(top_left, top_right), math.dist(bottom_left, bottom_right))
    height = max(math.dist(top_left, bottom_left), math.dist(top_right, bottom_right))
    goal = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(corners, goal)
    seen = cv2.warpPerspective(
        page, turn, (int(width), int(height)), flags=cv2.INTER_CUBIC, borderMode=1
    )
    return np.asarray(seen, np.uint8)


def _sheet(page: Pixels) -> npt.NDArray[np.float32] | None:
    """Corners, clockwise from the top left, of a bright area with four sides that covers a good
    part of the picture and doesn't end at its edges."""
    scale = min(1.0, _GLANCE / max(page.shape))
    glance = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # Letters vanish, the sheet stays.
    glance = cv2.morphologyEx(glance, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    glance = cv2.GaussianBlur(glance, (5, 5), 0)
    middle, _ = cv2.threshold(glance, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    for share in _SHADES:
        corners = _four_corners(np.asarray(glance > middle * share, np.uint8))
        if corners is not None:
            return _clockwise(corners / np.float32(scale))
    return None


def _four_corners(bright: Pixels) -> npt.NDArray[np.float32] | None:
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    hull = cv2.convexHull(outline)
    if not 0.25 < area / bright.size < 0.95 or area < 0.9 * cv2.contourArea(hull):
        return None
    corners = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, True), True)
    return corners.reshape(4, 2).astype(np.float32) if len(corners) == 4 else None


def _clockwise(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From the top left."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    ordered = corners[np.argsort(angles)]
    return np.roll(ordered, -int(np.argmin(ordered.sum(axis=1))), axis=0)


# -- light, dirt --------------------------------------------------------------------------------


def lightened(page: Pixels) -> Pixels:
    """Dark letters on white: shadows divided out, contrast stretched, light letters turned dark."""
    if float(np.median(page)) < 110:
        page = np.asarray(255 - page, np.uint8)
    paper = _paper(page)
    if float(paper.std()) > _EVEN:
        page = np.asarray(cv2.divide(page, paper, scale=245), np.uint8)
    low, high = (float(value) for value in np.percentile(page, (1, 60)))
    if high - low < 20:  # an empty page: nothing to stretch but its grain
        return page
    stretched = (page.astype(np.float32) - low) * (255 / (high - low))
    return stretched.clip(0, 255).astype(np.uint8)


def _paper(page: Pixels) -> Pixels:
    """What the page would look like without letters."""
    scale = min(1.0, _GLANCE / max(page.shape))
    glance = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    side = max(15, max(glance.shape) // 40 * 2 + 1)
    paper = cv2.morphologyEx(glance, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), side / 3)
    height, width = page.shape
    return np.asarray(cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def cleaned(page: Pixels) -> Pixels:
    """Without specks, if there are enough of them to matter."""
    softer = np.asarray(cv2.medianBlur(page, 3), np.uint8)
    specks = float(np.mean(cv2.absdiff(page, softer) > 90))
    grain = float(np.median(cv2.absdiff(page, softer)))
    return softer if specks > 0.002 and grain > 2 else page


# -- lines --------------------------------------------------------------------------------------


def straightened(page: Pixels) -> Pixels:
    """Lines brought to the level, or upright if they run down the page."""
    angle = skew(page)
    if abs(angle) < 0.2:
        return page
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    wide, high = int(height * sin + width * cos), int(height * cos + width * sin)
    turn[:, 2] += ((wide - width) / 2, (high - height) / 2)
    level = cv2.warpAffine(page, turn, (wide, high), flags=cv2.INTER_CUBIC, borderValue=(255.0,))
    return np.asarray(level, np.uint8)


def skew(page: Pixels) -> float:
    """Degrees by which the page must be turned anticlockwise for its lines to be level or upright.

    Lines that are level make the sums of the pixel rows differ most from one row to the next.
    """
    ink = _ink(page, _GLANCE)
    if not ink.any():
        return 0.0
    best = max(np.arange(-_STEEPEST, _STEEPEST + 0.5, 1.0), key=lambda one: _order(ink, one))
    return float(max(np.arange(best - 1, best + 1.01, 0.1), key=lambda one: _order(ink, one)))


def lines_run_down(page: Pixels) -> bool:
    """Whether the page lies on its side."""
    ink = _ink(page, _GLANCE).astype(np.float32)
    across, down = ink.sum(axis=1), ink.sum(axis=0)
    return _unrest(down) > 1.3 * _unrest(across)


def _order(ink: Pixels, angle: float) -> float:
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), 1)
    turned = cv2.warpAffine(ink, turn, (width, height), flags=cv2.INTER_NEAREST).astype(np.float32)
    return max(_unrest(turned.sum(axis=1)), _unrest(turned.sum(axis=0)))


def _unrest(sums: npt.NDArray[np.float32]) -> float:
    return float(np.square(np.diff(sums)).sum() / len(sums))


def _ink(page: Pixels, side: int) -> Pixels:
    scale = min(1.0, side / max(page.shape))
    glance = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, ink = cv2.threshold(glance, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    return np.asarray(ink, np.uint8)


# -- size ---------------------------------------------------------------------------------------


def enlarged(page: Pixels) -> Pixels:
    """Small print as a scanner at 300 dpi would have taken it."""
    letter = letter_height(page)
    if not 0 < letter < _TOO_SMALL:
        return page
    scale = min(_LETTER / letter, _MOST_ENLARGED, math.sqrt(_MOST_PIXELS / page.size))
    if scale <= 1.1:
        return page
    larger = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.uint8)


def letter_height(page: Pixels) -> float:
    """Pixels that the letters are high in the middle of their ink; 0 where there are too few."""
    _, ink = cv2.threshold(page, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    widths, heights, areas = (
        boxes[1:, column] for column in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    letters = (heights >= 5) & (heights < page.shape[0] / 8) & (widths < 6 * heights)
    heights, areas = heights[letters], areas[letters]
    if len(heights) < _FEWEST_LETTERS:
        return 0.0
    order = np.argsort(heights)
    ink_below = np.cumsum(areas[order])
    return float(heights[order][np.searchsorted(ink_below, ink_below[-1] / 2)])
