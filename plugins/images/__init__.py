"""Processors for pictures. Their modules are imported by the sandbox alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import Processor, hookimpl

if TYPE_CHECKING:
    from plugram import Context

_MEMORY = 1024
"""Megabytes: a picture of 100 million pixels takes 300, and twice that while it is converted."""


@hookimpl
def processors(ctx: Context) -> Sequence[Processor]:
    from plugins.images.settings import Settings

    types = ("jpeg", "png", "webp", "gif", "bmp", "tiff", "heic", "avif")
    return [
        Processor(
            "picture",
            [*(f"image/{name}" for name in types), "image/x-ms-bmp", "image/heif"],
            "plugins.images.picture:extract",
            preload=["numpy", "PIL.Image", "PIL.JpegImagePlugin", "PIL.PngImagePlugin"],
            memory_mb=_MEMORY,
            options={"max_megapixels": ctx.config(Settings).max_megapixels},
        ),
        Processor("svg", ["image/svg+xml"], "plugins.images.svg:extract"),
    ]
