"""The role `FileLibrary`: a scope's files, for rooms that find them or answer from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plugins.files import pages, repository, service
from plugram import (
    BadRequest,
    BlobArchived,
    BlobMissing,
    BlobStore,
    Scope,
    StorageError,
    StoredFile,
    UserError,
)

if TYPE_CHECKING:
    from plugins.files.models import TelegramFile
    from plugram import Context

_METHODS = {
    "document": "sendDocument",
    "photo": "sendPhoto",
    "audio": "sendAudio",
    "video": "sendVideo",
    "voice": "sendVoice",
    "animation": "sendAnimation",
    "video_note": "sendVideoNote",
    "sticker": "sendSticker",
}


class Library:
    """A `FileLibrary` on the tables of this plugin."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def get(self, scope: Scope, file_id: int) -> StoredFile | None:
        """The file, or None if the scope has no such file, or not its bytes."""
        return (await self.get_many(scope, [file_id])).get(file_id)

    async def get_many(self, scope: Scope, file_ids: Sequence[int]) -> dict[int, StoredFile]:
        rows = await repository.kept(scope, file_ids)
        return {file.id: file for file in await repository.all_stored(rows)}

    async def count(self, scope: Scope) -> int:
        return await repository.count(scope)

    async def send(
        self, scope: Scope, file_id: int, chat_id: int, *, reply_to: int | None = None
    ) -> None:
        """Send the file itself: by Telegram's id for it, else from the store. Raises UserError if
        the scope has no such file, or the store doesn't give it."""
        rows = await repository.kept(scope, [file_id])
        if not rows:
            raise UserError("files-gone")
        try:
            await self._send_known(rows[0], chat_id, reply_to)
        except BadRequest as error:
            if "chat" in error.message.lower():  # not the file's fault
                raise
            self._ctx.log.info("file id not accepted, uploading", file=file_id, error=str(error))
            await self._upload(rows[0], chat_id, reply_to)

    def gives_links(self) -> bool:
        return self._ctx.require(BlobStore).gives_links()

    async def offer_link(self, scope: Scope, file_id: int, chat_id: int, language: str) -> None:
        """A link is made when it is shown, and kept nowhere but in that message."""
        page = await self.link_page(scope, file_id, language)
        await self._ctx.telegram.send(chat_id, page.text, buttons=page.rows)

    async def link_page(self, scope: Scope, file_id: int, language: str) -> pages.Page:
        rows = await repository.kept(scope, [file_id])
        if not rows:
            raise UserError("files-gone")
        file = rows[0]
        store = self._ctx.require(BlobStore)
        url = await store.link(file.blob_key, name=file.name, mime=file.mime)
        minutes = max(1, self._ctx.links.seconds // 60)
        return pages.link(self._ctx.translate(language), file, url, minutes)

    async def _send_known(self, file: TelegramFile, chat_id: int, reply_to: int | None) -> None:
        reply = {"message_id": reply_to, "allow_sending_without_reply": True}
        await self._ctx.telegram.call(
            _METHODS[file.sent_as],
            {
                "chat_id": chat_id,
                file.sent_as: file.file_id,
                "reply_parameters": reply if reply_to is not None else None,
            },
        )

    async def _upload(self, file: TelegramFile, chat_id: int, reply_to: int | None) -> None:
        async with self._copy(file) as path:
            await self._ctx.telegram.send_document(chat_id, path, name=file.name, reply_to=reply_to)

    @asynccontextmanager
    async def _copy(self, file: TelegramFile) -> AsyncIterator[Path]:
        async with service.of(self._ctx).desk() as path:
            try:
                await self._ctx.require(BlobStore).fetch(file.blob_key, path)
            except StorageError as error:
                self._ctx.log.error("file not sent from the store", file=file.id, error=str(error))
                raise UserError(_unavailable(error)) from error
            yield path


def _unavailable(error: StorageError) -> str:
    """What to say to whoever asked for the file."""
    if isinstance(error, BlobMissing):
        return "files-problem-lost-bytes"
    return "files-archived" if isinstance(error, BlobArchived) else "files-unavailable"
