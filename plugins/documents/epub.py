"""EPUB: its chapters in the order of reading."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from plugins.documents import html, prose
from plugins.documents.package import Fields, Handler, Package, resolve, unpacked
from plugins.documents.source import Limits, Source
from plugram import SandboxRefused

_PROPERTIES = ("title", "creator", "subject", "description", "publisher", "contributor")
_PAGES = ("xhtml", "html", "htm", "xml")
_LOCKED = b"EncryptedData"
_FONTS = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the number of their `chapter` in the order of reading. `metadata`: title,
    author, created, words. `language` as the book declares it."""
    with unpacked(source, limits) as package:
        _refuse_locked(package)
        meta = Fields()
        chapters = _chapters(package, meta)
        sections: list[prose.SectionDict] = []
        for number, part in enumerate(chapters, 1):
            sections += [
                {**section, "locator": {"chapter": number}}
                for section in html.sections_of(package.read(part))
            ]
        warnings = package.warnings
    if not sections:
        raise SandboxRefused("there is no text in the book", reason="empty")
    told = [meta.values.get(name, "") for name in _PROPERTIES]
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": _metadata(meta) | {"words": prose.count_words(s["text"] for s in sections)},
        "language": meta.values.get("language", "")[:2].lower(),
        "warnings": warnings,
    }


def _refuse_locked(package: Package) -> None:
    """Fonts may be scrambled in a book that can be read; chapters may not."""
    locks = package.read("META-INF/encryption.xml", 1 << 20)
    kinds = locks.count(_LOCKED)
    chapters = b".xhtml" in locks or b".html" in locks
    if kinds > sum(locks.count(font) for font in _FONTS) and chapters:
        raise SandboxRefused("the book is locked to its buyer", reason="encrypted")


def _metadata(meta: Fields) -> dict[str, Any]:
    named = {"title": "title", "creator": "author", "date": "created", "subject": "subject"}
    return {ours: meta.values[theirs] for theirs, ours in named.items() if theirs in meta.values}


def _chapters(package: Package, meta: Fields) -> list[str]:
    root = _Attributes("rootfile", "full-path")
    package.parse("META-INF/container.xml", root)
    books = [path for (path,) in root.found] or [
        name for name in package.names if name.endswith(".opf")
    ]
    for book in books:
        items = _Attributes("item", "id", "href", "properties")
        spine = _Attributes("itemref", "idref")
        package.parse(book, items)
        package.parse(book, spine)
        package.parse(book, meta)
        folder = PurePosixPath(book).parent
        parts = {key: resolve(folder, unquote(href)) for key, href, _ in items.found}
        found = [parts[key] for (key,) in spine.found if key in parts]
        if found:
            return list(dict.fromkeys(found))
    return sorted(name for name in package.names if name.rpartition(".")[2].lower() in _PAGES)


class _Attributes(Handler):
    """Attributes of all elements of a name."""

    def __init__(self, element: str, *keys: str) -> None:
        self.found: list[tuple[str, ...]] = []
        self._element, self._keys = element, keys

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._element:
            self.found.append(tuple(attributes.get(key, "") for key in self._keys))
