"""What happens to a file: received, stored, processed, searchable, or why not."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from plugins.files import batches, extractions, names, quota, reading, repository, views
from plugins.files.keeper import Keeper
from plugins.files.models import Batch, Document, Image, Stage, TelegramFile
from plugins.files.pages import CardFacts
from plugins.files.settings import Settings
from plugins.files.status import GONE, StatusBoard
from plugram import (
    SYSTEM,
    BadRequest,
    BlobMissing,
    BlobStore,
    Extraction,
    PlugramError,
    Processor,
    Retry,
    SandboxRefused,
    Scope,
    Section,
    StorageError,
    TelegramError,
    detect_language,
    hooks,
    media,
)

if TYPE_CHECKING:
    from plugram import Context, Translate

SentAs = Literal[
    "document", "photo", "audio", "video", "voice", "animation", "video_note", "sticker"
]
SENT_AS: tuple[SentAs, ...] = get_args(SentAs)

_KINDS = {
    "photo": "images",
    "video": "videos",
    "video_note": "videos",
    "audio": "audio",
    "voice": "voice",
    "animation": "animations",
    "sticker": "stickers",
}
"""A document's kind is told by its content."""
_KIND_OF_TYPE = {"image": "images", "video": "videos", "audio": "audio", "text": "documents"}
_OFFICE = (
    "application/pdf",
    "application/json",
    "application/rtf",
    "application/epub+zip",
    "application/msword",
    "application/mbox",
    "application/oxps",
    "application/hwp+zip",
    "application/x-hwp",
    "application/x-ipynb+json",
    "application/x-mobipocket-ebook",
    "application/x-ndjson",
    "application/*+xml",
    "message/*",
    media.OLE,
    "application/vnd.openxmlformats-officedocument.*",
    "application/vnd.oasis.opendocument.*",
    "application/vnd.ms-*",
)
_EXTENSIONS = {
    "photo": "jpg",
    "video": "mp4",
    "video_note": "mp4",
    "audio": "mp3",
    "voice": "ogg",
    "animation": "mp4",
}
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_COMMON = {
    "PDF": "application/pdf",
    "DOCX": f"{_OPEN_XML}.wordprocessingml.document",
    "XLSX": f"{_OPEN_XML}.spreadsheetml.sheet",
    "PPTX": f"{_OPEN_XML}.presentationml.presentation",
    "ODT": "application/vnd.oasis.opendocument.text",
    "RTF": "application/rtf",
    "EPUB": "application/epub+zip",
    "TXT": "text/plain",
    "HTML": "text/html",
    "CSV": "text/csv",
    "JSON": "application/json",
    "EML": "message/rfc822",
    "ZIP": "application/zip",
    "JPG": "image/jpeg",
    "PNG": "image/png",
}
"""What a person is told that can be read, where a processor takes it."""
_CHUNK = 1 << 20
_LONGEST_LABEL = 4096
_LONGEST_TITLE = 500
_REPLY_PATIENCE = 5.0
"""Seconds for the first answer; a handler has ten in all."""
_STORING = 900.0
"""Seconds that putting bytes into the store may take: the time-out of its job."""
_SAMPLED, _SAMPLE_LENGTH = 20, 2_000
"""Sections, and characters of them, by which a file's language is told."""
_SURE = 200
"""Characters whose language is believed more than what the file declares."""
UNHEARD = 600.0
"""Seconds for which a file that was read may wait to become searchable."""
_AT_ONCE = 200
"""Files that are handed on in a minute."""
_OUR_JOBS = frozenset({"files.store", "files.process"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message with a file, as far as files go."""

    sent_as: SentAs
    file_id: str
    file_unique_id: str
    chat_id: int
    message_id: int
    sender_id: int
    size: int | None = None
    """Bytes, as Telegram says; None if it doesn't."""
    name: str | None = None
    """As the sender's program called it; anything may be in it."""
    caption: str = ""
    thread_id: int | None = None
    album: str = ""
    """Telegram's id of the album that it came in."""
    form: str = ""
    """The extension, where the kind alone doesn't tell it: of stickers."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Width, height, duration, title, performer, emoji, set_name, where the message has them."""

    @property
    def kind(self) -> str:
        return _KINDS.get(self.sent_as, "documents")

    @property
    def clean_name(self) -> str:
        extension = self.form or _EXTENSIONS.get(self.sent_as)
        made_up = f"{self.sent_as}-{self.message_id}"
        return names.clean(self.name, f"{made_up}.{extension}" if extension else made_up)


@dataclass(frozen=True, slots=True)
class _Content:
    size: int
    sha256: str
    mime: str


class Files:
    """The use cases. One per process: `of(ctx)`."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.settings = ctx.config(Settings)
        self.keeper = Keeper(ctx)
        self._heard_until: datetime | None = None
        self.board = StatusBoard(ctx, self.status_text, self.batch_text, self.settings.edit_pause)

    @property
    def limit(self) -> int:
        """Bytes of the largest file that is taken."""
        return min(self.settings.max_mb << 20, self.ctx.telegram.download_limit)

    # -- received -------------------------------------------------------------------------------

    async def receive(self, item: Incoming, scope: Scope, t: Translate) -> None:
        """Answer a message with a file, and have it stored; in a handler.

        The answer goes first, so it may come twice if we die before the commit; the row and the
        job come once.
        """
        refusal = self._refusal(item, t)
        if refusal:
            await self._reply(item, refusal)
            return
        known = await repository.sent_before(scope, item.file_unique_id)
        batch = await batches.find(scope, item, self.settings.batch_from - 1)
        if known is None or known.problem in repository.LOST:
            over = await quota.refusal(self.ctx, self.settings, item.sender_id, item.size or 0)
            if over is not None:
                await self._reply(item, views.over(t, item.clean_name, item.kind, over))
                return
        if known is not None and known.problem not in repository.LOST:
            if batch is None:
                await self._tell_duplicate(known, item.chat_id, item.message_id, t)
                await self._note_another(item, scope, known)
            else:
                await self._note_duplicate(item, scope, known, batch)
            return
        if batch is not None:
            await self._receive_together(item, scope, known, batch)
            return
        message_id = await self._first_status(item, views.received(t, item.clean_name, item.kind))
        async with self.ctx.transaction(scope):
            file = await self._admit(item, scope, known, message_id)
            await self._enqueue("store", file)
        if message_id is None:
            self.board.touch(file.chat_id, file.id)

    async def _receive_together(
        self, item: Incoming, scope: Scope, lost: TelegramFile | None, batch: Batch
    ) -> None:
        """One of several files at once: the board tells of all of them in one message."""
        if item.album and not item.caption:  # Telegram writes an album's under its first file
            item = replace(item, caption=await repository.caption_of(batch))
        async with self.ctx.transaction(scope):
            await batches.join(batch)
            file = await self._admit(item, scope, lost, None)
            await repository.put_together(file, batch)
            await self._enqueue("store", file)
            self.board.touch(file.chat_id, file.id)

    async def _note_duplicate(
        self, item: Incoming, scope: Scope, known: TelegramFile, batch: Batch
    ) -> None:
        await self.keeper.restore(scope, [known.id])
        async with self.ctx.transaction(scope):
            await batches.join(batch)
            file = await self._admit(item, scope, None, None)
            await repository.put_together(file, batch)
            await repository.change(
                scope, file.id, duplicate_of=known.id, problem=repository.DUPLICATE
            )
            self.board.touch(file.chat_id, file.id)

    async def _note_another(self, item: Incoming, scope: Scope, known: TelegramFile) -> None:
        """Somebody else sent it too: it stays theirs when the first one takes it back."""
        if known.sender_id == item.sender_id:
            return
        async with self.ctx.transaction(scope):
            file = await self._admit(item, scope, None, GONE)
            await repository.change(
                scope, file.id, duplicate_of=known.id, problem=repository.DUPLICATE
            )

    async def _tell_duplicate(
        self, original: TelegramFile, chat_id: int, message_id: int, t: Translate
    ) -> None:
        """Lead to the file that is there already; from the trash it comes back."""
        if await self.keeper.restore(Scope(original.scope), [original.id]):
            text = views.back_from_trash(t, original.name)
            await self.ctx.telegram.send(chat_id, text, reply_to=message_id)
        else:
            text = views.duplicate(t, original.name)
            await self.ctx.telegram.send(original.chat_id, text, reply_to=original.message_id)

    def _refusal(self, item: Incoming, t: Translate) -> str:
        if item.size == 0:
            return views.empty(t, item.clean_name, item.kind)
        if item.size is not None and item.size > self.limit:
            return views.too_large(t, item.clean_name, item.kind, item.size, self.limit)
        return ""

    async def _reply(self, item: Incoming, text: str) -> Mapping[str, Any]:
        return await self.ctx.telegram.send(
            item.chat_id, text, reply_to=item.message_id, thread_id=item.thread_id
        )

    async def _first_status(self, item: Incoming, text: str) -> int | None:
        """Id of the status message. None if Telegram doesn't take it: the file comes first, and
        the board sends the message once it can."""
        try:
            async with asyncio.timeout(_REPLY_PATIENCE):
                return int((await self._reply(item, text))["message_id"])
        except (TelegramError, TimeoutError) as error:
            self.ctx.log.warning("status not sent", chat=item.chat_id, error=str(error))
            return None

    async def _admit(
        self, item: Incoming, scope: Scope, lost: TelegramFile | None, status_message_id: int | None
    ) -> TelegramFile:
        """A row for the file: a new one, or that of an earlier try which came to nothing."""
        file = lost or TelegramFile(scope=scope.key)
        if lost is not None and lost.stage >= Stage.STORED:
            await repository.count_out(lost)
        file.update_from_dict(
            {
                "stage": Stage.RECEIVED,
                "kind": item.kind,
                "sent_as": item.sent_as,
                "name": item.clean_name,
                "named": names.clean(item.name, "") != "",
                "caption": item.caption,
                "size": item.size or 0,
                "file_id": item.file_id,
                "file_unique_id": item.file_unique_id,
                "chat_id": item.chat_id,
                "message_id": item.message_id,
                "sender_id": item.sender_id,
                "title": str(item.facts.get("title") or "")[:_LONGEST_TITLE],
                "problem": "",
                "batch_id": None,
                "status_message_id": status_message_id,
                "revision": file.revision + 1,
                "shown": file.revision + (status_message_id is not None),
                "status_until": 0,  # whoever edits the earlier message doesn't hold this one
            }
        )
        await file.save()
        if tags := names.hashtags(item.caption):
            await repository.set_tags(scope, file.id, sorted(tags))
        if item.facts:
            await repository.describe(file, item.facts)
        return file

    async def _enqueue(self, job: str, file: TelegramFile, key: str | None = None) -> None:
        job_id = await self.ctx.jobs.enqueue(
            job,
            {"scope": file.scope, "file_id": file.id},
            key=key,
            user=file.sender_id,
            chat=file.chat_id,
            scope=Scope(file.scope),
        )
        await repository.note_job(file, job_id)

    # -- stored ---------------------------------------------------------------------------------

    async def store(self, scope: Scope, file_id: int) -> None:
        """Fetch a file from Telegram into the blob store; in a job. Doing it twice does no harm."""
        file = await repository.get(scope, file_id)
        if file is None or file.duplicate_of is not None or file.deleting:
            return
        if file.stage < Stage.STORED:
            try:
                async with self.desk() as path:
                    content = await self._download(file, path)
                    if content is None or not await self._put(file, content, path):
                        return
            except OSError as error:  # the disk of the work files is full or can't be written
                await self._note(file, "no-room")
                raise StorageError(f"file {file_id} can't be fetched: {error.strerror}") from error
            file = await repository.get(scope, file_id)
            if file is None:
                return
        await self.ctx.hooks.deliver(hooks.on_file_stored, file=await repository.stored(file))

    async def _download(self, file: TelegramFile, path: Path) -> _Content | None:
        """None, and the reason noted, if there is nothing to be had."""
        try:
            await self.ctx.telegram.download(file.file_id, path, limit=self.limit)
        except BadRequest as error:
            too_large = "too big" in error.message or "more than" in error.message
            self.ctx.log.warning("file refused by Telegram", file=file.id, error=error.message)
            await self._note(file, "too-large" if too_large else "gone")
            return None
        except TelegramError:
            await self._note(file, "telegram-away")
            raise
        content = await asyncio.to_thread(_look, path, file.name)
        if content.size == 0:
            await self._note(file, "empty-file")
            return None
        return content

    async def _put(self, file: TelegramFile, content: _Content, path: Path) -> bool:
        """Into the store, then into the tables. False if it is there already."""
        scope = Scope(file.scope)
        original = await repository.same_bytes(scope, content.sha256, file.id)
        if original is not None:
            await self._mark_duplicate(file, original)
            return False
        kind = _kind(file.sent_as, content.mime)
        key = await self._reserve(content, kind)
        try:
            await self.ctx.require(BlobStore).put(key, path)
        except StorageError as error:
            self.ctx.log.error("file not stored", file=file.id, error=str(error))
            await self._note(file, "no-room")
            raise
        async with self.ctx.transaction(scope):
            # Whoever stores the same bytes waits here, so one of two equal files sees the other.
            held = await repository.hold_blob(self.ctx, content.sha256, key, kind, content.size)
            original = await repository.same_bytes(scope, content.sha256, file.id)
            if original is None:
                await self._keep(file, content, kind, held.key)
        if original is not None:
            await self._mark_duplicate(file, original)
        return original is None

    async def _reserve(self, content: _Content, kind: str) -> str:
        """The key under which the bytes go. Nobody removes them until they are somebody's."""
        key = f"{kind}/{content.sha256[:2]}/{content.sha256}"
        blob = await repository.reserve_blob(
            self.ctx, content.sha256, key, kind, content.size, _STORING
        )
        if blob is None:  # equal bytes, whose last file was just deleted, are being removed
            raise Retry(1.0)
        return blob.key

    async def _keep(self, file: TelegramFile, content: _Content, kind: str, key: str) -> None:
        values = {
            "kind": kind,
            "mime": content.mime,
            "size": content.size,
            "sha256": content.sha256,
            "blob_key": key,
            "stage": Stage.STORED,
            "problem": "",
        }
        kept = await repository.change(Scope(file.scope), file.id, unless=Stage.STORED, **values)
        if not kept:  # another worker was given this job, and was faster
            return
        await repository.count_in(self.ctx, file.update_from_dict(values))
        await self._enqueue("process", file)
        self.board.touch(file.chat_id, file.id)

    async def _mark_duplicate(self, file: TelegramFile, original: TelegramFile) -> None:
        await repository.change(
            Scope(file.scope),
            file.id,
            unless=Stage.STORED,
            duplicate_of=original.id,
            problem=repository.DUPLICATE,
        )
        self.board.touch(file.chat_id, file.id)
        if file.batch_id is None:
            t = await self._translate(file)
            await self._tell_duplicate(original, file.chat_id, file.message_id, t)
        else:
            await self.keeper.restore(Scope(original.scope), [original.id])

    async def _note(self, file: TelegramFile, problem: str) -> None:
        """Tell why it doesn't go on."""
        if file.problem != problem:
            await repository.change(
                Scope(file.scope), file.id, unless=Stage.STORED, problem=problem
            )
            self.board.touch(file.chat_id, file.id)

    # -- processed ------------------------------------------------------------------------------

    async def process(self, scope: Scope, file_id: int) -> None:
        """Have a stored file read, and hand on what it says; in a job. Repeating it is fine."""
        file = await repository.get(scope, file_id)
        if file is None or file.stage < Stage.STORED or file.deleting:
            return
        content, problem = await self._read_once(file)
        extraction = _labelled(file, content)
        found_by = "text" if content.sections else "label" if extraction.sections else ""
        async with self.ctx.transaction(scope):
            await repository.change(
                scope,
                file_id,
                part=0,
                parts=0,
                problem=problem,
                found_by=found_by,
                language=content.language,
                title=str(content.metadata.get("title") or file.title)[:_LONGEST_TITLE],
            )
            await repository.advance(scope, file_id, Stage.PROCESSED)
            await repository.describe(file, _columns(content.metadata))
        self.board.touch(file.chat_id, file.id)
        if extraction.sections:
            told = replace(await repository.stored(file), language=content.language)
            await self.ctx.hooks.deliver(hooks.on_file_processed, file=told, extraction=extraction)
            await self._tell_again(file)

    async def _tell_again(self, before: TelegramFile) -> None:
        """What changed while a file was read came to the others' ears before its text did."""
        scope = Scope(before.scope)
        file = await repository.get(scope, before.id)
        if file is not None and file.changes != before.changes:
            await self.keeper.tell(scope, file.id, "changed")
        if file is not None and file.trashed_at is not None:
            await self.keeper.tell(scope, file.id, "trash")

    async def _read_once(self, file: TelegramFile) -> tuple[Extraction, str]:
        """As `_read`; from memory if the same readers have read the same bytes before."""
        able = [one for one in self._processors(file) if one.task == "continue"]
        able += [one for one in self._processors(file) if _reads(one, file.mime)]
        readers = extractions.fingerprint(able)
        known = await extractions.find(file.sha256, readers)
        if known is not None:
            return known, _problem(known)
        content, problem = await self._read(file)
        content = replace(content, language=await asyncio.to_thread(_language, content))
        if content.thumbnail:
            await self._keep_thumbnail(file, content.thumbnail)
        was_read = content.sections or content.metadata or content.thumbnail
        packed = await extractions.pack(content) if was_read else None
        if packed is not None:
            async with self.ctx.transaction(SYSTEM):
                await extractions.keep(file.sha256, readers, packed)
        return content, problem

    async def _keep_thumbnail(self, file: TelegramFile, picture: bytes) -> None:
        """Beside the bytes that it shows, and as long as they. Without room there is none."""
        key = f"thumbnails/{file.sha256[:2]}/{file.sha256}.jpg"
        store = self.ctx.require(BlobStore)
        try:
            async with self.desk() as path:
                await asyncio.to_thread(path.write_bytes, picture)
                await store.put(key, path)
        except (StorageError, OSError) as error:
            self.ctx.log.warning("thumbnail not stored", file=file.id, error=str(error))
            return
        if not await repository.note_thumbnail(file.sha256, key):
            await store.delete(key)

    async def _read(self, file: TelegramFile) -> tuple[Extraction, str]:
        """What a processor makes of it, and why not more."""
        nothing = Extraction(sections=[])
        processor = self._processor(file)
        if processor is None:
            return nothing, "unsupported" if file.kind in {"documents", "other"} else ""
        async with self.desk() as path:
            try:
                await self.ctx.require(BlobStore).fetch(file.blob_key, path)
                content = await self._read_through(file, processor, path)
            except BlobMissing as error:
                self.ctx.log.error("bytes of a file are gone", file=file.id, error=str(error))
                return nothing, "lost-bytes"
            except SandboxRefused as error:
                self.ctx.log.warning(
                    "file not read", file=file.id, processor=processor.name, error=str(error)
                )
                return nothing, "no-text" if error.reason == "empty" else error.reason
        problem = _problem(content)
        if problem not in {"", "no-text"}:
            hint = str(content.metadata.get("hint", ""))
            self.ctx.log.warning("file read in part", file=file.id, problem=problem, hint=hint)
        return content, problem

    async def _read_through(
        self, file: TelegramFile, processor: Processor, path: Path
    ) -> Extraction:
        async def progress(part: int, parts: int) -> None:
            await repository.change(Scope(file.scope), file.id, part=part, parts=parts)
            self.board.touch(file.chat_id, file.id)

        content = await reading.read(self.ctx, self._processors(file), processor, path, progress)
        artist = self._processor(file, "thumbnail")
        if not content.thumbnail and artist is not None:
            try:
                drawn = await self.ctx.sandbox.run(artist, path)
                content = replace(content, thumbnail=drawn.thumbnail)
            except SandboxRefused as error:
                self.ctx.log.info("no thumbnail", file=file.id, error=str(error))
        return content

    def _processor(
        self, file: TelegramFile, task: Literal["read", "thumbnail"] = "read"
    ) -> Processor | None:
        readers = self._processors(file)
        able = [one for one in readers if one.task == task and _reads(one, file.mime)]
        return max(able, key=lambda one: one.score, default=None)

    def _processors(self, file: TelegramFile | None = None) -> list[Processor]:
        """Those of plugins that the operator installed first: of equal scores theirs wins. `file`:
        only of plugins that are on for its sender."""
        plugins = sorted(self.ctx.plugins(), key=lambda one: one.origin == "built-in")
        return [
            one
            for plugin in plugins
            if file is None or plugin.flags.enabled(plugin.id, file.sender_id, file.chat_id)
            for one in plugin.parts.processors
        ]

    def supported(self) -> list[str]:
        """What can be read, of what people have most: PDF, DOCX…"""
        readers = [one for one in self._processors() if one.task == "read"]
        return [name for name, mime in _COMMON.items() if any(_reads(one, mime) for one in readers)]

    # -- searchable, or not -----------------------------------------------------------------------

    async def mark_searchable(self, scope: Scope, file_id: int, *, meaning: bool) -> None:
        """Somebody can find it now."""
        stage = Stage.MEANING if meaning else Stage.WORDS
        file = await repository.get(scope, file_id)
        if file is None or not await repository.advance(scope, file_id, stage):
            return
        if file.problem == "unread":  # it was given up, and then tried by hand
            await repository.change(scope, file_id, problem="")
        self.board.touch(file.chat_id, file.id)

    async def mark_dead(self, job_id: int, name: str) -> None:
        """A job of ours was given up: its file's message says so."""
        if name not in _OUR_JOBS:
            return
        row = await self.ctx.jobs.get(job_id)
        file = await repository.get(SYSTEM, int(row.args.get("file_id", 0))) if row else None
        if file is None or file.stage >= Stage.WORDS:
            return
        problem = "dead" if file.stage < Stage.STORED else "unread"
        await repository.change(Scope(file.scope), file.id, problem=problem)
        self.board.touch(file.chat_id, file.id)

    async def reprocess(self, file: TelegramFile) -> None:
        """Have a file read anew, or stored if it never was; by an operator."""
        scope, stored = Scope(file.scope), file.stage >= Stage.STORED
        stage = Stage.STORED if stored else Stage.RECEIVED
        async with self.ctx.transaction(scope):
            await extractions.forget(file.sha256)
            await repository.change(scope, file.id, stage=stage, problem="")
            await self._enqueue("process" if stored else "store", file)

    # -- changed ----------------------------------------------------------------------------------

    async def rename(self, scope: Scope, file: TelegramFile, name: str) -> None:
        """Raises UserError for what is no name."""
        async with self.ctx.transaction(scope):
            await self.keeper.rename(file, name)
            await self._relabel(file, unless="text")

    async def recaption(self, scope: Scope, chat_id: int, message_id: int, caption: str) -> None:
        """The caption of a message was edited; of one that brought no file, nothing happens."""
        file = await repository.by_message(scope, chat_id, message_id)
        if file is None or file.message_id != message_id or file.caption == caption:
            return
        async with self.ctx.transaction(scope):
            await self.keeper.recaption(file, caption)
            await self._relabel(file)

    async def _relabel(self, file: TelegramFile, unless: str = "") -> None:
        """Hand on what a file says together with its new name and caption. `unless`: found by
        this, it needs no more than to be told of."""
        if file.stage >= Stage.PROCESSED and (not unless or file.found_by != unless):
            await self._enqueue("process", file)

    async def card_facts(self, t: Translate, file: TelegramFile) -> CardFacts:
        """What a file's card says beside its row."""
        sender = ""
        if file.chat_id < 0:
            sender = (await self.ctx.people.get(file.sender_id)).name
        return CardFacts(
            status=views.searching(
                t, file, supported=self.supported(), searchable=self._is_searchable(file)
            ),
            content=await extractions.latest(file.sha256),
            sender=sender,
            links=self.ctx.require(BlobStore).gives_links(),
        )

    # -- a person's own -----------------------------------------------------------------------

    async def adopt(self, file: TelegramFile, path: Path) -> None:
        """Store bytes that didn't come from Telegram, and have them read."""
        content = await asyncio.to_thread(_look, path, file.name)
        if await self._put(file, content, path):
            stored = await repository.get(Scope(file.scope), file.id)
            if stored is not None:
                told = await repository.stored(stored)
                await self.ctx.hooks.deliver(hooks.on_file_stored, file=told)

    async def hand_over(self, file: TelegramFile, heir: TelegramFile) -> None:
        """Of two people who sent the same, one takes theirs back: it is the other one's then."""
        scope = Scope(file.scope)
        async with self.ctx.transaction(scope):
            await repository.hand_over(self.ctx, file, heir)
            await repository.set_tags(scope, file.id, sorted(names.hashtags(heir.caption)))
            await self.keeper.announce(scope, [file.id], "changed")
            await self._relabel(file)

    # -- status -----------------------------------------------------------------------------------

    async def status_text(self, file: TelegramFile) -> str:
        """What the status message of a file reads now, in its sender's language."""
        original = None
        if file.duplicate_of is not None:
            original = await repository.get(Scope(file.scope), file.duplicate_of)
        return views.status(
            await self._translate(file),
            file,
            await self._text_of(file) if file.stage >= Stage.PROCESSED else None,
            original=original.name if original else file.name,
            supported=self.supported(),
            searchable=self._is_searchable(file),
        )

    async def batch_text(self, batch: Batch, files: Sequence[TelegramFile]) -> str:
        """What the message of files that came together reads now, in their sender's language."""
        person = await self.ctx.people.get(batch.sender_id)
        how_far = batches.progress(files, searchable=self._is_searchable(next(iter(files), None)))
        return views.batch(self.ctx.translate(person.language), how_far, supported=self.supported())

    def _is_searchable(self, file: TelegramFile | None = None) -> bool:
        """Whether somebody here makes files searchable; for those who sent this one."""
        return any(
            hasattr(plugin.module, "on_file_processed")
            and (file is None or plugin.flags.enabled(plugin.id, file.sender_id, file.chat_id))
            for plugin in self.ctx.plugins()
        )

    async def _text_of(self, file: TelegramFile) -> Document | Image | None:
        return await repository.document(file) or await repository.picture(file)

    async def catch_up(self) -> None:
        """Edit the messages that a crash or an outage left behind, and hand on what was read while
        nobody made files searchable."""
        for file in await repository.behind(20, limit=200):
            self.board.touch(file.chat_id, file.id)
        if self._is_searchable():
            await self._hand_on()
        await self.board.settle()

    async def _hand_on(self) -> None:
        """What was read while nobody made it searchable. Files of people for whom nobody does now
        are passed over: the next look begins behind them, or it would never get any further."""
        files = await repository.unheard(UNHEARD, limit=_AT_ONCE, after=self._heard_until)
        for file in files:
            if self._is_searchable(file):
                await self._enqueue("process", file, key=f"again:{file.id}")
        self._heard_until = files[-1].updated_at if len(files) == _AT_ONCE else None

    async def _translate(self, file: TelegramFile) -> Translate:
        person = await self.ctx.people.get(file.sender_id)
        return self.ctx.translate(person.language)

    # -- work files -------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def desk(self) -> AsyncIterator[Path]:
        """A path for a file that is being worked on; gone afterwards."""
        folder = await asyncio.to_thread(self._new_folder)
        try:
            yield folder / "file"
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _new_folder(self) -> Path:
        work = self.ctx.folder() / "work"
        work.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=work))

    async def tidy(self) -> None:
        """Remove the work files of processes that died a day ago."""
        await asyncio.to_thread(_remove_old, self.ctx.folder() / "work")


# -- one per process ------------------------------------------------------------------------------


def of(ctx: Context) -> Files:
    """The `Files` of a plugin's context: its status board must be one per process."""
    return ctx.once(Files)


# -- in threads, and pure -------------------------------------------------------------------------


def _look(path: Path, name: str) -> _Content:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return _Content(size, digest.hexdigest(), media.sniff(path, name))


def _kind(sent_as: str, mime: str) -> str:
    """The folder: what it was sent as; of a document, what it is."""
    known = _KINDS.get(sent_as) or _KIND_OF_TYPE.get(mime.partition("/")[0])
    return known or ("documents" if media.matches(mime, _OFFICE) else "other")


def _labelled(file: TelegramFile, content: Extraction) -> Extraction:
    """With the name and the caption, which find a file too."""
    labels = []
    if file.named:
        labels.append(Section(names.as_words(file.name), {"part": "name"}))
    if file.caption.strip():
        labels.append(Section(file.caption.strip()[:_LONGEST_LABEL], {"part": "caption"}))
    return replace(content, sections=[*content.sections, *labels])


def _problem(content: Extraction) -> str:
    """Why there isn't more to find in what was read."""
    warning = content.warnings[0] if content.warnings else ""
    if not content.sections:
        return warning or "no-text"
    problem, _, what = warning.partition(":")  # `script:greek`
    return f"{problem}-in-part{':' if what else ''}{what}" if warning else ""


def _reads(processor: Processor, mime: str) -> bool:
    return media.matches(mime, tuple(processor.mimes))


def _language(content: Extraction) -> str:
    """As its words say, for the language that a page declares is often its template's."""
    texts = [one.text for one in content.sections if "part" not in one.locator]
    sample = "\n".join(texts[:_SAMPLED])[:_SAMPLE_LENGTH]
    long_enough = len(sample) >= _SURE or not content.language
    return (detect_language(sample) if long_enough else "") or content.language


def _columns(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A processor's words for what `files_documents` calls otherwise."""
    known = dict(metadata)
    known["written_at"] = known.pop("created", None)
    return known


def _remove_old(work: Path) -> None:
    import time

    day_ago = time.time() - 24 * 3600
    with contextlib.suppress(OSError):
        for folder in work.iterdir():
            if folder.stat().st_mtime < day_ago:
                shutil.rmtree(folder, ignore_errors=True)


def not_found(file_id: int) -> PlugramError:
    return PlugramError(f"there is no file {file_id}", hint="plugram files list")
