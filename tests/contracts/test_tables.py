"""The inventory of tables, compared with what migrations make of the two databases."""

from __future__ import annotations

from core.app import build
from core.db.database import Database
from core.host.discovery import discover
from core.host.ordering import manifest_of, undeclared
from tests.conftest import SettingsFactory


async def columns(db: Database) -> dict[str, set[str]]:
    """By table, of all that are there."""
    sql = (
        "SELECT m.name AS owner, p.name AS field FROM pragma_table_list m"
        " JOIN pragma_table_info(m.name) p"
        " WHERE m.type IN ('table', 'virtual') AND m.schema = 'main' AND m.name NOT LIKE 'sqlite_%'"
        if db.dialect == "sqlite"
        else "SELECT table_name AS owner, column_name AS field FROM information_schema.columns"
        " WHERE table_schema = current_schema()"
    )
    found: dict[str, set[str]] = {}
    for row in await db.fetch(sql):
        found.setdefault(row["owner"], set()).add(row["field"])
    return found


async def test_every_table_is_declared_and_every_declared_one_is_there(
    settings_factory: SettingsFactory, database_url: str
) -> None:
    everything = {f"features__{one.id}": True for one in discover([]) if one.origin == "built-in"}
    app = build(settings_factory(database__url=database_url, **everything), "session")
    async with app.session():
        there = await columns(app.db)
        declared = {table.name: table for table in app.db.tables}
        assert sorted(there) == sorted(declared)
        strange = {
            name: missing
            for name, table in declared.items()
            if (missing := set(table.columns) - there[name])
        }
        assert strange == {}
        unseen = {
            name
            for name, fields in there.items()
            if "scope" in fields and not declared[name].scope and not declared[name].parent
        }
        assert unseen == set()
        assert {one.parent for one in declared.values() if one.parent} <= set(declared)
        assert {table.name for table in await app.db.present_tables()} == set(declared)


async def test_tables_of_a_plugin_that_is_off_are_known(
    settings_factory: SettingsFactory, sqlite_url: str
) -> None:
    async with build(settings_factory(database__url=sqlite_url), "session").session():
        pass
    off = settings_factory(database__url=sqlite_url, features__search=False)
    app = build(off, "session")
    async with app.session():
        present = {table.name: table for table in await app.db.present_tables()}
    assert present["search_results"].people == ("person_id",)
    assert present["search_results"].plugin_id == "search"


def test_built_in_plugins_declare_what_they_create() -> None:
    rooms = [one for one in discover([]) if one.origin == "built-in"]
    assert {one.id: undeclared(one.root, manifest_of(one)) for one in rooms} == {
        one.id: [] for one in rooms
    }
