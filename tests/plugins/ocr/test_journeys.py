"""A scan and a photo, from the chat to the search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.app import App
from core.config import Settings
from playground.client import Person, text_of
from plugins.files.models import Blob, Image, TelegramFile
from tests.conftest import SettingsFactory
from tests.plugins.ocr.samples import page, picture, rotated, scan
from tests.support.host import only
from tests.support.processes import PlaygroundProcess
from tests.support.rows import of_all

pytestmark = pytest.mark.timeout(240)  # several pages, a bot and models on a busy machine

ENGLISH = "The lighthouse keeper noted the wind and the names of the ships."
GREEK = "Ο φαροφύλακας έγραφε κάθε βράδυ στο ίδιο χοντρό τετράδιο και σημείωνε τον άνεμο. " * 3


@pytest.fixture
def settings(
    settings_factory: SettingsFactory, playground: PlaygroundProcess, database_url: str
) -> Settings:
    rooms = ("files", "storage", "documents", "images", "ocr", "search")
    return settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        database__url=database_url,
        web__enabled=False,
        plugins__files__edit_pause=0.05,
        outgoing__per_chat_per_second=30,
        **only(*rooms),
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    async with App(settings, "all").serving() as serving:
        yield serving


async def test_scans_and_photos_are_found_by_what_stands_in_them(
    app: App, playground: PlaygroundProcess, tmp_path: Path
) -> None:
    ann = playground.client.user("ann")
    await _a_scan(ann, playground, tmp_path)
    await _a_photo(ann)
    await _what_nobody_here_can_read(ann)
    await ann.send("/search lighthouse")
    answer = text_of(await ann.wait_reply(contains="lighthouse", timeout=60))
    assert "letters.pdf" in answer
    await ann.send("/search umbrella")
    assert "umbrella" in text_of(await ann.wait_reply(contains="umbrella", timeout=60))


async def _a_scan(ann: Person, playground: PlaygroundProcess, tmp_path: Path) -> None:
    """Its second page lies on its side."""
    sheets = [page(ENGLISH), rotated(page("Push twice and mind the gap, please."), 90)]
    await ann.upload(scan(tmp_path / "letters.pdf", sheets))
    status = await ann.wait_reply()
    final = await ann.wait_text(status, "Searchable", timeout=120)
    assert "2 pages · 19 words" in text_of(final)
    edits = await playground.client.calls("editMessageText")
    assert any("Page 2 of 2" in one["params"]["text"] for one in edits)
    file = await of_all(TelegramFile.get(name="letters.pdf"))
    assert (file.part, file.parts, file.problem) == (0, 0, "")
    assert (await Blob.get(sha256=file.sha256)).thumbnail.startswith("thumbnails/")


async def _a_photo(ann: Person) -> None:
    sign = picture(page("No umbrella behind the tower, please."), "JPEG")
    await ann.upload(sign, as_="photo")
    final = await ann.wait_text(await ann.wait_reply(), "Searchable by its words", timeout=90)
    assert "6 words" in text_of(final)
    image = await of_all(Image.get(words=6))
    assert len(image.phash) == 16
    assert (await Blob.get(kind="images")).thumbnail.startswith("thumbnails/")


async def _what_nobody_here_can_read(ann: Person) -> None:
    await ann.upload(picture(page(GREEK)), name="greek.png")
    final = await ann.wait_text(await ann.wait_reply(), "Searchable by its name", timeout=120)
    assert "I can't read Greek in pictures here" in text_of(final)
