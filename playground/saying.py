"""What a person says, as the control API takes it: a text, or a file with a caption."""

from __future__ import annotations

from typing import Any

from playground import media
from playground.errors import ControlError
from playground.forms import Form, Upload
from playground.methods.base import CAPTION_LIMIT, TEXT_LIMIT, format_text
from playground.model import File, FileKind
from playground.world import World

_KINDS: tuple[FileKind, ...] = (
    "photo", "document", "video", "audio", "voice", "animation", "sticker", "video_note",
)  # fmt: skip


def text(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    """The content of a text message: `text`, and `entities` or `parse_mode`."""
    body, found = format_text(
        world,
        str(fields.get("text", "")),
        fields.get("parse_mode", ""),
        fields.get("entities", []),
        "text",
        TEXT_LIMIT,
    )
    if not body:
        raise ControlError("the text is empty")
    return {"text": body} | ({"entities": found} if found else {})


def caption(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a caption: none when there is none."""
    body, found = format_text(
        world,
        str(fields.get("caption", "")),
        fields.get("parse_mode", ""),
        fields.get("caption_entities", []),
        "caption",
        CAPTION_LIMIT,
    )
    content: dict[str, Any] = {"caption": body} if body else {}
    return content | ({"caption_entities": found} if found else {})


async def file(world: World, form: Form) -> dict[str, Any]:
    """The content of a message with the upload `file`, or a file described by `document`."""
    upload = form.uploads.get("file")
    if upload is not None:
        kept = await _keep(world, upload, str(form.fields.get("as", "document")))
    else:
        kept = _described(world, form.fields["document"])
    return kept.content() | caption(world, form.fields)


async def _keep(world: World, upload: Upload, wanted: str) -> File:
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
