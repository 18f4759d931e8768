"""OCR: what stands in pictures and on scanned pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import HealthCheck, hookimpl

if TYPE_CHECKING:
    from plugram import Context, Processor


@hookimpl
def processors(ctx: Context) -> Sequence[Processor]:
    from plugins.ocr.service import processor
    from plugins.ocr.settings import Settings

    return [processor(ctx.config(Settings))]


@hookimpl
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    from plugins.ocr.service import health

    return [HealthCheck("engines", lambda: health(ctx))]
