"""What a message brings, of all that Telegram tells of it."""

from __future__ import annotations

from typing import Any

import pytest
from aiogram.types import Message

from plugins.files.handlers import incoming

_MEDIA = {"file_id": "ID", "file_unique_id": "U", "file_size": 1000}


def message(**content: Any) -> Message:
    return Message.model_validate(
        {
            "message_id": 7,
            "date": 1_700_000_000,
            "chat": {"id": 42, "type": "private", "first_name": "Ann"},
            "from": {"id": 42, "is_bot": False, "first_name": "Ann"},
            **content,
        }
    )


@pytest.mark.parametrize(
    ("sent_as", "media", "kind", "name", "facts"),
    [
        ("document", {"file_name": "a.pdf"}, "documents", "a.pdf", {}),
        ("document", {}, "documents", "document-7", {}),
        (
            "audio",
            {"duration": 5, "title": "Song", "performer": "Ann", "file_name": "s.mp3"},
            "audio",
            "s.mp3",
            {"duration": 5, "title": "Song", "performer": "Ann"},
        ),
        (
            "video",
            {"duration": 5, "width": 640, "height": 480},
            "videos",
            "video-7.mp4",
            {"duration": 5, "width": 640, "height": 480},
        ),
        ("voice", {"duration": 5}, "voice", "voice-7.ogg", {"duration": 5}),
        (
            "video_note",
            {"duration": 5, "length": 240},
            "videos",
            "video_note-7.mp4",
            {"duration": 5, "width": 240, "height": 240},
        ),
    ],
)
def test_each_kind_of_file(
    sent_as: str, media: dict[str, Any], kind: str, name: str, facts: dict[str, Any]
) -> None:
    item = incoming(message(**{sent_as: _MEDIA | media}, caption="A caption"))
    assert item is not None
    assert (item.sent_as, item.kind, item.clean_name) == (sent_as, kind, name)
    assert (item.file_id, item.file_unique_id, item.size) == ("ID", "U", 1000)
    assert (item.chat_id, item.message_id, item.sender_id) == (42, 7, 42)
    assert (item.caption, dict(item.facts)) == ("A caption", facts)


def test_of_a_photo_the_largest_size() -> None:
    sizes = [
        _MEDIA | {"file_id": f"{width}", "width": width, "height": width}
        for width in (90, 1280, 320)
    ]
    item = incoming(message(photo=sizes))
    assert item is not None
    assert (item.file_id, item.facts["width"]) == ("1280", 1280)


def test_an_animation_is_no_document() -> None:
    moving = _MEDIA | {"width": 10, "height": 10, "duration": 1, "file_name": "a.mp4"}
    item = incoming(message(animation=moving, document=_MEDIA))
    assert item is not None
    assert (item.sent_as, item.kind) == ("animation", "animations")


def test_a_topic_is_answered_in_it() -> None:
    item = incoming(message(document=_MEDIA, message_thread_id=5, is_topic_message=True))
    assert item is not None
    assert item.thread_id == 5
    # A reply in an ordinary group has a thread as well, and it is no topic.
    item = incoming(message(document=_MEDIA, message_thread_id=5))
    assert item is not None
    assert item.thread_id is None


def test_text_brings_no_file() -> None:
    assert incoming(message(text="hello")) is None
