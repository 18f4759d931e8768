"""What a chat reads about a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from plugins.files.models import Stage

if TYPE_CHECKING:
    from plugins.files.batches import Progress
    from plugins.files.models import Document, Image, TelegramFile
    from plugins.files.quota import Refusal
    from plugram import Translate

_ICONS = {
    "images": "🖼",
    "videos": "🎬",
    "audio": "🎵",
    "voice": "🎙",
    "animations": "🎞",
    "documents": "📄",
    "stickers": "🌟",
}
_MEGABYTE = 1 << 20
_NAMED = 5
"""Files with the same problem that are named."""


def received(t: Translate, name: str, kind: str) -> str:
    return _lines(title(name, kind), t("files-status-received"))


def status(
    t: Translate,
    file: TelegramFile,
    document: Document | Image | None = None,
    *,
    original: str = "",
    supported: Iterable[str] = (),
    searchable: bool = True,
) -> str:
    """The status message: the name, how far the file is or why not, and what is known of it.

    `original`: the name under which a duplicate is there already. `supported`: the kinds of files
    that can be read. `searchable`: somebody here makes files searchable.
    """
    name = title(file.name, file.kind)
    if file.duplicate_of is not None:
        return _lines(name, t("files-problem-duplicate", original=original))
    if file.stage < Stage.STORED:
        state = f"files-problem-{file.problem}" if file.problem else "files-status-received"
        return _lines(name, t(state))
    found_by = searching(t, file, supported=supported, searchable=searchable)
    return _lines(name, found_by, _size_of(t, document))


def searching(
    t: Translate, file: TelegramFile, *, supported: Iterable[str], searchable: bool
) -> str:
    """How a stored file can be found, or why not."""
    trouble = file.problem and _trouble(t, file, supported)
    progress = ""
    if file.stage == Stage.STORED and file.parts > 1:
        progress = t("files-part", part=file.part, parts=file.parts)
    return _lines(t(_state(file, searchable)), progress, trouble)


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


def _size_of(t: Translate, document: Document | Image | None) -> str:
    if document is None:
        return ""
    parts = []
    if document.pages:
        parts.append(t("files-pages", pages=document.pages))
    if document.words:
        parts.append(t("files-words", words=document.words))
    return " · ".join(parts)


def batch(t: Translate, how_far: Progress, supported: Iterable[str] = ()) -> str:
    """One message about files that came together: counts, then what is wrong with which."""
    counts = [
        ("files-batch-coming", how_far.coming),
        ("files-batch-meaning", how_far.meaning),
        ("files-batch-found", how_far.found),
        ("files-batch-kept", how_far.kept),
        ("files-batch-duplicates", how_far.duplicates),
        ("files-batch-failed", how_far.failed),
    ]
    lines: list[str] = [t("files-batch", files=how_far.files)]
    lines += [t(key, files=files) for key, files in counts if files]
    alike: dict[str, list[TelegramFile]] = {}
    for file in how_far.troubled:
        alike.setdefault(_trouble(t, file, supported), []).append(file)
    lines += [f"\n{_named(t, files)}\n{trouble}" for trouble, files in alike.items()]
    return _lines(*lines)


def _named(t: Translate, files: Sequence[TelegramFile]) -> str:
    names = ", ".join(title(one.name, one.kind) for one in files[:_NAMED])
    more = len(files) - _NAMED
    return f"{names} {t('files-batch-more', files=more)}" if more > 0 else names


def _trouble(t: Translate, file: TelegramFile, supported: Iterable[str]) -> str:
    problem, _, what = file.problem.partition(":")  # `script:greek`
    return t(f"files-problem-{problem}", supported=", ".join(supported) or "–", what=what)


def too_large(t: Translate, name: str, kind: str, size: int, limit: int) -> str:
    told = t(
        "files-refused-large",
        size=-(-size // _MEGABYTE),  # rounded up: 20.3 MB are more than 20
        limit=limit // _MEGABYTE,
    )
    return _lines(title(name, kind), told)


def over(t: Translate, name: str, kind: str, refusal: Refusal) -> str:
    """A limit is hit."""
    return _lines(title(name, kind), t(refusal.key, **refusal.values))


def empty(t: Translate, name: str, kind: str) -> str:
    return _lines(title(name, kind), t("files-problem-empty-file"))


def duplicate(t: Translate, name: str) -> str:
    """Goes as a reply to the message that brought the file first."""
    return t("files-duplicate", name=name)


def back_from_trash(t: Translate, name: str) -> str:
    """Goes as a reply to the message that brought the file again."""
    return t("files-back-from-trash", name=name)


def title(name: str, kind: str) -> str:
    from plugram import escape

    return f"{icon(kind)} <b>{escape(name)}</b>"


def icon(kind: str) -> str:
    return _ICONS.get(kind, "📎")


def size(t: Translate, count: int) -> str:
    """Bytes for people: `340 KB`, `2.3 MB`."""
    if count < 1000:
        return t("files-size-bytes", size=count)
    if count < _MEGABYTE:
        return t("files-size-kb", size=max(1, round(count / 1024)))
    return t("files-size-mb", size=round(count / _MEGABYTE, 1))


def duration(seconds: int) -> str:
    """`3:05`, `1:02:09`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def language(code: str, shown_in: str) -> str:
    """A language's name in another one; its code if nobody knows it."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(code).get_language_name(shown_in) or code
    except (UnknownLocaleError, ValueError):
        return code


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
