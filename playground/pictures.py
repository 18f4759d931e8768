"""The smaller sizes of a photo, as Telegram makes them."""

from __future__ import annotations

import io
import warnings
from typing import Any

from playground.forms import Upload

_SIDES = (90, 320, 800, 1280)
"""Longest sides in pixels: Telegram's types s, m, x and y; w, up to 2560, is the photo itself."""
_QUALITY = 87


def smaller(upload: Upload) -> list[Upload]:
    """The sizes that are smaller than the photo, smallest first, as JPEG.

    None without Pillow, and for a picture that it can't read.
    """
    try:
        from PIL import Image
    except ImportError:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pixels by the million: Telegram's limit came first
            with Image.open(upload.stream) as picture:
                sides = [side for side in _SIDES if side < max(picture.size)]
                full = picture.convert("RGB") if sides else picture
                return [_resized(full, side) for side in sides]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return []
    finally:
        upload.stream.seek(0)


def _resized(picture: Any, side: int) -> Upload:
    copy, content = picture.copy(), io.BytesIO()
    copy.thumbnail((side, side))
    copy.save(content, "JPEG", quality=_QUALITY)
    return Upload.of(f"{side}.jpg", content.getvalue(), "image/jpeg")
