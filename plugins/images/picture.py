"""Pictures: size, what the camera wrote, a fingerprint of the looks, a thumbnail.

What stands in them is read by the processor `ocr`, which goes on from here.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from plugins.images import api

UNREAD = "picture"
_THUMBNAIL = 320
"""Pixels of the longer side."""
_MARGIN = 2
"""A JPEG is decoded at this many times the thumbnail's size, at least, for a good one."""
_SMALLEST = 24
"""Pixels a side below which nobody can read anything."""
_HASHED, _KEPT = 32, 8
_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_LONGEST_NAME = 120


def extract(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """`metadata`: width, height, format, frames or pages, phash, and, where the camera wrote them,
    taken_at, camera, latitude, longitude."""
    megapixels = float(limits["options"]["max_megapixels"])
    with api.opened(path, megapixels) as picture:
        known, pages = _told(picture), api.pages(picture)
        first, damaged = api.page(picture, 1, megapixels, at_least=_MARGIN * _THUMBNAIL)
        known |= {"phash": phash(first)} | ({"pages": pages} if pages > 1 else {})
        legible = min(known["width"], known["height"]) >= _SMALLEST
        return {
            "sections": [],
            "metadata": known,
            "thumbnail": thumbnail(first),
            "warnings": [*(["damaged"] if damaged else []), *([UNREAD] if legible else [])],
            "resume": _for_ocr(pages) if legible else None,
        }


def _told(picture: Image.Image) -> dict[str, Any]:
    """What its head says; width and height as it is looked at."""
    known = _exif(picture)
    width, height = picture.size
    if known.pop("on_its_side", False):
        width, height = height, width
    known |= {"width": width, "height": height, "format": str(picture.format)}
    frames = getattr(picture, "n_frames", 1) if api.pages(picture) == 1 else 1
    return known | ({"frames": int(frames)} if frames > 1 else {})


def _for_ocr(pages: int) -> dict[str, Any]:
    """Who reads pictures goes on; the warning is true where nobody does."""
    return {
        "processor": "ocr",
        "source": "picture",
        "done": 0,
        "total": pages,
        "settles": UNREAD,
    }


def thumbnail(picture: Image.Image) -> str:
    """Base64 of a JPEG."""
    small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode("ascii")


# -- looks ----------------------------------------------------------------------------------------


def phash(picture: Image.Image) -> str:
    """64 bits in hexadecimal: of the 8 × 8 slowest waves of the picture (a cosine transform of
    32 × 32 grey pixels), which are stronger than most. Survives scaling, compression and light."""
    grey = picture.convert("L").resize((_HASHED, _HASHED), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey, np.float64)
    places = np.arange(_HASHED)
    waves = np.cos(np.pi * np.outer(np.arange(_KEPT), places + 0.5) / _HASHED)
    strengths = (waves @ pixels @ waves.T).ravel()
    bits = strengths > np.median(strengths[1:])  # the first is the mean brightness
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


# -- what the camera wrote ------------------------------------------------------------------------


def _exif(picture: Image.Image) -> dict[str, Any]:
    """Nothing of it is trusted: cameras, programs and people write what they like."""
    found: dict[str, Any] = {}
    try:
        exif = picture.getexif()
        details: Mapping[int, Any] = exif.get_ifd(ExifTags.IFD.Exif)
        place: Mapping[int, Any] = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # noqa: BLE001 - Pillow's reader raises what it meets
        return found
    tag = ExifTags.Base
    found["on_its_side"] = exif.get(tag.Orientation) in {5, 6, 7, 8}
    taken = _moment(
        details.get(tag.DateTimeOriginal) or exif.get(tag.DateTime),
        details.get(tag.OffsetTimeOriginal),
    )
    camera = _camera(exif.get(tag.Make), exif.get(tag.Model))
    found |= {"taken_at": taken} if taken else {}
    found |= {"camera": camera} if camera else {}
    return found | _place(place)


def _moment(date: Any, offset: Any) -> str:
    from datetime import datetime

    match = _DATE.match(_text(date))
    if not match:
        return ""
    zone = _OFFSET.fullmatch(_text(offset))
    year, *rest = match.groups()
    written = f"{year}-{rest[0]}-{rest[1]}T{rest[2]}:{rest[3]}:{rest[4]}{zone[0] if zone else ''}"
    with suppress(ValueError):
        return datetime.fromisoformat(written).isoformat()
    return ""


def _camera(make: Any, model: Any) -> str:
    """`Canon EOS R5`: the model often begins with the maker."""
    maker, name = _text(make), _text(model)
    if maker and name.lower().startswith(maker.split()[0].lower()):
        maker = ""
    return f"{maker} {name}".strip()[:_LONGEST_NAME]


def _place(gps: Mapping[int, Any]) -> dict[str, float]:
    tag = ExifTags.GPS
    latitude = _degrees(gps.get(tag.GPSLatitude), gps.get(tag.GPSLatitudeRef), 90)
    longitude = _degrees(gps.get(tag.GPSLongitude), gps.get(tag.GPSLongitudeRef), 180)
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return {}
    return {"latitude": latitude, "longitude": longitude}


def _degrees(parts: Any, side: Any, most: int) -> float | None:
    """Degrees, minutes and seconds as a decimal; south and west are negative."""
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return round(-value if _text(side).upper() in {"S", "W"} else value, 6)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return " ".join(str(value).replace("\x00", " ").split()) if value is not None else ""
