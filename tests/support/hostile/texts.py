"""Text in all its kinds: too long, too deep, in no encoding, and pointing at other files."""

from __future__ import annotations

import random

from tests.support.hostile.trap import Maker, Trap, hostile, same

MB = 1 << 20


same("zero.txt", b"")
same("zero.pdf", b"")
same("nuls.txt", bytes(MB))
same("one-nul.bin", b"\0")
same("invalid.txt", bytes(range(128, 256)) * 400)
same("utf-16-odd.txt", b"\xff\xfe" + "words".encode("utf-16-le") + b"\xd8")
same("utf-16-surrogates.txt", b"\xff\xfe" + b"\0\xd8" * 9999)
same("utf-32.txt", b"\xff\xfe\0\0" + b"\xff" * 4004)
same("boms.txt", b"\xef\xbb\xbf\xff\xfe\xfe\xff" + "words слова".encode() + b"\xff\xfe" * 99)
same("mixed.txt", "слова ".encode("cp1251") * 99 + "слова ".encode() * 99 + b"\x81\x8d" * 99)
same("controls.txt", bytes(range(1, 32)) * 2000)
same("overlong.txt", b"\xc0\xaf\xe0\x80\xaf" * 2000 + b"\xed\xa0\x80" * 2000)
same("terminal.txt", b"\x1b]0;evil\x07\x1b[2J\x1b[31m" * 999)
hostile("line.txt")(lambda trap: b"word " * (trap.size(100, 20) * MB // 5))
hostile("no-spaces.txt")(lambda trap: b"x" * (trap.size(100, 20) * MB))
hostile("lines.txt")(lambda trap: b"\n" * (trap.size(20, 5) * MB))
hostile("words.txt")(lambda trap: " ".join(map(str, range(trap.size(3_000_000, 700_000)))))
same("right-to-left.txt", "\u202egnp.exe \u2066\u2067" * 9999)


@hostile("marks.txt")
def _(trap: Trap) -> str:
    """Combining marks have to be put in order."""
    marks = random.Random(1)
    return "a" + "".join(
        marks.choice("\u0316\u0301\u0327\u0338\u0345\u031b") for _ in range(MB // 4)
    )


hostile("columns.csv")(lambda _: ",".join(map(str, range(1_000_000))) + "\n1,2,3\n")
hostile("quote.csv")(lambda trap: 'a,b\n"' + "x,y\n" * (trap.size(20, 5) * MB // 4))
hostile("quotes.csv")(lambda trap: '"' * (trap.size(20, 5) * MB))
hostile("rows.csv")(lambda trap: "a;b\n" * (trap.size(20, 4) * MB // 4))
same("formula.csv", 'name,value\n"=cmd|\'/C calc\'!A1","@SUM(1+1)*cmd|x"\n')
same("nulls.csv", b"a,b\0,c\n\0\n" * 999)

hostile("deep.json")(lambda _: "[" * 100_000 + "]" * 100_000)
hostile("deep-objects.json")(lambda _: '{"a":' * 100_000 + "1" + "}" * 100_000)
hostile("unclosed.json")(lambda _: '{"a":[' * 50_000)
same("number.json", '{"words": ' + "9" * 2_000_000 + "}")
same("float.json", '{"a": 1e999999999, "b": -0.0, "c": NaN, "d": Infinity}')
same("surrogate.json", '{"a": "\\ud800", "\\udfff": "\\u0000"}' * 2)
hostile("keys.json")(lambda _: "{" + ",".join(f'"{n}":{n}' for n in range(400_000)) + "}")
same("same-keys.json", "{" + ",".join(['"a":1'] * 200_000) + "}")
hostile("lines.ndjson")(lambda _: '{"a":[1,2,{"b":"words"}]}\n' * 100_000)
same("cells.ipynb", '{"nbformat":4,"cells":' + '[{"source":' * 999 + '"x"' + "}]" * 999 + "}")
same(
    "outputs.ipynb",
    '{"nbformat":4,"cells":[{"cell_type":"code","source":[1,null,{}],"outputs":{"a":1}}]}',
)

hostile("deep.html")(lambda _: "<html><body>" + "<div>" * 100_000 + "words")
hostile("deep-tables.html")(lambda _: "<table><tr><td>" * 30_000 + "words")
hostile("formatting.html")(lambda _: "<p>" + "<b><i><a><u>" * 3_000 + "<p>words" * 3_000)
hostile("attributes.html")(
    lambda _: "<html><p " + " ".join(f"a{n}=1" for n in range(200_000)) + ">words</p>"
)
hostile("comment.html")(lambda trap: "<html><p>words<!--" + "-" * (trap.size(20, 5) * MB))
hostile("entities.html")(lambda _: "<html>" + "&#x10ffff;&#0;&notin;&lt" * 200_000)
hostile("lists.html")(lambda _: "<html><ul>" + "<li>word" * 300_000)
hostile("links.html")(
    lambda trap: (
        f"""<html><head><base href="{trap.url}"><link rel=stylesheet href="{trap.url}/a.css">
    <meta http-equiv=refresh content="0;url={trap.url}"><script src="{trap.url}/a.js"></script></head>
    <body><iframe src="{trap.file_url}"></iframe><object data="{trap.file_url}"></object>
    <img src="{trap.url}/a.png"><embed src="{trap.file_url}"><p>words</p>"""
    )
)
hostile("include.shtml")(lambda trap: f'<html><!--#include file="{trap.secret}" -->words</html>')
hostile("quoted.md")(lambda _: ">" * 50_000 + " words")
hostile("brackets.md")(lambda _: "[" * 50_000 + "words" + "](" * 50_000)
hostile("emphasis.md")(lambda _: "*a **b _c __d " * 20_000)
hostile("lists.md")(lambda _: "\n".join("  " * n + "- a" for n in range(1_000)))
hostile("ticks.md")(lambda _: "".join("`" * n + "a" for n in range(1, 1_500)))
hostile("tables.md")(lambda _: "|" * 20_000 + "\n" + "|-" * 20_000 + "|\n" + "|a" * 20_000)
hostile("front.md")(lambda _: "---\n" + "a: &a [*a]\n" * 20_000 + "---\nwords")
hostile("image.md")(lambda trap: f"![a]({trap.file_url}) <img src={trap.url}> words")

_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]><a>&a9;</a>"
)
same("laughs.xml", _LAUGHS)
same("laughs-utf-16.xml", _LAUGHS.replace("?>", ' encoding="UTF-16"?>').encode("utf-16"))
hostile("quadratic.xml")(
    lambda _: f'<!DOCTYPE a [<!ENTITY x "{"x" * 100_000}">]><a>{"&x;" * 20_000}</a>'
)
same("recursive.xml", '<!DOCTYPE a [<!ENTITY a "&b;"><!ENTITY b "&a;">]><a>&a;</a>')
hostile("xxe.xml")(
    lambda trap: f'<!DOCTYPE a [<!ENTITY x SYSTEM "{trap.file_url}">]><a>words &x;</a>'
)
hostile("xxe-http.xml")(
    lambda trap: f'<!DOCTYPE a [<!ENTITY x SYSTEM "{trap.url}/x">]><a>words &x;</a>'
)
hostile("xxe-parameter.xml")(
    lambda trap: f'<!DOCTYPE a [<!ENTITY % d SYSTEM "{trap.url}/d.dtd">%d;]><a>words</a>'
)
hostile("dtd.xml")(lambda trap: f'<!DOCTYPE a SYSTEM "{trap.url}/a.dtd"><a>words</a>')
hostile("xinclude.xml")(
    lambda trap: (
        '<a xmlns:x="http://www.w3.org/2001/XInclude">'
        f'<x:include parse="text" href="{trap.file_url}"/>words</a>'
    )
)
hostile("stylesheet.xml")(
    lambda trap: f'<?xml version="1.0"?><?xml-stylesheet href="{trap.url}/a.xsl"?><a>words</a>'
)
hostile("deep.xml")(lambda _: "<a>" * 100_000 + "words" + "</a>" * 100_000)
hostile("attributes.xml")(
    lambda _: "<a " + " ".join(f'a{n}="1"' for n in range(100_000)) + ">words</a>"
)
hostile("namespaces.xml")(
    lambda _: "".join(f'<n{n}:a xmlns:n{n}="urn:{n}">' for n in range(10_000)) + "words"
)
same("encoding.xml", '<?xml version="1.0" encoding="../../evil"?><a>words</a>')
same("utf-7.xml", '<?xml version="1.0" encoding="utf-7"?>+ADw-a+AD4-words+ADw-/a+AD4-')

# Formats whose programs include other files.
_INCLUDING = {
    "list.m3u": "#EXTM3U\n#EXTINF:1,words\n{secret}\n{file}\n{url}/a.ts\n",
    "list.m3u8": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{file}"\n#EXTINF:1,\n{file}\n',
    "list.pls": "[playlist]\nFile1={file}\nFile2={url}/a.mp3\nNumberOfEntries=2\n",
    "list.asx": '<asx version="3.0"><entry><ref href="{file}"/><ref href="{url}"/></entry></asx>',
    "list.xspf": '<playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>{file}'
    "</location></track></trackList></playlist>",
    "list.wpl": '<?wpl version="1.0"?><smil><body><seq><media src="{file}"/></seq></body></smil>',
    "list.ffconcat": "ffconcat version 1.0\nfile '{secret}'\nfile '{url}/a.mp4'\n",
    "concat.mp4": "ffconcat version 1.0\nfile '{secret}'\n",
    "playlist.avi": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nconcat:{url}|{file}\n",
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    "shortcut.url": "[InternetShortcut]\nURL={file}\nIconFile={url}/a.ico\n",
    "shortcut.desktop": "[Desktop Entry]\nType=Link\nURL={file}\nExec=sh -c 'cat {secret}'\n",
    "input.tex": "\\documentclass{{article}}\\begin{{document}}\\input{{{secret}}}"
    "\\immediate\\write18{{cat {secret}}}\\end{{document}}",
    "include.rst": ".. include:: {secret}\n\n.. raw:: html\n   :url: {url}\n\nwords\n",
    "manual.1": ".so {secret}\n.pso cat {secret}\n",
    "alias.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "b: [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" * 9999,
    "object.yaml": "!!python/object/apply:os.system ['cat {secret}']\n",
    "event.ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nATTACH:{file}\nRRULE:FREQ=SECONDLY\nEND:VEVENT\n",
    "card.vcf": "BEGIN:VCARD\nVERSION:3.0\nPHOTO;VALUE=URI:{file}\nFN:words\nEND:VCARD\n",
    "script.sh": "#!/bin/sh\ncat {secret}; curl {url}; rm -rf {folder}\n",
    "script.py": "import os; os.system('cat {secret}')\n",
    "subtitles.srt": "1\n99:99:99,999 --> 00:00:00,000\n<font face={file}>words\n",
}


def _pointing(text: str) -> Maker:
    return lambda trap: text.format(
        secret=trap.secret, file=trap.file_url, url=trap.url, folder=trap.folder
    )


for _name, _text in _INCLUDING.items():
    hostile(_name, __name__)(_pointing(_text))

hostile("objects.rtf")(
    lambda trap: (
        r"{\rtf1 words{\object\objemb\objupdate{\*\objclass Package}{\*\objdata "
        + "0105000002000000" * 9999
        + r"}}{\field{\*\fldinst INCLUDETEXT "
        + f'"{trap.secret}"'
        + r"}}{\field{\*\fldinst INCLUDEPICTURE "
        + f'"{trap.url}/a.png"'
        + r"}}}"
    )
)
hostile("deep.rtf")(lambda _: r"{\rtf1 " + "{" * 100_000 + "words" + "}" * 100_000)
same("bin.rtf", r"{\rtf1\bin999999999 words}")
same("bin-negative.rtf", r"{\rtf1\bin-5 words\u-999999?\u99999999999999?\uc99999 words}")
hostile("numbers.rtf")(lambda _: r"{\rtf1" + r"\b" + "9" * 1_000_000 + " words}")
hostile("fonts.rtf")(lambda _: r"{\rtf1{\fonttbl" + r"{\f1\fcharset204 a;}" * 50_000 + "}words}")
hostile("hex.rtf")(lambda _: r"{\rtf1 " + r"\'ff" * 300_000 + r"\'zz}")
same("surrogates.rtf", r"{\rtf1\u-10240?\u-10240? words}")
same("pickle.pkl", b"\x80\x04cposix\nsystem\n(S'true'\ntR.")
same("elf", b"\x7fELF\2\1\1" + b"\0" * 99)
same("program.pdf", b"MZ\x90\0" + bytes(range(256)) * 9)
same("database.sqlite", b"SQLite format 3\0" + b"\xff" * 999)
