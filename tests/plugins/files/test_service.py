"""What happens to files when things go wrong, or twice, or at once."""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections import namedtuple
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.timezone import now

from core.app import App
from core.config import Rollout, Settings
from playground.client import Person, text_of
from plugins.files import repository
from plugins.files.library import Library
from plugins.files.models import Blob, Stage, TelegramFile, UserStatistics
from plugins.files.service import UNHEARD, Files, Incoming
from plugins.files.status import GONE
from plugram import SYSTEM, FileLibrary, PluginError, Scope, StorageError, UserError
from tests.plugins.files.conftest import ears, files_of, until
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all


@pytest.fixture
def files(idle: App) -> Files:
    return files_of(idle)


@pytest.fixture
async def me(ann: Person) -> int:
    """Ann's id, which is that of her chat with the bot too."""
    sent = await ann.send("hello")
    return int(sent["chat"]["id"])


async def incoming(ann: Person, content: bytes = b"some words", **fields: Any) -> Incoming:
    """A file that Ann has sent, as the handler would tell of it."""
    name = fields.pop("name", "a.txt")
    sent = await ann.upload(content, name=name)
    document = sent["document"]
    known = {
        "sent_as": "document",
        "file_id": document["file_id"],
        "file_unique_id": document["file_unique_id"],
        "chat_id": sent["chat"]["id"],
        "message_id": sent["message_id"],
        "sender_id": sent["from"]["id"],
        "size": len(content),
        "name": name,
    }
    return Incoming(**(known | fields))


async def receive(files: Files, item: Incoming) -> TelegramFile | None:
    """The newest row after a message."""
    scope = Scope.chat(item.chat_id)
    await files.receive(item, scope, files.ctx.translate("en"))
    newest = await repository.newest(scope, 1)
    return newest[0] if newest else None


async def admitted(files: Files, item: Incoming) -> TelegramFile:
    file = await receive(files, item)
    assert file is not None
    return file


async def shown(files: Files, file: TelegramFile) -> str:
    """What the status message says once all is shown."""
    await files.board.settle()
    fresh = await repository.get(SYSTEM, file.id)
    assert fresh is not None
    assert fresh.shown == fresh.revision
    return await files.status_text(fresh)


async def test_a_row_and_a_job_come_together(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann, name="a.txt"))
    assert (file.stage, file.problem, file.name) == (Stage.RECEIVED, "", "a.txt")
    assert file.status_message_id is not None
    (job,) = await idle.jobs.find(name="files.store")
    assert job.args == {"scope": file.scope, "file_id": file.id}
    assert (job.user, job.chat) == (file.sender_id, file.chat_id)


async def test_zero_bytes_are_refused(files: Files, ann: Person) -> None:
    item = await incoming(ann, b"x", size=0)
    assert await receive(files, item) is None
    assert "empty" in text_of(await ann.wait_reply())


async def test_a_file_that_proves_empty_is_refused(
    files: Files, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram may not say the size."""
    file = await admitted(files, await incoming(ann, size=None))

    async def nothing(file_id: str, path: Path, *, limit: int | None = None) -> int:
        await asyncio.to_thread(path.write_bytes, b"")
        return 0

    monkeypatch.setattr(files.ctx.telegram, "download", nothing)
    await files.store(Scope(file.scope), file.id)
    assert "no bytes" in await shown(files, file)


async def test_a_file_that_proves_too_large_is_told(files: Files, ann: Person) -> None:
    content = bytes(2 << 20)
    item = await incoming(ann, content, size=None)
    object.__setattr__(files.settings, "max_mb", 1)
    file = await admitted(files, item)
    await files.store(Scope(file.scope), file.id)
    assert "larger than Telegram lets me" in await shown(files, file)
    assert await Blob.all().count() == 0


async def test_storing_twice_counts_once(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await asyncio.gather(*(files.store(scope, file.id) for _ in range(3)))
    await files.store(scope, file.id)
    assert (await Blob.get()).refcount == 1
    statistics = await of_all(UserStatistics.get())
    assert (statistics.files, statistics.bytes) == (1, len(b"some words"))
    assert len(await idle.jobs.find(name="files.process")) == 1
    assert len(ears(idle).stored) >= 1  # at least once


async def test_equal_bytes_under_another_id_are_a_duplicate(
    files: Files, ann: Person, idle: App
) -> None:
    first = await admitted(files, await incoming(ann, name="first.txt"))
    await files.store(Scope(first.scope), first.id)
    item = await incoming(ann, name="second.txt", file_unique_id="another")
    second = await admitted(files, item)
    assert second.id != first.id
    await files.store(Scope(second.scope), second.id)
    assert "already" in await shown(files, second)
    told = await ann.wait_reply(contains="Here it came first")
    assert told["reply_to_message"]["message_id"] == first.message_id
    assert (await Blob.get()).refcount == 1
    assert await repository.count(Scope(first.scope)) == 1
    assert len(await idle.jobs.find(name="files.process")) == 1
    # And by its other id it is known from now on.
    await receive(files, item)
    assert await of_all(TelegramFile.all().count()) == 2


async def test_two_equal_files_at_once_are_one(files: Files, ann: Person) -> None:
    items = [await incoming(ann, file_unique_id=f"id-{number}") for number in range(4)]
    rows = [await admitted(files, item) for item in items]
    await asyncio.gather(*(files.store(Scope(file.scope), file.id) for file in rows))
    await files.board.settle()
    assert (await Blob.get()).refcount == 1
    assert await repository.count(Scope(rows[0].scope)) == 1
    assert await of_all(TelegramFile.filter(duplicate_of=None).count()) == 1


async def test_a_full_store_waits_and_goes_on(
    files: Files, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await admitted(files, await incoming(ann))
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage(1 << 30, 1 << 30, 0))
        with pytest.raises(StorageError):
            await files.store(Scope(file.scope), file.id)
        assert "keep trying" in await shown(files, file)
    await files.store(Scope(file.scope), file.id)
    assert "Saved" in await shown(files, file)
    assert (await row_of(file)).problem == ""


async def test_a_full_disk_of_work_files_waits_too(
    files: Files, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await admitted(files, await incoming(ann))

    async def full(file_id: str, path: Path, *, limit: int | None = None) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files.ctx.telegram, "download", full)
        with pytest.raises(StorageError, match="No space left"):
            await files.store(Scope(file.scope), file.id)
        assert "keep trying" in await shown(files, file)
    await files.store(Scope(file.scope), file.id)
    assert (await row_of(file)).stage == Stage.STORED


async def test_no_work_file_is_left(files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    await files.store(Scope(file.scope), file.id)
    await files.process(Scope(file.scope), file.id)
    assert list((files.ctx.data_dir / "work").iterdir()) == []


async def test_a_job_that_was_given_up_is_told(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    (job,) = await idle.jobs.find(name="files.store")
    await files.mark_dead(job.id, job.name)
    assert "Send it again later" in await shown(files, file)
    again = await admitted(files, await incoming(ann))
    assert again.id == file.id  # a new try of the same row
    assert again.problem == ""


async def test_a_reader_that_was_given_up_is_told(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    await files.store(Scope(file.scope), file.id)
    (job,) = await idle.jobs.find(name="files.process")
    await files.mark_dead(job.id, job.name)
    text = await shown(files, file)
    assert "The file itself is safe" in text


async def test_jobs_of_others_are_not_ours(idle: App, files: Files) -> None:
    job = await idle.jobs.enqueue("other.job", {})
    await files.mark_dead(job, "other.job")
    await files.mark_dead(12345, "files.store")


async def test_a_deaf_listener_makes_the_job_fail(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.store(scope, file.id)
    ears(idle).deaf = True
    with pytest.raises(PluginError):
        await files.process(scope, file.id)
    ears(idle).deaf = False
    await files.process(scope, file.id)
    assert len(ears(idle).processed) == 1
    assert "Searchable by its words" in await shown(files, file)


async def test_lost_bytes_are_told(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    await files.store(Scope(file.scope), file.id)
    blobs = idle.settings.data_dir / "storage" / "blobs"
    (blobs / (await row_of(file)).blob_key).unlink()
    await files.process(Scope(file.scope), file.id)
    assert "My copy of it is lost" in await shown(files, file)


async def test_a_file_whose_bytes_were_lost_may_be_sent_again(
    idle: App, files: Files, ann: Person
) -> None:
    file = await kept(files, ann)
    (idle.settings.data_dir / "storage" / "blobs" / file.blob_key).unlink()
    await files.process(Scope(file.scope), file.id)
    again = await admitted(files, await incoming(ann))
    assert (again.id, again.stage) == (file.id, Stage.RECEIVED)
    await files.store(Scope(file.scope), file.id)
    await files.process(Scope(file.scope), file.id)
    assert "Searchable by its words" in await shown(files, file)
    assert (await Blob.get()).refcount == 1
    assert (await of_all(UserStatistics.get())).files == 1


async def test_a_file_is_taken_even_when_the_answer_fails(
    files: Files, ann: Person, playground: PlaygroundProcess
) -> None:
    item = await incoming(ann)
    await playground.client.fault("error", "sendMessage", times=2, code=500)
    file = await admitted(files, item)
    assert file.status_message_id is None
    await files.board.settle()  # the message comes when Telegram takes it
    told = await ann.wait_reply(contains="Received")
    assert told["reply_to_message"]["message_id"] == item.message_id
    await files.store(Scope(file.scope), file.id)
    await files.board.settle()
    await ann.wait_text(told, "Saved")


async def test_somebody_who_blocked_the_bot_keeps_their_file(
    files: Files, ann: Person, playground: PlaygroundProcess
) -> None:
    item = await incoming(ann)
    await ann.block()
    file = await admitted(files, item)
    await files.store(Scope(file.scope), file.id)
    await files.board.settle()
    fresh = await row_of(file)
    assert (fresh.stage, fresh.status_message_id) == (Stage.STORED, GONE)


async def test_a_later_word_never_takes_the_status_back(files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.mark_searchable(scope, file.id, meaning=True)
    assert (await row_of(file)).stage == Stage.RECEIVED  # nothing is stored yet
    await files.store(scope, file.id)
    await files.process(scope, file.id)
    await files.mark_searchable(scope, file.id, meaning=True)
    await files.mark_searchable(scope, file.id, meaning=False)
    assert "its words and its meaning" in await shown(files, file)
    await files.mark_searchable(Scope.user(1), file.id, meaning=True)  # another's: nothing


async def test_an_operator_may_have_a_file_read_anew(idle: App, files: Files, ann: Person) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.store(scope, file.id)
    await files.process(scope, file.id)
    await shown(files, file)
    await files.reprocess(await row_of(file))
    assert len(await idle.jobs.find(name="files.process", state="queued")) == 2
    assert (await row_of(file)).stage == Stage.STORED
    await files.process(scope, file.id)
    assert "Searchable by its words" in await shown(files, file)
    assert len(ears(idle).processed) == 2
    assert (await Blob.get()).refcount == 1


async def test_a_stopping_process_shows_what_it_can(
    files: Files, ann: Person, playground: PlaygroundProcess
) -> None:
    file = await admitted(files, await incoming(ann))
    await files.store(Scope(file.scope), file.id)
    await files.board.stop()
    assert len(await playground.client.calls("editMessageText")) == 1
    assert (await row_of(file)).shown == (await row_of(file)).revision


async def test_what_a_crash_left_behind_is_caught_up(
    files: Files, ann: Person, playground: PlaygroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await admitted(files, await incoming(ann))
    with monkeypatch.context() as dying:  # as if the process had died before the edit
        dying.setattr(files.board, "touch", lambda chat_id, file_id: None)
        await files.store(Scope(file.scope), file.id)
    assert (await row_of(file)).shown < (await row_of(file)).revision
    await files.catch_up()  # too early: somebody may be at it
    assert await playground.client.calls("editMessageText") == []
    from datetime import timedelta

    from tortoise.timezone import now

    await of_all(TelegramFile.filter(id=file.id).update(updated_at=now() - timedelta(minutes=1)))
    await files.catch_up()
    assert "Saved. Reading" in await shown(files, file)


async def test_a_deleted_status_message_is_given_up(
    files: Files, ann: Person, playground: PlaygroundProcess
) -> None:
    file = await admitted(files, await incoming(ann))
    assert file.status_message_id is not None
    await ann.delete(file.status_message_id)
    await files.store(Scope(file.scope), file.id)
    await files.board.settle()
    assert (await row_of(file)).status_message_id == GONE
    await files.process(Scope(file.scope), file.id)
    await files.board.settle()
    assert len(await playground.client.calls("editMessageText")) == 1


async def test_an_edit_that_fails_is_tried_again(
    files: Files, ann: Person, playground: PlaygroundProcess
) -> None:
    file = await admitted(files, await incoming(ann))
    await playground.client.fault("error", "editMessageText", times=3, code=500)
    await files.store(Scope(file.scope), file.id)
    assert "Saved" in await shown(files, file)
    message = await ann.wait_text(file.status_message_id or 0, "Saved")
    assert message


async def test_changes_that_come_fast_are_shown_together(
    files: Files, ann: Person, playground: PlaygroundProcess
) -> None:
    file = await admitted(files, await incoming(ann))
    scope = Scope(file.scope)
    await files.store(scope, file.id)
    await files.process(scope, file.id)
    await files.board.settle()
    assert len(await playground.client.calls("editMessageText")) <= 2


# -- the library ----------------------------------------------------------------------------------


@pytest.fixture
def library(idle: App, files: Files) -> Library:
    found = files.ctx.require(FileLibrary)
    assert isinstance(found, Library)
    return found


async def kept(files: Files, ann: Person, **fields: Any) -> TelegramFile:
    file = await admitted(files, await incoming(ann, **fields))
    await files.store(Scope(file.scope), file.id)
    return await row_of(file)


async def test_the_library_knows_a_scope_and_no_other(
    files: Files, ann: Person, library: Library
) -> None:
    file = await kept(files, ann)
    mine, other = Scope(file.scope), Scope.user(1)
    found = await library.get(mine, file.id)
    assert found is not None
    assert (found.name, found.scope, found.size) == ("a.txt", mine, len(b"some words"))
    assert await library.get(other, file.id) is None
    assert list(await library.get_many(mine, [file.id, 999])) == [file.id]
    assert await library.get_many(other, [file.id]) == {}
    assert (await library.count(mine), await library.count(other)) == (1, 0)
    with pytest.raises(UserError):
        await library.send(other, file.id, file.chat_id)


async def test_unfinished_files_and_duplicates_are_not_in_the_library(
    files: Files, ann: Person, library: Library
) -> None:
    file = await admitted(files, await incoming(ann))
    assert await library.get(Scope(file.scope), file.id) is None
    assert await library.count(Scope(file.scope)) == 0


async def test_a_file_comes_back_as_it_came(
    files: Files, ann: Person, library: Library, playground: PlaygroundProcess
) -> None:
    file = await kept(files, ann)
    await library.send(Scope(file.scope), file.id, file.chat_id, reply_to=file.message_id)
    back = await ann.wait_reply(where=lambda message: "document" in message)
    assert back["document"]["file_name"] == "a.txt"
    assert back["reply_to_message"]["message_id"] == file.message_id
    (call,) = await playground.client.calls("sendDocument")
    assert call["params"]["document"] == file.file_id  # nothing was uploaded


async def test_a_file_that_telegram_forgot_is_uploaded(
    files: Files, ann: Person, library: Library
) -> None:
    file = await kept(files, ann, name="отчёт.txt")
    await of_all(TelegramFile.filter(id=file.id).update(file_id="of another bot"))
    await library.send(Scope(file.scope), file.id, file.chat_id)
    back = await ann.wait_reply(where=lambda message: "document" in message)
    assert back["document"]["file_name"] == "отчёт.txt"
    assert back["document"]["file_size"] == len(b"some words")


async def test_a_file_that_nobody_has_any_more_is_an_error(
    idle: App, files: Files, ann: Person, library: Library
) -> None:
    file = await kept(files, ann)
    await of_all(TelegramFile.filter(id=file.id).update(file_id="of another bot"))
    (idle.settings.data_dir / "storage" / "blobs" / file.blob_key).unlink()
    with pytest.raises(UserError, match="files-problem-lost-bytes"):
        await library.send(Scope(file.scope), file.id, file.chat_id)


async def row_of(file: TelegramFile) -> TelegramFile:
    found = await repository.get(SYSTEM, file.id)
    assert found is not None
    return found


async def test_what_nobody_made_searchable_is_handed_on_again(
    settings: Settings, ann: Person
) -> None:
    """The search was switched off while a file came."""
    off = settings.model_copy(update={"features": {**settings.features, "ears": False}})
    async with App(off, "all").serving():
        await ann.upload(b"the lease of the house", name="lease.txt")
        await ann.wait_text(await ann.wait_reply(), "lease.txt", timeout=10)
        await until(lambda: TelegramFile.filter(stage=Stage.PROCESSED).exists())
    async with App(settings, "all").serving() as app:
        await files_of(app).catch_up()
        assert ears(app).processed == []  # it may just be on its way
        await of_all(TelegramFile.all().update(updated_at=now() - timedelta(seconds=UNHEARD + 1)))
        await files_of(app).catch_up()
        await until(lambda: TelegramFile.filter(stage=Stage.WORDS).exists())
        assert [file.name for file, _ in ears(app).processed] == ["lease.txt"]


async def test_a_file_waits_until_its_sender_has_what_makes_it_searchable(
    settings: Settings, ann: Person
) -> None:
    some = {**settings.features, "ears": Rollout(percent=0)}
    async with App(settings.model_copy(update={"features": some}), "all").serving() as app:
        await ann.upload(b"the lease of the house", name="lease.txt")
        await until(lambda: TelegramFile.filter(stage=Stage.PROCESSED).exists())
        await of_all(TelegramFile.all().update(updated_at=now() - timedelta(seconds=UNHEARD + 1)))
        await files_of(app).catch_up()
        assert not [row for row in await app.jobs.find() if (row.key or "").find("again:") >= 0]
        assert ears(app).processed == []
        app.loader.flags.replace({})
        await files_of(app).catch_up()
        await until(lambda: TelegramFile.filter(stage=Stage.WORDS).exists())
        assert [file.name for file, _ in ears(app).processed] == ["lease.txt"]
