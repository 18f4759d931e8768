"""The transcripts here run on both databases, and send files that are made in `samples`."""

from __future__ import annotations

from typing import Any

import pytest

from plugram.testing.journeys import Makers
from tests.journeys import samples


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A whole conversation may take longer than a test."""
    for item in items:
        if item.path.suffix == ".yaml":
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture
def plugram_database(database_url: str) -> str:
    return database_url


@pytest.fixture
def plugram_makers(plugram_makers: Makers) -> Makers:
    def docx(said: Any) -> bytes:
        return samples.docx(said["heading"], *said["paragraphs"])

    def pdf(pages: Any) -> bytes:
        return samples.pdf(*pages)

    return {**plugram_makers, "docx": docx, "pdf": pdf}
