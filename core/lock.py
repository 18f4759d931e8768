"""One deployment and one bot per data folder: SQLite and the local blobs have a single owner."""

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


def claim_folder(data_dir: Path, deployment: str) -> None:
    """Make a data folder this deployment's, at its first start. Raises LockedError if it is another
    one's: their files, and SQLite databases, would get among each other."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "deployment"
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(f"{deployment}\n")
        return
    except FileExistsError:
        found = path.read_text(encoding="utf-8").strip()
    if found and deployment and found != deployment:
        raise LockedError(
            f"The data folder {data_dir} belongs to the deployment {found}, and this one is called "
            f"{deployment}",
            hint=f"give this one a folder of its own (PLUGRAM_DATA_DIR), or delete {path} if it "
            "is this one's",
        )


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
