"""A small picture of a PDF's first page."""

from __future__ import annotations

import base64
import io
from contextlib import closing
from typing import Any

import pypdfium2

from plugram import SandboxRefused

_SIDE = 320
"""Pixels."""


def extract(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """`thumbnail` alone."""
    try:
        with closing(pypdfium2.PdfDocument(path)) as document:
            page = document[0]
            scale = _SIDE / max(*page.get_size(), 1)
            picture = page.render(scale=scale).to_pil().convert("RGB")
    except (pypdfium2.PdfiumError, IndexError, ValueError) as error:
        raise SandboxRefused(f"the first page can't be drawn: {error}", reason="corrupt") from None
    picture.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=80)
    return {"sections": [], "thumbnail": base64.b64encode(data.getvalue()).decode("ascii")}
