"""Blobs in a bucket: `<prefix>/<kind>/<aa>/<sha256>`.

A large file goes up in parts, each read from the disk when its turn comes, so that memory is
`parts × part size` however large the file. A part carries its MD5, which every server checks; the
sha256 of all that was sent is held against the key before the upload is completed, and that of all
that comes back whenever a blob is read. What breaks off while it is read goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import io
import math
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore import UNSIGNED

from plugins.storage import faults, keys
from plugins.storage.keys import CHUNK, attachment
from plugins.storage.local import LINK_PATH, Unfinished, explained, opened
from plugram import (
    BlobArchived,
    BlobMissing,
    StorageAway,
    StorageError,
    StoredBlob,
    retry,
)

if TYPE_CHECKING:
    import structlog

    from plugins.storage.settings import Settings
    from plugram import Links

_TOTAL = 25.0
"""Seconds for one request with all its tries, as long as nothing moves."""
_COMPLETE = 60.0
"""The same where the server puts the parts together: it takes its time, and says nothing."""
_FAREWELL = 10.0
"""Seconds to give up an upload tidily."""
_CONNECT = 3.0
_MOST_PARTS = 10_000
_LINK_SECONDS = 600
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Classes whose objects are asked back first."""
_RESTORE_DAYS = 7
"""Days for which a blob stays readable that was fetched from an archive class."""

T = TypeVar("T")

Client = Any
"""botocore makes its clients at run time; nothing describes their types."""


@dataclass
class S3Store:
    """A `BlobStore` in an S3 bucket. A key's last part, where it is a sha256, is held to the
    bytes."""

    settings: Settings
    prefix: str
    """Of all keys; ends with a slash unless empty."""
    log: structlog.stdlib.BoundLogger
    links: Links | None = None
    """For who can't reach the bucket."""
    _client: Client = field(default=None, init=False)
    _signer: Client = field(default=None, init=False)
    _open_clients: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _turns: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.settings.s3_transfers)
        self.bucket = self.settings.s3_bucket
        self.place = faults.Place(self.bucket, self.prefix, self.settings.s3_endpoint)

    async def start(self) -> None:
        """Keep connections open until `stop`. Without it each call has one of its own."""
        if self._client is None:
            enter = self._open_clients.enter_async_context
            self._signer = await enter(self._connected(self._public_endpoint))
            self._client = await enter(self._connected(self.settings.s3_endpoint))

    async def stop(self) -> None:
        self._client = self._signer = None
        await self._open_clients.aclose()

    # -- the role -----------------------------------------------------------------------------

    async def put(self, key: str, source: Path) -> None:
        """Store a file under a key; a key that is there already, in the same size, is left as it
        is. What fails on the way leaves nothing behind.

        Raises StorageError: no right, other bytes than the key says; StorageAway: later perhaps.
        """
        keys.check(key)
        async with self._turns, self.client() as client:
            what = f"blob {key} can't be stored"
            with explained(what):
                reader = await opened(source, "rb")
            try:
                size = await asyncio.to_thread(reader.seek, 0, io.SEEK_END)
                await asyncio.to_thread(reader.seek, 0)
                if await self._size(client, key) == size:
                    return
                upload = _Upload(self, client, key, what, reader, size)
                await upload.run()
            finally:
                reader.close()

    def open(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in chunks of at most 1 MiB. Raises BlobMissing, BlobArchived, StorageAway, and
        StorageError at the end when they aren't those of the key."""
        keys.check(key)
        return self._stream(key)

    async def fetch(self, key: str, target: Path) -> None:
        """Write the blob to `target`, whole and checked, or raise as `open` does."""
        keys.check(key)
        what = f"blob {key} can't be written to {target}"
        partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
        with explained(what):
            writer = await opened(partial, "xb")
        try:
            async for chunk in self._stream(key):
                with explained(what):
                    await asyncio.to_thread(writer.write, chunk)
            with explained(what):
                await asyncio.to_thread(writer.close)
                await asyncio.to_thread(partial.replace, target)
        finally:
            writer.close()
            partial.unlink(missing_ok=True)

    async def delete(self, key: str) -> None:
        """Remove it; a key that isn't there is no error."""
        keys.check(key)
        async with self.client() as client:
            what = f"blob {key} can't be deleted"
            with suppress(BlobMissing):
                await self.call(
                    client.delete_object, what, "s3:DeleteObject", key, Key=self.prefix + key
                )

    async def exists(self, key: str) -> bool:
        keys.check(key)
        async with self.client() as client:
            return await self._size(client, key) is not None

    async def walk(self) -> AsyncIterator[StoredBlob]:
        """All blobs below the prefix; what isn't one is left out."""
        async with self.client() as client:
            more: dict[str, Any] = {}
            while True:
                page = await self.call(
                    client.list_objects_v2,
                    f"bucket {self.bucket} can't be listed",
                    "s3:ListBucket",
                    Prefix=self.prefix,
                    **more,
                )
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self.prefix)
                    if keys.is_key(key):
                        stored_at = entry["LastModified"].timestamp()
                        archived = entry.get("StorageClass") in _ARCHIVES
                        yield StoredBlob(key, entry["Size"], stored_at, archived)
                if not page.get("IsTruncated"):
                    return
                more = {"ContinuationToken": page["NextContinuationToken"]}

    def gives_links(self) -> bool:
        return bool(self._public_endpoint_usable or self.links)

    async def link(self, key: str, *, name: str, mime: str) -> str | None:
        """Signed by us for the bucket; where browsers can't reach that, as the folder's links."""
        if not self._public_endpoint_usable:
            if not self.links:
                return None
            return self.links.make(LINK_PATH, {"key": key, "name": name, "mime": mime})
        seconds = (
            min(self.links.seconds, _LINK_SECONDS) if self.links is not None else _LINK_SECONDS
        )
        async with self._signing() as signer:
            with faults.explained(self.place, "a link can't be signed"):
                url: str = await signer.generate_presigned_url(
                    "get_object",
                    Params={
                        "Bucket": self.bucket,
                        "Key": self.prefix + key,
                        "ResponseContentDisposition": attachment(name),
                        "ResponseContentType": mime or "application/octet-stream",
                    },
                    ExpiresIn=seconds,
                )
        return self._through_cdn(url) if self.settings.cdn_base else url

    # -- unfinished uploads --------------------------------------------------------------------

    async def unfinished(self, older: float | None = None) -> list[Unfinished]:
        """Uploads that were begun more than so many seconds ago, and never ended."""
        async with self.client() as client:
            return await self._unfinished(client, self._patience(older))

    async def tidy(self, older: float | None = None) -> list[Unfinished]:
        """Remove them; what they were."""
        async with self.client() as client:
            found = await self._unfinished(client, self._patience(older))
            for one in found:
                await self.abort(client, self.prefix + one.key, one.id)
            return found

    def _patience(self, older: float | None) -> float:
        return self.settings.s3_unfinished_hours * 3600 if older is None else older

    async def _unfinished(self, client: Client, older: float) -> list[Unfinished]:
        before = time.time() - older
        found, more = [], dict[str, Any]()
        while True:
            page = await self.call(
                client.list_multipart_uploads,
                f"unfinished uploads of bucket {self.bucket} can't be listed",
                "s3:ListBucketMultipartUploads",
                Prefix=self.prefix,
                **more,
            )
            for one in page.get("Uploads", ()):
                begun = one["Initiated"].timestamp()
                key = one["Key"].removeprefix(self.prefix)
                # The server's clock tells whole seconds.
                if begun <= before + 1:
                    found.append(Unfinished(key, one["UploadId"], begun))
            if not page.get("IsTruncated"):
                return found
            more = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page.get("NextUploadIdMarker", ""),
            }

    async def abort(self, client: Client, full_key: str, upload_id: str) -> None:
        """Give up an upload; one that isn't there any more is none."""
        try:
            await self.call(
                client.abort_multipart_upload,
                f"the upload of {full_key} can't be given up",
                "s3:AbortMultipartUpload",
                Key=full_key,
                UploadId=upload_id,
            )
        except StorageError as error:
            if faults.code_of(error) not in {"NoSuchUpload", *faults.MISSING}:
                raise

    # -- requests ------------------------------------------------------------------------------

    async def call(
        self,
        operation: Callable[..., Awaitable[Any]],
        what: str,
        right: str = "",
        key: str = "",
        *,
        body: bytes | None = None,
        total: float = _TOTAL,
        retries: int | None = None,
        **params: Any,
    ) -> Any:
        """One request on the bucket, tried again while that may help; its answer. `what`, `right`
        and `key` as for `faults.explained`."""

        async def attempt() -> Any:
            with faults.explained(self.place, what, key, right):
                if body is None:
                    return await operation(Bucket=self.bucket, **params)
                return await self._send(functools.partial(operation, **params), body)

        return await self._tries(attempt, what, total=total, retries=retries)

    async def _tries(
        self,
        attempt: Callable[[], Awaitable[T]],
        what: str,
        *,
        total: float = _TOTAL,
        retries: int | None = None,
    ) -> T:
        again = self.settings.s3_retries if retries is None else retries
        try:
            return await retry(
                attempt, attempts=1 + again, on=(StorageAway,), total=total, what=what
            )
        except TimeoutError:
            raise StorageAway(
                f"{what}: no answer from {self.place.server} in time", hint=faults.LOOK
            ) from None

    async def _send(self, operation: Callable[..., Awaitable[Any]], body: bytes) -> Any:
        """A request with a body, given up when for `s3_timeout` seconds not a byte of it moves."""
        patience = self.settings.s3_timeout
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(patience) as limit:

            def moved() -> None:
                if not limit.expired() and not done:
                    limit.reschedule(loop.time() + patience)

            done = False
            source = _Watched(body, lambda: loop.call_soon_threadsafe(moved))
            try:
                return await operation(Bucket=self.bucket, Body=source)
            finally:
                done = True
                source.close()  # botocore's requests are cycles that hold it until they are swept

    async def _size(self, client: Client, key: str) -> int | None:
        """Bytes under a key, None if it isn't there."""
        try:
            found = await self.call(
                client.head_object, f"blob {key} can't be looked up", "", key, Key=self.prefix + key
            )
        except BlobMissing:
            return None
        return int(found["ContentLength"])

    async def _stream(self, key: str) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        async with self._turns, self.client() as client:
            download = _Download(self, client, key)
            try:
                while chunk := await self._tries(download.next, f"blob {key} can't be read"):
                    digest.update(chunk)
                    yield chunk
            except BlobArchived:
                await self._ask_back(client, key)
                raise
            finally:
                download.close()
        keys.hold(key, digest.hexdigest())

    async def _ask_back(self, client: Client, key: str) -> None:
        """Have a blob brought out of its archive class; it takes hours."""
        order = {"Days": _RESTORE_DAYS, "GlacierJobParameters": {"Tier": "Standard"}}
        try:
            await self.call(
                client.restore_object,
                f"blob {key} can't be asked back",
                "s3:RestoreObject",
                Key=self.prefix + key,
                RestoreRequest=order,
            )
        except StorageError as error:
            if faults.code_of(error) != "RestoreAlreadyInProgress":
                self.log.error("archived file not asked back", key=key, error=str(error))

    # -- clients -------------------------------------------------------------------------------

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """The one that `start` opened, else one for the moment."""
        if self._client is not None:
            yield self._client
            return
        async with self._connected(self.settings.s3_endpoint) as client:
            yield client

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[Client]:
        """A client without credentials: what it may do, everybody may."""
        async with self._connected(self.settings.s3_endpoint, signature_version=UNSIGNED) as client:
            yield client

    @asynccontextmanager
    async def _signing(self) -> AsyncIterator[Client]:
        if self._signer is not None:
            yield self._signer
            return
        async with self._connected(self._public_endpoint) as client:
            yield client

    @asynccontextmanager
    async def _connected(self, endpoint: str, **options: Any) -> AsyncIterator[Client]:
        settings = self.settings
        style = settings.s3_addressing
        if style == "auto":
            style = "path" if settings.s3_endpoint else "virtual"
        config = AioConfig(
            **{
                # Without it botocore signs links for other servers the old way.
                "signature_version": "s3v4",
                "s3": {"addressing_style": style},
                "connect_timeout": min(_CONNECT, settings.s3_timeout),
                "read_timeout": settings.s3_timeout,
                "retries": {"total_max_attempts": 1},  # ours is the house's
                "max_pool_connections": settings.s3_transfers * (settings.s3_parts + 1) + 4,
                # Checksums in trailers are AWS's own; MD5 and sha256 hold everywhere.
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
                **options,
            }
        )
        with faults.explained(self.place, "the S3 client can't be made"):
            making = get_session().create_client(
                "s3",
                endpoint_url=endpoint or None,
                region_name=settings.s3_region or ("us-east-1" if endpoint else None),
                aws_access_key_id=settings.s3_access_key or None,
                aws_secret_access_key=settings.s3_secret_key.get_secret_value() or None,
                aws_session_token=settings.s3_session_token.get_secret_value() or None,
                config=config,
            )
            client = await making.__aenter__()
        try:
            yield client
        finally:
            await making.__aexit__(None, None, None)

    # -- links ---------------------------------------------------------------------------------

    @property
    def _public_endpoint(self) -> str:
        return self.settings.s3_public_endpoint or self.settings.s3_endpoint

    @property
    def _public_endpoint_usable(self) -> bool:
        """Whether browsers can reach the bucket: a plain http address is one of our own network."""
        settings = self.settings
        return bool(
            settings.s3_public_endpoint
            or settings.cdn_base
            or not settings.s3_endpoint
            or settings.s3_endpoint.startswith("https://")
        )

    def _through_cdn(self, url: str) -> str:
        """The CDN asks its origin, the bucket, for the same path and query."""
        parts = urlsplit(url)
        path = (
            parts.path.removeprefix(f"/{self.bucket}") if self.settings.s3_endpoint else parts.path
        )
        return f"{self.settings.cdn_base.rstrip('/')}{path}?{parts.query}"

    def encryption(self) -> dict[str, str]:
        """Of every upload."""
        settings = self.settings
        if settings.s3_encryption == "none":
            return {}
        asked: dict[str, str] = {"ServerSideEncryption": settings.s3_encryption}
        if settings.s3_encryption == "aws:kms" and settings.s3_kms_key:
            asked["SSEKMSKeyId"] = settings.s3_kms_key
        return asked


@dataclass
class _Upload:
    """One file on its way up."""

    store: S3Store
    client: Client
    key: str
    what: str
    reader: BinaryIO
    size: int
    digest: Any = field(default_factory=hashlib.sha256)

    async def run(self) -> None:
        part = self.store.settings.s3_part_mb << 20
        part = max(part, math.ceil(self.size / _MOST_PARTS))
        if self.size <= part:
            await self._whole()
        else:
            await self._in_parts(part)
        found = await self.store._size(self.client, self.key)  # noqa: SLF001 - the other half of it
        if found != self.size:
            raise StorageAway(f"{self.what}: {found} of {self.size} bytes arrived")

    async def _whole(self) -> None:
        body, md5 = await self._read(self.size + 1)
        keys.hold(self.key, self.digest.hexdigest())
        await self._call(
            self.client.put_object, body=body, ContentMD5=md5, **self._described(), **self._target()
        )

    async def _in_parts(self, part: int) -> None:
        begun = await self._call(
            self.client.create_multipart_upload, **self._described(), **self._target()
        )
        upload_id = begun["UploadId"]
        try:
            parts = await self._send_parts(upload_id, part)
            keys.hold(self.key, self.digest.hexdigest())
            await self._complete(upload_id, parts)
        except BaseException:
            await self._give_up(upload_id)
            raise

    async def _send_parts(self, upload_id: str, part: int) -> list[dict[str, Any]]:
        """As many at a time as the settings say; each is read when one before it has gone."""
        gate = asyncio.Semaphore(self.store.settings.s3_parts)
        sending: list[asyncio.Task[dict[str, Any]]] = []
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(1, math.ceil(self.size / part) + 1):
                    await gate.acquire()
                    body, md5 = await self._read(part)
                    task = group.create_task(self._send_part(upload_id, number, body, md5))
                    task.add_done_callback(lambda _: gate.release())
                    sending.append(task)
                    del body  # the task has it; two of them would be one too many
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in sending]

    async def _send_part(
        self, upload_id: str, number: int, body: bytes, md5: str
    ) -> dict[str, Any]:
        sent = await self._call(
            self.client.upload_part,
            body=body,
            ContentMD5=md5,
            UploadId=upload_id,
            PartNumber=number,
            **self._target(),
        )
        return {"PartNumber": number, "ETag": sent["ETag"]}

    async def _complete(self, upload_id: str, parts: list[dict[str, Any]]) -> None:
        try:
            await self._call(
                self.client.complete_multipart_upload,
                total=_COMPLETE,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
                **self._target(),
            )
        except StorageError as error:
            # An earlier try did it, and its answer was lost; the size is looked at afterwards.
            if faults.code_of(error) != "NoSuchUpload":
                raise

    async def _give_up(self, upload_id: str) -> None:
        """Parts that nobody completes cost money until somebody removes them."""
        try:
            async with asyncio.timeout(_FAREWELL):
                await self.store.abort(self.client, self.store.prefix + self.key, upload_id)
        except (StorageError, TimeoutError) as error:
            self.store.log.warning(
                "unfinished upload left behind",
                key=self.key,
                error=str(error),
                hint="it is removed by the nightly job, or by plugram storage lifecycle --apply",
            )

    async def _read(self, size: int) -> tuple[bytes, str]:
        """The next bytes and their MD5."""
        with explained(self.what):
            return await asyncio.to_thread(self._read_now, size)

    def _read_now(self, size: int) -> tuple[bytes, str]:
        body = self.reader.read(size)
        self.digest.update(body)
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        return body, base64.b64encode(md5).decode()

    async def _call(self, operation: Callable[..., Awaitable[Any]], **params: Any) -> Any:
        return await self.store.call(operation, self.what, "s3:PutObject", **params)

    def _target(self) -> dict[str, str]:
        return {"Key": self.store.prefix + self.key}

    def _described(self) -> dict[str, Any]:
        promised = keys.digest(self.key)
        described: dict[str, Any] = {"ContentType": "application/octet-stream"}
        if promised:
            described["Metadata"] = {"sha256": promised}
        return described | self.store.encryption()


@dataclass
class _Download:
    """One blob on its way down. After a failure it goes on where it stopped."""

    store: S3Store
    client: Client
    key: str
    _body: Any = None
    _size: int | None = None
    _offset: int = 0
    _etag: str = ""

    async def next(self) -> bytes:
        """The next piece, empty at the end."""
        if self._offset == self._size:
            return b""
        what = f"blob {self.key} can't be read"
        try:
            with faults.explained(self.store.place, what, self.key, "s3:GetObject"):
                if self._body is None:
                    await self._open(what)
                piece = await self._fill()
            if not piece and self._offset != self._size:
                raise StorageAway(f"{what}: it broke off after {self._offset} bytes")
        except BaseException:
            self.close()
            raise
        self._offset += len(piece)
        return piece

    async def _open(self, what: str) -> None:
        more = {"Range": f"bytes={self._offset}-", "IfMatch": self._etag} if self._offset else {}
        answer = await self.client.get_object(
            Bucket=self.store.bucket, Key=self.store.prefix + self.key, **more
        )
        self._body = answer["Body"]
        if self._offset and "ContentRange" not in answer:
            raise StorageError(f"{what}: {self.store.place.server} can't go on in the middle")
        self._size = self._offset + int(answer["ContentLength"])
        self._etag = answer["ETag"]

    async def _fill(self) -> bytes:
        """Up to 1 MiB, in few pieces: each costs a turn of a thread where it is written."""
        piece = bytearray()
        wanted = min(CHUNK, (self._size or 0) - self._offset)
        while len(piece) < wanted:
            async with asyncio.timeout(self.store.settings.s3_timeout):
                some = await self._body.content.read(wanted - len(piece))
            if not some:
                break
            piece += some
        return bytes(piece)

    def close(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()


class _Watched(io.RawIOBase):
    """A request's body that tells when some of it is taken. No BytesIO: of one of those aiohttp
    makes a copy."""

    def __init__(self, body: bytes, moved: Callable[[], object]) -> None:
        super().__init__()
        self._body = memoryview(body)
        self._at = 0
        self._moved = moved

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._body)}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        self._moved()
        piece = self._body[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._body = memoryview(b"")
        super().close()
