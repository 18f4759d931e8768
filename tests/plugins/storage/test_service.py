"""The local folder: whole blobs or none, under their keys, in a megabyte of memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from core.host.roles import BlobStore
from plugins.storage.service import CHUNK, LocalStore
from plugram import BlobMissing, StorageError


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "blobs")


def sample(folder: Path, content: bytes = b"whales") -> tuple[str, Path]:
    """A file, and the key that its bytes belong under."""
    path = folder / "sample"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return f"documents/{digest[:2]}/{digest}", path


async def content_of(store: LocalStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.open(key)])


def leftovers(store: LocalStore) -> list[Path]:
    return list((store.root / ".unfinished").iterdir())


async def test_it_is_a_blob_store(store: LocalStore) -> None:
    assert isinstance(store, BlobStore)


async def test_what_is_put_comes_back(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    assert not await store.exists(key)
    await store.put(key, source)
    assert await store.exists(key)
    assert await content_of(store, key) == b"whales"
    await store.fetch(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"whales"
    assert (store.root / key).read_bytes() == b"whales"  # by kind, first letters, sha256
    assert leftovers(store) == []


async def test_chunks_are_at_most_a_megabyte(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path, os.urandom(CHUNK * 2 + 5))
    await store.put(key, source)
    assert [len(chunk) async for chunk in store.open(key)] == [CHUNK, CHUNK, 5]


async def test_putting_twice_is_putting_once(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    await asyncio.gather(*(store.put(key, source) for _ in range(8)))
    before = (store.root / key).stat().st_mtime_ns
    await store.put(key, source)
    assert (store.root / key).stat().st_mtime_ns == before


async def test_a_stump_of_an_earlier_version_is_replaced(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    (store.root / key).parent.mkdir(parents=True)
    (store.root / key).write_bytes(b"wha")
    await store.put(key, source)
    assert await content_of(store, key) == b"whales"


async def test_deleting_what_is_not_there_is_no_error(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    await store.delete(key)
    await store.delete(key)
    assert not await store.exists(key)


async def test_what_is_not_there_is_missing(store: LocalStore, tmp_path: Path) -> None:
    key, _ = sample(tmp_path)
    with pytest.raises(BlobMissing):
        await store.fetch(key, tmp_path / "copy")
    with pytest.raises(BlobMissing):
        await content_of(store, key)
    assert not (tmp_path / "copy").exists()


async def test_a_target_that_cannot_be_written_is_not_a_missing_blob(
    store: LocalStore, tmp_path: Path
) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    with pytest.raises(StorageError) as refused:
        await store.fetch(key, tmp_path / "no" / "such" / "folder")
    assert not isinstance(refused.value, BlobMissing)


async def test_damage_is_seen_when_it_is_read(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    (store.root / key).write_bytes(b"Whales")
    with pytest.raises(StorageError, match="damaged"):
        await store.fetch(key, tmp_path / "copy")
    with pytest.raises(StorageError, match="damaged"):
        await content_of(store, key)
    assert not (tmp_path / "copy").exists()


async def test_other_bytes_than_the_key_says_are_refused(store: LocalStore, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    source.write_bytes(b"sharks")
    with pytest.raises(StorageError, match="damaged"):
        await store.put(key, source)
    assert not await store.exists(key)
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "key", ["", "../x", "documents/../../x", "/etc/passwd", "a//b", ".unfinished/x", "a/..", "a\0b"]
)
async def test_no_key_leads_out_of_the_folder(store: LocalStore, tmp_path: Path, key: str) -> None:
    _, source = sample(tmp_path)
    with pytest.raises(StorageError):
        await store.put(key, source)
    with pytest.raises(StorageError):
        await store.fetch(key, tmp_path / "copy")


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
from plugins.storage.service import LocalStore
from plugram import StorageError

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


async def test_all_blobs_can_be_listed(store: LocalStore, tmp_path: Path) -> None:
    assert [blob async for blob in store.walk()] == []
    key, source = sample(tmp_path)
    await store.put(key, source)
    picture = f"thumbnails/ab/{'ab' * 32}.jpg"
    await store.put(picture, source)
    (store.root / ".unfinished" / "half").write_bytes(b"")
    (store.root / "documents" / "NOTES.TXT").write_bytes(b"")
    found = {blob.key: blob async for blob in store.walk()}
    assert found.keys() == {key, picture}
    assert found[key].size == len(b"whales")
    assert abs(found[key].changed_at - time.time()) < 60


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


async def test_the_loop_goes_on_meanwhile(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(200 << 20)
    putting = asyncio.create_task(store.put("other/large", source))
    turns = 0
    while not putting.done():
        await asyncio.sleep(0.001)
        turns += 1
    await putting
    assert turns > 20
