"""What the tables keep encrypted: counted, refused without its key, brought under a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import keys
from core.db import database
from core.db.database import Database
from core.errors import SecretKeyMissing
from core.keys import Sealed
from core.secrets import FILE, Key, Keyring, Secrets, key_id_of
from tests.core.db.test_database import options

NOTES = Sealed("vault_notes", "body", ("person", "number"))
COLUMNS = [NOTES]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with database.build(options(database_url)) as opened:
        await opened.execute(
            "CREATE TABLE vault_notes (person BIGINT, number INTEGER, body TEXT NOT NULL,"
            " PRIMARY KEY (person, number))"
        )
        yield opened


async def fill(db: Database, ring: Keyring, number: int, first: int = 0) -> None:
    vault = Secrets("vault", ring)
    await db.executemany(
        "INSERT INTO vault_notes VALUES ($1, $2, $3)",
        [(n % 7, n, vault.encrypt(f"note:{n}", f"note {n}")) for n in range(first, first + number)],
    )


async def quiet(done: int, total: int) -> None:
    assert done <= total


async def bodies(db: Database) -> list[str]:
    rows = await db.fetch("SELECT body FROM vault_notes ORDER BY number")
    return [row["body"] for row in rows]


async def test_everything_comes_under_the_new_key_and_can_still_be_read(
    db: Database, tmp_path: Path
) -> None:
    ring = Keyring([], tmp_path / FILE)
    await fill(db, ring, 450)  # more than are read at a time
    await db.execute("INSERT INTO vault_notes VALUES (9, 900, '')")  # nothing is kept here
    old = ring.keys[0].id
    new = ring.add_key().id
    done = await keys.rotate(db, COLUMNS, ring, quiet)
    assert (done.done, done.unread) == (450, 0)
    assert await keys.usage(db, COLUMNS) == {new: 450}
    ring.remove_keys([old])
    vault = Secrets("vault", ring)
    kept = (await bodies(db))[:450]
    assert [vault.decrypt(f"note:{n}", one) for n, one in enumerate(kept)] == [
        f"note {n}" for n in range(450)
    ]
    assert (await keys.rotate(db, COLUMNS, ring, quiet)).done == 0


async def test_cut_short_it_goes_on(db: Database, tmp_path: Path) -> None:
    ring = Keyring([], tmp_path / FILE)
    await fill(db, ring, 450)
    new = ring.add_key().id

    class Killed(Exception):
        pass

    async def die(done: int, total: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        await keys.rotate(db, COLUMNS, ring, die)
    some = (await keys.usage(db, COLUMNS))[new]
    assert 0 < some < 450
    assert (await keys.rotate(db, COLUMNS, ring, quiet)).done == 450 - some


async def test_what_a_live_bot_writes_meanwhile_is_its_own(db: Database, tmp_path: Path) -> None:
    ring = Keyring([], tmp_path / FILE)
    await fill(db, ring, 3)
    ring.add_key()
    live = Secrets("vault", ring)
    [row, *_] = await keys._outdated(db, NOTES, ring.keys[0].id, ())
    await db.execute(
        "UPDATE vault_notes SET body = $1 WHERE number = 0", live.encrypt("note:0", "newer")
    )
    await keys._renew(db, NOTES, row, ring)
    assert live.decrypt("note:0", (await bodies(db))[0]) == "newer"


async def test_values_without_their_key_are_counted_named_and_given_up(
    db: Database, tmp_path: Path
) -> None:
    lost, here = Keyring([Key.new()], tmp_path / FILE), Keyring([Key.new()], tmp_path / FILE)
    await fill(db, lost, 2)
    await fill(db, here, 3, first=10)
    with pytest.raises(SecretKeyMissing, match=lost.keys[0].id):
        await keys.check(db, COLUMNS, here)
    with pytest.raises(SecretKeyMissing, match="has none"):
        await keys.check(db, COLUMNS, Keyring([], tmp_path / FILE))
    assert await keys.rotate(db, COLUMNS, here, quiet) == keys.Rotated(done=0, unread=2)
    assert await keys.give_up(db, COLUMNS, lost.keys[0].id) == 2
    await keys.check(db, COLUMNS, here)
    assert [key_id_of(one) for one in await bodies(db)] == ["", "", *[here.keys[0].id] * 3]
