"""Blobs in a local folder: `<root>/<kind>/<aa>/<sha256>`.

A blob appears under its key by a rename, whole or not at all, and its bytes are on the disk by
then. Everything that touches the disk runs in threads and needs a megabyte, however large the file.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from plugins.storage import keys
from plugins.storage.keys import CHUNK
from plugram import BlobMissing, StorageError, StoredBlob

if TYPE_CHECKING:
    from plugram import Links

LINK_PATH = "blob"
"""Of the route that `web.py` serves."""
_UNFINISHED = ".unfinished"
_STALE = 24 * 3600
"""Seconds after which an unfinished write is nobody's any more."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A write that was begun and, as far as anybody knows, never ended."""

    key: str
    """Of the blob it was to become; empty where that isn't known."""
    id: str
    begun_at: float
    """Seconds since 1970."""


class LocalStore:
    """A `BlobStore` in a folder. A key's last part, where it is a sha256, is held to the bytes."""

    def __init__(
        self, root: Path, *, min_free: int = 0, links: Links | None = None, cdn: str = ""
    ) -> None:
        """`min_free`: bytes of the disk that `put` leaves alone. `cdn`: base of `links` instead of
        our own."""
        self.root = root
        self._min_free = min_free
        self._links = links
        self._cdn = cdn

    async def put(self, key: str, source: Path) -> None:
        """Store a file under a key, atomically; a key that is there already is left as it is.

        Raises StorageError: no room, no right to write, or other bytes than the key says.
        """
        target = self._path(key)
        await asyncio.to_thread(self._put, key, source, target)

    def open(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in chunks of at most 1 MiB. Raises BlobMissing, and StorageError at the end
        when they aren't those of the key."""
        return self._stream(key, self._path(key))

    async def fetch(self, key: str, target: Path) -> None:
        """Write the blob to `target`, whole and checked, or raise BlobMissing, StorageError."""
        path = self._path(key)
        await asyncio.to_thread(self._fetch, key, path, target)

    async def delete(self, key: str) -> None:
        """Remove it; a key that isn't there is no error."""
        path = self._path(key)
        with explained(f"blob {key} can't be deleted"):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    def gives_links(self) -> bool:
        return bool(self._links)

    async def link(self, key: str, *, name: str, mime: str) -> str | None:
        """Signed, and served by `web.py`."""
        if self._links is None:
            return None
        payload = {"key": key, "name": name, "mime": mime}
        return self._links.make(LINK_PATH, payload, base=self._cdn)

    def where(self, key: str) -> Path:
        """The blob's file. Raises BlobMissing."""
        path = self._path(key)
        if not path.is_file():
            raise BlobMissing(f"blob {key} isn't there")
        return path

    async def walk(self) -> AsyncIterator[StoredBlob]:
        """All blobs, folder by folder; what isn't one is left out."""
        with explained(f"the folder {self.root} can't be read"):
            for folder in await asyncio.to_thread(self._folders):
                for blob in await asyncio.to_thread(self._blobs_of, folder):
                    yield blob

    async def check(self) -> int:
        """Free bytes, after a write and a read that succeeded. Raises StorageError."""
        return await asyncio.to_thread(self._check)

    async def unfinished(self, older: float = _STALE) -> list[Unfinished]:
        """What was begun more than so many seconds ago, and never ended."""
        return await asyncio.to_thread(self._unfinished_since, time.time() - older)

    async def tidy(self, older: float = _STALE) -> list[Unfinished]:
        """Remove what crashed processes left half written; what it was."""
        found = await self.unfinished(older)
        for one in found:
            with suppress(OSError):
                await asyncio.to_thread((self.root / _UNFINISHED / one.id).unlink)
        return found

    # -- in threads ---------------------------------------------------------------------------

    def _folders(self) -> list[Path]:
        found = []
        for path, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name != _UNFINISHED]
            if files:
                found.append(Path(path))
        return found

    def _blobs_of(self, folder: Path) -> list[StoredBlob]:
        prefix = folder.relative_to(self.root).as_posix()
        with os.scandir(folder) as entries:
            found = [
                (f"{prefix}/{entry.name}", entry.stat())
                for entry in entries
                if entry.is_file(follow_symlinks=False)
            ]
        return [
            StoredBlob(key, stat.st_size, stat.st_mtime) for key, stat in found if keys.is_key(key)
        ]

    def _put(self, key: str, source: Path, target: Path) -> None:
        with explained(f"blob {key} can't be stored in {self.root}"):
            size = source.stat().st_size
            if target.is_file() and target.stat().st_size == size:
                return
            self._make_room(size)
            self._make_folder(target.parent)
            with self._unfinished() as partial:
                with source.open("rb") as reader, partial.open("xb") as writer:
                    digest = _copy(reader, writer)
                    writer.flush()
                    os.fsync(writer.fileno())
                keys.hold(key, digest)
                partial.replace(target)
            _sync_folder(target.parent)

    def _fetch(self, key: str, path: Path, target: Path) -> None:
        with explained(f"blob {key} can't be read from {self.root}", path):
            partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
            try:
                with path.open("rb") as reader, partial.open("xb") as writer:
                    digest = _copy(reader, writer)
                keys.hold(key, digest)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

    async def _stream(self, key: str, path: Path) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        with explained(f"blob {key} can't be read from {self.root}", path):
            reader = await opened(path, "rb")
            try:
                while chunk := await asyncio.to_thread(reader.read, CHUNK):
                    digest.update(chunk)
                    yield chunk
            finally:
                reader.close()
        keys.hold(key, digest.hexdigest())

    def _check(self) -> int:
        with explained(f"the folder {self.root} can't be used"):
            with self._unfinished() as partial:
                partial.write_bytes(b"plugram")
                partial.read_bytes()
            self._make_room(0)
            return shutil.disk_usage(self.root).free

    def _make_room(self, size: int) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if free < size + self._min_free:
            raise StorageError(
                f"no room in {self.root}: {free >> 20} MB free, "
                f"{(size + self._min_free) >> 20} MB needed",
                hint="free some, move [plugins.storage] path to a larger disk, "
                "or lower [plugins.storage] min_free_mb",
            )

    def _make_folder(self, folder: Path) -> None:
        """A new folder lasts through a power cut once those above it are on the disk."""
        if folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for above in folder.parents:
            _sync_folder(above)
            if above == self.root:
                break

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """A path on the same disk for what isn't whole yet; gone afterwards."""
        folder = self.root / _UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _unfinished_since(self, before: float) -> list[Unfinished]:
        found = []
        with suppress(OSError):
            for path in (self.root / _UNFINISHED).iterdir():
                stat = path.stat()
                if stat.st_mtime <= before:
                    found.append(Unfinished("", path.name, stat.st_mtime))
        return found

    def _path(self, key: str) -> Path:
        keys.check(key)
        return self.root / key


def _copy(reader: BinaryIO, writer: BinaryIO) -> str:
    """Copy in chunks; the sha256 of what was copied."""
    digest = hashlib.sha256()
    while chunk := reader.read(CHUNK):
        digest.update(chunk)
        writer.write(chunk)
    return digest.hexdigest()


async def opened(path: Path, mode: Literal["rb", "xb"]) -> BinaryIO:
    """Open a file in a thread; whoever is cancelled meanwhile leaves none open."""

    def close(opening: asyncio.Task[BinaryIO]) -> None:
        if not opening.exception():
            opening.result().close()

    opening = asyncio.create_task(asyncio.to_thread(lambda: path.open(mode)))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(close)
        raise


def _sync_folder(folder: Path) -> None:
    """A rename lasts through a power cut once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def explained(what: str, blob: Path | None = None) -> Iterator[None]:
    """The system's errors as ours. That `blob` isn't there is a missing blob."""
    try:
        yield
    except OSError as error:
        if blob is not None and error.errno == errno.ENOENT and error.filename == str(blob):
            raise BlobMissing(f"{what}: it isn't there") from error
        hint = "free some room on its disk" if error.errno in _FULL else ""
        raise StorageError(f"{what}: {error.strerror}", hint=hint) from error
