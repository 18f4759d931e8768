"""Opens pictures of every kind, honest and hostile; in the sandbox."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from plugram import SandboxRefused

with suppress(ImportError):  # HEIC is read where its package is installed
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "HEIF", "AVIF", "ICO")
"""What Pillow may try; its other readers, some of which start programs, are never asked."""

_ERRORS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error)
"""What Pillow raises at broken files, besides MemoryError."""
_UNDRAFTED = frozenset({"MPO", "HEIF", "AVIF", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "ICO"})

Image.init()  # all readers, while modules can still be found
Image.MAX_IMAGE_PIXELS = None  # `opened` counts them itself, and refuses with a reason


def opened(path: str, megapixels: float) -> Image.Image:
    """The picture, of which only the head is read yet. Raises SandboxRefused if it is none, or has
    more pixels than that."""
    try:
        picture = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        raise SandboxRefused("not a picture that can be read", reason="corrupt") from None
    except _ERRORS as error:
        raise SandboxRefused(f"a damaged picture: {error}", reason="corrupt") from None
    try:
        _measure(picture, megapixels)
    except SandboxRefused:
        picture.close()
        raise
    return picture


def pages(picture: Image.Image) -> int:
    """How many a fax or a scan has; the frames of an animation are no pages."""
    if picture.format != "TIFF":
        return 1
    with suppress(*_ERRORS):
        return int(getattr(picture, "n_frames", 1))
    return 1


def page(
    picture: Image.Image, number: int, megapixels: float, *, at_least: int | None = None
) -> tuple[Image.Image, bool]:
    """(a page from 1, upright, as L or RGB on white; whether it is damaged).

    `at_least`: pixels a side that will do, for JPEG, which is read at a fraction of its size then.
    A damaged page is what is left of it. Raises SandboxRefused if nothing is.
    """
    try:
        if number > 1:
            picture.seek(number - 1)
            _measure(picture, megapixels)
        if at_least and picture.format not in _UNDRAFTED:
            picture.draft(None, (at_least, at_least))
        damaged = _load(picture)
        return _plain(_upright(picture)), damaged
    except EOFError:
        raise SandboxRefused(f"there is no page {number}", reason="corrupt") from None
    except _ERRORS as error:
        raise SandboxRefused(f"a damaged picture: {error}", reason="corrupt") from None


def _measure(picture: Image.Image, megapixels: float) -> None:
    width, height = picture.size
    if width * height > megapixels * 1_000_000:
        raise SandboxRefused(
            f"a picture of {width} × {height} pixels; [plugins.images] max_megapixels allows "
            f"{megapixels:g} million",
            reason="memory",
        )


def _load(picture: Image.Image) -> bool:
    """Read the pixels; True if some are missing."""
    try:
        picture.load()
    except OSError:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            picture.load()
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        return True
    return False


def _upright(picture: Image.Image) -> Image.Image:
    """As the camera was held."""
    with suppress(*_ERRORS):
        return ImageOps.exif_transpose(picture)
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    """8 bits, grey or RGB, white where it is transparent."""
    if picture.mode in {"L", "RGB"} and "transparency" not in picture.info:
        return picture
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(np.asarray(picture)))
    if picture.mode in {"P", "PA", "LA", "La", "RGBA", "RGBa"} or "transparency" in picture.info:
        shown = picture.convert("RGBA")
        paper = Image.new("RGBA", shown.size, "white")
        paper.alpha_composite(shown)
        return paper.convert("RGB")
    return picture.convert("RGB")


def _eight_bits(values: Any) -> Any:
    """16 and 32 bits and real numbers, from the darkest to the lightest."""
    numbers = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    return ((numbers - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
