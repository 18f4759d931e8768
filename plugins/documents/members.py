"""Files inside files: attachments, entries of archives, embedded objects, read by the same
processors within one budget."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, BinaryIO

from plugins.documents import prose
from plugins.documents.package import DAMAGED, TOO_LONG, Deadline
from plugins.documents.source import Limits
from plugram import SandboxRefused, media

_NEST = "nest"
_MOST_TEXT = 20 << 20
"""Characters out of all members together: what a person wouldn't read anyway."""


@dataclass(slots=True)
class Budget:
    """What is left for all that lies in one file, at any depth."""

    octets: int
    members: int
    text: int = _MOST_TEXT
    deadline: Deadline = field(default_factory=lambda: Deadline({}))

    @property
    def spent(self) -> bool:
        return self.octets <= 0 or self.members <= 0 or self.text <= 0 or self.deadline.passed


@dataclass(slots=True)
class Nest:
    """Where in a file inside a file a processor is."""

    budget: Budget
    levels: int
    """How much deeper it may go."""
    path: str = ""
    warnings: list[str] = field(default_factory=list)

    def warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def nest(limits: Limits) -> Nest:
    """The nest of this run; every processor of the run shares its budget."""
    if _NEST not in limits:
        budget = Budget(
            octets=int(limits.get("unpacked_mb", 200)) << 20,
            members=int(limits.get("archive_entries", 10_000)),
            deadline=Deadline(limits),
        )
        limits[_NEST] = Nest(budget, int(limits.get("archive_depth", 3)))
    found: Nest = limits[_NEST]
    return found


def read(limits: Limits, name: str, content: bytes | BinaryIO) -> list[prose.SectionDict]:
    """The text of a member, each section with `member`: where in the file it lies. A member that
    can't be read is passed over: its neighbours are what the person is looking for."""
    here = nest(limits)
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    here.budget.members -= 1
    here.budget.octets -= stream.seek(0, io.SEEK_END)
    if here.budget.spent:
        here.warn(TOO_LONG)
        return []
    path = f"{here.path}/{name}" if here.path else name
    inner = Nest(here.budget, here.levels - 1, path, here.warnings)
    found = _extract(media.sniff(stream, name), stream, limits | {_NEST: inner})
    here.budget.text -= sum(len(section["text"]) for section in found)
    return [_inside(section, path) for section in found]


def _inside(section: prose.SectionDict, path: str) -> prose.SectionDict:
    """Sections of deeper members say already where they lie."""
    return {**section, "locator": {"member": path} | section["locator"]}


def _extract(mime: str, stream: BinaryIO, limits: Limits) -> list[prose.SectionDict]:
    from plugins.documents import PROCESSORS

    able = [
        one for one in PROCESSORS if one.task == "read" and media.matches(mime, tuple(one.mimes))
    ]
    processor = max(able, key=lambda one: one.score, default=None)
    inner: Nest = limits[_NEST]
    if processor is None or (processor.name in CONTAINERS and inner.levels < 0):
        return []
    module, _, function = processor.target.partition(":")
    try:
        result: dict[str, Any] = getattr(import_module(module), function)(stream, limits)
    except SandboxRefused as refused:
        if refused.reason not in {"empty", "unsupported"}:
            inner.warn(DAMAGED if refused.reason == "corrupt" else "unsupported")
        return []
    for warning in result.get("warnings") or ():
        inner.warn(warning)
    found: list[prose.SectionDict] = result["sections"]
    return found


CONTAINERS = frozenset({"archive", "mail"})
"""Processors whose files lie in each other without end."""
