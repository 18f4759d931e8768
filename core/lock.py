"""One bot per data folder: SQLite and the local blobs in it have a single owner."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import LockedError

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # Windows
    HAS_LOCKS = False


class DataLock:
    """Held from `acquire` to `release`, or to the end of the process, however it ends.

    `with DataLock(settings.data_dir): …` does both. The kernel keeps the lock, so a file that a
    killed process left behind locks nobody out.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "plugram.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Makes the folder if need be. Raises LockedError if another process has the lock."""
        if self._descriptor is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited by children: a subprocess that outlives the bot must not keep the lock.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not self._lock(descriptor):
            owner = os.read(descriptor, 64).decode(errors="replace").strip()
            os.close(descriptor)
            raise LockedError(
                f"Another process{f' ({owner})' if owner else ''} works in {self.path.parent}",
                hint="stop it, or give this one a folder of its own: PLUGRAM_DATA_DIR",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the lock back; the file stays, so that two can't hold different files."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def _lock(descriptor: int) -> bool:
        if not HAS_LOCKS:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
