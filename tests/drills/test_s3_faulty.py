"""Files go to S3 through a proxy that cuts, hangs, breaks and halves, and a worker is killed in the
middle of an upload: every file arrives with the bytes that it had, nothing stale is left.

`PLUGRAM_DRILL=full` sends 300 MB instead of 30.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.db.database import Database
from plugins.files.models import Stage
from plugram import StorageAway
from tests.core.mail import until
from tests.core.work import opened
from tests.drills import harness
from tests.drills.harness import History
from tests.plugins.storage.kit import key_of, s3_store
from tests.support.bot_api import TOKEN, Answer, BotApi, Call, message
from tests.support.faulty import BROKEN, HALF, HANG, RESET, Asked, Fault, FaultyProxy
from tests.support.host import only
from tests.support.processes import ROOT, Bot, Process, Worker, clean_environment
from tests.support.servers import S3

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 12
LARGE = harness.form(300, 30) << 20
FILES = harness.form(12, 4)
KINDS = {"reset": RESET, "hang": HANG, "half": HALF, "500": BROKEN}
VERDICT = 30.0
MOST_MEMORY = 200 << 20
PATIENCE = harness.form(8.0, 1.5)
"""Seconds without a byte after which a request has failed: the default, and a shorter one."""


class Site:
    """A bot and a worker between a Bot API that hands out paths and a bucket behind a proxy."""

    def __init__(self, folder: Path, url: str, db: Database, api: BotApi, env: dict[str, str]):
        self.folder, self.db, self.api = folder, db, api
        self.history = History(folder, seed=harness.seed(SEED))
        self.sent: dict[int, Path] = {}
        self.processes: list[Process] = []
        self.env = {
            "BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": api.url,
            "PLUGRAM_ROOT": str(folder),
            "PLUGRAM_DATA_DIR": str(folder / "data"),
            "PLUGRAM_DATABASE__URL": url,
            "PLUGRAM_LOG__FORMAT": "json",
            "PLUGRAM_JOBS__IN_PROCESS": "never",
            "PLUGRAM_PLUGINS__FILES__MAX_MB": "2000",
            "PLUGRAM_PLUGINS__STORAGE__S3_TIMEOUT": str(PATIENCE),
            **{
                f"PLUGRAM_{name.upper()}": str(on).lower()
                for name, on in only("storage", "files").items()
            },
            **env,
        }
        api.respond = self._respond

    def _respond(self, call: Call) -> Answer | None:
        """As a Bot API server on this machine: a path of its own."""
        if call.method != "getFile":
            return None
        path = self.sent[int(call.params["file_id"])]
        size = path.stat().st_size
        return Answer(result={"file_id": "x", "file_path": str(path), "file_size": size})

    async def hire(self, kind: type[Process]) -> Process:
        process = kind(self.folder / f"{kind.__name__}{len(self.processes)}.log")
        process.env = self.env | {"PLUGRAM_WEB__PORT": str(process.port)}
        self.processes.append(process)
        await asyncio.to_thread(process.start, timeout=harness.within(30))
        return process

    async def send(self, number: int, content: bytes) -> None:
        path = self.folder / f"sent{number}"
        path.write_bytes(content)
        self.sent[number] = path
        update = message(number, "")
        del update["message"]["text"]
        update["message"]["document"] = {
            "file_id": str(number),
            "file_unique_id": f"u{number}",
            "file_name": f"{number}.bin",
            "file_size": len(content),
        }
        self.history.note("sent", number)
        await self.api.deliver(update)

    async def stored(self) -> dict[int, Any]:
        """The rows of those that are in the store, by number."""
        rows = await self.db.fetch(
            "SELECT file_id, sha256, blob_key FROM files_telegram_files WHERE stage >= $1",
            int(Stage.STORED),
        )
        return {int(row["file_id"]): row for row in rows}

    async def write_down(self) -> None:
        rows = await self.stored()
        self.history.all("acknowledged", [one for one in self.sent if one <= self.api.acknowledged])
        self.history.all("effect", rows)
        self.history.all("ended", rows, state="done")


@asynccontextmanager
async def site(folder: Path, url: str, env: dict[str, str]) -> AsyncIterator[Site]:
    async with opened(url) as db, BotApi() as api:
        made = Site(folder, url, db, api, env)
        try:
            yield made
        finally:
            for process in made.processes:
                await asyncio.to_thread(process.kill)


async def test_every_file_arrives_and_nothing_stale_is_left(
    s3: S3, tmp_path: Path, sqlite_url: str
) -> None:
    dice = harness.dice(SEED)
    bucket = s3.create()
    async with FaultyProxy(s3.port) as proxy:
        env = {
            "S3_BUCKET_NAME": bucket,
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_ACCESS_KEY_ID": S3.OWNER.key,
            "AWS_SECRET_ACCESS_KEY": S3.OWNER.secret,
        }
        async with site(tmp_path, sqlite_url, env) as here:
            await here.hire(Bot)
            worker = await here.hire(Worker)
            resting = memory(worker, "VmRSS")

            def plan(asked: Asked) -> Fault | None:
                kind = dice.choice(list(KINDS)) if dice.random() < 0.2 else ""
                if kind:
                    here.history.note("fault", kind=kind, request=asked.target[:120])
                return KINDS.get(kind)

            proxy.plan = plan
            contents = {1: dice.randbytes(LARGE)}
            contents |= {n: dice.randbytes(dice.randrange(1, 9 << 20)) for n in range(2, FILES)}
            for number, content in contents.items():
                await here.send(number, content)
            await until(lambda: arrived(here, len(contents)), seconds=harness.within(240))
            assert memory(worker, "VmHWM") - resting <= MOST_MEMORY

            # Now one that dies in the middle.
            began = asyncio.Event()

            def slow(asked: Asked) -> Fault | None:
                if "partNumber=2" in asked.target:
                    began.set()
                    return HANG
                return None

            proxy.plan = slow
            contents[FILES] = dice.randbytes(20 << 20)
            await here.send(FILES, contents[FILES])
            await asyncio.wait_for(began.wait(), harness.within(30))
            here.history.note("kill")
            await asyncio.to_thread(worker.kill)
            proxy.plan = lambda asked: None
            assert await asyncio.to_thread(s3.uploads, bucket) != []
            await here.hire(Worker)
            await until(lambda: arrived(here, len(contents)), seconds=harness.within(120))

            await here.write_down()
            here.history.check(faults=2)
            for number, row in (await here.stored()).items():
                digest = hashlib.sha256(contents[number]).hexdigest()
                assert row["sha256"] == digest
                with s3.client() as client:
                    found = client.get_object(Bucket=bucket, Key=f"plugram/{row['blob_key']}")
                    body = found["Body"].read()
                assert hashlib.sha256(body).hexdigest() == digest
            await asyncio.to_thread(
                plugram, here, "storage", "lifecycle", "--apply", "--older", "0"
            )
            assert await asyncio.to_thread(s3.uploads, bucket) == []
            await asyncio.to_thread(plugram, here, "storage", "verify", "--deep")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_verdict_comes_in_time(s3: S3, tmp_path: Path, kind: str) -> None:
    """Of a server that stays as broken as it is, reading and writing."""
    async with FaultyProxy(s3.port) as proxy:
        store = s3_store(s3, s3.create(), s3_endpoint=proxy.url, s3_timeout=PATIENCE)
        await store.start()
        proxy.plan = lambda asked: KINDS[kind] if asked.method != "HEAD" else None
        (tmp_path / "file").write_bytes(os.urandom(9 << 20))
        key = key_of((tmp_path / "file").read_bytes())
        with s3.client() as client:
            client.put_object(Bucket=store.bucket, Key="testing/documents/aa/other", Body=b"x" * 99)
        for attempt in (
            store.put(key, tmp_path / "file"),
            store.fetch("documents/aa/other", tmp_path / "copy"),
        ):
            began = time.monotonic()
            with pytest.raises(StorageAway):
                await attempt
            assert time.monotonic() - began <= max(VERDICT, harness.within(VERDICT))
        assert not (tmp_path / "copy").exists()
        await store.stop()
        clean = s3_store(s3, store.bucket)
        await clean.tidy(0)
        assert await asyncio.to_thread(s3.uploads, store.bucket) == []


async def arrived(here: Site, number: int) -> bool:
    return len(await here.stored()) >= number


def memory(process: Process, what: str) -> int:
    """Bytes, as the kernel counts them: `VmRSS` now, `VmHWM` at most so far."""
    assert process.process is not None
    # The worker is the leash's own process: it became the program.
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith(what))
    return int(line.split()[1]) << 10


def plugram(here: Site, *args: str) -> None:
    """A command, that must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "core", *args],
        env=clean_environment() | here.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
