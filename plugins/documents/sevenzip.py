"""7z and RAR: what is in them; 7z's entries are unpacked where the standard library can."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from plugram import SandboxRefused

MAGIC = b"7z\xbc\xaf\x27\x1c"
_HEAD = struct.Struct("<6sBBLQQL")
_MOST_HEADER = 16 << 20
_MOST_FOLDER = 128 << 20
"""Bytes of a run of files that are packed as one."""
_MOST_FILES = 10_000
_COPY, _LZMA, _LZMA2, _DEFLATE, _BZIP2 = (
    b"\0",
    b"\x03\x01\x01",
    b"\x21",
    b"\x04\x01\x08",
    b"\x04\x02\x02",
)
_AES = b"\x06\xf1\x07\x01"
_FILTERS = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x04": lzma.FILTER_X86,
    b"\x07": lzma.FILTER_ARM,
    b"\x03": lzma.FILTER_DELTA,
}


@dataclass(slots=True)
class _Folder:
    """A run of files packed as one: the coders it went through, first the outermost."""

    coders: list[tuple[bytes, bytes]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    streams: int = 1
    packed: int = 1
    at: int = 0
    length: int = 0

    @property
    def size(self) -> int:
        return self.sizes[-1] if self.sizes else 0


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    size: int
    read: Callable[[], bytes]
    """Raises SandboxRefused for what can't be unpacked."""


def entries(stream: BinaryIO) -> list[Entry]:
    """Raises SandboxRefused."""
    try:
        return _Archive(stream).entries
    except (struct.error, IndexError, ValueError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise SandboxRefused(f"not a whole archive: {error}", reason="corrupt") from None


class _Bytes:
    """The header, read from its start."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self._at + size > len(self._data):
            raise EOFError("its header is cut off")
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """As many bytes follow the first as it has leading ones."""
        first, mask, value = self.byte(), 0x80, 0
        for index in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * index
            value |= self.byte() << 8 * index
            mask >>= 1
        return value

    def flags(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(count)]


class _Archive:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.entries: list[Entry] = []
        self._folders: list[_Folder] = []
        self._sizes: list[list[int]] = []
        self._unpacked: tuple[int, bytes] = (-1, b"")
        stream.seek(0)
        _, _, _, _, offset, size, _ = _HEAD.unpack(stream.read(_HEAD.size))
        if not size:
            return
        header = self._header(_HEAD.size + offset, size)
        if header.byte() == 1:
            self._read(header)

    def _header(self, at: int, size: int) -> _Bytes:
        """A header may be packed itself, more than once."""
        for _ in range(4):
            if size > _MOST_HEADER:
                raise SandboxRefused("its directory is too large", reason="unpacked")
            self._stream.seek(at)
            data = self._stream.read(size)
            if data[:1] != b"\x17":
                return _Bytes(data)
            packed = _Bytes(data)
            packed.byte()
            self._streams(packed)
            data = self._folder(0)
            self._folders, self._sizes, self._unpacked = [], [], (-1, b"")
            if data[:1] == b"\x01":
                return _Bytes(data)
        raise ValueError("its header is packed without end")

    def _read(self, header: _Bytes) -> None:
        while kind := header.byte():
            if kind == 4:
                self._streams(header)
            elif kind == 5:
                self._files(header)
                return
            else:
                self._skip(header)

    def _skip(self, header: _Bytes) -> None:
        while kind := header.byte():
            header.take(header.number() if kind else 0)

    def _streams(self, header: _Bytes) -> None:
        at = 0
        lengths: list[int] = []
        while kind := header.byte():
            if kind == 6:
                at, lengths = self._packed(header)
            elif kind == 7:
                self._read_folders(header)
            elif kind == 8:
                self._substreams(header)
        if not self._sizes:
            self._sizes = [[folder.size] for folder in self._folders]
        index = 0
        for folder in self._folders:
            folder.at = at
            folder.length = sum(lengths[index : index + folder.packed])
            at += folder.length
            index += folder.packed

    def _packed(self, header: _Bytes) -> tuple[int, list[int]]:
        at, count = _HEAD.size + header.number(), header.number()
        lengths: list[int] = []
        while kind := header.byte():
            if kind == 9:
                lengths = [header.number() for _ in range(min(count, _MOST_FILES))]
            else:
                self._checksums(header, count)
        return at, lengths

    def _checksums(self, header: _Bytes, count: int) -> int:
        defined = count if header.byte() else sum(header.flags(count))
        header.take(4 * defined)
        return defined

    def _read_folders(self, header: _Bytes) -> None:
        header.byte()  # kFolder
        count = header.number()
        if count > _MOST_FILES or header.byte():
            raise ValueError("its directory lies elsewhere")
        outputs = []
        for _ in range(count):
            folder, number = self._read_folder(header)
            self._folders.append(folder)
            outputs.append(number)
        while kind := header.byte():
            if kind == 12:
                for folder, number in zip(self._folders, outputs, strict=True):
                    folder.sizes = [header.number() for _ in range(number)]
            else:
                self._checksums(header, count)

    def _read_folder(self, header: _Bytes) -> tuple[_Folder, int]:
        folder = _Folder()
        inputs = outputs = 0
        for _ in range(min(header.number(), 32)):
            flags = header.byte()
            method = header.take(flags & 15)
            taken, given = (header.number(), header.number()) if flags & 16 else (1, 1)
            inputs, outputs = inputs + taken, outputs + given
            folder.coders.append((method, header.take(header.number()) if flags & 32 else b""))
        for _ in range(outputs - 1):
            header.number()
            header.number()
        folder.packed = inputs - (outputs - 1)
        if folder.packed > 1:
            for _ in range(folder.packed):
                header.number()
        return folder, outputs

    def _substreams(self, header: _Bytes) -> None:
        kind = header.byte()
        if kind == 13:
            for folder in self._folders:
                folder.streams = min(header.number(), _MOST_FILES)
            kind = header.byte()
        for folder in self._folders:
            sizes = []
            if kind == 9:
                sizes = [header.number() for _ in range(folder.streams - 1)]
            rest = [folder.size - sum(sizes)] if folder.streams else []
            self._sizes.append(sizes + rest)
        if kind == 9:
            kind = header.byte()
        while kind:
            if kind == 10:
                self._checksums(header, sum(folder.streams for folder in self._folders))
            kind = header.byte()

    def _files(self, header: _Bytes) -> None:
        count = header.number()
        if count > _MOST_FILES:
            raise SandboxRefused(f"it has {count} entries", reason="unpacked")
        names: list[str] = []
        empty = [False] * count
        while kind := header.byte():
            body = _Bytes(header.take(header.number()))
            if kind == 14:
                empty = body.flags(count)
            elif kind == 17 and not body.byte():
                names = list(_names(body, count))
        self.entries = list(self._told(names, empty))

    def _told(self, names: list[str], empty: list[bool]) -> Iterator[Entry]:
        places = [
            (number, sum(sizes[:index]), size)
            for number, sizes in enumerate(self._sizes)
            for index, size in enumerate(sizes)
        ]
        following = iter(places)
        for name, nothing in zip(names, empty, strict=False):
            if nothing:
                continue
            number, start, size = next(following, (-1, 0, 0))
            yield Entry(name, size, lambda n=number, s=start, z=size: self._part(n, s, z))  # type: ignore[misc]

    def _part(self, number: int, start: int, size: int) -> bytes:
        return self._folder(number)[start : start + size]

    def _folder(self, number: int) -> bytes:
        """Unpacked; the last one is kept, for its files are read one after the other."""
        if self._unpacked[0] != number:
            folder = self._folders[number]
            if folder.size > _MOST_FOLDER:
                raise SandboxRefused(f"it unpacks to {folder.size >> 20} MB", reason="unpacked")
            self._stream.seek(folder.at)
            self._unpacked = number, _decoded(self._stream.read(folder.length), folder)
        return self._unpacked[1]


def _names(body: _Bytes, count: int) -> Iterator[str]:
    for _ in range(count):
        parts = []
        while (pair := body.take(2)) != b"\0\0":
            parts.append(pair)
        yield b"".join(parts).decode("utf-16-le", "replace")


def _decoded(data: bytes, folder: _Folder) -> bytes:
    methods = [method for method, _ in folder.coders]
    if _AES in methods:
        raise SandboxRefused("the archive is encrypted", reason="encrypted")
    if methods == [_COPY]:
        return data
    if methods == [_DEFLATE]:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, folder.size)
    if methods == [_BZIP2]:
        return bz2.BZ2Decompressor().decompress(data, folder.size)
    filters = [_filter(method, given) for method, given in folder.coders]
    decoder = lzma.LZMADecompressor(
        lzma.FORMAT_RAW, filters=filters[::-1] if _in_order(methods) else filters
    )
    return decoder.decompress(data, folder.size)


def _in_order(methods: list[bytes]) -> bool:
    """The standard library wants the compressor last."""
    return methods[0] in {_LZMA, _LZMA2}


def _filter(method: bytes, given: bytes) -> dict[str, int]:
    if method == _LZMA and len(given) >= 5:
        first, size = struct.unpack_from("<BL", given)
        rest, lc = divmod(first, 9)
        pb, lp = divmod(rest, 5)
        return {"id": lzma.FILTER_LZMA1, "dict_size": size, "lc": lc, "lp": lp, "pb": pb}
    if method == _LZMA2 and given:
        bits = given[0]
        return {"id": lzma.FILTER_LZMA2, "dict_size": (2 | bits & 1) << bits // 2 + 11}
    if method == b"\x03" and given:
        return {"id": lzma.FILTER_DELTA, "dist": given[0] + 1}
    if method in _FILTERS:
        return {"id": _FILTERS[method]}
    raise SandboxRefused("it is packed in a way that can't be unpacked here", reason="unsupported")


# -- RAR ----------------------------------------------------------------------------------------

RAR_MAGIC = b"Rar!\x1a\x07"


def rar_names(stream: BinaryIO) -> list[str]:
    """Names of the entries; their bytes can't be unpacked by free software. Raises
    SandboxRefused if even the names are encrypted."""
    stream.seek(0)
    found: list[str] = []
    try:
        magic = stream.read(7)
        names = _rar5(stream) if magic.endswith(b"\x01") else _rar4(stream)
        for name in names:
            found.append(name)
            if len(found) >= _MOST_FILES:
                break
    except (struct.error, EOFError, IndexError, ValueError):
        if not found:
            raise SandboxRefused("not a whole archive", reason="corrupt") from None
    return found


def _rar4(stream: BinaryIO) -> Iterator[str]:
    while len(head := stream.read(7)) == 7:
        _, kind, flags, size = struct.unpack("<HBHH", head)
        body = stream.read(max(0, size - 7))
        if kind == 0x73 and flags & 0x80:
            raise SandboxRefused("the archive is encrypted", reason="encrypted")
        if kind == 0x7B:
            return
        data = struct.unpack_from("<L", body)[0] if flags & 0x8000 or kind == 0x74 else 0
        if kind == 0x74:
            (length,) = struct.unpack_from("<H", body, 19)
            start = 25 + (8 if flags & 0x100 else 0)
            raw = body[start : start + length].partition(b"\0")[0]
            if flags & 0xE0 != 0xE0:  # no folder
                yield raw.decode("utf-8", "replace").replace("\\", "/")
        stream.seek(data, 1)


def _rar5(stream: BinaryIO) -> Iterator[str]:
    stream.read(1)
    while len(stream.read(4)) == 4:
        size = _varint(stream)
        if size > 1 << 21:
            raise ValueError("a header of that size")
        header = _Fields(stream.read(size))
        kind, flags = header.number(), header.number()
        extra = header.number() if flags & 1 else 0
        data = header.number() if flags & 2 else 0
        if kind == 4:
            raise SandboxRefused("the archive is encrypted", reason="encrypted")
        if kind == 5:
            return
        if kind == 2:
            about = header.number()
            header.number()  # size unpacked
            header.number()  # attributes
            header.skip(4 * bool(about & 2) + 4 * bool(about & 4))
            header.number()  # compression
            header.number()  # system
            name = header.take(header.number())
            if not about & 1:
                yield name.decode("utf-8", "replace")
        del extra
        stream.seek(data, 1)


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return value


class _Fields:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def skip(self, size: int) -> None:
        self._at += size

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]
