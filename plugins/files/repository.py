"""Statements on the tables of files. Each takes a scope, and joins the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tortoise.expressions import F, Q, Subquery
from tortoise.queryset import QuerySet
from tortoise.timezone import now

from plugins.files.models import (
    METADATA,
    Batch,
    Blob,
    CachedExtraction,
    Document,
    Image,
    Stage,
    Tag,
    TelegramFile,
    UserStatistics,
)
from plugram import SYSTEM, Scope, StoredFile, in_scope, scoped

if TYPE_CHECKING:
    from plugram import Context

DUPLICATE = "duplicate"
LOST = frozenset({"gone", "too-large", "empty-file", "dead", "lost-bytes"})
"""Problems after which there are no bytes: the same file, sent again, gets a new try."""

_GIVEN = (
    *("sender_id", "chat_id", "message_id", "name", "named", "caption"),
    *("file_id", "file_unique_id"),
)
"""What of a file is its message's."""

# A statement that changes nothing but takes the row: who wants the same bytes waits here.
_HOLD_BLOB = (
    "INSERT INTO files_blobs"
    " (sha256, key, kind, size, refcount, created_at, wanted_until, thumbnail)"
    " VALUES ($1, $2, $3, $4, 0, $5, 0, '')"
    " ON CONFLICT (sha256) DO UPDATE SET size = excluded.size"
)
_RESERVE = (
    "INSERT INTO files_blobs"
    " (sha256, key, kind, size, refcount, wanted_until, thumbnail, created_at)"
    " VALUES ($1, $2, $3, $4, 0, {clock} + $6, '', $5)"
    " ON CONFLICT (sha256) DO UPDATE SET wanted_until = excluded.wanted_until"
    " WHERE files_blobs.refcount >= 0"
)
_COUNT = (
    "INSERT INTO files_user_statistics (scope, user_id, kind, files, bytes)"
    " VALUES ($1, $2, $3, 1, $4)"
    " ON CONFLICT (scope, user_id, kind) DO UPDATE SET"
    " files = files_user_statistics.files + 1,"
    " bytes = files_user_statistics.bytes + excluded.bytes"
)

_SET_COUNT = (
    "INSERT INTO files_user_statistics (scope, user_id, kind, files, bytes)"
    " VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (scope, user_id, kind) DO UPDATE SET"
    " files = excluded.files, bytes = excluded.bytes"
)


def _within(scope: Scope) -> QuerySet[TelegramFile]:
    return TelegramFile.all() if scope.is_system else TelegramFile.filter(scope=scope.key)


def _held(scope: Scope) -> QuerySet[TelegramFile]:
    """Files with bytes, those in the trash too."""
    return _within(scope).filter(stage__gte=Stage.STORED, duplicate_of=None, deleting=False)


def visible(scope: Scope) -> QuerySet[TelegramFile]:
    """Files that people see."""
    return _held(scope).filter(trashed_at=None)


def in_trash(scope: Scope) -> QuerySet[TelegramFile]:
    return _held(scope).filter(trashed_at__isnull=False)


@in_scope
async def trashed_ids(scope: Scope, seconds: float = 0, limit: int = 10_000) -> list[int]:
    """Files that have been in the trash for so long, the oldest first."""
    rows = in_trash(scope)
    if seconds:
        rows = rows.filter(trashed_at__lt=now() - timedelta(seconds=seconds))
    return await _ids(rows.order_by("trashed_at").limit(limit))


# -- reading ------------------------------------------------------------------------------------


@in_scope
async def get(scope: Scope, file_id: int) -> TelegramFile | None:
    return await _within(scope).get_or_none(id=file_id)


@in_scope
async def held(scope: Scope, file_id: int) -> TelegramFile | None:
    """A file with bytes, perhaps in the trash."""
    return await _held(scope).get_or_none(id=file_id)


async def of_person(user_id: int, *, after: int, limit: int) -> list[TelegramFile]:
    """All files in somebody's own archive, and what they sent to others, in order: unfinished
    ones, duplicates and half deleted ones too."""
    theirs = Q(scope=Scope.user(user_id).key) | Q(sender_id=user_id)
    with scoped(SYSTEM):
        return await TelegramFile.filter(theirs, id__gt=after).order_by("id").limit(limit)


async def duplicate_of_another(file: TelegramFile, user_id: int) -> TelegramFile | None:
    """Of a stored file, the first that somebody else sent to the same archive after it."""
    if file.stage < Stage.STORED or file.deleting or file.duplicate_of is not None:
        return None
    equal = TelegramFile.filter(scope=file.scope, duplicate_of=file.id, sender_id__not=user_id)
    with scoped(Scope(file.scope)):
        return await equal.order_by("id").first()


@in_scope
async def by_message(scope: Scope, chat_id: int, message_id: int) -> TelegramFile | None:
    """The file that a message brought, or that a message of ours tells of."""
    rows = _held(scope).filter(chat_id=chat_id).order_by("-id")
    return await rows.filter(Q(message_id=message_id) | Q(status_message_id=message_id)).first()


@in_scope
async def coming(scope: Scope) -> int:
    """Files that are on their way and may still arrive."""
    rows = _within(scope).filter(stage__lt=Stage.STORED, duplicate_of=None, deleting=False)
    return await rows.exclude(problem__in=list(LOST)).count()


@in_scope
async def kept(scope: Scope, file_ids: Sequence[int]) -> list[TelegramFile]:
    """Those of the files whose bytes are there."""
    return await visible(scope).filter(id__in=list(file_ids))


@in_scope
async def count(scope: Scope) -> int:
    return await visible(scope).count()


@in_scope
async def newest(
    scope: Scope, limit: int, sender: int | None = None, *, in_trash: bool = False
) -> list[TelegramFile]:
    """The newest first, unfinished ones and duplicates too. `in_trash`: those alone."""
    found = _within(scope) if sender is None else _within(scope).filter(sender_id=sender)
    if in_trash:
        found = found.filter(trashed_at__isnull=False)
    return await found.order_by("-id").limit(limit)


@in_scope
async def sent_before(scope: Scope, file_unique_id: str) -> TelegramFile | None:
    """The file that Telegram knows by this id, in the scope, perhaps in its trash; of a duplicate,
    its original."""
    known = _within(scope).filter(file_unique_id=file_unique_id, deleting=False)
    found = await known.order_by("-id").first()
    if found is not None and found.duplicate_of is not None:
        return await get(scope, found.duplicate_of)
    return found


@in_scope
async def same_bytes(scope: Scope, sha256: str, other_than: int) -> TelegramFile | None:
    """The stored file of the scope that has these bytes, perhaps in its trash."""
    return await _held(scope).filter(sha256=sha256, id__not=other_than).order_by("id").first()


async def blob(sha256: str) -> Blob | None:
    """Never show what it says to a scope: the bytes may have come from another one."""
    return await Blob.get_or_none(sha256=sha256)


async def document(file: TelegramFile) -> Document | None:
    if file.kind != "documents":
        return None
    with scoped(Scope(file.scope)):
        return await Document.get_or_none(file_id=file.id, scope=file.scope)


async def picture(file: TelegramFile) -> Image | None:
    if file.kind != "images":
        return None
    with scoped(Scope(file.scope)):
        return await Image.get_or_none(file_id=file.id, scope=file.scope)


async def behind(seconds: float, limit: int) -> list[TelegramFile]:
    """Files whose status message has been waiting for an edit for a while, of all scopes."""
    late = now() - timedelta(seconds=seconds)
    rows = _within(SYSTEM).filter(shown__lt=F("revision"))
    with scoped(SYSTEM):
        return await rows.filter(updated_at__lt=late).order_by("updated_at").limit(limit)


async def unheard(seconds: float, limit: int, after: datetime | None = None) -> list[TelegramFile]:
    """Files that were read a while ago and that nobody has made searchable, of all scopes, those
    that wait longest first. `after`: only those that changed later than that."""
    late = now() - timedelta(seconds=seconds)
    rows = _within(SYSTEM).filter(stage=Stage.PROCESSED, updated_at__lt=late, trashed_at=None)
    if after is not None:
        rows = rows.filter(updated_at__gt=after)
    with scoped(SYSTEM):
        return await rows.exclude(found_by="").order_by("updated_at").limit(limit)


@in_scope
async def tags(scope: Scope, file_id: int) -> tuple[str, ...]:
    """In alphabetical order."""
    return (await tags_of(scope, [file_id])).get(file_id, ())


@in_scope
async def tags_of(scope: Scope, file_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """By file; files without tags are left out."""
    rows = await _tags(scope).filter(file_id__in=list(file_ids)).order_by("name")
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        found[row.file_id] = (*found.get(row.file_id, ()), row.name)
    return found


def _tags(scope: Scope) -> QuerySet[Tag]:
    return Tag.all() if scope.is_system else Tag.filter(scope=scope.key)


async def stored(file: TelegramFile) -> StoredFile:
    return (await all_stored([file]))[0]


async def all_stored(files: Sequence[TelegramFile]) -> list[StoredFile]:
    """As other rooms see them, in the same order."""
    scopes = {file.scope for file in files}
    whose = Scope(scopes.pop()) if len(scopes) == 1 else SYSTEM
    tagged = await tags_of(whose, [file.id for file in files]) if files else {}
    return [_stored(file, tagged.get(file.id, ())) for file in files]


def _stored(file: TelegramFile, names: tuple[str, ...]) -> StoredFile:
    return StoredFile(
        id=file.id,
        scope=Scope(file.scope),
        kind=file.kind,  # type: ignore[arg-type]  # only kinds are ever written
        name=file.name,
        mime=file.mime,
        size=file.size,
        sha256=file.sha256,
        blob_key=file.blob_key,
        chat_id=file.chat_id,
        message_id=file.message_id,
        sender_id=file.sender_id,
        telegram_file_id=file.file_id,
        created_at=file.created_at,
        language=file.language,
        tags=names,
        caption=file.caption,
        title=file.title,
    )


async def all_ids() -> list[int]:
    """Of all files of all scopes."""
    with scoped(SYSTEM):
        found = await _within(SYSTEM).values_list("id", flat=True)
    return [int(one) for one in found]  # type: ignore[call-overload]


# -- writing ------------------------------------------------------------------------------------


@in_scope
async def change(scope: Scope, file_id: int, *, unless: int = 99, **values: Any) -> bool:
    """Change a row and, with it, what its status message should say. False: it isn't there, or has
    come to the stage `unless`."""
    found = _within(scope).filter(id=file_id, stage__lt=unless)
    done = await found.update(revision=F("revision") + 1, updated_at=now(), **values)
    return done > 0


@in_scope
async def advance(scope: Scope, file_id: int, stage: Stage) -> bool:
    """Bring a stored file to a later stage. False: it was there already, or is gone."""
    found = _within(scope).filter(id=file_id, stage__gte=Stage.STORED, stage__lt=stage)
    done = await found.update(stage=stage, revision=F("revision") + 1, updated_at=now())
    return done > 0


@in_scope
async def alter(scope: Scope, file_id: int, **values: Any) -> bool:
    """Change what others know of a file; False: there is no such file."""
    found = _held(scope).filter(id=file_id)
    done = await found.update(changes=F("changes") + 1, updated_at=now(), **values)
    return done > 0


@in_scope
async def set_tags(scope: Scope, file_id: int, names: Sequence[str]) -> None:
    await Tag.filter(scope=scope.key, file_id=file_id).delete()
    await Tag.bulk_create([Tag(scope=scope.key, file_id=file_id, name=name) for name in names])


@in_scope
async def trash(scope: Scope, file_ids: Sequence[int], by: int) -> list[int]:
    """Put files into the trash; those that weren't there before."""
    found = await _ids(visible(scope).filter(id__in=list(file_ids)))
    done = visible(scope).filter(id__in=found)
    await done.update(trashed_at=now(), trashed_by=by, changes=F("changes") + 1, updated_at=now())
    return found


@in_scope
async def restore(scope: Scope, file_ids: Sequence[int]) -> list[int]:
    """Take files out of the trash; those that were in it."""
    found = await _ids(in_trash(scope).filter(id__in=list(file_ids)))
    done = in_trash(scope).filter(id__in=found)
    await done.update(trashed_at=None, trashed_by=None, changes=F("changes") + 1, updated_at=now())
    return found


async def _ids(query: QuerySet[TelegramFile]) -> list[int]:
    return [int(one) for one in await query.values_list("id", flat=True)]  # type: ignore[call-overload]


@in_scope
async def doom(scope: Scope, file_ids: Sequence[int]) -> list[TelegramFile]:
    """Begin to delete files for good, from the trash or not; those that weren't doomed before."""
    doomed = await _within(scope).filter(id__in=list(file_ids), deleting=False)
    ids = [file.id for file in doomed]
    await _within(scope).filter(id__in=ids).update(deleting=True, changes=F("changes") + 1)
    return doomed


async def remove(seen: TelegramFile) -> bool:
    """All rows of a file, those of its duplicates too, and its share of the counts. False, and
    nothing is done: another job works on it than the one that was seen."""
    rows = TelegramFile.filter(scope=seen.scope, id=seen.id)
    file = await rows.select_for_update().first()
    if file is None:
        return True
    if file.job_id != seen.job_id:
        return False
    if file.stage >= Stage.STORED and file.duplicate_of is None:
        await count_out(file)
    duplicates = TelegramFile.filter(scope=file.scope, duplicate_of=file.id)
    gone = [file.id, *await _ids(duplicates)]
    for model in METADATA.values():
        await model.filter(file_id__in=gone).delete()
    await Tag.filter(file_id__in=gone).delete()
    await TelegramFile.filter(scope=file.scope, id__in=gone).delete()
    if file.batch_id is not None and not await TelegramFile.filter(batch_id=file.batch_id).exists():
        await Batch.filter(id=file.batch_id).delete()
    return True


async def reserve_blob(
    ctx: Context, sha256: str, key: str, kind: str, size: int, seconds: float
) -> Blob | None:
    """The row of bytes that are about to be stored, made if need be; nobody removes them for so
    many seconds. None: they are being removed at this moment."""
    held = await ctx.db.execute(
        _RESERVE.format(clock=ctx.db.clock), sha256, key, kind, size, now(), seconds
    )
    return await Blob.get(sha256=sha256) if held else None


async def note_thumbnail(sha256: str, key: str) -> bool:
    """False: nobody has the bytes any more."""
    return await Blob.filter(sha256=sha256, refcount__gt=0).update(thumbnail=key) > 0


async def unheld_blobs(limit: int = 1000) -> list[str]:
    """Checksums of bytes that no file has."""
    found = Blob.filter(refcount__lte=0).limit(limit)
    return [str(one) for one in await found.values_list("sha256", flat=True)]


async def claim_unheld(ctx: Context, sha256: str) -> Blob | None:
    """Bytes to be removed: nobody has them, and nobody is storing them. They are ours alone
    then."""
    claimed = await ctx.db.execute(
        f"UPDATE files_blobs SET refcount = -1 WHERE sha256 = $1 AND refcount <= 0"  # noqa: S608 - ours
        f" AND wanted_until < {ctx.db.clock}",
        sha256,
    )
    return await Blob.get_or_none(sha256=sha256) if claimed else None


async def drop_blob(blob: Blob) -> None:
    """The row of removed bytes, and what was ever read of them."""
    if await Blob.filter(sha256=blob.sha256, refcount=-1).delete():
        await CachedExtraction.filter(sha256=blob.sha256).delete()


async def caption_of(batch: Batch) -> str:
    """What stands under the files of an album; empty if nothing does."""
    if batch.pk is None:
        return ""
    written = TelegramFile.filter(scope=batch.scope, batch_id=batch.id).exclude(caption="")
    with scoped(Scope(batch.scope)):
        first = await written.order_by("id").first()
    return first.caption if first else ""


async def put_together(file: TelegramFile, batch: Batch) -> None:
    """The batch's message tells of this file."""
    file.batch_id = batch.id
    with scoped(Scope(file.scope)):
        await TelegramFile.filter(scope=file.scope, id=file.id).update(batch_id=batch.id)


async def note_job(file: TelegramFile, job_id: int) -> None:
    """The job that works on a file now."""
    with scoped(Scope(file.scope)):
        await TelegramFile.filter(scope=file.scope, id=file.id).update(job_id=job_id)


async def hold_blob(ctx: Context, sha256: str, key: str, kind: str, size: int) -> Blob:
    """The row of these bytes, made if need be, and held until the transaction ends."""
    await ctx.db.execute(_HOLD_BLOB, sha256, key, kind, size, now())
    return await Blob.get(sha256=sha256)


async def count_in(ctx: Context, file: TelegramFile) -> None:
    """A file has come: one more of its bytes' users, one more of its sender's files."""
    await Blob.filter(sha256=file.sha256).update(refcount=F("refcount") + 1, wanted_until=0)
    await ctx.db.execute(_COUNT, file.scope, file.sender_id, file.kind, file.size)


async def count_out(file: TelegramFile) -> None:
    """A file is no more: the opposite of `count_in`."""
    await Blob.filter(sha256=file.sha256).update(refcount=F("refcount") - 1)
    await UserStatistics.filter(scope=file.scope, user_id=file.sender_id, kind=file.kind).update(
        files=F("files") - 1, bytes=F("bytes") - file.size
    )


async def set_statistics(
    ctx: Context, scope: str, user_id: int, kind: str, files: int, size: int
) -> None:
    """What the rows of files say, in place of what was counted."""
    await ctx.db.execute(_SET_COUNT, scope, user_id, kind, files, size)


async def describe(file: TelegramFile, facts: Mapping[str, Any]) -> None:
    """Write what is known of a file into the table of its kind, as far as that has columns."""
    model = METADATA.get(file.kind)
    if model is None:
        return
    known = model.fitting(facts)
    row = await model.get_or_none(file_id=file.id)
    if row is None:
        await model.create(file_id=file.id, scope=file.scope, **known)
    elif known:
        await row.update_from_dict(known).save(update_fields=list(known))


async def hand_over(ctx: Context, file: TelegramFile, heir: TelegramFile) -> None:
    """Make a file that of whoever sent its duplicate, in the caller's transaction."""
    given = {name: getattr(heir, name) for name in _GIVEN}
    rows = TelegramFile.filter(scope=file.scope)
    await count_out(file)
    await rows.filter(duplicate_of=file.id, sender_id=file.sender_id).delete()
    await rows.filter(id=heir.id).delete()
    await Tag.filter(file_id=heir.id).delete()
    await rows.filter(id=file.id).update(
        **given, batch_id=None, status_message_id=0, changes=F("changes") + 1, updated_at=now()
    )
    await count_in(ctx, file.update_from_dict(given))


async def release_unheld() -> None:
    """Count bytes as nobody's whose files' rows are gone: they were deleted while this plugin was
    switched off."""
    held = TelegramFile.filter(stage__gte=Stage.STORED, duplicate_of=None)
    with scoped(SYSTEM):
        await Blob.filter(refcount__gt=0, sha256__not_in=Subquery(held.values("sha256"))).update(
            refcount=0
        )


@in_scope
async def statistics(scope: Scope, user_id: int | None = None) -> list[UserStatistics]:
    found = UserStatistics.all() if scope.is_system else UserStatistics.filter(scope=scope.key)
    return await (found if user_id is None else found.filter(user_id=user_id)).order_by("kind")
