"""Archives: what is in them, listed, and read within limits by the processor of each kind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

from plugins.documents import members, prose, sevenzip
from plugins.documents.package import BROKEN_ZIP, DAMAGED, TOO_LONG, unpacked
from plugins.documents.source import Limits, Source, opened
from plugram import SandboxRefused, media

_LARGEST_MEMBER = 64 << 20
"""Bytes; larger ones are listed alone."""
_MOST_LISTED = 2_000
_UNPACKERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZ": bz2.BZ2File,
    b"\xfd7": lzma.LZMAFile,
}
_BROKEN = (*BROKEN_ZIP, lzma.LZMAError, tarfile.TarError, zlib.error)
_HIDDEN = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """A section that lists the names, then the text of each member, with `member`. `metadata`:
    members, words."""
    with opened(source) as stream:
        head = stream.read(6)
    listing = _Listing(limits)
    if head.startswith(b"PK"):
        _zip(source, listing)
    elif head == sevenzip.MAGIC:
        with opened(source) as stream:
            for entry in sevenzip.entries(stream):
                listing.add(entry.name, entry.size, entry.read)
    elif head == sevenzip.RAR_MAGIC:
        with opened(source) as stream:
            listing.names += sevenzip.rar_names(stream)
        listing.warn("unsupported")
    elif head[:2] in _UNPACKERS:
        _compressed(source, _UNPACKERS[head[:2]], listing)
    else:
        with opened(source) as stream:
            _tar(stream, listing)
    if not listing.sections:
        raise SandboxRefused("there is nothing in the archive", reason="empty")
    sections = listing.sections
    return {
        "sections": sections,
        "metadata": {
            "members": len(listing.names),
            "words": prose.count_words(section["text"] for section in sections),
        },
        "warnings": members.nest(limits).warnings,
    }


class _Listing:
    """What was found in an archive so far."""

    def __init__(self, limits: Limits) -> None:
        self.names: list[str] = []
        self.limits = limits
        self._found: list[prose.SectionDict] = []

    @property
    def sections(self) -> list[prose.SectionDict]:
        names = "\n".join(map(prose.one_line, self.names[:_MOST_LISTED]))
        listed = prose.gather([(1, names)], "paragraph") if names else []
        return [prose.section(one["text"], part="listing") for one in listed] + self._found

    def add(self, name: str, size: int, read: Callable[[], bytes]) -> None:
        """A member; it is unpacked only if it is to be read."""
        if any(mark in name for mark in _HIDDEN):
            return
        self.names.append(name)
        if not size:
            return
        if size > _LARGEST_MEMBER:
            members.nest(self.limits).budget.octets -= size  # a stream unpacks it all the same
            self.warn(TOO_LONG)
            return
        if members.nest(self.limits).budget.spent:
            self.warn(TOO_LONG)
            return
        try:
            content = read()
        except _BROKEN:
            self.warn(DAMAGED)
            return
        except SandboxRefused as refused:
            if refused.reason == "encrypted":
                raise
            self.warn("unsupported")
            return
        self.read(name, content)

    def read(self, name: str, content: bytes) -> None:
        self._found += members.read(self.limits, name, content)

    def warn(self, warning: str) -> None:
        members.nest(self.limits).warn(warning)


def _zip(source: Source, listing: _Listing) -> None:
    with unpacked(source, listing.limits) as package:
        listing.limits |= package.limits
        for entry in package.entries:
            if not entry.is_dir():
                listing.add(_name(entry), entry.file_size, partial(package.read, entry.filename))


def _name(entry: zipfile.ZipInfo) -> str:
    """Names that no flag calls UTF-8 are in the encoding of the writer's country."""
    if entry.flag_bits & 0x800 or entry.filename.isascii():
        return entry.filename
    from plugins.documents.text import decode

    with suppress(UnicodeEncodeError):
        return decode(entry.filename.encode("cp437"))[0]
    return entry.filename


def _tar(stream: IO[bytes], listing: _Listing) -> None:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for entry in archive:
                if entry.isfile():
                    listing.add(entry.name, entry.size, partial(_whole, archive, entry))
                elif not entry.isdir():
                    listing.names.append(entry.name)
                if members.nest(listing.limits).budget.spent:
                    listing.warn(TOO_LONG)
                    return
    except _BROKEN as error:
        if not listing.names:
            raise SandboxRefused(f"not a whole archive: {error}", reason="corrupt") from None
        listing.warn(DAMAGED)


def _whole(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    return file.read(_LARGEST_MEMBER) if file else b""


def _compressed(source: Source, unpack: Callable[[IO[bytes]], Any], listing: _Listing) -> None:
    """One file, or a tar of many."""
    with opened(source) as stream, unpack(stream) as inner:
        try:
            head = inner.read(1 << 13)
        except _BROKEN as error:
            raise SandboxRefused(f"not a whole archive: {error}", reason="corrupt") from None
        if media.sniff(io.BytesIO(head), "") == "application/x-tar":
            inner.seek(0)
            _tar(inner, listing)
            return
        content = head + _bounded(inner, listing)
    with opened(source) as stream:
        name = _inner_name(stream.read(1 << 10))
    listing.names.append(name)
    listing.read(name, content)


def _inner_name(head: bytes) -> str:
    """What gzip calls the file; the others don't say."""
    if head.startswith(b"\x1f\x8b") and len(head) > 10 and head[3] & 8 and not head[3] & 4:
        name = head[10:].partition(b"\0")[0].decode("latin-1")
        return PurePosixPath(name.replace("\\", "/")).name or "content"
    return "content"


def _bounded(stream: IO[bytes], listing: _Listing) -> bytes:
    """The rest, up to the largest that is read."""
    parts: list[bytes] = []
    left = _LARGEST_MEMBER
    try:
        while left > 0 and (part := stream.read(1 << 20)):
            parts.append(part)
            left -= len(part)
    except _BROKEN:
        listing.warn(DAMAGED)
    if left <= 0:
        listing.warn(TOO_LONG)
    return b"".join(parts)
