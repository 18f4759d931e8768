"""Going through all blobs: to verify them, or to move them to another store."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from plugins.storage.local import LocalStore
from plugram import BlobArchived, BlobStore, StorageError, StoredBlob

AT_ONCE = 4
"""Blobs in hand: a server far away is waited for, not worked for."""

Told = Callable[[StoredBlob], Awaitable[None]]


@dataclass(slots=True)
class Sum:
    """Of many blobs."""

    blobs: int = 0
    bytes: int = 0

    def add(self, blob: StoredBlob) -> None:
        self.blobs += 1
        self.bytes += blob.size


async def everything(store: BlobStore) -> Sum:
    """What is there, for a bar that knows its end. Raises StorageError."""
    found = Sum()
    async for blob in store.walk():
        found.add(blob)
    return found


async def damaged(store: BlobStore, told: Told) -> list[str]:
    """Read every blob and hold it to its key; a sentence for each that isn't well."""
    faults: list[str] = []

    async def read(blob: StoredBlob) -> None:
        if blob.archived:  # reading it would ask it back, and cost
            await told(blob)
            return
        size = 0
        try:
            async for chunk in store.open(blob.key):
                size += len(chunk)
        except BlobArchived:
            pass  # a class that the list doesn't tell, such as a tier that S3 chose by itself
        except StorageError as error:
            faults.append(error.message)
        else:
            if size != blob.size:
                faults.append(f"blob {blob.key} has {size} bytes, the store says {blob.size}")
        await told(blob)

    await _each(store, read)
    return sorted(faults)


@dataclass(slots=True)
class Move:
    """From one store to another. What is there already is passed over: it can be stopped and begun
    again."""

    source: BlobStore
    target: BlobStore
    folder: Path
    """For what is on its way."""
    delete: bool = False
    """Remove from the source what the target has."""

    async def run(self, told: Told) -> tuple[Sum, list[str]]:
        """What was copied, and a sentence for each blob that couldn't be."""
        copied, faults = Sum(), list[str]()
        there = {blob.key: blob.size async for blob in self.target.walk()}

        async def move(blob: StoredBlob) -> None:
            try:
                if there.get(blob.key) != blob.size:
                    async with self._file(blob.key) as path:
                        await self.target.put(blob.key, path)
                    copied.add(blob)
                if self.delete:
                    await self.source.delete(blob.key)
            except StorageError as error:
                faults.append(str(error))
            await told(blob)

        await _each(self.source, move)
        return copied, sorted(faults)

    @asynccontextmanager
    async def _file(self, key: str) -> AsyncIterator[Path]:
        """The blob as a file. Its bytes are held to the key when they are put."""
        if isinstance(self.source, LocalStore):
            yield self.source.where(key)
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            path = Path(folder) / "blob"
            await self.source.fetch(key, path)
            yield path


async def _each(store: BlobStore, work: Callable[[StoredBlob], Awaitable[None]]) -> None:
    """Some at a time, and no more waiting than that."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(blob: StoredBlob) -> None:
        try:
            await work(blob)
        finally:
            gate.release()

    async with asyncio.TaskGroup() as group:
        async for blob in store.walk():
            await gate.acquire()
            group.create_task(one(blob))
