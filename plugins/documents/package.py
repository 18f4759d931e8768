"""Office documents as they lie on disk: XML parts in a zip archive, read by streaming.

OOXML, OpenDocument and EPUB share this. Trees are never built: a small hostile file can blow one
up to gigabytes.
"""

from __future__ import annotations

import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from html.entities import html5
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from xml.parsers import expat

from plugins.documents import prose
from plugins.documents.source import Limits, Source, opened
from plugram import SandboxRefused, safe_zip

DAMAGED = "damaged"
TOO_LONG = "output"
BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError
)  # fmt: skip
"""What zipfile raises over a damaged archive, or a way of packing that it doesn't know."""
BROKEN_XML = (expat.ExpatError, LookupError, ValueError)
"""Not well-formed, or in an encoding that nobody knows."""
_WITHIN = "within"
_DEEPEST = 500
_LONGEST = 32
"""Characters of an entity that is let pass: a character's name."""
_CHUNK = 1 << 16
_SHARE_OF_TIME = 0.7
"""Of the child's CPU seconds; what is left is for the parts that are short, and for the result."""


class Handler:
    """Receives the elements of a part. Names are local: Strict and Transitional differ only in
    their namespaces."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...


class Late(Exception):
    """The time for this file is nearly used up."""


class Deadline:
    """Reading ends while there is time to say what was read. Without a limit it never comes."""

    def __init__(self, limits: Limits) -> None:
        self._at = float(limits.get("cpu_seconds") or 1e9) * _SHARE_OF_TIME

    @property
    def passed(self) -> bool:
        return time.process_time() > self._at

    def check(self) -> None:
        if self.passed:
            raise Late


class Package:
    """Parts of a document and how they are related."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits) -> None:
        self._archive = archive
        self._names = {name.lower().lstrip("/"): name for name in archive.namelist()}
        self._deadline = Deadline(limits)
        self.limits = limits
        self.warnings: list[str] = []

    @property
    def names(self) -> list[str]:
        return list(self._names.values())

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        return self._archive.infolist()

    def parse(self, part: str, handler: Handler) -> bool:
        """Stream a part through a handler; False if it is missing or breaks off. What can't be
        finished in time stays unread, with a warning."""
        stream = self.open(part)
        if stream is None:
            return False
        try:
            with stream:
                parse(stream, handler, self._deadline)
        except Late:
            self.warn(TOO_LONG)
        except (*BROKEN_XML, *BROKEN_ZIP):
            return False
        return True

    def open(self, part: str) -> BinaryIO | None:
        name = self._names.get(part.lower())
        try:
            return None if name is None else self._archive.open(name)  # type: ignore[return-value]
        except BROKEN_ZIP:
            return None

    def read(self, part: str, most: int = 64 << 20) -> bytes:
        """All of a part, or its beginning; empty if it is missing."""
        stream = self.open(part)
        if stream is None:
            return b""
        try:
            with stream:
                return stream.read(most)
        except BROKEN_ZIP:
            return b""

    @property
    def late(self) -> bool:
        return self._deadline.passed

    def warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def related(self, source: str, kind: str) -> list[str]:
        """Parts that `source` (empty: the package) names as of a kind, in order."""
        return [part for _, end, part in self.links(source) if end == kind]

    def links(self, source: str) -> list[tuple[str, str, str]]:
        """(id, kind, part) of each link inside the package."""
        folder = PurePosixPath(source).parent
        rels = str(folder / "_rels" / f"{PurePosixPath(source).name}.rels")
        links = _Links()
        self.parse(rels.removeprefix("./"), links)
        return [(key, kind, resolve(folder, target)) for key, kind, target in links.found]


@contextmanager
def unpacked(source: Source, limits: Limits) -> Iterator[Package]:
    """The package in a file; one inside another shares its budget. Raises SandboxRefused."""
    with opened(source) as stream, safe_zip(stream, limits, within=limits.get(_WITHIN)) as archive:
        yield Package(archive, limits | {_WITHIN: archive})


def resolve(folder: PurePosixPath, target: str) -> str:
    """A link as a part's name; it doesn't lead out of the package."""
    parts: list[str] = []
    whole = target if target.startswith("/") else f"{folder}/{target}"
    for step in whole.replace("\\", "/").split("/"):
        if step == ".." and parts:
            parts.pop()
        elif step not in {"", ".", ".."}:
            parts.append(step)
    return "/".join(parts)


def parse(stream: BinaryIO, handler: Handler, deadline: Deadline) -> None:
    """Raises ExpatError where it breaks off, Late, SandboxRefused for what is hostile."""
    parser = _parser(handler)
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk, False)
        deadline.check()
    parser.Parse(b"", True)


def _parser(handler: Handler) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.buffer_size = _CHUNK
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise SandboxRefused("its elements nest too deep", reason="corrupt")
        if attributes:
            attributes = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        handler.start(name.rpartition(" ")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(name.rpartition(" ")[2])

    def entity(
        _name: str, _parameter: bool, value: str | None, _base: str | None,
        system: str | None, _public: str | None, notation: str | None,
    ) -> None:  # fmt: skip
        # A character's name is harmless, so is a picture that is never fetched; a few lines of
        # entities within entities make gigabytes, and one of a file reads it.
        if notation is None and (system or "&" in (value or "") or len(value or "") > _LONGEST):
            raise SandboxRefused("it declares entities of its own", reason="corrupt")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.EntityDeclHandler = entity
    # A name that nobody declared (`&nbsp;` in a feed) is no reason to stop: it might be declared
    # outside. What is outside is left there, and told to be empty.
    parser.UseForeignDTD(True)
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE)

    def outside(context: str | None, *_: object) -> int:
        parser.ExternalEntityParserCreate(context).Parse(b"", True)
        return 1

    parser.ExternalEntityRefHandler = outside
    parser.SkippedEntityHandler = lambda name, _: handler.text(html5.get(f"{name};", ""))
    return parser


class _Links(Handler):
    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found.append((attributes.get("Id", ""), kind, attributes.get("Target", "")))


class Fields(Handler):
    """Text of leaf elements by name: the properties of a document."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.custom: list[tuple[str, str]] = []
        self._name = ""
        self._held = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._held = ""
        if name in {"property", "user-defined"}:
            self._name = attributes.get("name", "")

    def text(self, text: str) -> None:
        self._held += text

    def end(self, name: str) -> None:
        value = prose.one_line(self._held)
        if value:
            if self._name:
                self.custom.append((self._name, value))
            self.values.setdefault(name, value)
        self._held = ""
        if name in {"property", "user-defined"}:
            self._name = ""


_CORE = {"title": "title", "creator": "author", "subject": "subject", "keywords": "keywords"}
_COUNTS = {"Pages": "pages", "Slides": "slides"}


def properties(package: Package) -> tuple[dict[str, Any], list[str]]:
    """(metadata, what of the properties is text to be found) of an OOXML document."""
    core, app, custom = Fields(), Fields(), Fields()
    for kind, fields in (
        ("core-properties", core),
        ("extended-properties", app),
        ("custom-properties", custom),
    ):
        for part in package.related("", kind):
            package.parse(part, fields)
    found: dict[str, Any] = {
        ours: core.values[theirs]
        for theirs, ours in _CORE.items()
        if prose.is_said(core.values.get(theirs, "unknown"))
    }
    if "created" in core.values:
        found["created"] = core.values["created"]
    for theirs, ours in _COUNTS.items():
        if app.values.get(theirs, "").isdecimal():
            found[ours] = int(app.values[theirs])
    told = [core.values.get(name, "") for name in (*_CORE, "description", "category")]
    told += [app.values.get(name, "") for name in ("Company", "Manager")]
    told += [f"{name}: {value}" for name, value in custom.custom if not name.startswith("_")]
    return found, [line for line in told if line]
