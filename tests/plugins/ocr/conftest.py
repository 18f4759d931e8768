"""The engines, as far as they are here."""

from __future__ import annotations

import pytest

from plugins.ocr import scripts, service
from plugins.ocr.engine import Engines

NEEDED = ("eng", "rus", "spa", "chi_sim", "osd")


@pytest.fixture(scope="session")
def tesseract() -> Engines:
    """tesseract alone; the test skips where it isn't installed (CI installs it)."""
    installed = service.installed_languages()
    if installed is None:
        pytest.skip("no tesseract in PATH")
    missing = [name for name in NEEDED if name not in installed]
    if missing:
        pytest.skip(f"tesseract has no data for {', '.join(missing)}")
    return Engines(scripts.by_script(NEEDED[:4]), rapidocr=False)


@pytest.fixture(scope="session")
def rapidocr() -> Engines:
    """The packages alone."""
    return Engines({}, rapidocr=True)
