"""PPTX: every slide with its notes, tables, charts and diagrams, and what their masters show."""

from __future__ import annotations

from typing import Any

from plugins.documents import drawing, members, prose
from plugins.documents.package import DAMAGED, Handler, Package, properties, unpacked
from plugins.documents.source import Limits, Source
from plugram import SandboxRefused

_MAIN = "officeDocument"
_ON_SLIDE = ("chart", "chartEx", "diagramData")
_BESIDE = ("comments", "notesSlide")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """A section per `slide` under its title, one for its notes and one for its comments with
    `part`, and one with what masters show on all slides; embedded documents with `member`.
    `metadata`: title, author, subject, keywords, created, slides, words."""
    with unpacked(source, limits) as package:
        sections = _sections(package)
        metadata, told = properties(package)
        warnings = package.warnings
    if not sections:
        if DAMAGED in warnings:
            raise SandboxRefused("its text is damaged", reason="corrupt")
        raise SandboxRefused("there is no text in the presentation", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    return {
        "sections": sections + prose.properties(told, sections),
        "metadata": metadata | {"words": words},
        "warnings": warnings,
    }


def _sections(package: Package) -> list[prose.SectionDict]:
    found: list[prose.SectionDict] = []
    slides = _slides(package)
    for number, part in enumerate(slides, 1):
        found += _slide(package, number, part)
    shown = prose.tidy("\n".join(_shown_on_all(package, slides))).strip()
    return found + ([prose.section(shown, part="master")] if shown else [])


def _shown_on_all(package: Package, slides: list[str]) -> list[str]:
    """What layouts and masters of these slides say, once: a company's name, how secret it is."""
    layouts = dict.fromkeys(part for slide in slides for part in _linked(package, slide, "Layout"))
    masters = dict.fromkeys(part for one in layouts for part in _linked(package, one, "Master"))
    lines: dict[str, None] = {}
    for part in (*masters, *layouts):
        fixed = drawing.Fixed(alternatives=False)
        package.parse(part, fixed)
        lines.update(dict.fromkeys(fixed.lines))
    return list(lines)


def _linked(package: Package, source: str, what: str) -> list[str]:
    return [part for _, kind, part in package.links(source) if kind == f"slide{what}"]


def _slides(package: Package) -> list[str]:
    """In the order of the show, hidden ones too; without a list, in the order of their names."""
    for main in package.related("", _MAIN):
        order = _Order()
        if not package.parse(main, order):
            package.warn(DAMAGED)
        parts = {key: part for key, kind, part in package.links(main) if kind == "slide"}
        listed = [parts[key] for key in order.keys if key in parts]
        if listed:
            return listed
    found = [name for name in package.names if name.startswith("ppt/slides/slide")]
    return sorted(found, key=lambda name: (len(name), name))


def _slide(package: Package, number: int, part: str) -> list[prose.SectionDict]:
    shapes = drawing.Shapes()
    if not package.parse(part, shapes):
        package.warn(DAMAGED)
    lines = list(shapes.lines)
    for _, drawn in drawing.told(package, part, _ON_SLIDE):
        lines += drawn
    found = [_section(lines, shapes.title, slide=number)]
    for kind, beside in drawing.told(package, part, _BESIDE):
        name = "notes" if kind == "notesSlide" else kind
        found.append(_section(beside, shapes.title, slide=number, part=name))
    for _, kind, inner in package.links(part):
        if kind in {"package", "oleObject"}:
            name = inner.rpartition("/")[2]
            found += members.read(package.limits, name, package.read(inner))
    return [section for section in found if section["text"]]


def _section(lines: list[str], heading: str, **place: Any) -> prose.SectionDict:
    return prose.section(prose.tidy("\n".join(lines)).strip(), heading, **place)


class _Order(Handler):
    def __init__(self) -> None:
        self.keys: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        # Two attributes are called id: the link's comes last.
        if name == "sldId":
            self.keys.append(attributes.get("id", ""))
