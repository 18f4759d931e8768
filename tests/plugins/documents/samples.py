"""Documents made on the spot: honest ones by their own libraries, hostile ones by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
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
