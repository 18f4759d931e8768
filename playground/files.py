"""Files on Telegram's side: contents by their hash, and a record with a file_id per upload."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import shutil
from pathlib import Path, PurePath
from typing import Any

from playground import media
from playground.errors import ControlError, bad_request
from playground.forms import Upload
from playground.model import File, FileKind
from playground.store import Store

MAX_DOWNLOAD = 20 << 20
"""Bytes that a bot may fetch with getFile."""
MAX_UPLOAD = 50 << 20
"""Bytes that a bot may send."""
MAX_PHOTO = 10 << 20

_FOLDERS: dict[FileKind, str] = {
    "photo": "photos", "document": "documents", "video": "videos", "audio": "music",
    "voice": "voice", "animation": "animations", "sticker": "stickers",
    "video_note": "video_notes",
}  # fmt: skip
_PREFIXES: dict[FileKind, str] = {
    "photo": "AgACAgIAAxkB", "document": "BQACAgIAAxkB", "video": "BAACAgIAAxkB",
    "audio": "CQACAgIAAxkB", "voice": "AwACAgIAAxkB", "animation": "CgACAgIAAxkB",
    "sticker": "CAACAgIAAxkB", "video_note": "DQACAgIAAxkB",
}  # fmt: skip
"""How Telegram's file_ids of each kind begin."""
_LOOKS_LIKE_ID = re.compile(r"[A-Za-z0-9_-]{20,}")


class Files:
    """All files, in a folder or in memory."""

    def __init__(self, folder: Path | None, store: Store) -> None:
        self._folder = folder / "files" if folder else None
        self._store = store
        self._contents: dict[str, bytes] = {}
        self._by_id: dict[str, File] = {}
        self._by_path: dict[str, File] = {}
        for _, body in store.read("file"):
            self._index(File(**body))

    async def add(
        self, upload: Upload, kind: FileKind, details: dict[str, Any] | None = None
    ) -> File:
        """Keep an upload. Raises ApiError for what Telegram wouldn't take as this kind."""
        head = upload.stream.read(32)
        upload.stream.seek(0)
        mime = media.mime_of(upload.name, upload.mime, head)
        found = {**_details(upload, kind), **(details or {})}
        digest = await asyncio.to_thread(self._keep, upload)
        return self._record(kind, digest, digest, upload.size, upload.name, mime, found)

    def add_without_content(self, name: str, size: int, kind: FileKind) -> File:
        """A file of a size that can't be downloaded anyway; raises ControlError for a small one."""
        if size <= MAX_DOWNLOAD:
            raise ControlError(f"a file without content must be larger than {MAX_DOWNLOAD} bytes")
        mime = media.mime_of(name, "", b"")
        identity = hashlib.sha256(f"{name} {size}".encode()).hexdigest()
        return self._record(kind, identity, "", size, name, mime, {})

    def get(self, file_id: str) -> File:
        """By file_id; raises ApiError in Telegram's words."""
        file = self._by_id.get(file_id)
        if file is not None:
            return file
        if _LOOKS_LIKE_ID.fullmatch(file_id):
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        raise bad_request("invalid file_id")

    def find(self, file_id: str) -> File | None:
        """By file_id."""
        return self._by_id.get(file_id)

    def at(self, path: str) -> File | None:
        """By the path that getFile gave."""
        return self._by_path.get(path)

    def content(self, file: File) -> Path | bytes | None:
        """Where the bytes are, or the bytes; None for a file without content."""
        if not file.sha256:
            return None
        return self._place(file.sha256) if self._folder else self._contents[file.sha256]

    def _keep(self, upload: Upload) -> str:
        """Store the bytes under their hash, which is returned."""
        digest = upload.sha256
        if self._folder is None:
            self._contents.setdefault(digest, upload.stream.read())
            return digest
        place = self._place(digest)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_suffix(".partial")
            with partial.open("wb") as target:
                shutil.copyfileobj(upload.stream, target)
            partial.replace(place)
        return digest

    def _place(self, digest: str) -> Path:
        assert self._folder is not None, "only called with a folder"  # noqa: S101
        return self._folder / digest[:2] / digest

    def _record(
        self,
        kind: FileKind,
        identity: str,
        digest: str,
        size: int,
        name: str,
        mime: str,
        details: dict[str, Any],
    ) -> File:
        serial = len(self._by_id) + 1
        file = File(
            id=_PREFIXES[kind] + _token(f"{serial} {identity}", 32),
            unique_id=("AQAD" if kind == "photo" else "AgAD") + _token(identity, 9),
            kind=kind,
            size=size,
            path=f"{_FOLDERS[kind]}/file_{serial}{_suffix(kind, name, mime)}",
            sha256=digest,
            name=name,
            mime=mime,
            details=details,
        )
        self._index(file)
        self._store.save("file", file.id, file)
        return file

    def _index(self, file: File) -> None:
        self._by_id[file.id] = file
        self._by_path[file.path] = file


def _details(upload: Upload, kind: FileKind) -> dict[str, Any]:
    """What Telegram would read from the content; lengths of recordings are not read."""
    if upload.size == 0:
        raise bad_request("file must be non-empty")
    if kind in {"document", "audio", "voice"}:
        return {} if kind == "document" else {"duration": 0}
    size = media.picture_size(upload.stream)
    if kind == "photo":
        return _photo_details(upload, size)
    if kind == "video_note":
        return {"length": 240, "duration": 0}
    width, height = size or (0, 0)
    if kind == "sticker":
        plain = {"type": "regular", "is_animated": False, "is_video": False}
        return {"width": width or 512, "height": height or 512, **plain}
    return {"width": width, "height": height, "duration": 0}


def _photo_details(upload: Upload, size: tuple[int, int] | None) -> dict[str, Any]:
    if upload.size > MAX_PHOTO:
        raise bad_request(
            f"file of size {upload.size} bytes is too big for a photo; "
            f"the maximum size is {MAX_PHOTO} bytes"
        )
    if size is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    width, height = size
    if width + height > 10_000 or max(width, height) > 20 * max(1, min(width, height)):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return {"width": width, "height": height}


def _token(source: str, size: int) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return base64.urlsafe_b64encode(digest[:size]).decode().rstrip("=")


def _suffix(kind: FileKind, name: str, mime: str) -> str:
    if kind == "voice":
        return ".oga"
    if kind == "photo":
        return {"image/png": ".png", "image/webp": ".webp"}.get(mime, ".jpg")
    suffix = PurePath(name).suffix
    return suffix if re.fullmatch(r"\.\w{1,10}", suffix) else ""
