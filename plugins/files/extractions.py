"""What was read of bytes before, so that the same bytes are never read twice by the same reader.

Kept by checksum and readers, for all scopes: nobody learns of another's file, they only wait less.
It goes away with the bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from plugins.files.models import Blob, CachedExtraction
from plugram import Extraction, Section

if TYPE_CHECKING:
    from plugram import Processor

_LARGEST = 16 << 20
"""Bytes of JSON; what is larger is read again when it is needed."""
_QUICK = 1 << 16
"""Bytes that are unpacked on the loop."""


def fingerprint(readers: Iterable[Processor]) -> str:
    """Of the processors that may have a part in reading a file: other readers, versions or
    settings are another fingerprint."""
    parts = sorted(
        json.dumps([one.target, one.version, dict(one.options)], sort_keys=True, default=str)
        for one in readers
    )
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


async def find(sha256: str, readers: str) -> Extraction | None:
    """What these readers made of the bytes; None if they haven't read them. Thumbnails aren't in
    it: they are blobs."""
    row = await CachedExtraction.get_or_none(sha256=sha256, processor=readers)
    return None if row is None else await _unpacked(bytes(row.content))


async def latest(sha256: str) -> Extraction | None:
    """What whichever readers made of the bytes last."""
    row = await CachedExtraction.filter(sha256=sha256).order_by("-id").first()
    return None if row is None else await _unpacked(bytes(row.content))


async def pack(content: Extraction) -> bytes | None:
    """For `keep`; None if it is too large."""
    return await asyncio.to_thread(_packed, content)


async def keep(sha256: str, readers: str, packed: bytes) -> None:
    """In place of what others made of the bytes, in the caller's transaction."""
    if await Blob.filter(sha256=sha256, refcount__gt=0).exists():
        await forget(sha256)
        await CachedExtraction.create(sha256=sha256, processor=readers, content=packed)


async def forget(sha256: str) -> None:
    await CachedExtraction.filter(sha256=sha256).delete()


async def _unpacked(data: bytes) -> Extraction:
    return _read(data) if len(data) < _QUICK else await asyncio.to_thread(_read, data)


def _packed(content: Extraction) -> bytes | None:
    # The standard library's JSON: a text may hold halves of characters, which others refuse.
    written = json.dumps(
        {
            "sections": [[one.text, dict(one.locator), one.heading] for one in content.sections],
            "metadata": dict(content.metadata),
            "language": content.language,
            "warnings": list(content.warnings),
        }
    ).encode()
    return zlib.compress(written) if len(written) <= _LARGEST else None


def _read(data: bytes) -> Extraction:
    raw = json.loads(zlib.decompress(data))
    return Extraction(
        sections=[Section(text, locator, heading) for text, locator, heading in raw["sections"]],
        metadata=raw["metadata"],
        language=raw["language"],
        warnings=tuple(raw["warnings"]),
    )
