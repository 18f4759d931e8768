"""SVG: the text that is written in it. It isn't drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

from plugram import SandboxRefused

_SPOKEN = frozenset({"text", "title", "desc", "tspan", "textPath"})
_SILENT = frozenset({"script", "style", "metadata"})
_BLOCKS = frozenset({"text", "title", "desc"})
_LENGTH = re.compile(r"\s*([\d.]+)\s*(?:px)?\s*")


def extract(path: str, limits: dict[str, Any]) -> dict[str, Any]:
    """One section. `metadata`: width, height, words. Raises SandboxRefused for broken XML, and for
    entities of the file's own, which are traps."""
    reader = _Reader()
    try:
        reader.parser.Parse(Path(path).read_bytes(), True)
    except expat.ExpatError as error:
        raise SandboxRefused(f"not well-formed: {error}", reason="corrupt") from None
    text = "\n".join(line for line in map(" ".join, map(str.split, reader.lines)) if line)
    words = len(re.findall(r"\w+", text))
    return {
        "sections": [{"text": text, "locator": {}}] if text else [],
        "metadata": reader.size | {"format": "SVG", "words": words},
    }


class _Reader:
    """Collects what stands inside of texts, titles and descriptions."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.size: dict[str, int] = {}
        self._open: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if not self._open:
            self.size = _size(attributes)
        self._open.append(tag)
        if tag in _BLOCKS:
            self.lines.append("")

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, data: str) -> None:
        if self.lines and self._open[-1] in _SPOKEN and not _SILENT.intersection(self._open):
            self.lines[-1] += data

    def _refuse(self, *_: Any) -> None:
        raise SandboxRefused("it defines entities of its own", reason="corrupt")


def _size(attributes: dict[str, str]) -> dict[str, int]:
    found = {}
    for name in ("width", "height"):
        match = _LENGTH.fullmatch(attributes.get(name, ""))
        if match and match[1].replace(".", "", 1).isdigit():
            found[name] = min(round(float(match[1])), 1_000_000)
    return found
