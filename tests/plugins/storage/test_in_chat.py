"""A bot as a process with its files in a bucket: sent, read, linked, sent back, deleted through the
chat, while the S3 server stops and comes back."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.storage.kit import key_of
from tests.support.host import only
from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    bot_environment,
    clean_environment,
    get_json,
)
from tests.support.servers import S3

PATIENCE = 100.0
TEXT = b"Whales sing in the deep. " * 40
OTHER = b"Sharks have been around for longer than trees. " * 40


@pytest.fixture
def own_s3() -> Iterator[S3]:
    """One to be stopped."""
    server = S3()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


def named(message: dict[str, Any], part: str) -> dict[str, Any]:
    return next(one for one in buttons(message) if part in one["text"])


async def eventually(ready: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await asyncio.to_thread(ready)):
            await asyncio.sleep(0.1)
        return found


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_files_of_a_chat_live_in_the_bucket(
    own_s3: S3, tmp_path: Path, data_dir: Path, playground: PlaygroundProcess
) -> None:
    bucket = own_s3.create()
    database = tmp_path / "plugram.db"
    bot = Bot(tmp_path / "bot.log")
    bot.env = bot_environment(
        playground, data_dir=data_dir, port=bot.port, database_url=f"sqlite:///{database}"
    )
    bot.env |= {
        f"PLUGRAM_{key.upper()}": str(on).lower()
        for key, on in only("storage", "files", "documents").items()
    }
    bot.env |= {
        "S3_BUCKET_NAME": bucket,
        "AWS_ENDPOINT_URL": own_s3.url,
        "AWS_ACCESS_KEY_ID": S3.OWNER.key,
        "AWS_SECRET_ACCESS_KEY": S3.OWNER.secret,
        "PLUGRAM_PLUGINS__STORAGE__S3_PUBLIC_ENDPOINT": own_s3.url,
        "PLUGRAM_PLUGINS__STORAGE__S3_TIMEOUT": "1",
        "PLUGRAM_PLUGINS__FILES__TRASH_DAYS": "0",
    }

    def command(*args: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "core", *args],
            env=clean_environment() | bot.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    await asyncio.to_thread(bot.start, timeout=PATIENCE)
    try:
        ann = playground.client.user("ann")
        await ann.upload(TEXT, name="whales.txt", mime="text/plain")
        status = await ann.wait_reply(contains="whales.txt", timeout=PATIENCE)
        await ann.wait_text(status, "✅", timeout=PATIENCE)
        assert own_s3.keys(bucket) == [f"plugram/{key_of(TEXT)}"]

        # Away: the chat is told, the bot is degraded and answers; back: it goes on by itself.
        await asyncio.to_thread(own_s3.stop)
        await ann.upload(OTHER, name="sharks.txt", mime="text/plain")
        status = await ann.wait_reply(contains="sharks.txt", timeout=PATIENCE)
        await ann.wait_text(status, "keep trying", timeout=PATIENCE)
        code, told = await asyncio.to_thread(get_json, f"{bot.url}/readyz")
        assert code == 200
        (bucket_check,) = [one for one in told["checks"] if one["name"] == "storage.bucket"]
        assert (bucket_check["ok"], bucket_check["degraded"]) == (False, True)
        assert "AWS_ENDPOINT_URL" in bucket_check["hint"]
        await asyncio.to_thread(own_s3.start)
        await ann.wait_text(status, "✅", timeout=PATIENCE)
        assert len(own_s3.keys(bucket)) == 2

        # A link, signed for the bucket.
        await ann.send("/files")
        listing = await ann.wait_reply(contains="2 files", timeout=PATIENCE)
        await ann.click(listing, named(listing, "whales")["callback_data"])
        page = await ann.wait_event(
            lambda event: (
                bool(buttons(event.get("message", {})))
                and any("Link" in one["text"] for one in buttons(event["message"]))
            ),
            timeout=PATIENCE,
        )
        page = page["message"]
        await ann.click(page, named(page, "Link")["callback_data"])
        shown = await ann.wait_reply(contains="whales.txt", timeout=PATIENCE)
        url = named(shown, "Download")["url"]
        assert url.startswith(f"{own_s3.url}/{bucket}/plugram/documents/")
        assert await asyncio.to_thread(_read, url) == TEXT

        # Telegram has forgotten it: it comes from the bucket.
        with sqlite3.connect(database, timeout=20) as db:
            db.execute("UPDATE files_telegram_files SET file_id = 'forgotten'")
        await ann.click(page, named(page, "Send file")["callback_data"])
        sent = await ann.wait_reply(where=lambda message: "document" in message, timeout=PATIENCE)
        assert sent["document"]["file_size"] == len(TEXT)

        # Damage and loss are found from outside.
        assert (await asyncio.to_thread(command, "storage", "verify", "--deep"))[0] == 0
        with own_s3.client() as client:
            client.put_object(Bucket=bucket, Key=f"plugram/{key_of(OTHER)}", Body=OTHER[::-1])
            client.delete_object(Bucket=bucket, Key=f"plugram/{key_of(TEXT)}")
        code, said = await asyncio.to_thread(command, "storage", "verify", "--deep")
        assert code == 1
        assert f"{key_of(OTHER)} is damaged" in said
        assert f"{key_of(TEXT)} isn't there" in said
        answer = await ann.click(page, named(page, "Send file")["callback_data"], wait=PATIENCE)
        assert answer is not None
        assert "My copy of it is lost" in answer["text"]

        # Deleted for good, with the last file that has these bytes.
        with sqlite3.connect(database, timeout=20) as db:
            numbers = [row[0] for row in db.execute("SELECT id FROM files_telegram_files")]
        code, said = await asyncio.to_thread(
            command, "files", "delete", "--yes", *map(str, numbers)
        )
        assert code == 0, said
        await eventually(lambda: own_s3.keys(bucket) == [])
    finally:
        await asyncio.to_thread(bot.terminate)


def _read(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=20) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        content: bytes = answer.read()
        return content
