"""E-mail: headers as people read them, the text once, attachments with their own."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from plugins.documents import mail
from tests.plugins.documents.samples import archive, pdf


def message(text: str = "Dear Bob,\n\nthe whales sing.") -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "Отчёт о китах"
    made["From"] = "Анна <ann@example.org>"
    made["To"] = "Bob <bob@example.org>"
    made["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    made.set_content(text)
    return made


def read(path: Path, content: bytes) -> dict[str, Any]:
    path.write_bytes(content)
    return mail.extract(str(path), {})


def test_headers_and_text(tmp_path: Path) -> None:
    found = read(tmp_path / "a.eml", message().as_bytes())
    (section,) = found["sections"]
    assert section["heading"] == "Отчёт о китах"
    assert section["text"].startswith(
        "Subject: Отчёт о китах\nFrom: Анна <ann@example.org>\nTo: Bob <bob@example.org>\nDate: "
    )
    assert section["text"].endswith("Dear Bob,\n\nthe whales sing.")
    assert found["metadata"]["title"] == "Отчёт о китах"
    assert found["metadata"]["created"] == "2026-03-02T10:00:00+01:00"


def test_the_page_is_read_where_the_plain_text_says_less(tmp_path: Path) -> None:
    made = message("Open this in a browser.")
    made.add_alternative(f"<p>{'The whales sing. ' * 10}</p>", subtype="html")
    text = read(tmp_path / "a.eml", made.as_bytes())["sections"][0]["text"]
    assert "The whales sing." in text
    assert "<p>" not in text


def test_the_same_text_is_told_once(tmp_path: Path) -> None:
    made = message("The whales sing.")
    made.add_alternative("<p>The <b>whales</b> sing.</p>", subtype="html")
    text = read(tmp_path / "a.eml", made.as_bytes())["sections"][0]["text"]
    assert text.count("whales") == 1


def test_a_forwarded_message_that_is_encoded_as_a_whole(tmp_path: Path) -> None:
    inner = base64.encodebytes(message("The whales sing elsewhere.").as_bytes()).decode()
    outer = (
        "Subject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
        "--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        f"{inner}\n--x--\n"
    )
    text = read(tmp_path / "a.eml", outer.encode())["sections"][0]["text"]
    assert "The whales sing elsewhere." in text
    assert "Отчёт о китах" in text


def test_attachments_are_read_wherever_they_lie(tmp_path: Path) -> None:
    made = message()
    report = pdf(tmp_path / "r.pdf", [["Cover"], ["Krill on page two"]]).read_bytes()
    packed = archive(tmp_path / "p.zip", {"in/deep.txt": "a letter", "r.pdf": report}).read_bytes()
    made.add_attachment(report, "application", "pdf", filename="отчёт.pdf")
    made.add_attachment(packed, "application", "zip", filename="p.zip")
    made.add_attachment(message("Forwarded words"))
    found = read(tmp_path / "a.eml", made.as_bytes())
    told = {
        (one["locator"].get("member"), one["locator"].get("page")): one["text"]
        for one in found["sections"]
    }
    assert told["отчёт.pdf", 2] == "Krill on page two"
    assert told["p.zip/in/deep.txt", None] == "a letter"
    assert told["p.zip/r.pdf", 2] == "Krill on page two"
    assert "Forwarded words" in told[None, None]
    assert found["metadata"]["attachments"] == 2


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"=?koi8-r?B?8NLJ18XU?=", "Привет"),
        (b"=?utf-8?Q?caf=C3=A9?= =?utf-8?Q?_noir?=", "café noir"),
        ("Привет".encode("cp1251"), "Привет"),
        ("Привет".encode(), "Привет"),
        (b"=?no-such-set?Q?plain?=", "plain"),
        (b"folded\r\n subject", "folded subject"),
    ],
)
def test_subjects_in_any_encoding(tmp_path: Path, header: bytes, subject: str) -> None:
    raw = b"From: a@example.org\r\nSubject: " + header + b"\r\n\r\nbody"
    assert read(tmp_path / "a.eml", raw)["metadata"]["title"] == subject


def test_a_mailbox(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    one = message("First body\n\n>From here on").as_bytes()
    path.write_bytes(
        b"From ann@x Mon\n" + one + b"\n\nFrom bob@x Tue\n" + message("Two").as_bytes()
    )
    found = mail.mailbox(str(path), {})
    assert found["metadata"]["messages"] == 2
    assert [one["locator"]["message"] for one in found["sections"]] == [1, 2]
    assert found["sections"][0]["text"].endswith("From here on")


def test_a_saved_page(tmp_path: Path) -> None:
    raw = (
        b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n"
        b"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"<p>The wh=\nales sing</p>\n--b--\n"
    )
    assert read(tmp_path / "a.mht", raw)["sections"][0]["text"] == "The whales sing"
