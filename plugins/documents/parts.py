"""Zipped XML of other programs: Visio, XPS, Hangul, Apple's Pages, Numbers and Keynote."""

from __future__ import annotations

import re
from typing import Any

from plugins.documents import markup, members, prose
from plugins.documents.package import Package, properties, unpacked
from plugins.documents.source import Limits, Source
from plugram import SandboxRefused

_PREVIEW = re.compile(r"(?:QuickLook/)?Preview\.pdf\Z")
_TEXTS = re.compile(
    r"(?:visio/(?:pages|masters)/(?:page|master)\d+\.xml|.*\.fpage|Contents/section\d+\.xml|"
    r"index\.(?:xml|apxl))\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the `page` they stand on, in the order of the parts' numbers. Apple's newer
    documents are read from the preview that they bring. `metadata`: title, author, words."""
    with unpacked(source, limits) as package:
        sections = _sections(package) or _preview(package)
        metadata, told = properties(package)
        warnings = package.warnings
    if not sections:
        raise SandboxRefused("there is no text in the document", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": metadata | {"words": words},
        "warnings": warnings,
    }


def _sections(package: Package) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    names = sorted(filter(_TEXTS.match, package.names), key=_order)
    for number, name in enumerate(names, 1):
        elements = markup.Elements()
        package.parse(name, elements)
        text = "\n".join(piece for _, piece in elements.pieces)
        if text:
            found.append(prose.section(text, page=number))
    return found


def _order(name: str) -> tuple[bool, list[int], str]:
    """Pages before what they are made after."""
    return "masters" in name, [int(number) for number in _NUMBER.findall(name)], name


def _preview(package: Package) -> list[prose.SectionDict]:
    for name in filter(_PREVIEW.search, package.names):
        found: list[prose.SectionDict] = members.read(
            package.limits, "Preview.pdf", package.read(name)
        )
        return [{**one, "locator": {"page": one["locator"].get("page", 1)}} for one in found]
    return []
