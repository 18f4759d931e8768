"""What a large file costs on its way to S3: `.venv/bin/python -m benchmarks.storage [--mb 2000]`.

A real `plugram run` gets a document from a Bot API server on this machine, which hands out the path
of its copy, and streams it to a SeaweedFS in parts, with default settings. Printed: how much the
bot's memory grew at most, and megabytes a second.

Exit status 1 if it grew by more than 100 MB, or the sha256 in the bucket is another one.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.db import database
from plugins.files.models import Stage
from tests.core.work import settings
from tests.support.bot_api import TOKEN, Answer, BotApi, Call, message
from tests.support.processes import Bot
from tests.support.servers import S3

MOST = 100
"""Megabytes of growth that are borne."""
_BLOCK = 1 << 20


def make(path: Path, megabytes: int) -> str:
    """A file of noise; its sha256."""
    block, digest = os.urandom(_BLOCK), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(megabytes):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def in_bucket(s3: S3, bucket: str, key: str) -> str:
    digest = hashlib.sha256()
    with s3.client() as client:
        for piece in client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_BLOCK):
            digest.update(piece)
    return digest.hexdigest()


def memory(bot: Bot, what: str) -> float:
    """Megabytes: `VmRSS` now, `VmHWM` at most so far."""
    pid = bot.process.pid if bot.process else os.getpid()
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith(what))
    return int(line.split()[1]) / 1024


def environment(folder: Path, api: BotApi, s3: S3, bucket: str, bot: Bot) -> dict[str, str]:
    return {
        "BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": api.url,
        "PLUGRAM_ROOT": str(folder),
        "PLUGRAM_DATA_DIR": str(folder / "data"),
        "PLUGRAM_DATABASE__URL": f"sqlite:///{folder / 'plugram.db'}",
        "PLUGRAM_WEB__PORT": str(bot.port),
        "PLUGRAM_PLUGINS__FILES__MAX_MB": "2000",
        "S3_BUCKET_NAME": bucket,
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": S3.OWNER.key,
        "AWS_SECRET_ACCESS_KEY": S3.OWNER.secret,
    }


def document(size: int) -> dict[str, Any]:
    update = message(1, "")
    del update["message"]["text"]
    update["message"]["document"] = {
        "file_id": "large",
        "file_unique_id": "large",
        "file_name": "large.bin",
        "file_size": size,
    }
    return update


async def stored(folder: Path) -> Any:
    """The row of the file, once it is in the store."""
    async with database.build(settings(f"sqlite:///{folder / 'plugram.db'}")) as db:
        while True:
            rows = await db.fetch(
                "SELECT sha256, blob_key FROM files_telegram_files WHERE stage >= $1",
                int(Stage.STORED),
            )
            if rows:
                return rows[0]
            await asyncio.sleep(0.1)


async def run(folder: Path, s3: S3, megabytes: int) -> bool:
    source, bucket = folder / "large.bin", s3.create()
    digest = await asyncio.to_thread(make, source, megabytes)

    def respond(call: Call) -> Answer | None:
        if call.method != "getFile":
            return None
        return Answer(result={"file_path": str(source), "file_size": megabytes << 20})

    async with BotApi() as api:
        api.respond = respond
        bot = Bot(folder / "bot.log")
        bot.env = environment(folder, api, s3, bucket, bot)
        await asyncio.to_thread(bot.start, timeout=120)
        try:
            resting, began = memory(bot, "VmRSS"), time.monotonic()
            await api.deliver(document(megabytes << 20))
            row = await stored(folder)
            seconds = time.monotonic() - began
            grown = memory(bot, "VmHWM") - resting
        finally:
            await asyncio.to_thread(bot.terminate)
    same = await asyncio.to_thread(in_bucket, s3, bucket, f"plugram/{row['blob_key']}")
    print(f"bot at rest          {resting:7.0f} MB")
    print(f"grew at most by      {grown:7.0f} MB   while {megabytes} MB went to S3")
    print(f"speed                {megabytes / seconds:7.0f} MB/s  copy, checksum and upload")
    print(f"sha256 in the bucket {'the same' if same == digest else 'ANOTHER'}")
    return grown <= MOST and same == digest


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=int, default=2000)
    options = parser.parse_args()
    s3 = S3()
    with tempfile.TemporaryDirectory(prefix="plugram-bench-") as folder:
        try:
            s3.start()
            return 0 if asyncio.run(run(Path(folder), s3, options.mb)) else 1
        finally:
            s3.remove()


if __name__ == "__main__":
    sys.exit(main())
