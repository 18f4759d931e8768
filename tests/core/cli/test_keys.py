"""`plugram keys` over the tables of a plugin, switched on and off, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import app as composition
from core import config
from core.cli.main import run
from core.errors import PlugramError, SecretKeyMissing
from core.secrets import FILE, Key, key_id_of, read_keys
from tests.core import kit

TABLE = "CREATE TABLE vault_notes (person BIGINT PRIMARY KEY, body TEXT NOT NULL)"


@pytest.fixture
def vault(
    tmp_path: Path, data_dir: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A deployment with a plugin that keeps secrets; the path of its key file."""
    kit.write_room(
        tmp_path / "more",
        "vault",
        {
            "migrations/__init__.py": "",
            "migrations/sqlite/0001_notes.sql": TABLE,
            "migrations/postgres/0001_notes.sql": TABLE,
        },
        tables={"vault_notes": {"people": ["person"], "encrypted": ["body"]}},
    )
    for name, value in {
        "ROOT": str(tmp_path),
        "DATA_DIR": str(data_dir),
        "DATABASE__URL": database_url,
        "PLUGINS__PATHS": json.dumps([str(tmp_path / "more" / "vault")]),
    }.items():
        monkeypatch.setenv(f"PLUGRAM_{name}", value)
    yield data_dir / FILE
    kit.forget_modules()


async def _session(work: Any) -> Any:
    async with composition.session(config.load()) as session:
        return await work(session)


def keep(*people: int) -> None:
    async def work(session: composition.App) -> None:
        plugin = session.loader.report.find("vault")
        assert plugin is not None
        for person in people:
            kept = plugin.ctx.secrets.encrypt(f"note:{person}", f"note of {person}")
            await session.db.execute("INSERT INTO vault_notes VALUES ($1, $2)", person, kept)

    asyncio.run(_session(work))


def read() -> dict[int, str]:
    async def work(session: composition.App) -> dict[int, str]:
        plugin = session.loader.report.find("vault")
        assert plugin is not None
        rows = await session.db.fetch("SELECT person, body FROM vault_notes")
        return {
            row["person"]: plugin.ctx.secrets.decrypt(f"note:{row['person']}", row["body"])
            for row in rows
            if row["body"]
        }

    found: dict[int, str] = asyncio.run(_session(work))
    return found


def told(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    capsys.readouterr()
    run([*args, "--json"])
    return json.loads(capsys.readouterr().out)


def test_a_new_key_is_printed_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "new"]) == 0
    [key] = read_keys(capsys.readouterr().out)
    assert len(key.value) == 32


def test_the_key_file_is_exchanged(vault: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(1, 2)
    [old] = read_keys(vault.read_text())
    assert told(capsys, "keys", "list") == [{"id": old.id, "values": 2, "state": "encrypts"}]
    done = told(capsys, "keys", "rotate")
    assert (done["values"], done["unread"], done["unused"]) == (2, 0, [old.id])
    assert run(["keys", "retire"]) == 0
    [new] = read_keys(vault.read_text())
    assert new.id != old.id
    assert read() == {1: "note of 1", 2: "note of 2"}


def test_tables_of_a_plugin_that_is_off_are_found_too(
    vault: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(1)
    monkeypatch.setenv("PLUGRAM_FEATURES__VAULT", "false")
    assert told(capsys, "keys", "rotate")["values"] == 1
    monkeypatch.delenv("PLUGRAM_FEATURES__VAULT")
    assert read() == {1: "note of 1"}


def test_keys_of_the_settings_are_exchanged(
    vault: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Key.new(), Key.new()
    monkeypatch.setenv("PLUGRAM_ENCRYPTION_KEY", old.text)
    keep(1)
    assert not vault.exists()
    monkeypatch.setenv("PLUGRAM_ENCRYPTION_KEY", f"{new.text} {old.text}")
    assert told(capsys, "keys", "rotate")["unused"] == [old.id]
    monkeypatch.setenv("PLUGRAM_ENCRYPTION_KEY", new.text)
    assert read() == {1: "note of 1"}


def test_a_bot_without_its_key_doesnt_start_and_makes_no_other(
    vault: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(1)
    [key] = read_keys(vault.read_text())
    vault.unlink()
    with pytest.raises(SecretKeyMissing, match=key.id) as caught:
        read()
    assert f"plugram keys lost {key.id}" in caught.value.hint
    assert not vault.exists()
    assert told(capsys, "keys", "list") == [{"id": key.id, "values": 1, "state": "missing"}]
    assert run(["keys", "lost", key.id, "--yes"]) == 0
    assert read() == {}
    keep(2)
    assert read() == {2: "note of 2"}


def test_a_key_that_is_here_isnt_given_up(vault: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(1)
    [key] = read_keys(vault.read_text())
    assert run(["keys", "lost", key.id, "--yes"]) != 0
    with pytest.raises(PlugramError, match="no5uch"):
        run(["keys", "lost", "no5uch", "--yes"])
    assert read() == {1: "note of 1"}
    assert key_id_of("") == ""
