"""What is wrong with a bucket, found by trying: for `plugram doctor`, and before a start."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugins.storage import faults
from plugram import Health, StorageAway, StorageError

if TYPE_CHECKING:
    from plugins.storage.s3 import Client, S3Store

_PROBE = b"plugram looks whether it may write here"
_EVERYBODY = "http://acs.amazonaws.com/groups/global/"
_PATIENCE = 6.0
"""Seconds for each step."""


async def glance(store: S3Store) -> Health:
    """Whether the bucket answers; for /readyz. What else the bot can do goes on without it."""
    try:
        async with store.client() as client:
            await _list(store, client, total=3.0)
    except StorageError as error:
        return Health(ok=False, degraded=True, detail=error.message, hint=error.hint)
    return Health(ok=True, detail=_where(store))


async def before_start(store: S3Store) -> Health:
    """As `examine`; a server that is merely away may be back soon: new files wait for it."""
    return await _Examination(store).run(away_is_degraded=True)


async def examine(store: S3Store) -> Health:
    """Do with a small object all that is done with files, and say which right is missing."""
    return await _Examination(store).run()


@dataclass
class _Examination:
    store: S3Store
    denied: list[str] = field(default_factory=list)
    """Rights that are missing."""
    hints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    async def run(self, *, away_is_degraded: bool = False) -> Health:
        try:
            async with self.store.client() as client:
                await self._try_all(client)
                if not self.denied:
                    await self._privacy(client)
        except StorageError as error:
            degraded = away_is_degraded and isinstance(error, StorageAway)
            return Health(ok=False, degraded=degraded, detail=error.message, hint=error.hint)
        where = _where(self.store)
        if self.denied:
            return Health(
                ok=False,
                detail=f"no right to {', '.join(self.denied)} in {where}",
                hint="; ".join(dict.fromkeys(self.hints)),
            )
        if self.warnings:
            return Health(
                ok=False,
                degraded=True,
                detail=f"{'; '.join(self.warnings)}: {where}",
                hint="; ".join(dict.fromkeys(self.hints)),
            )
        return Health(ok=True, detail=f"{where}: read, written, listed and deleted")

    async def _try_all(self, client: Client) -> None:
        """The first fault that isn't a missing right ends it: the others would be the same."""
        store = self.store
        await self._may("s3:ListBucket", lambda: _list(store, client))
        key = f"{store.prefix}.probe-{uuid.uuid4().hex}"  # no key of a blob: nobody counts it
        if await self._may("s3:PutObject", lambda: self._put(client, key)):
            await self._may("s3:GetObject", lambda: self._get(client, key))
            if not self.denied and await self._readable_by_anybody(key):
                self._warn("anybody can read what lies there", _SHUT)
            await self._may("s3:DeleteObject", lambda: self._delete(client, key))
            await self._may("s3:AbortMultipartUpload", lambda: self._in_parts(client, key))
        await self._may("s3:ListBucketMultipartUploads", lambda: store.unfinished(0))

    async def _may(self, right: str, attempt: Callable[[], Awaitable[Any]]) -> bool:
        try:
            await attempt()
        except StorageError as error:
            if faults.code_of(error) not in faults.DENIED:
                raise
            self.denied.append(right)
            self.hints.append(error.hint)
            return False
        return True

    def _warn(self, what: str, hint: str) -> None:
        self.warnings.append(what)
        self.hints.append(hint)

    async def _put(self, client: Client, key: str) -> None:
        asked = self.store.encryption()
        answer = await self._call(
            client.put_object, "be written", "s3:PutObject", body=_PROBE, Key=key, **asked
        )
        if asked and answer.get("ServerSideEncryption") != asked["ServerSideEncryption"]:
            self._warn("the server ignores s3_encryption", "set it to none, and encrypt its disks")

    async def _get(self, client: Client, key: str) -> None:
        answer = await self._call(client.get_object, "be read", "s3:GetObject", Key=key)
        async with answer["Body"] as body:
            with faults.explained(self.store.place, "an object can't be read"):
                if await body.content.read() != _PROBE:
                    raise StorageError(
                        "what was written comes back as something else",
                        hint="check AWS_ENDPOINT_URL, and what stands before the server",
                    )

    async def _delete(self, client: Client, key: str) -> None:
        await self._call(client.delete_object, "be deleted", "s3:DeleteObject", Key=key)

    async def _in_parts(self, client: Client, key: str) -> None:
        begun = await self._call(
            client.create_multipart_upload, "be sent in parts", "s3:PutObject", Key=key
        )
        await self.store.abort(client, key, begun["UploadId"])

    async def _call(
        self, operation: Callable[..., Awaitable[Any]], what: str, right: str, **params: Any
    ) -> Any:
        sentence = f"an object can't {what}"
        return await self.store.call(
            operation, sentence, right, total=_PATIENCE, retries=0, **params
        )

    # -- whether it is private ------------------------------------------------------------------

    async def _readable_by_anybody(self, key: str) -> bool:
        try:
            async with self.store.stranger() as client:
                answer = await self._call(client.get_object, "be read", "", Key=key)
                answer["Body"].close()
        except StorageError:
            return False
        return True

    async def _privacy(self, client: Client) -> None:
        """What the bucket says of itself; many servers, and many keys, know nothing of this."""
        status = await self._told(client.get_bucket_policy_status)
        if status.get("PolicyStatus", {}).get("IsPublic"):
            self._warn("the bucket's policy lets everybody in", _SHUT)
        granted = (await self._told(client.get_bucket_acl)).get("Grants", ())
        if any(one.get("Grantee", {}).get("URI", "").startswith(_EVERYBODY) for one in granted):
            self._warn("the bucket's access list lets everybody in", _SHUT)
        versions = await self._told(client.get_bucket_versioning)
        if versions.get("Status") == "Enabled":
            self._warn(
                "the bucket keeps older versions, of deleted files too",
                "switch versioning off, or have a rule remove them (NoncurrentVersionExpiration)",
            )

    async def _told(self, question: Callable[..., Awaitable[Any]]) -> Any:
        try:
            return await self._call(question, "be asked about", "")
        except StorageError:
            return {}


_SHUT = "block public access to the bucket; links that people get are signed and need none"


async def _list(store: S3Store, client: Client, total: float = _PATIENCE) -> None:
    await store.call(
        client.list_objects_v2,
        f"bucket {store.bucket} can't be listed",
        "s3:ListBucket",
        total=total,
        retries=0,
        Prefix=store.prefix,
        MaxKeys=1,
    )


def _where(store: S3Store) -> str:
    return f"{store.bucket}/{store.prefix} at {store.place.server}"
