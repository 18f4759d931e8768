"""What there is to read with on this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from plugins.ocr import scripts
from plugins.ocr.settings import Settings
from plugram import Health, PluginError, Processor

if TYPE_CHECKING:
    from plugram import Context

_PATIENCE = 10.0
_FROM_ONE_SCRIPT = 4
"""Languages of one script that a page is read by: each makes it slower and less sure."""
_MEMORY_TESSERACT, _MEMORY_RAPIDOCR = 1024, 2048
"""Megabytes of address space. Measured on A4 at 300 dpi: 350 and 1,450."""
_CPU, _WALL = 60, 120.0
"""Seconds for a page. Measured: 1 to 2, and 4 where several scripts are tried."""


def processor(settings: Settings) -> Processor:
    """For one page of a PDF or a picture. Raises PluginError if no engine is here."""
    installed = installed_languages()
    options = engines(settings, installed)
    by_tesseract = bool(options["languages"])
    preload = ["cv2", "PIL.Image", "pypdfium2"]
    return Processor(
        "ocr",
        [],
        "plugins.ocr.page:extract",
        task="continue",
        preload=preload if by_tesseract else [*preload, "plugins.ocr.warm"],
        programs=["tesseract"] if by_tesseract else [],
        memory_mb=_MEMORY_RAPIDOCR if options["rapidocr"] else _MEMORY_TESSERACT,
        cpu_seconds=_CPU,
        wall_seconds=_WALL,
        options=options | {"max_pages": settings.max_pages, "dpi": settings.dpi},
    )


def engines(settings: Settings, installed: Sequence[str] | None) -> dict[str, Any]:
    """`languages` by script, `osd`, `rapidocr`; `installed`: tesseract's, None without it."""
    rapidocr = settings.engine != "tesseract" and find_spec("rapidocr") is not None
    if settings.engine == "rapidocr":
        installed = None
    if installed is None and not rapidocr:
        raise PluginError(
            "there is nothing to read pictures with",
            hint="install tesseract-ocr and its languages, or set engine back to auto",
        )
    missing = [one for one in settings.languages if one not in (installed or ())]
    if missing and settings.engine != "rapidocr":
        raise PluginError(
            f"tesseract has no data for {', '.join(missing)}",
            hint=f"install tesseract-ocr-{missing[0].replace('_', '-')}, or take it out of "
            "[plugins.ocr] languages",
        )
    wanted = settings.languages or _sensible(installed or ())
    return {
        "languages": scripts.by_script(wanted) if installed else {},
        "osd": "osd" in (installed or ()),
        "rapidocr": rapidocr,
    }


def _sensible(installed: Sequence[str]) -> list[str]:
    """Of each script the most read languages that are there."""
    return [
        name
        for own in scripts.LANGUAGES.values()
        for name in [one for one in own if one in installed][:_FROM_ONE_SCRIPT]
    ]


def installed_languages() -> list[str] | None:
    """The data that tesseract has, None where the program isn't there or doesn't work."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    try:
        told = subprocess.run(  # noqa: S603 - the operator's own program
            [program, "--list-langs"], capture_output=True, check=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.decode("utf-8", "replace").split("\n")[1:]


async def health(ctx: Context) -> Health:
    """Which engine reads what."""
    options = next(one.options for one in _own(ctx))
    languages = [name for own in options["languages"].values() for name in own]
    parts = []
    if languages:
        parts.append(f"tesseract reads {', '.join(languages)}")
    if options["rapidocr"]:
        parts.append("rapidocr reads Latin, Chinese and Japanese")
    if languages:
        return Health(ok=True, detail="; ".join(parts))
    hint = "for other scripts install tesseract-ocr and its languages, as tesseract-ocr-rus"
    return Health(ok=True, detail="; ".join(parts), hint=hint)


def _own(ctx: Context) -> list[Processor]:
    return [
        one
        for plugin in ctx.plugins()
        if plugin.id == ctx.plugin_id
        for one in plugin.parts.processors
    ]
