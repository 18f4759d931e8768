from pathlib import Path

import pytest
from plugram_birthdays.vcard import read

from plugram import SandboxRefused

CARDS = """BEGIN:VCARD
VERSION:3.0
FN:Ann Smith
N:Smith;Ann;;;
item1.TEL;TYPE=CELL:+34 600 000 001
ADR;TYPE=HOME:;;Calle Mayor 1;Madrid;;28013;Spain
NOTE:Likes tea\\, and
  long walks\\nand cats
PHOTO;ENCODING=b;TYPE=PNG:iVBORw0KGgo=
BDAY;VALUE=date:1990-03-14
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9F=D0=B5=D1=82=D1=80=D0=BE=D0=B2;=
=D0=98=D0=B2=D0=B0=D0=BD
BDAY:--0401
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:No Birthday
BDAY:unknown
END:VCARD
"""


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "cards.vcf"
    path.write_bytes(text.encode(encoding))
    return str(path)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_cards_become_sections_and_birthdays(tmp_path: Path, newline: str) -> None:
    found = read(written(tmp_path, CARDS.replace("\n", newline)), {})
    assert found["metadata"]["birthdays"].splitlines() == [
        "1990-03-14 Ann Smith",
        "--0401 Иван Петров",
    ]
    first, second, third = found["sections"]
    assert first["heading"] == "Ann Smith"
    assert first["locator"] == {"contact": 1}
    assert first["text"].split("\n") == [
        "Ann Smith",
        "+34 600 000 001",
        "Calle Mayor 1, Madrid, 28013, Spain",
        "Likes tea, and long walks",
        "and cats",
        "1990-03-14",
    ]
    assert second["text"].startswith("Иван Петров\n")
    assert third["heading"] == "No Birthday"


def test_old_encodings_are_read(tmp_path: Path) -> None:
    card = "BEGIN:VCARD\nFN:José Núñez\nBDAY:19800101\nEND:VCARD\n"
    found = read(written(tmp_path, card, "latin-1"), {})
    assert found["metadata"]["birthdays"] == "19800101 José Núñez"


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VCARD\nFN:Cut off"])
def test_a_file_without_a_card_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SandboxRefused) as refused:
        read(written(tmp_path, text), {})
    assert refused.value.reason == "corrupt"
