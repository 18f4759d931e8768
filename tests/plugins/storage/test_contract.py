"""What every blob store promises: the folder and a real S3 server are held to the same."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugins.storage.keys import CHUNK
from plugins.storage.local import LocalStore
from plugins.storage.s3 import S3Store
from plugram import BlobMissing, BlobStore, StorageError
from tests.plugins.storage.kit import content_of, key_of, s3_store, sample
from tests.support.servers import S3

Store = LocalStore | S3Store
PART = 5 << 20
"""Bytes of a part: what is larger goes up in several."""


@pytest.fixture(params=["local", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "local":
        yield LocalStore(tmp_path / "blobs")
        return
    s3: S3 = request.getfixturevalue("s3")
    made = s3_store(s3, s3.create(), s3_part_mb=PART >> 20)
    await made.start()
    yield made
    await made.stop()


def overwrite(request: pytest.FixtureRequest, store: Store, key: str, content: bytes) -> None:
    """Behind the store's back."""
    if isinstance(store, LocalStore):
        (store.root / key).parent.mkdir(parents=True, exist_ok=True)
        (store.root / key).write_bytes(content)
    else:
        with request.getfixturevalue("s3").client() as client:
            client.put_object(Bucket=store.bucket, Key=store.prefix + key, Body=content)


async def test_it_is_a_blob_store(store: Store) -> None:
    assert isinstance(store, BlobStore)


async def test_what_is_put_comes_back(store: Store, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    assert not await store.exists(key)
    await store.put(key, source)
    assert await store.exists(key)
    assert await content_of(store, key) == b"whales"
    await store.fetch(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"whales"


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART])
async def test_every_size_comes_back(store: Store, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    key, source = sample(tmp_path, content)
    await store.put(key, source)
    pieces = [chunk async for chunk in store.open(key)]
    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= CHUNK for piece in pieces)
    await store.fetch(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content
    assert await store.unfinished(0) == []


async def test_putting_twice_is_putting_once(store: Store, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    await asyncio.gather(*(store.put(key, source) for _ in range(8)))
    (before,) = [blob async for blob in store.walk()]
    await store.put(key, source)
    assert [blob async for blob in store.walk()] == [before]
    assert await content_of(store, key) == b"whales"


async def test_a_stump_is_replaced(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    key, source = sample(tmp_path)
    overwrite(request, store, key, b"wha")
    await store.put(key, source)
    assert await content_of(store, key) == b"whales"


async def test_deleting_what_is_not_there_is_no_error(store: Store, tmp_path: Path) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    await store.delete(key)
    await store.delete(key)
    assert not await store.exists(key)


async def test_what_is_not_there_is_missing(store: Store, tmp_path: Path) -> None:
    key, _ = sample(tmp_path)
    with pytest.raises(BlobMissing):
        await store.fetch(key, tmp_path / "copy")
    with pytest.raises(BlobMissing):
        await content_of(store, key)
    assert not (tmp_path / "copy").exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["sample"]


async def test_a_target_that_cannot_be_written_is_not_a_missing_blob(
    store: Store, tmp_path: Path
) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    with pytest.raises(StorageError) as refused:
        await store.fetch(key, tmp_path / "no" / "such" / "folder")
    assert not isinstance(refused.value, BlobMissing)


async def test_a_source_that_is_not_there_is_no_missing_blob(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be stored") as refused:
        await store.put(key_of(b"x"), tmp_path / "nowhere")
    assert not isinstance(refused.value, BlobMissing)


async def test_damage_is_seen_when_it_is_read(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    overwrite(request, store, key, b"Whales")
    with pytest.raises(StorageError, match="damaged"):
        await store.fetch(key, tmp_path / "copy")
    with pytest.raises(StorageError, match="damaged"):
        await content_of(store, key)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("size", [6, 2 * PART])
async def test_other_bytes_than_the_key_says_are_refused(
    store: Store, tmp_path: Path, size: int
) -> None:
    key, source = sample(tmp_path, os.urandom(size))
    source.write_bytes(os.urandom(size))
    with pytest.raises(StorageError, match="damaged"):
        await store.put(key, source)
    assert not await store.exists(key)
    assert await store.unfinished(0) == []


@pytest.mark.parametrize(
    "key", ["", "../x", "documents/../../x", "/etc/passwd", "a//b", ".unfinished/x", "a/..", "a\0b"]
)
async def test_no_key_leads_out_of_the_store(store: Store, tmp_path: Path, key: str) -> None:
    _, source = sample(tmp_path)
    for attempt in (
        store.put(key, source),
        store.fetch(key, tmp_path / "copy"),
        content_of(store, key),
        store.exists(key),
        store.delete(key),
    ):
        with pytest.raises(StorageError, match="is no key"):
            await attempt


async def test_all_blobs_can_be_listed(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert [blob async for blob in store.walk()] == []
    key, source = sample(tmp_path)
    await store.put(key, source)
    picture = f"thumbnails/ab/{'ab' * 32}.jpg"
    overwrite(request, store, picture, b"a picture")
    overwrite(request, store, "documents/NOTES.TXT", b"not ours")
    found = {blob.key: blob async for blob in store.walk()}
    assert found.keys() == {key, picture}
    assert found[key].size == len(b"whales")
    assert abs(found[key].changed_at - time.time()) < 60


async def test_the_loop_goes_on_meanwhile(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(50 << 20)
    putting = asyncio.create_task(store.put("other/large", source))
    turns = 0
    while not putting.done():
        await asyncio.sleep(0.001)
        turns += 1
    await putting
    assert turns > 10


async def test_cancelling_leaves_nothing(store: Store, tmp_path: Path) -> None:
    key, source = sample(tmp_path, os.urandom(8 * PART))
    putting = asyncio.create_task(store.put(key, source))
    await asyncio.sleep(0.15)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    # A thread of the folder's that was under way ends by itself.
    for _ in range(200):
        if not await store.unfinished(0):
            break
        await asyncio.sleep(0.05)
    assert await store.unfinished(0) == []
