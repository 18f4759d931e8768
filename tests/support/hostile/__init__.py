"""Hostile files of our own making: whatever was ever sent to a program that opens files.

Each maker is registered with the name that its file is sent under. `make_all` writes them.
"""

from __future__ import annotations

from tests.support.hostile import archives, images, mails, office, pdfs, texts
from tests.support.hostile.trap import MAKERS, ROOMS, Maker, Trap, make

__all__ = [
    "MAKERS",
    "ROOMS",
    "Maker",
    "Trap",
    "archives",
    "images",
    "mails",
    "make",
    "office",
    "pdfs",
    "texts",
]
