"""/files, as people use it."""

from __future__ import annotations

from typing import Any

import pytest

from core.app import App
from playground.client import Person, text_of
from plugins.files import repository
from plugins.files.models import Blob, TelegramFile
from plugram import SYSTEM, Scope
from tests.plugins.files.conftest import ears, files_of, labels, row, sent, until
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all

Message = dict[str, Any]


async def asked(ann: Person, text: str, **fields: Any) -> Message:
    await ann.send(text, **fields)
    return await ann.wait_reply()


async def pressed(ann: Person, message: Message, button: str) -> Message:
    """The message after a press that changes it."""
    await ann.click(message, button)
    return await ann.wait_edit(message)


async def heard(app: App, what: str, number: int = 1) -> list[Any]:
    """The files of the news of one sort, once there are so many."""

    async def found() -> list[Any]:
        files = [file for news, file in ears(app).news if news == what]
        return files if len(files) >= number else []

    return list(await until(found))


async def test_pages_filters_and_the_way_back(app: App, ann: Person) -> None:
    assert "nothing here yet" in text_of(await asked(ann, "/files"))
    object.__setattr__(files_of(app).settings, "page_size", 2)
    object.__setattr__(files_of(app).settings, "batch_from", 100)
    for number in range(1, 5):
        await sent(ann, b"words %d" % number, f"note-{number}.txt", caption=f"#n{number} #all")
    await sent(ann, b"ID3\x04" + bytes(500), "song.mp3", mime="audio/mpeg", as_="audio")

    shown = await asked(ann, "/files")
    assert "5 files" in text_of(shown)
    assert labels(shown)[:4] == ["🎵 song.mp3", "📄 note-4.txt", "1 / 3", "›"]
    shown = await pressed(ann, shown, "›")
    assert labels(shown)[:5] == ["📄 note-3.txt", "📄 note-2.txt", "‹", "2 / 3", "›"]

    shown = await pressed(ann, shown, "All kinds ▾")
    assert "📄 Documents · 4" in labels(shown)
    shown = await pressed(ann, shown, "📄 Documents · 4")
    assert "Documents: 4 files" in text_of(shown)
    shown = await pressed(ann, shown, "Any tag ▾")
    shown = await pressed(ann, shown, "#all · 4")
    assert "Documents · #all: 4 files" in text_of(shown)
    shown = await pressed(ann, shown, "›")
    shown = await pressed(ann, shown, "📄 note-1.txt")
    assert "words 1" in text_of(shown)
    assert "#all #n1" in text_of(shown)
    shown = await pressed(ann, shown, "‹ Back")  # to the same page of the same choice
    assert labels(shown)[1:4] == ["📄 note-1.txt", "‹", "2 / 2"]
    assert "#all" in text_of(shown)

    assert "#n2: 1 file" in text_of(await asked(ann, "/files #N2"))
    assert "No file has the tag" in text_of(await asked(ann, "/files taxes"))


async def test_a_card_tells_what_is_known_and_sends_the_file(
    app: App, ann: Person, playground: PlaygroundProcess
) -> None:
    message = await sent(ann, b"The ferry leaves at seven.", "plan.txt", caption="For <b>Bob</b>")
    card = await pressed(ann, await asked(ann, "/files"), "📄 plan.txt")
    text = text_of(card)
    assert "Searchable by its words" in text
    assert "26 bytes · TXT · 5 words" in text
    assert "For <b>Bob</b>" in text
    assert "The ferry leaves at seven." in text
    await ann.click(card, "📎 Send file")
    assert "document" in await ann.wait_reply(where=lambda one: "document" in one)
    await ann.click(card, "💬 Show message")
    told = await ann.wait_reply(contains="Here it came")
    assert told["reply_to_message"]["message_id"] == message["message_id"]


async def test_a_photo_has_its_picture_on_the_card(app: App, ann: Person) -> None:
    import io

    from PIL import Image as Picture

    data = io.BytesIO()
    Picture.new("RGB", (320, 200), "navy").save(data, "PNG")
    await ann.upload(data.getvalue(), as_="photo", caption="A whale")
    await ann.wait_text(await ann.wait_reply(contains="photo"), "✅")
    shown = await asked(ann, "/files")
    await ann.click(shown, labels(shown)[0])
    card = await ann.wait_reply(where=lambda one: "photo" in one)
    assert "320 × 200" in text_of(card)
    await until(lambda: _is_gone(ann, shown))
    asking = await pressed(ann, card, "🗑 Delete")  # the picture stays
    assert "photo" in asking
    card = await pressed(ann, asking, "Keep")
    await ann.click(card, "‹ Back")
    assert "1 file" in text_of(await ann.wait_reply())
    await until(lambda: _is_gone(ann, card))


async def _is_gone(ann: Person, message: Message) -> bool:
    return message["message_id"] not in [one["message_id"] for one in await ann.messages()]


async def test_renaming(app: App, ann: Person) -> None:
    await sent(ann, b"The ferry leaves.", "plan.txt")
    card = await pressed(ann, await asked(ann, "/files"), "📄 plan.txt")
    await ann.click(card, "✏️ Rename")
    assert "be called" in text_of(await ann.wait_reply())
    assert "Nothing is left" in text_of(await asked(ann, "./\u202e."))
    assert "too many" in text_of(await asked(ann, "long " * 40))
    card = await asked(ann, "../ferries\u202e 2026")
    assert "ferries 2026.txt" in text_of(card)
    (file,) = await heard(app, "changed")
    assert (file.name, (await row(app)).name) == ("ferries 2026.txt", "ferries 2026.txt")
    await ann.click(card, "✏️ Rename")
    await ann.wait_reply()
    await pressed(ann, card, "🏷 Tags")  # whoever presses a button doesn't type any more
    await ann.send("not a name")
    await asked(ann, "/files")
    assert (await row(app)).name == "ferries 2026.txt"


async def test_tags_by_buttons_words_and_captions(app: App, ann: Person) -> None:
    first = await sent(ann, b"The ferry leaves.", "plan.txt", caption="see #Ferry #2026")
    await sent(ann, b"The train leaves.", "train.txt")
    assert await repository.tags(SYSTEM, 1) == ("2026", "ferry")

    card = await pressed(ann, await asked(ann, "/files"), "📄 train.txt")
    tags = await pressed(ann, card, "🏷 Tags")
    assert labels(tags)[:2] == ["＋ 2026", "＋ ferry"]
    tags = await pressed(ann, tags, "＋ 2026")
    assert labels(tags)[:2] == ["✕ 2026", "＋ ferry"]
    await ann.click(tags, "✍️ Another one…")
    await ann.wait_reply()
    assert "too long" in text_of(await asked(ann, "t" * 33))
    assert "no tag in this" in text_of(await asked(ann, "!?"))
    assert "#2026 #by_train #travel" in text_of(await asked(ann, "By Train, #travel"))

    assert "#2026 #ferry #sea" in text_of(await asked(ann, "#Sea", reply_to=first["message_id"]))
    told = await asked(ann, "/tag -ferry water", reply_to=first["message_id"])
    assert "#2026 #sea #water" in text_of(told)
    assert "Reply to a file" in text_of(await asked(ann, "/tag x"))
    many = " ".join(f"#t{number}" for number in range(20))
    assert "too many tags" in text_of(await asked(ann, many, reply_to=first["message_id"]))

    await ann.edit(first, "now #lake")
    await until(lambda: _has_caption("now #lake"))
    assert await repository.tags(SYSTEM, 1) == ("lake", "sea", "water")
    heard_last = (await heard(app, "changed"))[-1]
    assert heard_last.id in {1, 2}


async def _has_caption(text: str) -> bool:
    return await of_all(TelegramFile.filter(caption=text).exists())


async def test_the_trash_and_back(app: App, ann: Person) -> None:
    await sent(ann, b"The ferry leaves.", "plan.txt")
    shown = await asked(ann, "/files")
    card = await pressed(ann, shown, "📄 plan.txt")
    asking = await pressed(ann, card, "🗑 Delete")
    assert "30 days" in text_of(asking)
    gone = await pressed(ann, asking, "Delete")
    assert "in the trash" in text_of(gone)
    assert await repository.count(Scope((await row(app)).scope)) == 0
    await heard(app, "trashed")
    card = await pressed(ann, gone, "↩️ Undo")
    assert "Searchable" in text_of(card)
    await heard(app, "restored")

    # Sent again while in the trash, it comes back.
    await pressed(ann, await pressed(ann, card, "🗑 Delete"), "Delete")
    await ann.upload(b"The ferry leaves.", name="plan.txt")
    assert "back" in text_of(await ann.wait_reply(contains="was in the trash"))
    assert (await row(app)).trashed_at is None


async def test_deleting_for_good(app: App, ann: Person) -> None:
    for name in ("one.txt", "two.txt", "three.txt"):
        await sent(ann, name.encode(), name)
    shown = await asked(ann, "/files")
    for name in ("one.txt", "two.txt", "three.txt"):
        card = await pressed(ann, shown, f"📄 {name}")
        gone = await pressed(ann, await pressed(ann, card, "🗑 Delete"), "Delete")
        shown = await pressed(ann, gone, "‹ Back")
    trash = await pressed(ann, shown, "🗑 Trash (3)")
    assert "3 files in the trash" in text_of(trash)
    card = await pressed(ann, trash, "📄 one.txt")
    asking = await pressed(ann, card, "❌ Delete for good")
    done = await pressed(ann, asking, "Delete for good")
    assert "deleted" in text_of(done)
    await until(lambda: _blobs(2))
    trash = await pressed(ann, done, "‹ Back")
    card = await pressed(ann, trash, "📄 two.txt")
    back = await pressed(ann, card, "↩️ Restore")
    assert "Searchable" in text_of(back)
    trash = await asked(ann, "/files trash")
    done = await pressed(ann, await pressed(ann, trash, "❌ Empty the trash"), "Delete for good")
    assert "1 file is deleted" in text_of(done)
    await until(lambda: _blobs(1))
    assert "1 file" in text_of(await pressed(ann, done, "‹ Files"))
    # Sent again, it is a new file.
    await sent(ann, b"one.txt", "one.txt")
    assert await repository.count(SYSTEM) == 2


async def _blobs(number: int) -> bool:
    return await Blob.all().count() == number


@pytest.mark.parametrize("word", ["#tag", "hello #tag"])
async def test_replies_to_anything_else_are_not_ours(app: App, ann: Person, word: str) -> None:
    said = await asked(ann, "/files")
    await ann.send(word, reply_to=said["message_id"])
    assert await repository.tags(SYSTEM, 1) == ()


async def test_in_a_group_the_sender_and_the_admins_delete(
    app: App, playground: PlaygroundProcess
) -> None:
    await playground.client.add_user("Owner", username="olga_o")
    await playground.client.add_user("Ann", username="anna_g")
    await playground.client.add_user("Bob", username="boris_g")
    await playground.client.configure_bot(reads_all_group_messages=True)
    group = await playground.client.group("Harbour", members=["olga_o", "anna_g", "boris_g"])
    olga, anna, boris = (group.person(name) for name in ("olga_o", "anna_g", "boris_g"))
    await anna.upload(b"The ferry leaves.", name="plan.txt")
    await anna.wait_text(await anna.wait_reply(contains="plan.txt"), "✅")

    shown = await asked(boris, "/files")
    card = await pressed(boris, shown, "📄 plan.txt")
    assert "from Ann" in text_of(card)
    for button in ("🗑 Delete", "✏️ Rename", "🏷 Tags"):
        refused = await boris.click(card, button, wait=5)
        assert refused is not None
        assert "Only whoever sent" in refused["text"]
    assert (await row(app)).trashed_at is None

    await anna.click(card, "✏️ Rename")
    asking = await anna.wait_reply(contains="be called")
    assert text_of(asking).startswith("Ann\n")
    card = await asked(anna, "ferries", reply_to=asking["message_id"])
    assert "ferries.txt" in text_of(card)

    asking = await pressed(anna, card, "🗑 Delete")
    gone = await pressed(anna, asking, "Delete")
    trash = await pressed(olga, await pressed(olga, gone, "‹ Back"), "🗑 Trash (1)")
    refused = await anna.click(trash, "❌ Empty the trash", wait=5)
    assert refused is not None
    assert "admins may empty" in refused["text"]
    asking = await pressed(olga, trash, "❌ Empty the trash")
    await pressed(olga, asking, "Delete for good")
    await until(lambda: _blobs(0))


async def test_a_sticker_is_a_file_of_its_own_kind(app: App, ann: Person) -> None:
    import io

    from PIL import Image as Picture

    data = io.BytesIO()
    Picture.new("RGBA", (512, 512), "navy").save(data, "WEBP")
    await ann.upload(data.getvalue(), name="fish.webp", mime="image/webp", as_="sticker")
    await ann.wait_text(await ann.wait_reply(), "✅")
    file = await row(app)
    assert (file.kind, file.sent_as) == ("stickers", "sticker")
    assert file.blob_key.startswith("stickers/")
    shown = await asked(ann, "/files")
    await ann.click(shown, labels(shown)[0])
    card = await ann.wait_event(lambda event: "Show message" in str(event))
    await ann.click(card["message"], "📎 Send file")
    assert "sticker" in await ann.wait_reply(where=lambda one: "sticker" in one)
