"""What other rooms may know of search: the role `PassageSearch` and its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from plugram import Scope


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


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a passage was found."""

    matched: tuple[str, ...] = ()
    """Words of the query that it has, as they were typed."""
    words: float = 0.0
    """How well the words match; 1 is about every word once."""
    meaning: float = 0.0
    """How far its meaning stands above unrelated texts, from 0; 1 is close."""
    phrase: float = 0.0
    """Share of the query's neighbouring words that are neighbours in the passage."""
    name: float = 0.0
    """Share of the query that is in the file's name."""
    parts: tuple[float, ...] = ()
    """What words, meaning, phrase and name add to the score, in this order."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query as it was looked up."""

    text: str
    """As it was typed."""
    terms: Mapping[str, float]
    """Folded words and stems that count as having it, from 0 to 1: 1 is the word itself."""
    stop: bool = False
    """Says little about what is wanted: "the", "где", "cuál"."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, of a file that the scope has."""

    passage_id: int
    file_id: int
    score: float
    """From 0; comparable within one search."""
    explanation: Explanation = field(default_factory=Explanation)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first."""

    query: str
    """As it was searched: cut if it was too long."""
    hits: Sequence[Hit]
    corrected: Mapping[str, str] = field(default_factory=dict)
    """Words that no document has → what was searched instead."""
    cut: bool = False
    """The query was longer than the setting allows."""
    wordless: bool = False
    """The query has nothing that could be searched: only signs, emoji, spaces."""
    empty: bool = False
    """The scope has no searchable file yet."""
    words: Sequence[Word] = ()
    """Of the query, as they were looked up: typos mended, the unfinished one completed."""
    by_meaning: bool = True
    """False when the embedder is away or its vectors don't fit: words alone were searched."""


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage with its text."""

    passage_id: int
    file_id: int
    text: str
    heading: str
    locator: Mapping[str, Any]
    language: str
    """ISO 639-1 code of its file, or ""."""
    is_name: bool = False
    """The file's name stands for it: none of its text was found, or it has none."""


@runtime_checkable
class PassageSearch(Protocol):
    """Finds passages in the files of a scope."""

    async def search(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int = 50,
        per_file: bool = True,
        filters: Filters | None = None,
    ) -> Found:
        """At most `limit` hits; with `per_file` the best passage of each file only. A query
        without a word finds the newest files that the filters keep."""

    async def passages(self, scope: Scope, passage_ids: Sequence[int]) -> dict[int, FoundPassage]:
        """Their texts; those that are gone, or of another scope, are missing."""

    async def forget(self, scope: Scope, file_id: int) -> None:
        """Take a file out of the index; one that isn't in it is no error."""
