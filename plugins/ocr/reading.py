"""What the engines give, and whether to believe it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

BELIEVED = 0.6
"""Mean confidence from which a page is believed. Measured on the benchmark's judged pages: what a
model reads of its own script has 0.8 and more, of another script 0.2 to 0.5."""
_HAN = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u30ff"
_BETWEEN_HAN = re.compile(f"(?<=[{_HAN}]) (?=[{_HAN}])")
_CONTINUED = re.compile(f"(?<=[{_HAN}]{{12}})\n(?=[{_HAN}])")
"""Chinese and Japanese have no spaces: a full line goes on in the next one."""
_BROKEN = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    confidence: float
    """0–1, as the engine says."""
    paragraph: int = 0
    """Lines of one paragraph have the same number."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one engine read of one page."""

    lines: Sequence[Line] = field(default_factory=list)
    foreign: str = ""
    """The script that it has no letters for, if that is what the page is written in."""

    @property
    def confidence(self) -> float:
        """0–1: the mean of the lines, long ones counting for more."""
        weights = [len(line.text) for line in self.lines]
        if not sum(weights):
            return 0.0
        means = zip(self.lines, weights, strict=True)
        return sum(line.confidence * weight for line, weight in means) / sum(weights)

    @property
    def letters(self) -> int:
        return sum(len(_LETTER.findall(line.text)) for line in self.lines)

    @property
    def score(self) -> float:
        """To choose among readings of one page: how much was read, how surely."""
        return self.confidence * min(1.0, self.letters / 20)

    def believed(self, least: float) -> Reading:
        """Without the lines of less confidence: specks, borders and patterns taken for letters."""
        kept = [line for line in self.lines if line.confidence >= least and line.text]
        return Reading(kept, self.foreign)

    @property
    def text(self) -> str:
        """Lines under each other, an empty one between paragraphs, broken words mended."""
        parts: list[str] = []
        paragraph = self.lines[0].paragraph if self.lines else 0
        for line in self.lines:
            if line.paragraph != paragraph:
                parts.append("")
                paragraph = line.paragraph
            parts.append(_BETWEEN_HAN.sub("", line.text))
        return _BROKEN.sub("", _CONTINUED.sub("", "\n".join(parts))).strip()


def count_words(text: str) -> int:
    return len(_WORD.findall(text))
