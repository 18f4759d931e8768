"""Documents made on the spot: honest ones by their own libraries, hostile ones by hand."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import docx
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def pdf(
    path: Path,
    pages: Sequence[Sequence[str]],
    *,
    title: str = "",
    author: str = "",
    password: str = "",
    bookmarks: Mapping[int, str] | None = None,
) -> Path:
    """A page for each list of lines; an empty list is a page with a picture and no text."""
    encrypt = StandardEncryption(password) if password else None
    canvas = Canvas(str(path), encrypt=encrypt)
    canvas.setTitle(title)
    canvas.setAuthor(author)
    for number, lines in enumerate(pages):
        if bookmarks and number in bookmarks:
            canvas.bookmarkPage(str(number))
            canvas.addOutlineEntry(bookmarks[number], str(number))
        for row, line in enumerate(lines):
            canvas.drawString(72, 780 - 14 * row, line)
        if not lines:
            canvas.drawImage(ImageReader(_picture()), 72, 400, 200, 200)
        canvas.showPage()
    canvas.save()
    return path


def _picture() -> io.BytesIO:
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(data, "PNG")
    data.seek(0)
    return data


def word(path: Path) -> Path:
    """What people write: headings, paragraphs, a table, a header and a footer."""
    document = docx.Document()
    document.core_properties.title = "Annual report"
    document.core_properties.author = "Ann Author"
    document.add_heading("Introduction", 1)
    document.add_paragraph("The first paragraph speaks of whales.")
    split = document.add_paragraph("One wo")
    split.add_run("rd in ").bold = True
    split.add_run("three runs.")
    document.add_heading("Numbers", 2)
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Name", "Sum", "Krill", "42"), strict=True):
        cell.text = text
    document.sections[0].header.paragraphs[0].text = "Top secret header"
    document.sections[0].footer.paragraphs[0].text = "Footer of ours"
    document.save(str(path))
    return path


def word_of(path: Path, body: str, **parts: str) -> Path:
    """A DOCX with the given XML as its body; `parts`: footnotes="<w:p>…", styles="<w:style>…"."""
    links = "".join(
        f'<Relationship Id="r{name}" Type="{OFFICE}/{name}" Target="{name}.xml"/>' for name in parts
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word/document.xml": part("document", f"<w:body>{body}</w:body>"),
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'
        ),
    } | {f"word/{name}.xml": part(name, content) for name, content in parts.items()}
    return archive(path, files)


def part(root: str, content: str) -> str:
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    return f'<w:{root} xmlns:w="{W}" xmlns:mc="{mc}">{content}</w:{root}>'


def archive(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return path


def paragraph(text: str, properties: str = "") -> str:
    return (
        f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


_NO_SECTOR, _CHAIN_END, _FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SHORTEST_STREAM = 4096
"""Shorter streams would lie in a file system of their own within the file."""


def compound(path: Path, streams: Mapping[str, bytes]) -> Path:
    """A compound file (OLE): streams by their path, `storage/stream`. Short ones are filled up
    with zeros."""
    entries: list[tuple[str, bytes | None, list[int]]] = [("Root Entry", None, [])]
    places = {"": 0}
    for name, data in streams.items():
        steps = name.split("/")
        for depth in range(1, len(steps)):
            storage = "/".join(steps[:depth])
            if storage not in places:
                places[storage] = len(entries)
                entries[places["/".join(steps[: depth - 1])]][2].append(len(entries))
                entries.append((steps[depth - 1], None, []))
        entries[places["/".join(steps[:-1])]][2].append(len(entries))
        entries.append((steps[-1], data.ljust(_SHORTEST_STREAM, b"\0"), []))
    following = dict.fromkeys(range(len(entries)), _NO_SECTOR)
    for _, _, children in entries:
        following |= dict(pairwise(children))
    sectors: list[bytes] = []
    chains: list[int] = []

    def put(data: bytes) -> int:
        start = len(sectors)
        parts = [data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512)]
        sectors.extend(parts)
        chains.extend([*range(start + 1, start + len(parts)), _CHAIN_END])
        return start

    nodes = b""
    for index, (name, content, children) in enumerate(entries):
        start = put(content) if content is not None else _CHAIN_END
        wide = name.encode("utf-16-le") + b"\0\0"
        kind = 5 if not index else 2 if content is not None else 1
        child = children[0] if children else _NO_SECTOR
        nodes += wide.ljust(64, b"\0") + struct.pack(
            "<HBBLLL36xLQ", len(wide), kind, 1, _NO_SECTOR, following[index], child, start,
            len(content or b""),
        )  # fmt: skip
    empty = struct.pack("<HBBLLL36xLQ", 0, 0, 0, *[_NO_SECTOR] * 3, 0, 0)
    while len(nodes) % 512:
        nodes += b"\0" * 64 + empty
    directory = put(nodes)
    tables = -(-(len(sectors) + 1) // 127)
    fat = chains + [_FAT_SECTOR] * tables
    table = struct.pack(f"<{len(fat)}L", *fat).ljust(512 * tables, b"\xff")
    first = list(range(len(sectors), len(sectors) + tables))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + struct.pack(
        "<16x5H6x8L", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, directory, 0, _SHORTEST_STREAM,
        _CHAIN_END, 0, _CHAIN_END,
    ) + struct.pack("<L109L", 0, *first, *[_NO_SECTOR] * (109 - tables))  # fmt: skip
    path.write_bytes(head + b"".join(sectors) + table)
    return path
