"""What Word, Excel, PowerPoint and Outlook wrote until 2003; what they lock with a password."""

from __future__ import annotations

from typing import Any

import olefile

from plugins.documents import compound, doc, hwp, members, msg, ppt, prose, xls
from plugins.documents.source import Limits, Source, contents
from plugram import SandboxRefused

_KEPT = ("title", "subject", "author", "keywords", "created")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections with the `paragraph`, the `slide`, or the `sheet` and `row` they start at.
    `metadata`: title, author, subject, keywords, created, words. Refuses with `encrypted` what a
    password protects, with `unsupported` what is another program's."""
    data = contents(source)
    if not data.startswith(olefile.MAGIC):  # Excel 4 and before
        return _result(xls.read(data, data), {}, {}, limits)
    try:
        ole = compound.opened(data)
    except (OSError, ValueError, IndexError) as error:
        raise SandboxRefused(f"not a whole document: {error}", reason="corrupt") from None
    with ole:
        found, metadata = _read(ole, data, limits)
        told = compound.properties(ole)
    return _result(found, metadata, told, limits)


def _result(
    found: list[prose.SectionDict], metadata: dict[str, Any], told: dict[str, str], limits: Limits
) -> dict[str, Any]:
    if not found:
        raise SandboxRefused("there is no text in the document", reason="empty")
    known = {name: told[name] for name in _KEPT if name in told}
    names = [value for name, value in told.items() if name != "created"]
    return {
        "sections": found + prose.properties(names, found),
        "metadata": {
            **known,
            **metadata,
            "words": prose.count_words(section["text"] for section in found),
        },
        "warnings": members.nest(limits).warnings,
    }


def _read(ole: Any, data: bytes, limits: Limits) -> tuple[list[prose.SectionDict], dict[str, Any]]:
    names = {path[0] for path in ole.listdir()}
    if names & {"EncryptedPackage", "EncryptionInfo", "EncryptedSummary"}:
        raise SandboxRefused("the document asks for a password", reason="encrypted")
    if "WordDocument" in names:
        return doc.read(ole, limits), {}
    if {"workbook", "book"} & {name.lower() for name in names}:
        return xls.read(data, compound.stream(ole, "Workbook") or compound.stream(ole, "Book")), {}
    if "BodyText" in names:
        return hwp.read(ole), {}
    if names & {"PowerPoint Document", "PP97_DUALSTORAGE"}:
        return ppt.read(ole), {}
    if "__properties_version1.0" in names:
        return msg.read(ole, limits)
    objects = [one for name, one in compound.objects(ole, [])]
    if objects:  # a document that was put into another one
        return [s for one in objects for s in members.read(limits, "object", one)], {}
    raise SandboxRefused("a compound file of another program", reason="unsupported")
