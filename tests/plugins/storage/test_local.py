"""What is the folder's own: its disk, its unfinished writes. The rest is in test_contract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from plugins.storage.keys import CHUNK
from plugins.storage.local import LocalStore
from plugram import StorageError
from tests.plugins.storage.kit import sample


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "blobs")


async def test_a_blob_lies_under_its_key(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    assert (store.root / key).read_bytes() == b"whales"  # by kind, first letters, sha256
    assert leftovers(store) == []


def leftovers(store: LocalStore) -> list[Path]:
    return list((store.root / ".unfinished").iterdir())


async def test_chunks_are_at_most_a_megabyte(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path, os.urandom(CHUNK * 2 + 5))
    await store.put(key, source)
    assert [len(chunk) async for chunk in store.open(key)] == [CHUNK, CHUNK, 5]


async def test_a_nearly_full_disk_refuses_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 << 20, 99 << 20, 1 << 20))
    store = LocalStore(tmp_path / "blobs", min_free=2 << 20)
    key, source = sample(tmp_path)
    with pytest.raises(StorageError, match="1 MB free") as refused:
        await store.put(key, source)
    assert "min_free_mb" in refused.value.hint
    with pytest.raises(StorageError):
        await store.check()


_ON_A_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from plugins.storage.local import LocalStore
from plugram import StorageError
from tests.plugins.storage.kit import sample

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    asyncio.run(LocalStore(Path(sys.argv[1])).put(sys.argv[2], Path(sys.argv[3])))
except StorageError as error:
    print(error)
"""


def test_a_disk_that_fills_while_writing_leaves_nothing(tmp_path: Path) -> None:
    """The kernel refuses the write in the middle, as it does when the disk is full."""
    key, source = sample(tmp_path, os.urandom(3 << 20))
    ran = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(tmp_path / "blobs"), key, str(source)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "can't be stored" in ran.stdout
    assert "free some room" in ran.stdout
    store = LocalStore(tmp_path / "blobs")
    assert leftovers(store) == []
    assert not (store.root / key).exists()


async def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file is in the way")
    store = LocalStore(tmp_path / "blobs")
    with pytest.raises(StorageError, match="blobs"):
        await store.check()
    key, source = sample(tmp_path)
    with pytest.raises(StorageError, match="can't be stored"):
        await store.put(key, source)


async def test_old_unfinished_writes_are_tidied_away(store: LocalStore) -> None:
    await store.check()
    old, fresh = store.root / ".unfinished" / "old", store.root / ".unfinished" / "fresh"
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    await store.tidy()
    assert leftovers(store) == [fresh]


async def test_a_large_file_needs_little_memory(store: LocalStore, tmp_path: Path) -> None:
    import tracemalloc

    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(200 << 20)
    tracemalloc.start()
    await store.put("other/large", source)
    await store.fetch("other/large", tmp_path / "copy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
