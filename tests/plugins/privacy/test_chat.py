"""/mydata as people live through it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from core.app import App
from playground.client import Person
from plugins.privacy import views
from plugins.privacy.archive import reading
from plugram import SYSTEM, scoped
from tests.plugins.privacy.conftest import privacy_of, sent, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]  # some live whole lives

CANARY = "The quetzalcoatlus sings at dawn. "


async def export_of(app: App, person: Person, folder: Path) -> Path:
    """What somebody gets who asks for their data."""
    await person.send("/mydata")
    page = await person.wait_reply(contains="Your data")
    await person.click(page, "📦 Export")
    message = await person.wait_reply(where=lambda one: "document" in one, timeout=60)
    await person.wait_text(page, "Here is your data")
    path = folder / str(message["document"]["file_name"])
    await app.telegram.download(message["document"]["file_id"], path)
    return path


async def erase(person: Person) -> dict[str, Any]:
    """The receipt."""
    await person.send("/mydata")
    page = await person.wait_reply(contains="Your data")
    await person.click(page, "🗑 Erase…")
    await person.wait_text(page, "It can't be undone")
    await person.click(page, "Yes, erase everything")
    return await person.wait_reply(contains="Receipt:", timeout=60)


async def test_somebody_gets_all_that_is_kept_of_them(
    app: App, ann: Person, boris: Person, tmp_path: Path
) -> None:
    await sent(ann, CANARY.encode() * 20, "canary.txt", caption="mine #bird")
    await sent(ann, b"other words", "canary.txt")
    await sent(boris, b"of Boris", "boris.txt")
    await ann.send("quetzalcoatlus")
    await ann.wait_reply(contains="canary.txt")
    path = await export_of(app, ann, tmp_path)
    with reading([path]) as archive:
        assert archive.damaged() == []
        names = [str(one["path"]) for one in archive.files()]
        assert names == ["files/documents/canary.txt", "files/documents/canary (2).txt"]
        assert b"".join([c async for c in archive.open(names[0])]) == CANARY.encode() * 20
        [first, second] = archive.rows("files_telegram_files")
        assert (first["caption"], second["caption"]) == ("mine #bird", "")
        assert [tag["name"] for tag in archive.rows("files_tags")] == ["bird"]
        assert [row["query"] for row in archive.rows("search_results")] == ["quetzalcoatlus"]
        assert [row["name"] for row in archive.rows("people")] == ["Ann Miller"]
    text = path.read_bytes()
    assert b"boris" not in text.lower()
    work = privacy_of(app).ctx.folder() / "work"
    assert list(work.iterdir()) == []


async def test_somebody_is_erased_and_nobody_else(app: App, ann: Person, boris: Person) -> None:
    same = b"Both have these bytes. " * 30
    for person in (ann, boris):
        await sent(person, same, "shared.txt")
        await sent(person, f"{CANARY}{person.name}".encode(), f"of-{person.name}.txt")
        await person.send("quetzalcoatlus")
        await person.wait_reply(contains=f"of-{person.name}.txt")
    privacy = privacy_of(app)
    [ann_id, boris_id] = await ids(app)
    before = await of_plugins(app, boris_id)
    receipt = await erase(ann)
    assert "Files: 2" in receipt["text"]
    assert "found nothing of you" in receipt["text"]
    assert await privacy.leftovers(ann_id, ["of-ann", "singsann"]) == []
    assert await of_plugins(app, boris_id) == before
    await boris.send("both bytes")
    await boris.wait_reply(contains="shared.txt")
    # Whoever was erased may come back, as somebody new.
    await ann.send("/mydata")
    again = await ann.wait_reply(contains="Your data")
    assert "none of them a file" in again["text"]


async def of_plugins(app: App, user_id: int) -> dict[str, int]:
    """Rows of somebody; what the host notes of their last minutes comes a moment later."""
    kept = await privacy_of(app).kept(user_id)
    return {table.name: n for table, n in kept.tables.items() if table.plugin_id != "core"}


async def ids(app: App) -> list[int]:
    rows = await app.db.fetch("SELECT id FROM people ORDER BY name")
    return [row["id"] for row in rows]


async def test_what_is_sent_to_a_group_goes_too_unless_somebody_else_sent_it(
    app: App, ann: Person, boris: Person
) -> None:
    await ann.playground.configure_bot(reads_all_group_messages=True)
    group = await ann.playground.group("Choir", members=[ann, boris])
    ann_there, boris_there = group.person("ann"), group.person("boris")
    await ann_there.upload(b"Only Ann's notes " * 9, name="alto.txt")
    told = await ann_there.wait_reply(contains="alto.txt", timeout=40)
    await ann_there.wait_text(told, "✅", timeout=60)
    await ann_there.upload(b"Notes for all " * 9, name="score-of-ann.txt", caption="#from_ann")
    await ann_there.wait_text(
        await ann_there.wait_reply(contains="score-of-ann", timeout=40), "✅", timeout=60
    )
    await boris_there.upload(b"Notes for all " * 9, name="score-of-boris.txt", caption="#choir")

    async def duplicated() -> bool:
        with scoped(SYSTEM):
            return bool(
                await app.db.fetchval(
                    "SELECT count(*) AS n FROM files_telegram_files WHERE duplicate_of IS NOT NULL"
                )
            )

    await until(duplicated)
    await ann.send("/start")
    await ann.wait_reply()
    await erase(ann)
    with scoped(SYSTEM):
        rows = await app.db.fetch("SELECT name, caption, scope FROM files_telegram_files")
        tags = await app.db.fetch("SELECT name FROM files_tags")
    assert [(row["name"], row["caption"]) for row in rows] == [("score-of-boris.txt", "#choir")]
    assert {row["name"] for row in tags} == {"choir"}


async def test_the_button_is_for_one_person_and_a_few_minutes(app: App, ann: Person) -> None:
    await ann.send("/mydata")
    page = await ann.wait_reply(contains="Your data")
    [ann_id] = await ids(app)
    for who, until_, said in (
        (ann_id + 1, int(time.time()) + 60, "isn't your button"),
        (ann_id, int(time.time()) - 1, "only good for a few minutes"),
        (ann_id, int(time.time()) + 10**6, "only good for a few minutes"),
    ):
        data = f"privacy:erase:{who}:{until_}"
        assert data == views.Erase(who=who, until=until_).pack()
        await app.telegram.edit(
            page["chat"]["id"], page["message_id"], f"{said}?", [[_button(who, until_)]]
        )
        await ann.wait_text(page, f"{said}?")
        answer = await ann.click(page, "go", wait=5)
        assert answer is not None
        assert said in answer["text"]
        if who == ann_id:
            await ann.wait_text(page, "You can have all of it")
    assert await privacy_of(app).receipts.newest(5) == []


def _button(who: int, until_: int) -> Any:
    from plugram import Button

    return Button("go", views.Erase(who=who, until=until_))


async def test_keeping_it_leads_back(app: App, ann: Person) -> None:
    await ann.send("/mydata")
    page = await ann.wait_reply(contains="Your data")
    await ann.click(page, "🗑 Erase…")
    await ann.wait_text(page, "It can't be undone")
    await ann.click(page, "‹ No, keep it")
    await ann.wait_text(page, "You can have all of it")
