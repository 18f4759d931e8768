"""After an erasure nothing of a person is left, anywhere; an export imports again equal; no error
shows a token; what was forged, is stale or comes twice is refused.

Two people leave canaries in texts, names, captions, tags and queries, in their own archives and in
a group's. One is erased by the button, while bot and worker are processes of their own. Then
everything is searched raw: all tables, the bytes of SQLite's files, Redis, blobs, the data folder
and the logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from core import config
from core.db import database
from core.db.database import Database
from core.db.scope import SYSTEM
from playground.client import Person
from plugins.privacy.archive import Reader, reading
from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    Worker,
    bot_environment,
    clean_environment,
)

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(420)]


@dataclass
class Deployment:
    """Processes, and all the places in which they keep something."""

    folder: Path
    database_url: str
    redis_url: str
    env: dict[str, str]
    processes: list[Bot] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    async def launch(self, kind: type[Bot]) -> None:
        process = kind(self.folder / f"{kind.__name__}.log")
        process.env = self.env | {"PLUGRAM_WEB__PORT": str(process.port)}
        self.processes.append(process)
        await asyncio.to_thread(process.start, timeout=150)

    async def plugram(self, *args: str, ok: bool = True) -> str:
        """A command of an operator; what it prints."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "core", *args],
            cwd=ROOT,
            env=clean_environment() | self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == ok, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        settings = config.load(env=self.env, root=self.folder)
        async with database.build(settings) as opened:
            yield opened


@pytest.fixture
def places(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    playground: PlaygroundProcess,
    database_url: str,
) -> Iterator[Deployment]:
    redis = database_url.startswith("postgres")
    redis_url = request.getfixturevalue("redis_url") if redis else ""
    made = _deployment(tmp_path / "a", playground, database_url, redis_url)
    yield made
    for process in made.processes:
        process.terminate()


def _deployment(
    folder: Path, playground: PlaygroundProcess, database_url: str, redis_url: str
) -> Deployment:
    (folder / "data").mkdir(parents=True)
    if database_url.startswith("sqlite"):
        database_url = f"sqlite:///{folder / 'data' / 'plugram.db'}"
    env = bot_environment(
        playground,
        data_dir=folder / "data",
        port=0,
        database_url=database_url,
        redis_url=redis_url,
    )
    env |= {
        "PLUGRAM_OUTGOING__PER_CHAT_PER_SECOND": "30",
        "PLUGRAM_PLUGINS__FILES__EDIT_PAUSE": "0.05",
        "PLUGRAM_FEATURES__OCR": "false",
        "PLUGRAM_HOOKS__START_TIMEOUT": "60",
    }
    return Deployment(folder, database_url, redis_url, env)


# -- canaries -----------------------------------------------------------------------------------


def canaries(name: str) -> dict[str, str]:
    """What somebody leaves, by place; words that nobody else has."""
    return {
        where: f"{name}zyx{where}qwv"
        for where in ("text", "name", "caption", "tag", "query", "group", "city", "renamed")
    }


async def live(person: Person, marks: dict[str, str], group: Any, name: str) -> None:
    text = f"{marks['text']} is written here, and nowhere else. " * 20
    caption = f"{marks['caption']} #{marks['tag']}"
    await person.upload(text.encode(), name=f"{marks['name']}.txt", caption=caption)
    await person.wait_text(await person.wait_reply(contains=marks["name"]), "✅", timeout=30)
    await person.upload(b"The same for both of us. " * 40, name="shared.txt")
    await person.wait_text(await person.wait_reply(contains="shared"), "✅", timeout=30)
    await person.send(marks["text"])
    await person.wait_reply(contains=f"{marks['name']}.txt")
    await person.send(marks["query"])
    await person.wait_reply()
    there = group.person(name)
    await there.upload(f"{marks['group']} for the group ".encode() * 9, name=f"{name}-there.txt")
    await there.wait_text(await there.wait_reply(contains=f"{name}-there"), "✅", timeout=30)
    await person.send("/settings")
    page = await person.wait_reply()
    zone = next(
        button["text"]
        for row in page["reply_markup"]["inline_keyboard"]
        for button in row
        if "zone" in button["callback_data"]
    )
    await person.click(page, zone)
    await person.wait_text(page, "")
    await person.send(marks["city"])
    await person.wait_reply()


async def erase(person: Person) -> str:
    """By the button; the text of the receipt."""
    await person.send("/mydata")
    page = await person.wait_reply(contains="Your data")
    await person.click(page, "🗑 Erase…")
    await person.wait_text(page, "It can't be undone")
    await person.click(page, "Yes, erase everything")
    message = await person.wait_reply(contains="Receipt:", timeout=60)
    return str(message["text"])


# -- looked at raw --------------------------------------------------------------------------------


async def everything(places: Deployment) -> dict[str, str]:
    """Where something is kept → all of it, as text."""
    found = {f"log {process.log.name}": process.logs() for process in places.processes}
    async with places.database() as db:
        for table in await _tables(db):
            rows = await db.fetch(f"SELECT * FROM {table}")
            found[f"table {table}"] = " ".join(_shown(v) for row in rows for v in row.values())
    if places.redis_url:
        client = Redis.from_url(places.redis_url)
        async for key in client.scan_iter():
            found[f"Redis {key.decode()}"] = f"{key!r} {await _value(client, key)}"
        await client.aclose()
    for path in places.data_dir.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(places.data_dir))
            found[f"file {name}"] = f"{name} {path.read_bytes().decode('utf-8', 'replace')}"
    return found


async def _tables(db: Database) -> Sequence[str]:
    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if db.dialect == "sqlite"
        else "SELECT relname AS name FROM pg_class WHERE relnamespace ="
        " current_schema()::regnamespace AND relkind IN ('r', 'p')"
    )
    return [row["name"] for row in await db.fetch(sql)]


def _shown(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    with contextlib.suppress(zlib.error):
        value = zlib.decompress(value)
    return str(value, "utf-8", "replace")


async def _value(client: Any, key: bytes) -> str:
    kind = (await client.type(key)).decode()
    reads = {
        "string": lambda: client.get(key),
        "hash": lambda: client.hgetall(key),
        "list": lambda: client.lrange(key, 0, -1),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1),
    }
    return str(await reads[kind]()) if kind in reads else ""


async def hits(places: Deployment, words: Sequence[str]) -> list[str]:
    """Places in which any of the words stands."""
    found = await everything(places)
    return [f"{where}: {word}" for where, text in found.items() for word in words if word in text]


async def settled(places: Deployment, words: Sequence[str]) -> list[str]:
    """The same once what lives for seconds (the limiter's debts) has ended."""
    left: list[str] = []
    for _ in range(20):
        left = await hits(places, words)
        if not left:
            return left
        await asyncio.sleep(0.5)
    return left


async def test_nothing_is_left_of_somebody_who_was_erased(
    places: Deployment, playground: PlaygroundProcess
) -> None:
    await places.launch(Bot)
    if places.redis_url:
        await places.launch(Worker)
    ann, boris = (playground.client.user(name) for name in ("ann", "boris"))
    await playground.client.configure_bot(reads_all_group_messages=True)
    group = await playground.client.group("Choir", members=[ann, boris])
    marks = {name: canaries(name) for name in ("ann", "boris")}
    for person in (ann, boris):
        await live(person, marks[person.name], group, person.name)
    async with places.database() as db:
        rows = await db.fetch("SELECT id, username FROM people")
        ids = {row["username"]: str(row["id"]) for row in rows}
    theirs = [*marks["ann"].values(), ids["ann"]]
    planted = await hits(places, theirs)
    assert len(planted) >= 15, planted
    receipt = await erase(ann)
    assert "found nothing of you" in receipt

    # Logs name people by their numbers, and nothing of what they said.
    in_logs = [hit for hit in await settled(places, theirs) if not hit.startswith("log ")]
    assert in_logs == []
    assert [hit for hit in await hits(places, [*marks["ann"].values()]) if "log" in hit] == []
    code = receipt.split("Receipt: ")[1].split()[0]
    assert "Nothing is left" in await places.plugram("privacy", "verify", code)
    assert "left:" in await places.plugram("privacy", "verify", ids["boris"], ok=False)

    await boris.send(marks["boris"]["text"])
    await boris.wait_reply(contains=f"{marks['boris']['name']}.txt")
    await boris.send("the same for both of us")
    await boris.wait_reply(contains="shared.txt")
    told = await places.plugram("files", "verify")
    assert "Everything agrees" in told


# -- an export imports again equal ----------------------------------------------------------------

_OWN = {"id", "updated_at", "part", "parts", "batch_id"}
"""Columns of a file that are its deployment's."""


def comparable(archive: Reader, user_id: str) -> dict[str, Any]:
    """What must be equal before and after: of the person's own archive, without numbers of rows."""
    files = {
        row["id"]: row
        for row in archive.rows("files_telegram_files")
        if row["scope"] == f"u:{user_id}" and row["duplicate_of"] is None
    }
    sums = {row["id"]: row["sha256"] for row in files.values()}
    bytes_ = {one["about"]["id"]: one for one in archive.files()}
    return {
        "people": archive.rows("people"),
        "preferences": archive.rows("preferences"),
        "files": {
            row["sha256"]: {name: value for name, value in row.items() if name not in _OWN}
            for row in files.values()
        },
        "tags": sorted(
            (sums[row["file_id"]], row["name"])
            for row in archive.rows("files_tags")
            if row["file_id"] in sums
        ),
        "documents": {
            sums[row["file_id"]]: {k: v for k, v in row.items() if k != "file_id"}
            for row in archive.rows("files_documents")
            if row["file_id"] in sums
        },
        "bytes": {sums[id_]: one["sha256"] for id_, one in bytes_.items() if id_ in sums},
    }


async def exported(places: Deployment, user_id: str) -> dict[str, Any]:
    folder = places.folder / "export"
    folder.mkdir()
    await places.plugram("privacy", "export", user_id, "--to", str(folder))
    with reading(sorted(folder.iterdir())) as archive:
        assert archive.damaged() == []
        return comparable(archive, user_id)


async def test_an_export_imports_again_equal(
    request: pytest.FixtureRequest,
    places: Deployment,
    playground: PlaygroundProcess,
    tmp_path: Path,
) -> None:
    await places.launch(Bot)
    if places.redis_url:
        await places.launch(Worker)
    ann = playground.client.user("ann")
    await playground.client.configure_bot(reads_all_group_messages=True)
    group = await playground.client.group("Choir", members=[ann])
    await live(ann, canaries("ann"), group, "ann")
    await ann.send("/settings")
    page = await ann.wait_reply()
    await ann.click(page, "menu:open:zone")
    zones = await ann.wait_edit(page)
    buttons = [one for row in zones["reply_markup"]["inline_keyboard"] for one in row]
    east = next(one for one in buttons if one["callback_data"].startswith("menu:zone:Etc/GMT-3"))
    await ann.click(page, east["callback_data"])
    await ann.wait_edit(page)
    async with places.database() as db:
        user_id = str(await db.fetchval("SELECT id FROM people WHERE timezone <> ''"))
    before = await exported(places, user_id)
    assert len(before["files"]) == 2
    assert before["tags"]
    for process in places.processes:
        await asyncio.to_thread(process.terminate)

    url = places.database_url
    if url.startswith("postgres"):
        url = request.getfixturevalue("postgres").create()
    other = _deployment(tmp_path / "b", playground, url, "")
    archive = next((places.folder / "export").iterdir())
    for _ in range(2):  # twice brings nothing twice
        await other.plugram("privacy", "import", str(archive))
    await other.launch(Worker)
    try:
        await _searchable(other, 2)
        after = await exported(other, user_id)
    finally:
        await asyncio.to_thread(other.processes[0].terminate)
    assert after == before
    assert "Everything agrees" in await other.plugram("files", "verify")


async def _searchable(places: Deployment, number: int) -> None:
    async with places.database() as db, asyncio.timeout(60):
        found = 0
        while found < number:
            await asyncio.sleep(0.2)
            async with db.transaction(SYSTEM):
                found = await db.fetchval(
                    "SELECT count(*) AS n FROM files_telegram_files WHERE stage = 4"
                )
