"""What somebody wants found besides the words: what the index is asked to keep to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Properties of files. Empty ones don't matter."""

    kinds: tuple[str, ...] = ()
    """`FileKind` values. A file is of one of these kinds, or of one of the types."""
    types: tuple[str, ...] = ()
    """Mime globs (`application/pdf`, `text/*`) and endings of names with their dot (`.py`)."""
    senders: tuple[int, ...] = ()
    """Telegram user ids: sent by one of them."""
    chats: tuple[int, ...] = ()
    """Telegram chat ids: it came in one of them."""
    tags: tuple[str, ...] = ()
    """In lower case. Wanted: the file has all of them; unwanted: it has none."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes: in one of them."""


@dataclass(frozen=True, slots=True)
class Filters(Facts):
    """What files must be and have to be found at all. Applied before ranking, so a hit that is
    filtered out never takes another one's place. Several of them: each must hold."""

    after: datetime | None = None
    """UTC; `created_at` is this or later."""
    before: datetime | None = None
    """UTC; `created_at` is earlier."""
    size_min: int | None = None
    """Bytes, inclusive."""
    size_max: int | None = None
    """Bytes, inclusive."""
    phrases: tuple[str, ...] = ()
    """Each stands in the file's name or text just so: its words side by side, case and accents
    as the analyzer folds them, not stemmed. The passages shown are those that have one of them."""
    excluded: tuple[str, ...] = ()
    """Words and phrases, as typed. The file has none of them, neither in its text nor in its
    name; a word counts in the form that was typed."""
    unwanted: Facts = field(default_factory=Facts)
    """What the file must not be: none of these."""

    def __bool__(self) -> bool:
        """Whether there is anything to keep to."""
        return self != Filters()
