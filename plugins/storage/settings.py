"""`[plugins.storage]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from plugram import PluginSettings

_ADDRESS = r"^$|^https?://[^\s/]+(/\S*)?$"


def _absolute(path: Path | None) -> Path | None:
    if path is not None and not path.is_absolute():
        raise ValueError("must be an absolute path: /var/lib/plugram/blobs")
    return path


class Settings(PluginSettings):
    path: Annotated[Path | None, AfterValidator(_absolute)] = Field(
        default=None,
        description="Folder for the files' bytes, absolute. Not set: a folder in `data_dir`. "
        "Keep it on a disk of its own if the database must not run out of room.",
    )
    cdn_base: str = Field(
        default="",
        pattern=_ADDRESS,
        description="Address of a CDN; links to files begin with it. Its origin is "
        "`[web] public_url` + `/storage` for a folder, the bucket for S3, and it passes the query "
        "on.",
    )
    min_free_mb: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Megabytes that stay free on that disk: below, new files are refused.",
    )
    s3_bucket: str = Field(
        default="",
        pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$",
        description="Bucket for the files' bytes, in AWS S3 or whatever speaks its protocol. Set: "
        "new files go there instead of the folder.",
    )
    s3_endpoint: str = Field(
        default="",
        pattern=_ADDRESS,
        description="Address of the S3 server. Empty: AWS.",
    )
    s3_public_endpoint: str = Field(
        default="",
        pattern=_ADDRESS,
        description="Address under which browsers reach `s3_endpoint`; links are signed for it. "
        "Empty: the endpoint itself if it is https. Where browsers can't reach it at all, links "
        "lead through `[web] public_url`.",
    )
    s3_region: str = Field(
        default="", description="Region of the bucket; `auto` for Cloudflare's R2."
    )
    s3_access_key: str = Field(
        default="",
        description="Id of the access key. Without one AWS's own chain is asked: profile, "
        "instance role.",
    )
    s3_secret_key: SecretStr = Field(default=SecretStr(""), description="Secret of that key.")
    s3_session_token: SecretStr = Field(
        default=SecretStr(""), description="Session token, for temporary keys alone."
    )
    s3_prefix: str | None = Field(
        default=None,
        pattern=r"^$|^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$",
        description="Folder of the bucket that everything lies in, so that deployments can share "
        "a bucket. Not set: the name of the deployment.",
    )
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto",
        description="Where requests name the bucket: in the `path`, or as a host (`virtual`). "
        "`auto`: as a host for AWS, in the path elsewhere.",
    )
    s3_encryption: Literal["none", "AES256", "aws:kms"] = Field(
        default="none",
        description="Encryption at rest that each upload asks the server for. `none`: the "
        "bucket's own default, which on AWS is AES256.",
    )
    s3_kms_key: str = Field(
        default="", description="Id of the KMS key for `aws:kms`; empty: the account's own."
    )
    s3_part_mb: int = Field(
        default=8,
        ge=5,
        le=100,
        description="Megabytes of a part: larger files are sent in several.",
    )
    s3_parts: int = Field(
        default=2, ge=1, le=16, description="Parts of one file that are sent at a time."
    )
    s3_transfers: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Files that one process sends or fetches at a time. Times `s3_parts` and "
        "`s3_part_mb`, that is the memory they take.",
    )
    s3_timeout: float = Field(
        default=8.0,
        gt=0,
        le=120,
        description="Seconds without a byte moving after which a request has failed.",
    )
    s3_retries: int = Field(
        default=2, ge=0, le=10, description="Further tries after a failure that may pass."
    )
    s3_archive_days: int = Field(
        default=0,
        ge=0,
        le=36500,
        description="Days after which a file moves to `s3_archive_class`; 0: never. Set in the "
        "bucket by `plugram storage lifecycle --apply`.",
    )
    s3_archive_class: Literal[
        "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
    ] = Field(
        default="STANDARD_IA",
        description="The cheaper class. Files in `GLACIER` and `DEEP_ARCHIVE` are readable only "
        "hours after they were asked for.",
    )
    s3_unfinished_hours: int = Field(
        default=24,
        ge=1,
        le=8760,
        description="Hours after which an upload that never ended is removed.",
    )

    @model_validator(mode="after")
    def _whole_keys(self) -> Self:
        if bool(self.s3_access_key) != bool(self.s3_secret_key.get_secret_value()):
            raise ValueError(
                "s3_access_key and s3_secret_key belong together: set both or neither "
                "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
            )
        return self
