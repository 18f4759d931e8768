"""Which engine reads what."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.ocr import scripts, service
from plugins.ocr.settings import Settings
from plugram import PluginError


def test_tesseract_reads_what_is_installed_and_rapidocr_the_rest() -> None:
    found = service.engines(Settings(), ["eng", "osd", "rus", "chi_sim"])
    assert found == {
        "languages": {"latin": ["eng"], "cyrillic": ["rus"], "han": ["chi_sim"]},
        "osd": True,
        "rapidocr": True,
    }


def test_of_one_script_four_languages_are_enough() -> None:
    found = service.engines(Settings(), ["cat", "por", "ita", "fra", "deu", "eng"])
    assert found["languages"] == {"latin": ["eng", "deu", "fra", "ita"]}


def test_the_operator_chooses_languages_and_their_order() -> None:
    found = service.engines(Settings(languages=("cat", "eng")), ["eng", "cat", "rus"])
    assert found["languages"] == {"latin": ["cat", "eng"]}


def test_a_language_that_is_missing_is_told_with_its_package() -> None:
    with pytest.raises(PluginError, match="no data for chi_tra") as refused:
        service.engines(Settings(languages=("chi_tra",)), ["eng"])
    assert "tesseract-ocr-chi-tra" in str(refused.value.hint)


def test_without_any_engine_the_operator_is_told() -> None:
    with pytest.raises(PluginError, match="nothing to read pictures with"):
        service.engines(Settings(engine="tesseract"), None)


def test_rapidocr_alone_starts_no_program() -> None:
    made = service.processor(Settings(engine="rapidocr", max_pages=7))
    assert made.programs == []
    assert "plugins.ocr.warm" in made.preload
    assert (made.options["languages"], made.options["max_pages"]) == ({}, 7)


def test_without_the_program_there_are_no_languages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert service.installed_languages() is None
    (tmp_path / "tesseract").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "tesseract").chmod(0o755)
    assert service.installed_languages() is None


def test_scripts_have_names_and_packages() -> None:
    assert scripts.named("Korean") == "hangul"
    assert scripts.named("Fraktur") == "latin"
    assert scripts.named("Cherokee") == scripts.OTHER
    assert scripts.package("han") == "tesseract-ocr-chi-sim"
    assert scripts.package(scripts.OTHER) == ""
