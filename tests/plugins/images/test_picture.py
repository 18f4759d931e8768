"""Pictures of all kinds, honest and hostile."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw

from plugins.images import api, picture
from plugram import SandboxRefused

LIMITS = {"options": {"max_megapixels": 100}}


def scene(size: tuple[int, int] = (640, 400)) -> Image.Image:
    """Something to see: a hill, a house, a sun."""
    made = Image.new("RGB", size, "skyblue")
    draw = ImageDraw.Draw(made)
    width, height = size
    draw.ellipse((width * 0.7, height * 0.1, width * 0.9, height * 0.4), "gold")
    draw.polygon([(0, height), (width * 0.5, height * 0.4), (width, height)], "darkgreen")
    draw.rectangle((width * 0.1, height * 0.6, width * 0.3, height * 0.9), "brown")
    return made


def read(path: Path, **options: Any) -> dict[str, Any]:
    return picture.extract(str(path), {"options": LIMITS["options"] | options})


def saved(path: Path, made: Image.Image, **options: Any) -> Path:
    made.save(path, **options)
    return path


def exif(**gps: Any) -> Image.Exif:
    made = Image.Exif()
    tag = ExifTags.Base
    made[tag.Make], made[tag.Model], made[tag.Orientation] = "Canon ", "Canon EOS R5\0", 6
    details = made.get_ifd(ExifTags.IFD.Exif)
    details[tag.DateTimeOriginal] = "2024:05:17 18:30:05"
    details[tag.OffsetTimeOriginal] = "+02:00"
    place = made.get_ifd(ExifTags.IFD.GPSInfo)
    place |= {
        ExifTags.GPS.GPSLatitudeRef: gps.get("south", "S"),
        ExifTags.GPS.GPSLatitude: gps.get("latitude", (33.0, 51.0, 24.84)),
        ExifTags.GPS.GPSLongitudeRef: "E",
        ExifTags.GPS.GPSLongitude: gps.get("longitude", (151.0, 12.0, 55.08)),
    }
    return made


# -- what is told ---------------------------------------------------------------------------------


def test_what_the_camera_wrote(tmp_path: Path) -> None:
    known = read(saved(tmp_path / "a.jpg", scene(), exif=exif()))["metadata"]
    assert known.pop("phash")
    assert known == {
        "taken_at": "2024-05-17T18:30:05+02:00",
        "camera": "Canon EOS R5",
        "latitude": -33.8569,
        "longitude": 151.215300,
        "width": 400,  # it was held upright
        "height": 640,
        "format": "JPEG",
    }


@pytest.mark.parametrize(
    "gps",
    [
        {"latitude": (95.0, 0.0, 0.0)},
        {"latitude": (0.0, 0.0, 0.0), "longitude": (0.0, 0.0, 0.0)},
        {"latitude": 12.0},
    ],
)
def test_places_that_are_none(tmp_path: Path, gps: dict[str, Any]) -> None:
    try:
        path = saved(tmp_path / "a.jpg", scene(), exif=exif(**gps))
    except (TypeError, ValueError, struct.error):
        pytest.fail("Pillow writes it")
    assert "latitude" not in read(path)["metadata"]


def test_the_thumbnail_is_small_and_upright(tmp_path: Path) -> None:
    found = read(saved(tmp_path / "a.jpg", scene((2000, 1000)), exif=exif()))
    small = Image.open(io.BytesIO(base64.b64decode(found["thumbnail"])))
    assert (small.format, small.size) == ("JPEG", (160, 320))


def test_alike_pictures_have_alike_hashes() -> None:
    first = picture.phash(scene())
    assert first == picture.phash(scene())
    smaller = io.BytesIO()
    scene().resize((200, 130)).save(smaller, "JPEG", quality=40)
    darker = scene().point(lambda value: int(value * 0.7))
    assert bits(first, picture.phash(Image.open(smaller))) <= 4
    assert bits(first, picture.phash(darker)) <= 4
    assert bits(first, picture.phash(scene().rotate(180))) > 20
    noise = np.random.default_rng(3).integers(0, 255, (300, 300), np.uint8)
    assert bits(first, picture.phash(Image.fromarray(noise))) > 16


def bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_ocr_goes_on_but_not_with_a_speck(tmp_path: Path) -> None:
    found = read(saved(tmp_path / "a.png", scene()))
    assert found["resume"] == {
        "processor": "ocr",
        "source": "picture",
        "done": 0,
        "total": 1,
        "settles": "picture",
    }
    assert found["warnings"] == ["picture"]
    assert read(saved(tmp_path / "b.png", scene((20, 20))))["resume"] is None


# -- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {}),
        ("a.png", {}),
        ("a.webp", {}),
        ("a.bmp", {}),
        ("a.gif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.avif", {}),
        ("a.heic", {}),
    ],
)
def test_each_format(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    known = read(saved(tmp_path / name, scene((320, 200)), **options))["metadata"]
    assert (known["width"], known["height"]) == (320, 200)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I", "I;16", "F", "HSV"])
def test_each_colour_space_becomes_grey_or_rgb(tmp_path: Path, mode: str) -> None:
    made = scene((320, 200))
    if mode in {"I", "I;16", "F"}:
        values = np.asarray(made.convert("L")).astype({"I;16": np.uint16}.get(mode, np.float32))
        made = Image.fromarray(values * 200)
    shown, damaged = api.page(made.convert(mode) if made.mode != mode else made, 1, 100)
    assert shown.mode in {"L", "RGB"}
    assert not damaged
    assert bits(picture.phash(shown), picture.phash(scene((320, 200)))) <= 12


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    made = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    shown, _ = api.page(made, 1, 100)
    assert shown.getpixel((50, 50)) == (255, 255, 255)


def test_a_fax_has_pages_and_an_animation_frames(tmp_path: Path) -> None:
    frames = [scene((200, 100 + number)) for number in range(3)]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    fax = read(saved(tmp_path / "a.tif", frames[0], **options))
    assert fax["metadata"]["pages"] == fax["resume"]["total"] == 3
    moving = read(saved(tmp_path / "a.gif", frames[0], **options))
    assert moving["metadata"]["frames"] == 3
    assert moving["resume"]["total"] == 1


# -- hostile --------------------------------------------------------------------------------------


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is enormous."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))
        )

    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bomb(60_000, 60_000))
    with pytest.raises(SandboxRefused, match="max_megapixels allows 100 million") as refused:
        read(path)
    assert refused.value.reason == "memory"


def test_a_cut_picture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.jpg", scene((1200, 800)))
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:-4000])
    found = read(cut)
    assert found["warnings"][0] == "damaged"
    assert found["thumbnail"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff" + bytes(100), b"GIF89a", b"%!PS\n(x) show"]
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(SandboxRefused) as refused:
        read(path)
    assert refused.value.reason == "corrupt"
