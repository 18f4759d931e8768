"""`plugram doctor` and the start: faults of keys, rights, clock and bucket have their names."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import time_machine

from plugins.storage.examination import before_start, examine, glance
from tests.plugins.storage.kit import s3_store
from tests.support.faulty import BROKEN, HANG, Fault, FaultyProxy, refusal
from tests.support.servers import S3, Account, free_port


@pytest.fixture(scope="module")
def bucket(s3: S3) -> str:
    return s3.create()


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(s3.port) as made:
        yield made


async def test_a_bucket_with_all_rights_is_well_and_nothing_stays(s3: S3, bucket: str) -> None:
    health = await examine(s3_store(s3, bucket))
    assert health.ok, health
    assert f"{bucket}/testing/" in health.detail
    assert s3.keys(bucket) == []
    assert s3.uploads(bucket) == []


@pytest.mark.parametrize(
    ("account", "missing", "arn"),
    [
        (S3.READER, "s3:PutObject", "arn:aws:s3:::{bucket}/testing/*"),
        (S3.WRITER, "s3:ListBucket, s3:GetObject", "arn:aws:s3:::{bucket},"),
        (S3.LISTER, "s3:PutObject", "arn:aws:s3:::{bucket}/testing/*"),
    ],
)
async def test_rights_that_are_missing_are_named(
    s3: S3, bucket: str, account: Account, missing: str, arn: str
) -> None:
    health = await examine(s3_store(s3, bucket, account))
    assert (health.ok, health.degraded) == (False, False)
    assert missing in health.detail
    assert f"on {arn.format(bucket=bucket)}" in health.hint


async def test_a_right_to_delete_that_is_missing_is_named(
    s3: S3, bucket: str, proxy: FaultyProxy
) -> None:
    proxy.plan = lambda asked: refusal(403, "AccessDenied") if asked.method == "DELETE" else None
    health = await examine(s3_store(s3, bucket, s3_endpoint=proxy.url, s3_prefix=""))
    assert "s3:DeleteObject, s3:AbortMultipartUpload" in health.detail
    assert "allow s3:DeleteObject on" in health.hint


@pytest.mark.parametrize(
    ("account", "said", "hint"),
    [
        (Account("nobody", "x"), "doesn't know this access key", "AWS_ACCESS_KEY_ID"),
        (Account(S3.OWNER.key, "x"), "secret doesn't belong", "AWS_SECRET_ACCESS_KEY"),
    ],
)
async def test_wrong_keys_are_called_so(
    s3: S3, bucket: str, account: Account, said: str, hint: str
) -> None:
    for health in (
        await examine(s3_store(s3, bucket, account)),
        await before_start(s3_store(s3, bucket, account)),
    ):
        assert (health.ok, health.degraded) == (False, False)
        assert said in health.detail
        assert hint in health.hint
        assert S3.OWNER.secret not in health.detail + health.hint


async def test_a_bucket_that_is_not_there(s3: S3) -> None:
    health = await examine(s3_store(s3, "nosuch"))
    assert "has no bucket nosuch" in health.detail
    assert "S3_BUCKET_NAME" in health.hint


async def test_a_wrong_clock_is_told_with_its_error(s3: S3, bucket: str) -> None:
    with time_machine.travel(time.time() + 3600):
        health = await examine(s3_store(s3, bucket))
    assert "clock is wrong by 60 min, ahead" in health.detail
    assert "NTP" in health.hint


@pytest.mark.parametrize(
    ("fault", "said", "hint"),
    [
        (refusal(400, "ExpiredToken"), "credentials have expired", "instance role"),
        (refusal(400, "InvalidToken"), "session token isn't valid", "AWS_SESSION_TOKEN"),
        (
            refusal(400, "AuthorizationHeaderMalformed", region="eu-west-3"),
            "region eu-west-3",
            "AWS_REGION to eu-west-3",
        ),
        (refusal(403, "AllAccessDisabled"), "no right to s3:ListBucket", "allow s3:ListBucket"),
        (refusal(403, "AccountProblem"), "account is barred", "billing"),
        (refusal(503, "SlowDown"), "503 SlowDown", "tried again"),
        (BROKEN, "500 InternalError", "tried again"),
        (Fault("answer", 200, b"<html>Hello</html>"), "something else", "AWS_ENDPOINT_URL"),
        (HANG, "no answer from http", "the server runs"),
    ],
)
async def test_what_the_test_server_never_says(
    s3: S3, bucket: str, proxy: FaultyProxy, fault: Fault, said: str, hint: str
) -> None:
    proxy.plan = lambda asked: fault
    health = await examine(s3_store(s3, bucket, s3_endpoint=proxy.url, s3_timeout=1.0))
    assert (health.ok, health.degraded) == (False, False)
    assert said in health.detail
    assert hint in health.hint


@pytest.mark.parametrize(
    "endpoint",
    [f"http://127.0.0.1:{free_port()}", "http://nosuch.invalid", "https://127.0.0.1:1"],
    ids=["refuses", "has no address", "refuses TLS"],
)
async def test_a_server_that_is_away_fails_the_doctor_and_not_the_start(
    s3: S3, endpoint: str
) -> None:
    store = s3_store(s3, "any", s3_endpoint=endpoint)
    health = await examine(store)
    assert (health.ok, health.degraded) == (False, False)
    assert "can't be reached" in health.detail
    assert "AWS_ENDPOINT_URL" in health.hint
    assert (await before_start(store)).degraded
    assert (await glance(store)).degraded


async def test_without_credentials_it_says_so(
    s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    health = await examine(s3_store(s3, "any", Account("", "")))
    assert "there are no credentials" in health.detail
    assert "role" in health.hint


async def test_the_usual_chain_gives_credentials(
    s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3.OWNER.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3.OWNER.secret)
    assert (await examine(s3_store(s3, bucket, Account("", "")))).ok


async def test_a_bucket_that_anybody_can_read_is_a_warning(s3: S3) -> None:
    health = await examine(s3_store(s3, "open"))
    assert (health.ok, health.degraded) == (False, True)
    assert "anybody can read" in health.detail
    assert "block public access" in health.hint


async def test_a_public_policy_and_versions_are_warnings(
    s3: S3, bucket: str, proxy: FaultyProxy
) -> None:
    answers = {
        "policyStatus": b"<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>",
        "versioning": b"<Versioning><Status>Enabled</Status></Versioning>",
    }
    proxy.plan = lambda asked: next(
        (Fault("answer", 200, body) for name, body in answers.items() if name in asked.target), None
    )
    health = await examine(s3_store(s3, bucket, s3_endpoint=proxy.url))
    assert health.degraded
    assert "policy lets everybody in" in health.detail
    assert "older versions" in health.detail


async def test_encryption_that_is_ignored_is_a_warning(
    s3: S3, bucket: str, proxy: FaultyProxy
) -> None:
    proxy.plan = lambda asked: (
        Fault("answer", 200, b"", (("ETag", '"x"'),)) if asked.method == "PUT" else None
    )
    store = s3_store(s3, bucket, s3_endpoint=proxy.url, s3_encryption="AES256")
    health = await examine(store)
    assert not health.ok  # nothing was written, so nothing could be read: but see the answer
    proxy.plan = lambda asked: None
    assert (await examine(store)).ok


async def test_a_glance_is_cheap_and_degrades(s3: S3, bucket: str, proxy: FaultyProxy) -> None:
    store = s3_store(s3, bucket, s3_endpoint=proxy.url, s3_timeout=1.0)
    assert (await glance(store)).ok
    assert [asked.method for asked in proxy.asked] == ["GET"]
    proxy.plan = lambda asked: refusal(403, "AccessDenied")
    health = await glance(store)
    assert (health.ok, health.degraded) == (False, True)
    assert "s3:ListBucket" in health.hint
