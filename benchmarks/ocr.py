"""How much of a page's text OCR finds, and how long it takes.

    ./scripts/bench ocr                     # every engine that is here
    ./scripts/bench ocr --engine tesseract --kind clean

Pages of known text in five languages, drawn clean and then spoiled as scanners and telephones do.
The figure is the likeness of what was read to what was written (0–1), whatever the line breaks.
"""

from __future__ import annotations

import time
from statistics import mean
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from plugins.ocr import engine, scripts, service
from plugins.ocr.engine import Engines
from tests.plugins.ocr.samples import KINDS, TEXTS, likeness, page

READS = {"tesseract": set(TEXTS), "rapidocr": set(TEXTS) - {"ru"}}
"""rapidocr has no Cyrillic letters: its Russian pages are refused, and don't count."""


def main(
    engine_name: Annotated[str, typer.Option("--engine", help="tesseract or rapidocr.")] = "",
    kind: Annotated[str, typer.Option(help="One of the kinds of pages.")] = "",
) -> None:
    """Read every page with every engine, and print the means."""
    console = Console()
    for name, engines in found_engines().items():
        if engine_name in {"", name}:
            kinds = [kind] if kind else list(KINDS)
            console.print(table(name, engines, kinds))


def found_engines() -> dict[str, Engines]:
    """Each engine by itself."""
    found = {"rapidocr": Engines({}, rapidocr=True)}
    installed = service.installed_languages()
    if installed:
        own = [name for name in ("eng", "spa", "deu", "rus", "chi_sim") if name in installed]
        osd = "osd" in installed
        found = {"tesseract": Engines(scripts.by_script(own), rapidocr=False, osd=osd)} | found
    return found


def table(name: str, engines: Engines, kinds: list[str]) -> Table:
    """A row for each kind of page."""
    languages = [language for language in TEXTS if language in READS[name]]
    shown = Table("page", *languages, "mean", "s a page", title=name, box=None)
    for kind in track(kinds, name, transient=True):
        scores, seconds = zip(*(measured(engines, kind, one) for one in languages), strict=True)
        figures = [f"{score:.3f}" for score in (*scores, mean(scores))]
        shown.add_row(kind, *figures, f"{mean(seconds):.1f}")
    return shown


def measured(engines: Engines, kind: str, language: str) -> tuple[float, float]:
    """(likeness, seconds) of one page."""
    pixels = np.array(KINDS[kind](page(TEXTS[language])))
    started = time.perf_counter()
    found = engine.read(pixels, engines)
    return likeness(found.text, TEXTS[language]), time.perf_counter() - started


if __name__ == "__main__":
    typer.run(main)
