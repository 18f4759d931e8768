"""What a person says, as the control API takes it: a text, a file with a caption, a place."""

from __future__ import annotations

from typing import Any

from playground import inline, keyboards, media, polls, texts
from playground.dice import DICE, rolled
from playground.errors import ControlError
from playground.forms import Form, Upload
from playground.model import File, FileKind, User
from playground.world import World

_KINDS: tuple[FileKind, ...] = (
    "photo", "document", "video", "audio", "voice", "animation", "sticker", "video_note",
)  # fmt: skip

_ALBUM = 10
"""The most items of an album."""
_TOGETHER: tuple[set[FileKind], ...] = ({"photo", "video"}, {"document"}, {"audio"})
"""Kinds that can be in one album."""


def text(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    """The content of a text message: `text`, and `entities` or `parse_mode`."""
    body, found = texts.format_text(
        world,
        str(fields.get("text", "")),
        fields.get("parse_mode", ""),
        fields.get("entities", []),
        "text",
        texts.TEXT_LIMIT,
    )
    if not body:
        raise ControlError("the text is empty")
    return {"text": body} | ({"entities": found} if found else {})


def caption(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a caption: none when there is none."""
    return texts.caption(world, {**fields, "caption": str(fields.get("caption", ""))})


def thing(world: World, user: User, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The content of a message that is neither text nor file: `location`, `venue`, `contact`,
    `dice` or `poll`; None when none of them is given."""
    for name in ("location", "venue"):
        if isinstance(fields.get(name), dict):
            return inline.written(world, fields[name])
    if "contact" in fields:  # True is one's own
        given = fields["contact"]
        own = not isinstance(given, dict)
        return {"contact": keyboards.own_contact(user) if own else given}
    if "dice" in fields:
        emoji = fields["dice"] if fields["dice"] in DICE else "🎲"
        return {"dice": rolled(emoji)}
    if isinstance(fields.get("poll"), dict):
        return polls.content(world, fields["poll"])
    return None


async def file(world: World, form: Form) -> dict[str, Any]:
    """The content of a message with the upload `file`, or a file described by `document`."""
    upload = form.uploads.get("file")
    if upload is not None:
        kept = await keep(world, upload, str(form.fields.get("as", "document")))
    else:
        kept = _described(world, form.fields["document"])
    return kept.content() | caption(world, form.fields)


async def album(world: World, form: Form) -> list[dict[str, Any]]:
    """The contents of an album: the uploads `file0`, `file1` and so on, or `media`, a list of
    file_ids. The caption is that of the first one."""
    given = form.fields.get("media")
    if isinstance(given, list):
        kept = [world.files.get(str(file_id)) for file_id in given]
    else:
        wanted = str(form.fields.get("as", "auto"))
        names = sorted(form.uploads, key=lambda name: int(name.removeprefix("file") or 0))
        kept = [await keep(world, form.uploads[name], wanted) for name in names]
    kinds = {file.kind for file in kept}
    if not 2 <= len(kept) <= _ALBUM or not any(kinds <= fit for fit in _TOGETHER):
        raise ControlError(
            f"an album has 2 to {_ALBUM} photos and videos, or documents, or audio files"
        )
    contents = [file.content() for file in kept]
    contents[0] |= caption(world, form.fields)
    return contents


async def keep(world: World, upload: Upload, wanted: str) -> File:
    """`wanted` is a kind, or "auto" for what a client makes of it when it is sent the quick way."""
    if wanted == "auto":
        head = upload.stream.read(32)
        upload.stream.seek(0)
        wanted = media.kind_of(media.mime_of(upload.name, upload.mime, head))
    for kind in _KINDS:
        if kind == wanted:
            return await world.files.add(upload, kind)
    raise ControlError(f"as must be auto or one of {', '.join(_KINDS)}")


def _described(world: World, document: Any) -> File:
    """`{"file_id": …}` repeats a file; `{"file_name": …, "file_size": …}` has no content."""
    if not isinstance(document, dict):
        raise ControlError("document must be an object")
    if "file_id" in document:
        return world.files.get(str(document["file_id"]))
    name, size = str(document.get("file_name", "file.bin")), int(document.get("file_size", 0))
    return world.files.add_without_content(name, size, "document")
