"""Roles: what a plugin may provide to the others, and the values that cross between rooms.

A role is a Protocol; its name in manifests and settings is the class name in snake_case
(`BlobStore` → `blob_store`). Exactly one provider answers: the one that `[roles]` names, else
the highest priority.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from core.db.scope import Scope
    from core.people import Person

FileKind = Literal[
    "images", "videos", "audio", "documents", "voice", "animations", "stickers", "other"
]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A user's file as other rooms see it."""

    id: int
    scope: Scope
    kind: FileKind
    name: str
    """As the sender called it, cleaned of path parts and control characters."""
    mime: str
    size: int
    """Bytes."""
    sha256: str
    blob_key: str
    chat_id: int
    message_id: int
    """The message that brought it; (chat_id, message_id) is the way back."""
    sender_id: int
    telegram_file_id: str
    created_at: datetime
    language: str = ""
    tags: tuple[str, ...] = ()
    """In lower case, without #, in alphabetical order."""
    caption: str = ""
    title: str = ""
    """As the document or the song calls itself."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at the door: who sent what kind of update where."""

    kind: str
    """`message`, `callback_query`, …: the Bot API's type of update."""
    person: Person | None
    """None where Telegram names nobody: posts of channels."""
    chat_id: int | None
    chat_type: str
    """`private`, `group`, `supergroup`, `channel`; empty outside of chats."""
    text: str
    """Of a message that is nothing but text; media have none."""
    addressed: bool
    """They wait for an answer: a private chat, a command, a button."""


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text with one place in its document."""

    text: str
    locator: Mapping[str, Any] = field(default_factory=dict)
    """Where: `{"page": 3}` (from 1), `{"paragraph": 12}`, `{"line": 40}`; empty when unknown."""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a processor made of a file."""

    sections: Sequence[Section]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Plain values by name: texts, numbers, booleans. The sandbox drops whatever else there is."""
    language: str = ""
    warnings: Sequence[str] = ()
    thumbnail: bytes = b""
    """A JPEG of at most 320 pixels a side; base64 in the JSON form."""
    resume: Mapping[str, Any] | None = None
    """There is more to read, in another child: it is run with this as `limits["resume"]`. Plain
    values. `processor` names who goes on, if it is somebody else; where nobody has that name, what
    was read so far is all. `settles` is a warning that isn't true where somebody goes on. `done`
    and `total` count the parts: progress to show, and a part that breaks a limit is passed over by
    going on with `done` one higher."""


@dataclass(frozen=True, slots=True)
class Processor:
    """Declares a processor: a pure function `(path: str, limits: dict) -> dict` in its own module.

    The function runs in a child process and must not import the plugin's other modules.
    It returns the JSON form of an `Extraction`.
    """

    name: str
    mimes: Sequence[str]
    """Globs: `application/pdf`, `text/*`."""
    target: str
    """`package.module:function`."""
    version: str = "1"
    """What it made of some bytes is kept under this; raise it when the function reads otherwise."""
    score: int = 50
    """The highest score among the matching processors wins (0–100)."""
    preload: Sequence[str] = ()
    """Modules that the sandbox's parent imports once."""
    task: Literal["read", "continue", "thumbnail"] = "read"
    """`read`: asked first, by type. `continue`: goes on where an `Extraction.resume` names it.
    `thumbnail`: asked, by type, for a picture of a file whose reader made none."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The plugin's settings as far as the child needs them, as JSON: `limits["options"]`."""
    programs: Sequence[str] = ()
    """Programs that its child may start, by name ("tesseract"); nothing else can be executed. With
    a program comes a scratch folder to write to: `limits["scratch"]`, also TMPDIR."""
    memory_mb: int | None = None
    """What it needs where that is more than `[sandbox] memory_mb`; at most `max_memory_mb` is
    given. The next two likewise."""
    cpu_seconds: int | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What a blob store has under a key."""

    key: str
    size: int
    """Bytes."""
    changed_at: float
    """When it was stored: seconds since 1970."""
    archived: bool = False
    """It has to be asked back before it can be read, which costs."""


@runtime_checkable
class BlobStore(Protocol):
    """Keeps bytes by key. Keys are stored in tables, URLs never."""

    async def put(self, key: str, source: Path) -> None:
        """Store the file at `source` under `key`, atomically, and with the bytes that the key says
        if its last part is a sha256. A key that is there already is left as it is. Raises
        StorageError; StorageAway if it may work later."""

    def open(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in chunks of at most 1 MiB. Raises BlobMissing, BlobArchived, and StorageError
        when they break off or, at the end, when they aren't those that the key says."""

    async def fetch(self, key: str, target: Path) -> None:
        """Write the blob to `target`, whole and checked or not at all. Raises as `open` does."""

    async def delete(self, key: str) -> None:
        """Remove it; a key that isn't there is no error."""

    async def exists(self, key: str) -> bool: ...

    def walk(self) -> AsyncIterator[StoredBlob]:
        """All that is stored, in no order; for the verifier. Raises StorageError."""

    def gives_links(self) -> bool:
        """Whether `link` has any to give in this deployment."""

    async def link(self, key: str, *, name: str, mime: str) -> str | None:
        """An address that gives the blob to whoever has it, as a file of this name, for at most
        ten minutes; made to be shown at once, never kept. None where there is none to be had."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def fingerprint(self) -> str:
        """Model, version and dimension: vectors of two fingerprints are never mixed."""

    @property
    def dimension(self) -> int: ...

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension)."""


@runtime_checkable
class FileLibrary(Protocol):
    """A user's files, for rooms that find or answer from them."""

    async def get(self, scope: Scope, file_id: int) -> StoredFile | None:
        """The file, or None if the scope has no such file."""

    async def get_many(self, scope: Scope, file_ids: Sequence[int]) -> dict[int, StoredFile]: ...

    async def send(
        self, scope: Scope, file_id: int, chat_id: int, *, reply_to: int | None = None
    ) -> None:
        """Send the file itself to a chat: by Telegram's file_id, else from the store."""

    async def count(self, scope: Scope) -> int: ...

    def gives_links(self) -> bool:
        """Whether there are links to files: the deployment has a public address."""

    async def offer_link(self, scope: Scope, file_id: int, chat_id: int, language: str) -> None:
        """Send a message with a link to the file that works for minutes, and a button for a fresh
        one. Raises UserError if the scope has no such file."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of what a person gets of their data."""

    path: str
    """In the archive: `documents/Report.pdf`. Whoever writes it makes equal ones differ."""
    size: int
    """Bytes."""
    sha256: str
    open: Callable[[], AsyncIterator[bytes]]
    """Its bytes in chunks, asked for once."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What `import_user_data` knows it by, as JSON: `{"table": "files_telegram_files", "id": 7}`.
    """


@dataclass(frozen=True, slots=True)
class Erased:
    """What a plugin took away in one call of `erase_user_data`."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """What, by a plain word (`files`, `passages`), and how many; no content."""
    more: bool = False
    """There is more to do: it is called again."""
    blobs: Sequence[str] = ()
    """Keys whose bytes nobody has any more; the verifier asks the blob store for them."""


class UserArchive(Protocol):
    """What somebody exported, as `import_user_data` reads it."""

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """The rows of a table of theirs, as they were exported."""

    def files(self) -> Sequence[Mapping[str, Any]]:
        """`path`, `size`, `sha256` and the `about` of each file."""

    def open(self, path: str) -> AsyncIterator[bytes]:
        """A file's bytes in chunks."""


@dataclass(frozen=True, slots=True)
class Provide:
    """Declares a provider of a role (`services` hook)."""

    role: type
    impl: Any
    """The provider itself, made in the `services` hook without input or output; it opens
    connections in `on_startup` or at first use."""
    priority: int = 50
    name: str = ""
    """Distinguishes several providers of one plugin: `[roles] embedder = "embeddings.offline"`."""
