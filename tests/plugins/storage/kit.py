"""What the tests of stores share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from core.log import get_logger
from plugins.storage.s3 import S3Store
from plugins.storage.settings import Settings
from plugram import BlobStore
from tests.support.servers import S3, Account


def sample(folder: Path, content: bytes = b"whales") -> tuple[str, Path]:
    """A file, and the key that its bytes belong under."""
    path = folder / "sample"
    path.write_bytes(content)
    return key_of(content), path


def key_of(content: bytes, kind: str = "documents") -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{kind}/{digest[:2]}/{digest}"


async def content_of(store: BlobStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.open(key)])


def s3_settings(s3: S3, bucket: str, account: Account = S3.OWNER, **more: Any) -> dict[str, Any]:
    """`[plugins.storage]` of a deployment on this bucket."""
    return {
        "s3_bucket": bucket,
        "s3_endpoint": s3.url,
        "s3_access_key": account.key,
        "s3_secret_key": account.secret,
        **more,
    }


def s3_store(
    s3: S3, bucket: str, account: Account = S3.OWNER, prefix: str = "testing/", **more: Any
) -> S3Store:
    settings = Settings(**s3_settings(s3, bucket, account, **more))
    return S3Store(settings, prefix, get_logger("storage"))
