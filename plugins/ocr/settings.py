"""Settings of OCR."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    """`[plugins.ocr]`."""

    engine: Literal["auto", "tesseract", "rapidocr"] = Field(
        "auto",
        description="`tesseract` is a program that you install, with a package per language; "
        "`rapidocr` comes with Plugram and reads Latin, Chinese and Japanese letters. `auto`: "
        "tesseract where it is installed, and rapidocr for what it can't read.",
    )
    languages: tuple[str, ...] = Field(
        (),
        max_length=20,
        description="tesseract's names of the languages to read, the most frequent first: "
        '`["deu", "eng"]`. Empty: those installed, up to four of a script.',
    )
    max_pages: int = Field(
        50, ge=1, le=2000, description="Scanned pages of one file that are read; others are told."
    )
    dpi: int = Field(
        300, ge=100, le=600, description="Dots per inch at which pages of a PDF are drawn."
    )
