"""Looks at a ZIP before anything of it is unpacked: bombs, quines and traps are refused."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.cage.limits import beyond, value
from core.errors import SandboxRefused

_HARMLESS = 20 << 20
"""Bytes that are no bomb however small their archive is."""
_LARGEST_ENTRY = 512
"""Bytes of an entry in the directory, name and extra fields included, that are usual at most."""
_LOCAL = struct.Struct("<4s5HL2L2H")
_END = struct.Struct("<4s4H2LH")
_LEAVES = re.compile(r"\A(?:[/\\]|[A-Za-z]:[/\\])|(?:\A|[/\\])\.\.(?:[/\\]|\Z)")
_SIZES_FOLLOW = 1 << 3
_ENCRYPTED = 1


@dataclass(slots=True)
class _Budget:
    """Of a file: shared by the archive and the archives in it."""

    unpacked: int = 0
    entries: int = 0


class SafeZip(zipfile.ZipFile):
    """A ZIP that was looked at. Its entries unpack to what they declare, and no further."""

    depth = 0
    """0 for the file itself, 1 for an archive in it…"""
    budget: _Budget


def safe_zip(
    source: str | Path | bytes | IO[bytes],
    limits: Mapping[str, Any],
    *,
    within: SafeZip | None = None,
) -> SafeZip:
    """Open a ZIP, and everything that is one (DOCX, EPUB…), for reading.

    `limits`: those that the processor was given. `within`: the archive that this one was found in;
    they share size and entries.

    Raises SandboxRefused: `unpacked` beyond `[sandbox] unpacked_mb`, `archive_ratio`,
    `archive_entries` or `archive_depth`; `unsafe` for entries that overlap, have one name, or leave
    their folder; `encrypted`; `corrupt` for what is no ZIP.
    """
    depth = within.depth + 1 if within else 0
    if depth > value(limits, "archive_depth"):
        raise beyond("unpacked", "archive_depth", limits)
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    _check_directory(stream, limits)
    try:
        archive = SafeZip(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SandboxRefused(f"not a whole ZIP: {error}", reason="corrupt") from None
    archive.depth = depth
    archive.budget = within.budget if within else _Budget()
    try:
        _check(archive, limits)
    except BaseException:
        archive.close()
        raise
    return archive


def _check_directory(source: str | Path | IO[bytes], limits: Mapping[str, Any]) -> None:
    """Millions of entries would fill the memory before they could be counted."""
    stream = Path(source).open("rb") if isinstance(source, (str, Path)) else source  # noqa: SIM115
    try:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - (1 << 16) - _END.size))
        tail = stream.read()
    finally:
        if stream is not source:
            stream.close()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return
    length = min(_END.unpack_from(tail, at)[5], size)
    if length > value(limits, "archive_entries") * _LARGEST_ENTRY:
        raise beyond("unpacked", "archive_entries", limits)


def _check(archive: SafeZip, limits: Mapping[str, Any]) -> None:
    entries = archive.infolist()
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise SandboxRefused("the archive is encrypted", reason="encrypted")
    _check_sizes(archive, entries, limits)
    _check_names(entries)
    _check_places(archive, entries)


def _check_sizes(
    archive: SafeZip, entries: list[zipfile.ZipInfo], limits: Mapping[str, Any]
) -> None:
    """By what the entries declare: reading stops there, whatever is packed."""
    budget = archive.budget
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    budget.unpacked += unpacked
    budget.entries += len(entries)
    if budget.entries > value(limits, "archive_entries"):
        raise beyond("unpacked", "archive_entries", limits)
    if budget.unpacked > value(limits, "unpacked_mb") << 20:
        raise beyond("unpacked", "unpacked_mb", limits, f"{budget.unpacked >> 20} MB")
    if unpacked > _HARMLESS and unpacked > value(limits, "archive_ratio") * packed:
        raise beyond("unpacked", "archive_ratio", limits, f"{unpacked // packed} times")


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        if _LEAVES.search(name):
            raise SandboxRefused(f"an entry leaves its folder: {name[:80]!r}", reason="unsafe")
        if name in seen:
            raise SandboxRefused(f"two entries are called {name[:80]!r}", reason="unsafe")
        seen.add(name)


def _check_places(archive: SafeZip, entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes are how a bomb of some kilobytes unpacks to gigabytes."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            raise SandboxRefused(f"entries overlap at {entry.filename[:80]!r}", reason="unsafe")
        end = _end(archive, entry)
    if end > archive.start_dir:
        raise SandboxRefused("an entry reaches into the directory", reason="unsafe")


def _end(archive: SafeZip, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes end; where it starts, if it has no header there: it can't be read."""
    stream: Any = archive.fp
    stream.seek(entry.header_offset)
    header = stream.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        return entry.header_offset
    _, _, flags, *_, size, name, extra = _LOCAL.unpack(header)
    if not flags & _SIZES_FOLLOW and entry.file_size < size < 0xFFFFFFFF:
        raise SandboxRefused(
            f"an entry lies about its size: {entry.filename[:80]!r}", reason="unsafe"
        )
    return int(entry.header_offset + _LOCAL.size + name + extra + entry.compress_size)


__all__ = ["SafeZip", "safe_zip"]
