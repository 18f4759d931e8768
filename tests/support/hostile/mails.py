"""E-mail: parts in parts, names that leave the folder, bodies that lie somewhere else."""

from __future__ import annotations

import base64

from tests.support.hostile.archives import bomb, nested, raw_zip, zipped
from tests.support.hostile.trap import Trap, hostile, same

_HEAD = "From: a@example.org\nTo: b@example.org\nSubject: words\nMIME-Version: 1.0\n"


def parts(*bodies: str, boundary: str = "b", kind: str = "mixed") -> str:
    """Headers of a multipart, and its body."""
    inside = "".join(f"--{boundary}\n{body}\n" for body in bodies)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{inside}--{boundary}--\n'


def attachment(name: str, data: bytes, mime: str = "application/octet-stream") -> str:
    packed = base64.encodebytes(data).decode()
    return (
        f'Content-Type: {mime}; name="{name}"\nContent-Transfer-Encoding: base64\n'
        f'Content-Disposition: attachment; filename="{name}"\n\n{packed}'
    )


@hostile("nested-parts.eml")
def _(_: Trap) -> str:
    body = "Content-Type: text/plain\n\nwords\n"
    for depth in range(500):
        body = parts(body, boundary=f"b{depth}")
    return _HEAD + body


@hostile("nested-messages.eml")
def _(_: Trap) -> str:
    return _HEAD + ("Content-Type: message/rfc822\n\n" + _HEAD) * 3_000 + "\nwords\n"


@hostile("itself.eml")
def _(_: Trap) -> str:
    """Every part says that its boundary is that of the whole."""
    return (
        _HEAD
        + 'Content-Type: multipart/mixed; boundary="b"\n\n'
        + ('--b\nContent-Type: multipart/mixed; boundary="b"\n\n' * 5_000)
    )


hostile("many-parts.eml")(lambda _: _HEAD + parts(*["\nwords"] * 30_000))
hostile("many-attachments.eml")(
    lambda _: _HEAD + parts(*(attachment(f"{n}.zip", zipped({"a.txt": "x"})) for n in range(600)))
)
hostile("headers.eml")(
    lambda _: _HEAD + "".join(f"X-{n}: {n}\n" for n in range(200_000)) + "\nwords"
)
hostile("long-header.eml")(lambda _: "Subject: " + "words " * 1_000_000 + "\n\nwords")
hostile("folded.eml")(lambda _: "Subject: a" + "\n words" * 300_000 + "\n\nwords")
hostile("addresses.eml")(lambda _: _HEAD + "Cc: " + "<((a)>@," * 100_000 + "\n\nwords")
hostile("comments.eml")(lambda _: "From: a@b" + "(" * 50_000 + "\n\nwords")
hostile("encoded-words.eml")(lambda _: "Subject: " + "=?utf-8?q?a?= " * 100_000 + "\n\nwords")
same(
    "odd-words.eml",
    "From: a@b.c\nSubject: =?zlib_codec?b?eJw=?= =?../../x?q?a?= =?utf-8?b?////?= =?utf-8?x?a?=\n\nwords",
)
for _charset in ("utf-7", "zlib_codec", "../../../etc/passwd", "rot13", "idna", "\xff"):
    same(
        f"charset-{_charset.strip('./').replace('/', '-') or 'odd'}.eml",
        f'{_HEAD}Content-Type: text/plain; charset="{_charset}"\n\n+AGE- words\n',
    )
hostile("external-body.eml")(
    lambda trap: (
        _HEAD
        + parts(
            f'Content-Type: message/external-body; access-type=local-file; name="{trap.secret}"\n\n',
            f'Content-Type: message/external-body; access-type=URL; URL="{trap.url}"\n\n',
            'Content-Type: message/partial; id="a"; number=1; total=999999999\n\nwords',
        )
    )
)
hostile("traversal.eml")(
    lambda trap: (
        _HEAD
        + parts(
            attachment(f"../../../..{trap.folder}/evil.txt", b"evil"),
            attachment(f"{trap.folder}/evil.txt", b"evil"),
            attachment("..\\..\\evil.txt", b"evil", "text/plain"),
            attachment("a\0b.txt", b"evil"),
            attachment("x" * 9999, b"evil"),
        )
    )
)
hostile("bombs.eml")(
    lambda _: (
        _HEAD
        + parts(
            attachment("a.zip", raw_zip([bomb("zeros.txt", 500)]), "application/zip"),
            attachment("b.zip", nested(6, 3, zipped({"a.txt": "words"})), "application/zip"),
            "Content-Type: text/plain\n\nwords",
        )
    )
)
hostile("html.eml")(
    lambda trap: (
        f'{_HEAD}Content-Type: text/html\n\n<img src="{trap.url}"><iframe src="{trap.file_url}">'
    )
)
same("base64.eml", f"{_HEAD}Content-Transfer-Encoding: base64\n\n" + "=" * 999_999)
same("quoted.eml", f"{_HEAD}Content-Transfer-Encoding: quoted-printable\n\n" + "=0=\n=ZZ" * 99_999)
same(
    "uuencoded.eml",
    f"{_HEAD}Content-Transfer-Encoding: uuencode\n\nbegin 777 ../../evil\n" + "M" * 9999,
)
same("unclosed.eml", _HEAD + 'Content-Type: multipart/mixed; boundary="' + "b" * 99_999)
same("no-boundary.eml", _HEAD + "Content-Type: multipart/mixed\n\nwords\n--\n")
same(
    "dates.eml", "From: a@b.c\nDate: Mon, 99 Foo 99999999999 99:99:99 +999999\nSubject: x\n\nwords"
)
hostile("many.mbox")(
    lambda _: "From a@b Thu Jan  1 00:00:00 1970\nFrom: a@b.c\n\nwords\n\n" * 60_000
)
