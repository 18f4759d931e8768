"""The kit's own bot, over the process of the same name in tests/conftest.py."""

from __future__ import annotations

import pytest

from plugram.testing.plugin import bot

__all__ = ["bot"]


@pytest.fixture
def plugram_database(sqlite_url: str) -> str:
    return sqlite_url
