"""What the index keeps of a file beside its text: filters look at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from plugram import StoredFile


@dataclass(frozen=True, slots=True)
class FileFacts:
    """As `StoredFile` has them. Without a kind they aren't known yet."""

    kind: str = ""
    mime: str = ""
    sender_id: int = 0
    chat_id: int = 0
    size: int = 0
    """Bytes."""
    created_at: float = 0.0
    """Seconds since 1970."""
    title: str = ""
    tags: tuple[str, ...] = ()
    hidden: bool = False
    """It lies in the trash."""

    @classmethod
    def of(cls, file: StoredFile, *, hidden: bool = False) -> Self:
        return cls(
            kind=file.kind,
            mime=file.mime,
            sender_id=file.sender_id,
            chat_id=file.chat_id,
            size=file.size,
            created_at=file.created_at.timestamp(),
            title=file.title,
            tags=tuple(file.tags),
            hidden=hidden,
        )

    @classmethod
    def of_row(cls, row: Mapping[str, Any], tags: tuple[str, ...]) -> Self:
        """Of a row of search_files."""
        return cls(
            kind=row["kind"],
            mime=row["mime"],
            sender_id=row["sender_id"],
            chat_id=row["chat_id"],
            size=row["size"],
            created_at=row["created_at"],
            title=row["title"],
            tags=tags,
            hidden=bool(row["hidden"]),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        if not text:  # written before there were any
            return cls()
        values = json.loads(text)
        return cls(**{**values, "tags": tuple(values["tags"])})

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def hide(self, hidden: bool) -> FileFacts:
        return replace(self, hidden=hidden)
