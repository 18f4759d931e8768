"""Migrations of the core and of plugins: two kinds, one order, one lock, all or nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from core.db import database, migrate
from core.db.database import Database, PluginTables
from core.errors import ConstraintError, DatabaseError, MigrationError
from tests.core.db.test_database import options

MODELS = """
from tortoise import fields
from tortoise.models import Model

class Note(Model):
    id = fields.IntField(primary_key=True)
    text = fields.CharField(max_length=100, unique=True)

    class Meta:
        table = "{plugin}_note"
"""

FIRST = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    operations = [
        ops.CreateModel(
            name="Note",
            fields=[
                ("id", fields.IntField(primary_key=True)),
                ("text", fields.CharField(max_length=100, unique=True)),
            ],
            options={{"table": "{plugin}_note", "app": "{plugin}"}},
        ),
    ]
"""

Make = Callable[..., PluginTables]
Scripts = dict[str, str]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes a plugin's package: models, Python migrations and SQL ones."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def write(
        plugin: str, *, python: bool = True, sql: dict[str, str] | None = None
    ) -> PluginTables:
        root = tmp_path / plugin
        folder = root / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        (root / "__init__.py").touch()
        made.append(plugin)
        if python:
            (folder / "__init__.py").touch()
            (root / "models.py").write_text(dedent(MODELS.format(plugin=plugin)))
            (folder / "0001_initial.py").write_text(dedent(FIRST.format(plugin=plugin)))
        for name, script in (sql or {}).items():
            for dialect in ("sqlite", "postgres"):
                (folder / dialect).mkdir(exist_ok=True)
                (folder / dialect / name).write_text(script)
        models = f"{plugin}.models" if python else None
        return PluginTables(plugin, models, f"{plugin}.migrations")

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] in made]:
        del sys.modules[name]


@asynccontextmanager
async def opened(url: str, *apps: PluginTables) -> AsyncIterator[Database]:
    async with database.build(options(url), apps) as db:
        yield db


async def test_an_empty_database_gets_everything_once(database_url: str, make: Make) -> None:
    apps = make("shop"), make("bar", sql={"0001_index.sql": "CREATE TABLE bar_index (id INTEGER)"})
    async with opened(database_url, *apps) as db:
        before = await migrate.plan(db)
        assert "core 0001_jobs" in map(str, before)
        assert [str(found) for found in before if found.app == "bar"] == [
            "bar 0001_initial",
            "bar 0001_index",
        ]
        told: list[str] = []
        done = await migrate.apply(db, lambda app, name: told.append(f"{app} {name}"))
        assert list(map(str, done)) == told == list(map(str, before))
        assert await migrate.plan(db) == []
        assert await db.migrate() == []
        await migrate.check(db)
        assert all(found.applied and found.known for found in await migrate.status(db))
        assert await db.fetchval("SELECT count(*) FROM bar_index") == 0


async def test_asking_changes_nothing(database_url: str) -> None:
    async with opened(database_url) as db:
        assert all(not found.applied for found in await migrate.status(db))
        with pytest.raises(MigrationError, match="plugram db migrate"):
            await migrate.check(db)
        with pytest.raises(DatabaseError):
            await db.fetch("SELECT * FROM core_migrations")


async def test_models_and_sql_share_a_transaction(database_url: str, make: Make) -> None:
    async with opened(database_url, make("shop")) as db:
        await db.migrate()
        note = _model("shop")
        async with db.transaction():
            await note.create(text="one")
            await db.execute("INSERT INTO shop_note (id, text) VALUES (50, 'two')")
            assert await note.all().count() == 2
        with pytest.raises(RuntimeError):
            await _fail_after(db, note.create(text="three"))
        assert await note.all().count() == 2
        created, new = await note.get_or_create(text="one")
        assert (created.text, new) == ("one", False)
        with pytest.raises(ConstraintError):
            await note.create(text="one")
        await note.bulk_create([note(text=f"bulk {number}") for number in range(5)])
        assert await note.filter(text__startswith="bulk").count() == 5
        await note.filter(text="one").update(text="1")
        assert await note.filter(text="one").delete() == 0
        assert {row["text"] for row in await db.fetch("SELECT text FROM shop_note")} >= {"1", "two"}


async def test_orms_own_transactions_are_ours(database_url: str, make: Make) -> None:
    from tortoise.transactions import in_transaction

    async with opened(database_url, make("shop")) as db:
        await db.migrate()
        note = _model("shop")
        async with in_transaction():
            await note.create(text="one")
            with pytest.raises(ConstraintError):
                async with in_transaction():  # a savepoint
                    await note.create(text="one")
            await note.create(text="two")
            await db.execute("UPDATE shop_note SET text = text || '!'")
        assert await note.all().count() == 2


async def test_a_write_of_a_model_joins_what_waits(database_url: str, make: Make) -> None:
    async with opened(database_url, make("shop")) as db:
        await db.migrate()
        note = _model("shop")

        async def complete() -> None:
            await db.execute("INSERT INTO shop_note (id, text) VALUES (90, 'completed')")

        with db.before_commit(complete) as joining:
            await note.create(text="one")
            assert joining.done


async def _fail_after(db: Database, work: Awaitable[Any]) -> None:
    async with db.transaction():
        await work
        raise RuntimeError


def _model(plugin: str) -> Any:
    return __import__(f"{plugin}.models", fromlist=["Note"]).Note


async def test_a_failure_leaves_nothing(database_url: str, make: Make) -> None:
    broken = {
        "0001_good.sql": "CREATE TABLE bar_good (id INTEGER);",
        "0002_bad.sql": "CREATE TABLE bar_bad (id INTEGER);\nINSERT INTO nowhere VALUES (1);",
    }
    async with opened(database_url, make("bar", python=False, sql=broken)) as db:
        with pytest.raises(MigrationError, match="bar 0002_bad failed"):
            await db.migrate()
        assert [str(found) for found in await migrate.plan(db)] == ["bar 0001_good", "bar 0002_bad"]
        assert await db.fetchval("SELECT count(*) FROM core_jobs") == 0  # other apps are done
        make("bar", python=False, sql={"0002_bad.sql": "CREATE TABLE bar_bad (id INTEGER)"})
        assert await db.migrate() == ["bar 0001_good", "bar 0002_bad"]


async def test_a_newer_database_is_refused(database_url: str, make: Make) -> None:
    sql = {"0001_a.sql": "CREATE TABLE bar_a (id INTEGER)", "0002_b.sql": "SELECT 1"}
    tables = make("bar", sql=sql)
    async with opened(database_url, tables) as db:
        await db.migrate()
        for dialect in ("sqlite", "postgres"):
            (Path(sys.modules["bar.migrations"].__path__[0]) / dialect / "0002_b.sql").unlink()
        with pytest.raises(MigrationError, match="newer version: bar 0002_b"):
            await db.migrate()
        with pytest.raises(MigrationError, match="newer version"):
            await migrate.check(db)
    async with opened(database_url) as db:  # the plugin is switched off: its tables stay
        await migrate.check(db)


async def test_a_newer_models_migration_is_refused(database_url: str, make: Make) -> None:
    async with opened(database_url, make("shop")) as db:
        await db.migrate()
        await db.execute("UPDATE tortoise_migrations SET name = '0009_later'")
        with pytest.raises(MigrationError, match="newer version: shop 0009_later"):
            await db.migrate()


async def test_several_processes_at_once(database_url: str, make: Make, tmp_path: Path) -> None:
    make("shop", sql={"0001_index.sql": "CREATE TABLE shop_index (id INTEGER)"})
    program = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from core.db import database as db
from core.db.database import PluginTables
from tests.core.db.test_database import options

async def main():
    tables = PluginTables("shop", "shop.models", "shop.migrations")
    async with db.build(options(sys.argv[1]), [tables]) as found:
        print(len(await found.migrate()))

asyncio.run(main())
"""
    starts = [
        asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, database_url, str(tmp_path)),
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(3)
    ]
    processes = await asyncio.gather(*starts)
    told = [int((await process.communicate())[0]) for process in processes]
    async with opened(database_url) as db:
        core = len(await migrate.status(db))
    assert sum(told) == core + 2


async def test_changing_a_table_keeps_what_refers_to_it(sqlite_url: str, make: Make) -> None:
    tables = make(
        "bar",
        python=False,
        sql={
            "0001_a.sql": "CREATE TABLE bar_a (id INTEGER PRIMARY KEY);\n"
            "CREATE TABLE bar_b (a INTEGER REFERENCES bar_a ON DELETE CASCADE);"
        },
    )
    async with opened(sqlite_url, tables) as db:
        await db.migrate()
        await db.execute("INSERT INTO bar_a VALUES (1)")
        await db.execute("INSERT INTO bar_b VALUES (1)")
        anew = (
            "CREATE TABLE bar_new (id INTEGER PRIMARY KEY, more TEXT);\n"
            "INSERT INTO bar_new (id) SELECT id FROM bar_a;\n"
            "DROP TABLE bar_a;\nALTER TABLE bar_new RENAME TO bar_a;"
        )
        make("bar", python=False, sql={"0002_more.sql": anew})
        assert await db.migrate() == ["bar 0002_more"]
        assert await db.fetchval("SELECT count(*) FROM bar_b") == 1
        with pytest.raises(ConstraintError):  # references are watched again
            await db.execute("INSERT INTO bar_b VALUES (99)")
        make("bar", python=False, sql={"0003_bad.sql": "DELETE FROM bar_a;"})
        with pytest.raises(MigrationError, match="break references of bar_b"):
            await db.migrate()
        assert await db.fetchval("SELECT count(*) FROM bar_a") == 1


async def test_an_author_writes_one(database_url: str, make: Make, tmp_path: Path) -> None:
    tables = make("shop")
    async with opened(database_url, tables) as db:
        await db.migrate()
        assert await migrate.write(db, "shop") == []
        with pytest.raises(MigrationError, match="no models"):
            await migrate.write(db, "nobody")
    models = tmp_path / "shop" / "models.py"
    models.write_text(
        models.read_text().replace(
            "    class Meta", "    stars = fields.IntField(default=0)\n\n    class Meta"
        )
    )
    del sys.modules["shop.models"]
    async with opened(database_url, tables) as db:
        (path,) = await migrate.write(db, "shop", "count stars")
        assert path.name == "0002_count_stars.py"
        assert await db.migrate() == ["shop 0002_count_stars"]
        note = _model("shop")
        await note.create(text="rated", stars=5)
        assert (await note.get(text="rated")).stars == 5


async def test_what_is_wrong_with_a_package_is_told(
    sqlite_url: str, make: Make, tmp_path: Path
) -> None:
    tables = make("shop")
    (tmp_path / "shop" / "migrations" / "0001_initial.py").unlink()
    async with opened(sqlite_url, tables) as db:
        with pytest.raises(MigrationError, match="models but no migrations"):
            await db.migrate()
    folder = tmp_path / "pub" / "migrations" / "postgres"
    folder.mkdir(parents=True)
    (folder / "0001_only.sql").write_text("SELECT 1")
    async with opened(sqlite_url, PluginTables("pub", None, "pub.migrations")) as db:
        with pytest.raises(MigrationError, match="none for sqlite"):
            await db.migrate()
        (tmp_path / "pub" / "migrations" / "sqlite").mkdir()
        (tmp_path / "pub" / "migrations" / "sqlite" / "first.sql").write_text("SELECT 1")
        with pytest.raises(MigrationError, match="NNNN_what_it_does"):
            await db.migrate()
    async with opened(sqlite_url, PluginTables("inn", None, "inn.migrations")) as db:
        with pytest.raises((MigrationError, ModuleNotFoundError)):
            await db.migrate()


def test_triggers_stay_whole() -> None:
    from core.db.sqlite import statements

    script = """
    -- a comment
    CREATE TABLE a (id INTEGER); -- another
    CREATE TRIGGER t AFTER INSERT ON a BEGIN
        DELETE FROM a WHERE id = 1;
        DELETE FROM a WHERE id = 2;
    END;
    INSERT INTO a VALUES (';')
    """
    found = statements(script)
    assert len(found) == 3
    assert "CREATE TRIGGER" in found[1]
    assert found[1].endswith("END;")


def test_both_dialects_have_the_same_core_migrations() -> None:
    folder = Path(migrate.__file__).parents[1] / "migrations"
    names = [sorted(path.name for path in (folder / d).iterdir()) for d in ("sqlite", "postgres")]
    assert names[0] == names[1]
