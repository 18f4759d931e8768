"""Office documents: entities, external parts, tables that say they are endless."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.support.hostile.archives import MB, Entry, bomb, deflated, raw_zip, zipped
from tests.support.hostile.trap import Maker, Trap, hostile, same

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_A = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    f'xmlns:r="{_OFFICE}"'
)
_TYPES = f'<Types xmlns="{_PACKAGE}/content-types"/>'
Files = dict[str, str | bytes]


def links(*targets: tuple[str, str], external: bool = False) -> str:
    """(kind, target)."""
    mode = ' TargetMode="External"' if external else ""
    inside = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/{kind}" Target="{target}"{mode}/>'
        for n, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def package(main: str, content: str | bytes, more: Files | None = None) -> bytes:
    """An OOXML file with one main part."""
    usual: Files = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": links(("officeDocument", main)),
        main: content,
    }
    return zipped(usual | (more or {}))


def docx(body: str, head: str = "", more: Files | None = None) -> bytes:
    return package(
        "word/document.xml", f"{head}<w:document {_W}><w:body>{body}</w:body></w:document>", more
    )


def xlsx(sheet: str, head: str = "", more: Files | None = None) -> bytes:
    book = f'<workbook {_S} xmlns:r="{_OFFICE}"><sheets><sheet name="a" sheetId="1" r:id="r0"/></sheets></workbook>'
    parts: Files = {
        "xl/_rels/workbook.xml.rels": links(
            ("worksheet", "worksheets/sheet1.xml"),
            ("sharedStrings", "sharedStrings.xml"),
            ("styles", "styles.xml"),
        ),
        "xl/worksheets/sheet1.xml": f"{head}<worksheet {_S}><sheetData>{sheet}</sheetData></worksheet>",
    }
    return package("xl/workbook.xml", book, parts | (more or {}))


def pptx(shapes: str, head: str = "", more: Files | None = None) -> bytes:
    show = f'<p:presentation {_A}><p:sldIdLst><p:sldId id="256" r:id="r0"/></p:sldIdLst></p:presentation>'
    parts: Files = {
        "ppt/_rels/presentation.xml.rels": links(("slide", "slides/slide1.xml")),
        "ppt/slides/slide1.xml": f"{head}<p:sld {_A}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>",
    }
    return package("ppt/presentation.xml", show, parts | (more or {}))


def odf(kind: str, body: str, head: str = "", more: Files | None = None) -> bytes:
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "draw")
    )
    content = (
        f"{head}<office:document-content{names}><office:body><office:{kind}>{body}"
        f"</office:{kind}></office:body></office:document-content>"
    )
    files: Files = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": content,
    }
    files |= more or {}
    return raw_zip(Entry(name.encode(), _bytes(data)) for name, data in files.items())


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _said(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _cell(text: str) -> str:
    return f'<row><c t="inlineStr"><is><t>{text}</t></is></c></row>'


def _shape(text: str) -> str:
    return f"<p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def _ods(body: str, head: str) -> bytes:
    rows = f"<table:table-row><table:table-cell>{body}</table:table-cell></table:table-row>"
    return odf("spreadsheet", f"<table:table>{rows}</table:table>", head)


_KINDS: dict[str, Callable[[str, str], bytes]] = {
    "docx": lambda text, head: docx(_said(text), head),
    "xlsx": lambda text, head: xlsx(_cell(text), head),
    "pptx": lambda text, head: pptx(_shape(text), head),
    "odt": lambda text, head: odf("text", f"<text:p>{text}</text:p>", head),
    "ods": lambda text, head: _ods(f"<text:p>{text}</text:p>", head),
}
_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


def _spoil(kind: str, of: Callable[[str, str], bytes]) -> None:
    """What every XML format of office documents may suffer."""

    def entity(declared: str, text: str = "words &x;") -> bytes:
        return of(text, f"<!DOCTYPE x [{declared}]>")

    def xxe(trap: Trap) -> bytes:
        return entity(f'<!ENTITY x SYSTEM "{trap.file_url}">')

    made: dict[str, Maker] = {
        "laughs": lambda _: of("words &a9;", _LAUGHS),
        "quadratic": lambda _: entity(f'<!ENTITY x "{"x" * 100_000}">', "&x;" * 20_000),
        "xxe": xxe,
        "xxe-http": lambda trap: entity(f'<!ENTITY x SYSTEM "{trap.url}/x">'),
        "xxe-parameter": lambda trap: entity(f'<!ENTITY % d SYSTEM "{trap.url}/d">%d;', "words"),
        "dtd": lambda trap: of("words", f'<!DOCTYPE x SYSTEM "{trap.url}/x.dtd">'),
        "deep": lambda _: of("<x>" * 100_000 + "words" + "</x>" * 100_000, ""),
        "truncated": lambda _: of("words " * 999, "")[:-200],
        "cut": lambda _: of("words " * 99_999, "")[:200],
    }
    for name, maker in made.items():
        hostile(f"{name}.{kind}", __name__)(maker)
    hostile(f"in-a-zip.{kind}.zip")(lambda trap: zipped({f"a.{kind}": xxe(trap)}))


for _kind, _of in _KINDS.items():
    _spoil(_kind, _of)


# -- parts and links ----------------------------------------------------------------------------


@hostile("external.docx")
def _(trap: Trap) -> bytes:
    kinds = ("attachedTemplate", "image", "oleObject", "frame", "subDocument", "header", "comments")
    targets = [(kind, target) for kind in kinds for target in (trap.file_url, f"{trap.url}/{kind}")]
    return docx(
        _said("words"), more={"word/_rels/document.xml.rels": links(*targets, external=True)}
    )


@hostile("external-unsaid.docx")
def _(trap: Trap) -> bytes:
    """Says nowhere that the parts lie outside."""
    targets = [
        ("header", trap.file_url),
        ("footnotes", f"{trap.url}/a"),
        ("comments", str(trap.secret)),
    ]
    return docx(_said("words"), more={"word/_rels/document.xml.rels": links(*targets)})


@hostile("external.xlsx")
def _(trap: Trap) -> bytes:
    rels = links(("externalLinkPath", trap.file_url), ("queryTable", trap.url), external=True)
    sheet = f"<row><c><f>WEBSERVICE(\"{trap.url}\")</f><v>1</v></c><c><f>'{trap.file_url}'!A1</f></c></row>"
    return xlsx(
        sheet,
        more={"xl/externalLinks/_rels/externalLink1.xml.rels": rels, "xl/connections.xml": rels},
    )


@hostile("external.pptx")
def _(trap: Trap) -> bytes:
    rels = links(
        ("image", trap.file_url), ("video", trap.url), ("notesSlide", trap.url), external=True
    )
    return pptx(_shape("words"), more={"ppt/slides/_rels/slide1.xml.rels": rels})


@hostile("external.odt")
def _(trap: Trap) -> bytes:
    body = (
        f'<text:section xlink:href="{trap.file_url}" xmlns:xlink="http://www.w3.org/1999/xlink"/>'
        f'<draw:image xlink:href="{trap.url}" xmlns:xlink="http://www.w3.org/1999/xlink"/><text:p>words</text:p>'
    )
    return odf("text", body)


def _up(path: object) -> str:
    return f"../../../../../../../..{path}"


hostile("traversal.docx")(
    lambda trap: zipped(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": links(
                ("officeDocument", _up(trap.secret)), ("officeDocument", "word/document.xml")
            ),
            "word/document.xml": f"<w:document {_W}><w:body>{_said('words')}</w:body></w:document>",
        }
    )
)
hostile("traversal-parts.docx")(
    lambda trap: docx(_said("words"), more={_up(trap.folder / "evil.xml"): "<evil/>"})
)
hostile("loop.docx")(
    lambda _: docx(
        _said("words"),
        more={
            "word/_rels/document.xml.rels": links(
                *[("header", "document.xml"), ("footnotes", "../_rels/.rels")] * 500
            ),
        },
    )
)
hostile("loop.xlsx")(
    lambda _: xlsx(
        _cell("words"),
        more={
            "xl/_rels/workbook.xml.rels": links(*[("worksheet", "worksheets/sheet1.xml")] * 5_000)
        },
    )
)
hostile("loop.pptx")(
    lambda _: pptx(
        _shape("words"),
        more={"ppt/slides/_rels/slide1.xml.rels": links(*[("notesSlide", "slide1.xml")] * 5_000)},
    )
)
hostile("many-links.docx")(
    lambda _: docx(
        _said("words"),
        more={"word/_rels/document.xml.rels": links(*[("image", "a.png")] * 200_000)},
    )
)
same("no-parts.docx", zipped({"[Content_Types].xml": _TYPES, "word/x": ""}))
same(
    "empty-parts.docx",
    zipped({"[Content_Types].xml": "", "_rels/.rels": "", "word/document.xml": ""}),
)
same(
    "empty-parts.xlsx",
    zipped({"[Content_Types].xml": "", "_rels/.rels": "", "xl/workbook.xml": ""}),
)
hostile("bomb.docx")(
    lambda _: raw_zip(
        [Entry(b"[Content_Types].xml", _TYPES.encode()), bomb("word/document.xml", 900)]
    )
)
hostile("bomb.xlsx")(
    lambda _: raw_zip(
        [Entry(b"[Content_Types].xml", _TYPES.encode()), bomb("xl/workbook.xml", 190)]
    )
)


@hostile("liar.docx")
def _(_: Trap) -> bytes:
    """Twenty times the elements that its directory declares."""
    piece = (_said("words") * 1000).encode()
    parts = [
        Entry(b"[Content_Types].xml", _TYPES.encode()),
        Entry(b"_rels/.rels", links(("officeDocument", "word/document.xml")).encode()),
        Entry(b"word/document.xml", deflated(piece, 5000), method=8, unpacked=len(piece)),
    ]
    return raw_zip(parts)


hostile("paragraphs.docx")(lambda _: docx("<w:p/>" * 1_000_000))
hostile("tables.docx")(
    lambda _: docx("<w:tbl><w:tr><w:tc>" * 160 + _said("words") + "</w:tc></w:tr></w:tbl>" * 160)
)
hostile("spans.docx")(
    lambda _: docx(
        '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr>'
        + _said("words")
        + "</w:tc></w:tr></w:tbl>"
    )
)
hostile("styles.docx")(
    lambda trap: docx(
        _said("words"),
        more={
            "word/_rels/document.xml.rels": links(("styles", "styles.xml")),
            "word/styles.xml": f"<w:styles {_W}>"
            + "".join(
                f'<w:style w:styleId="s{n}"><w:basedOn w:val="s{n + 1}"/></w:style>'
                for n in range(trap.size(1_000_000, 200_000))
            )
            + "</w:styles>",
        },
    )
)
hostile("cells.xlsx")(
    lambda trap: xlsx(("<row>" + "<c><v>1</v></c>" * 1000 + "</row>") * trap.size(1000, 300))
)
hostile("far-cell.xlsx")(
    lambda _: xlsx(
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row><row r="99999999999"><c r="ZZZZZZZ99999999999"><v>words</v></c></row>'
    )
)
hostile("far-cells.xlsx")(
    lambda _: xlsx(
        "".join(
            f'<row r="{n * 1000}"><c r="XFD{n * 1000}"><v>1</v></c></row>' for n in range(1, 1000)
        )
    )
)
hostile("odd-cells.xlsx")(
    lambda _: xlsx(
        '<row r="x"><c r="" t="s"><v>99999999999</v></c><c t="s"><v>-1</v></c><c t="d"><v>9e999</v></c>'
        '<c s="99999999"><v>1e308</v></c><c t="b"><v>maybe</v></c><c><v>nan</v></c><c><v></v></c></row>'
    )
)
hostile("strings.xlsx")(
    lambda trap: xlsx(
        '<row><c t="s"><v>0</v></c></row>' * 1000,
        more={
            "xl/sharedStrings.xml": f"<sst {_S} count='4294967295' uniqueCount='4294967295'>"
            + f"<si><t>{'x' * MB}</t></si></sst>"
        },
    )
)
hostile("many-strings.xlsx")(
    lambda trap: xlsx(
        '<row><c t="s"><v>0</v></c></row>',
        more={
            "xl/sharedStrings.xml": f"<sst {_S}>"
            + "<si><t>x</t></si>" * trap.size(1_000_000, 300_000)
            + "</sst>"
        },
    )
)
hostile("formats.xlsx")(
    lambda trap: xlsx(
        '<row><c s="0"><v>45000</v></c></row>',
        more={
            "xl/styles.xml": f"<styleSheet {_S}><numFmts>"
            + f'<numFmt numFmtId="164" formatCode="{"y" * 50_000}{"[" * 50_000}"/>'
            + "</numFmts><cellXfs>"
            + '<xf numFmtId="164"/>' * trap.size(1_000_000, 200_000)
            + "</cellXfs></styleSheet>"
        },
    )
)
hostile("sheets.xlsx")(
    lambda _: package(
        "xl/workbook.xml",
        f'<workbook {_S} xmlns:r="{_OFFICE}"><sheets>'
        + '<sheet name="a" sheetId="1" r:id="r0"/>' * 50_000
        + "</sheets></workbook>",
        {
            "xl/_rels/workbook.xml.rels": links(("worksheet", "worksheets/sheet1.xml")),
            "xl/worksheets/sheet1.xml": f"<worksheet {_S}><sheetData>{_cell('words') * 100}</sheetData></worksheet>",
        },
    )
)
hostile("groups.pptx")(lambda _: pptx("<p:grpSp>" * 300 + _shape("words") + "</p:grpSp>" * 300))
hostile("slides.pptx")(
    lambda _: package(
        "ppt/presentation.xml",
        f"<p:presentation {_A}><p:sldIdLst>"
        + '<p:sldId id="256" r:id="r0"/>' * 50_000
        + "</p:sldIdLst></p:presentation>",
        {
            "ppt/_rels/presentation.xml.rels": links(("slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": f"<p:sld {_A}>{_shape('words') * 100}</p:sld>",
        },
    )
)
hostile("repeated.ods")(
    lambda _: odf(
        "spreadsheet",
        '<table:table><table:table-row table:number-rows-repeated="1048576"><table:table-cell '
        'table:number-columns-repeated="16384"><text:p>words</text:p></table:table-cell>'
        "</table:table-row></table:table>",
    )
)
hostile("spaces.odt")(lambda _: odf("text", '<text:p><text:s text:c="2147483647"/>words</text:p>'))
hostile("manifest.odt")(
    lambda _: odf(
        "text",
        "<text:p>words</text:p>",
        more={
            "META-INF/manifest.xml": '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<m:file-entry m:full-path="content.xml"><m:encryption-data m:checksum="x"/></m:file-entry></m:manifest>'
        },
    )
)
hostile("objects.odt")(
    lambda _: odf(
        "text",
        '<text:p>words</text:p><draw:object xlink:href="./" xmlns:xlink="http://www.w3.org/1999/xlink"/>'
        * 500,
    )
)
hostile("flat.fodt")(
    lambda trap: (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "{trap.file_url}">]>'
        '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0">&x;words</office:document>'
    )
)


def epub(files: Files, opf: str = "a.opf") -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        f'<rootfile full-path="{opf}"/></rootfiles></container>'
    )
    usual: Files = {"mimetype": "application/epub+zip", "META-INF/container.xml": container}
    return raw_zip([Entry(name.encode(), _bytes(data)) for name, data in (usual | files).items()])


def _book(spine: str, manifest: str, head: str = "") -> str:
    return (
        f'{head}<package xmlns="http://www.idpf.org/2007/opf"><manifest>{manifest}</manifest>'
        f"<spine>{spine}</spine></package>"
    )


hostile("xxe.epub")(
    lambda trap: epub(
        {
            "a.opf": _book('<itemref idref="a"/>', '<item id="a" href="a.xhtml"/>'),
            "a.xhtml": f'<!DOCTYPE html [<!ENTITY x SYSTEM "{trap.file_url}">]><html><body>words &x;</body></html>',
        }
    )
)
hostile("spine.epub")(
    lambda _: epub(
        {
            "a.opf": _book('<itemref idref="a"/>' * 100_000, '<item id="a" href="a.xhtml"/>'),
            "a.xhtml": "<html><body>" + "<p>words</p>" * 1000 + "</body></html>",
        }
    )
)
hostile("traversal.epub")(
    lambda trap: epub(
        {"a.opf": _book('<itemref idref="a"/>', f'<item id="a" href="{_up(trap.secret)}"/>')}
    )
)
hostile("root.epub")(lambda trap: epub({}, opf=_up(trap.secret)))
hostile("encrypted.epub")(
    lambda _: epub({"META-INF/encryption.xml": "<encryption/>", "a.opf": _book("", "")})
)


# -- before 2007, and with a password -------------------------------------------------------------


def compound(streams: dict[str, bytes], *, sector: int = 9, fat: list[int] | None = None) -> bytes:
    """An OLE file; each stream is filled up to 4096 bytes, so there is no small stream."""
    size, free, end = 512, 0xFFFFFFFF, 0xFFFFFFFE
    table, body, entries = [0xFFFFFFFD, end], bytearray(), []
    for name, data in streams.items():
        data = data.ljust(4096, b"\0")
        count = -(-len(data) // size)
        first = len(table)
        table += [*range(first + 1, first + count), end]
        body += data.ljust(count * size, b"\0")
        entries.append((name, 2, first, len(data)))
    directory = b""
    for number, (name, kind, first, length) in enumerate([("Root Entry", 5, end, 0), *entries][:4]):
        wide = name.encode("utf-16-le") + b"\0\0"
        right = number + 1 if 0 < number < len(entries) else free
        child = 1 if kind == 5 else free
        directory += wide.ljust(64, b"\0") + struct.pack(
            "<H2B3L", len(wide), kind, 1, free, right, child
        )
        directory += bytes(36) + struct.pack("<LQ", first, length)
    table = (fat or table)[:128]
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<5H", 0x3E, 3, 0xFFFE, sector, 6) + bytes(6)
    head += struct.pack("<9L", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack(
        "<109L", 0, *[free] * 108
    )
    packed = struct.pack(f"<{len(table)}L", *table).ljust(size, b"\xff")
    return head + packed + directory.ljust(size, b"\0") + bytes(body)


_LOCKED = {"EncryptionInfo": b"\4\0\4\0\x40\0\0\0<encryption/>", "EncryptedPackage": b"\x10" * 999}
for _kind in ("docx", "xlsx", "pptx"):
    same(f"password.{_kind}", compound(_LOCKED))
same(
    "loop.doc",
    compound({"WordDocument": b"\xec\xa5\xc1\0" + b"\xff" * 999}, fat=[0xFFFFFFFD, 1, *[2] * 126]),
)
same(
    "word.doc",
    compound({"WordDocument": b"\xec\xa5\xc1\0" + b"\xff" * 3000, "1Table": b"\xff" * 4000}),
)
same("password.doc", compound({"WordDocument": b"\xec\xa5\xc1\0\0\0\0\0\0\0\0\1" + b"\0" * 999}))
same(
    "book.xls",
    compound(
        {
            "Workbook": struct.pack("<4H", 0x809, 16, 0x600, 5)
            + b"\0" * 12
            + b"\xfc\0\xff\xff"
            + b"\xff" * 3000
        }
    ),
)
same("records.xls", compound({"Workbook": struct.pack("<2H", 0x809, 0) * 900}))
same(
    "strings.xls",
    compound(
        {
            "Workbook": struct.pack("<4H", 0x809, 16, 0x600, 5)
            + b"\0" * 12
            + struct.pack("<2H2L", 0xFC, 99, 0xFFFFFFFF, 0xFFFFFFFF)
            + b"\xff" * 99
        }
    ),
)
same(
    "show.ppt",
    compound(
        {
            "PowerPoint Document": struct.pack("<2HL", 0x0F, 1000, 0xFFFFFFFF) * 400,
            "Current User": b"\xff" * 99,
        }
    ),
)
same(
    "message.msg",
    compound({"__properties_version1.0": b"\xff" * 999, "__substg1.0_1000001F": b"\xff\xd8" * 999}),
)
same("sectors.doc", compound({"WordDocument": b"words"}, sector=31))
same("sector-zero.doc", compound({"WordDocument": b"words"}, sector=0))
same("head-only.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 504)

# Names that lie.
hostile("picture.jpg")(lambda _: _KINDS["docx"]("words", ""))
hostile("sheet.txt")(lambda _: _KINDS["xlsx"]("words", ""))
hostile("page.html")(lambda _: _KINDS["pptx"]("words", ""))
hostile("report.pdf")(lambda _: _KINDS["odt"]("words", ""))
