"""What of a scope's files is shown: all or some, page by page, or the trash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from tortoise.expressions import Subquery
from tortoise.functions import Count

from plugins.files import repository
from plugins.files.models import METADATA, Blob, Metadata, Tag, TelegramFile
from plugram import FileKind, Scope, in_scope

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

    from plugram import Context

KINDS: tuple[FileKind, ...] = get_args(FileKind)
_LETTERS = {
    "images": "i",
    "videos": "v",
    "audio": "a",
    "documents": "d",
    "voice": "o",
    "animations": "g",
    "stickers": "s",
    "other": "x",
}
"""Kinds as buttons carry them."""
_KIND_OF = {letter: kind for kind, letter in _LETTERS.items()}
_FURTHEST = 99_999
_TAGS_IN_USE = (
    "SELECT tag.name AS name, COUNT(*) AS files FROM files_tags tag"
    " JOIN files_telegram_files file ON file.id = tag.file_id"
    " WHERE tag.scope = $1 AND file.stage > 0 AND file.duplicate_of IS NULL"
    " AND file.trashed_at IS NULL AND NOT file.deleting"
    " GROUP BY tag.name ORDER BY COUNT(*) DESC, tag.name LIMIT $2"
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Which files a list shows. Buttons carry it, so a list outlives restarts."""

    kind: str = ""
    """A `FileKind`; empty: all."""
    tag: str = ""
    """A tag's `mark`; empty: whatever the tags."""
    trash: bool = False
    page: int = 1

    def pack(self) -> str:
        """At most 18 characters: `d.1f00c3a7.0.12`."""
        return f"{_LETTERS.get(self.kind, '')}.{self.tag}.{int(self.trash)}.{self.page}"

    @classmethod
    def unpack(cls, text: str) -> Shelf:
        """What `pack` wrote; the first page of everything for anything else."""
        parts = text.split(".")
        if len(parts) != 4 or not parts[3].isdecimal():
            return cls()
        page = min(max(int(parts[3][:6]), 1), _FURTHEST)
        return cls(_KIND_OF.get(parts[0], ""), parts[1], parts[2] == "1", page)

    def at(self, page: int) -> Shelf:
        return replace(self, page=page)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a shelf."""

    shelf: Shelf
    """Its page is one that there is, and its tag one that is still in use."""
    files: Sequence[TelegramFile]
    found: int
    """On all pages."""
    pages: int
    tag: str
    """The tag's name."""
    total: int
    """Files outside of the trash, whatever is chosen."""
    trashed: int
    coming: int
    """Files that are on their way into the archive."""
    kinds: dict[str, int]
    """How many files of which kind there are."""


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of one file."""

    file: TelegramFile
    tags: tuple[str, ...]
    facts: Metadata | None
    thumbnail: str
    """The key of its blob; empty if there is none."""


def mark(tag: str) -> str:
    """A tag in eight characters, for buttons."""
    return hashlib.blake2b(tag.encode(), digest_size=4).hexdigest()


@in_scope
async def tags_in_use(ctx: Context, scope: Scope, limit: int = 1000) -> dict[str, int]:
    """Tags and how many visible files have them, the most used first."""
    rows = await ctx.db.fetch(_TAGS_IN_USE, scope.key, limit)
    return {row["name"]: row["files"] for row in rows}


@in_scope
async def tag_of(scope: Scope, wanted: str) -> str:
    """The tag with this mark; empty if no file has it."""
    names = await Tag.filter(scope=scope.key).distinct().values_list("name", flat=True)
    return next((str(name) for name in names if mark(str(name)) == wanted), "")


@in_scope
async def listing(scope: Scope, shelf: Shelf, size: int) -> Listing:
    """The page of a shelf, or the last one if there are fewer."""
    tag = await tag_of(scope, shelf.tag) if shelf.tag else ""
    shelf = replace(shelf, tag=mark(tag) if tag else "")
    rows = _rows(scope, shelf, tag)
    found = await rows.count()
    pages = max(1, -(-found // size))
    shelf = shelf.at(min(max(shelf.page, 1), pages))
    order = ("-trashed_at", "-id") if shelf.trash else ("-id",)
    files = await rows.order_by(*order).offset((shelf.page - 1) * size).limit(size)
    kinds = await _kinds(scope)
    return Listing(
        shelf=shelf,
        files=files,
        found=found,
        pages=pages,
        tag=tag,
        total=sum(kinds.values()),
        trashed=await repository.in_trash(scope).count(),
        coming=await repository.coming(scope),
        kinds=kinds,
    )


def _rows(scope: Scope, shelf: Shelf, tag: str) -> QuerySet[TelegramFile]:
    if shelf.trash:
        return repository.in_trash(scope)
    rows = repository.visible(scope)
    if shelf.kind:
        rows = rows.filter(kind=shelf.kind)
    if tag:
        tagged = Tag.filter(scope=scope.key, name=tag).values("file_id")
        rows = rows.filter(id__in=Subquery(tagged))
    return rows


@in_scope
async def _kinds(scope: Scope) -> dict[str, int]:
    rows = (
        await repository.visible(scope)
        .annotate(files=Count("id"))
        .group_by("kind")
        .values_list("kind", "files")
    )
    found = {str(kind): int(files) for kind, files in rows}
    return {kind: found[kind] for kind in KINDS if kind in found}


@in_scope
async def details(scope: Scope, file_id: int) -> Details | None:
    """A file of the scope, in the trash too; None if there is none."""
    file = await repository.held(scope, file_id)
    if file is None:
        return None
    model = METADATA.get(file.kind)
    blob = await Blob.get_or_none(sha256=file.sha256)
    return Details(
        file=file,
        tags=await repository.tags(scope, file.id),
        facts=await model.get_or_none(file_id=file.id) if model else None,
        thumbnail=blob.thumbnail if blob else "",
    )
