"""What survives a restart."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from playground.model import User
from playground.store import Store


async def test_records_come_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.start()
    store.save("user", "1", User(1, "Ann"))
    store.save("user", "2", {"id": 2})
    store.save("other", "1", [])
    store.drop("user", "2")
    await store.close()
    again = Store(tmp_path)
    found = [(key, User(**body)) for key, body in again.read("user")]
    assert found == [("1", User(1, "Ann"))]
    await again.close()


async def test_a_record_is_written_as_it_is_a_little_later(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.start()
    user = User(1, "Ann")
    store.save("user", "1", user)
    user.first_name = "Anna"
    await asyncio.sleep(1)
    assert next(Store(tmp_path).read("user"))[1]["first_name"] == "Anna"
    await store.close()


async def test_without_a_folder_nothing_is_kept() -> None:
    store = Store(None)
    store.start()
    store.save("user", "1", {})
    await store.close()
    assert list(store.read("user")) == []


async def test_a_failed_write_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path)
    store.start()
    with sqlite3.connect(tmp_path / "playground.db") as other:
        other.execute("DROP TABLE records")
    other.close()
    store.save("user", "1", {})
    await asyncio.sleep(1)
    assert "could not save its state" in caplog.text
    await store.close()
