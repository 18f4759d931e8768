"""File names as people sent them, made harmless, still theirs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from plugram import UserError

LONGEST = 120
"""Characters, the extension included."""
_LONGEST_EXTENSION = 16
_SEPARATORS = re.compile(r"[/\\]")
_SLASH_INSIDE = re.compile(r"(?<=\w)\s*[/\\]\s*(?=\w)")
# Control and line characters; marks that turn the reading direction or can't be seen, which make
# `exe.fdp` out of `pdf.exe`. ZWJ and ZWNJ stay: they belong to emoji and to Persian words.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_BLANKS = re.compile(r"\s+")
_WORD_JOINTS = re.compile(r"[_\-.+]+")


def clean(raw: str | None, fallback: str) -> str:
    """The last part of a path, without what can't be seen, at most LONGEST characters; `fallback`
    where nothing is left."""
    name = unicodedata.normalize("NFC", raw or "")
    name = _BLANKS.sub(" ", _UNSEEN.sub("", _BLANKS.sub(" ", name)))
    parts = [part.strip() for part in _SEPARATORS.split(name)]
    name = next((part for part in reversed(parts) if part.strip(" .")), "")
    return _short(name) or fallback


def chosen(raw: str, old: str) -> str:
    """A name that somebody types for a file called `old`, whose extension it gets if it has none.
    Raises UserError: nothing is left of it, or it is too long; what a person typed isn't cut."""
    name = unicodedata.normalize("NFC", raw)
    name = _BLANKS.sub(" ", _UNSEEN.sub("", _BLANKS.sub(" ", name))).strip()
    if len(name) > LONGEST:
        raise UserError("files-name-long", length=len(name), longest=LONGEST)
    # Who types "Invoice 3/4" means no path, and wants to keep the whole of it.
    name = clean(_SLASH_INSIDE.sub("-", name), "")
    if not name:
        raise UserError("files-name-empty")
    ending = extension(old)
    return name if extension(name) or not ending else clean(f"{name}.{ending}", name)


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > _LONGEST_EXTENSION:
        return name[: LONGEST - 1].rstrip() + "…"
    return f"{stem[: LONGEST - len(extension) - 2].rstrip()}….{extension}"


def extension(name: str) -> str:
    """Lower case, without the dot; empty if there is none."""
    _, dot, found = name.rpartition(".")
    return found.lower() if dot and len(found) <= _LONGEST_EXTENSION else ""


def as_words(name: str) -> str:
    """A name for the search: `annual_report-2024.pdf` as its words, then itself."""
    stem = name.rpartition(".")[0] or name
    words = _WORD_JOINTS.sub(" ", stem).strip()
    return name if words == name else f"{words}\n{name}"


# -- tags -----------------------------------------------------------------------------------------

LONGEST_TAG = 32
MOST_TAGS = 20
"""Of one file."""
_HASHTAG = re.compile(r"(?<![\w#&/])#([^\W_][\w-]*)")
_LIST = re.compile(r"[,;\n]+")
_NO_TAG = re.compile(r"[^\w-]+")


def hashtags(text: str) -> list[str]:
    """The #words of a text as tags; what can't be one, and what are too many, is left out."""
    found = dict.fromkeys(_tag(word) for word in _HASHTAG.findall(_seen(text)))
    return [name for name in found if name and len(name) <= LONGEST_TAG][:MOST_TAGS]


def tags(text: str) -> list[str]:
    """What somebody types as tags: `tax, car insurance`, or `tax #car`. Raises UserError for one
    that is too long, and where there is none."""
    return _read(_words(text))


def given_and_taken(text: str) -> tuple[list[str], list[str]]:
    """As `tags`, where `-tax` means a tag to take off."""
    words = _words(text)
    taken = [word for word in words if word.startswith("-")]
    given = [word for word in words if not word.startswith("-")]
    return _read(given) if given or not taken else [], _read(taken) if taken else []


def _words(text: str) -> list[str]:
    text = _seen(text)
    words = _LIST.split(text) if _LIST.search(text) else text.split()
    return [word.strip() for word in words]


def _read(words: Iterable[str]) -> list[str]:
    found = [name for name in dict.fromkeys(map(_tag, words)) if name]
    if not found:
        raise UserError("files-tags-none")
    for name in found:
        if len(name) > LONGEST_TAG:
            raise UserError("files-tag-long", tag=f"{name[:LONGEST_TAG]}…", longest=LONGEST_TAG)
    return found


def merged(
    before: Iterable[str], add: Iterable[str], remove: Iterable[str] = ()
) -> tuple[str, ...]:
    """Tags in their order. Raises UserError if they become too many."""
    gone = set(remove)
    after = sorted({*before, *add} - gone)
    if len(after) > MOST_TAGS:
        raise UserError("files-tags-many", most=MOST_TAGS)
    return tuple(after)


def is_only_hashtags(text: str) -> bool:
    """Whether a text says nothing but #words."""
    words = text.split()
    return bool(words) and all(_HASHTAG.fullmatch(word) for word in words)


def _tag(word: str) -> str:
    """`#Car insurance` → `car_insurance`; empty if nothing is left."""
    return _NO_TAG.sub("_", word.strip().lstrip("#").casefold()).strip("_-")


def _seen(text: str) -> str:
    return _UNSEEN.sub(
        lambda one: " " if one[0].isspace() else "", unicodedata.normalize("NFC", text)
    )
