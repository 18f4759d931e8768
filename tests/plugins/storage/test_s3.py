"""What is the bucket's own: faults of network and server, parts, links, encryption, the prefix.
The rest is in test_contract."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest

from core.config import WebSettings
from core.links import Links
from plugins.storage import keys, rounds
from plugins.storage.s3 import S3Store
from plugram import BlobArchived, BlobMissing, StorageAway, StorageError, StoredBlob
from tests.plugins.storage.kit import content_of, key_of, s3_store, sample
from tests.support.faulty import BROKEN, HALF, HANG, RESET, Asked, Fault, FaultyProxy, refusal
from tests.support.servers import S3

PART = 5 << 20
MANY = os.urandom(3 * PART + 11)


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(s3.port) as made:
        yield made


@pytest.fixture
async def store(s3: S3, proxy: FaultyProxy) -> AsyncIterator[S3Store]:
    """Through a proxy that can be told what to do; impatient."""
    made = s3_store(s3, s3.create(), s3_endpoint=proxy.url, s3_part_mb=5, s3_timeout=1.0)
    await made.start()
    yield made
    await made.stop()


def once(fault: Fault, when: Callable[[Asked], bool]) -> Callable[[Asked], Fault | None]:
    """The first request of a kind has this fault."""
    left = [fault]
    return lambda asked: left.pop() if left and when(asked) else None


def is_part(asked: Asked) -> bool:
    return "partNumber=2" in asked.target


def is_get(asked: Asked) -> bool:
    return asked.method == "GET"


@pytest.mark.parametrize("fault", [RESET, HANG, HALF, BROKEN, refusal(503, "SlowDown")])
async def test_a_part_that_fails_is_sent_again(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path, fault: Fault
) -> None:
    proxy.plan = once(fault, is_part)
    key, source = sample(tmp_path, MANY)
    await store.put(key, source)
    assert len(proxy.faults) == 1
    assert await content_of(store, key) == MANY
    assert await store.unfinished(0) == []


@pytest.mark.parametrize("fault", [RESET, HANG, HALF, BROKEN])
async def test_what_breaks_off_while_it_is_read_goes_on_there(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path, fault: Fault
) -> None:
    key, source = sample(tmp_path, MANY)
    await store.put(key, source)
    proxy.plan = once(fault, is_get)
    proxy.asked.clear()
    await store.fetch(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == MANY
    gets = [asked for asked in proxy.asked if is_get(asked)]
    assert len(gets) == 2
    if fault is HALF:
        assert int(gets[1].headers["range"].removeprefix("bytes=").rstrip("-")) >= PART


@pytest.mark.parametrize("fault", [RESET, HANG, HALF, BROKEN])
@pytest.mark.parametrize("size", [6, len(MANY)])
async def test_a_server_that_stays_broken_is_given_up_and_nothing_is_left(
    s3: S3, store: S3Store, proxy: FaultyProxy, tmp_path: Path, fault: Fault, size: int
) -> None:
    """An upload that was begun is given up too, as soon as the server takes that."""
    proxy.plan = lambda asked: fault if asked.method == "PUT" else None
    key, source = sample(tmp_path, MANY[:size])
    with pytest.raises(StorageAway, match=f"blob {key} can't be stored") as refused:
        await store.put(key, source)
    assert "AWS_ENDPOINT_URL" in refused.value.hint or "tried again" in refused.value.hint
    assert await asyncio.to_thread(s3.uploads, store.bucket) == []
    if fault is not HALF:  # there the server has what it was asked to take; only nobody knows
        assert await asyncio.to_thread(s3.keys, store.bucket) == []


async def test_the_answer_to_the_completion_may_get_lost(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path
) -> None:
    def completes(asked: Asked) -> bool:
        return asked.method == "POST" and "uploadId=" in asked.target

    proxy.plan = once(HALF, completes)
    key, source = sample(tmp_path, MANY)
    await store.put(key, source)
    assert proxy.faults == ["half"]
    assert await content_of(store, key) == MANY
    assert await store.unfinished(0) == []


async def test_what_does_not_get_through_in_parts_is_tidied_away_later(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """The network is gone when the upload is to be given up."""
    proxy.plan = lambda asked: RESET if is_part(asked) or asked.method == "DELETE" else None
    key, source = sample(tmp_path, MANY)
    with pytest.raises(StorageAway):
        await store.put(key, source)
    proxy.plan = lambda asked: None
    assert await store.tidy() == []  # it may still be somebody's
    (left,) = await store.unfinished(0)
    assert left.key == key
    assert [one.key for one in await store.tidy(0)] == [key]
    assert await store.unfinished(0) == []


async def test_the_loop_and_others_go_on_while_the_server_hangs(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path
) -> None:
    proxy.plan = lambda asked: HANG
    began = time.monotonic()
    reading = asyncio.create_task(content_of(store, key_of(b"x")))
    while not reading.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        assert time.monotonic() - before < 1.0
    with pytest.raises(StorageAway, match="no answer"):
        await reading
    assert time.monotonic() - began < 30


async def test_no_more_transfers_at_a_time_than_allowed(
    s3: S3, proxy: FaultyProxy, tmp_path: Path
) -> None:
    store = s3_store(s3, s3.create(), s3_endpoint=proxy.url, s3_transfers=2)
    going: list[int] = []

    class Counting(asyncio.Semaphore):
        async def acquire(self) -> Literal[True]:
            taken = await super().acquire()
            going.append(2 - self._value)
            return taken

    store._turns = Counting(2)
    await store.start()
    contents = [bytes([number]) * 1000 for number in range(12)]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    await asyncio.gather(
        *(store.put(key_of(one), tmp_path / str(at)) for at, one in enumerate(contents))
    )
    assert await asyncio.gather(*(content_of(store, key_of(one)) for one in contents)) == contents
    await store.stop()
    assert max(going) == 2


# -- what is asked of the server ------------------------------------------------------------------


async def test_everything_lies_below_the_prefix(s3: S3, tmp_path: Path) -> None:
    bucket = s3.create()
    here, there = (
        s3_store(s3, bucket, prefix="production/"),
        s3_store(s3, bucket, prefix="staging/"),
    )
    key, source = sample(tmp_path)
    await here.put(key, source)
    assert await asyncio.to_thread(s3.keys, bucket) == [f"production/{key}"]
    assert [blob.key async for blob in here.walk()] == [key]
    assert [blob.key async for blob in there.walk()] == []
    with pytest.raises(BlobMissing):
        await content_of(there, key)
    await there.delete(key)
    assert await here.exists(key)


@pytest.mark.parametrize("size", [6, 2 * PART])
async def test_encryption_is_asked_for_and_checksums_go_along(
    s3: S3, store: S3Store, proxy: FaultyProxy, tmp_path: Path, size: int
) -> None:
    encrypted = s3_store(
        s3, store.bucket, s3_endpoint=proxy.url, s3_part_mb=5, s3_encryption="AES256"
    )
    content = os.urandom(size)
    key, source = sample(tmp_path, content)
    await encrypted.put(key, source)
    with s3.client() as client:
        found = client.head_object(Bucket=store.bucket, Key=f"testing/{key}")
    assert found["ServerSideEncryption"] == "AES256"
    assert found["Metadata"]["sha256"] == hashlib.sha256(content).hexdigest()
    bodies = [asked for asked in proxy.asked if asked.method == "PUT"]
    assert all("content-md5" in asked.headers for asked in bodies)
    assert not any("x-amz-acl" in asked.headers for asked in proxy.asked)  # private, as the bucket
    assert await content_of(encrypted, key) == content


async def test_a_key_of_kms_goes_along(s3: S3, proxy: FaultyProxy, tmp_path: Path) -> None:
    store = s3_store(
        s3, "any", s3_endpoint=proxy.url, s3_encryption="aws:kms", s3_kms_key="alias/mine"
    )
    proxy.plan = lambda asked: (
        refusal(400, "KMS.NotFoundException")
        if asked.method == "PUT"
        else (refusal(404, "NoSuchKey"))
    )
    key, source = sample(tmp_path)
    with pytest.raises(StorageError, match="KMS key can't be used"):
        await store.put(key, source)
    sent = proxy.asked[-1].headers
    assert sent["x-amz-server-side-encryption"] == "aws:kms"
    assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/mine"


async def test_an_archived_blob_is_asked_back(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path
) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    proxy.asked.clear()
    proxy.plan = lambda asked: (
        Fault("answer", 202) if "restore" in asked.target else refusal(403, "InvalidObjectState")
    )
    with pytest.raises(BlobArchived, match="archive") as refused:
        await content_of(store, key)
    assert "within hours" in refused.value.hint
    assert [asked.method for asked in proxy.asked] == ["GET", "POST"]
    assert "restore" in proxy.asked[1].target


async def test_what_lies_in_an_archive_is_looked_for_and_not_asked_back(
    store: S3Store, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, source = sample(tmp_path)
    await store.put(key, source)
    plain = store.call

    async def call(work: Any, *args: Any, **more: Any) -> Any:
        found = await plain(work, *args, **more)
        for entry in found.get("Contents", ()):
            entry["StorageClass"] = "DEEP_ARCHIVE"  # which this server doesn't have
        return found

    monkeypatch.setattr(store, "call", call)
    proxy.asked.clear()
    seen: list[StoredBlob] = []

    async def told(blob: StoredBlob) -> None:
        seen.append(blob)

    assert await rounds.damaged(store, told) == []
    assert [(blob.key, blob.archived) for blob in seen] == [(key, True)]
    assert {asked.method for asked in proxy.asked} == {"GET"}
    assert len(proxy.asked) == 1, "the list alone"


# -- links ----------------------------------------------------------------------------------------


def links(**web: Any) -> Links:
    return Links("storage", WebSettings(**web), "123:secret")


def linked(store: S3Store, **web: Any) -> S3Store:
    store.links = links(**web)
    return store


async def got(url: str) -> tuple[int, bytes, Any]:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_a_link_is_signed_for_minutes_and_downloads_under_the_files_name(
    s3: S3, tmp_path: Path
) -> None:
    store = linked(s3_store(s3, s3.create(), s3_public_endpoint=s3.url), link_seconds=300)
    key, source = sample(tmp_path)
    await store.put(key, source)
    assert store.gives_links()
    url = await store.link(key, name='Отчёт "2".pdf', mime="application/pdf")
    assert url is not None
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "X-Amz-Expires=300&" in url
    assert S3.OWNER.secret not in url
    status, content, headers = await got(url)
    assert (status, content) == (200, b"whales")
    assert headers["Content-Disposition"] == keys.attachment('Отчёт "2".pdf')
    assert headers["Content-Type"] == "application/pdf"
    assert (await got(url.replace(key, key_of(b"other"))))[0] == 403


async def test_no_link_lives_longer_than_ten_minutes(s3: S3) -> None:
    url = await s3_store(s3, "any", s3_public_endpoint=s3.url).link("a/b", name="x", mime="")
    assert url is not None
    assert "X-Amz-Expires=600&" in url


async def test_a_bucket_in_our_own_network_is_reached_through_us(s3: S3) -> None:
    store = s3_store(s3, "any")
    assert not linked(store).gives_links()
    assert await store.link("a/b", name="x", mime="") is None
    assert linked(store, public_url="https://bot.example.com").gives_links()
    url = await store.link("a/b", name="x", mime="")
    assert url is not None
    assert url.startswith("https://bot.example.com/storage/blob/")


async def test_links_may_lead_through_a_cdn(s3: S3) -> None:
    elsewhere = s3_store(s3, "any", cdn_base="https://cdn.example.com")
    url = await elsewhere.link("a/b", name="x", mime="")
    assert url is not None
    assert url.startswith("https://cdn.example.com/testing/a/b?")
    aws = s3_store(s3, "any", s3_endpoint="", s3_region="eu-west-1", cdn_base="https://cdn.x/y/")
    url = await aws.link("a/b", name="x", mime="")
    assert url is not None
    assert url.startswith("https://cdn.x/y/testing/a/b?")


async def test_on_aws_the_bucket_is_a_host(s3: S3) -> None:
    url = await s3_store(s3, "mine", s3_endpoint="", s3_region="eu-west-1").link(
        "a/b", name="x", mime=""
    )
    assert url is not None
    assert url.startswith("https://mine.s3.eu-west-1.amazonaws.com/testing/a/b?")


# -- memory ---------------------------------------------------------------------------------------


async def test_a_large_file_needs_a_few_parts_of_memory(s3: S3, tmp_path: Path) -> None:
    import tracemalloc

    store = s3_store(s3, s3.create(), s3_part_mb=5, s3_parts=2)
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(12 * PART)
    async with store.client() as client:  # what botocore keeps for good isn't the file's
        store._client = client
        tracemalloc.start()
        await store.put("other/large", source)
        up = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        await store.fetch("other/large", tmp_path / "copy")
        down = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        store._client = None
    assert up < 3.5 * PART
    assert down < 2 * PART
