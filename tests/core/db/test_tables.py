"""What an owner says of a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.db.tables import TableEntry, declared
from core.host.discovery import discover
from core.host.plugin import Manifest
from core.host.publishing import shortcomings
from tests.core.kit import manifest, write_room


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({}, "say whose rows it holds"),
        ({"nobody": "leases", "people": ["id"]}, "can't be nobody's"),
        ({"scope": "scope", "keep_days": 7}, "keep_days needs the column"),
    ],
)
def test_what_an_entry_must_say(said: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TableEntry.model_validate(said)


def test_guarded_is_what_has_a_scope_and_no_excuse() -> None:
    entries = {
        "notes_note": TableEntry(scope="scope"),
        "notes_queue": TableEntry(scope="scope", unguarded="claimed together"),
        "notes_reader": TableEntry(people=("person_id",), mentions=("invited_by",), time="seen_at"),
    }
    tables = declared("notes", entries)
    assert [table.guarded for table in tables] == [True, False, False]
    assert tables[2].columns == ("person_id", "invited_by", "seen_at")


def test_a_plugin_is_told_of_tables_it_forgot(tmp_path: Path) -> None:
    room = write_room(
        tmp_path,
        "notes",
        {"migrations/sqlite/0001_notes.sql": "CREATE TABLE notes_note (id INTEGER);"},
    )
    (found,) = discover([room])[-1:]
    assert any("table notes_note isn't declared" in one for one in shortcomings(found))
    declared_room = write_room(
        tmp_path / "declared",
        "notes",
        {"migrations/sqlite/0001_notes.sql": "CREATE TABLE notes_note (id INTEGER);"},
        tables={"notes_note": {"nobody": "numbers"}},
    )
    (found,) = discover([declared_room])[-1:]
    assert not any("isn't declared" in one for one in shortcomings(found))


def test_a_plugin_cannot_declare_anothers_tables() -> None:
    with pytest.raises(ValidationError, match=r"must be named notes_…: core_jobs"):
        Manifest.model_validate(manifest("notes", tables={"core_jobs": {"scope": "scope"}}))
