"""Honest files, one for each parser, as a mutator's start."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable

from PIL import Image, ImageDraw

from tests.support.hostile import mails, office, pdfs
from tests.support.hostile.archives import member, tar, zipped


def _docx() -> bytes:
    body = (
        '<w:p><w:pPr><w:pStyle w:val="h1"/></w:pPr><w:r><w:t>Heading</w:t></w:r></w:p>'
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
        '<w:r><w:t xml:space="preserve">Some words</w:t><w:tab/><w:sym w:char="00E4"/></w:r></w:p>'
        '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>cell</w:t></w:r>'
        "</w:p></w:tc></w:tr></w:tbl>"
    )
    styles = '<w:styles><w:style w:styleId="h1"><w:name w:val="heading 1"/></w:style></w:styles>'
    return office.docx(
        body,
        more={
            "word/_rels/document.xml.rels": office.links(
                ("styles", "styles.xml"), ("numbering", "numbering.xml")
            ),
            "word/styles.xml": styles,
            "word/numbering.xml": '<n><num numId="1"><abstractNumId val="0"/></num><abstractNum '
            'abstractNumId="0"><lvl ilvl="0"><start val="1"/><numFmt val="decimal"/></lvl></abstractNum></n>',
        },
    )


def _xlsx() -> bytes:
    sheet = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>45000.5</v></c></row>'
        '<row r="3"><c r="C3" t="b"><v>1</v></c><c r="D3" t="str"><f>A1&amp;"x"</f><v>words</v></c></row>'
    )
    return office.xlsx(
        sheet,
        more={
            "xl/sharedStrings.xml": "<sst><si><t>shared words</t></si></sst>",
            "xl/styles.xml": '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>'
            '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>',
        },
    )


def _epub() -> bytes:
    return office.epub(
        {
            "a.opf": '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
            '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
            "a.xhtml": "<html><body><h1>Title</h1><p>Some words</p></body></html>",
        }
    )


def _pdf() -> bytes:
    return pdfs.pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>",
            6: "<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 1>>",
            7: "<</Title(Bookmark)/Parent 6 0 R/Dest[3 0 R/Fit]>>",
            8: "<</Title(A title)/Author(Ann)/CreationDate(D:20260102030405+02'00')>>",
        },
        trailer="/Info 8 0 R",
    )


def _mail() -> bytes:
    html = 'Content-Type: text/html; charset="utf-8"\n\n<p>Some <b>words</b></p>\n'
    plain = (
        "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nSome=20words\n"
    )
    both = mails.parts(plain, html, boundary="inner", kind="alternative")
    whole = mails.parts(both, mails.attachment("a.txt", b"attached words", "text/plain"))
    head = "From: =?utf-8?q?Ann?= <a@example.org>\nTo: b@example.org\nSubject: Words\n"
    return (head + "Date: Mon, 5 Jan 2026 10:00:00 +0100\nMIME-Version: 1.0\n" + whole).encode()


def _picture(kind: str) -> bytes:
    held = io.BytesIO()
    picture = Image.new("RGB", (300, 80), "white")
    ImageDraw.Draw(picture).text((20, 20), "Some words", fill="black", font_size=40)
    picture.save(held, kind)
    return held.getvalue()


def _tar() -> bytes:
    return gzip.compress(tar(member("a.txt"), member("b.txt", tarfile.REGTYPE), data=b"some words"))


_NOTEBOOK = {
    "nbformat": 4,
    "metadata": {"language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Title\n", "some words"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["1\n"]}]},
    ],
}

SAMPLES: dict[str, Callable[[], bytes]] = {
    "a.pdf": _pdf,
    "a.docx": _docx,
    "a.xlsx": _xlsx,
    "a.pptx": lambda: office._KINDS["pptx"]("some words", ""),
    "a.odt": lambda: office._KINDS["odt"]("some words", ""),
    "a.ods": lambda: office._KINDS["ods"]("some words", ""),
    "a.epub": _epub,
    "a.rtf": lambda: (
        rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 Arial;}}\f0 Some \b words\b0 \u1078?\'e6\par}"
    ),
    "a.html": lambda: (
        b"<html lang=en><head><meta charset=utf-8><title>T</title></head><body>"
        b"<h1>Title</h1><p>Some <b>words</b><ul><li>item</ul><table><tr><td>1<td>2</table></body></html>"
    ),
    "a.xml": lambda: (
        b'<?xml version="1.0"?><a b="c"><d>Some words</d><!-- x --><![CDATA[more]]></a>'
    ),
    "a.svg": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><title>T</title><text>Some words</text></svg>'
    ),
    "a.md": lambda: (
        b"---\ntitle: T\n---\n# Title\n\nSome *words* [a](b)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    ),
    "a.csv": lambda: b'name,value\n"some, words",1\nmore;words,2\n',
    "a.json": lambda: b'{"name": "some words", "list": [1, 2.5, null, true, {"a": "b"}]}',
    "a.ipynb": lambda: json.dumps(_NOTEBOOK).encode(),
    "a.eml": _mail,
    "a.mbox": lambda: (
        b"From a@b Thu Jan  1 00:00:00 2026\n"
        + _mail()
        + b"\n\nFrom a@b Fri Jan  2 00:00:00 2026\n"
        + _mail()
    ),
    "a.zip": lambda: zipped({"a.txt": "some words", "b/c.md": "# Title\n\nwords"}),
    "a.tar.gz": _tar,
    "a.txt": lambda: (
        "Some words, несколько слов, algunas palabras.\n\nMore of them.\n".encode() * 9
    ),
    "a.png": lambda: _picture("PNG"),
    "a.jpg": lambda: _picture("JPEG"),
    "a.gif": lambda: _picture("GIF"),
    "a.tiff": lambda: _picture("TIFF"),
    "a.webp": lambda: _picture("WEBP"),
}
