"""Files on Telegram's side: contents by their hash, and a record with a file_id per upload."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import shutil
import urllib.request
from pathlib import Path, PurePath, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from playground import media, pictures, recordings
from playground.errors import ControlError, bad_request
from playground.forms import Upload
from playground.model import File, FileKind
from playground.store import Store

MAX_DOWNLOAD = 20 << 20
"""Bytes that a bot may fetch with getFile."""
MAX_UPLOAD = 50 << 20
"""Bytes that a bot may send."""
MAX_LOCAL = 2000 << 20
"""Bytes that a bot may fetch and send through a local server."""
MAX_PHOTO = 10 << 20
_IN_MEMORY = 8 << 20
"""Larger contents are on disk even when the rest is in memory."""

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
    """All files, in a folder or in memory.

    `local` is how a Bot API server of one's own with --local answers: large files, and paths on
    this machine instead of downloads.
    """

    def __init__(self, folder: Path | None, store: Store) -> None:
        self._folder = folder / "files" if folder else None
        self._scratch: TemporaryDirectory[str] | None = None
        self.local = False
        self._store = store
        self._contents: dict[str, bytes] = {}
        self._by_id: dict[str, File] = {}
        self._by_path: dict[str, File] = {}
        for _, body in store.read("file"):
            self._index(File(**body))

    @property
    def max_download(self) -> int:
        """Bytes that a bot may fetch."""
        return MAX_LOCAL if self.local else MAX_DOWNLOAD

    @property
    def max_upload(self) -> int:
        """Bytes that a bot may send."""
        return MAX_LOCAL if self.local else MAX_UPLOAD

    def close(self) -> None:
        """Let go of what was on disk only for now."""
        if self._scratch is not None:
            self._scratch.cleanup()

    async def add(
        self, upload: Upload, kind: FileKind, details: dict[str, Any] | None = None
    ) -> File:
        """Keep an upload. Raises ApiError for what Telegram wouldn't take as this kind."""
        head = upload.stream.read(32)
        upload.stream.seek(0)
        mime = media.mime_of(upload.name, upload.mime, head)
        found = {**_details(upload, kind), **(details or {})}
        smaller = await asyncio.to_thread(pictures.smaller, upload) if kind == "photo" else []
        digest = await asyncio.to_thread(self._keep, upload)
        file = self._record(kind, digest, digest, upload.size, upload.name, mime, found)
        for size in smaller:
            file.sizes.append((await self._add_size(size)).as_json())
        return file

    async def _add_size(self, upload: Upload) -> File:
        """A smaller size of a photo."""
        digest = await asyncio.to_thread(self._keep, upload)
        size = media.picture_size(upload.stream) or (0, 0)
        details = {"width": size[0], "height": size[1]}
        return self._record("photo", digest, digest, upload.size, "", "image/jpeg", details)

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
        return self._contents.get(file.sha256) or self._place(file.sha256)

    async def download_path(self, file: File, token: str) -> str:
        """What getFile answers: below the download address, or in local mode on this machine."""
        if not self.local:
            return file.path
        place = self._root() / "local" / token / file.path
        await asyncio.to_thread(self._lay_out, file, place)
        return str(place.resolve())

    def _lay_out(self, file: File, place: Path) -> None:
        if place.exists():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        content = self.content(file)
        if isinstance(content, bytes):
            place.write_bytes(content)
        elif content is not None:
            place.hardlink_to(content)

    def _keep(self, upload: Upload) -> str:
        """Store the bytes under their hash, which is returned."""
        digest = upload.sha256
        if self._folder is None and upload.size <= _IN_MEMORY:
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

    def _root(self) -> Path:
        if self._folder is not None:
            return self._folder
        if self._scratch is None:
            self._scratch = TemporaryDirectory(prefix="playground-")
        return Path(self._scratch.name)

    def _place(self, digest: str) -> Path:
        return self._root() / digest[:2] / digest

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


_GZIP, _WEBM = b"\x1f\x8b", b"\x1a\x45\xdf\xa3"
"""How animated stickers (TGS) and video stickers begin."""


def _details(upload: Upload, kind: FileKind) -> dict[str, Any]:
    """What Telegram reads from the content."""
    if upload.size == 0:
        raise bad_request("file must be non-empty")
    if kind == "document":
        return {}
    length = {"duration": recordings.seconds(upload.stream)}
    if kind in {"audio", "voice"}:
        return length
    size = media.picture_size(upload.stream)
    if kind == "photo":
        return _photo_details(upload, size)
    if kind == "video_note":
        return {"length": 240, **length}
    width, height = size or (0, 0)
    if kind == "sticker":
        upload.stream.seek(0)
        head = upload.stream.read(4)
        upload.stream.seek(0)
        moving = {"is_animated": head[:2] == _GZIP, "is_video": head == _WEBM}
        return {"width": width or 512, "height": height or 512, "type": "regular", **moving}
    return {"width": width, "height": height, **length}


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


def fetch(url: str) -> Upload:
    """What is at an address, as Telegram's servers would fetch it; raises ApiError."""
    name = PurePosixPath(urlsplit(url).path).name or "file"
    try:
        with urllib.request.urlopen(url, timeout=20) as response:  # noqa: S310 - http or https
            content = response.read(MAX_DOWNLOAD + 1)
            mime = response.headers.get_content_type()
    except (OSError, ValueError):
        raise bad_request("failed to get HTTP URL content") from None
    if len(content) > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    return Upload.of(name, content, mime)
