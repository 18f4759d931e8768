"""ZIP, gzip, bzip2, xz and tar: bombs, quines, traps."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.support.hostile.trap import Trap, hostile, same

MB = 1 << 20


@dataclass
class Entry:
    """As raw as can be: every field may lie."""

    name: bytes
    data: bytes = b""
    method: int = 0
    flags: int = 0
    unpacked: int | None = None
    packed: int | None = None
    offset: int | None = None
    """Of a local header that is there already."""
    mode: int = 0


def raw_zip(entries: Iterable[Entry], *, comment: bytes = b"", count: int | None = None) -> bytes:
    body, directory, number = bytearray(), bytearray(), 0
    for entry in entries:
        packed = len(entry.data) if entry.packed is None else entry.packed
        unpacked = packed if entry.unpacked is None else entry.unpacked
        crc = zlib.crc32(entry.data) if entry.method == 0 else 0
        fields = (entry.flags, entry.method, 0, 0x21, crc, packed, unpacked, len(entry.name))
        offset = len(body) if entry.offset is None else entry.offset
        if entry.offset is None:
            body += struct.pack("<4sH4H3L2H", b"PK\3\4", 20, *fields, 0) + entry.name + entry.data
        directory += struct.pack(
            "<4s2H4H3L5H2L", b"PK\1\2", 0x314, 20, *fields, 0, 0, 0, 0, entry.mode << 16, offset
        )
        directory += entry.name
        number += 1
    told = min(number if count is None else count, 0xFFFF)
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, told, told, len(directory), len(body), len(comment)
    )
    return bytes(body + directory + end + comment)


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def deflated(piece: bytes, times: int) -> bytes:
    """`piece` again and again, packed once: a gigabyte in a millisecond."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * times + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def bomb(name: str, megabytes: int) -> Entry:
    """Of zeros."""
    data = deflated(bytes(MB), megabytes)
    return Entry(name.encode(), data, method=8, unpacked=megabytes * MB)


def zlib_bomb(piece: bytes, times: int) -> bytes:
    return b"\x78\xda" + deflated(piece, times) + b"\0\0\0\0"


hostile("flat.zip")(lambda _: raw_zip([bomb("zeros.txt", 1000)]))
hostile("ratio.zip")(lambda _: raw_zip([bomb("zeros.txt", 100)]))
hostile("many-bombs.zip")(lambda _: raw_zip(bomb(f"{n}.txt", 30) for n in range(20)))
hostile("liar-small.zip")(
    lambda _: raw_zip([Entry(b"a.txt", deflated(bytes(MB), 500), method=8, unpacked=10)])
)
hostile("liar-large.zip")(
    lambda _: raw_zip([Entry(b"a.txt", deflated(b"x", 1), method=8, unpacked=0xFFFFFFF0)])
)


@hostile("liar-local.zip")
def _(_: Trap) -> bytes:
    """The header beside the data says more than the directory."""
    data = deflated(bytes(MB), 300)
    honest = raw_zip([Entry(b"a.txt", data, method=8, unpacked=300 * MB)])
    at = honest.rindex(b"PK\1\2") + 24
    return honest[:at] + struct.pack("<L", 100) + honest[at + 4 :]


@hostile("overlap.zip")
def _(_: Trap) -> bytes:
    """All entries unpack the same bytes."""
    first = bomb("0.txt", 10)
    again = [
        Entry(f"{n}.txt".encode(), method=8, packed=len(first.data), unpacked=10 * MB, offset=0)
        for n in range(1, 1000)
    ]
    return raw_zip([first, *again])


@hostile("overlap-in-part.zip")
def _(_: Trap) -> bytes:
    """Entries whose data are the headers of the entries after them."""
    entries = [
        Entry(f"{n}.txt".encode(), packed=40 * (50 - n), unpacked=40 * (50 - n)) for n in range(50)
    ]
    return raw_zip(entries)


@hostile("self.zip")
def _(_: Trap) -> bytes:
    """An entry that is the archive itself: unpacking never ends."""
    size = len(raw_zip([Entry(b"self.zip")]))
    return raw_zip([Entry(b"self.zip", packed=size, unpacked=size)])


@hostile("quine.zip")
def _(_: Trap) -> bytes:
    """Two entries in one place, each a stored archive that holds the other."""
    inner = raw_zip([Entry(b"inner.zip", b"x" * 64)])
    return raw_zip([Entry(b"inner.zip", inner), Entry(b"again.zip", packed=len(inner), offset=0)])


def nested(depth: int, width: int, core: bytes) -> bytes:
    for _ in range(depth):
        core = zipped({f"{n}.zip": core for n in range(width)})
    return core


hostile("nested-deep.zip")(lambda _: nested(40, 1, zipped({"a.txt": "words"})))
hostile("nested-wide.zip")(lambda _: nested(5, 16, raw_zip([bomb("zeros.txt", 30)])))
hostile("nested-three.zip")(lambda _: nested(3, 8, raw_zip([bomb("zeros.txt", 15)])))
hostile("entries.zip")(lambda _: raw_zip(Entry(f"{n}.txt".encode(), b"x") for n in range(20_000)))
hostile("directory.zip")(
    lambda trap: raw_zip(Entry(b"%d" % n, offset=0) for n in range(trap.size(400_000, 120_000)))
)
hostile("empty-named.zip")(lambda _: raw_zip(Entry(b"", b"x") for _ in range(3)))
hostile("duplicates.zip")(lambda _: raw_zip([Entry(b"a.txt", b"one"), Entry(b"a.txt", b"two")]))
hostile("long-names.zip")(lambda _: raw_zip([Entry(b"n" * 65_000 + b".txt", b"x")] * 1))
hostile("odd-names.zip")(
    lambda _: raw_zip(
        [Entry(b"\xff\xfe\0\r\n\x1b[2J.txt", b"x", flags=0x800), Entry(b"a\0b", b"y")]
    )
)
hostile("traversal.zip")(
    lambda trap: raw_zip(
        [Entry(f"../../../../../..{trap.folder}/evil.txt".encode(), b"evil"), Entry(b"a.txt", b"x")]
    )
)
hostile("absolute.zip")(lambda trap: raw_zip([Entry(f"{trap.folder}/evil.txt".encode(), b"evil")]))
hostile("backslashes.zip")(lambda _: raw_zip([Entry(b"..\\..\\evil.txt", b"evil")]))
hostile("drive.zip")(lambda _: raw_zip([Entry(b"C:\\Windows\\evil.txt", b"evil")]))
hostile("symlink.zip")(
    lambda trap: raw_zip(
        [
            Entry(b"link.txt", str(trap.secret).encode(), mode=0o120777),
            Entry(b"folder", str(trap.folder).encode(), mode=0o120777),
            Entry(b"folder/evil.txt", b"evil"),
        ]
    )
)
hostile("encrypted.zip")(lambda _: raw_zip([Entry(b"a.txt", b"\x9c" * 40, flags=1)]))
hostile("encrypted-aes.zip")(lambda _: raw_zip([Entry(b"a.txt", b"\x9c" * 40, method=99, flags=1)]))
hostile("methods.zip")(
    lambda _: raw_zip(Entry(b"%d.txt" % n, b"\x5d\0\0\0\1" * 9, method=n) for n in range(1, 99))
)
hostile("prefixed.zip")(lambda _: b"MZ\0\0" * 5000 + zipped({"a.txt": "words"}))
hostile("truncated.zip")(lambda _: zipped({f"{n}.txt": "words " * 99 for n in range(9)})[:400])
hostile("headless.zip")(lambda _: b"PK\3\4" + b"\0" * 400)
same("end-only.zip", b"PK\5\6" + b"\0" * 18)
same("end-lies.zip", b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 9, 9, 0xFFFFFFFF, 0xFFFFFFFF, 0))
hostile("two-ends.zip")(
    lambda _: raw_zip([Entry(b"a.txt", b"x")], comment=raw_zip([Entry(b"b.txt", b"y")]))
)
hostile("lzma-bomb.zip")(
    lambda trap: raw_zip(
        [
            Entry(
                b"a.txt",
                b"\x09\x04\x05\0"
                + lzma.compress(bytes(20 * MB), lzma.FORMAT_ALONE)[:5]
                + b"\0" * 99,
                method=14,
                unpacked=trap.size(190, 20) * MB,
            )
        ]
    )
)
hostile("gzip.gz")(lambda _: gzip.compress(bytes(MB)) * 1000)
hostile("bzip2.bz2")(lambda _: bz2.compress(bytes(8 * MB)) * 120)
hostile("xz.xz")(lambda _: lzma.compress(bytes(8 * MB)) * 120)
hostile("twice.gz")(lambda _: gzip.compress(gzip.compress(bytes(MB)) * 1000))
hostile("memory.xz")(
    # A dictionary of 4 GiB is asked for in the header of the block.
    lambda _: lzma.compress(b"words", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}])
)
hostile("truncated.gz")(lambda _: gzip.compress(b"words " * 9999)[:-20])
hostile("trailing.gz")(lambda _: gzip.compress(b"words") + b"\0garbage" * 99)
hostile("named.gz")(
    lambda trap: (
        b"\x1f\x8b\x08\x08\0\0\0\0\0\3"
        + f"../../..{trap.folder}/evil.txt".encode()
        + b"\0"
        + gzip.compress(b"evil")[10:]
    )
)


def tar(*members: tarfile.TarInfo, data: bytes = b"evil") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return held.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


hostile("traversal.tar")(
    lambda trap: tar(
        member(f"../../../..{trap.folder}/evil.txt"), member(f"{trap.folder}/evil.txt")
    )
)
hostile("links.tar")(
    lambda trap: tar(
        member("link.txt", tarfile.SYMTYPE, str(trap.secret)),
        member("hard.txt", tarfile.LNKTYPE, str(trap.secret)),
        member("pipe", tarfile.FIFOTYPE),
        member("zero", tarfile.CHRTYPE),
        member("loop", tarfile.SYMTYPE, "loop"),
    )
)
hostile("bomb.tar.gz")(
    lambda _: gzip.compress(tar(member("a.txt"), data=bytes(MB))[: 2 * MB]) * 500
)
hostile("entries.tar.gz")(
    lambda trap: gzip.compress(
        tar(*(member(f"{n}.txt") for n in range(trap.size(30_000, 12_000))), data=b"")
    )
)


@hostile("sparse.tar")
def _(_: Trap) -> bytes:
    """Says that it is a terabyte long."""
    made = bytearray(tar(member("a.txt")))
    made[124:136] = b"\x80" + (1 << 40).to_bytes(11, "big")
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:512])
    return bytes(made)


same("7z.7z", b"7z\xbc\xaf\x27\x1c\0\4" + b"\xff" * 24)
same("rar.rar", b"Rar!\x1a\x07\1\0" + b"\xff" * 200)
