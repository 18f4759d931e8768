"""Changes of stored files: told at least once, with the newest state, and gone without a trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.app import App
from core.config import Settings
from core.db.scope import scoped
from playground.client import Person
from plugins.files import extractions, repository
from plugins.files.models import (
    Blob,
    CachedExtraction,
    Document,
    Tag,
    TelegramFile,
    UserStatistics,
)
from plugins.files.service import Files
from plugins.files.verify import Finding, Verifier
from plugram import (
    SYSTEM,
    BlobStore,
    Extraction,
    FileLibrary,
    HookError,
    Retry,
    Scope,
    Section,
    UserError,
)
from tests.plugins.documents.samples import pdf
from tests.plugins.files.conftest import ears, files_of, row, until
from tests.plugins.files.test_service import admitted, incoming
from tests.support.host import only
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all

JPEG = b"\xff\xd8\xff" + bytes(64)


@pytest.fixture
def files(idle: App) -> Files:
    return files_of(idle)


async def kept(files: Files, ann: Person, content: bytes = b"some words", **fields: Any) -> Any:
    """A file that was stored and read, as its row."""
    file = await admitted(files, await incoming(ann, content, **fields))
    await files.store(Scope(file.scope), file.id)
    await files.process(Scope(file.scope), file.id)
    return await fresh(file)


async def fresh(file: TelegramFile) -> TelegramFile:
    found = await repository.get(SYSTEM, file.id)
    assert found is not None
    return found


async def run(idle: App, files: Files, name: str) -> int:
    """Do the waiting jobs of a name as a worker would; how many there were."""
    jobs = await idle.jobs.find(name=f"files.{name}", state="queued")
    for job in reversed(jobs):
        args = dict(job.args)
        await getattr(files.keeper, name)(Scope(args.pop("scope")), **args)
        await idle.jobs.cancel(job.id)
    return len(jobs)


async def faults(files: Files, *, fix: bool = False, deep: bool = False) -> list[Finding]:
    async def told(what: str, seen: int) -> None: ...

    verifier = Verifier(files.ctx, files.keeper, fix=fix, deep=deep)
    return [finding async for finding in verifier.run(told)]


def blobs(app: App) -> list[Path]:
    folder = app.settings.data_dir / "storage" / "blobs"
    return [path for path in folder.rglob("*") if path.is_file()]


# -- told -----------------------------------------------------------------------------------------


async def test_a_change_and_its_news_come_together(idle: App, files: Files, ann: Person) -> None:
    file = await kept(files, ann)
    await files.rename(Scope(file.scope), file, "b.txt")
    await files.keeper.tag(Scope(file.scope), file.id, ["tax", "car"])
    assert ears(idle).news == []
    assert await run(idle, files, "tell") == 2
    what, heard = ears(idle).news[-1]
    assert (what, heard.name, heard.tags) == ("changed", "b.txt", ("car", "tax"))


async def test_a_deaf_listener_hears_it_later(idle: App, files: Files, ann: Person) -> None:
    file = await kept(files, ann)
    await files.keeper.trash(Scope(file.scope), [file.id], by=1)
    ears(idle).deaf = True
    with pytest.raises(HookError):
        await run(idle, files, "tell")
    ears(idle).deaf = False
    await run(idle, files, "tell")
    assert [what for what, _ in ears(idle).news] == ["trashed"]


async def test_what_changes_while_it_is_told_is_told_again(
    idle: App, files: Files, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is last to tell tells the newest state."""
    file = await kept(files, ann)
    scope = Scope(file.scope)
    await files.keeper.trash(scope, [file.id], by=1)
    deliver = type(files.ctx.hooks).deliver

    async def restored_meanwhile(hooks: Any, *args: Any, **given: Any) -> Any:
        monkeypatch.undo()
        told = await deliver(hooks, *args, **given)
        await files.keeper.restore(scope, [file.id])
        return told

    monkeypatch.setattr(type(files.ctx.hooks), "deliver", restored_meanwhile)
    await files.keeper.tell(scope, file.id, "trash")
    assert [what for what, _ in ears(idle).news] == ["trashed", "restored"]


async def test_a_file_trashed_while_it_is_read_stays_hidden(
    idle: App, files: Files, ann: Person
) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.store(scope, file.id)
    await files.keeper.trash(scope, [file.id], by=1)
    await files.process(scope, file.id)
    assert len(ears(idle).processed) == 1
    assert [what for what, _ in ears(idle).news] == ["trashed"]


async def test_the_trash_is_out_of_sight(idle: App, files: Files, ann: Person) -> None:
    file = await kept(files, ann)
    scope, library = Scope(file.scope), files.ctx.require(FileLibrary)
    assert await files.keeper.trash(Scope.user(1), [file.id], by=1) == 0  # somebody else's
    assert await files.keeper.trash(scope, [file.id], by=1) == 1
    assert await files.keeper.trash(scope, [file.id], by=1) == 0
    assert (await library.get(scope, file.id), await library.count(scope)) == (None, 0)
    with pytest.raises(UserError):
        await library.send(scope, file.id, file.chat_id)
    assert await files.keeper.restore(scope, [file.id]) == 1
    assert await library.get(scope, file.id) is not None


# -- read once ------------------------------------------------------------------------------------


async def test_equal_bytes_are_read_once(
    idle: App, files: Files, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    sandboxed = type(files.ctx.sandbox).run

    async def counted(sandbox: Any, processor: Any, *args: Any, **given: Any) -> Any:
        runs.append(processor.name)
        return await sandboxed(sandbox, processor, *args, **given)

    monkeypatch.setattr(type(files.ctx.sandbox), "run", counted)
    file = await kept(files, ann)
    await files.process(Scope(file.scope), file.id)  # a job that is repeated
    item = await incoming(ann)
    other = Scope("c:-5")  # another archive
    await files.receive(item, other, files.ctx.translate("en"))
    (again,) = await repository.newest(other, 1)
    await files.store(other, again.id)
    await files.process(other, again.id)
    assert len(runs) == 1
    assert ears(idle).processed[-1][1].sections[0].text == "some words"
    await files.reprocess(await fresh(file))
    await files.process(Scope(file.scope), file.id)
    assert len(runs) == 2


async def test_a_cache_gives_back_what_it_was_given(files: Files, ann: Person) -> None:
    file = await kept(files, ann)
    content = Extraction(
        [Section("half \ud83d of it", {"page": 3}, "Chapter")], {"pages": 3}, "en", ("no-text",)
    )
    packed = await extractions.pack(content)
    assert packed is not None
    await extractions.keep(file.sha256, "readers", packed)
    assert await extractions.find(file.sha256, "readers") == content
    assert await extractions.find(file.sha256, "others") is None
    await extractions.keep("0" * 64, "readers", packed)  # whose bytes nobody has
    assert await CachedExtraction.all().count() == 1


# -- gone for good --------------------------------------------------------------------------------


async def test_bytes_stay_as_long_as_somebody_has_them(
    idle: App, files: Files, ann: Person
) -> None:
    file = await kept(files, ann)
    other = Scope("c:-5")
    await files.receive(await incoming(ann), other, files.ctx.translate("en"))
    (second,) = await repository.newest(other, 1)
    await files.store(other, second.id)
    await files._keep_thumbnail(file, JPEG)
    assert len(blobs(idle)) == 2
    await files.keeper.purge(Scope(file.scope), [file.id])
    await run(idle, files, "erase")
    assert (await Blob.get()).refcount == 1
    assert len(blobs(idle)) == 2
    assert await CachedExtraction.all().count() == 1
    assert await files.ctx.require(FileLibrary).get(other, second.id) is not None
    await files.keeper.purge(other, [second.id])
    await run(idle, files, "erase")
    assert blobs(idle) == []
    for model in (TelegramFile, Blob, CachedExtraction, Tag, Document):
        assert await of_all(model.all().count()) == 0
    assert [(one.files, one.bytes) for one in await of_all(UserStatistics.all())] == [
        (0, 0),
        (0, 0),
    ]
    ears(idle).news.clear()  # which keeps what it heard
    assert await faults(files) == []


async def test_a_deletion_goes_on_where_it_stopped(
    idle: App, files: Files, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await kept(files, ann)
    scope = Scope(file.scope)
    await files.keeper.purge(scope, [file.id])
    assert await files.keeper.restore(scope, [file.id]) == 0
    store = type(files.ctx.require(BlobStore))

    async def power_cut(store: Any, key: str) -> None:
        raise OSError("gone")

    with monkeypatch.context() as cut:
        cut.setattr(store, "delete", power_cut)
        with pytest.raises(OSError, match="gone"):
            await run(idle, files, "erase")
    assert await of_all(TelegramFile.all().count()) == 0
    assert len(blobs(idle)) == 1
    await run(idle, files, "erase")
    assert (blobs(idle), await Blob.all().count()) == ([], 0)


async def test_nobody_reads_a_file_that_is_being_deleted(
    idle: App, files: Files, ann: Person
) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.store(scope, file.id)
    (job,) = await idle.jobs.find(name="files.process")
    await idle.db.execute("UPDATE core_jobs SET state = 'running' WHERE id = $1", job.id)
    await files.keeper.purge(scope, [file.id])
    with pytest.raises(Retry):
        await run(idle, files, "erase")
    assert ears(idle).news == []
    await files.process(scope, file.id)  # it runs on, and hands nothing on
    assert ears(idle).processed == []
    await idle.db.execute("UPDATE core_jobs SET state = 'done' WHERE id = $1", job.id)
    await run(idle, files, "erase")
    assert [what for what, _ in ears(idle).news] == ["deleted"]


async def test_a_file_deleted_before_it_is_stored(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.keeper.purge(scope, [file.id])
    await files.store(scope, file.id)
    assert await Blob.all().count() == 0
    with scoped(scope):
        await files._enqueue("process", file)  # as a job did that ended just now
        assert await repository.remove(file) is False
    await run(idle, files, "erase")
    assert await of_all(TelegramFile.all().count()) == 0


async def test_equal_bytes_that_come_while_they_are_removed(
    files: Files, ann: Person, idle: App
) -> None:
    file = await kept(files, ann)
    scope = Scope(file.scope)
    await files.keeper.purge(scope, [file.id])
    again = await admitted(files, await incoming(ann))
    assert again.id != file.id
    await run(idle, files, "erase")
    await files.store(scope, again.id)
    assert len(blobs(idle)) == 1

    await Blob.all().update(refcount=-1)  # another process is removing them right now
    third = await admitted(files, await incoming(ann, file_unique_id="third"))
    await of_all(TelegramFile.filter(id=again.id).delete())
    with pytest.raises(Retry):
        await files.store(scope, third.id)


async def test_the_trash_is_emptied_in_time(idle: App, files: Files, ann: Person) -> None:
    file = await kept(files, ann)
    await files.keeper.trash(Scope(file.scope), [file.id], by=1)
    await files.keeper.tidy(30)
    assert (await fresh(file)).deleting is False
    await files.keeper.tidy(0)
    assert (await fresh(file)).deleting is True


# -- verified -------------------------------------------------------------------------------------


async def test_the_verifier_finds_and_mends(idle: App, files: Files, ann: Person) -> None:
    file = await kept(files, ann)
    other = await kept(files, ann, b"other words", name="b.txt")
    lost = await kept(files, ann, b"lost words", name="c.txt")
    assert await faults(files, deep=True) == []

    store = idle.settings.data_dir / "storage" / "blobs"
    stray = store / "documents" / "ab" / ("ab" * 32)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"nobody's")
    os.utime(stray, (1, 1))
    (store / lost.blob_key).unlink()
    await Blob.filter(sha256=file.sha256).update(refcount=7, thumbnail="thumbnails/ab/x.jpg")
    await of_all(UserStatistics.all().update(files=9))
    await of_all(Tag.create(scope=file.scope, file_id=999, name="stray"))
    await of_all(Document.create(file_id=999, scope=file.scope))
    ears(idle).news.append(("changed", type("File", (), {"id": 999})))

    found = {finding.text for finding in await faults(files)}
    assert found == {
        f"{stray.relative_to(store).as_posix()} is nobody's",
        f"{lost.blob_key} isn't there",
        f"{file.blob_key} is counted 7 times, 1 files have it",
        "thumbnails/ab/x.jpg isn't there",
        f"statistics of user {file.sender_id} in {file.scope} about documents: "
        f"3 files, {file.size + other.size + lost.size} bytes it is",
        "files_documents: 1 rows of what isn't any more",
        "files_tags: 1 rows of what isn't any more",
        "ears: file 999",
    }
    mended = await faults(files, fix=True)
    assert {one.text for one in mended if not one.fixed} == {
        f"{lost.blob_key} isn't there",
        "ears: file 999",
    }
    ears(idle).news.clear()
    assert [one.text for one in await faults(files)] == [f"{lost.blob_key} isn't there"]
    assert (await fresh(lost)).problem == "lost-bytes"

    (store / other.blob_key).write_bytes(b"other wordz")
    (damaged,) = [one for one in await faults(files, deep=True) if other.blob_key in one.text]
    assert "damaged" in damaged.text


@pytest.fixture
def everything(
    tmp_path: Path,
    settings_factory: Callable[..., Settings],
    playground: PlaygroundProcess,
    database_url: str,
) -> Settings:
    return settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        database__url=database_url,
        web__enabled=False,
        plugins__files__edit_pause=0.05,
        outgoing__per_chat_per_second=30,
        **only("files", "storage", "documents", "search", "embeddings"),
    )


async def test_nothing_is_left_of_a_deleted_file(
    everything: Settings, ann: Person, tmp_path: Path
) -> None:
    """Passages, vectors, thumbnail, cached text, tags, bytes: of every table and folder."""
    async with App(everything, "all").serving() as app:
        files = files_of(app)
        before = await contents(app)
        path = pdf(tmp_path / "zanzibar.pdf", [["Zanzibar grows cloves."], ["And nutmeg."]])
        message = await ann.upload(path, caption="#zanzibar")
        await ann.wait_text(await ann.wait_reply(), "meaning", timeout=60)
        file = await row(app)
        await files._keep_thumbnail(file, JPEG)
        assert len(blobs(app)) == 2
        full = await contents(app)
        assert {"files_extractions", "files_tags", "search_passages"} <= {
            table for table in full if full[table] > before.get(table, 0)
        }
        await ann.send("#more", reply_to=message["message_id"])
        await ann.wait_reply(contains="#more")
        await files.keeper.purge(Scope(file.scope), [file.id])
        await until(lambda: _nothing_of(app))
        left = {
            table: rows
            for table, rows in (await contents(app)).items()
            if rows > before.get(table, 0) and not table.startswith(_STAYS)
        }
        assert left == {}
        assert blobs(app) == []
        assert await faults(files) == []


_STAYS = ("files_user_statistics", "search_meta", "search_words_data", "search_words_idx")
"""Counts, by now zero, how the index is written, and SQLite's own pages of a full-text index."""


async def _nothing_of(app: App) -> bool:
    return not blobs(app) and await of_all(TelegramFile.all().count()) == 0


async def contents(app: App) -> dict[str, int]:
    """How many rows each table of a plugin has."""
    if app.db.dialect == "sqlite":
        names = await app.db.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        names = await app.db.fetch(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
        )
    found = {}
    for one in names:
        table = str(one["name"])
        if table.startswith(("files_", "search_", "embeddings_")):
            found[table] = int(await of_all(app.db.fetchval(f"SELECT COUNT(*) FROM {table}")))
    return found
