"""`plugram storage`, `plugram doctor` and a start, as an operator types them; a real S3 server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import _run
from core.app import App
from core.cli import main as cli
from plugins.storage import stores
from plugram import BlobStore
from tests.plugins.storage.kit import key_of, s3_settings
from tests.support.bot_api import TOKEN
from tests.support.host import only
from tests.support.servers import S3, free_port

CONTENTS = [os.urandom(1000), b"whales", os.urandom(6 << 20)]


class Operator:
    """Types commands on a deployment whose files are in a bucket."""

    def __init__(
        self, s3: S3, bucket: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        self.s3, self.bucket, self.capsys = s3, bucket, capsys
        self.root, self.monkeypatch = root, monkeypatch
        self.complaint = ""
        self.env(
            PLUGRAM_ROOT=root,
            PLUGRAM_DATA_DIR=root / "data",
            PLUGRAM_DATABASE__URL=f"sqlite:///{root / 'plugram.db'}",
            S3_BUCKET_NAME=bucket,
            AWS_ENDPOINT_URL=s3.url,
            AWS_ACCESS_KEY_ID=S3.OWNER.key,
            AWS_SECRET_ACCESS_KEY=S3.OWNER.secret,
            **{f"PLUGRAM_{key.upper()}": str(on).lower() for key, on in only("storage").items()},
        )

    def env(self, **values: object) -> None:
        for name, value in values.items():
            self.monkeypatch.setenv(name, str(value))

    def __call__(self, *args: str) -> tuple[int, str]:
        """Exit status, and what was printed."""
        cli._groups.clear()
        self.monkeypatch.setattr(sys, "argv", ["plugram", *args])
        status = _run()
        out, self.complaint = self.capsys.readouterr()
        return status, out

    def json(self, *args: str) -> tuple[int, Any]:
        status, out = self(*args, "--json")
        return status, json.loads(out)


@pytest.fixture
def operator(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    return Operator(s3, s3.create(), tmp_path, monkeypatch, capsys)


def fill(operator: Operator, *contents: bytes) -> list[str]:
    """Behind the bot's back; their keys."""
    with operator.s3.client() as client:
        for content in contents:
            key = f"plugram/{key_of(content)}"
            client.put_object(Bucket=operator.bucket, Key=key, Body=content)
    return [key_of(content) for content in contents]


def begin(operator: Operator, key: str) -> str:
    with operator.s3.client() as client:
        begun = client.create_multipart_upload(Bucket=operator.bucket, Key=key)
        return str(begun["UploadId"])


# -- verify ---------------------------------------------------------------------------------------


def test_what_is_well_agrees(operator: Operator) -> None:
    fill(operator, *CONTENTS)
    assert operator("storage", "verify", "--deep") == (0, "Everything agrees.\n")
    assert operator.json("storage", "verify") == (0, {"ok": True, "findings": []})


def test_damage_is_found_by_reading(operator: Operator) -> None:
    damaged, *_ = fill(operator, *CONTENTS)
    with operator.s3.client() as client:
        client.put_object(Bucket=operator.bucket, Key=f"plugram/{damaged}", Body=b"sharks")
    assert operator("storage", "verify")[0] == 0  # nobody has looked
    status, told = operator.json("storage", "verify", "--deep")
    assert status == 1
    (finding,) = told["findings"]
    assert f"blob {damaged} is damaged" in finding


# -- lifecycle ------------------------------------------------------------------------------------


def test_rules_are_shown_then_set_beside_those_of_others(operator: Operator) -> None:
    theirs = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 9},
    }
    with operator.s3.client() as client:
        client.put_bucket_lifecycle_configuration(
            Bucket=operator.bucket, LifecycleConfiguration={"Rules": [theirs]}
        )
    status, told = operator.json("storage", "lifecycle")
    assert (status, told["in_force"]) == (1, False)
    assert [rule["in_force"] for rule in told["rules"]] == [True, False]
    status, said = operator("storage", "lifecycle", "--apply")
    assert status == 0
    assert "under plugram/: uploads unfinished after 1 days are removed" in said
    with operator.s3.client() as client:
        rules = client.get_bucket_lifecycle_configuration(Bucket=operator.bucket)["Rules"]
    assert [rule["ID"] for rule in rules] == ["theirs", "plugram:plugram:unfinished"]
    assert operator("storage", "lifecycle")[0] == 0
    operator.env(PLUGRAM_PLUGINS__STORAGE__S3_UNFINISHED_HOURS=72)
    assert operator("storage", "lifecycle")[0] == 1  # the settings have changed
    assert operator("storage", "lifecycle", "--apply")[0] == 0


def test_uploads_that_never_ended_are_removed_ours_alone(operator: Operator) -> None:
    begin(operator, "plugram/documents/aa/x")
    begin(operator, "staging/documents/aa/x")
    _, told = operator.json("storage", "lifecycle")
    assert told["stale"] == []  # too young
    _, told = operator.json("storage", "lifecycle", "--older", "0")
    assert [one["key"] for one in told["stale"]] == ["documents/aa/x"]
    status, said = operator("storage", "lifecycle", "--older", "0", "--apply")
    assert status == 0
    assert "removed   documents/aa/x" in said
    assert operator.s3.uploads(operator.bucket) == ["staging/documents/aa/x"]


def test_a_server_without_archives_says_so(operator: Operator) -> None:
    operator.env(PLUGRAM_PLUGINS__STORAGE__S3_ARCHIVE_DAYS=90)
    status, told = operator.json("storage", "lifecycle")
    assert status == 1
    assert [rule["what"] for rule in told["rules"]][1] == (
        "under plugram/images/: moved to STANDARD_IA after 90 days"
    )
    assert not any("thumbnails" in rule["what"] for rule in told["rules"])
    status, said = operator("storage", "lifecycle", "--apply")
    assert (status, said) == (1, "")
    assert "lifecycle rules can't be set" in operator.complaint
    assert "doesn't know how" in operator.complaint


def test_a_folder_says_what_it_does(operator: Operator) -> None:
    operator.env(PLUGRAM_ROLES__BLOB_STORE="storage.local")
    half = operator.root / "data" / "storage" / "blobs" / ".unfinished" / "half"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"")
    status, said = operator("storage", "lifecycle", "--older", "0")
    assert status == 0
    assert "A folder: files stay as they are" in said
    assert "half" in said
    operator("storage", "lifecycle", "--older", "0", "--apply")
    assert not half.exists()


# -- move -----------------------------------------------------------------------------------------


def test_everything_moves_to_the_bucket_and_back(operator: Operator) -> None:
    operator.env(PLUGRAM_ROLES__BLOB_STORE="storage.local")
    keys = [key_of(content) for content in CONTENTS]
    blobs = operator.root / "data" / "storage" / "blobs"
    for key, content in zip(keys, CONTENTS, strict=True):
        (blobs / key).parent.mkdir(parents=True)
        (blobs / key).write_bytes(content)
    status, told = operator.json("storage", "move", "--to", "s3")
    assert (status, told["copied"]) == (0, 3)
    assert told["bytes"] == sum(map(len, CONTENTS))
    assert sorted(operator.s3.keys(operator.bucket)) == sorted(f"plugram/{key}" for key in keys)
    assert operator.json("storage", "move", "--to", "s3")[1]["copied"] == 0  # it goes on, not anew
    status, _ = operator("storage", "move", "--to", "s3", "--delete")
    assert status == 1
    assert "still uses the store" in operator.complaint
    operator.env(PLUGRAM_ROLES__BLOB_STORE="storage.s3")
    assert operator("storage", "move", "--to", "s3", "--delete")[0] == 0
    assert not [path for path in blobs.rglob("*") if path.is_file()]
    assert operator("storage", "verify", "--deep")[0] == 0
    status, told = operator.json("storage", "move", "--to", "local")
    assert (status, told["copied"]) == (0, 3)
    assert [(blobs / key).read_bytes() for key in keys] == CONTENTS


def test_what_is_damaged_does_not_move(operator: Operator) -> None:
    operator.env(PLUGRAM_ROLES__BLOB_STORE="storage.local")
    key = key_of(b"whales")
    path = operator.root / "data" / "storage" / "blobs" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sharks")
    status, told = operator.json("storage", "move", "--to", "s3")
    assert (status, told["copied"]) == (1, 0)
    assert "damaged" in told["faults"][0]
    assert operator.s3.keys(operator.bucket) == []


# -- doctor, start --------------------------------------------------------------------------------


def bucket_check(told: Any) -> dict[str, str]:
    (found,) = [check for check in told["checks"] if check["check"] == "storage.bucket"]
    return dict(found)


def test_doctor_looks_at_the_bucket_before_there_is_a_database(operator: Operator) -> None:
    _, told = operator.json("doctor")
    assert bucket_check(told)["state"] == "ok"
    operator.env(PLUGRAM_DATABASE__URL=f"postgresql://127.0.0.1:{free_port()}/none")
    operator.env(AWS_SECRET_ACCESS_KEY="wrong")
    status, told = operator.json("doctor")
    assert status == 1
    found = bucket_check(told)
    assert found["state"] == "failed"
    assert "secret doesn't belong" in found["detail"]
    assert "AWS_SECRET_ACCESS_KEY" in found["hint"]


def test_nothing_starts_with_a_wrong_key(operator: Operator) -> None:
    operator.env(AWS_ACCESS_KEY_ID="wrong", BOT_TOKEN=TOKEN)
    status, _ = operator("run")
    assert status == 2
    assert "storage.bucket: " in operator.complaint
    assert "AWS_ACCESS_KEY_ID" in operator.complaint


async def test_a_bucket_that_is_away_does_not_stop_a_start(settings_factory: Any) -> None:
    found = {"s3_bucket": "any", "s3_endpoint": f"http://127.0.0.1:{free_port()}"}
    found |= {"s3_access_key": "a", "s3_secret_key": "b"}
    settings = settings_factory(
        **{f"plugins__storage__{key}": value for key, value in found.items()}, **only("storage")
    )
    async with App(settings, "worker").session() as app:
        plugin = app.loader.report.find("storage")
        assert plugin is not None
        folder, bucket = plugin.parts.health_checks
        health = await bucket.check()
        assert (health.ok, health.degraded) == (False, True)
        assert "can't be reached" in health.detail
        assert (await folder.check()).detail == "not used"


async def test_the_bucket_is_chosen_unless_the_roles_say_otherwise(
    s3: S3, settings_factory: Any
) -> None:
    made = {
        f"plugins__storage__{key}": value for key, value in s3_settings(s3, s3.create()).items()
    }
    async with App(settings_factory(**made, **only("storage")), "session").session() as app:
        plugin = app.loader.report.find("storage")
        assert plugin is not None
        assert app.services.require(BlobStore) is stores.s3(plugin.ctx)
        assert stores.s3(plugin.ctx).prefix == "plugram/"
    settings = settings_factory(**made, **only("storage"), roles__blob_store="storage.local")
    async with App(settings, "session").session() as app:
        plugin = app.loader.report.find("storage")
        assert plugin is not None
        assert app.services.require(BlobStore) is stores.local(plugin.ctx)


async def test_the_nightly_job_removes_what_never_ended(s3: S3, settings_factory: Any) -> None:
    bucket = s3.create()
    made = {f"plugins__storage__{key}": value for key, value in s3_settings(s3, bucket).items()}
    async with App(settings_factory(**made, **only("storage")), "session").session() as app:
        plugin = app.loader.report.find("storage")
        assert plugin is not None
        (tidy,) = plugin.parts.jobs
        assert tidy.cron == "23 3 * * *"
        with s3.client() as client:
            client.create_multipart_upload(Bucket=bucket, Key="plugram/documents/aa/x")
        await tidy.fn(plugin.ctx, None)
        assert len(await asyncio.to_thread(s3.uploads, bucket)) == 1  # a day hasn't passed
        stores.s3(plugin.ctx).settings = stores.s3(plugin.ctx).settings.model_copy(
            update={"s3_unfinished_hours": 0}
        )
        await tidy.fn(plugin.ctx, None)
        assert await asyncio.to_thread(s3.uploads, bucket) == []
