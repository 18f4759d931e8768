"""Files on Telegram's side."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.errors import ApiError, ControlError
from playground.files import MAX_PHOTO, Files
from playground.forms import Upload
from playground.store import Store
from tests.playground.pictures import png


@pytest.fixture(params=["memory", "folder"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files(tmp_path if request.param == "folder" else None, Store(None))


async def test_the_same_bytes_have_the_same_unique_id(files: Files) -> None:
    first = await files.add(Upload.of("a.txt", b"abc"), "document")
    second = await files.add(Upload.of("b.txt", b"abc"), "document")
    other = await files.add(Upload.of("a.txt", b"abd"), "document")
    assert first.unique_id == second.unique_id != other.unique_id
    assert len({first.id, second.id, other.id}) == 3
    assert files.get(first.id) is first
    assert files.at(first.path) is first


async def test_contents_are_kept(files: Files) -> None:
    file = await files.add(Upload.of("a.txt", b"abc"), "document")
    content = files.content(file)
    assert (content.read_bytes() if isinstance(content, Path) else content) == b"abc"
    assert file.path == "documents/file_1.txt"


async def test_files_survive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    file = await Files(tmp_path, store).add(Upload.of("a.txt", b"abc"), "document")
    await store.close()
    store = Store(tmp_path)
    assert Files(tmp_path, store).get(file.id) == file
    await store.close()


async def test_a_photo_has_its_size(files: Files) -> None:
    photo = await files.add(Upload.of("a.png", png(30, 20)), "photo")
    assert photo.content() == {
        "photo": [
            {
                "file_id": photo.id,
                "file_unique_id": photo.unique_id,
                "width": 30,
                "height": 20,
                "file_size": photo.size,
            }
        ]
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "file must be non-empty"),
        (b"not a picture", "IMAGE_PROCESS_FAILED"),
        (png(1, 30), "PHOTO_INVALID_DIMENSIONS"),
        (png(1, 1) + bytes(MAX_PHOTO), "is too big for a photo"),
    ],
    ids=["empty", "no picture", "narrow", "large"],
)
async def test_what_is_no_photo(files: Files, content: bytes, problem: str) -> None:
    with pytest.raises(ApiError, match=problem):
        await files.add(Upload.of("a.png", content), "photo")


def test_a_file_without_content(files: Files) -> None:
    file = files.add_without_content("film.mkv", 3_000_000_000, "document")
    assert files.content(file) is None
    assert file.as_json()["file_size"] == 3_000_000_000
    with pytest.raises(ControlError, match="larger than"):
        files.add_without_content("small", 5, "document")


def test_unknown_file_ids(files: Files) -> None:
    with pytest.raises(ApiError, match="invalid file_id"):
        files.get("nonsense")
    with pytest.raises(ApiError, match="wrong file_id or the file is temporarily unavailable"):
        files.get("BQACAgIAAxkBAAI" + "x" * 40)


async def test_an_animation_is_also_a_document(files: Files) -> None:
    gif = await files.add(Upload.of("a.gif", b"GIF89a\x05\x00\x04\x00" + bytes(9)), "animation")
    content = gif.content()
    assert content["animation"]["width"] == 5
    assert content["document"]["file_id"] == gif.id
