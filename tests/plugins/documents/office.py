"""Sheets, slides and OpenDocument, written down as the XML that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.plugins.documents.samples import OFFICE, PACKAGE, archive

_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_R = f'xmlns:r="{OFFICE}"'
_TEXT = "urn:oasis:names:tc:opendocument:xmlns"
_ODF = " ".join(
    f'xmlns:{name}="{_TEXT}:{name}:1.0"'
    for name in ("office", "text", "table", "draw", "presentation", "meta", "style")
)


def links(**targets: str) -> str:
    """A part's links: `links(worksheet="sheet1.xml")`; the name is the kind, `rkind` the id."""
    kinds = {kind: f"{OFFICE}/{kind.rstrip('0123456789')}" for kind in targets}
    inner = "".join(
        f'<Relationship Id="r{kind}" Type="{kinds[kind]}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def workbook(
    path: Path,
    sheets: Mapping[str, str],
    *,
    strings: Sequence[str] = (),
    formats: Sequence[str] = (),
    **parts: str,
) -> Path:
    """Sheets by name, each the XML of its rows. `formats`: number formats, by the style's number
    from 1. `parts`: what the first sheet links to (comments="<comments>…")."""
    names = list(sheets)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rworksheet{number}"/>'
        for number, name in enumerate(names, 1)
    )
    own = "".join(f'<numFmt numFmtId="{165 + n}" formatCode="{c}"/>' for n, c in enumerate(formats))
    used = "".join(f'<xf numFmtId="{165 + number}"/>' for number in range(len(formats)))
    targets = {f"worksheet{n}": f"worksheets/sheet{n}.xml" for n in range(1, len(names) + 1)}
    files = {
        "xl/workbook.xml": f"<workbook {_R}><sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": links(
            **targets, sharedStrings="sharedStrings.xml", styles="styles.xml"
        ),
        "xl/sharedStrings.xml": f"<sst>{''.join(f'<si>{one}</si>' for one in strings)}</sst>",
        "xl/styles.xml": (
            f"<styleSheet><numFmts>{own}</numFmts><cellXfs><xf numFmtId='0'/>{used}</cellXfs>"
            "</styleSheet>"
        ),
        "xl/worksheets/_rels/sheet1.xml.rels": links(**{name: f"../{name}.xml" for name in parts}),
    }
    files |= {
        f"xl/worksheets/sheet{number}.xml": f"<worksheet>{sheets[name]}</worksheet>"
        for number, name in enumerate(names, 1)
    }
    files |= {f"xl/{name}.xml": content for name, content in parts.items()}
    if "chart" in parts:  # which hangs on a drawing
        files["xl/_rels/drawing.xml.rels"] = links(chart="chart.xml")
    return archive(path, ooxml("xl/workbook.xml", "spreadsheetml.sheet") | files)


def ooxml(main: str, kind: str) -> dict[str, str]:
    """What every package has."""
    base = "application/vnd.openxmlformats-officedocument"
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{PACKAGE}/content-types">'
            f'<Override PartName="/{main}" ContentType="{base}.{kind}.main+xml"/></Types>'
        ),
        "_rels/.rels": links(officeDocument=main),
    }


def row(*cells: str, number: int = 1) -> str:
    """Cells as XML, or plain text for an inline string."""
    made = [
        cell if cell.startswith("<c") else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
        for cell in cells
    ]
    return f'<row r="{number}">{"".join(made)}</row>'


def shape(*paragraphs: str, role: str = "") -> str:
    """A shape of a slide; a paragraph for each text."""
    lines = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in paragraphs)
    place = f'<p:nvPr><p:ph type="{role}"/></p:nvPr>' if role else ""
    return f"<p:sp><p:nvSpPr>{place}</p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>"


def slides(path: Path, shown: Sequence[str], **parts: str) -> Path:
    """Slides, each the XML of its shapes; `parts`: what the first one links to."""
    space = f'{_A} {_R} xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    order = "".join(f'<p:sldId id="{255 + n}" r:id="rslide{n}"/>' for n in range(1, len(shown) + 1))
    targets = {f"slide{n}": f"slides/slide{n}.xml" for n in range(1, len(shown) + 1)}
    files = {
        "ppt/presentation.xml": (
            f"<p:presentation {space}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>"
        ),
        "ppt/_rels/presentation.xml.rels": links(**targets),
        "ppt/slides/_rels/slide1.xml.rels": links(**{name: f"../{name}.xml" for name in parts}),
    }
    files |= {
        f"ppt/slides/slide{number}.xml": f"<p:sld {space}><p:spTree>{content}</p:spTree></p:sld>"
        for number, content in enumerate(shown, 1)
    }
    files |= {
        f"ppt/{name}.xml": f"<x {space} xmlns:c='chart'>{content}</x>"
        for name, content in parts.items()
    }
    return archive(path, ooxml("ppt/presentation.xml", "presentationml.presentation") | files)


def opendocument(path: Path, kind: str, body: str, *, meta: str = "", styles: str = "") -> Path:
    """`kind`: text, spreadsheet, presentation."""
    files = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": flat(kind, body),
        "meta.xml": f"<office:document-meta {_ODF} xmlns:dc='dc'>{meta}</office:document-meta>",
        "styles.xml": f"<office:document-styles {_ODF}>{styles}</office:document-styles>",
        "META-INF/manifest.xml": "<manifest/>",
    }
    return archive(path, files)


def flat(kind: str, body: str) -> str:
    return (
        f'<?xml version="1.0"?><office:document {_ODF} xmlns:dc="dc">'
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document>"
    )
