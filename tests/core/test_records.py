"""What is kept of a person, by the inventory: on both databases, of plugins that are off too."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from core.app import App
from core.telegram.inbox import Inbox
from tests.conftest import SettingsFactory
from tests.support.host import only
from tests.support.rows import of_all

ANN, BEN = 500000007, 500000070
"""The one's number is in the other's: only whole ones count."""
DAY = 86400.0


def message(update_id: int, sender: int, chat: int, **more: Any) -> dict[str, Any]:
    body = {"chat": {"id": chat}, "from": {"id": sender}, "text": f"of {sender}", **more}
    return {"update_id": update_id, "message": body}


@pytest.fixture
async def app(settings_factory: SettingsFactory, database_url: str) -> AsyncIterator[App]:
    settings = settings_factory(database__url=database_url, **only("files", "storage", "search"))
    async with App(settings, "session").session() as opened:
        yield opened


async def test_rows_are_counted_read_and_erased_and_only_theirs(app: App) -> None:
    for person in (ANN, BEN):
        await app.people.get(person, "en", f"name of {person}")
        await app.people.set_preference(person, "search", "order", "new")
        await of_all(
            app.db.execute(
                "INSERT INTO search_results (scope, person_id, query, results, created_at)"
                " VALUES ($1, $2, 'q', '{}', $3)",
                f"u:{person}",
                person,
                time.time(),
            )
        )
    counts = await app.records.counts(ANN)
    assert {table.name: n for table, n in counts.items()} == {
        "people": 1,
        "preferences": 1,
        "search_results": 1,
    }
    people = next(table for table in counts if table.name == "people")
    [[row]] = [page async for page in app.records.rows(people, ANN)]
    assert row["name"] == f"name of {ANN}"
    assert await app.records.leftovers(ANN) != []
    gone = await app.records.erase(ANN, {"files", "search", "storage"}, time.time())
    assert gone == {"people": 1, "preferences": 1, "search_results": 1}
    assert await app.records.leftovers(ANN) == []
    assert sum((await app.records.counts(BEN)).values()) == 3
    assert (await app.people.get(ANN)).name == ""
    assert (await app.people.get(BEN)).name == f"name of {BEN}"


async def test_updates_are_blanked_and_still_known(app: App) -> None:
    inbox = Inbox(app.db, 1)
    about_ann = {"reply_to_message": {"from": {"id": ANN}, "text": "hers"}}
    updates = [
        message(1, ANN, ANN),  # done
        message(2, BEN, -5, **about_ann),  # done, and quotes her
        message(3, BEN, BEN),  # done, and nothing of hers
        message(4, ANN, -5),  # waits: handled by nobody any more
        message(5, BEN, -5, **about_ann),  # waits: somebody else's, handled first
    ]
    await inbox.add(updates)
    await app.db.execute("UPDATE core_inbox SET status = 1 WHERE update_id <= 3")
    assert (await app.records.erase(ANN, set(), time.time() + 60))["core_inbox"] == 3
    rows = await app.db.fetch("SELECT update_id, status, payload FROM core_inbox ORDER BY seq")
    assert [row["status"] for row in rows] == [1, 1, 1, 1, 0]
    assert [row["payload"] == "{}" for row in rows] == [True, True, False, True, False]
    assert await inbox.add(updates) == [], "what came before isn't taken for new"


async def test_what_came_after_the_request_is_somebody_new(app: App) -> None:
    inbox = Inbox(app.db, 1)
    before = time.time() - 3600
    await inbox.add([message(1, ANN, ANN)])
    assert (await app.records.erase(ANN, set(), before))["core_inbox"] == 0


async def test_jobs_go_but_those_that_run(app: App) -> None:
    for chat in (ANN, BEN, ANN):
        await app.jobs.enqueue("files.store", {"scope": f"u:{chat}", "file_id": 1}, chat=chat)
    await app.db.execute("UPDATE core_jobs SET state = 'running' WHERE id = 3")
    assert (await app.records.erase(ANN, set(), 0))["core_jobs"] == 1
    assert [row.id for row in await app.jobs.find()] == [3, 2]


async def test_a_plugin_that_is_off_loses_its_rows(
    app: App, settings_factory: SettingsFactory, database_url: str
) -> None:
    await of_all(
        app.db.execute(
            "INSERT INTO files_tags (scope, file_id, name) VALUES ($1, 1, 'tax')", f"u:{ANN}"
        )
    )
    off = settings_factory(database__url=database_url, **only("storage"))
    async with App(off, "session").session() as other:
        names = [table.name for table in await other.records.counts(ANN)]
        assert names == ["files_tags"]
        loaded = {plugin.id for plugin in other.plugins}
        assert await other.records.erase(ANN, loaded, 0) == {"files_tags": 1}


async def test_rows_that_are_too_old_go(app: App) -> None:
    now = time.time()
    for days in (1, 6, 20, 40):
        await of_all(
            app.db.execute(
                "INSERT INTO search_results (scope, person_id, query, results, created_at)"
                " VALUES ($1, $2, 'q', '{}', $3)",
                f"u:{ANN}",
                days,
                now - days * DAY,
            )
        )
    ages = {age.table.name: age for age in await app.records.ages({})}
    assert (ages["search_results"].keep_days, ages["search_results"].due) == (7, 2)
    assert ages["search_results"].oldest == pytest.approx(40, abs=0.1)
    assert ages["files_telegram_files"].oldest is None
    assert await app.records.expire({"search_results": 30}) == {"search_results": 1}
    assert await app.records.expire({}) == {"search_results": 1}
    assert await app.records.expire({"search_results": 0}) == {}
    rows = await of_all(app.db.fetch("SELECT person_id FROM search_results ORDER BY person_id"))
    assert [row["person_id"] for row in rows] == [1, 6]


async def test_rows_of_an_export_come_back_once(app: App) -> None:
    await app.people.get(ANN, "en", "Ann")
    [people] = await app.records.counts(ANN)
    [rows] = [page async for page in app.records.rows(people, ANN)]
    assert await app.records.restore(people, rows) == 0
    await app.db.execute("DELETE FROM people")
    assert await app.records.restore(people, rows) == 1
    assert [page async for page in app.records.rows(people, ANN)] == [rows]


async def test_words_are_found_wherever_they_stand(app: App) -> None:
    await app.people.get(BEN, "en", "Ben of the canary_bird")
    (app.settings.data_dir / "note.txt").write_text(f"u:{ANN} was here")
    found = await app.records.leftovers(ANN, ["canary_bird"])
    assert "people.name: 1 × canary_bird" in found
    assert "file note.txt" in found
    assert not [one for one in found if "canaryXbird" in one]


async def test_copies_in_redis_go(
    settings_factory: SettingsFactory, sqlite_url: str, redis_url: str
) -> None:
    settings = settings_factory(database__url=sqlite_url, redis__url=redis_url, **only())
    async with App(settings, "session").session() as app:
        for key in (f"results:u:{ANN}:a", "other", f"results:u:{BEN}:a"):
            await app.cache.namespaced("search").set(key, f"by {ANN}" if key == "other" else 1)
        assert len(await app.records.leftovers(ANN)) == 2
        assert await app.records.erase_copies(ANN) == 2
        assert await app.records.leftovers(ANN) == []
        client = Redis.from_url(redis_url)
        assert len(await client.keys("*")) == 1
        await client.aclose()
