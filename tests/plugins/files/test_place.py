"""Where a picture was taken is for its sender alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from plugins.files import pages
from plugins.files.catalogue import Details
from plugins.files.models import Image, TelegramFile

ANN = 7


@dataclass
class Reader:
    id: int = ANN


def told(chat_id: int, reader: int) -> list[str]:
    """The lines of a card, as message ids."""
    file = TelegramFile(chat_id=chat_id, sender_id=ANN, name="a.jpg")
    place = Image(latitude=-33.8569, longitude=151.2153, camera="Canon EOS R5")
    translate = cast("Any", lambda name, **values: f"{name} {values.get('value', '')}")
    return pages._described(
        translate, cast("Any", Reader(reader)), Details(file, (), place, thumbnail="")
    )


def test_its_sender_sees_it_in_private() -> None:
    assert "files-fact-place -33.8569, 151.2153" in told(chat_id=ANN, reader=ANN)


def test_a_group_does_not_see_it_whoever_asks() -> None:
    for reader in (ANN, 8):
        lines = told(chat_id=-100, reader=reader)
        assert lines == ["files-fact-camera Canon EOS R5"]
