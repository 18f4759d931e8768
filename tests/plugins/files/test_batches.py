"""Many files at once: one message tells of them, and each comes to its end."""

from __future__ import annotations

import asyncio
import io
import resource
from pathlib import Path
from typing import Any

from core.app import App
from core.config import Settings
from playground.client import Person, text_of
from plugins.files import batches, repository
from plugins.files.models import Batch, TelegramFile
from plugram import SYSTEM, Scope
from tests.plugins.documents.samples import pdf, word
from tests.plugins.files.conftest import ears, files_of, until
from tests.support.rows import of_all

GROWTH_MB = 40
"""What seventy small files may add to the memory of a process that has read thirty."""


async def final(ann: Person, message: dict[str, Any], files: int) -> str:
    """A batch's message once it tells of all files and none waits any more."""
    async with asyncio.timeout(30):
        while True:
            for shown in await ann.messages(after=message["message_id"] - 1):
                text = text_of(shown)
                is_done = f"{files} files" in text and "⏳" not in text
                if shown["message_id"] == message["message_id"] and is_done:
                    return text
            await asyncio.sleep(0.1)


async def test_an_album_has_one_message(app: App, ann: Person, tmp_path: Path) -> None:
    await ann.upload(b"album 1", name="known.txt")
    await ann.wait_text(await ann.wait_reply(), "✅")
    contents = {
        "again.txt": b"album 1",
        "two.txt": b"album 2",
        "three.txt": b"album 3",
        "program.exe": b"MZ\x90\0" + bytes(200),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    sent = await ann.album([tmp_path / name for name in contents], as_="document", caption="#trip")
    told = await ann.wait_reply(contains="🗂")
    assert told["reply_to_message"]["message_id"] == sent[0]["message_id"]
    text = await final(ann, told, 4)
    assert "4 files" in text
    assert "3 searchable by words" in text
    assert "1 I had already" in text
    assert "program.exe" in text
    assert "can't read this kind" in text
    assert len([one for one in await ann.messages() if one["from"]["is_bot"]]) == 2
    scope = Scope.user(int(told["chat"]["id"]))
    assert [await repository.tags(scope, number) for number in (3, 4, 5)] == [("trip",)] * 3
    await files_of(app).keeper.purge(SYSTEM, await _ids())
    await until(_no_batch)


async def _ids() -> list[int]:
    return [file.id for file in await of_all(TelegramFile.all())]


async def _no_batch() -> bool:
    return not await of_all(Batch.all().exists())


def mixed(folder: Path, number: int) -> tuple[str, bytes]:
    """One of ten kinds of small files, each with its own content."""
    from PIL import Image as Picture

    picture = io.BytesIO()
    Picture.new("RGB", (20, 20), (number, 0, 0)).save(picture, "PNG")
    words = f"Words of file {number}."
    kinds: list[tuple[str, bytes]] = [
        ("txt", words.encode()),
        ("md", f"# Title\n\n{words}".encode()),
        ("html", f"<p>{words}</p>".encode()),
        ("pdf", pdf(folder / "a.pdf", [[words]]).read_bytes()),
        ("docx", word(folder / "a.docx").read_bytes() + b" " * number),
        ("png", picture.getvalue()),
        ("mp3", b"ID3\x04" + words.encode() + bytes(200)),
        ("exe", b"MZ\x90\0" + words.encode() + bytes(200)),
        ("pdf", b"%PDF-1.7\n" + words.encode()),
        ("txt", b" " * (number + 1)),
    ]
    extension, content = kinds[number % len(kinds)]
    return f"{number:03}.{extension}", content


async def test_a_hundred_mixed_files_at_once(
    settings: Settings, ann: Person, tmp_path: Path
) -> None:
    """They wait for the bot when it starts."""
    contents = [mixed(tmp_path, number) for number in range(100)]
    for name, content in contents:
        await ann.upload(content, name=name)
    async with App(settings, "all").serving() as app:
        await until(lambda: _final(30), 30)  # what is loaded at first use is loaded
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await until(lambda: _final(100), 60)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert grown < GROWTH_MB

        files = await of_all(TelegramFile.all().order_by("id"))
        assert [file.name for file in files] == [name for name, _ in contents]
        assert await repository.count(Scope(files[0].scope)) == 100
        assert {file.name[-3:] for file in files if file.problem} == {"exe", "pdf", "txt"}
        assert len(ears(app).processed) == 100  # a name finds what can't be read

        (batch,) = await of_all(Batch.all())
        assert batch.status_message_id is not None
        together = await of_all(TelegramFile.filter(batch_id=batch.id).count())
        text = await final(ann, {"message_id": batch.status_message_id}, together)
        told = [one for one in await ann.messages() if one["from"]["is_bot"]]
        assert together == 101 - len(told)
        assert " more\n" in text
        assert len(told) < 20  # a few before it is clear that there are many, and one for all


async def _final(number: int) -> bool:
    """Whether so many files have come, and as many are at their end."""
    files = await of_all(TelegramFile.all())
    return len(files) - batches.progress(files, searchable=True).coming >= number
