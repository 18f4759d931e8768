"""Kinds of files, as the core tells them."""

from __future__ import annotations

from plugram import media

OCTETS, OLE, ZIP = media.OCTETS, media.OLE, media.ZIP
DOCX, XLSX, PPTX = media.DOCX, media.XLSX, media.PPTX
matches, sniff = media.matches, media.sniff
