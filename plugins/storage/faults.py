"""What an S3 server's or botocore's error means, and what to do.

Servers say little and mean several things by it; each code stands here with the cause that an
operator can act on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from plugram import BlobArchived, BlobMissing, StorageAway, StorageError

MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
DENIED = frozenset({"AccessDenied", "403", "AllAccessDisabled", "Forbidden"})
_ELSEWHERE = frozenset(
    {
        "PermanentRedirect",
        "301",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "TemporaryRedirect",
    }
)
_PATIENCE = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "RequestTimeoutException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "OperationAborted",
        "BadDigest",  # our own sum of bytes that were changed on their way
    }
)
_TRANSPORT = (boto.BotoCoreError, ResponseParserError, aiohttp.ClientError, OSError, ValueError)
LOOK = "check AWS_ENDPOINT_URL, and that the server runs and speaks S3"
_FULL = frozenset(
    {"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"}
)

# Code → what is wrong, and the way out.
_CREDENTIALS = {
    "InvalidAccessKeyId": (
        "the server doesn't know this access key",
        "check AWS_ACCESS_KEY_ID, and that AWS_ENDPOINT_URL is the server that gave it",
    ),
    "SignatureDoesNotMatch": (
        "the secret doesn't belong to this access key",
        "check AWS_SECRET_ACCESS_KEY: it is shown only once, when the key is made",
    ),
    "ExpiredToken": (
        "the temporary credentials have expired",
        "get new ones; an instance role renews itself: leave the keys out there",
    ),
    "InvalidToken": (
        "the session token isn't valid",
        "AWS_SESSION_TOKEN goes with temporary keys only: remove it, or renew all three",
    ),
    "InvalidSecurity": (
        "the credentials aren't valid",
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    "AccountProblem": ("the account is barred", "look into the provider's billing"),
}
_ALIASES = {
    "ExpiredTokenException": "ExpiredToken",
    "TokenRefreshRequired": "ExpiredToken",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "NotSignedUp": "AccountProblem",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is, for messages."""

    bucket: str
    prefix: str
    endpoint: str
    """Empty: AWS."""

    @property
    def server(self) -> str:
        return self.endpoint or "AWS S3"


@contextmanager
def explained(place: Place, what: str, key: str = "", right: str = "") -> Iterator[None]:
    """Errors inside as ours: StorageError, StorageAway, BlobMissing, BlobArchived.

    `what`: "blob x can't be stored". `key`: of the blob whose absence is a missing blob. `right`:
    the permission that is needed, for the way out (`s3:PutObject`).
    """
    try:
        yield
    except boto.ClientError as error:
        raise _of_answer(error, place, what, key, right) from error
    except _TRANSPORT as error:
        raise _of_transport(error, place, what) from error
    except asyncio.IncompleteReadError as error:
        raise StorageAway(f"{what}: {place.server} broke off") from error


def code_of(error: BaseException | None) -> str:
    """The server's code behind one of our errors; empty where it gave none."""
    while error is not None:
        if isinstance(error, boto.ClientError):
            return str(error.response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""


def skew(error: BaseException | None) -> float | None:
    """Seconds by which this machine's clock is ahead of the server that answered."""
    while error is not None:
        if isinstance(error, boto.ClientError):
            said = _headers(error.response).get("date")
            return time.time() - parsedate_to_datetime(said).timestamp() if said else None
        error = error.__cause__
    return None


def _of_answer(
    error: boto.ClientError, place: Place, what: str, key: str, right: str
) -> StorageError:
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    code = _ALIASES.get(code, code)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code == "InvalidObjectState":
        return BlobArchived(
            f"{what}: it lies in an archive class",
            hint="it was asked for: it is readable within hours, for a few days",
        )
    if code in MISSING and key:
        return BlobMissing(f"{what}: it isn't there")
    if code == "NotImplemented" or status == 501:
        return StorageError(f"{what}: {place.server} doesn't know how", hint="leave it out there")
    if code in _PATIENCE or status in {429, 500, 502, 503, 504}:
        return StorageAway(
            f"{what}: {place.server} answers {status} {code}",
            hint="the server is busy or broken; it is tried again",
        )
    why, hint = _refusal(code, answer, place, right)
    if not why:
        message = str(answer.get("Error", {}).get("Message", ""))
        why = f"{place.server} answers {status} {code} {message}".strip()
    return StorageError(f"{what}: {why}", hint=hint)


def _refusal(code: str, answer: Mapping[str, Any], place: Place, right: str) -> tuple[str, str]:
    """Why it was refused, and the way out; empty where the code is none we know."""
    if code in _CREDENTIALS:
        return _CREDENTIALS[code]
    if code in DENIED:
        return f"there is no right to do that{_names(right)}", _grant(place, right)
    if code == "RequestTimeTooSkewed":
        said = _headers(answer).get("date")
        off = time.time() - parsedate_to_datetime(said).timestamp() if said else 0.0
        by = f" by {abs(off) / 60:.0f} min, {'ahead' if off > 0 else 'behind'}" if off else ""
        return f"this machine's clock is wrong{by}", "set it, and keep it right with NTP"
    if code in {"NoSuchBucket", "404"}:
        return (
            f"{place.server} has no bucket {place.bucket}",
            "make it, or check S3_BUCKET_NAME, AWS_REGION and AWS_ENDPOINT_URL",
        )
    if code in _ELSEWHERE:
        region = _headers(answer).get("x-amz-bucket-region") or answer.get("Error", {}).get(
            "Region"
        )
        where = f"region {region}" if region else "another region or at another endpoint"
        return f"the bucket is in {where}", f"set AWS_REGION to {region or 'the right one'}"
    if code.startswith("KMS"):
        return "the KMS key can't be used", "check [plugins.storage] s3_kms_key and its policy"
    if code in _FULL:
        return "there is no room left", "free some, or raise the quota"
    return "", ""


def _names(right: str) -> str:
    return f" ({right})" if right else ""


def _grant(place: Place, right: str) -> str:
    if not right:
        return "plugram doctor says which right is missing"
    arn = f"arn:aws:s3:::{place.bucket}"
    if right not in BUCKET_RIGHTS:
        arn += f"/{place.prefix}*"
    return f"allow {right} on {arn}, in the policy of the key's user or role, or of the bucket"


BUCKET_RIGHTS = frozenset(
    {
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:GetLifecycleConfiguration",
        "s3:PutLifecycleConfiguration",
    }
)
"""Those that go with a bucket, not with what is in it."""


def _of_transport(error: Exception, place: Place, what: str) -> StorageError:
    """What came between us and the server."""
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return StorageError(
            f"{what}: there are no credentials",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
        )
    if isinstance(error, boto.CredentialRetrievalError | boto.TokenRetrievalError):
        return StorageError(f"{what}: {error}", hint="renew the credentials of the profile or role")
    if isinstance(error, boto.ProfileNotFound):
        return StorageError(f"{what}: {error}", hint="check AWS_PROFILE")
    if isinstance(error, boto.SSLError | aiohttp.ClientSSLError):
        return StorageError(
            f"{what}: the certificate of {place.server} isn't trusted",
            hint="install its authority, and name the bundle in AWS_CA_BUNDLE",
        )
    # A parser's error: whatever answers there isn't S3, or broke in the middle of an answer.
    if isinstance(error, boto.ParamValidationError | boto.UnknownServiceError | ValueError):
        if isinstance(error, boto.BotoCoreError) or "endpoint" in str(error).lower():
            return StorageError(f"{what}: {error}", hint=LOOK)
        return StorageAway(f"{what}: {error}", hint=LOOK)
    return StorageAway(f"{what}: {_transport(error, place)}", hint=LOOK)


def _transport(error: Exception, place: Place) -> str:
    if isinstance(error, boto.ConnectTimeoutError | boto.ReadTimeoutError | TimeoutError):
        return f"no answer from {place.server} in time"
    if isinstance(error, boto.EndpointConnectionError):
        return f"{place.server} can't be reached"
    if isinstance(error, ResponseParserError):
        return f"{place.server} doesn't answer as S3 does"
    return f"the connection to {place.server} broke"


def _headers(answer: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return found
