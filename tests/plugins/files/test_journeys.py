"""Files as people send them: through the chat, to the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.app import App
from playground.client import Person, text_of
from plugins.files import repository
from plugins.files.models import Audio, Blob, Document, Image, TelegramFile
from plugram import SYSTEM, Scope
from tests.plugins.documents.samples import compound, pdf, word
from tests.plugins.files.conftest import ears, files_of, row
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all


async def texts(playground: PlaygroundProcess, message_id: int) -> list[str]:
    """What a message read in turn."""
    calls = await playground.client.calls("editMessageText")
    return [one["params"]["text"] for one in calls if one["params"]["message_id"] == message_id]


async def test_a_document_from_receipt_to_search(
    app: App, ann: Person, tmp_path: Path, playground: PlaygroundProcess
) -> None:
    path = pdf(tmp_path / "annual_report.pdf", [["Whales are large."], ["Krill is small."]])
    sent = await ann.upload(path, caption="For the board <b>")
    told = await ann.wait_reply()
    assert told["reply_to_message"]["message_id"] == sent["message_id"]
    assert "annual_report.pdf" in text_of(told)
    assert "Received" in text_of(told)
    final = await ann.wait_text(told, "Searchable by its words")
    assert "2 pages · 6 words" in text_of(final)
    assert "annual_report.pdf" in text_of(final)

    file = await row(app)
    assert (file.kind, file.mime, file.sent_as) == ("documents", "application/pdf", "document")
    assert file.blob_key == f"documents/{file.sha256[:2]}/{file.sha256}"
    assert (app.settings.data_dir / "storage" / "blobs" / file.blob_key).read_bytes() == (
        path.read_bytes()
    )
    document = await of_all(Document.get(file_id=file.id))
    assert (document.pages, document.words) == (2, 6)

    heard, extraction = ears(app).processed[0]
    assert replace(heard, language="") == ears(app).stored[0]
    assert (heard.chat_id, heard.message_id) == (sent["chat"]["id"], sent["message_id"])
    assert [(one.text, one.locator) for one in extraction.sections] == [
        ("Whales are large.", {"page": 1}),
        ("Krill is small.", {"page": 2}),
        ("annual report\nannual_report.pdf", {"part": "name"}),
        ("For the board <b>", {"part": "caption"}),
    ]
    messages = await ann.messages()
    assert len(messages) == 2  # the file and one status message


async def test_the_status_never_goes_back(
    app: App, ann: Person, tmp_path: Path, playground: PlaygroundProcess
) -> None:
    object.__setattr__(files_of(app).settings, "batch_from", 100)
    for number in range(12):
        await ann.upload(word(tmp_path / "a.docx").read_bytes() + b" " * number, name="a.docx")
    await asyncio.sleep(0.1)
    order = ["Received", "Saved. Reading", "Read. Making", "Searchable"]
    for number in range(1, 13):
        file = await until_stage(number, 3)
        assert file.status_message_id is not None
        await ann.wait_text(file.status_message_id, "Searchable", timeout=20)
        seen = await texts(playground, file.status_message_id)
        stages = [next(i for i, word in enumerate(order) if word in text) for text in seen]
        assert stages == sorted(stages)
        assert len(set(seen)) == len(seen)  # no edit that changes nothing


async def test_the_same_file_again_is_told_at_its_first_message(
    app: App, ann: Person, tmp_path: Path, playground: PlaygroundProcess
) -> None:
    path = pdf(tmp_path / "first.pdf", [["Whales"]])
    first = await ann.upload(path)
    await ann.wait_text(await ann.wait_reply(), "Searchable")
    downloads = len(await playground.client.calls("getFile"))

    await ann.upload(path, name="second name.pdf")
    told = await ann.wait_reply(contains="first.pdf")
    assert told["reply_to_message"]["message_id"] == first["message_id"]
    assert "already" in text_of(told)
    await asyncio.sleep(0.3)
    assert len(await playground.client.calls("getFile")) == downloads
    assert len(ears(app).processed) == 1
    assert await repository.count(SYSTEM) == 1


async def test_people_do_not_learn_of_each_other(
    app: App, ann: Person, tmp_path: Path, playground: PlaygroundProcess
) -> None:
    """Equal bytes are kept once, and both are treated as if they were the first."""
    bob = await playground.client.add_user("Bob", username="bob_b")
    path = pdf(tmp_path / "secret.pdf", [["Whales"]])
    final = {}
    for person in (ann, bob):
        await person.upload(path)
        final[person is ann] = text_of(
            await person.wait_text(await person.wait_reply(), "Searchable")
        )
    assert final[True] == final[False]
    assert len(ears(app).processed) == 2
    blob = await Blob.get()
    assert blob.refcount == 2
    one, two = await of_all(TelegramFile.all().order_by("id"))
    assert (one.blob_key, one.sha256) == (two.blob_key, two.sha256)
    assert await repository.get(Scope(one.scope), two.id) is None
    assert await repository.kept(Scope(two.scope), [one.id]) == []
    statistics = await repository.statistics(Scope(one.scope))
    assert [(s.kind, s.files, s.bytes) for s in statistics] == [("documents", 1, one.size)]


async def test_too_large_is_refused_before_any_download(
    app: App, ann: Person, playground: PlaygroundProcess
) -> None:
    await ann.send_large("film.mkv", (20 << 20) + 1)
    told = await ann.wait_reply()
    assert "21 MB" in text_of(told)
    assert "20 MB" in text_of(told)
    assert await playground.client.calls("getFile") == []
    assert await of_all(TelegramFile.all().count()) == 0


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("locked.docx", "ole", "password"),
        ("broken.pdf", b"%PDF-1.7\nnot really", "damaged"),
        ("blank.txt", b"  \n ", "no text in it"),
        ("program.exe", b"MZ\x90\0" + bytes(200), "I can read: PDF, "),
        ("bomb.docx", "bomb", "unpacks to more than I may take"),
    ],
)
async def test_what_cannot_be_read_is_kept_and_told_why(
    app: App, ann: Person, tmp_path: Path, name: str, content: Any, told: str
) -> None:
    await ann.upload(_content(content, tmp_path), name=name)
    final = await ann.wait_text(await ann.wait_reply(), "Searchable by its name")
    assert told in text_of(final)
    assert "Traceback" not in text_of(final)
    _, extraction = ears(app).processed[0]
    assert [one.locator for one in extraction.sections] == [{"part": "name"}]


def _content(content: Any, folder: Path) -> bytes:
    if content == "ole":
        return compound(folder / "ole", {"EncryptedPackage": bytes(600)}).read_bytes()
    if content == "bomb":
        import io
        import zipfile

        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("word/document.xml", b"\0" * (250 << 20))
        return data.getvalue()
    assert isinstance(content, bytes)
    return content


async def test_a_scan_says_that_it_is_one(app: App, ann: Person, tmp_path: Path) -> None:
    await ann.upload(pdf(tmp_path / "scan.pdf", [[], []]))
    final = await ann.wait_text(await ann.wait_reply(), "pictures")
    assert "2 pages" in text_of(final)
    await ann.upload(pdf(tmp_path / "half.pdf", [["Whales"], []]))
    final = await ann.wait_text(await ann.wait_reply(), "Some of its pages")
    assert "Searchable by its words" in text_of(final)


async def test_hostile_names_are_cleaned(app: App, ann: Person) -> None:
    await ann.upload(b"some words", name="../../etc/invoice\u202efdp.txt")
    told = await ann.wait_text(await ann.wait_reply(), "Searchable")
    assert "📄 invoicefdp.txt\n" in text_of(told)
    assert (await row(app)).name == "invoicefdp.txt"


async def test_a_photo_is_found_by_its_caption(app: App, ann: Person) -> None:
    await ann.upload(_png(), as_="photo", caption="A whale near Tenerife")
    await ann.wait_text(await ann.wait_reply(), "Searchable by its name and caption")
    file = await row(app)
    assert (file.kind, file.sent_as, file.named) == ("images", "photo", False)
    image = await of_all(Image.get(file_id=file.id))
    assert (image.width, image.height) == (320, 200)
    _, extraction = ears(app).processed[0]
    assert [one.text for one in extraction.sections] == ["A whale near Tenerife"]


async def test_a_photo_without_a_caption_is_kept(app: App, ann: Person) -> None:
    await ann.upload(_png(), as_="photo")
    await ann.wait_text(await ann.wait_reply(), "nothing in it to search by")
    assert ears(app).processed == []


def _png() -> bytes:
    import io

    from PIL import Image as Picture

    data = io.BytesIO()
    Picture.new("RGB", (320, 200), "navy").save(data, "PNG")
    return data.getvalue()


async def test_a_picture_sent_as_a_document_is_a_picture(app: App, ann: Person) -> None:
    await ann.upload(_png(), name="whale.png")
    await ann.wait_text(await ann.wait_reply(), "Searchable by its name")
    assert (await row(app)).blob_key.startswith("images/")


async def test_music_and_voice_have_their_folders(app: App, ann: Person) -> None:
    await ann.upload(b"ID3\x04" + bytes(500), name="song.mp3", mime="audio/mpeg", as_="audio")
    await ann.wait_text(await ann.wait_reply(), "Searchable by its name")
    assert (await row(app)).blob_key.startswith("audio/")
    assert await of_all(Audio.filter(file_id=1).exists())
    await ann.upload(b"OggS" + bytes(500), name="v.ogg", mime="audio/ogg", as_="voice")
    await ann.wait_reply()
    assert (await until_stage(2, 2)).blob_key.startswith("voice/")


async def test_the_chat_is_spoken_to_in_its_language(
    app: App, playground: PlaygroundProcess
) -> None:
    vera = await playground.client.add_user("Вера", language="ru", username="vera_ru")
    await vera.upload("Киты огромны, а криль мал.".encode("cp1251"), name="киты.txt")
    final = await vera.wait_text(await vera.wait_reply(contains="Получил"), "ищется по словам")
    assert "5 слов" in text_of(final)
    await vera.send_large("кино.mkv", 42 << 20)
    assert "42 МБ" in text_of(await vera.wait_reply())


async def test_telegram_away_is_told_and_tried_again(
    app: App, ann: Person, playground: PlaygroundProcess
) -> None:
    await playground.client.fault("error", "getFile", times=3, code=502)
    await ann.upload(b"some words", name="a.txt")
    told = await ann.wait_reply()
    await ann.wait_text(told, "I'll keep trying", timeout=20)
    await ann.wait_text(told, "Searchable", timeout=30)


async def test_a_file_that_telegram_lost_is_told(
    app: App, ann: Person, playground: PlaygroundProcess
) -> None:
    await playground.client.fault(
        "error", "getFile", code=400, description="Bad Request: wrong file_id"
    )
    await ann.upload(b"some words", name="a.txt")
    await ann.wait_text(await ann.wait_reply(), "Send it again")
    # Sent again, it isn't a duplicate of what never came.
    await ann.upload(b"some words", name="a.txt")
    told = await ann.wait_reply(contains="Received")
    await ann.wait_text(told, "Searchable", timeout=30)
    assert await of_all(TelegramFile.all().count()) == 1


async def until_stage(file_id: int, stage: int, seconds: float = 20) -> TelegramFile:
    async with asyncio.timeout(seconds):
        while True:
            found = await repository.get(SYSTEM, file_id)
            if found is not None and found.stage >= stage:
                return found
            await asyncio.sleep(0.05)
