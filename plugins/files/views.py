"""What a chat reads about a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from plugins.files.models import Stage

if TYPE_CHECKING:
    from plugins.files.models import Document, TelegramFile
    from plugram import Translate

_ICONS = {
    "images": "🖼",
    "videos": "🎬",
    "audio": "🎵",
    "voice": "🎙",
    "animations": "🎞",
    "documents": "📄",
}
_MEGABYTE = 1 << 20


def received(t: Translate, name: str, kind: str) -> str:
    return _lines(_title(name, kind), t("files-status-received"))


def status(
    t: Translate,
    file: TelegramFile,
    document: Document | None = None,
    *,
    original: str = "",
    supported: Iterable[str] = (),
    searchable: bool = True,
) -> str:
    """The status message: the name, how far the file is or why not, and what is known of it.

    `original`: the name under which a duplicate is there already. `supported`: the kinds of files
    that can be read. `searchable`: somebody here makes files searchable.
    """
    title = _title(file.name, file.kind)
    if file.duplicate_of is not None:
        return _lines(title, t("files-problem-duplicate", original=original))
    if file.stage < Stage.STORED:
        state = f"files-problem-{file.problem}" if file.problem else "files-status-received"
        return _lines(title, t(state))
    trouble = file.problem and t(
        f"files-problem-{file.problem}", supported=", ".join(supported) or "–"
    )
    return _lines(title, t(_state(file, searchable)), trouble, _size_of(t, document))


def _state(file: TelegramFile, searchable: bool) -> str:
    if file.stage == Stage.STORED:
        return "files-status-stored"
    if not file.found_by:
        return "files-status-unsearchable"
    if file.stage == Stage.PROCESSED:
        return "files-status-processed" if searchable else "files-status-kept"
    if file.found_by == "label":
        return "files-status-label"
    return "files-status-words" if file.stage == Stage.WORDS else "files-status-meaning"


def _size_of(t: Translate, document: Document | None) -> str:
    if document is None:
        return ""
    parts = []
    if document.pages:
        parts.append(t("files-pages", pages=document.pages))
    if document.words:
        parts.append(t("files-words", words=document.words))
    return " · ".join(parts)


def too_large(t: Translate, name: str, kind: str, size: int, limit: int) -> str:
    told = t(
        "files-refused-large",
        size=-(-size // _MEGABYTE),  # rounded up: 20.3 MB are more than 20
        limit=limit // _MEGABYTE,
    )
    return _lines(_title(name, kind), told)


def empty(t: Translate, name: str, kind: str) -> str:
    return _lines(_title(name, kind), t("files-problem-empty-file"))


def duplicate(t: Translate, name: str) -> str:
    """Goes as a reply to the message that brought the file first."""
    return t("files-duplicate", name=name)


def _title(name: str, kind: str) -> str:
    from plugram import escape

    return f"{_ICONS.get(kind, '📎')} <b>{escape(name)}</b>"


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
