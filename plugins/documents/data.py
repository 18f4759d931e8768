"""JSON, JSON Lines and notebooks: what they hold, without their signs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from plugins.documents import prose
from plugins.documents.source import Limits, Source, contents
from plugins.documents.text import decode
from plugram import SandboxRefused

_DEEPEST = 100
_SHORT_LIST = 200
"""Characters of plain values that stand on one line."""


def extract(source: Source, limits: Limits) -> dict[str, Any]:
    """`name: value` lines, indented as they nest, sections with their `line`. What is no JSON is
    read as the text that it is. `metadata`: words, encoding."""
    text, encoding = decode(contents(source))
    text = prose.tidy("\n".join(_lines(text)))
    if not text:
        raise SandboxRefused("there is no text in the file", reason="empty")
    return {
        "sections": prose.gather(prose.paragraphs(text), "line"),
        "metadata": {"words": prose.count_words([text]), "encoding": encoding},
    }


def _lines(text: str) -> Iterator[str]:
    try:
        yield from _told(json.loads(text), "", 0)
    except (ValueError, RecursionError):
        for line in text.splitlines():  # one object a line, or a text that only looks like JSON
            try:
                yield from _told(json.loads(line), "", 0)
                yield ""
            except (ValueError, RecursionError):
                yield line


def _told(value: Any, name: str, depth: int) -> Iterator[str]:
    """Lines of a value under its name."""
    indent = "  " * min(depth, 8)
    head = f"{indent}{name}: " if name else indent
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        if name:
            yield head.rstrip()
        for key, inner in value.items():
            yield from _told(inner, str(key), depth + bool(name))
    elif isinstance(value, list):
        yield from _listed(value, name, head, depth)
    else:
        yield head + _plain(value)


def _listed(values: list[Any], name: str, head: str, depth: int) -> Iterator[str]:
    if not any(isinstance(one, (dict, list)) for one in values):
        joined = ", ".join(map(_plain, values))
        if len(joined) <= _SHORT_LIST:
            yield head + joined
            return
    if name:
        yield head.rstrip()
    for one in values:
        yield from _told(one, "", depth + bool(name))
        if isinstance(one, dict) and depth == 0:
            yield ""


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def notebook(source: Source, limits: Limits) -> dict[str, Any]:
    """Cells of a Jupyter notebook with their `cell`: text, code, and what the code printed.
    `metadata`: title, words."""
    try:
        book = json.loads(decode(contents(source))[0])
    except (ValueError, RecursionError):
        return extract(source, limits)
    cells = _cells(book) if isinstance(book, dict) else []
    found: list[prose.SectionDict] = []
    heading = ""
    for number, (kind, text) in enumerate(cells, 1):
        if kind == "markdown":
            parts = _rendered(text)
            heading = next(
                (part["heading"] for part in reversed(parts) if part["heading"]), heading
            )
            text = "\n\n".join(part["text"] for part in parts)
        text = prose.tidy(text)
        if text.strip():
            found += prose.gather([(number, text)], "cell", heading)
    if not found:
        raise SandboxRefused("there is no text in the notebook", reason="empty")
    title = next((part["heading"] for part in found if part["heading"]), "")
    metadata: dict[str, Any] = {"words": prose.count_words(part["text"] for part in found)}
    return {"sections": found, "metadata": metadata | ({"title": title} if title else {})}


def _rendered(text: str) -> list[prose.SectionDict]:
    from plugins.documents import markdown

    return markdown.sections(prose.tidy(text))


def _cells(book: dict[str, Any]) -> list[tuple[str, str]]:
    """(kind, text); notebooks before version 4 have their cells in worksheets."""
    sheets = book.get("worksheets") or [book]
    found: list[tuple[str, str]] = []
    for sheet in sheets if isinstance(sheets, list) else []:
        for cell in sheet.get("cells") or () if isinstance(sheet, dict) else ():
            if isinstance(cell, dict):
                source = _joined(cell.get("source") or cell.get("input"))
                kind = str(cell.get("cell_type", ""))
                found.append((kind, source))
                found += [("output", text) for text in _outputs(cell.get("outputs") or ())]
    return found


def _outputs(outputs: Iterable[Any]) -> Iterator[str]:
    for output in outputs:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        plain = data.get("text/plain") if isinstance(data, dict) else None
        yield _joined(output.get("text") or plain or output.get("evalue"))


def _joined(lines: Any) -> str:
    if isinstance(lines, list):
        return "".join(map(str, lines))
    return str(lines or "")
