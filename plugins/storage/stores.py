"""The stores of this process: the folder, the bucket, and which of them keeps new files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.storage.local import LocalStore
from plugins.storage.settings import Settings
from plugram import BlobStore

if TYPE_CHECKING:
    from plugins.storage.s3 import S3Store
    from plugram import Context


def local(ctx: Context) -> LocalStore:
    return ctx.once(_local)


def s3(ctx: Context) -> S3Store:
    """Only where `has_bucket`."""
    return ctx.once(_s3)


def has_bucket(ctx: Context) -> bool:
    return bool(ctx.config(Settings).s3_bucket)


def chosen(ctx: Context) -> BlobStore:
    """The store in use; another plugin's, if `[roles]` says so."""
    return ctx.require(BlobStore)


def _local(ctx: Context) -> LocalStore:
    settings = ctx.config(Settings)
    folder = settings.path or ctx.data_dir / "blobs"
    return LocalStore(
        folder, min_free=settings.min_free_mb << 20, links=ctx.links, cdn=settings.cdn_base
    )


def _s3(ctx: Context) -> S3Store:
    # botocore takes half a second: who has no bucket needn't wait for it.
    from plugins.storage.s3 import S3Store

    settings = ctx.config(Settings)
    prefix = ctx.deployment if settings.s3_prefix is None else settings.s3_prefix
    return S3Store(settings, f"{prefix}/" if prefix else "", ctx.log, ctx.links)
