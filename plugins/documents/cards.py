"""vCards and calendars: a line a field, the person or the event as the heading; subtitles: what is
said, by its time."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from typing import Any

from plugins.documents import prose
from plugins.documents.source import Limits, Source, contents
from plugins.documents.text import decode
from plugram import SandboxRefused

_FOLD = re.compile(r"\r?\n[ \t]")
_SOFT_FOLD = re.compile(r"=\r?\n")
_FIELD = re.compile(r"([\w.-]+)((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)")
_ESCAPE = re.compile(r"\\([nN,;\\])")
_UNTOLD = frozenset(
    "BEGIN END VERSION PRODID PHOTO LOGO SOUND KEY UID REV DTSTAMP SEQUENCE CALSCALE METHOD "
    "TRANSP X-WR-TIMEZONE TZID TZOFFSETFROM TZOFFSETTO CLASS PRIORITY".split()
)
_NAMES = ("FN", "SUMMARY", "N", "ORG")
_TIMES = re.compile(
    r"(?:(\d+):)?(\d\d?):(\d\d)[.,]\d{1,3}\s*-->\s*(?:\d+:)?\d\d?:\d\d[.,]\d{1,3}[^\n]*"
)
_MOMENT = re.compile(r"\A(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ?\Z")
_TAGS = re.compile(r"</?[a-zA-Z][^>\n]*>|<\d\d[^>\n]*>|\{\\[^}\n]*\}")


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """A section per card or event, with the `line` it starts at. `metadata`: words, encoding."""
    text, encoding = decode(contents(source))
    sections = [section for section in _cards(text) if section["text"]]
    return _result(sections, encoding)


def _result(sections: list[prose.SectionDict], encoding: str) -> dict[str, Any]:
    if not sections:
        raise SandboxRefused("there is no text in the file", reason="empty")
    words = prose.count_words(section["text"] for section in sections)
    return {"sections": sections, "metadata": {"words": words, "encoding": encoding}}


def _cards(text: str) -> Iterator[prose.SectionDict]:
    held: list[tuple[str, str]] = []
    start = 1
    for number, line in _lines(text):
        match = _FIELD.match(line)
        if not match:
            continue
        name = match[1].rpartition(".")[2].upper()
        if name == "BEGIN" and held:
            yield _card(held, start)
            held = []
        if name == "BEGIN":
            start = number
        elif name not in _UNTOLD:
            held.append((name, _value(match[2], match[3])))
    if held:
        yield _card(held, start)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Folded lines made whole."""
    whole = _FOLD.sub("", _SOFT_FOLD.sub("", text) if "QUOTED-PRINTABLE" in text.upper() else text)
    yield from enumerate(whole.splitlines(), 1)


def _card(fields: list[tuple[str, str]], start: int) -> prose.SectionDict:
    known = dict(reversed(fields))
    heading = next((known[name] for name in _NAMES if known.get(name)), "")
    lines = [value for _, value in fields if value]
    return prose.section(
        prose.tidy("\n".join(dict.fromkeys(lines))), prose.one_line(heading), line=start
    )


def _value(parameters: str, value: str) -> str:
    if "QUOTED-PRINTABLE" in parameters.upper():
        value = decode(quopri.decodestring(value.encode("latin-1", "replace")))[0]
    value = value.removeprefix("mailto:").removeprefix("MAILTO:")
    value = _MOMENT.sub(r"\1-\2-\3 \4:\5", value)
    parts = [part for part in re.split(r"(?<!\\);", value) if part.strip()]
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], " ".join(parts))


def subtitles(source: Source, limits: Limits) -> dict[str, Any]:
    """Sections of some sentences with the `time` they begin at, as `h:mm:ss`. `metadata`: words,
    encoding."""
    text, encoding = decode(contents(source))
    found: list[prose.SectionDict] = []
    held: list[str] = []
    begun = ""
    for time, said in _cues(text.replace("\r\n", "\n")):
        if held and sum(map(len, held)) + len(said) > prose.SECTION_LENGTH:
            found.append(prose.section("\n".join(held), time=begun))
            held = []
        begun = begun if held else time
        if not held or held[-1] != said:
            held.append(said)
    if held:
        found.append(prose.section("\n".join(held), time=begun))
    return _result(found, encoding)


def _cues(text: str) -> Iterator[tuple[str, str]]:
    times = list(_TIMES.finditer(text))
    for match, following in zip(times, [*times[1:], None], strict=False):
        said = text[match.end() : following.start() if following else len(text)]
        said = re.sub(r"\n\n[^\n]*\n?\Z", "", said.rstrip(" ")) if following else said
        said = prose.one_line(_TAGS.sub("", said))
        if said:
            yield f"{int(match[1] or 0)}:{match[2]:0>2}:{match[3]}", said
